"""What `tak-base tenants` finds on a layer that others use, what it says where AWS does not answer, and its command."""

import dataclasses
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from tak_tools import tenants
from tak_tools.aws import iam_action
from tak_tools.errors import InputError
from tak_tools.stack_file import Project
from tests.deployed.case import ACCOUNT, OTHER_ACCOUNT, Case
from tests.deployed.layer import Layer
from tests.deployed.resources import push, run_service
from tests.deployed.test_verify import answering, calls_of

pytestmark = pytest.mark.slow

Row = tuple[str, str, str]
"""kind, ID, and what it is"""

PLANTS: list[Callable[[Case], Iterable[Row]]] = []
"""Each puts something on the layer that is not of it, and gives the rows to expect."""


def plants(function: Callable[[Case], Iterable[Row]]) -> Callable[[Case], Iterable[Row]]:
    PLANTS.append(function)
    return function


def rows_of(case: Case, *, with_state: bool = True) -> list[Row]:
    deployment = case.deployment()
    answers = tenants.ask(deployment if with_state else dataclasses.replace(deployment, state=None))
    assert [answer.unanswered for answer in answers if answer.unanswered] == []
    return sorted((row.kind, row.id, row.what) for answer in answers if answer.question.tenants for row in answer.rows)


UUID = "0a1b2c3d-0000-1111-2222-333344445555"
DESCRIPTIONS = {
    f"arn:aws:ecs:ap-southeast-2:{ACCOUNT}:attachment/{UUID}": f"ECS task, attachment {UUID}",
    "RDSNetworkInterface": "RDS",
    "EFS mount target for fs-0123456789abcdef0 (fsmt-0123456789abcdef0)": "EFS fs-0123456789abcdef0",
    f"AWS Lambda VPC ENI-tak-etl-{UUID}": "Lambda function tak-etl",
    "ELB app/tak/50dc6c495c0c9188": "load balancer app/tak/50dc6c495c0c9188",
    "a bastion": "a bastion, available",
}


@plants
def interfaces(case: Case) -> Iterable[Row]:
    for description, owner in DESCRIPTIONS.items():
        yield "network interface", interface(case, description), owner


@plants
def an_interface_of_a_service_that_is_not_known(case: Case) -> Iterable[Row]:
    id_ = interface(case, "AWS created network interface for directory d-1")
    made = case.moto("ec2").enis[id_]
    made.requester_managed, made.requester_id = True, "amazon-x"
    yield "network interface", id_, "made by amazon-x, AWS created network interface for directory d-1, available"


@plants
def an_instance_of_the_cluster(case: Case) -> Iterable[Row]:
    (instance,) = case.ec2.run_instances(
        ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=case.subnet_id("private", "a")
    )["Instances"]
    (item,) = instance["NetworkInterfaces"]
    yield "network interface", item["NetworkInterfaceId"], f"EC2 instance {instance['InstanceId']}"
    made = case.moto("ecs").register_container_instance(case.cluster_name, instance["InstanceId"])
    yield "container instance", made.container_instance_arn.rsplit("/", 1)[-1], ""


def interface(case: Case, description: str) -> str:
    answer = case.ec2.create_network_interface(SubnetId=case.subnet_id("private", "a"), Description=description)
    return answer["NetworkInterface"]["NetworkInterfaceId"]


@plants
def guard_duty(case: Case) -> Iterable[Row]:
    tags = [{"ResourceType": "security-group", "Tags": [{"Key": "GuardDutyManaged", "Value": "true"}]}]
    group = case.ec2.create_security_group(
        VpcId=case.vpc_id, GroupName="GuardDutyManaged-vpc", Description="managed", TagSpecifications=tags
    )["GroupId"]
    yield "security group", group, "GuardDuty, GuardDutyManaged-vpc"
    yield from endpoint(case, "com.amazonaws.ap-southeast-2.guardduty-data", "GuardDuty, ")


@plants
def a_second_endpoint_of_a_service_of_the_layer(case: Case) -> Iterable[Row]:
    yield from endpoint(case, "com.amazonaws.ap-southeast-2.ecr.api")


def endpoint(case: Case, service: str, owner: str = "") -> Iterable[Row]:
    made = case.ec2.create_vpc_endpoint(
        VpcEndpointType="Interface",
        VpcId=case.vpc_id,
        ServiceName=service,
        SubnetIds=[case.subnet_id("private", "b")],
        PrivateDnsEnabled=False,
    )["VpcEndpoint"]
    id_ = made["VpcEndpointId"]
    yield "VPC endpoint", id_, f"{owner}{service}"
    for item in made["NetworkInterfaceIds"]:
        yield "network interface", item, f"VPC endpoint {id_}, {owner}{service}"


@plants
def parts_of_the_network(case: Case) -> Iterable[Row]:
    ec2, vpc = case.ec2, case.vpc_id
    name = [{"Key": "Name", "Value": "other"}]
    base = case.ipv4_range.rsplit(".", 2)
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"{base[0]}.{int(base[1]) + 8}.0/24")["Subnet"]["SubnetId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    group = ec2.create_security_group(VpcId=vpc, GroupName="web", Description="web")["GroupId"]
    for id_ in (subnet, table, acl, group):
        ec2.create_tags(Resources=[id_], Tags=name)
    yield "subnet", subnet, "other"
    yield "route table", table, "other"
    yield "network ACL", acl, "other"
    yield "security group", group, "other"
    gateway = ec2.create_nat_gateway(SubnetId=case.subnet_id("public", "a"), ConnectivityType="private")["NatGateway"]
    id_, (address,) = gateway["NatGatewayId"], gateway["NatGatewayAddresses"]
    yield "NAT gateway", id_, "no name"
    yield "network interface", address["NetworkInterfaceId"], f"NAT gateway {id_}"


@plants
def connections_to_other_networks(case: Case) -> Iterable[Row]:
    ec2, vpc = case.ec2, case.vpc_id
    other = ec2.create_vpc(CidrBlock="10.255.0.0/20")["Vpc"]["VpcId"]
    for requester, accepter in ((vpc, other), (other, vpc)):
        made = ec2.create_vpc_peering_connection(VpcId=requester, PeerVpcId=accepter)["VpcPeeringConnection"]
        yield "peering connection", made["VpcPeeringConnectionId"], "no name"
    gateway = ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    ec2.attach_vpn_gateway(VpcId=vpc, VpnGatewayId=gateway)
    yield "VPN gateway", gateway, "no name"
    transit = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    made = ec2.create_transit_gateway_vpc_attachment(
        TransitGatewayId=transit, VpcId=vpc, SubnetIds=[case.subnet_id("private", "a")]
    )["TransitGatewayVpcAttachment"]
    yield "transit gateway attachment", made["TransitGatewayAttachmentId"], "no name"


@plants
def a_cloudformation_stack(case: Case) -> Iterable[Row]:
    export = f"{case.layer.stack_file.settings.suite_stack_name}-VpcId"
    group = {"GroupDescription": "tak", "GroupName": "tak", "VpcId": {"Fn::ImportValue": export}}
    template = {"Resources": {"Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": group}}}
    cloudformation = case.client("cloudformation")
    cloudformation.create_stack(StackName="TAK-Prod-TakInfra", TemplateBody=json.dumps(template))
    (made,) = cloudformation.describe_stack_resources(StackName="TAK-Prod-TakInfra")["StackResources"]
    yield "security group", made["PhysicalResourceId"], "CloudFormation stack TAK-Prod-TakInfra, tak"
    yield "import", export, "CloudFormation stack TAK-Prod-TakInfra"


@plants
def the_cluster(case: Case) -> Iterable[Row]:
    run_service(case, ":tak-1", "auth")
    yield "ECS service", "auth", "0 tasks, 0 desired"
    network = {"awsvpcConfiguration": {"subnets": [case.subnet_id("private", "a")]}}
    (task,) = case.client("ecs").run_task(
        cluster=case.cluster_name, taskDefinition="tak", launchType="FARGATE", networkConfiguration=network
    )["tasks"]
    yield "ECS task", task["taskArn"].rsplit("/", 1)[-1], task.get("group", "")


@plants
def grants(case: Case) -> Iterable[Row]:
    kms = case.client("kms")
    made = kms.create_grant(
        KeyId=case.key_arn,
        GranteePrincipal="rds.ap-southeast-2.amazonaws.com",
        Operations=["Decrypt"],
        Constraints={"EncryptionContextSubset": {"aws:rds:db-id": "db-1"}},
    )
    yield "grant", made["GrantId"], "rds.ap-southeast-2.amazonaws.com, aws:rds:db-id=db-1"
    own = case.repository_arns
    for arn in own:
        kms.create_grant(
            KeyId=case.key_arn,
            GranteePrincipal="ecr.ap-southeast-2.amazonaws.com",
            Operations=["Decrypt"],
            Constraints={"EncryptionContextSubset": {"aws:ecr:arn": arn}},
        )


@plants
def a_user_of_the_certificate(case: Case) -> Iterable[Row]:
    name = "loadbalancer/app/tak/50dc6c495c0c9188"
    arn = f"arn:aws:elasticloadbalancing:ap-southeast-2:{ACCOUNT}:{name}"
    case.moto("acm")._certificates[case.certificate_arn].in_use_by.append(arn)
    yield "use of the certificate", name, "elasticloadbalancing"


# tests/deployed/test_breaks.py has the tests that there are none on a fresh layer, and that all of these are found.


@pytest.mark.usefixtures("undone")
def test_what_is_gone_or_of_another_network_is_no_tenant(prod_layer: Layer) -> None:
    case = Case(prod_layer)
    other = case.ec2.create_vpc(CidrBlock="10.255.0.0/20")["Vpc"]["VpcId"]
    subnet = case.ec2.create_subnet(VpcId=other, CidrBlock="10.255.0.0/24")["Subnet"]["SubnetId"]
    case.ec2.create_network_interface(SubnetId=subnet)
    case.ec2.create_nat_gateway(SubnetId=case.subnet_id("public", "a"), ConnectivityType="private")
    for gateway in case.moto("ec2").nat_gateways.values():
        if gateway.connectivity_type == "private":
            gateway.state = "deleted"
            case.moto("ec2").enis.pop(gateway._eni.id)
    assert rows_of(case) == []


@pytest.mark.usefixtures("undone")
def test_the_stack_itself_is_shown_with_free_addresses_and_data_and_is_no_tenant(full_layer: Layer) -> None:
    case = Case(full_layer)
    push(case, "tak-1")
    case.client("s3").put_object(Bucket=case.bucket_name, Key="a", Body=b"b")
    shown = {
        (row.kind, row.where): row.what
        for answer in tenants.ask(case.deployment())
        if not answer.question.tenants
        for row in answer.rows
    }
    (subnet,) = case.ec2.describe_subnets(SubnetIds=[case.subnet_id("private", "a")])["Subnets"]
    assert shown["subnet private a", subnet["CidrBlock"]] == f"{subnet['AvailableIpAddressCount']} of 59 addresses free"
    what = {row.id: row.what for answer in tenants.ask(case.deployment()) for row in answer.rows}
    assert (what[case.repository_name], what[case.bucket_name]) == ("1 images", "has objects")
    assert what[case.app_images_bucket_name] == "no objects"
    assert what[case.further_repository_names["artifacts"]] == "0 images"
    assert rows_of(case) == []


# What is asked of AWS


def actions() -> list[str]:
    (statement,) = tenants.policy_document()["Statement"]
    return statement["Action"]


@pytest.mark.usefixtures("undone")
def test_the_policy_has_exactly_the_actions_that_are_used_and_nothing_is_asked_twice(suite_layer: Layer) -> None:
    case = Case(suite_layer)
    for plant in PLANTS:
        list(plant(case))
    used = set()
    for state in (None, tuple(case.state)):
        deployment = dataclasses.replace(case.deployment(), state=state)
        with calls_of(suite_layer) as calls:
            tenants.check_there(deployment)
            tenants.ask(deployment)
        assert [call for call in calls if calls.count(call) > 1] == []
        used |= {iam_action(service, operation) for service, operation, _ in calls}
    assert sorted(used) == actions()
    assert [action for action in actions() if not re.fullmatch(r"[a-z0-9]+:(Describe|Get|List)[A-Za-z]+", action)] == []


# Without these it is not known whether the stack is there.
FIRST = ("ec2:DescribeVpcs", "sts:GetCallerIdentity")


@pytest.mark.parametrize("action", FIRST)
def test_a_refused_call_that_comes_first_stops_the_command_with_one_line(prod_layer: Layer, action: str) -> None:
    with answering(prod_layer, action.replace(":", "."), refuse), pytest.raises(InputError) as stopped:
        tenants.check_there(Case(prod_layer).deployment())
    (line,) = stopped.value.problems
    assert line.startswith(f"AWS: {action}: found AccessDenied, expected ")


@pytest.mark.usefixtures("undone")
@pytest.mark.parametrize("action", [action for action in actions() if action not in FIRST])
def test_a_refused_call_is_named_and_the_other_questions_are_answered(suite_layer: Layer, action: str) -> None:
    case = Case(suite_layer)
    list(the_cluster(case))
    needing = [item.name for item in tenants.QUESTIONS if action in item.actions]
    operation = {"s3:ListBucketVersions": "s3:ListObjectVersions"}.get(action, action).replace(":", ".")
    with answering(suite_layer, operation, refuse):
        answers = tenants.ask(dataclasses.replace(case.deployment(), state=None))
    unanswered = {answer.question.name: answer.unanswered for answer in answers if answer.unanswered}
    assert {reason.split(": found ")[0] for reason in unanswered.values()} == {action}
    assert {*needing} <= unanswered.keys() < {item.name for item in tenants.QUESTIONS}


def refuse(**request: Any) -> tuple[AWSResponse, dict[str, Any]]:
    parsed = {"Error": {"Code": "AccessDenied", "Message": "Not today"}, "ResponseMetadata": {}}
    return AWSResponse("https://aws.example", 403, HTTPHeaders(), None), parsed


def test_an_answer_that_cannot_be_read_is_a_question_without_an_answer(prod_layer: Layer) -> None:
    def answer(**request: Any) -> tuple[AWSResponse, dict[str, Any]]:
        return AWSResponse("https://aws.example", 200, HTTPHeaders(), None), {"Grants": "?"}

    with answering(prod_layer, "kms.ListGrants", answer):
        unanswered = [item.unanswered for item in tenants.ask(Case(prod_layer).deployment()) if item.unanswered]
    (reason,) = unanswered
    assert reason.startswith("kms:ListGrants: found an answer that cannot be read (AttributeError: ")


# The command


def outputs_file(folder: Path, layer: Layer, **others: Any) -> Path:
    path = folder / "outputs.json"
    outputs = {name: value for name, value in (layer.outputs | others).items() if value is not None}
    path.write_text(json.dumps(outputs))
    return path


@pytest.mark.usefixtures("undone", "known_clients")
def test_expect_none_returns_1_where_there_is_a_tenant(
    project: Project, prod_layer: Layer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = outputs_file(tmp_path, prod_layer)
    assert tenants.run(project.folder, "prod", outputs_file=path, expect_none=True) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("tenants: 0, ")
    id_ = interface(Case(prod_layer), "[red]RDSNetworkInterface")
    assert tenants.run(project.folder, "prod", outputs_file=path, expect_none=True) == 1
    (line,) = [line for line in capsys.readouterr().out.splitlines() if id_ in line]
    assert "[red]RDSNetworkInterface" in line
    assert "subnet private a" in line
    assert tenants.run(project.folder, "prod", outputs_file=path) == 0


@pytest.mark.usefixtures("known_clients")
def test_expect_none_returns_1_where_a_question_is_not_answered(
    project: Project, prod_layer: Layer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = outputs_file(tmp_path, prod_layer)
    with answering(prod_layer, "kms.ListGrants", refuse):
        assert tenants.run(project.folder, "prod", outputs_file=path, expect_none=True) == 1
        assert tenants.run(project.folder, "prod", outputs_file=path) == 0
    (line,) = {line for line in capsys.readouterr().out.splitlines() if "not known" in line}
    assert line.startswith("grants on the key: not known: kms:ListGrants: found AccessDenied, expected credentials")


@pytest.mark.usefixtures("undone", "known_clients")
def test_the_command_prints_json(
    project: Project, prod_layer: Layer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    id_ = interface(Case(prod_layer), "RDSNetworkInterface")
    path = outputs_file(tmp_path, prod_layer)
    assert tenants.run(project.folder, "prod", outputs_file=path, as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["stack"], document["account"], document["unanswered"]) == ("prod", ACCOUNT, [])
    assert document["tenants"] == [
        {
            "question": "network interfaces",
            "kind": "network interface",
            "id": id_,
            "where": "subnet private a",
            "what": "RDS",
        }
    ]
    assert {item["question"] for item in document["stackItself"]} == {"free addresses", "images", "objects"}


@pytest.mark.usefixtures("known_clients")
@pytest.mark.parametrize(
    ("others", "problem"),
    [
        (
            {Case.vpc_id.name: None},
            f"stack outputs: found no {Case.vpc_id.name}, expected them: deploy the stack first",
        ),
        (
            {Case.vpc_id.name: "vpc-1"},
            "AWS: found no VPC vpc-1 in ap-southeast-2, expected the stack's",
        ),
        ({Case.key_arn.name: "key"}, f"stack outputs: {Case.key_arn.name}: found key, expected an ARN"),
        (
            {Case.key_arn.name: f"arn:aws:kms:ap-southeast-2:{OTHER_ACCOUNT}:key/1"},
            f"credentials: found account {ACCOUNT}, expected {OTHER_ACCOUNT}, which has the stack",
        ),
    ],
)
def test_a_stack_that_is_not_there_is_one_line(
    project: Project, prod_layer: Layer, tmp_path: Path, others: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InputError) as stopped:
        tenants.run(project.folder, "prod", outputs_file=outputs_file(tmp_path, prod_layer, **others))
    assert stopped.value.problems == (problem,)


def test_the_command_prints_the_policy(capsys: pytest.CaptureFixture[str]) -> None:
    tenants.print_policy()
    assert json.loads(capsys.readouterr().out) == tenants.policy_document()
