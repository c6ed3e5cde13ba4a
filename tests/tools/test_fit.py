"""`tak-base fit`: layers that fit have no fault, and each damage has its fault."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tak_base.outputs import SUITE_EXPORTS
from tak_tools.cli import app
from tak_tools.errors import InputError
from tak_tools.fit import command
from tak_tools.fit.capacity import addresses, full_subnets, services, unreachable_services
from tak_tools.fit.checks import CHECKS, Case, Finding, find
from tak_tools.fit.stack import KINDS, Stack, stack_of
from tak_tools.fit.template import is_known, read_layers, readable
from tak_tools.stack_file import Project
from tests.options import SUITE, with_options
from tests.tools.fit_templates import AUTH, BREAKS, MAP, Break, Template, broken, imported, join, properties, ref

Fit = Callable[..., Case]


@pytest.fixture(scope="module")
def stack(project: Project) -> Stack:
    return stack_of(with_options(project, "prod", **SUITE))


@pytest.fixture
def fit(stack: Stack, tmp_path: Path) -> Fit:
    """`fit({"TAK-Prod-AuthInfra": template})`: the case of layers by the names of their stacks."""

    def case(layers: dict[str, Any], on: Stack = stack, other_suites: tuple[str, ...] = ()) -> Case:
        paths = []
        for name, template in layers.items():
            paths.append(tmp_path / f"{name}.template.json")
            paths[-1].write_text(json.dumps(template).replace("IMAGES", on.repository_name))
        return Case(on, tuple(read_layers(paths, on.region, on.exports)), frozenset(other_suites))

    return case


def everything_found(case: Case) -> list[Finding]:
    return [*find(case), *full_subnets(case), *unreachable_services(case)]


def faults(case: Case) -> list[tuple[str, str, str]]:
    return [(item.check, item.resource, item.property) for item in everything_found(case) if item.level == "fault"]


GOOD = {"TAK-Prod-CloudTAK": MAP, "TAK-Prod-AuthInfra": AUTH}


# What fits


def test_layers_that_fit_have_neither_faults_nor_notes(fit: Fit) -> None:
    assert everything_found(fit(GOOD)) == []


@pytest.mark.parametrize("damage", BREAKS, ids=[item.__name__ for item in BREAKS])
def test_what_does_not_fit_is_found_and_nothing_else(fit: Fit, damage: Break) -> None:
    template, expected = broken(damage)

    assert {*faults(fit({**GOOD, "TAK-Prod-AuthInfra": template}))} == {expected}


def test_every_check_is_broken_at_least_once() -> None:
    broken_checks = {broken(damage)[1][0] for damage in BREAKS}

    # The first two have notes only, and the last needs another stack.
    assert CHECKS.keys() - broken_checks == {"nested-stacks", "bucket-names", "ecs-exec"}


def test_a_stack_without_the_suite_says_which_key_to_set(fit: Fit, project: Project) -> None:
    plain = stack_of(with_options(project, "prod", natGateways=2))
    messages = [item.message for item in find(fit(GOOD, on=plain)) if item.check == "imports"]

    assert [message.partition(", but ")[2] for message in messages] == [
        "the stack prod has no exports: set tak-base:takSuite: Prod"
    ] * len(GOOD)


def test_a_smaller_stack_lacks_addresses_and_says_which_key_to_set(fit: Fit, project: Project) -> None:
    small = stack_of(with_options(project, "prod", **SUITE, privateSubnetPrefix=26))
    template = copy.deepcopy(AUTH)
    properties(template, "Scaling")["MaxCapacity"] = 60
    one, other = full_subnets(fit({"TAK-Prod-AuthInfra": template}, on=small))

    assert (one.message.split()[0], other.message.split()[0]) == ("private-a", "private-b")
    assert one.message.endswith(": set tak-base:privateSubnetPrefix to 24")


def test_where_ecs_exec_is_audited_the_task_role_needs_permissions(fit: Fit, project: Project) -> None:
    audited = stack_of(with_options(project, "prod", **SUITE, ecsExec="audited"))
    assert faults(fit(GOOD, on=audited)) == []

    template = copy.deepcopy(AUTH)
    properties(template, "Policy")["PolicyDocument"] = {"Statement": []}
    (fault,) = find(fit({"TAK-Prod-AuthInfra": template}, on=audited))
    assert (fault.check, fault.resource) == ("ecs-exec", "Service")
    assert "Role lacks kms:Decrypt and logs:PutLogEvents" in fault.message


def test_images_of_several_components_under_one_count_expire_one_another(fit: Fit, project: Project) -> None:
    options = {"hostedZoneName": "tak.example.org", "repositories": ["artifacts"]}
    counted = stack_of(with_options(project, "prod", **options, imageTagPrefixes=["artifacts/a", "artifacts/c"]))
    repository = counted.further_repository_urls["artifacts"]
    containers = [
        {"Image": f"{repository}:{tag}"} for tag in ("authentik-1", "auth-0123abcd", "cloudtak-1", "cloudtak-v2")
    ]
    template = {
        "Resources": {"Tasks": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": containers}}}
    }

    assert [path for _, _, path in faults(fit({"TAK-Prod-X": template}, on=counted))] == [
        "ContainerDefinitions[0].Image",
        "ContainerDefinitions[1].Image",
    ]


def test_an_image_without_a_prefix_never_expires_which_is_a_note(fit: Fit) -> None:
    template = json.loads(json.dumps(AUTH).replace("authentik-2026.5.6-tak-nz-r1", "v1.3.0"))
    (note,) = find(fit({"TAK-Prod-AuthInfra": template}))

    assert (note.level, note.property) == ("note", "ContainerDefinitions[0].Image")


def test_a_bucket_of_somebody_else_is_a_note(fit: Fit) -> None:
    role = {
        "Policies": [{"PolicyDocument": {"Statement": [{"Effect": "Allow", "Resource": "arn:aws:s3:::nz-imagery/*"}]}}]
    }
    (note,) = find(fit({"X": {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": role}}}}))

    assert (note.check, note.level) == ("bucket-names", "note")


def test_an_import_of_a_layer_that_is_not_given_is_listed_once(fit: Fit) -> None:
    (note,) = find(fit({"TAK-Prod-CloudTAK": MAP}))

    assert note.message == "imports TAK-Prod-AuthInfra-AuthentikUrl of a layer that is not among the templates"


def test_layers_on_the_suite_of_another_stack_file_are_compared_by_their_names_only(fit: Fit) -> None:
    other = json.loads(json.dumps(AUTH).replace("Prod", "Dev").replace("tak-prod", "tak-dev"))
    case = fit({"TAK-Prod-AuthInfra": AUTH, "TAK-Dev-AuthInfra": other}, other_suites=("Dev",))

    assert faults(case) == [("claimed-names", "Logs", "LogGroupName")]
    assert [item.layer for item in find(case) if item.level == "note"] == ["TAK-Dev-AuthInfra"]


def test_every_exported_value_has_a_kind() -> None:
    assert SUITE_EXPORTS.keys() == KINDS.keys()


# Capacity


def test_the_addresses_of_each_subnet_are_counted(fit: Fit, stack: Stack) -> None:
    rows = {row.subnet: row for row in addresses(fit(GOOD))}
    own = {subnet.role: subnet.taken for subnet in stack.subnets.values()}

    # Half of the tasks and instances; a load balancer, a service with one task and a scheduled one in public ones.
    assert (rows["private-a"].steady, rows["private-a"].at_limits) == (
        own["private-a"] + 1 + 1,
        own["private-a"] + 5 + 1,
    )
    assert rows["private-b"].deploying == own["private-b"] + 10 + 1
    assert rows["public-a"].steady == own["public-a"] + 1 + 1 + 1


def test_a_service_without_an_endpoint_needs_a_nat_gateway(fit: Fit) -> None:
    called = {service.name: service.endpoint for service in services(fit(GOOD))}

    assert called == {"kms": True, "logs": True, "s3": True, "ssmmessages": False}


def test_without_nat_gateways_a_service_without_an_endpoint_is_a_fault(fit: Fit, project: Project) -> None:
    closed = stack_of(with_options(project, "prod", **SUITE, natGateways=0))
    (fault,) = unreachable_services(fit(GOOD, on=closed))

    assert (fault.layer, fault.message) == (
        "TAK-Prod-AuthInfra",
        "calls ssmmessages, and there is no endpoint for it and no NAT gateway: add ssmmessages to"
        " tak-base:vpcEndpoints",
    )


# Templates


def values_of(tmp_path: Path, template: Template, **exports: str) -> dict[str, Any]:
    path = tmp_path / "Layer.template.json"
    path.write_text(json.dumps(template))
    (layer,) = read_layers([path], "ap-southeast-2", exports)
    return {resource.name: resource.properties.get("Value") for resource in layer.resources}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Fn::Join": ["-", ["a", {"Ref": "AWS::Region"}]]}, "a-ap-southeast-2"),
        ({"Fn::Sub": "${AWS::StackName}/${P}/${!P}"}, "Layer/given/${P}"),
        ({"Fn::Sub": ["${A}-${P}", {"A": {"Ref": "P"}}]}, "given-given"),
        ({"Fn::Select": ["1", {"Fn::Split": [":", "a:b:c"]}]}, "b"),
        ({"Fn::FindInMap": ["Map", "one", {"Ref": "P"}]}, "found"),
        ({"Fn::If": ["Yes", "a", "b"]}, "a"),
        ({"Fn::If": ["No", "a", {"Fn::If": ["Both", "c", "d"]}]}, "d"),
        ({"Fn::If": ["No", {"Ref": "AWS::NoValue"}, ["a", {"Ref": "AWS::NoValue"}]]}, ["a"]),
        ({"Fn::ImportValue": {"Fn::Sub": "${P}-x"}}, "imported"),
        ({"Fn::GetAtt": ["Other", "Arn"]}, "{Other.Arn}"),
        ({"Fn::GetAtt": "Other.Arn"}, "{Other.Arn}"),
        ({"Fn::Split": [":", {"Ref": "Other"}]}, "{?}"),
        ({"Fn::Select": [7, ["a"]]}, "{?}"),
        ({"Fn::Transform": {"Name": "x"}}, "{?}"),
        ({"Fn::If": ["Unknown", "a", "b"]}, "{?}"),
        ({"Fn::If": ["Unknown", "a", "a"]}, "a"),
        ({"Ref": "WithoutDefault"}, "{WithoutDefault}"),
        ({"Ref": "OfSystemsManager"}, "{OfSystemsManager}"),
        (12, 12),
    ],
)
def test_functions_have_the_value_that_cloudformation_gives_them(tmp_path: Path, value: Any, expected: Any) -> None:
    template = {
        "Parameters": {
            "P": {"Type": "String", "Default": "given"},
            "WithoutDefault": {"Type": "String"},
            "OfSystemsManager": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/name"},
        },
        "Mappings": {"Map": {"one": {"given": "found"}}},
        "Conditions": {
            "Yes": {"Fn::Equals": [{"Ref": "P"}, "given"]},
            "No": {"Fn::Not": [{"Condition": "Yes"}]},
            "Both": {"Fn::And": [{"Condition": "Yes"}, {"Condition": "No"}]},
            "Unknown": {"Fn::Or": [{"Condition": "No"}, {"Fn::Equals": [{"Ref": "WithoutDefault"}, ""]}]},
        },
        "Resources": {"It": {"Type": "T", "Properties": {"Value": value}}, "Other": {"Type": "T"}},
    }
    found = values_of(tmp_path, template, **{"given-x": "imported"})["It"]

    assert (readable(found) if isinstance(found, str) else found) == expected


def test_short_tags_of_yaml_are_functions(tmp_path: Path) -> None:
    path = tmp_path / "TAK-Prod-Yaml.yaml"
    path.write_text(
        """
AWSTemplateFormatVersion: 2010-09-09
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      VpcId: !ImportValue
        Fn::Sub: "${AWS::StackName}-VpcId"
      GroupDescription: !Join ["-", [!Ref AWS::Region, !GetAtt Other.Arn, !Select [0, !Split [":", "a:b"]]]]
      Version: 2012-10-17
"""
    )
    (layer,) = read_layers([path], "us-west-2", {"TAK-Prod-Yaml-VpcId": "vpc-1"})
    (group,) = layer.resources

    assert group.properties["VpcId"] == "vpc-1"
    assert readable(group.properties["GroupDescription"]) == "us-west-2-{Other.Arn}-a"
    assert group.properties["Version"] == "2012-10-17"


def test_nested_stacks_get_their_parameters_and_are_no_layers_of_their_own(tmp_path: Path) -> None:
    nested = {
        "Parameters": {"Vpc": {"Type": "String"}},
        "Resources": {"Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"VpcId": ref("Vpc")}}},
        "Outputs": {"Vpc": {"Value": ref("Vpc")}},
    }
    parent = {
        "Resources": {
            "User": {"Type": "T", "Properties": {"Value": {"Fn::GetAtt": ["Inner", "Outputs.Vpc"]}}},
            "Inner": {
                "Type": "AWS::CloudFormation::Stack",
                "Metadata": {"aws:asset:path": "inner.nested.template.json", "aws:asset:property": "TemplateURL"},
                "Properties": {"Parameters": {"Vpc": imported("VpcId")}, "TemplateURL": join("https://", ref("B"))},
            },
        }
    }
    paths = [tmp_path / "inner.nested.template.json", tmp_path / "Parent.template.json"]
    for path, body in zip(paths, (nested, parent), strict=True):
        path.write_text(json.dumps(body))
    (layer,) = read_layers(paths, "ap-southeast-2", {"TAK-Prod-BaseInfra-VpcId": "vpc-1"})
    found = {resource.name: resource.properties for resource in layer.resources}

    assert found["Inner/Group"] == {"VpcId": "vpc-1"}
    assert found["User"] == {"Value": "vpc-1"}


def test_a_nested_stack_that_cannot_be_read_is_a_note(fit: Fit) -> None:
    url = {"TemplateURL": "https://s3.amazonaws.com/bucket/nested.json"}
    (note,) = find(fit({"X": {"Resources": {"Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": url}}}}))

    assert (note.level, note.resource) == ("note", "Inner")


def test_layers_import_from_one_another_in_any_order(tmp_path: Path) -> None:
    handle = {"Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}
    for name, value in (("C", "literal"), ("B", {"Fn::ImportValue": "C"}), ("A", {"Fn::ImportValue": "B"})):
        outputs = {"Out": {"Value": value, "Export": {"Name": name}}}
        (tmp_path / f"{name}.json").write_text(json.dumps({"Resources": handle, "Outputs": outputs}))
    layers = read_layers([tmp_path / f"{name}.json" for name in "ABC"], "ap-southeast-2", {})

    assert [layer.exports for layer in layers] == [{name: "literal"} for name in "ABC"]


def test_layers_that_import_from_one_another_in_a_circle_have_values_that_are_not_known(tmp_path: Path) -> None:
    handle = {"Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}
    for name, other in (("A", "B"), ("B", "A")):
        outputs = {"Out": {"Value": {"Fn::ImportValue": other}, "Export": {"Name": name}}}
        (tmp_path / f"{name}.json").write_text(json.dumps({"Resources": handle, "Outputs": outputs}))
    layers = read_layers([tmp_path / "A.json", tmp_path / "B.json"], "ap-southeast-2", {})

    assert not any(is_known(value) for layer in layers for value in layer.exports.values())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "No such file or directory"),
        ("{", "neither JSON nor YAML"),
        ("a: [", "neither JSON nor YAML"),
        ("[]", "found no Resources"),
        ("{}", "found no Resources"),
        ("Resources: {A: 1}", "resource A: found no Type"),
        ("Resources: {A: {Type: T, Properties: []}}", "resource A: Properties: expected names with values"),
        ("Resources: {A: {Type: T}}\nOutputs: {B: 1}", "Outputs: expected a block for each name"),
        ("Resources: {A: {Type: T}}\nConditions: [1]", "Conditions: expected names with values"),
        ("\x00", "neither JSON nor YAML"),
        ("Resources: {A: {Type: T, Properties: &a {B: *a}}}", "a block that contains itself"),
    ],
)
def test_a_file_that_is_no_template_is_one_line(tmp_path: Path, text: str | None, problem: str) -> None:
    path = tmp_path / "layer.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_layers([path], "ap-southeast-2", {})
    (line,) = caught.value.problems
    assert line.startswith(f"{path}: {problem}")
    assert "\n" not in line


# The command


def test_the_command_prints_layers_findings_and_capacity(project: Project, tmp_path: Path) -> None:
    for name in ("__main__.py", "Pulumi.yaml", "Pulumi.prod.yaml"):
        (tmp_path / name).write_text((project.folder / name).read_text())
    with (tmp_path / "Pulumi.prod.yaml").open("a") as file:
        file.write("".join(f"  tak-base:{key}: {value}\n" for key, value in SUITE.items()))
    template = tmp_path / "TAK-Prod-AuthInfra.yaml"
    template.write_text(yaml.safe_dump(AUTH))
    arguments = ["fit", str(template), "--stack", "prod", "--folder", str(tmp_path)]

    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert "0 faults: the layers fit on prod." in result.stdout
    assert "Through a NAT gateway: USD " in result.stdout
    document = json.loads(CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False).stdout)
    assert document["layers"][0]["faults"] == 0
    assert [row["subnet"] for row in document["addresses"]] == ["public-a", "public-b", "private-a", "private-b"]


def test_a_fault_makes_the_exit_code_1(project: Project, tmp_path: Path) -> None:
    template = tmp_path / "TAK-Prod-AuthInfra.template.json"
    template.write_text(json.dumps(AUTH))

    # The stack file of the repository has no takSuite.
    assert command.run(project.folder, [template], "prod", as_json=True) == 1
