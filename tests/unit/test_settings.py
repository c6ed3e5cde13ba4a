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
from tak_base.settings import (
    CONFIG_KEYS,
    LOG_RETENTION_DAYS,
    ConfigError,
    ImageRepository,
    Settings,
    from_engine,
    load_settings,
    parse_settings,
)
from tak_tools.program import Recording
from tak_tools.stack_file import Project

REQUIRED: Mapping[str, Any] = {"environment": "prod", "majorId": 1, "minorId": 1}
OPTIONAL_KEYS = tuple(key for key in CONFIG_KEYS if key not in REQUIRED)
PROD_ENDPOINTS = ("s3", "ecr.dkr", "ecr.api", "kms", "secretsmanager", "logs")

PROD = Settings(
    name="tak-base-prod",
    environment="prod",
    major_id=1,
    minor_id=1,
    nat_gateways=2,
    nat64=False,
    vpc_endpoints=PROD_ENDPOINTS,
    endpoint_policies=None,
    organization_id=None,
    endpoint_ip_address_type=None,
    availability_zones=None,
    private_subnet_prefix=26,
    flow_logs="reject",
    log_retention_days=365,
    container_insights="enabled",
    default_capacity_provider="FARGATE",
    image_retention_count=20,
    image_tag_prefixes=(),
    image_tag_mutability="IMMUTABLE",
    protect_data=True,
    kms_deletion_window_days=30,
    permissions_boundary=None,
    repositories=(),
    lambda_repositories=(),
    app_images_bucket=False,
    load_balancer_log_bucket=False,
    hosted_zone_name=None,
)
DEV_TEST = Settings(
    name="tak-base-dev-test",
    environment="dev-test",
    major_id=1,
    minor_id=2,
    nat_gateways=1,
    nat64=False,
    vpc_endpoints=(),
    endpoint_policies=None,
    organization_id=None,
    endpoint_ip_address_type=None,
    availability_zones=None,
    private_subnet_prefix=26,
    flow_logs="none",
    log_retention_days=30,
    container_insights="disabled",
    default_capacity_provider="FARGATE_SPOT",
    image_retention_count=5,
    image_tag_prefixes=(),
    image_tag_mutability="MUTABLE",
    protect_data=False,
    kms_deletion_window_days=7,
    permissions_boundary=None,
    repositories=(),
    lambda_repositories=(),
    app_images_bucket=False,
    load_balancer_log_bucket=False,
    hosted_zone_name=None,
)


def parse(values: Mapping[str, Any], stack: str = "prod", region: str | None = "ap-southeast-2") -> Settings:
    """The settings of the required keys with `values` over them."""
    return parse_settings({**REQUIRED, **values}, stack=stack, region=region)


def problems_of(values: Mapping[str, Any], stack: str = "prod") -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse(values, stack)
    return caught.value.problems


# Profiles and overrides


@pytest.mark.parametrize("expected", [PROD, DEV_TEST], ids=["prod", "dev-test"])
def test_a_profile_is_its_column_of_the_config_table(expected: Settings) -> None:
    values = {"environment": expected.environment, "majorId": expected.major_id, "minorId": expected.minor_id}

    assert parse_settings(values, stack=expected.environment) == expected


@pytest.mark.parametrize(
    ("key", "value", "changed"),
    [
        ("environment", "dev-test", dataclasses.asdict(DEV_TEST) | {"name": "tak-base-prod", "minor_id": 1}),
        ("majorId", 255, {"major_id": 255}),
        ("minorId", 0, {"minor_id": 0}),
        ("natGateways", 1, {"nat_gateways": 1}),
        ("nat64", True, {"nat64": True}),
        ("endpointPolicies", "none", {"endpoint_policies": "none"}),
        ("endpointPolicies", "account", {"endpoint_policies": "account"}),
        ("endpointIpAddressType", "ipv4", {"endpoint_ip_address_type": "ipv4"}),
        ("endpointIpAddressType", "dualstack", {"endpoint_ip_address_type": "dualstack"}),
        ("vpcEndpoints", ["s3", "kms"], {"vpc_endpoints": ("s3", "kms")}),
        ("vpcEndpoints", [], {"vpc_endpoints": ()}),
        (
            "availabilityZones",
            ["ap-southeast-2b", "ap-southeast-2a"],
            {"availability_zones": ("ap-southeast-2b", "ap-southeast-2a")},
        ),
        ("availabilityZones", [], {}),
        ("privateSubnetPrefix", 24, {"private_subnet_prefix": 24}),
        ("flowLogs", "all", {"flow_logs": "all"}),
        ("flowLogs", "none", {"flow_logs": "none"}),
        ("logRetentionDays", 3653, {"log_retention_days": 3653}),
        ("containerInsights", "enhanced", {"container_insights": "enhanced"}),
        ("containerInsights", "disabled", {"container_insights": "disabled"}),
        ("defaultCapacityProvider", "FARGATE_SPOT", {"default_capacity_provider": "FARGATE_SPOT"}),
        ("imageRetentionCount", 1000, {"image_retention_count": 1000}),
        ("imageTagPrefixes", ["tak-server-", "cloudtak-"], {"image_tag_prefixes": ("tak-server-", "cloudtak-")}),
        ("imageTagMutability", "MUTABLE", {"image_tag_mutability": "MUTABLE"}),
        ("protectData", False, {"protect_data": False}),
        ("kmsDeletionWindowDays", 7, {"kms_deletion_window_days": 7}),
        ("permissionsBoundary", "bootstrap/boundary", {"permissions_boundary": "bootstrap/boundary"}),
        ("repositories", ["artifacts", "etl-tasks"], {"repositories": ("artifacts", "etl-tasks")}),
        ("lambdaRepositories", [], {}),
        ("appImagesBucket", True, {"app_images_bucket": True}),
        ("loadBalancerLogBucket", True, {"load_balancer_log_bucket": True}),
        ("hostedZoneName", "tak.example.org", {"hosted_zone_name": "tak.example.org"}),
    ],
)
def test_a_key_of_the_stack_file_overrides_the_profile_and_nothing_else(
    key: str, value: Any, changed: dict[str, Any]
) -> None:
    assert parse({key: value}) == dataclasses.replace(PROD, **changed)


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
        ("prod", ["profile", "sts"], (*PROD_ENDPOINTS, "sts")),
        ("prod", ["sts", "profile"], (*PROD_ENDPOINTS, "sts")),
        ("prod", ["profile", "kms"], PROD_ENDPOINTS),
        ("dev-test", ["profile"], ()),
        ("dev-test", ["profile", "s3"], ("s3",)),
    ],
)
def test_profile_among_the_vpc_endpoints_stands_for_the_endpoints_of_the_profile(
    environment: str, listed: list[str], expected: tuple[str, ...]
) -> None:
    assert parse({"environment": environment, "vpcEndpoints": listed}).vpc_endpoints == expected


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("majorId", range(256)),
        ("minorId", range(16)),
        ("natGateways", (1, 2)),
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
        ("cn-northwest-1", ("cn-northwest-1a", "cn-northwest-1b")),
        (None, ("eu-west-1a", "eu-west-1b")),
    ],
)
def test_zones_of_the_stack_s_region_are_accepted(region: str | None, zones: tuple[str, str]) -> None:
    assert parse({"availabilityZones": list(zones)}, region=region).availability_zones == zones


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
    plan = parse({"majorId": 7, "minorId": 3, "privateSubnetPrefix": 25}).addresses

    assert str(plan.vpc) == "10.7.48.0/20"
    assert [str(subnet.ipv4) for subnet in plan.subnets] == [
        *("10.7.48.0/24", "10.7.49.0/24", "10.7.52.0/25", "10.7.53.0/25"),
    ]


# Mistakes

ZONES_EXPECTED = (
    "expected 2 zone names of the stack's region, such as [ap-southeast-2a, ap-southeast-2b], or [] to choose"
)
RETENTION_EXPECTED = f"expected one of {', '.join(str(days) for days in LOG_RETENTION_DAYS)}"
ENDPOINTS_EXPECTED = "expected a list of AWS service names, such as [s3, ecr.api]"
REPOSITORIES_EXPECTED = "expected a list of names of image repositories, such as [artifacts, etl-tasks]"
ZONE_EXPECTED = "expected a domain name in small letters, of 64 characters or less, such as tak.example.org"
PREFIXES_EXPECTED = "expected a list of image tag prefixes, such as [tak-server-, cloudtak-]"


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        # No such choice
        ("environment", "production", 'found "production", expected prod or dev-test'),
        ("environment", "Prod", 'found "Prod", expected prod or dev-test'),
        ("flowLogs", "accept", 'found "accept", expected none or reject or all'),
        ("containerInsights", "on", 'found "on", expected disabled or enabled or enhanced'),
        ("defaultCapacityProvider", "EC2", 'found "EC2", expected FARGATE or FARGATE_SPOT'),
        ("imageTagMutability", "mutable", 'found "mutable", expected IMMUTABLE or MUTABLE'),
        (
            "permissionsBoundary",
            "arn:aws:iam::aws:policy/Boundary",
            'found "arn:aws:iam::aws:policy/Boundary", expected the name of an IAM policy of the account with its path,'
            " such as bootstrap/boundary",
        ),
        ("endpointPolicies", "open", 'found "open", expected none or account or organization'),
        ("endpointIpAddressType", "ipv6", 'found "ipv6", expected ipv4 or dualstack'),
        ("organizationId", "r-a1b2", 'found "r-a1b2", expected the ID of an AWS organization, such as o-a1b2c3d4e5'),
        ("organizationId", 1, "found 1, expected the ID of an AWS organization, such as o-a1b2c3d4e5"),
        # Out of range
        ("majorId", 256, "found 256, expected an integer 0-255"),
        ("minorId", 16, "found 16, expected an integer 0-15"),
        ("natGateways", 0, "found 0, expected 1 or 2"),
        ("privateSubnetPrefix", 27, "found 27, expected an integer 24-26"),
        ("logRetentionDays", 31, f"found 31, {RETENTION_EXPECTED}"),
        ("imageRetentionCount", 0, "found 0, expected an integer 1-1000"),
        ("imageRetentionCount", 1001, "found 1001, expected an integer 1-1000"),
        ("kmsDeletionWindowDays", 6, "found 6, expected an integer 7-30"),
        # Wrong type
        ("environment", ["prod"], 'found ["prod"], expected prod or dev-test'),
        ("majorId", "1", 'found "1", expected an integer 0-255'),
        ("natGateways", "2", 'found "2", expected 1 or 2'),
        ("natGateways", True, "found true, expected 1 or 2"),
        ("minorId", False, "found false, expected an integer 0-15"),
        ("minorId", 1.0, "found 1.0, expected an integer 0-15"),
        ("kmsDeletionWindowDays", {"days": 7}, 'found {"days": 7}, expected an integer 7-30'),
        ("protectData", "true", 'found "true", expected true or false'),
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
            'found ["ap-southeast-2a", "ap-southeast-2a"], expected every name once, ap-southeast-2a is there twice'
            " or more",
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
            'found ["s3", "secretmanager"], expected AWS service names, \'secretmanager\' is none, did you mean'
            " secretsmanager? (the names are in tak_base/endpoint_services.py)",
        ),
        (
            "vpcEndpoints",
            ["KMS"],
            "found [\"KMS\"], expected AWS service names, 'KMS' is none, did you mean kms?"
            " (the names are in tak_base/endpoint_services.py)",
        ),
        (
            "vpcEndpoints",
            ["!!!"],
            "found [\"!!!\"], expected AWS service names, '!!!' is none"
            " (the names are in tak_base/endpoint_services.py)",
        ),
        ("vpcEndpoints", ["s3", "kms", "s3"], 'found ["s3", "kms", "s3"], expected every name once, s3 is there twice'
            " or more"),
        # Image tag prefixes
        (
            "imageTagPrefixes",
            ["tak-", "tak server"],
            'found ["tak-", "tak server"], expected starts of image tags (letters, digits, _ . -), \'tak server\' is'
            " none",
        ),
        (
            "imageTagPrefixes",
            [""],
            "found [\"\"], expected starts of image tags (letters, digits, _ . -), '' is none",
        ),
        (
            "imageTagPrefixes",
            ["-tak"],
            "found [\"-tak\"], expected starts of image tags (letters, digits, _ . -), '-tak' is none",
        ),
        ("imageTagPrefixes", ["tak-", "tak-"], 'found ["tak-", "tak-"], expected every name once, tak- is there twice'
            " or more"),
        # Optional parts
        ("repositories", "artifacts", f'found "artifacts", {REPOSITORIES_EXPECTED}'),
        ("repositories", ["Artifacts"], "found [\"Artifacts\"], expected names of small letters and digits, joined by"
            " single - . or _, 'Artifacts' is none"),
        ("repositories", ["a" * 201], f'found ["{"a" * 201}"], expected names of small letters and digits, joined by'
            f" single - . or _, '{'a' * 201}' is none"),
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


@pytest.mark.parametrize("stack", ["blue.green", "org/prod", "prod ", ""])
def test_a_stack_name_that_aws_refuses_in_names_is_refused(stack: str) -> None:
    assert problems_of({}, stack) == (f"stack name: found {stack!r}, expected letters, digits, - and _ only",)


def test_an_ecr_lifecycle_policy_holds_49_tag_prefixes_and_no_more() -> None:
    prefixes = [f"part-{number}-" for number in range(50)]

    assert len(parse({"imageTagPrefixes": prefixes[:49]}).image_tag_prefixes) == 49
    (problem,) = problems_of({"imageTagPrefixes": prefixes})
    assert problem.startswith('tak-base:imageTagPrefixes: found ["part-0-", ')
    assert problem.endswith("expected at most 49: ECR refuses a lifecycle policy of over 50 rules")


def test_each_repository_has_49_tag_prefixes_of_its_own() -> None:
    prefixes = [f"{start}part-{number}-" for start in ("", "artifacts/") for number in range(49)]
    repositories = parse({"imageTagPrefixes": prefixes, "repositories": ["artifacts"]}).image_repositories

    assert [(item.name, len(item.tag_prefixes)) for item in repositories] == [("images", 49), ("artifacts", 49)]
    (problem,) = problems_of({"imageTagPrefixes": [*prefixes, "artifacts/49-"], "repositories": ["artifacts"]})
    assert problem.endswith("expected at most 49: ECR refuses a lifecycle policy of over 50 rules")


def test_the_image_repositories_have_their_prefixes_and_their_readers() -> None:
    values = {"repositories": ["artifacts", "etl-tasks"], "lambdaRepositories": ["etl-tasks"]}
    prefixes = ["tak-server-", "etl-tasks/weather-", "cloudtak-", "etl-tasks/ais-"]

    assert parse({**values, "imageTagPrefixes": prefixes}).image_repositories == (
        ImageRepository("images", ("tak-server-", "cloudtak-"), lambda_pull=False),
        ImageRepository("artifacts", (), lambda_pull=False),
        ImageRepository("etl-tasks", ("weather-", "ais-"), lambda_pull=True),
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

    assert (settings.endpoint_policies, settings.organization_id) == ("organization", "o-a1b2c3d4e5")


@pytest.mark.parametrize("absent", [None, "profile"])
def test_endpoint_policies_for_an_organization_without_its_id_are_refused(absent: str | None) -> None:
    assert problems_of({"endpointPolicies": "organization", "organizationId": absent}) == (
        "tak-base:organizationId: missing, expected the ID of an AWS organization, such as o-a1b2c3d4e5, as"
        " tak-base:endpointPolicies is organization",
    )


@pytest.mark.parametrize(("policies", "shown"), [(None, "not set"), ("none", "none"), ("account", "account")])
def test_an_organization_without_a_use_is_refused(policies: str | None, shown: str) -> None:
    assert problems_of({"endpointPolicies": policies, "organizationId": "o-a1b2c3d4e5"}) == (
        'tak-base:organizationId: found "o-a1b2c3d4e5", expected none, as tak-base:endpointPolicies is ' + shown,
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
                "majorId": "1",
                "natGateways": 3,
                "availabilityZones": ["us-east-1a", "us-east-1b"],
                "protectData": "yes",
            },
            stack="my.stack",
            region="ap-southeast-2",
        )

    assert caught.value.problems == (
        "tak-base:enviroment: unknown key, did you mean environment?",
        "stack name: found 'my.stack', expected letters, digits, - and _ only",
        "tak-base:environment: missing, expected prod or dev-test",
        'tak-base:majorId: found "1", expected an integer 0-255',
        "tak-base:minorId: missing, expected an integer 0-15",
        "tak-base:natGateways: found 3, expected 1 or 2",
        'tak-base:protectData: found "yes", expected true or false',
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
    st.dictionaries(st.sampled_from(CONFIG_KEYS) | st.text(), json_values, max_size=6),
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
        assert len(settings.addresses.subnets) == 4
        return
    assert problems
    assert all(len(problem.splitlines()) == 1 for problem in problems)


# The edge to the Pulumi engine


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("majorId", "1", 1),
        ("majorId", "-1", -1),
        ("protectData", "true", True),
        ("protectData", "false", False),
        ("vpcEndpoints", '["s3", "kms"]', ["s3", "kms"]),
        ("vpcEndpoints", "[]", []),
        # Text that is no integer, boolean or list is left to parse_settings.
        ("environment", "prod", "prod"),
        ("natGateways", "profile", "profile"),
        ("majorId", "1.5", "1.5"),
        ("majorId", "null", "null"),
        ("majorId", '{"a": 1}', '{"a": 1}'),
        ("majorId", '"1"', '"1"'),
        ("vpcEndpoints", "[s3", "[s3"),
        ("unknown", "1", "1"),
        ("majorId", 1, 1),
    ],
)
def test_engine_text_is_read_back_as_the_value_it_stands_for(key: str, text: Any, value: Any) -> None:
    found = from_engine(key, text)

    assert found == value
    assert type(found) is type(value)


@given(
    key=st.sampled_from(CONFIG_KEYS),
    value=st.booleans() | st.integers() | st.lists(st.text() | st.integers(), max_size=4),
)
def test_what_the_engine_turns_into_text_comes_back_unchanged(key: str, value: Any) -> None:
    assert from_engine(key, json.dumps(value)) == value


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

    assert load_settings() == dataclasses.replace(
        PROD, protect_data=False, availability_zones=("us-east-1a", "us-east-1c")
    )


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


def test_the_program_stops_at_a_mistake_of_the_stack_file(evaluate: Callable[..., Recording]) -> None:
    with pytest.raises(pulumi.RunError, match=r"^tak-base:natGateways: found 3, expected 1 or 2$"):
        evaluate("prod", natGateways=3)


# Pulumi.yaml


@pytest.fixture(scope="module")
def schema(project: Project) -> dict[str, dict[str, Any]]:
    return yaml.safe_load((project.folder / "Pulumi.yaml").read_text(encoding="utf-8"))["config"]


def test_pulumi_yaml_declares_exactly_the_config_keys(schema: dict[str, dict[str, Any]]) -> None:
    assert list(schema) == list(CONFIG_KEYS)


@pytest.mark.parametrize("key", CONFIG_KEYS)
def test_pulumi_yaml_describes_every_key(schema: dict[str, dict[str, Any]], key: str) -> None:
    assert schema[key]["description"]
    assert set(schema[key]) <= {"type", "items", "default", "description"}


@pytest.mark.parametrize(("key", "type_"), [("environment", "string"), ("majorId", "integer"), ("minorId", "integer")])
def test_a_required_key_has_its_type_and_no_default(schema: dict[str, dict[str, Any]], key: str, type_: str) -> None:
    assert schema[key]["type"] == type_
    assert "default" not in schema[key]


@pytest.mark.parametrize("key", OPTIONAL_KEYS)
def test_an_optional_key_has_a_default_of_its_declared_type(schema: dict[str, dict[str, Any]], key: str) -> None:
    # The Pulumi CLI refuses a stack that lacks a declared key without a default, and a default of another type.
    entry = schema[key]
    if entry["type"] == "array":
        assert entry["items"] == {"type": "string"}
        assert isinstance(entry["default"], list)
        assert all(isinstance(item, str) for item in entry["default"])
    else:
        assert entry["type"] == "string"
        assert isinstance(entry["default"], str)


@pytest.mark.parametrize("expected", [PROD, DEV_TEST], ids=["prod", "dev-test"])
def test_the_defaults_of_pulumi_yaml_lead_to_the_profile(schema: dict[str, dict[str, Any]], expected: Settings) -> None:
    required = {"environment": expected.environment, "majorId": expected.major_id, "minorId": expected.minor_id}
    defaults = {key: entry["default"] for key, entry in schema.items() if "default" in entry}

    assert parse_settings(defaults | required, stack=expected.environment) == expected


@pytest.mark.parametrize("key", OPTIONAL_KEYS)
def test_pulumi_yaml_tells_the_values_of_both_profiles(schema: dict[str, dict[str, Any]], key: str) -> None:
    field = re.sub("([A-Z])", r"_\1", key).lower()
    prod, dev_test = (_in_words(getattr(profile, field)) for profile in (PROD, DEV_TEST))
    if prod != dev_test:
        assert schema[key]["description"].endswith(f"prod {prod}{';' if ',' in prod else ','} dev-test {dev_test}")


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) or "none" if isinstance(value, tuple) else str(value)
