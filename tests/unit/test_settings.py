import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tak_base import settings as settings_module
from tak_base.config_values import ConfigError, apply_defaults, by_key, integer, key, rows_of, settings_from, text
from tak_base.settings import (
    CONFIG_KEYS,
    LOG_RETENTION_DAYS,
    MAX_NAME_PREFIX,
    ImageRepository,
    Settings,
    load_settings,
    name_problems,
    parse_settings,
)
from tak_tools.stack_file import Project
from tests.options import Evaluate

REQUIRED: Mapping[str, Any] = {"environment": "prod", "majorId": 1, "minorId": 1}
OPTIONAL_KEYS = tuple(key for key in CONFIG_KEYS if key not in REQUIRED)

PROD = parse_settings(REQUIRED, stack="prod")
DEV_TEST = parse_settings({**REQUIRED, "environment": "dev-test"}, stack="prod")
PROD_ENDPOINTS = PROD.endpoints.vpc_endpoints


def parse(values: Mapping[str, Any], stack: str = "prod", region: str | None = "ap-southeast-2") -> Settings:
    """The settings of the required keys with `values` over them."""
    return parse_settings({**REQUIRED, **values}, stack=stack, region=region)


def problems_of(values: Mapping[str, Any], stack: str = "prod", region: str = "ap-southeast-2") -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse(values, stack, region)
    return caught.value.problems


# Profiles and overrides


@pytest.mark.parametrize("environment", ["prod", "dev-test"])
@pytest.mark.parametrize("key", OPTIONAL_KEYS)
def test_a_default_is_what_its_key_reads(key: str, environment: str) -> None:
    row = CONFIG_KEYS[key]
    default = row.default_in(environment.replace("-", "_"))

    assert by_key(parse({"environment": environment}))[key] == default
    # None is the setting where nothing is said.
    if default is not None:
        assert row.reader(default) == default


def test_the_environment_decides_nothing_but_defaults() -> None:
    prod, dev_test = by_key(PROD), by_key(DEV_TEST)
    optional = {key: value for key, value in prod.items() if key in OPTIONAL_KEYS and value is not None}

    assert by_key(parse({"environment": "dev-test", **optional})) == prod | {"environment": "dev-test"}
    assert {key for key in prod if prod[key] != dev_test[key]} == {
        "environment",
        *(key for key, row in CONFIG_KEYS.items() if row.columns.get("prod") != row.columns.get("dev_test")),
    }


@pytest.mark.parametrize("environment", ["prod", "dev-test"])
def test_data_is_protected_and_traffic_recorded_by_default_in_prod_only(environment: str) -> None:
    settings = parse({"environment": environment})
    is_prod = environment == "prod"

    assert settings.protect_data is is_prod
    assert (settings.network.flow_logs != "none") is is_prod
    assert (settings.compute.container_insights != "disabled") is is_prod
    assert (settings.compute.image_tag_mutability == "IMMUTABLE") is is_prod
    assert settings.network.nat_gateways == (2 if is_prod else 1)


def test_a_default_may_depend_on_more_than_the_environment() -> None:
    @dataclasses.dataclass(frozen=True)
    class Example:
        size: int = key(integer(range(10)), "A size.", default=1, prod=2, suite=3)

    for columns, expected in (((), 1), (("dev_test",), 1), (("prod",), 2), (("suite", "prod"), 3)):
        settings: dict[str, Any] = {}
        apply_defaults(rows_of(Example), settings, *columns)
        assert settings_from(Example, settings) == Example(expected)


@pytest.mark.parametrize("key", CONFIG_KEYS)
def test_a_reader_reads_its_own_values(key: str) -> None:
    """The example of a text or a list among them."""
    reader = CONFIG_KEYS[key].reader

    assert [reader(value) for value in reader.values] == list(reader.values) != []


@pytest.mark.parametrize("key", CONFIG_KEYS)
def test_every_key_is_documented_in_sentences(key: str) -> None:
    assert re.fullmatch(r"\S.*\.", CONFIG_KEYS[key].doc)


@pytest.mark.parametrize(
    ("key", "value", "setting"),
    [
        ("majorId", 255, 255),
        ("minorId", 0, 0),
        ("natGateways", 1, 1),
        ("nat64", True, True),
        ("endpointPolicies", "none", "none"),
        ("endpointPolicies", "account", "account"),
        ("endpointIpAddressType", "ipv4", "ipv4"),
        ("endpointIpAddressType", "dualstack", "dualstack"),
        ("vpcEndpoints", ["s3", "kms"], ("s3", "kms")),
        ("vpcEndpoints", [], ()),
        ("availabilityZones", ["ap-southeast-2b", "ap-southeast-2a"], ("ap-southeast-2b", "ap-southeast-2a")),
        ("availabilityZones", [], ()),
        ("privateSubnetPrefix", 24, 24),
        ("flowLogs", "all", "all"),
        ("flowLogs", "none", "none"),
        ("logRetentionDays", 3653, 3653),
        ("containerInsights", "enhanced", "enhanced"),
        ("containerInsights", "disabled", "disabled"),
        ("defaultCapacityProvider", "FARGATE_SPOT", "FARGATE_SPOT"),
        ("imageRetentionCount", 1000, 1000),
        ("imageTagPrefixes", ["tak-server-", "cloudtak-"], ("tak-server-", "cloudtak-")),
        ("imageTagMutability", "MUTABLE", "MUTABLE"),
        ("protectData", False, False),
        ("kmsDeletionWindowDays", 7, 7),
        ("permissionsBoundary", "bootstrap/boundary", "bootstrap/boundary"),
        ("repositories", ["artifacts", "etl-tasks"], ("artifacts", "etl-tasks")),
        ("lambdaRepositories", [], ()),
        ("appImagesBucket", True, True),
        ("loadBalancerLogBucket", True, True),
        ("hostedZoneName", "tak.example.org", "tak.example.org"),
    ],
)
def test_a_key_of_the_stack_file_overrides_its_default_and_nothing_else(key: str, value: Any, setting: Any) -> None:
    assert by_key(parse({key: value})) == by_key(PROD) | {key: setting}


@pytest.mark.parametrize("placeholder", [None, "profile"])
@pytest.mark.parametrize("key", OPTIONAL_KEYS)
def test_a_key_without_a_value_or_with_the_word_profile_takes_the_value_of_the_profile(
    key: str, placeholder: str | None
) -> None:
    assert parse({key: placeholder}) == PROD


@pytest.mark.parametrize(
    ("environment", "listed", "expected"),
    [
        ("prod", ["profile"], PROD_ENDPOINTS),
        ("prod", ["profile", "athena"], (*PROD_ENDPOINTS, "athena")),
        ("prod", ["athena", "profile"], (*PROD_ENDPOINTS, "athena")),
        ("prod", ["profile", "kms"], PROD_ENDPOINTS),
        ("dev-test", ["profile"], ()),
        ("dev-test", ["profile", "s3"], ("s3",)),
    ],
)
def test_profile_among_the_vpc_endpoints_stands_for_the_endpoints_of_the_profile(
    environment: str, listed: list[str], expected: tuple[str, ...]
) -> None:
    assert parse({"environment": environment, "vpcEndpoints": listed}).endpoints.vpc_endpoints == expected


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("majorId", range(256)),
        ("minorId", range(16)),
        ("natGateways", (0, 1, 2)),
        ("privateSubnetPrefix", (24, 25, 26)),
        ("logRetentionDays", LOG_RETENTION_DAYS),
        ("kmsDeletionWindowDays", range(7, 31)),
    ],
)
def test_numbers_are_accepted_exactly_where_aws_or_the_address_plan_accept_them(key: str, values: Any) -> None:
    accepted = []
    for number in range(-1, 4000):
        try:
            parse({key: number})
        except ConfigError:
            continue
        accepted.append(number)

    assert accepted == list(values)


def test_log_retention_is_one_of_the_values_that_cloudwatch_accepts() -> None:
    # Copied from the API reference of PutRetentionPolicy.
    assert (
        *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
    ) == LOG_RETENTION_DAYS


@pytest.mark.parametrize(
    ("region", "zones"),
    [
        ("us-east-1", ("us-east-1a", "us-east-1f")),
        ("us-gov-west-1", ("us-gov-west-1a", "us-gov-west-1b")),
        (None, ("eu-west-1a", "eu-west-1b")),
    ],
)
def test_zones_of_the_region_of_the_stack_are_accepted(region: str | None, zones: tuple[str, str]) -> None:
    assert parse({"availabilityZones": list(zones)}, region=region).network.availability_zones == zones


# Names


def test_every_name_that_aws_shares_in_an_account_begins_with_project_and_stack() -> None:
    settings = parse_settings(REQUIRED, project="tak-base", stack="blue")

    assert settings.name == "tak-base-blue"
    assert settings.key_alias == "alias/tak-base-blue"
    assert settings.cluster_name == "tak-base-blue"
    assert settings.flow_log_group_name == "/tak-base-blue/flow-log"
    assert settings.exec_log_group_name == "/tak-base-blue/ecs-exec"
    assert settings.insights_log_group_name == "/aws/ecs/containerinsights/tak-base-blue/performance"
    assert settings.log_group_patterns == (
        "/tak-base-blue/*",
        "/aws/ecs/containerinsights/tak-base-blue/performance",
    )


def test_the_addresses_are_those_of_the_ids_and_the_private_prefix() -> None:
    plan = parse({"majorId": 7, "minorId": 3, "privateSubnetPrefix": 25}).network.addresses

    assert str(plan.vpc) == "10.7.48.0/20"
    assert [str(subnet.ipv4) for subnet in plan.subnets] == [
        *("10.7.48.0/24", "10.7.49.0/24", "10.7.52.0/25", "10.7.53.0/25"),
    ]


# Mistakes

ZONES_EXPECTED = "expected [] or 2 zone names of the stack's region, such as [ap-southeast-2a, ap-southeast-2b]"
RETENTION_EXPECTED = f"expected {', '.join(str(days) for days in LOG_RETENTION_DAYS[:-1])} or 3653"
ENDPOINTS_EXPECTED = "expected a list of AWS service names, such as [s3, ecr.api]"
REPOSITORIES_EXPECTED = "expected a list of names of image repositories, such as [artifacts, etl-tasks]"
ZONE_EXPECTED = (
    "expected the name of a public Route 53 hosted zone, in lower-case letters and of 64 characters or less, such as"
    " tak.example.org"
)
PREFIXES_EXPECTED = "expected a list of image tag prefixes, such as [tak-server-, cloudtak-]"


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        # No such choice
        ("environment", "production", 'found "production", expected prod or dev-test'),
        ("environment", "Prod", 'found "Prod", expected prod or dev-test'),
        ("flowLogs", "accept", 'found "accept", expected none, reject or all'),
        ("containerInsights", "on", 'found "on", expected disabled, enabled or enhanced'),
        ("defaultCapacityProvider", "EC2", 'found "EC2", expected FARGATE or FARGATE_SPOT'),
        ("imageTagMutability", "mutable", 'found "mutable", expected IMMUTABLE or MUTABLE'),
        (
            "permissionsBoundary",
            "arn:aws:iam::aws:policy/Boundary",
            'found "arn:aws:iam::aws:policy/Boundary", expected the name of an IAM policy of the account with its path,'
            " such as bootstrap/boundary",
        ),
        ("endpointPolicies", "open", 'found "open", expected none, account or organization'),
        ("endpointIpAddressType", "ipv6", 'found "ipv6", expected ipv4 or dualstack'),
        ("organizationId", "r-a1b2", 'found "r-a1b2", expected the ID of an AWS organization, such as o-a1b2c3d4e5'),
        ("organizationId", 1, 'found "1", expected the ID of an AWS organization, such as o-a1b2c3d4e5'),
        # Out of range
        ("majorId", 256, "found 256, expected an integer 0-255"),
        ("minorId", 16, "found 16, expected an integer 0-15"),
        ("natGateways", 3, "found 3, expected 0, 1 or 2"),
        ("privateSubnetPrefix", 27, "found 27, expected an integer 24-26"),
        ("logRetentionDays", 31, f"found 31, {RETENTION_EXPECTED}"),
        ("imageRetentionCount", 0, "found 0, expected an integer 1-1000"),
        ("imageRetentionCount", 1001, "found 1001, expected an integer 1-1000"),
        ("kmsDeletionWindowDays", 6, "found 6, expected an integer 7-30"),
        # Wrong type
        ("environment", ["prod"], 'found ["prod"], expected prod or dev-test'),
        ("natGateways", True, "found true, expected 0, 1 or 2"),
        ("minorId", False, "found false, expected an integer 0-15"),
        ("minorId", 1.0, "found 1.0, expected an integer 0-15"),
        ("kmsDeletionWindowDays", {"days": 7}, 'found {"days": 7}, expected an integer 7-30'),
        ("nat64", "yes", 'found "yes", expected true or false'),
        ("protectData", 1, "found 1, expected true or false"),
        ("vpcEndpoints", "s3", f'found "s3", {ENDPOINTS_EXPECTED}'),
        ("vpcEndpoints", {"s3": True}, f'found {{"s3": true}}, {ENDPOINTS_EXPECTED}'),
        ("vpcEndpoints", ["s3", 1], f'found ["s3", 1], {ENDPOINTS_EXPECTED}'),
        ("imageTagPrefixes", "tak-", f'found "tak-", {PREFIXES_EXPECTED}'),
        ("availabilityZones", "ap-southeast-2a", f'found "ap-southeast-2a", {ZONES_EXPECTED}'),
        # Zones
        ("availabilityZones", ["ap-southeast-2a"], f'found ["ap-southeast-2a"], {ZONES_EXPECTED}'),
        (
            "availabilityZones",
            ["ap-southeast-2a", "ap-southeast-2b", "ap-southeast-2c"],
            f'found ["ap-southeast-2a", "ap-southeast-2b", "ap-southeast-2c"], {ZONES_EXPECTED}',
        ),
        (
            "availabilityZones",
            ["ap-southeast-2a", "ap-southeast-2a"],
            'found ["ap-southeast-2a", "ap-southeast-2a"], expected every name once, ap-southeast-2a'
            " occurs more than once",
        ),
        (
            "availabilityZones",
            ["ap-southeast-2a", "us-east-1b"],
            'found ["ap-southeast-2a", "us-east-1b"], expected zones of aws:region, which is ap-southeast-2',
        ),
        (
            "availabilityZones",
            ["ap-southeast-2a", "ap-southeast-2-akl-1a"],
            f'found ["ap-southeast-2a", "ap-southeast-2-akl-1a"], {ZONES_EXPECTED}',
        ),
        (
            "availabilityZones",
            ["ap-southeast-2", "ap-southeast-2b"],
            f'found ["ap-southeast-2", "ap-southeast-2b"], {ZONES_EXPECTED}',
        ),
        # Endpoints
        (
            "vpcEndpoints",
            ["s3", "secretmanager"],
            'found ["s3", "secretmanager"], expected AWS service names: \'secretmanager\' is not one, did you mean'
            " secretsmanager? (the names are in tak_base/endpoint_services.py)",
        ),
        (
            "vpcEndpoints",
            ["KMS"],
            "found [\"KMS\"], expected AWS service names: 'KMS' is not one, did you mean kms?"
            " (the names are in tak_base/endpoint_services.py)",
        ),
        (
            "vpcEndpoints",
            ["!!!"],
            "found [\"!!!\"], expected AWS service names: '!!!' is not one"
            " (the names are in tak_base/endpoint_services.py)",
        ),
        ("vpcEndpoints", ["s3", "kms", "s3"], 'found ["s3", "kms", "s3"], expected every name once, s3 occurs'
            ' more than once'),
        # Image tag prefixes
        (
            "imageTagPrefixes",
            ["tak-", "tak server"],
            'found ["tak-", "tak server"], expected image tag prefixes of letters, digits, _ . and -: \'tak server\' is'
            " not one",
        ),
        (
            "imageTagPrefixes",
            [""],
            "found [\"\"], expected image tag prefixes of letters, digits, _ . and -: '' is not one",
        ),
        (
            "imageTagPrefixes",
            ["-tak"],
            "found [\"-tak\"], expected image tag prefixes of letters, digits, _ . and -: '-tak' is not one",
        ),
        ("imageTagPrefixes", ["tak-", "tak-"], 'found ["tak-", "tak-"], expected every name once, tak- occurs'
            ' more than once'),
        # Optional parts
        ("repositories", "artifacts", f'found "artifacts", {REPOSITORIES_EXPECTED}'),
        ("repositories", ["Artifacts"], "found [\"Artifacts\"], expected names of lower-case letters and digits, joined"
            " by single - . or _: 'Artifacts' is not one"),
        ("repositories", ["a" * 191], f'found ["{"a" * 191}"], expected names of lower-case letters and digits, joined'
            f" by single - . or _: '{'a' * 191}' is not one"),
        ("repositories", ["images"], 'found ["images"], expected further repositories: every stack has images'),
        ("lambdaRepositories", ["etl-tasks"], 'found "etl-tasks", expected a repository of tak-base:repositories,'
            " which is []"),
        ("imageTagPrefixes", ["etl-tasks/weather-"], 'found "etl-tasks", expected a repository of'
            " tak-base:repositories, which is []"),
        ("appImagesBucket", "yes", 'found "yes", expected true or false'),
        ("loadBalancerLogBucket", 1, "found 1, expected true or false"),
        ("hostedZoneName", "example", f'found "example", {ZONE_EXPECTED}'),
        ("hostedZoneName", "Example.org", f'found "Example.org", {ZONE_EXPECTED}'),
        ("hostedZoneName", "*.example.org", f'found "*.example.org", {ZONE_EXPECTED}'),
        ("hostedZoneName", "example.org.", f'found "example.org.", {ZONE_EXPECTED}'),
        ("hostedZoneName", f"{'a' * 61}.org", f'found "{"a" * 61}.org", {ZONE_EXPECTED}'),
        ("hostedZoneName", ["example.org"], f'found ["example.org"], {ZONE_EXPECTED}'),
        # Keys
        ("natGateway", 2, "unknown key, did you mean natGateways?"),
        ("vpcendpoints", [], "unknown key, did you mean vpcEndpoints?"),
        ("zzz", 1, "unknown key"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_its_key_its_value_and_what_is_expected(key: str, value: Any, problem: str) -> None:
    assert problems_of({key: value}) == (f"tak-base:{key}: {problem}",)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("environment", "expected prod or dev-test"),
        ("majorId", "expected an integer 0-255"),
        ("minorId", "expected an integer 0-15"),
    ],
)
@pytest.mark.parametrize("absent", [None, "profile"])
def test_a_required_key_cannot_be_left_out_or_left_to_the_profile(key: str, expected: str, absent: str | None) -> None:
    assert problems_of({key: absent}) == (f"tak-base:{key}: missing, {expected}",)


@pytest.mark.parametrize("stack", ["blue.green", "org/prod", "prod ", "", "Prod", "my_stack", "-prod", "a--b"])
def test_a_stack_name_that_aws_refuses_in_names_is_refused(stack: str) -> None:
    assert problems_of({}, stack) == (
        f"stack name: found {stack!r}, expected lower-case letters and digits, joined by single -: names in AWS begin"
        " with it",
    )


@pytest.mark.parametrize(("project", "found"), [("Tak", "joined by single -"), ("sg-tak", "no sg- at the start")])
def test_a_project_name_that_aws_refuses_in_names_is_refused(project: str, found: str) -> None:
    (problem,) = name_problems(project, "prod")

    assert problem.startswith(f"project name: found {project!r}, expected ")
    assert found in problem


def test_project_and_stack_leave_room_for_the_rest_of_a_name() -> None:
    longest = "s" * (MAX_NAME_PREFIX - len("tak-base-"))

    assert parse({}, longest).name == f"tak-base-{longest}"
    assert problems_of({}, f"{longest}s") == (
        f"stack name: found '{longest}s', expected at most 38 characters for tak-base-{longest}s, with which names in"
        " AWS begin",
    )


def test_an_ecr_lifecycle_policy_holds_49_tag_prefixes_and_no_more() -> None:
    prefixes = [f"part-{number}-" for number in range(50)]

    assert len(parse({"imageTagPrefixes": prefixes[:49]}).compute.image_tag_prefixes) == 49
    (problem,) = problems_of({"imageTagPrefixes": prefixes})
    assert problem.startswith('tak-base:imageTagPrefixes: found ["part-0-", ')
    assert problem.endswith("expected at most 49 for a repository: an ECR lifecycle policy holds 50 rules")


def test_each_repository_has_49_tag_prefixes_of_its_own() -> None:
    prefixes = [f"{start}part-{number}-" for start in ("", "artifacts/") for number in range(49)]
    repositories = parse({"imageTagPrefixes": prefixes, "repositories": ["artifacts"]}).compute.image_repositories

    assert [(item.name, len(item.tag_prefixes)) for item in repositories] == [("images", 49), ("artifacts", 49)]
    (problem,) = problems_of({"imageTagPrefixes": [*prefixes, "artifacts/49-"], "repositories": ["artifacts"]})
    assert problem.endswith("expected at most 49 for a repository: an ECR lifecycle policy holds 50 rules")


def test_the_image_repositories_have_their_prefixes_and_their_readers() -> None:
    values = {"repositories": ["artifacts", "etl-tasks"], "lambdaRepositories": ["etl-tasks"]}
    prefixes = ["tak-server-", "etl-tasks/weather-", "cloudtak-", "etl-tasks/ais-"]

    assert parse({**values, "imageTagPrefixes": prefixes}).compute.image_repositories == (
        ImageRepository("images", ("tak-server-", "cloudtak-"), 20, lambda_pull=False),
        ImageRepository("artifacts", (), 20, lambda_pull=False),
        ImageRepository("etl-tasks", ("weather-", "ais-"), 20, lambda_pull=True),
    )


@pytest.mark.parametrize(("prefix", "usable"), [(26, 59), (25, 123), (24, 251)])
def test_more_interface_endpoints_than_addresses_in_a_private_subnet_are_refused(
    monkeypatch: pytest.MonkeyPatch, prefix: int, usable: int
) -> None:
    services = [f"service-{number}" for number in range(usable + 1)]
    monkeypatch.setattr(settings_module, "ENDPOINT_SERVICES", frozenset({"s3", "dynamodb", *services}))

    # Gateway endpoints take no address.
    assert parse({"privateSubnetPrefix": prefix, "vpcEndpoints": ["s3", "dynamodb", *services[:usable]]})
    assert problems_of({"privateSubnetPrefix": prefix, "vpcEndpoints": ["s3", "dynamodb", *services]}) == (
        f"tak-base:vpcEndpoints: found {usable + 1} interface endpoints, expected at most {usable}: each takes an"
        f" address of every private subnet, a /{prefix}",
    )


def test_endpoint_policies_for_an_organization_have_its_id() -> None:
    settings = parse({"endpointPolicies": "organization", "organizationId": "o-a1b2c3d4e5"})

    assert (settings.endpoints.endpoint_policies, settings.endpoints.organization_id) == (
        "organization",
        "o-a1b2c3d4e5",
    )


@pytest.mark.parametrize("absent", [None, "profile"])
def test_endpoint_policies_for_an_organization_without_its_id_are_refused(absent: str | None) -> None:
    assert problems_of({"endpointPolicies": "organization", "organizationId": absent}) == (
        "tak-base:organizationId: missing, expected the ID of an AWS organization, such as o-a1b2c3d4e5, as"
        " tak-base:endpointPolicies is organization",
    )


@pytest.mark.parametrize("region", ["cn-north-1", "eusc-de-east-1", "us-iso-east-1", "us-isob-east-1"])
def test_a_region_of_a_partition_with_other_names_is_refused(region: str) -> None:
    assert problems_of({}, region=region) == (
        f"aws:region: found {region}, expected a region of the partition aws or aws-us-gov",
    )


@pytest.mark.parametrize(("policies", "shown"), [(None, "account"), ("none", "none"), ("account", "account")])
def test_an_organization_without_a_use_is_refused(policies: str | None, shown: str) -> None:
    assert problems_of({"endpointPolicies": policies, "organizationId": "o-a1b2c3d4e5"}) == (
        'tak-base:organizationId: found "o-a1b2c3d4e5", expected no value, as tak-base:endpointPolicies is ' + shown,
    )


def test_a_bad_id_of_the_organization_is_one_mistake() -> None:
    assert problems_of({"endpointPolicies": "organization", "organizationId": "o-1"}) == (
        'tak-base:organizationId: found "o-1", expected the ID of an AWS organization, such as o-a1b2c3d4e5',
    )


def test_all_mistakes_of_a_stack_file_are_reported_together() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_settings(
            {
                "enviroment": "prod",
                "majorId": "one",
                "natGateways": 3,
                "availabilityZones": ["us-east-1a", "us-east-1b"],
                "protectData": "yes",
            },
            stack="my.stack",
            region="ap-southeast-2",
        )

    assert caught.value.problems == (
        "tak-base:enviroment: unknown key, did you mean environment?",
        "tak-base:environment: missing, expected prod or dev-test",
        'tak-base:protectData: found "yes", expected true or false',
        'tak-base:majorId: found "one", expected an integer 0-255',
        "tak-base:minorId: missing, expected an integer 0-15",
        "tak-base:natGateways: found 3, expected 0, 1 or 2",
        "stack name: found 'my.stack', expected lower-case letters and digits, joined by single -: names in AWS"
        " begin with it",
        'tak-base:availabilityZones: found ["us-east-1a", "us-east-1b"], expected zones of aws:region, which is'
        " ap-southeast-2",
    )
    assert str(caught.value) == "\n".join(caught.value.problems)


@pytest.mark.parametrize("key", ["two\nlines", "carriage\rreturn", "line\u2028separator"])
def test_a_line_break_in_a_key_or_a_name_does_not_break_the_line(key: str) -> None:
    for problem in (*problems_of({key: 1}), *problems_of({"vpcEndpoints": [key, key]})):
        assert len(problem.splitlines()) == 1


plausible_values = st.sampled_from(
    ["prod", "dev-test", "profile", "none", "all", "enabled", "FARGATE", "MUTABLE", 0, 1, 2, 7, 24, 26, 30, 365, True]
)
plausible_names = st.sampled_from(["s3", "kms", "profile", "ap-southeast-2a", "ap-southeast-2b", "us-east-1a", "tak-"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | plausible_values,
    lambda values: st.lists(values | plausible_names, max_size=4) | st.dictionaries(st.text(), values, max_size=4),
    max_leaves=6,
)
stack_configs = st.builds(
    lambda required, others: required | others,
    st.just({}) | st.just(dict(REQUIRED)),
    st.dictionaries(st.sampled_from(list(CONFIG_KEYS)) | st.text(), json_values, max_size=6),
)


@given(values=stack_configs, stack=st.just("prod") | st.text(), region=st.none() | st.just("ap-southeast-2"))
def test_any_config_gives_settings_or_problems_of_one_line_each(
    values: dict[str, Any], stack: str, region: str | None
) -> None:
    try:
        settings = parse_settings(values, stack=stack, region=region)
    except ConfigError as error:
        problems = error.problems
    else:
        assert len(settings.network.addresses.subnets) == 4
        return
    assert problems
    assert all(len(problem.splitlines()) == 1 for problem in problems)


# The edge to the Pulumi engine


@pytest.mark.parametrize(
    ("key", "text", "setting"),
    [
        ("majorId", "7", 7),
        ("protectData", "true", True),
        ("protectData", "false", False),
        ("vpcEndpoints", '["s3", "kms"]', ("s3", "kms")),
        ("vpcEndpoints", "[]", ()),
        ("natGateways", "1", 1),
        ("flowLogs", "all", "all"),
        # A name that looks like a number is a name.
        ("permissionsBoundary", "7", "7"),
    ],
)
def test_the_text_that_the_engine_makes_of_a_value_is_read_as_the_value(key: str, text: str, setting: Any) -> None:
    assert by_key(parse({key: text})) == by_key(PROD) | {key: setting}


@pytest.mark.parametrize(
    ("key", "text", "found"),
    [
        ("majorId", "-1", "-1"),
        ("majorId", "true", "true"),
        ("majorId", "1.5", '"1.5"'),
        ("majorId", "null", '"null"'),
        ("majorId", '"1"', '"\\"1\\""'),
        ("protectData", "yes", '"yes"'),
        ("protectData", "1", "1"),
        ("vpcEndpoints", "[s3", '"[s3"'),
        ("flowLogs", "1", '"1"'),
    ],
)
def test_text_that_stands_for_no_good_value_is_refused_as_it_was_found(key: str, text: str, found: str) -> None:
    (problem,) = problems_of({key: text})

    assert problem.startswith(f"tak-base:{key}: found {found}, expected ")


@given(values=stack_configs)
def test_a_stack_file_and_the_strings_of_the_engine_have_the_same_settings(values: dict[str, Any]) -> None:
    # The engine has no null, and passes every other value as JSON, except strings.
    values = {key: value for key, value in values.items() if value is not None}
    as_text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    outcomes: list[Settings | list[str]] = []
    for config in (values, as_text):
        try:
            outcomes.append(parse_settings(config, stack="prod"))
        except ConfigError as error:
            outcomes.append([problem.split(": ")[0] for problem in error.problems])

    assert outcomes[0] == outcomes[1]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], None]:
    """Hands config to a program as `pulumi up` does: as text, in the environment."""

    def hand_over(config: dict[str, str]) -> None:
        monkeypatch.setenv("PULUMI_CONFIG", json.dumps(config))
        monkeypatch.setattr(pulumi, "get_project", lambda: "tak-base")
        monkeypatch.setattr(pulumi, "get_stack", lambda: "prod")

    return hand_over


def test_settings_are_loaded_from_what_the_engine_hands_over(engine: Callable[[dict[str, str]], None]) -> None:
    engine(
        {
            "aws:region": "us-east-1",
            "other-project:natGateways": "9",
            "tak-base:environment": "prod",
            "tak-base:majorId": "1",
            "tak-base:minorId": "1",
            "tak-base:protectData": "false",
            "tak-base:availabilityZones": '["us-east-1a", "us-east-1c"]',
        }
    )

    assert by_key(load_settings()) == by_key(PROD) | {
        "protectData": False,
        "availabilityZones": ("us-east-1a", "us-east-1c"),
    }


def test_a_mistake_stops_the_deployment_with_the_problems_and_no_stack_trace(
    engine: Callable[[dict[str, str]], None],
) -> None:
    engine(
        {
            "aws:region": "us-east-1",
            "tak-base:environment": "prod",
            "tak-base:availabilityZones": '["eu-west-1a", "eu-west-1b"]',
        }
    )

    # RunError is the one exception that Pulumi prints without a stack trace.
    with pytest.raises(pulumi.RunError) as caught:
        load_settings()

    assert str(caught.value).splitlines() == [
        "tak-base:majorId: missing, expected an integer 0-255",
        "tak-base:minorId: missing, expected an integer 0-15",
        'tak-base:availabilityZones: found ["eu-west-1a", "eu-west-1b"], expected zones of aws:region, which is'
        " us-east-1",
    ]
    assert caught.value.__suppress_context__


def test_the_program_stops_at_a_mistake_of_the_stack_file(evaluate: Evaluate) -> None:
    with pytest.raises(pulumi.RunError, match=r"^tak-base:natGateways: found 3, expected 0, 1 or 2$"):
        evaluate("prod", natGateways=3)


# Pulumi.yaml


def test_pulumi_yaml_declares_exactly_what_a_stack_file_has_to_have(project: Project) -> None:
    # The Pulumi CLI refuses a stack that lacks a declared key without a default, and accepts any other key.
    declared = yaml.safe_load((project.folder / "Pulumi.yaml").read_text(encoding="utf-8"))["config"]

    own = {key: entry for key, entry in declared.items() if ":" not in key}
    assert list(own) == [key for key, row in CONFIG_KEYS.items() if row.required]
    assert [entry["type"] for entry in own.values()] == ["string", "integer", "integer"]
    assert set(project.defaults) == {"pulumi:autonaming"}


def test_nat64_needs_a_nat_gateway() -> None:
    assert problems_of({"nat64": True, "natGateways": 0}) == (
        "tak-base:nat64: found true, expected false, as tak-base:natGateways is 0: a NAT gateway translates the"
        " addresses",
    )
    assert parse({"natGateways": 0}).network.nat_gateways == 0


def test_a_text_that_its_check_refuses_is_a_mistake() -> None:
    def check(value: str) -> None:
        if value == "taken":
            raise ValueError("expected another name")

    reader = text(r"[a-z]+", "a name", example="free", check=check)

    assert reader("free") == "free"
    with pytest.raises(ValueError, match=r"^expected another name$"):
        reader("taken")
