"""A stack whose state is lost is found on AWS, resource by resource, and written as a file for `pulumi import`."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tak_tools import recover
from tak_tools import resource_types as types
from tak_tools.aws import iam_action
from tak_tools.errors import InputError
from tak_tools.existing_aws import ExistingAws
from tak_tools.program import Registration
from tak_tools.pulumi_stack import State, StateResource
from tak_tools.recover import Recovery, import_document
from tak_tools.stack_file import Project, StackFile
from tests.deployed.layer import Layer
from tests.deployed.resources import tagged_as
from tests.deployed.test_verify import answering, calls_of
from tests.options import with_options

pytestmark = pytest.mark.slow


def recovery_of(layer: Layer) -> Recovery:
    return recover.recover(layer.stack_file, layer.search)


@pytest.fixture(params=["prod_layer", "dev_test_layer", "full_layer", "suite_layer", "small_layer"])
def any_layer(request: pytest.FixtureRequest) -> Layer:
    return request.getfixturevalue(request.param)


# What is found


def id_of(item: Registration) -> str:
    """What `pulumi import` takes for a resource that the simulated AWS has made, which has IDs of its own for some."""
    inputs = item.inputs
    match item.type:
        case types.ROUTE.token:
            return (
                f"{inputs['routeTableId']}_{inputs.get('destinationCidrBlock', inputs.get('destinationIpv6CidrBlock'))}"
            )
        case types.ROUTE_TABLE_ASSOCIATION.token:
            return f"{inputs['subnetId']}/{inputs['routeTableId']}"
        case types.CLUSTER.token:
            return inputs["name"]
    return item.id


def entries_of(recovery: Recovery) -> dict[str, dict[str, Any]]:
    """The entries of the import file by the URN that Pulumi makes of each."""
    resources = import_document(recovery)["resources"]
    named = {entry["name"]: entry for entry in resources}
    assert len(named) == len(resources)

    def types_of(entry: dict[str, Any]) -> str:
        above = f"{types_of(named[entry['parent']])}$" if "parent" in entry else ""
        return f"{above}{entry['type']}"

    start = recovery.recording.registrations[0].urn.split("::")[:2]
    return {"::".join((*start, types_of(entry), entry["logicalName"])): entry for entry in resources}


def engine_urn(item: Registration) -> str:
    """The URN without the stack's type, which only the mocks of Pulumi put there."""
    return item.urn.replace("pulumi:pulumi:Stack$", "")


def test_every_resource_is_imported_with_its_id_in_the_components_of_the_program(any_layer: Layer) -> None:
    recovery = recovery_of(any_layer)
    entries = entries_of(recovery)

    assert recovery.complete
    assert recovery.leftovers == ()
    for item in any_layer.recording.registrations:
        entry = entries.pop(engine_urn(item))
        if item.is_component or item.row.parts:
            assert entry.keys() - {"parent"} == {"type", "name", "logicalName", "component"}
        if item.type == types.AWSX_REPOSITORY.token:
            entry = entries.pop(engine_urn(item).replace(item.type, f"{item.type}${types.REPOSITORY.token}"))
        if not item.is_component and item.type != types.CERTIFICATE_VALIDATION.token:
            assert entry["id"] == id_of(item), item.urn
    assert entries == {}


def test_what_the_provider_cannot_read_is_in_the_file(full_layer: Layer) -> None:
    entries = entries_of(recovery_of(full_layer))
    complete = {entry["type"]: entry for entry in entries.values() if "outputs" in entry}

    validation, record = complete[types.CERTIFICATE_VALIDATION.token], complete[types.RECORD.token]
    assert complete.keys() == {types.KEY.token, types.PARAMETER.token, types.RECORD.token, validation["type"]}
    for type_, entry in complete.items():
        (item,) = full_layer.recording.of_type(type_)
        assert entry["inputs"].keys() == item.inputs.keys()
        assert entry["outputs"]["id"] == entry["id"]
        assert entry["outputs"] == {**entry["outputs"], **entry["inputs"]}
    key = full_layer.client("kms").describe_key(KeyId=full_layer.key_arn)["KeyMetadata"]
    assert complete[types.KEY.token]["outputs"]["arn"] == key["Arn"]
    assert complete[types.KEY.token]["inputs"]["deletionWindowInDays"] == 30
    assert json.loads(complete[types.PARAMETER.token]["inputs"]["insecureValue"]) == full_layer.outputs
    assert validation["inputs"] == {
        "certificateArn": full_layer.certificate_arn,
        "validationRecordFqdns": [record["outputs"]["fqdn"]],
    }
    assert (record["outputs"]["fqdn"], record["inputs"]["allowOverwrite"]) == (
        record["inputs"]["name"].rstrip("."),
        True,
    )


def test_a_bucket_or_repository_that_goes_with_its_content_is_in_the_file_with_its_name(dev_test_layer: Layer) -> None:
    entries = entries_of(recovery_of(dev_test_layer))
    complete = {entry["type"]: entry for entry in entries.values() if "outputs" in entry}

    assert complete.keys() == {types.KEY.token, types.PARAMETER.token, types.BUCKET.token, types.REPOSITORY.token}
    bucket, repository = complete[types.BUCKET.token], complete[types.REPOSITORY.token]
    # Without the name among the inputs the provider would choose another one, and replace the bucket.
    assert (bucket["inputs"]["bucket"], bucket["inputs"]["forceDestroy"]) == (bucket["id"], True)
    assert bucket["outputs"]["arn"] == dev_test_layer.bucket_arn
    assert (repository["inputs"]["name"], repository["inputs"]["forceDelete"]) == (repository["id"], True)
    assert repository["outputs"]["repositoryUrl"] == dev_test_layer.repository_url
    assert repository["outputs"]["encryptionConfigurations"] == [
        {"encryptionType": "KMS", "kmsKey": dev_test_layer.key_arn}
    ]


@pytest.mark.usefixtures("undone")
def test_the_file_has_what_is_on_aws_and_not_what_the_program_wants(prod_layer: Layer) -> None:
    prod_layer.client("ssm").put_parameter(Name="/tak-base/prod/outputs", Value='{"old": 1}', Overwrite=True)
    prod_layer.client("kms").disable_key_rotation(KeyId=prod_layer.key_arn)
    complete = {entry["type"]: entry for entry in entries_of(recovery_of(prod_layer)).values() if "outputs" in entry}

    assert complete[types.PARAMETER.token]["outputs"]["insecureValue"] == '{"old": 1}'
    assert complete[types.KEY.token]["outputs"]["enableKeyRotation"] is False


@pytest.mark.usefixtures("undone")
def test_what_aws_does_not_have_is_missing_and_so_is_what_depends_on_it(prod_layer: Layer) -> None:
    ec2, s3, table = prod_layer.client("ec2"), prod_layer.client("s3"), prod_layer.table("private-a")
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    s3.delete_bucket_policy(Bucket=prod_layer.bucket_name)
    prod_layer.client("logs").delete_log_group(logGroupName="/tak-base-prod/flow-log")
    role = prod_layer.recording.named("tak-flow-log-role").id
    iam = prod_layer.client("iam")
    iam.delete_role_policy(RoleName=role, PolicyName=iam.list_role_policies(RoleName=role)["PolicyNames"][0])
    iam.delete_role(RoleName=role)
    recovery = recovery_of(prod_layer)

    assert not recovery.complete
    missing = {name: item.sought for (_, name), item in recovery.recovered.items() if item.answer == "missing"}
    assert missing == {
        "tak-route-private-a-ipv4": f"routeTableId {table}, destinationCidrBlock 0.0.0.0/0",
        "tak-config-policy": f"bucket {prod_layer.bucket_name}",
        "tak-flow-log-group": "name /tak-base-prod/flow-log",
        "tak-flow-log-role": "name tak-base-prod-tak-flow-log-role-???????",
        "tak-flow-log-role-policy": missing["tak-flow-log-role-policy"],
    }
    imported = {entry["logicalName"] for entry in entries_of(recovery).values()}
    assert imported & missing.keys() == set()


@pytest.mark.usefixtures("undone")
def test_what_belongs_to_the_stack_and_not_to_its_program_is_listed(prod_layer: Layer) -> None:
    made = prod_layer.client("ec2").create_vpc(CidrBlock="10.9.0.0/20", TagSpecifications=tagged_as("vpc", "old"))
    recovery = recovery_of(prod_layer)

    assert recovery.complete
    # With its own route table and security group, which have no tags.
    assert [found.id for found in recovery.leftovers] == [made["Vpc"]["VpcId"]]


@pytest.mark.usefixtures("undone")
def test_of_two_that_look_the_same_the_published_one_belongs_to_the_stack(prod_layer: Layer) -> None:
    tags = {"Name": "tak-base-prod", **prod_layer.stack_file.default_tags}
    key = prod_layer.client("kms").create_key(Tags=[{"TagKey": name, "TagValue": tags[name]} for name in tags])
    recovery = recovery_of(prod_layer)

    assert recovery.complete
    assert [found.id for found in recovery.leftovers] == [key["KeyMetadata"]["KeyId"]]


@pytest.mark.usefixtures("undone")
def test_no_file_is_written_where_two_look_the_same_and_neither_is_published(prod_layer: Layer) -> None:
    gateway = prod_layer.recording.named("tak-internet-gateway").id
    second = prod_layer.client("ec2").create_internet_gateway(
        TagSpecifications=tagged_as("internet-gateway", "internet-gateway")
    )["InternetGateway"]["InternetGatewayId"]
    recovery = recovery_of(prod_layer)

    assert not recovery.complete
    with pytest.raises(InputError) as stopped:
        import_document(recovery)
    assert stopped.value.problems in [
        (f"--output: tak-internet-gateway: found {one}, {other}, expected one: delete the others",)
        for one, other in ((gateway, second), (second, gateway))
    ]


def test_a_type_of_another_layer_is_not_looked_for(prod_layer: Layer) -> None:
    cloud = ExistingAws(prod_layer.search, prod_layer.stack_file.name_pattern)
    type_ = types.LOAD_BALANCER.token

    cloud.create(type_, "web", {"name": "web"})

    assert (cloud.recovered[type_, "web"].answer, cloud.problems) == ("unknown", [])


def test_a_stack_that_the_account_does_not_have_is_one_line(prod_layer: Layer, project: Project) -> None:
    layer = dataclasses.replace(prod_layer, stack_file=with_options(project, "prod", "staging", natGateways=1))
    with pytest.raises(InputError) as stopped:
        recovery_of(layer)
    assert stopped.value.problems == (
        "AWS: found nothing of tak-base-staging in ap-southeast-2 of account 123456789012, expected credentials of the"
        " account in which it is deployed",
    )


@pytest.mark.parametrize("event", ["ec2.DescribeNatGateways", "kms.GetKeyPolicy", "iam.ListRoles"])
def test_what_aws_does_not_answer_is_one_line(prod_layer: Layer, event: str) -> None:
    def refuse(**request: Any) -> Any:
        error = {"Code": "AccessDenied", "Message": "No."}
        return type("Answer", (), {"status_code": 403})(), {"Error": error}

    with answering(prod_layer, event, refuse), pytest.raises(InputError) as stopped:
        recovery_of(prod_layer)
    assert stopped.value.problems == (
        f"AWS: {event.replace('.', ':')}: found AccessDenied, expected credentials with this IAM action"
        " (--policy prints all that are needed)",
    )


def test_an_answer_that_cannot_be_read_is_one_line(prod_layer: Layer) -> None:
    def other(**request: Any) -> Any:
        return type("Answer", (), {"status_code": 200})(), {"NatGateways": [None]}

    with answering(prod_layer, "ec2.DescribeNatGateways", other), pytest.raises(InputError) as stopped:
        recovery_of(prod_layer)
    (problem,) = stopped.value.problems
    assert problem.startswith("AWS: found an answer that cannot be read (AttributeError: ")


def test_recover_only_reads_and_its_policy_has_the_actions(
    full_layer: Layer, capsys: pytest.CaptureFixture[str]
) -> None:
    with calls_of(full_layer) as calls:
        recovery_of(full_layer)
    recover.print_policy()
    (statement,) = json.loads(capsys.readouterr().out)["Statement"]

    # Everyone may ask who they are.
    needed = {iam_action(service, name) for service, name, _ in calls} - {"sts:GetCallerIdentity"}
    # A certificate is described for what depends on it; CloudFormation is asked with takSuite only.
    assert needed | {"cloudformation:DescribeStacks"} == set(statement["Action"])
    assert {name for _, name, _ in calls if not re.match(r"(Describe|Get|List)[A-Z]", name)} == set()
    assert [call for call in calls if calls.count(call) > 1] == []


# The command


@pytest.fixture
def lost(prod_layer: Layer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state that is lost, and the clients that are there."""

    def no_stack(stack_file: StackFile, path: None) -> State:
        raise InputError(["pulumi stack export: no stack named 'prod' found"])

    monkeypatch.setattr(recover, "client_factory", lambda region: prod_layer.client)
    monkeypatch.setattr(recover, "read_state", no_stack)


@pytest.mark.usefixtures("lost")
def test_the_command_writes_the_file_and_says_how_to_import_it(
    prod_layer: Layer, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "import.json"

    assert recover.run(project.folder, "prod", output=path, as_json=False) == 0

    lines = capsys.readouterr().out.splitlines()
    assert json.loads(path.read_text()) == import_document(recovery_of(prod_layer))
    assert lines[-6:] == [
        f"Written: {path}. To import it, with Pulumi 3.254 or newer:",
        "  pulumi stack init prod",
        f"  pulumi import --stack prod --file {path} --generate-code=false",
        "  pulumi preview --stack prod --diff",
        "  pulumi up --stack prod",
        "  tak-base verify --stack prod",
    ]
    # A second run does not touch it.
    with pytest.raises(InputError) as stopped:
        recover.run(project.folder, "prod", output=path, as_json=False)
    assert stopped.value.problems == (f"--output: {path}: exists, expected the name of a new file",)


@pytest.mark.usefixtures("lost", "undone")
def test_the_command_returns_1_and_names_what_is_missing_and_what_is_left_over(
    prod_layer: Layer, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    ec2 = prod_layer.client("ec2")
    flow_log = prod_layer.recording.named("tak-flow-log")
    ec2.delete_flow_logs(FlowLogIds=[flow_log.id])
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=tagged_as("elastic-ip", "old"))["AllocationId"]

    assert recover.run(project.folder, "prod", output=None, as_json=False) == 1
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    count = len(prod_layer.recording.resources)
    looked_for = f"looked for Name tag {flow_log.inputs['tags']['Name']}"
    assert f"tak-flow-log: not found: the next update creates it ({looked_for})" in lines
    assert f"resources: {count}, found: {count - 1}" in lines
    assert f"ec2 Eip {address} tak-base-prod-old" in lines
    assert f"to delete it: aws ec2 release-address --allocation-id {address} --region ap-southeast-2" in lines

    assert recover.run(project.folder, "prod", output=None, as_json=True) == 1
    document = json.loads(capsys.readouterr().out)
    (missing,) = [item for item in document["resources"] if item["answer"] != "found"]
    assert (missing["name"], missing["answer"], missing["found"]) == ("tak-flow-log", "missing", [])
    assert [item["id"] for item in document["leftovers"]] == [address]


@pytest.mark.usefixtures("lost")
def test_a_state_that_is_not_lost_is_not_imported_once_more(
    prod_layer: Layer, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vpc = StateResource("urn:pulumi:prod::tak-base::aws:ec2/vpc:Vpc::tak-vpc", "aws:ec2/vpc:Vpc", False, False, "vpc-1")
    monkeypatch.setattr(recover, "read_state", lambda stack_file, path: State({}, (vpc,), ()))
    with pytest.raises(InputError) as stopped:
        recover.run(project.folder, "prod", output=tmp_path / "import.json", as_json=False)
    assert stopped.value.problems == (
        "--output: found a state of prod with 1 resources, expected none: the file is for a new state"
        " (docs/operations.md, Recovery)",
    )
    assert not (tmp_path / "import.json").exists()


@pytest.mark.usefixtures("lost")
def test_a_file_that_cannot_be_written_is_one_line(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "none" / "import.json"
    with pytest.raises(InputError) as stopped:
        recover.run(project.folder, "prod", output=path, as_json=False)
    assert stopped.value.problems == (f"--output: {path}: No such file or directory",)
