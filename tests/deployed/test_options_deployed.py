"""The optional parts in a simulated AWS: what is there, and that verify finds what is wrong with it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tak_base.outputs import STACK_OUTPUTS
from tak_tools import simulate
from tak_tools.aws import iam_action
from tak_tools.errors import InputError
from tak_tools.stack_file import Project
from tak_tools.verify import CHECKS, command
from tests.deployed.breaks import images
from tests.deployed.case import Case, found_by
from tests.deployed.layer import Layer
from tests.deployed.resources import push, run_service
from tests.deployed.test_deployment import endpoints, nat_gateways, next_hop, subnets
from tests.deployed.test_tak_suite_deployed import OF_THE_SUITE
from tests.deployed.test_verify import calls_of
from tests.options import EVERY_OPTION, with_options

pytestmark = pytest.mark.slow

PRIVATE = ("private-a", "private-b")
DUAL_STACK = {"s3", "ecr.api", "ecr.dkr", "kms"}
IPV4_ONLY = {"logs", "secretsmanager", "ssmmessages"}
SOMEWHERE_IN_IPV4 = "64:ff9b::c633:6407"  # 198.51.100.7
NO_IPV4 = "64:ff9b:1::1"

# What there is


def test_the_log_bucket_is_encrypted_by_s3_and_keeps_logs_for_a_year(full_layer: Layer) -> None:
    s3, name = full_layer.client("s3"), full_layer.log_bucket_name
    (rule,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]

    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert [rule["Expiration"] for rule in rules if "Expiration" in rule] == [{"Days": 365}]
    principals = [
        statement["Principal"]["Service"]
        for statement in json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert principals == ["logdelivery.elasticloadbalancing.amazonaws.com", *["delivery.logs.amazonaws.com"] * 2]


def test_the_certificate_is_issued_for_the_zone_and_validated_in_it(full_layer: Layer) -> None:
    answer = full_layer.client("acm").describe_certificate(CertificateArn=full_layer.certificate_arn)["Certificate"]
    record = answer["DomainValidationOptions"][0]["ResourceRecord"]
    sets = full_layer.client("route53").list_resource_record_sets(HostedZoneId=full_layer.zone_id)

    assert (answer["Status"], sorted(answer["SubjectAlternativeNames"])) == (
        "ISSUED",
        ["*.tak.example.org", "tak.example.org"],
    )
    found = [(item["Name"], item["ResourceRecords"]) for item in sets["ResourceRecordSets"] if item["Type"] == "CNAME"]
    assert found == [(record["Name"], [{"Value": record["Value"]}])]


def test_the_published_repositories_exist_and_lambda_may_read_one(full_layer: Layer) -> None:
    ecr, urls = full_layer.client("ecr"), full_layer.further_repository_urls
    found = {item["repositoryUri"]: item["repositoryName"] for item in ecr.describe_repositories()["repositories"]}
    names = {name: found[url] for name, url in urls.items()}
    policy = ecr.get_repository_policy(repositoryName=names["etl-tasks"])["policyText"]

    assert list(names) == ["artifacts", "etl-tasks"]
    assert json.loads(policy)["Statement"][0]["Principal"] == {"Service": "lambda.amazonaws.com"}
    with pytest.raises(ecr.exceptions.RepositoryPolicyNotFoundException):
        ecr.get_repository_policy(repositoryName=names["artifacts"])


def test_a_certificate_is_not_issued_without_its_record(full_layer: Layer) -> None:
    inputs: dict[str, Any] = {
        "certificateArn": full_layer.certificate_arn,
        "validationRecordFqdns": ["other.tak.example.org"],
    }

    with pytest.raises(RuntimeError, match=r"^validation records are other\.tak\.example\.org, expected _"):
        full_layer.cloud.create("aws:acm/certificateValidation:CertificateValidation", "tak", inputs)


# The network


@pytest.mark.parametrize("place", PRIVATE)
def test_private_subnets_reach_ipv4_from_ipv6_through_the_nat_gateway_of_their_own_zone(
    full_layer: Layer, place: str
) -> None:
    subnet = subnets(full_layer)[place]

    assert subnet["EnableDns64"] is True
    hop = next_hop(full_layer, subnet["SubnetId"], SOMEWHERE_IN_IPV4)
    assert hop == nat_gateways(full_layer)[subnet["AvailabilityZone"]]
    assert next_hop(full_layer, subnet["SubnetId"], NO_IPV4).startswith("eigw-")


@pytest.mark.parametrize("place", ["public-a", "public-b"])
def test_public_subnets_have_no_nat64(full_layer: Layer, place: str) -> None:
    subnet = subnets(full_layer)[place]

    assert subnet["EnableDns64"] is False
    assert next_hop(full_layer, subnet["SubnetId"], SOMEWHERE_IN_IPV4).startswith("igw-")


def test_without_nat64_no_table_has_its_route(layer: Layer) -> None:
    for place in PRIVATE:
        assert next_hop(layer, layer.subnet(place), SOMEWHERE_IN_IPV4).startswith("eigw-")


def test_endpoints_whose_service_offers_both_have_both(full_layer: Layer) -> None:
    found = {
        service: (endpoint["IpAddressType"], endpoint["DnsOptions"]["DnsRecordIpType"])
        for service, endpoint in endpoints(full_layer).items()
    }

    assert found == dict.fromkeys(DUAL_STACK, ("dualstack", "dualstack")) | dict.fromkeys(IPV4_ONLY, ("ipv4", "ipv4"))


def test_policies_are_on_the_endpoints_that_take_one(full_layer: Layer) -> None:
    statements = {
        service: json.loads(endpoint["PolicyDocument"])["Statement"]
        for service, endpoint in endpoints(full_layer).items()
    }
    sids = {service: [statement.get("Sid") for statement in found] for service, found in statements.items()}

    own = ["OwnPrincipals", "AwsServices"]
    assert sids.pop("s3") == [*own, "EcrImageLayers"]
    assert sids.pop("ssmmessages") == [None]
    assert sids == dict.fromkeys(("ecr.api", "ecr.dkr", "kms", "logs", "secretsmanager"), own)
    assert statements["ecr.dkr"][0]["Condition"] == {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}


# verify


@pytest.mark.parametrize("name", sorted(set(EVERY_OPTION) - {"imageTagPrefixes", "lambdaRepositories"}))
def test_outputs_of_parts_that_the_stack_file_does_not_ask_for_are_found(
    project: Project, full_layer: Layer, name: str
) -> None:
    others = {key: value for key, value in EVERY_OPTION.items() if key != name}
    if name == "repositories":
        others = {key: value for key, value in others.items() if key not in ("imageTagPrefixes", "lambdaRepositories")}
    less = Layer(with_options(project, "prod", "full", **others), full_layer.recording, full_layer.cloud)
    outputs = sorted(output for output, about in STACK_OUTPUTS.items() if about.only_with == name)
    found = [item for item in found_by(Case(less).deployment()) if "found an output" in item]

    assert found == [
        f"stack-outputs: {output}: found an output, expected none, as the stack file has no {name}"
        for output in outputs
    ]


@pytest.mark.parametrize("name", [name for name in CHECKS if name not in OF_THE_SUITE])
@pytest.mark.usefixtures("undone")
def test_a_check_names_exactly_the_iam_actions_that_it_uses(full_layer: Layer, name: str) -> None:
    check = CHECKS[name]
    if name == "images-in-use":
        _use_images(Case(full_layer))
    with calls_of(full_layer) as calls:
        list(check.function(Case(full_layer).deployment()))
    assert sorted({iam_action(service, operation) for service, operation, _ in calls}) == sorted(check.actions)


def _use_images(case: Case) -> None:
    """One of each kind that uses images, and an index."""
    push(case, "tak-1", refers_to=push(case))
    run_service(case, ":tak-1")
    images.a_task_runs_an_image_that_is_deleted(case)
    images.a_rule_and_a_schedule_start_an_image_that_is_deleted(case)
    images.the_image_of_a_lambda_function_is_deleted(case)


def test_a_map_of_outputs_has_texts_only(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "outputs.json"
    name = Layer.further_repository_urls.name
    path.write_text(json.dumps({name: {"artifacts": 1}}))
    with pytest.raises(InputError, match=rf'{name}: found {{"artifacts": 1}}, expected a map of strings'):
        command.run(project.folder, "prod", outputs_file=path)


# simulate


@pytest.mark.usefixtures("undone")
def test_simulate_makes_the_hosted_zone_and_says_so(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(simulate, "load_layer", lambda project, stack: with_options(project, stack, "simulated"))
    simulate.run(project.folder, "prod", as_json=False)
    printed = capsys.readouterr().out

    assert "The hosted zone tak.example.org was created first: on AWS it has to exist already." in printed
    assert "artifacts 123456789012.dkr.ecr." in printed
