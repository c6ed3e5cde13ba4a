"""What verify expects and asks, what it says where AWS does not answer, and its command."""

import dataclasses
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from tak_tools.aws import Aws, UnansweredError
from tak_tools.controls import CONTROLS
from tak_tools.errors import InputError
from tak_tools.stack_file import Project
from tak_tools.verify import CHECKS, command, examine, policy_document, run_checks, verify_simulation
from tests.deployed.breaks.buckets import versioning_is_suspended
from tests.deployed.case import ACCOUNT, Case, found_by
from tests.deployed.layer import Layer
from tests.deployed.resources import push, run_service

pytestmark = pytest.mark.slow

CLUSTER_CHECKS = ("cluster-insights", "cluster-capacity-providers", "cluster-encryption")


# The checks


def test_what_a_stack_does_not_ask_for_is_expected_to_be_absent(dev_test_layer: Layer) -> None:
    case = Case(dev_test_layer)
    case.outputs[Case.endpoint_group_id.name] = "sg-00000000000000000"
    assert found_by(case.deployment()) == [
        f"stack-outputs: {Case.endpoint_group_id.name}: found an output,"
        " expected none, as the stack file has no interface endpoints"
    ]


def test_unprotected_data_is_fine_where_the_stack_file_protects_none(dev_test_layer: Layer) -> None:
    assert dev_test_layer.stack_file.settings.protect_data is False
    assert {item.protect for item in Case(dev_test_layer).state} == {False}
    assert list(CHECKS["protection"].function(Case(dev_test_layer).deployment())) == []


def test_the_resources_of_upper_layers_are_no_findings(prod_layer: Layer, undone: None) -> None:
    ec2, vpc_id = prod_layer.client("ec2"), prod_layer.vpc_id
    ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.1.24.0/24")
    group = ec2.create_security_group(VpcId=vpc_id, GroupName="web", Description="web")["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    ec2.create_route_table(VpcId=vpc_id)
    ec2.create_vpc_endpoint(
        VpcEndpointType="Gateway", VpcId=vpc_id, ServiceName="com.amazonaws.ap-southeast-2.dynamodb"
    )
    assert verify_simulation(prod_layer.stack_file, prod_layer.recording, prod_layer.cloud) == []


@pytest.mark.usefixtures("undone")
def test_images_in_use_that_stay_are_no_findings(prod_layer: Layer) -> None:
    case = Case(prod_layer)
    manifest = push(case)
    push(case, "tak-1", refers_to=manifest)
    # What ECS runs of an index has no tag, and stays with the index.
    for name, reference in (("tag", ":tak-1"), ("digest", f"@{manifest}")):
        run_service(case, reference, name)
    case.client("ecs").register_task_definition(
        family="unused",
        containerDefinitions=[{"name": "tak", "image": f"{case.repository_url}:gone", "memory": 512}],
    )
    image = {"name": "tak", "image": "public.ecr.aws/docker/library/busybox", "memory": 512}
    case.client("ecs").register_task_definition(family="public", containerDefinitions=[image])
    case.client("ecs").create_service(cluster=case.cluster_name, serviceName="public", taskDefinition="public")
    assert found_by(case.deployment()) == []


@pytest.mark.usefixtures("undone")
def test_a_service_with_the_newest_image_is_no_finding_in_a_full_repository(layer: Layer) -> None:
    case = Case(layer)
    kept = case.layer.stack_file.settings.compute.image_retention_count
    for number in range(kept):
        push(case, f"tak-{number}")
    run_service(case, f":tak-{kept - 1}")
    assert found_by(case.deployment()) == []


@pytest.mark.usefixtures("undone")
def test_the_number_of_pushes_can_be_given(prod_layer: Layer) -> None:
    case = Case(prod_layer)
    push(case, "tak-1")
    run_service(case, ":tak-1")
    found = [
        len(run_checks(dataclasses.replace(case.deployment(), image_pushes=pushes))) for pushes in (None, 0, 19, 20)
    ]
    assert found == [0, 0, 0, 1]


def test_where_the_outputs_cannot_be_relied_on_only_what_needs_none_is_checked(prod_layer: Layer) -> None:
    case = Case(prod_layer)
    case.outputs = {Case.published_environment.name: "prod"}
    results = {result.check.name: result for result in examine(case.deployment())}
    assert len(results.pop("stack-outputs").findings) == len(prod_layer.outputs) - 1
    ran = {name for name, result in results.items() if not result.skipped}
    assert ran == {name for name in results if not CHECKS[name].needs_outputs} == {"protection", "leftovers"}
    assert [finding for name in ran for finding in results[name].findings] == []
    case_without_state = dataclasses.replace(case.deployment(), state=None)
    assert {result.skipped for result in examine(case_without_state)[1:]} == {"the stack outputs cannot be relied on"}


# What verify asks AWS


@contextmanager
def calls_of(layer: Layer) -> Iterator[list[tuple[str, str, str]]]:
    """Every operation that the layer's clients send to AWS, as (service, operation, request)."""
    calls: list[tuple[str, str, str]] = []

    def record(model: Any, params: dict[str, Any], **others: Any) -> None:
        calls.append((model.service_model.service_name, model.name, f"{params['url']} {params['body']}"))

    give, recorded = layer.cloud.client, {}

    def client(service: str) -> Any:
        if service not in recorded:
            recorded[service] = give(service)
            recorded[service].meta.events.register("before-call", record)
        return recorded[service]

    try:
        with patch.object(layer.cloud, "client", client):
            yield calls
    finally:
        for made in recorded.values():
            made.meta.events.unregister("before-call", record)


def test_verify_only_reads_and_asks_nothing_twice(prod_layer: Layer) -> None:
    with calls_of(prod_layer) as calls:
        examine(Case(prod_layer).deployment())
    assert {name for _, name, _ in calls if not re.match(r"(Describe|Get|List)[A-Z]", name)} == set()
    assert [call for call in calls if calls.count(call) > 1] == []


def test_the_policy_has_every_action_of_every_check_and_none_that_writes() -> None:
    (statement,) = policy_document()["Statement"]
    assert set(statement["Action"]) == {action for check in CHECKS.values() for action in check.actions}
    assert statement["Effect"] == "Allow"
    for action in statement["Action"]:
        assert re.fullmatch(r"[a-z0-9]+:(Describe|Get|List|BatchGet)[A-Za-z]+", action)


def test_a_check_says_in_one_sentence_what_it_checks() -> None:
    for name, check in CHECKS.items():
        assert name == check.name
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert re.fullmatch(r"[A-Z][^\n]*\.", check.description)
        assert all(re.fullmatch(r"[A-Za-z0-9]+\.\d+", control) for control in check.controls)


# Where AWS does not answer


@pytest.mark.parametrize(
    ("event", "code", "checks", "action"),
    [
        ("kms.GetKeyPolicy", "AccessDeniedException", {"key-policy"}, "kms:GetKeyPolicy"),
        ("s3.GetBucketEncryption", "AccessDenied", {"bucket-encryption"}, "s3:GetEncryptionConfiguration"),
        ("ec2.DescribeVpcAttribute", "UnauthorizedOperation", {"vpc-dns"}, "ec2:DescribeVpcAttribute"),
        (
            "ecs.DescribeClusters",
            "AccessDeniedException",
            {*CLUSTER_CHECKS, "resources", "tags", "leftovers"},
            "ecs:DescribeClusters",
        ),
    ],
)
def test_a_missing_permission_is_one_finding_of_each_check_that_needs_it_and_the_others_run(
    prod_layer: Layer, event: str, code: str, checks: set[str], action: str
) -> None:
    expected = "credentials with this IAM action (--policy prints all that are needed)"
    assert found_where(prod_layer, event, code) == sorted(
        f"{check}: could not be checked: {action}: found {code}, expected {expected}" for check in checks
    )


def test_throttling_is_one_finding_with_the_code_and_the_message(prod_layer: Layer) -> None:
    assert found_where(prod_layer, "kms.GetKeyPolicy", "ThrottlingException") == [
        "key-policy: could not be checked: kms:GetKeyPolicy: found ThrottlingException: Not today, expected an answer"
    ]


def test_a_timeout_is_one_finding_and_not_waited_for_again(prod_layer: Layer) -> None:
    asked = []

    def client(service: str) -> Any:
        if service != "ecs":
            return prod_layer.client(service)
        asked.append(service)
        raise ReadTimeoutError(endpoint_url="https://ecs.example")

    results = examine(dataclasses.replace(Case(prod_layer).deployment(), aws=Aws(client)))
    findings = {finding.check: finding for result in results for finding in result.findings}
    assert set(findings) == {*CLUSTER_CHECKS, "images-in-use", "resources", "tags", "leftovers"}
    assert str(findings["cluster-insights"]) == (
        "cluster-insights: could not be checked: ecs:DescribeClusters:"
        ' found Read timeout on endpoint URL: "https://ecs.example", expected an answer'
    )
    assert len(asked) < len(findings)


def test_one_service_without_a_connection_is_one_finding(prod_layer: Layer) -> None:
    def client(service: str) -> Any:
        if service == "route53":
            raise EndpointConnectionError(endpoint_url="https://route53.example")
        return prod_layer.client(service)

    aws = Aws(client)
    aws.ask("sts", "get_caller_identity")
    with pytest.raises(UnansweredError, match=r"^route53:GetHostedZone: found Could not connect"):
        aws.ask("route53", "get_hosted_zone", Id="Z1")


def test_an_answer_without_an_expected_part_is_one_finding_that_names_the_part(prod_layer: Layer) -> None:
    def answer(**request: Any) -> tuple[AWSResponse, dict[str, Any]]:
        arn = prod_layer.key_arn
        metadata = {"KeyState": "Enabled", "KeyManager": "CUSTOMER", "Arn": arn, "KeyId": arn.rsplit("/", 1)[-1]}
        return AWSResponse("https://aws.example", 200, HTTPHeaders(), None), {"KeyMetadata": metadata}

    with answering(prod_layer, "kms.DescribeKey", answer):
        assert found_by(Case(prod_layer).deployment()) == [
            "key-state: could not be checked: kms:DescribeKey:"
            " found an answer without MultiRegion, expected an answer with it"
        ]


def test_an_answer_that_cannot_be_read_is_one_finding(prod_layer: Layer) -> None:
    def answer(**request: Any) -> tuple[AWSResponse, dict[str, Any]]:
        return AWSResponse("https://aws.example", 200, HTTPHeaders(), None), {"Policy": "{"}

    with answering(prod_layer, "kms.GetKeyPolicy", answer):
        (finding,) = found_by(Case(prod_layer).deployment())
    assert finding.startswith(
        "key-policy: could not be checked: kms:GetKeyPolicy:"
        " found an answer that the check cannot read (JSONDecodeError: "
    )


def test_where_the_account_is_not_known_the_other_checks_run(prod_layer: Layer) -> None:
    assert found_where(prod_layer, "sts.GetCallerIdentity", "ServiceUnavailable") == [
        "stack-outputs: could not be checked: sts:GetCallerIdentity:"
        " found ServiceUnavailable: Not today, expected an answer"
    ]


@pytest.mark.parametrize("event", ["sts.GetCallerIdentity", "kms.GetKeyPolicy"])
def test_refused_credentials_stop_the_command_with_one_line(prod_layer: Layer, event: str) -> None:
    with pytest.raises(InputError) as stopped:
        found_where(prod_layer, event, "ExpiredToken")
    assert stopped.value.problems == ("AWS: refused the credentials: Not today (ExpiredToken)",)


def test_no_network_stops_the_command_with_one_line(prod_layer: Layer) -> None:
    def client(service: str) -> Any:
        raise EndpointConnectionError(endpoint_url="https://sts.example")

    with pytest.raises(InputError) as stopped:
        examine(dataclasses.replace(Case(prod_layer).deployment(), aws=Aws(client)))
    assert stopped.value.problems == (
        'AWS: no connection: Could not connect to the endpoint URL: "https://sts.example"',
    )


@contextmanager
def answering(layer: Layer, event: str, answer: Callable[..., Any]) -> Iterator[None]:
    """AWS gives this answer to an operation, such as `kms.GetKeyPolicy`."""
    events = layer.client(event.split(".")[0]).meta.events
    events.register_first(f"before-call.{event}", answer)
    try:
        yield
    finally:
        events.unregister(f"before-call.{event}", answer)


def found_where(layer: Layer, event: str, code: str) -> list[str]:
    """What verify finds where AWS answers an operation with an error."""

    def refuse(**request: Any) -> tuple[AWSResponse, dict[str, Any]]:
        parsed = {"Error": {"Code": code, "Message": "Not\ntoday."}, "ResponseMetadata": {}}
        return AWSResponse("https://aws.example", 403, HTTPHeaders(), None), parsed

    with answering(layer, event, refuse):
        return found_by(Case(layer).deployment())


# The command


@pytest.fixture
def outputs_file(tmp_path: Path, prod_layer: Layer) -> Path:
    """What `pulumi stack output --json` prints of prod."""
    path = tmp_path / "outputs.json"
    path.write_text(json.dumps(prod_layer.outputs))
    return path


@pytest.fixture
def state_file(tmp_path: Path, prod_layer: Layer) -> Path:
    """What `pulumi stack export` prints of prod, where awsx has made the repository."""
    resources: list[dict[str, Any]] = [{"urn": "urn:pulumi:prod::tak-base::pulumi:pulumi:Stack::tak-base-prod"}]
    resources[0]["type"] = "pulumi:pulumi:Stack"
    for item in prod_layer.recording.resources:
        options = {name: True for name in ("protect", "retainOnDelete") if item.protect and item.retain_on_delete}
        resources.append({"urn": item.urn, "type": item.type, "id": item.id, **options})
    # One that is left to be deleted is no longer the layer's.
    resources.append(
        {"urn": "urn:pulumi:prod::tak-base::aws:kms/key:Key::old", "type": "aws:kms/key:Key", "delete": True}
    )
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"version": 3, "deployment": {"resources": resources}}))
    return path


def refusal(project: Project, stack: str = "prod", **files: Any) -> str:
    with pytest.raises(InputError) as stopped:
        command.run(project.folder, stack, **files)
    (problem,) = stopped.value.problems
    return problem


@pytest.mark.usefixtures("known_clients")
def test_the_command_prints_a_line_for_each_check_and_returns_0(
    project: Project, outputs_file: Path, state_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run(project.folder, "prod", outputs_file=outputs_file, state_file=state_file) == 0
    printed, errors = capsys.readouterr()
    lines = printed.splitlines()
    assert lines[0] == f"tak-base-prod in ap-southeast-2, account {ACCOUNT}"
    assert lines[1 : len(CHECKS) + 1] == [
        f"{'ok':<8} {check.name:<27} {check.description}" for check in CHECKS.values()
    ]
    assert lines[-1] == f"checks: {len(CHECKS)}, skipped: 0, findings: 0"
    assert errors == ""


@pytest.mark.usefixtures("known_clients")
def test_the_command_without_a_state_says_what_it_skips(
    project: Project, outputs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run(project.folder, "prod", outputs_file=outputs_file) == 0
    printed = capsys.readouterr().out
    (skipped,) = [line for line in printed.splitlines() if line.startswith("skipped")]
    assert skipped == f"{'skipped':<8} {'protection':<27} {CHECKS['protection'].description} (needs --state)"
    assert printed.endswith(f"checks: {len(CHECKS)}, skipped: 1, findings: 0\n")


@pytest.mark.usefixtures("undone", "known_clients")
def test_the_command_prints_a_line_for_each_finding_and_returns_1(
    prod_layer: Layer, project: Project, outputs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (expected,) = versioning_is_suspended(Case(prod_layer))
    assert command.run(project.folder, "prod", outputs_file=outputs_file) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("finding ")] == ["bucket-versioning"]
    assert lines[-2:] == [f"bucket-versioning: {expected}", f"checks: {len(CHECKS)}, skipped: 1, findings: 1"]


@pytest.mark.usefixtures("undone", "known_clients")
def test_the_command_prints_json(
    prod_layer: Layer, project: Project, outputs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prod_layer.client("kms").disable_key_rotation(KeyId=prod_layer.key_arn)
    assert command.run(project.folder, "prod", outputs_file=outputs_file, as_json=True) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["stack"], document["region"]) == ("prod", "ap-southeast-2")
    assert document["findings"] == [
        {
            "check": "key-rotation",
            "resource": prod_layer.key_arn,
            "found": "rotation false",
            "expected": "rotation true",
            "unchecked": False,
        }
    ]
    checks = {item["name"]: item for item in document["checks"]}
    assert list(checks) == list(CHECKS)
    assert checks["key-rotation"] == {
        "name": "key-rotation",
        "description": "AWS rotates the key every year.",
        "controls": ["KMS.4"],
        "result": "finding",
        "skipped": None,
    }
    assert (checks["protection"]["result"], checks["protection"]["skipped"]) == ("skipped", "needs --state")


@pytest.mark.usefixtures("undone", "known_clients")
def test_the_command_writes_its_findings_as_sarif_beside_what_it_prints(
    prod_layer: Layer, project: Project, outputs_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prod_layer.client("kms").disable_key_rotation(KeyId=prod_layer.key_arn)
    path = tmp_path / "verify.sarif"
    assert command.run(project.folder, "prod", outputs_file=outputs_file, sarif_file=path, as_json=True) == 1
    printed = json.loads(capsys.readouterr().out)
    (run,) = json.loads(path.read_text())["runs"]
    assert [result["ruleId"] for result in run["results"]] == [item["check"] for item in printed["findings"]]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == list(CHECKS)
    assert ACCOUNT not in path.read_text()


def test_a_sarif_file_that_cannot_be_written_is_refused_before_anybody_is_asked(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "read_deployed", None)
    monkeypatch.setattr(command, "client_factory", None)
    path = tmp_path / "none" / "verify.sarif"
    assert refusal(project, sarif_file=path) == f"--sarif: found {path}, expected a file that can be written"


def test_what_docs_controls_says_is_not_met_is_not_met(prod_layer: Layer) -> None:
    """If the program comes to meet one of these, its row in tak_tools/controls.py has to change."""
    s3, ec2 = prod_layer.client("s3"), prod_layer.client("ec2")
    bucket = {"Bucket": prod_layer.bucket_name}
    in_vpc = [{"Name": "vpc-id", "Values": [prod_layer.vpc_id]}]
    endpoints = ec2.describe_vpc_endpoints(Filters=in_vpc)["VpcEndpoints"]
    found = {
        "S3.9": "LoggingEnabled" in s3.get_bucket_logging(**bucket),
        "S3.11": len(s3.get_bucket_notification_configuration(**bucket)) > 1,
        "S3.20": "MFADelete" in s3.get_bucket_versioning(**bucket),
        "EC2.10": any(item["ServiceName"].endswith(".ec2") for item in endpoints),
        # The half of it that the layer does not meet.
        "EC2.15": not all(
            item["AssignIpv6AddressOnCreation"] for item in ec2.describe_subnets(Filters=in_vpc)["Subnets"]
        ),
    }
    assert found == dict.fromkeys(found, False)
    for name in found:
        control = CONTROLS[name]
        enforced = any(name in check.controls for check in CHECKS.values())
        assert control.state(prod_layer.stack_file.settings, enforced=enforced) in ("not met", "partly met")
    # EC2.16 and EC2.21 make no finding about a default one.
    acls = ec2.describe_network_acls(Filters=in_vpc)["NetworkAcls"]
    assert {item["IsDefault"] for item in acls} == {True}


def test_the_command_prints_the_policy(capsys: pytest.CaptureFixture[str]) -> None:
    command.print_policy()
    assert json.loads(capsys.readouterr().out) == policy_document()


def test_outputs_of_another_stack_are_refused(project: Project, outputs_file: Path) -> None:
    assert refusal(project, "dev-test", outputs_file=outputs_file) == (
        f"{outputs_file}: found the outputs of tak-base-prod, expected those of tak-base-dev-test"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[1]", "found list, expected a JSON object"),
        ("{}", "found none of the base layer's outputs; is the stack deployed?"),
        (f'{{"{Case.vpc_id.name}": 7}}', f"{Case.vpc_id.name}: found 7, expected a string"),
        (
            f'{{"{Case.nat_addresses.name}": "192.0.2.1"}}',
            f'{Case.nat_addresses.name}: found "192.0.2.1", expected a list of strings',
        ),
    ],
)
def test_outputs_that_cannot_be_used_are_refused(project: Project, tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "outputs.json"
    path.write_text(text)
    assert refusal(project, outputs_file=path) == f"{path}: {problem}"


def test_a_missing_outputs_file_is_refused(project: Project, tmp_path: Path) -> None:
    assert (
        refusal(project, outputs_file=tmp_path / "none") == f"--outputs: {tmp_path / 'none'}: No such file or directory"
    )


@pytest.mark.parametrize("text", ['{"deployment": null}', '{"deployment": {"resources": [{"type": "a"}]}}'])
def test_a_document_that_is_not_a_state_is_refused(
    project: Project, outputs_file: Path, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    assert refusal(project, outputs_file=outputs_file, state_file=path) == (
        f"{path}: expected the stack's state, as `pulumi stack export` prints it"
    )


def test_the_state_of_another_stack_is_refused(project: Project, outputs_file: Path, tmp_path: Path) -> None:
    path, urn = tmp_path / "state.json", "urn:pulumi:staging::tak-base::pulumi:pulumi:Stack::tak-base-staging"
    path.write_text(json.dumps({"deployment": {"resources": [{"urn": urn, "type": "pulumi:pulumi:Stack"}]}}))
    assert refusal(project, outputs_file=outputs_file, state_file=path) == (
        f"{path}: found the state of another stack ({urn}), expected that of prod"
    )


def pulumi_cli(folder: Path, script: str) -> None:
    path = folder / "pulumi"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.usefixtures("known_clients")
def test_without_files_the_pulumi_cli_is_asked_for_outputs_and_state(
    project: Project,
    tmp_path: Path,
    outputs_file: Path,
    state_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers = f'if [ "$2" = export ]; then cat {state_file}; else cat {outputs_file}; fi'
    pulumi_cli(tmp_path, f'echo "$@" >> {tmp_path}/arguments; {answers}')
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert command.run(project.folder, "prod") == 0
    assert capsys.readouterr().out.endswith(f"checks: {len(CHECKS)}, skipped: 0, findings: 0\n")
    assert (tmp_path / "arguments").read_text().splitlines() == [
        f"stack {asked} --stack prod --cwd {project.folder} --non-interactive" for asked in ("output --json", "export")
    ]


def test_an_error_of_the_pulumi_cli_is_one_line(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulumi_cli(tmp_path, 'echo "error: no stack named\n  prod" >&2; exit 255')
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal(project) == "pulumi stack output: error: no stack named prod (exit code 255)"


def test_without_the_pulumi_cli_the_command_says_how_to_get_it(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal(project) == (
        "--outputs: not given, and there is no pulumi CLI to ask: install it (https://www.pulumi.com/docs/install/,"
        " or `curl -fsSL https://get.pulumi.com | sh`), or give the file that `pulumi stack output --json` prints"
    )


def test_missing_credentials_are_one_line(
    project: Project, outputs_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert refusal(project, outputs_file=outputs_file) == (
        "AWS: Unable to locate credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,"
        " or sign in with `aws sso login`"
    )


def test_an_unknown_profile_is_one_line(
    project: Project, outputs_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert refusal(project, outputs_file=outputs_file) == "AWS: The config profile (nobody) could not be found"
