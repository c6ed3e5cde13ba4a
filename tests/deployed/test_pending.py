"""What belongs to a stack on AWS is found, and a pending operation leads to the resource that it has made."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tak_tools import pending
from tak_tools.aws import Aws
from tak_tools.aws_search import LISTERS, Search, candidates
from tak_tools.errors import InputError
from tak_tools.program import Registration
from tak_tools.pulumi_stack import PendingOperation, State, parse_state
from tak_tools.stack_file import Project, StackFile, load_project
from tak_tools.verify import leftovers, simulated_deployment
from tests.deployed.case import Case, found_by
from tests.deployed.layer import Layer
from tests.deployed.resources import tagged_as
from tests.deployed.test_verify import answering
from tests.options import TAGS

pytestmark = pytest.mark.slow


def inputs_of(item: Registration) -> dict[str, Any]:
    """The inputs with the physical name that the engine puts there where the program gives none."""
    names = {"aws:iam/role:Role": "name", "aws:iam/rolePolicy:RolePolicy": "name", "aws:s3/bucket:Bucket": "bucket"}
    named = {names[item.type]: item.id.rsplit(":", 1)[-1]} if item.type in names else {}
    return {**item.inputs, **named}


def operation_of(item: Registration, kind: str = "creating") -> PendingOperation:
    return PendingOperation(item.urn, item.type, kind, inputs_of(item))


# The search


def test_the_search_finds_every_resource_of_a_stack_and_nothing_of_the_other(layers: dict[str, Layer]) -> None:
    for layer in layers.values():
        listed = {found.id: found.type.token for found in layer.search.everything()}
        recorded = {item.id: item.type for item in layer.recording.resources if item.type in set(listed.values())}
        assert {id_: type_ for id_, type_ in listed.items() if type_ != "aws:ecr/repository:Repository"} == recorded


def test_a_stack_with_a_longer_name_is_another_one(prod_layer: Layer, project: Project, tmp_path: Path) -> None:
    for name in ("Pulumi.yaml", "Pulumi.prod.yaml"):
        shutil.copy(project.folder / name, tmp_path)
    shutil.copy(tmp_path / "Pulumi.prod.yaml", tmp_path / "Pulumi.prod-eu.yaml")
    stack_file = dataclasses.replace(prod_layer.stack_file, project=load_project(tmp_path))
    search = Search(stack_file, Aws(prod_layer.client))
    assert [search.has_own_name(name) for name in ("tak-base-prod", "tak-base-prod-vpc")] == [True, True]
    assert [search.has_own_name(name) for name in ("tak-base-prod-eu", "tak-base-prod-eu-vpc")] == [False, False]
    assert search.has_own_name("tak-base-production") is False


@pytest.mark.usefixtures("undone")
def test_a_resource_with_the_tags_of_another_stack_is_no_leftover(prod_layer: Layer) -> None:
    ec2, kms = prod_layer.client("ec2"), prod_layer.client("kms")
    for tags in ({"Environment": "test"}, {"Component": "WebServer"}, {"Project": "Other"}):
        ec2.create_vpc(CidrBlock="10.9.0.0/20", TagSpecifications=tagged_as("vpc", "vpc", tags))
        every = TAGS | tags
        kms.create_key(Tags=[{"TagKey": key, "TagValue": value} for key, value in every.items()])
    prod_layer.client("logs").create_log_group(logGroupName="/tak-base-prod/web")
    assert found_by(Case(prod_layer).deployment()) == []


@pytest.mark.usefixtures("undone")
def test_default_tags_that_do_not_name_the_stack_say_nothing(prod_layer: Layer) -> None:
    tags = {"Project": "TAK"}
    values = {**prod_layer.stack_file.values, "aws:defaultTags": {"tags": tags}}
    layer = dataclasses.replace(prod_layer, stack_file=dataclasses.replace(prod_layer.stack_file, values=values))
    prod_layer.client("ec2").allocate_address(
        Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": [{"Key": "Project", "Value": "TAK"}]}]
    )
    assert found_by(Case(layer).deployment()) == []


@pytest.mark.usefixtures("undone")
def test_without_the_state_the_outputs_and_what_they_use_are_known(layer: Layer) -> None:
    deployment = dataclasses.replace(Case(layer).deployment(), state=None)
    assert found_by(deployment) == []
    name, stack = layer.stack_file.settings.name, layer.stack_file.stack
    specification = [{"Key": key, "Value": value} for key, value in (TAGS | {"Environment": stack}).items()]
    specification.append({"Key": "Name", "Value": f"{name}-internet-gateway"})
    gateway = layer.client("ec2").create_internet_gateway(
        TagSpecifications=[{"ResourceType": "internet-gateway", "Tags": specification}]
    )["InternetGateway"]["InternetGatewayId"]
    fresh = dataclasses.replace(deployment, aws=Aws(layer.client))
    assert found_by(fresh) == [
        f"leftovers: {gateway}: found ec2 InternetGateway {name}-internet-gateway, neither in the stack's outputs nor"
        " used by what they name, expected only resources of the stack; --state says which these are"
    ]


def test_without_the_state_a_type_that_no_output_leads_to_is_known_by_the_name_that_the_program_gives(
    layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "_ids_in_use", lambda deployment: set())
    known = leftovers.known_ids(dataclasses.replace(Case(layer).deployment(), state=None), LISTERS)
    named = {
        item.id
        for item in layer.recording.resources
        if item.type in LISTERS and ("name" in item.inputs or "Name" in item.inputs.get("tags", {}))
    }
    assert named
    assert named - known == set()


# Pending operations


def test_each_resource_is_found_by_the_inputs_of_its_creation(full_layer: Layer) -> None:
    search = full_layer.search
    items = [item for item in full_layer.recording.resources if not item.type.startswith("awsx:")]
    state = State({}, (), tuple(map(operation_of, items)))
    answers = {item.operation.urn: item for item in pending.examine(state, search)}
    for item in items:
        answer = answers[item.urn]
        if pending.is_set_again(item.type):
            assert answer.answer in ("set again", "made"), item.name
        else:
            assert answer.answer == "made", item.name
            (found,) = answer.found
            # The simulated AWS has IDs of its own for routes.
            assert found.id == item.id or item.type == "aws:ec2/route:Route", item.name


def test_a_route_has_the_id_that_the_provider_makes(prod_layer: Layer) -> None:
    route, table = prod_layer.recording.named("tak-route-public-ipv4"), prod_layer.route_table_id("public", "a")
    (found,) = candidates(prod_layer.search, route.type, route.inputs)
    assert (found.id, found.import_id) == (f"r-{table}1080289494", f"{table}_0.0.0.0/0")


def test_what_the_state_has_is_not_what_a_pending_creation_has_made(prod_layer: Layer) -> None:
    known = simulated_deployment(prod_layer.stack_file, prod_layer.recording, prod_layer.cloud).state or ()
    (vpc,) = prod_layer.recording.of_type("Vpc")
    (answer,) = pending.examine(State({}, tuple(known), (operation_of(vpc),)), prod_layer.search)
    assert (answer.answer, answer.found) == ("not made", ())


@pytest.mark.usefixtures("undone")
def test_what_an_update_since_has_made_again_is_to_be_deleted_and_not_adopted(prod_layer: Layer) -> None:
    old = prod_layer.client("ec2").create_vpc(CidrBlock="10.1.16.0/20", TagSpecifications=tagged_as("vpc", "vpc"))
    (vpc,) = prod_layer.recording.of_type("Vpc")
    document = state_of([vpc])
    document["deployment"]["resources"].append({"urn": vpc.urn, "type": vpc.type, "id": vpc.id})
    state = state_in(document, prod_layer.stack_file)
    (answer,) = items = [*pending.examine(state, prod_layer.search)]
    assert (answer.answer, [found.id for found in answer.found]) == ("made again", [old["Vpc"]["VpcId"]])
    (resource,) = pending.adopted(state, items)["deployment"]["resources"]
    assert resource["id"] == vpc.id


@pytest.mark.usefixtures("undone")
def test_several_that_look_the_same_are_left_to_a_person(prod_layer: Layer) -> None:
    other = prod_layer.client("ec2").create_vpc(CidrBlock="10.1.16.0/20", TagSpecifications=tagged_as("vpc", "vpc"))[
        "Vpc"
    ]["VpcId"]
    (vpc,) = prod_layer.recording.of_type("Vpc")
    document = state_of([vpc])
    state = state_in(document, prod_layer.stack_file)
    (answer,) = items = [*pending.examine(state, prod_layer.search)]
    assert answer.answer == "several"
    assert {found.id for found in answer.found} == {vpc.id, other}
    with pytest.raises(InputError) as stopped:
        pending.adopted(state, items)
    assert stopped.value.problems == ("--adopt: tak-vpc: AWS has several that could be it: delete all but one",)


def test_what_aws_does_not_answer_is_not_known_and_not_adopted(prod_layer: Layer) -> None:
    def refuse(**request: Any) -> tuple[Any, dict[str, Any]]:
        return type("Answer", (), {"status_code": 403})(), {"Error": {"Code": "UnauthorizedOperation"}}

    (vpc,) = prod_layer.recording.of_type("Vpc")
    (address, _) = prod_layer.recording.of_type("Eip")
    document = state_of([vpc, address])
    state = state_in(document, prod_layer.stack_file)
    with answering(prod_layer, "ec2.DescribeVpcs", refuse):
        items = [*pending.examine(state, prod_layer.search)]
    assert [(item.operation.name, item.answer) for item in items] == [("tak-vpc", "unknown"), (address.name, "made")]
    with pytest.raises(InputError) as stopped:
        pending.adopted(state, items)
    (problem,) = stopped.value.problems
    assert problem.startswith("--adopt: tak-vpc: AWS: ec2:DescribeVpcs: found UnauthorizedOperation, expected")


def state_of(items: list[Registration], kind: str = "creating") -> dict[str, Any]:
    """What `pulumi stack export` prints of a stack whose first update was killed."""
    operations = [
        {"resource": {"urn": item.urn, "type": item.type, "custom": True, "inputs": inputs_of(item)}, "type": kind}
        for item in items
    ]
    return {"version": 3, "deployment": {"manifest": {}, "resources": [], "pending_operations": operations}}


def state_in(document: dict[str, Any], stack_file: StackFile) -> State:
    return parse_state(stack_file, document, "state.json")


# The command


def run(
    project: Project, tmp_path: Path, document: Any, *, adopt_file: Path | None = None, as_json: bool = False
) -> int:
    path = tmp_path / "state.json"
    path.write_text(json.dumps(document))
    return pending.run(project.folder, "prod", state_file=path, adopt_file=adopt_file, as_json=as_json)


@pytest.mark.usefixtures("known_clients")
def test_without_pending_operations_the_command_returns_0(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(project, tmp_path, state_of([])) == 0
    assert capsys.readouterr().out == "tak-base-prod: no pending operations.\n"


@pytest.mark.usefixtures("known_clients")
def test_the_command_names_each_resource_and_how_to_keep_or_delete_it(
    prod_layer: Layer, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (vpc,) = prod_layer.recording.of_type("Vpc")
    assert run(project, tmp_path, state_of([vpc])) == 1
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    (row,) = [line for line in lines if vpc.id in line and "│" in line]
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells == ["creating", "ec2 Vpc", "tak-vpc", "AWS has it", vpc.id]
    assert "tak-base pending --stack prod --adopt state.json" in lines
    assert f"aws ec2 delete-vpc --vpc-id {vpc.id} --region ap-southeast-2" in lines
    assert lines[-1] == "pulumi refresh --stack prod --clear-pending-creates"


@pytest.mark.usefixtures("known_clients")
def test_adopt_writes_a_state_that_has_what_aws_has_and_nothing_pending(
    prod_layer: Layer, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (vpc,) = prod_layer.recording.of_type("Vpc")
    document, path = state_of([vpc, prod_layer.recording.named("tak-config-versioning")]), tmp_path / "adopted.json"
    gone = json.loads(json.dumps(document["deployment"]["pending_operations"][0]))
    gone["resource"] |= {"urn": f"{vpc.urn}-2", "inputs": {"tags": {"Name": "tak-base-prod-other"}, "__defaults": []}}
    document["deployment"]["pending_operations"].append(gone)
    assert run(project, tmp_path, document, adopt_file=path) == 1
    assert f"pulumi stack import --stack prod --file {path}" in capsys.readouterr().out
    adopted = json.loads(path.read_text())
    (resource,) = adopted["deployment"]["resources"]
    assert adopted["deployment"].keys() == {"manifest", "resources"}
    assert (resource["urn"], resource["id"]) == (vpc.urn, vpc.id)
    assert resource["outputs"] == {**vpc.inputs, "id": vpc.id}
    assert adopted["version"] == 3
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("known_clients")
def test_where_aws_has_nothing_the_pending_creations_are_to_be_cleared(
    prod_layer: Layer, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = state_of([prod_layer.recording.named("tak-config-versioning")])
    assert run(project, tmp_path, document) == 1
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[-4:] == [
        "The state needs none of them. While no update of the stack is running:",
        "pulumi cancel --yes --stack prod",
        "pulumi refresh --stack prod --clear-pending-creates",
        "pulumi up --stack prod",
    ]


@pytest.mark.usefixtures("known_clients")
def test_what_was_updated_or_deleted_is_for_a_refresh(
    prod_layer: Layer, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (vpc,) = prod_layer.recording.of_type("Vpc")
    assert run(project, tmp_path, state_of([vpc], kind="deleting"), as_json=True) == 1
    (row,) = json.loads(capsys.readouterr().out)["pending"]
    assert row == {
        "urn": vpc.urn,
        "type": "aws:ec2/vpc:Vpc",
        "name": "tak-vpc",
        "operation": "deleting",
        "answer": "refreshed",
        "reason": None,
        "found": [],
    }


@pytest.mark.usefixtures("known_clients")
def test_a_type_of_another_layer_is_not_guessed_at(
    prod_layer: Layer, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (vpc,) = prod_layer.recording.of_type("Vpc")
    document = state_of([vpc])
    document["deployment"]["pending_operations"][0]["resource"]["type"] = "aws:lb/loadBalancer:LoadBalancer"
    assert run(project, tmp_path, document, as_json=True) == 1
    (row,) = json.loads(capsys.readouterr().out)["pending"]
    assert (row["answer"], row["reason"]) == ("unknown", "not a type of the base layer: look for it on AWS")


@pytest.mark.parametrize("document", [[], {}, {"deployment": {"pending_operations": [{"type": "creating"}]}}])
def test_a_file_that_is_no_state_is_one_line(project: Project, tmp_path: Path, document: Any) -> None:
    with pytest.raises(InputError) as stopped:
        run(project, tmp_path, document)
    (problem,) = stopped.value.problems
    assert problem.startswith(f"{tmp_path / 'state.json'}: ")


@pytest.mark.usefixtures("known_clients")
def test_a_file_that_cannot_be_written_is_one_line(project: Project, tmp_path: Path) -> None:
    with pytest.raises(InputError) as stopped:
        run(project, tmp_path, state_of([]), adopt_file=tmp_path / "none" / "adopted.json")
    assert stopped.value.problems == (f"--adopt: {tmp_path / 'none' / 'adopted.json'}: No such file or directory",)
