"""`tak-base tenants`: what uses a deployed stack and belongs to others: in its network, on its cluster, under its key.

AWS deletes no subnet, security group, cluster or certificate that something uses, and what is under a deleted key can
never be read again. So run it before a destroy, and before a change that replaces subnets. The stack's own resources
are known by their IDs: from the state, or without the state from the outputs and what AWS says of them.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from tak_base.addressing import AWS_RESERVED_ADDRESSES
from tak_base.outputs import SUITE_EXPORTS, missing_outputs
from tak_tools.aws import Aws, UnansweredError, action_of, client_factory, read_policy, tags_by_key
from tak_tools.aws_search import EC2_ACTIONS, EC2_TYPES
from tak_tools.console import print_json, progress_console, result_console
from tak_tools.errors import InputError
from tak_tools.layer_outputs import LayerOutputs
from tak_tools.pulumi_stack import read_deployed
from tak_tools.stack_file import load_project, load_stack
from tak_tools.verify.deployment import Deployment
from tak_tools.verify.leftovers import known_ids


@dataclass(frozen=True)
class Row:
    """A tenant, which is something that uses the stack, or a fact about the stack."""

    kind: str
    id: str
    where: str
    what: str
    """Its owner, or other facts."""


@dataclass(frozen=True)
class Question:
    """A question to AWS, and its function."""

    name: str
    actions: tuple[str, ...]
    """The IAM actions that the function needs, beside those of KNOWN."""
    function: Callable[[Deployment], Iterable[Row]]
    tenants: bool = True
    """False: the rows are about the stack itself, such as free addresses."""


@dataclass(frozen=True)
class Answer:
    """The rows of a question, or the reason why it has no answer."""

    question: Question
    rows: tuple[Row, ...] = ()
    unanswered: str = ""


# The calls that find the account, the VPC and, without the state, the stack's own resources.
KNOWN = (*EC2_ACTIONS, "sts:GetCallerIdentity")

QUESTIONS: list[Question] = []


def _asks(
    name: str, *actions: str, tenants: bool = True
) -> Callable[[Callable[[Deployment], Iterable[Row]]], Callable[[Deployment], Iterable[Row]]]:
    """Registers the function of a question."""

    def register(function: Callable[[Deployment], Iterable[Row]]) -> Callable[[Deployment], Iterable[Row]]:
        QUESTIONS.append(Question(name, actions, function, tenants))
        return function

    return register


def run(
    folder: Path,
    stack: str,
    *,
    outputs_file: Path | None = None,
    state_file: Path | None = None,
    expect_none: bool = False,
    as_json: bool = False,
) -> int:
    """Prints the tenants of the deployed `stack`; returns 1 where `expect_none` and there are any, otherwise 0.

    A question that AWS has not answered counts as a tenant. Raises InputError where the stack is not there, or AWS
    cannot be asked.
    """
    stack_file = load_stack(load_project(folder), stack)
    outputs, state = read_deployed(stack_file, outputs_file, state_file)
    deployment = Deployment(stack_file, outputs, Aws(client_factory(stack_file.region)), state)
    with progress_console().status("Asking AWS") as status:
        check_there(deployment)
        answers = ask(deployment, on_question=lambda name: status.update(f"Asking AWS: {name}"))
    if as_json:
        print_json(_as_document(deployment, answers))
    else:
        _print(deployment, answers)
    is_clear = not any(answer.unanswered or (answer.question.tenants and answer.rows) for answer in answers)
    return 1 if expect_none and not is_clear else 0


def policy_document() -> dict[str, Any]:
    """The IAM policy with which every question can be asked, and nothing more."""
    return read_policy("TakBaseTenants", [*KNOWN, *(action for item in QUESTIONS for action in item.actions)])


def print_policy() -> None:
    """The IAM policy that the command needs, as JSON."""
    print_json(policy_document())


def check_there(deployment: Deployment) -> None:
    """Raises InputError where the outputs, the account or the VPC are not those of a deployed stack."""
    if missing := missing_outputs(deployment.outputs):
        raise InputError([f"stack outputs: found no {', '.join(missing)}, expected them: deploy the stack first"])
    if deployment.key_arn.count(":") != 5:
        raise InputError([f"stack outputs: {LayerOutputs.key_arn.name}: found {deployment.key_arn}, expected an ARN"])
    try:
        account = deployment.aws.ask("sts", "get_caller_identity")["Account"]
        if account != deployment.account_id:
            raise InputError(
                [f"credentials: found account {account}, expected {deployment.account_id}, which has the stack"]
            )
        if not deployment.vpc:
            raise InputError([f"AWS: found no VPC {deployment.vpc_id} in {deployment.region}, expected the stack's"])
    except UnansweredError as error:
        raise InputError([f"AWS: {error}"]) from None


def ask(deployment: Deployment, on_question: Callable[[str], None] = lambda name: None) -> list[Answer]:
    """The answer to each question; `on_question` gets the name of each one before it is asked."""
    answers = []
    for question in QUESTIONS:
        on_question(question.name)
        try:
            answers.append(Answer(question, tuple(question.function(deployment))))
        except InputError:
            raise
        except UnansweredError as error:
            answers.append(Answer(question, unanswered=str(error)))
        except Exception as error:
            # The other questions are asked, whatever an answer looks like.
            found = f"an answer that cannot be read ({type(error).__name__}: {error})"
            answers.append(Answer(question, unanswered=f"{', '.join(question.actions)}: found {found}"))
    return answers


# The network

# Descriptions of network interfaces: AWS has no other field for the service that created one.
_MADE_BY = (
    ("ECS task, attachment", r"arn:[\w-]+:ecs:\S+:attachment/(\S+)"),
    ("RDS", r"RDSNetworkInterface"),
    ("EFS", r"EFS mount target for (\S+)"),
    ("Lambda function", r"AWS Lambda VPC ENI-(.+?)(?:-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})?$"),
    ("load balancer", r"ELB (.+)"),
    ("Route 53 Resolver", r"Route 53 Resolver: (.+)"),
    ("transit gateway attachment", r"Network Interface for Transit Gateway Attachment (\S+)"),
)


@_asks("network interfaces", "ec2:DescribeNetworkInterfaces")
def _interfaces(deployment: Deployment) -> Iterator[Row]:
    known, holders = known_ids(deployment, EC2_TYPES), _holders(deployment)
    for item in deployment.in_vpc("describe_network_interfaces", "NetworkInterfaces"):
        holder, owner = holders.get(item["NetworkInterfaceId"], ("", ""))
        if not holder or holder not in known:
            where = _subnet_name(deployment, item["SubnetId"])
            yield Row("network interface", item["NetworkInterfaceId"], where, owner or _maker(item))


def _holders(deployment: Deployment) -> dict[str, tuple[str, str]]:
    """The NAT gateway or endpoint of an interface, by the interface's ID: its ID, and what it is."""
    holders = {}
    for gateway in deployment.nat_gateways:
        for address in gateway["NatGatewayAddresses"]:
            id_ = gateway["NatGatewayId"]
            holders[address.get("NetworkInterfaceId", "")] = (id_, f"NAT gateway {id_}")
    for endpoint in deployment.in_vpc("describe_vpc_endpoints", "VpcEndpoints"):
        for interface in endpoint.get("NetworkInterfaceIds", []):
            id_ = endpoint["VpcEndpointId"]
            holders[interface] = (id_, f"VPC endpoint {id_}, {_owner(endpoint)}")
    return holders


def _maker(interface: Mapping[str, Any]) -> str:
    """The service that created an interface, or the instance that it is attached to, or its description."""
    description = interface.get("Description", "")
    service = tags_by_key(interface.get("TagSet", [])).get("aws:ecs:serviceName")
    if service:
        return f"ECS service {service}"
    for maker, pattern in _MADE_BY:
        if match := re.match(pattern, description):
            return " ".join([maker, *match.groups()])
    if instance := interface.get("Attachment", {}).get("InstanceId"):
        return f"EC2 instance {instance}"
    by = f"made by {interface['RequesterId']}" if interface.get("RequesterManaged") else ""
    return ", ".join(filter(None, [by, description, interface.get("Status", "")]))


def _subnet_name(deployment: Deployment, subnet_id: str) -> str:
    plans = deployment.settings.network.addresses.subnets
    names = {deployment.subnet_id(plan.tier, plan.zone): f"{plan.tier} {plan.zone}" for plan in plans}
    return f"subnet {names.get(subnet_id, subnet_id)}"


# kind, EC2 operation, key in its answer, key of the ID, filter for the VPC
_OF_A_VPC = (
    ("subnet", "describe_subnets", "Subnets", "SubnetId", "vpc-id"),
    ("security group", "describe_security_groups", "SecurityGroups", "GroupId", "vpc-id"),
    ("VPC endpoint", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", "vpc-id"),
    ("NAT gateway", "describe_nat_gateways", "NatGateways", "NatGatewayId", "vpc-id"),
    ("route table", "describe_route_tables", "RouteTables", "RouteTableId", "vpc-id"),
    ("network ACL", "describe_network_acls", "NetworkAcls", "NetworkAclId", "vpc-id"),
    ("VPN gateway", "describe_vpn_gateways", "VpnGateways", "VpnGatewayId", "attachment.vpc-id"),
    (
        "transit gateway attachment",
        "describe_transit_gateway_vpc_attachments",
        "TransitGatewayVpcAttachments",
        "TransitGatewayAttachmentId",
        "vpc-id",
    ),
)
_GONE = frozenset({"deleted", "expired", "failed", "rejected"})


def _question_of_vpc(kind: str, operation: str, key: str, id_key: str, filter_: str) -> Question:
    def made_by_others(deployment: Deployment) -> Iterator[Row]:
        known = known_ids(deployment, EC2_TYPES)
        filters = [{"Name": filter_, "Values": [deployment.vpc_id]}]
        for item in deployment.aws.ask("ec2", operation, Filters=filters)[key]:
            gone = item.get("State", "").lower() in _GONE
            if item[id_key] not in known and not _comes_with_a_vpc(item) and not gone:
                yield Row(kind, item[id_key], item.get("CidrBlock", "VPC"), _owner(item))

    return Question(kind, (action_of("ec2", operation),), made_by_others)


def _comes_with_a_vpc(item: Mapping[str, Any]) -> bool:
    """Whether it is the default network ACL, the default security group or the main route table."""
    is_default = item.get("IsDefault") or item.get("GroupName") == "default"
    return is_default or any(association.get("Main") for association in item.get("Associations", []))


QUESTIONS += [_question_of_vpc(*row) for row in _OF_A_VPC]


@_asks("peering connection", "ec2:DescribeVpcPeeringConnections")
def _peerings(deployment: Deployment) -> Iterator[Row]:
    # A filter is for one of the two sides.
    for item in deployment.aws.ask("ec2", "describe_vpc_peering_connections")["VpcPeeringConnections"]:
        sides = (item.get(side, {}).get("VpcId") for side in ("RequesterVpcInfo", "AccepterVpcInfo"))
        if deployment.vpc_id in sides and item["Status"]["Code"] not in _GONE:
            yield Row("peering connection", item["VpcPeeringConnectionId"], "VPC", _owner(item))


def _owner(item: Mapping[str, Any]) -> str:
    """The owner of a resource, by its tags and names."""
    tags = tags_by_key(item.get("Tags", []))
    # GuardDuty tags its resources.
    guard_duty = "GuardDutyManaged" in tags or item.get("ServiceName", "").endswith(".guardduty-data")
    stack = tags.get("aws:cloudformation:stack-name")
    parts = (
        "GuardDuty" if guard_duty else "",
        f"CloudFormation stack {stack}" if stack else "",
        tags.get("Name") or item.get("GroupName") or item.get("ServiceName", ""),
    )
    return ", ".join(filter(None, parts)) or "no name"


# The cluster


@_asks("services", "ecs:ListServices", "ecs:DescribeServices")
def _services(deployment: Deployment) -> Iterator[Row]:
    for service in deployment.services:
        count = f"{service['runningCount']} tasks, {service['desiredCount']} desired"
        yield Row("ECS service", service["serviceName"], "cluster", count)


@_asks("tasks", "ecs:ListTasks", "ecs:DescribeTasks")
def _tasks(deployment: Deployment) -> Iterator[Row]:
    for task in deployment.tasks:
        yield Row("ECS task", task["taskArn"].rsplit("/", 1)[-1], "cluster", task.get("group", ""))


@_asks("container instances", "ecs:ListContainerInstances")
def _instances(deployment: Deployment) -> Iterator[Row]:
    answer = deployment.aws.ask(
        "ecs",
        "list_container_instances",
        absent=["ClusterNotFoundException"],
        cluster=deployment.cluster_arn,
    )
    for arn in answer.get("containerInstanceArns", []):
        yield Row("container instance", arn.rsplit("/", 1)[-1], "cluster", "")


# What refers to the stack


@_asks("imports of exports", "cloudformation:ListImports")
def _importers(deployment: Deployment) -> Iterator[Row]:
    name = deployment.settings.suite_stack_name
    for export in (f"{name}-{key}" for key in SUITE_EXPORTS) if name else ():
        # AWS answers with this error where there is no import, and where there is no such export.
        answer = deployment.aws.ask("cloudformation", "list_imports", absent=["ValidationError"], ExportName=export)
        for stack in answer.get("Imports", []):
            yield Row("import", export, "CloudFormation", f"CloudFormation stack {stack}")


@_asks("grants on the key", "kms:ListGrants")
def _grants(deployment: Deployment) -> Iterator[Row]:
    answer = deployment.aws.ask("kms", "list_grants", absent=["NotFoundException"], KeyId=deployment.key_arn)
    for grant in answer.get("Grants", []):
        constraints = grant.get("Constraints", {})
        context = constraints.get("EncryptionContextEquals") or constraints.get("EncryptionContextSubset") or {}
        # ECR makes grants for each repository.
        if context.get("aws:ecr:arn") not in deployment.repository_arns:
            details = ", ".join(f"{key}={value}" for key, value in context.items()) or grant.get("Name", "")
            yield Row("grant", grant["GrantId"], "key", ", ".join(filter(None, [grant["GranteePrincipal"], details])))


@_asks("users of the certificate", "acm:DescribeCertificate")
def _certificate_users(deployment: Deployment) -> Iterator[Row]:
    if deployment.has(LayerOutputs.certificate_arn):
        for arn in deployment.certificate.get("InUseBy", []):
            yield Row("use of the certificate", arn.rsplit(":", 1)[-1], "certificate", arn.split(":")[2])


# The stack itself


@_asks("free addresses", "ec2:DescribeSubnets", tenants=False)
def _addresses(deployment: Deployment) -> Iterator[Row]:
    for _, id_ in deployment.planned_subnets():
        subnet = deployment.subnets[id_]
        total = ipaddress.ip_network(subnet["CidrBlock"]).num_addresses - AWS_RESERVED_ADDRESSES
        where = _subnet_name(deployment, id_)
        yield Row(where, id_, subnet["CidrBlock"], f"{subnet['AvailableIpAddressCount']} of {total} addresses free")


@_asks("images", "ecr:DescribeImages", tenants=False)
def _images(deployment: Deployment) -> Iterator[Row]:
    for name in deployment.repository_names:
        answer = deployment.aws.ask(
            "ecr", "describe_images", absent=["RepositoryNotFoundException"], repositoryName=name
        )
        yield Row("repository", name, "", f"{len(answer.get('imageDetails', []))} images")


@_asks("objects", "s3:GetBucketLocation", "s3:ListBucketVersions", tenants=False)
def _objects(deployment: Deployment) -> Iterator[Row]:
    for name in [deployment.bucket_name, *deployment.further_bucket_names]:
        # One is enough; a bucket may have millions.
        first = {"MaxItems": 1, "PageSize": 1}
        answer = deployment.aws.ask(
            "s3", "list_object_versions", absent=["NoSuchBucket"], Bucket=name, PaginationConfig=first
        )
        yield Row("bucket", name, "", "has objects" if answer.get("Versions") else "no objects")


# What is printed


def _print(deployment: Deployment, answers: list[Answer]) -> None:
    console = result_console()
    name, region = deployment.settings.name, deployment.region
    console.print(f"[bold]{name}[/bold] in {region}, account {deployment.account_id}, {deployment.vpc_id}")
    tenants = [row for answer in answers if answer.question.tenants for row in answer.rows]
    own = [row for answer in answers if not answer.question.tenants for row in answer.rows]
    for title, rows in (("Tenants: what uses the stack", tenants), ("The stack itself", own)):
        if rows:
            table = Table(title=title, title_justify="left")
            for column in ("kind", "ID", "where", "what"):
                table.add_column(column, overflow="fold")
            for row in rows:
                table.add_row(*map(escape, (row.kind, row.id, row.where, row.what)))
            console.print(table)
    for answer in answers:
        if answer.unanswered:
            console.print(f"{answer.question.name}: not known: {answer.unanswered}", markup=False, soft_wrap=True)
    unanswered = sum(bool(answer.unanswered) for answer in answers)
    console.print(f"tenants: {len(tenants)}, questions: {len(answers)}, not answered: {unanswered}")


def _as_document(deployment: Deployment, answers: list[Answer]) -> dict[str, Any]:
    def rows(tenants: bool) -> list[dict[str, str]]:
        return [
            {"question": answer.question.name, **vars(row)}
            for answer in answers
            if answer.question.tenants is tenants
            for row in answer.rows
        ]

    return {
        "stack": deployment.stack_file.stack,
        "region": deployment.region,
        "account": deployment.account_id,
        "vpcId": deployment.vpc_id,
        "tenants": rows(True),
        "stackItself": rows(False),
        "unanswered": [
            {"question": answer.question.name, "reason": answer.unanswered} for answer in answers if answer.unanswered
        ],
    }
