"""takSuite: the exports for TAK's own layers, and the defaults of other keys that they need."""

import json
from typing import Any

import pytest

from tak_base.config_values import by_key
from tak_base.outputs import STACK_OUTPUTS, SUITE_EXPORTS
from tak_base.settings import SUITE_REPOSITORIES, SUITE_TAG_PREFIXES
from tak_base.tak_suite import exports_template
from tak_tools.program import Recording
from tests.options import SUITE, Evaluate
from tests.unit.test_settings import parse, problems_of

MAX_TEMPLATE_BYTES = 51_200  # CloudFormation's quota

REPLACING_INPUTS = {"onFailure", "timeoutInMinutes", "disableRollback"}

PREFIXES = [f"artifacts/{prefix}" for prefix in SUITE_TAG_PREFIXES]


@pytest.fixture(scope="module", params=["prod", "dev-test"])
def suite(request: pytest.FixtureRequest, evaluate: Evaluate) -> Recording:
    return evaluate(request.param, **SUITE)


# The exports


def test_each_export_has_the_literal_value_of_its_stack_output(suite: Recording) -> None:
    template = json.loads(suite.named("tak-suite-exports").inputs["templateBody"])

    assert template["Outputs"] == {
        f"{key}Output": {
            "Value": suite.outputs[output][entry] if entry else suite.outputs[output],
            "Export": {"Name": f"TAK-Prod-BaseInfra-{key}"},
        }
        for key, (output, entry) in SUITE_EXPORTS.items()
    }
    assert template["Resources"] == {"Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}


def test_exports_are_values_of_the_published_outputs() -> None:
    assert {output for output, _ in SUITE_EXPORTS.values()} <= STACK_OUTPUTS.keys()
    assert {entry for _, entry in SUITE_EXPORTS.values()} == {"", *SUITE_REPOSITORIES}


def test_the_template_stays_below_the_quota_with_the_longest_values() -> None:
    # No ARN has more characters.
    template = exports_template("TAK-ABCDEFGHIJKLMNO-BaseInfra", dict.fromkeys(SUITE_EXPORTS, "x" * 2048))

    assert len(json.dumps(template)) < MAX_TEMPLATE_BYTES


def test_the_stack_is_the_last_thing_made_and_the_first_deleted(suite: Recording) -> None:
    by_urn = {item.urn: item for item in suite.registrations}
    stack = suite.named("tak-suite-exports")
    waited_for, to_see = set[str](), {stack.urn}
    while to_see:
        item = by_urn[to_see.pop()]
        children = {other.urn for other in suite.registrations if other.parent == item.urn}
        new = (item.dependencies | (children if item.is_component else set())) - waited_for
        waited_for |= new
        to_see |= new

    assert {item.urn for item in suite.resources} - waited_for == {stack.urn}


def test_no_change_of_an_input_but_the_name_replaces_the_stack(suite: Recording) -> None:
    stack = suite.named("tak-suite-exports")

    assert not REPLACING_INPUTS & stack.inputs.keys()
    assert stack.inputs["name"] == "TAK-Prod-BaseInfra"


@pytest.mark.parametrize("protect", [True, False])
def test_the_stack_is_protected_with_the_data(evaluate: Evaluate, protect: bool) -> None:
    assert evaluate("prod", **SUITE, protectData=protect).named("tak-suite-exports").protect is protect


def test_without_the_key_there_is_no_stack(prod: Recording) -> None:
    assert prod.of_type("aws:cloudformation/stack:Stack") == []


# The names that the layers have as literals


def test_the_cluster_and_what_has_its_name_are_named_after_the_suite() -> None:
    settings = parse(SUITE)

    assert settings.cluster_name == "TAK-Prod-BaseInfra"
    assert settings.insights_log_group_name == "/aws/ecs/containerinsights/TAK-Prod-BaseInfra/performance"
    assert settings.insights_log_group_name in settings.log_group_patterns


def test_the_key_lets_fargate_use_it_for_the_cluster_of_the_suite(suite: Recording) -> None:
    policy = suite.named("tak-key").inputs["policy"]

    assert '"kms:EncryptionContext:aws:ecs:clusterName": ["TAK-Prod-BaseInfra"]' in policy


# Defaults


@pytest.mark.parametrize("environment", ["prod", "dev-test"])
def test_the_suite_has_what_it_needs_in_either_environment(environment: str) -> None:
    settings = parse({"environment": environment, **SUITE})
    artifacts, etl_tasks = settings.compute.image_repositories[1:]

    assert (artifacts.name, etl_tasks.name) == SUITE_REPOSITORIES
    assert artifacts.tag_prefixes == SUITE_TAG_PREFIXES
    assert artifacts.retention_count == settings.compute.image_retention_count
    assert (etl_tasks.tag_prefixes, etl_tasks.retention_count) == ((), None)
    assert artifacts.lambda_pull
    assert etl_tasks.lambda_pull
    assert settings.storage.app_images_bucket
    assert settings.storage.load_balancer_log_bucket
    assert settings.network.private_subnet_prefix == 24
    assert settings.compute.ecs_exec == "default"
    assert settings.dns.certificate_domain_names == (
        "tak.example.org",
        "*.tak.example.org",
        "*.map.tak.example.org",
    )
    assert "s3" in settings.endpoints.vpc_endpoints


@pytest.mark.parametrize(
    "override",
    [
        {"repositories": ["artifacts", "etltasks", "more"]},
        {"imageTagPrefixes": [*PREFIXES, "tak-"]},
        {"imageTagPrefixes": [*PREFIXES, "etltasks/weather-"], "keepAllImages": []},
        {"keepAllImages": ["etltasks", "images"]},
        {"ecsExec": "audited"},
        {"privateSubnetPrefix": 26},
        {"vpcEndpoints": []},
        {"certificateNames": ["*.map", "*.video"]},
    ],
)
def test_a_default_of_the_suite_can_be_overridden(override: dict[str, Any]) -> None:
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in override.items()}

    assert by_key(parse(SUITE | override)) == by_key(parse(SUITE)) | values


def test_only_the_suite_changes_defaults() -> None:
    with_zone = parse({"hostedZoneName": "tak.example.org"})

    assert with_zone.cluster_name == "tak-base-prod"
    assert with_zone.compute.repositories == ()
    assert with_zone.dns.certificate_domain_names == ("tak.example.org", "*.tak.example.org")


# What an override takes away


@pytest.mark.parametrize("name", ["P", "Prod", "dev-2", "A23456789012345"])
def test_the_name_of_an_environment(name: str) -> None:
    assert parse(SUITE | {"takSuite": name}).suite_stack_name == f"TAK-{name}-BaseInfra"


@pytest.mark.parametrize("name", ["", "1st", "-a", "a-", "A234567890123456", "a_b", 1])
def test_another_name_is_one_line(name: Any) -> None:
    (line,) = problems_of(SUITE | {"takSuite": name})

    assert line.startswith("tak-base:takSuite: found ")


def test_the_suite_needs_a_hosted_zone() -> None:
    assert problems_of({"takSuite": "Prod"}) == (
        "tak-base:hostedZoneName: missing, expected the name of a public Route 53 hosted zone, in lower-case letters"
        " and of 64 characters or less, such as tak.example.org, as tak-base:takSuite is Prod (docs/tak-suite.md)",
    )


@pytest.mark.parametrize(
    ("override", "start"),
    [
        ({"repositories": ["artifacts"]}, 'repositories: found ["artifacts"], expected artifacts, etltasks among them'),
        ({"lambdaRepositories": []}, "lambdaRepositories: found [], expected artifacts, etltasks among them"),
        ({"certificateNames": []}, "certificateNames: found [], expected *.map among them"),
        ({"appImagesBucket": False}, "appImagesBucket: found false, expected true"),
        ({"loadBalancerLogBucket": False}, "loadBalancerLogBucket: found false, expected true"),
        ({"imageTagPrefixes": []}, "imageTagPrefixes: found [], expected a prefix in artifacts for each component"),
        ({"imageTagPrefixes": ["artifacts/utils-"]}, 'imageTagPrefixes: found ["artifacts/utils-"], expected a prefix'),
        ({"keepAllImages": []}, "keepAllImages: found [], expected etltasks among them"),
    ],
)
def test_what_an_override_takes_away_is_one_line(override: dict[str, Any], start: str) -> None:
    (line,) = problems_of(SUITE | override)

    assert line.startswith(f"tak-base:{start}")
    assert line.endswith(", as tak-base:takSuite is Prod (docs/tak-suite.md)")


# The keys for others


def test_each_name_that_is_no_wildcard_of_another_has_a_validation_record(evaluate: Evaluate) -> None:
    names = ["*.map", "map", "video"]
    recording = evaluate("prod", hostedZoneName="tak.example.org", certificateNames=names)
    certificate = recording.named("tak-certificate").inputs
    records = [item.name.removeprefix("tak-certificate-validation-record") for item in recording.of_type("Record")]

    assert certificate["domainName"] == "tak.example.org"
    assert certificate["subjectAlternativeNames"] == [f"{name}.tak.example.org" for name in ("*", *names)]
    assert sorted(records) == ["", "-map", "-video"]
    (fqdns,) = [item.inputs["validationRecordFqdns"] for item in recording.of_type("CertificateValidation")]
    assert len(fqdns) == len(records)


@pytest.mark.parametrize("name", ["", "*", "MAP", "map.", "*.*.map", "a*.map", "map_1", "x" * 64])
def test_another_certificate_name_is_one_line(name: str) -> None:
    (line,) = problems_of({"hostedZoneName": "tak.example.org", "certificateNames": [name]})

    assert line.startswith("tak-base:certificateNames: found ")


def test_certificate_names_without_a_zone_are_one_line() -> None:
    assert problems_of({"certificateNames": ["*.map"]}) == (
        'tak-base:certificateNames: found ["*.map"], expected no value, as tak-base:hostedZoneName is not set',
    )


def test_a_repository_that_keeps_all_images_expires_untagged_ones_only(evaluate: Evaluate) -> None:
    recording = evaluate("prod", repositories=["etl"], keepAllImages=["etl"])
    rules = json.loads(recording.named("tak-images-etl-lifecycle").inputs["policy"])["rules"]

    assert [rule["selection"]["tagStatus"] for rule in rules] == ["untagged"]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (
            {"keepAllImages": ["etl"]},
            'keepAllImages: found "etl", expected a repository of tak-base:repositories, which is []',
        ),
        (
            {"keepAllImages": ["images"], "imageTagPrefixes": ["tak-"]},
            'keepAllImages: found "images", expected a repository without tak-base:imageTagPrefixes,'
            ' which has ["tak-"]',
        ),
    ],
)
def test_images_that_cannot_all_be_kept_are_one_line(values: dict[str, Any], line: str) -> None:
    assert problems_of(values) == (f"tak-base:{line}",)


def test_without_the_audit_ecs_exec_has_neither_key_nor_log_group(evaluate: Evaluate, prod: Recording) -> None:
    recording = evaluate("prod", ecsExec="default")
    configuration = recording.named("tak-cluster").inputs["configuration"]

    assert configuration["executeCommandConfiguration"] == {"logging": "DEFAULT"}
    assert configuration["managedStorageConfiguration"]
    names = {item.name for item in prod.registrations} - {item.name for item in recording.registrations}
    assert names == {"tak-exec-log-group"}
