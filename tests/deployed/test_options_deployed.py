"""The optional parts in a simulated AWS: what is there, and that verify finds what is wrong with it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tak_tools import simulate
from tak_tools.aws import iam_action
from tak_tools.errors import InputError
from tak_tools.stack_file import Project
from tak_tools.verify import CHECKS, command, examine, verify_simulation
from tests.deployed.breaks import Break, Case
from tests.deployed.layer import Layer
from tests.deployed.option_breaks import OPTION_BREAKS
from tests.deployed.test_tak_suite_deployed import OF_THE_SUITE
from tests.deployed.test_verify import calls_of, found_by
from tests.options import EVERY_OPTION, with_options

pytestmark = pytest.mark.slow

# What there is


def test_the_log_bucket_is_encrypted_by_s3_and_keeps_logs_for_a_year(full_layer: Layer) -> None:
    s3, name = full_layer.client("s3"), full_layer.outputs["loadBalancerLogBucketName"]
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
    outputs = full_layer.outputs
    answer = full_layer.client("acm").describe_certificate(CertificateArn=outputs["certificateArn"])["Certificate"]
    record = answer["DomainValidationOptions"][0]["ResourceRecord"]
    sets = full_layer.client("route53").list_resource_record_sets(HostedZoneId=outputs["hostedZoneId"])

    assert (answer["Status"], sorted(answer["SubjectAlternativeNames"])) == (
        "ISSUED",
        ["*.tak.example.org", "tak.example.org"],
    )
    found = [(item["Name"], item["ResourceRecords"]) for item in sets["ResourceRecordSets"] if item["Type"] == "CNAME"]
    assert found == [(record["Name"], [{"Value": record["Value"]}])]


def test_the_published_repositories_exist_and_lambda_may_read_one(full_layer: Layer) -> None:
    ecr, urls = full_layer.client("ecr"), full_layer.outputs["ecrRepositoryUrls"]
    found = {item["repositoryUri"]: item["repositoryName"] for item in ecr.describe_repositories()["repositories"]}
    names = {name: found[url] for name, url in urls.items()}
    policy = ecr.get_repository_policy(repositoryName=names["etl-tasks"])["policyText"]

    assert list(names) == ["artifacts", "etl-tasks"]
    assert json.loads(policy)["Statement"][0]["Principal"] == {"Service": "lambda.amazonaws.com"}
    with pytest.raises(ecr.exceptions.RepositoryPolicyNotFoundException):
        ecr.get_repository_policy(repositoryName=names["artifacts"])


def test_a_certificate_is_not_issued_without_its_record(full_layer: Layer) -> None:
    inputs: dict[str, Any] = {
        "certificateArn": full_layer.outputs["certificateArn"],
        "validationRecordFqdns": ["other.tak.example.org"],
    }

    with pytest.raises(RuntimeError, match=r"^validation records are other\.tak\.example\.org, expected _"):
        full_layer.cloud.create("aws:acm/certificateValidation:CertificateValidation", "tak", inputs)


# verify


def test_with_every_option_verify_finds_nothing_and_skips_nothing(full_layer: Layer) -> None:
    assert verify_simulation(full_layer.stack_file, full_layer.recording, full_layer.cloud) == []
    assert [result.check.name for result in examine(Case(full_layer).deployment()) if result.word != "ok"] == []


@pytest.mark.usefixtures("undone")
@pytest.mark.parametrize("damaged", OPTION_BREAKS, ids=[item.name for item in OPTION_BREAKS])
def test_what_is_broken_of_the_options_is_found_and_nothing_else(full_layer: Layer, damaged: Break) -> None:
    case = Case(full_layer)
    expected = damaged.expected(case)
    assert found_by(case.deployment()) == expected


@pytest.mark.parametrize("name", sorted(set(EVERY_OPTION) - {"imageTagPrefixes", "lambdaRepositories"}))
def test_outputs_of_parts_that_the_stack_file_does_not_ask_for_are_found(
    project: Project, full_layer: Layer, name: str
) -> None:
    others = {key: value for key, value in EVERY_OPTION.items() if key != name}
    if name == "repositories":
        others = {key: value for key, value in others.items() if key not in ("imageTagPrefixes", "lambdaRepositories")}
    less = Layer(with_options(project, "prod", "full", **others), full_layer.recording, full_layer.cloud)
    outputs = {
        "repositories": ["ecrRepositoryArns", "ecrRepositoryUrls"],
        "appImagesBucket": ["appImagesBucketArn", "appImagesBucketName"],
        "loadBalancerLogBucket": ["loadBalancerLogBucketArn", "loadBalancerLogBucketName"],
        "hostedZoneName": ["certificateArn", "certificateDomainNames", "hostedZoneId", "hostedZoneName"],
    }[name]
    found = [item for item in found_by(Case(less).deployment()) if "found an output" in item]

    assert found == [
        f"stack-outputs: {output}: found an output, expected none, as the stack file has no {name}"
        for output in outputs
    ]


@pytest.mark.parametrize("name", [name for name in CHECKS if name not in OF_THE_SUITE])
def test_a_check_names_exactly_the_iam_actions_that_it_uses(full_layer: Layer, name: str) -> None:
    check = CHECKS[name]
    with calls_of(full_layer) as calls:
        list(check.function(Case(full_layer).deployment()))
    assert sorted({iam_action(service, operation) for service, operation, _ in calls}) == sorted(check.actions)


def test_a_map_of_outputs_has_texts_only(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "outputs.json"
    path.write_text('{"ecrRepositoryUrls": {"artifacts": 1}}')
    with pytest.raises(InputError, match=r'ecrRepositoryUrls: found {"artifacts": 1}, expected a map of strings'):
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
