"""Finds the resources on AWS that belong to a stack: those with its default tags or its names.

It does not ask Pulumi. So it finds what a killed update has left on AWS without telling the state, and what is still
there where the state is lost. The Resource Groups Tagging API lists what has the tags, but not IAM roles, nothing
without tags, and it knows a new resource after a while only and a deleted one for a while longer. So every type is
listed by its own service; that API says which of the account's keys and certificates to look at.
"""

import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tak_tools import resource_types as types
from tak_tools.aws import Aws, action_of, tags_by_key
from tak_tools.resource_types import ResourceType
from tak_tools.stack_file import StackFile, stack_names


@dataclass(frozen=True)
class Found:
    """A resource on AWS that belongs to a stack."""

    type: ResourceType
    id: str
    """Its ID in Pulumi's state."""
    name: str
    """Its Name tag, or its physical name."""
    tags: Mapping[str, str]
    delete: tuple[str, ...]
    """The commands of the AWS CLI that delete it, without `aws`; none where AWS deletes it with another resource."""
    import_id: str = ""
    """The ID for `pulumi import`; empty: its ID."""

    def delete_command(self, region: str) -> str:
        """The commands that delete it, in one line; empty where there are none."""
        return " && ".join(f"aws {command} --region {region}" for command in self.delete)

    def deletion(self, region: str) -> str:
        """The advice to delete it, with its command; empty where there is none."""
        unneeded = " where nothing needs its data" if self.type.data else ""
        return f"to delete it{unneeded}: {self.delete_command(region)}" if self.delete else ""

    def as_document(self) -> dict[str, str]:
        """The resource as plain values, for JSON."""
        return {"id": self.id, "importId": self.import_id or self.id, "name": self.name}


class Search:
    """Lists what belongs to the stack of a stack file."""

    def __init__(self, stack_file: StackFile, aws: Aws, known: Collection[str] = ()) -> None:
        """`known`: IDs and ARNs of what is the stack's, whatever tags and names it has."""
        self.aws = aws
        self._known = known
        self.settings = stack_file.settings
        self.region = stack_file.region
        self._tags = stack_file.default_tags
        # Default tags that do not name the stack may be those of another stack too.
        self._tags_name_the_stack = self._tags.get("Environment") == stack_file.stack
        # Such as tak-base-prod-eu, which begins like names of tak-base-prod.
        self._other_names = [
            f"{stack_file.project.name}-{other}"
            for other in stack_names(stack_file.project.folder)
            if other.startswith(f"{stack_file.stack}-")
        ]

    def everything(self) -> list[Found]:
        """What belongs to the stack, of every type of the base layer that AWS can list."""
        return [found for token in LISTERS for found in self.of_type(types.row_of(token))]

    def of_type(self, row: ResourceType) -> list[Found]:
        """What belongs to the stack of one type."""
        return [found for found in LISTERS[row.token](self) if self._belongs(found)]

    def has_own_name(self, name: str) -> bool:
        """Whether a Name tag or physical name is the stack's, and not that of a stack with a longer name."""
        return _begins_with(name, self.settings.name) and not any(
            _begins_with(name, other) for other in self._other_names
        )

    def may_own(self, name: str) -> bool:
        """Whether it is known to be the stack's, or has a name that says so."""
        return name in self._known or self.has_own_name(name)

    def arns(self, service: str) -> list[str]:
        """The known ARNs of a service, such as `kms`, and those that the Resource Groups Tagging API has."""
        arns = {text for text in (*self._tagged_arns, *self._known) if text.startswith("arn:")}
        return sorted(arn for arn in arns if arn.split(":")[2] == service)

    @cached_property
    def _tagged_arns(self) -> list[str]:
        if not self._tags_name_the_stack:
            return []
        filters = [{"Key": key, "Values": [value]} for key, value in self._tags.items()]
        answer = self.aws.ask("resourcegroupstaggingapi", "get_resources", TagFilters=filters)
        return [item["ResourceARN"] for item in answer["ResourceTagMappingList"]]

    def _belongs(self, found: Found) -> bool:
        if any(found.tags.get(key, value) != value for key, value in self._tags.items()):
            # Its tags name another stack.
            return False
        has_tags = self._tags_name_the_stack and self._tags.keys() <= found.tags.keys()
        return has_tags or self.has_own_name(found.name)


Lister = Callable[[Search], Iterator[Found]]
LISTERS: dict[str, Lister] = {}
"""By the type's token. They list more than what belongs to the stack where AWS does not narrow the answer."""

Finder = Callable[[Search, Mapping[str, Any]], Iterator[Found]]
FINDERS: dict[str, Finder] = {}
"""By the token of a type that is part of another resource: finds it by the inputs that the program has given it."""

_GONE = frozenset({"deleted", "deleting"})


def candidates(search: Search, type_: str, inputs: Mapping[str, Any]) -> list[Found]:
    """What AWS has of a resource that the program gives these inputs: one, none, or several that look the same.

    Raises KeyError for a type that is neither listed nor found.
    """
    if type_ in FINDERS:
        return [*FINDERS[type_](search, inputs)]
    listed = search.of_type(types.row_of(type_)) if type_ in LISTERS else None
    if listed is None:
        raise KeyError(type_)
    physical_name = inputs.get("name") or inputs.get("bucket")
    if physical_name:
        # The ARN of a CloudFormation stack has the name in its middle.
        return [found for found in listed if physical_name in (found.id, found.name, *found.id.split("/"))]
    name_tag = (inputs.get("tags") or {}).get("Name")
    return [found for found in listed if name_tag and found.tags.get("Name") == name_tag]


def _begins_with(name: str, start: str) -> bool:
    return name == start or name.startswith(f"{start}-")


def _lists(row: ResourceType) -> Callable[[Lister], Lister]:
    """Registers the function that lists the resources of a type."""

    def register(lister: Lister) -> Lister:
        LISTERS[row.token] = lister
        return lister

    return register


def _finds(row: ResourceType) -> Callable[[Finder], Finder]:
    """Registers the function that finds a part of another resource."""

    def register(finder: Finder) -> Finder:
        FINDERS[row.token] = finder
        return finder

    return register


_EC2_OPERATIONS = ["describe_internet_gateways"]


def _lists_ec2(
    row: ResourceType,
    operation: str,
    key: str,
    id_key: str,
    delete: str,
    is_of_type: Callable[[dict[str, Any]], bool] = lambda item: True,
) -> None:
    """Registers a type that EC2 describes, with tags, under `key`; `delete` is the AWS CLI's command before the ID."""

    _EC2_OPERATIONS.append(operation)

    @_lists(row)
    def lister(search: Search) -> Iterator[Found]:
        for item in search.aws.ask("ec2", operation)[key]:
            if is_of_type(item) and item.get("State") not in _GONE:
                tags = tags_by_key(item.get("Tags", []))
                commands = (f"{delete} {item[id_key]}",) if delete else ()
                yield Found(row, item[id_key], tags.get("Name", ""), tags, commands)


# The network

_lists_ec2(types.VPC, "describe_vpcs", "Vpcs", "VpcId", "ec2 delete-vpc --vpc-id")
_lists_ec2(
    types.DEFAULT_SECURITY_GROUP,
    "describe_security_groups",
    "SecurityGroups",
    "GroupId",
    # AWS deletes it with its VPC.
    "",
    lambda group: group["GroupName"] == "default",
)
_lists_ec2(
    types.SECURITY_GROUP,
    "describe_security_groups",
    "SecurityGroups",
    "GroupId",
    "ec2 delete-security-group --group-id",
    lambda group: group["GroupName"] != "default",
)
_lists_ec2(
    types.EGRESS_ONLY_GATEWAY,
    "describe_egress_only_internet_gateways",
    "EgressOnlyInternetGateways",
    "EgressOnlyInternetGatewayId",
    "ec2 delete-egress-only-internet-gateway --egress-only-internet-gateway-id",
)
_lists_ec2(
    types.ROUTE_TABLE, "describe_route_tables", "RouteTables", "RouteTableId", "ec2 delete-route-table --route-table-id"
)
_lists_ec2(types.SUBNET, "describe_subnets", "Subnets", "SubnetId", "ec2 delete-subnet --subnet-id")
_lists_ec2(
    types.NAT_GATEWAY, "describe_nat_gateways", "NatGateways", "NatGatewayId", "ec2 delete-nat-gateway --nat-gateway-id"
)
_lists_ec2(types.EIP, "describe_addresses", "Addresses", "AllocationId", "ec2 release-address --allocation-id")
_lists_ec2(
    types.VPC_ENDPOINT,
    "describe_vpc_endpoints",
    "VpcEndpoints",
    "VpcEndpointId",
    "ec2 delete-vpc-endpoints --vpc-endpoint-ids",
)
_lists_ec2(types.FLOW_LOG, "describe_flow_logs", "FlowLogs", "FlowLogId", "ec2 delete-flow-logs --flow-log-ids")


@_lists(types.INTERNET_GATEWAY)
def _internet_gateways(search: Search) -> Iterator[Found]:
    for item in search.aws.ask("ec2", "describe_internet_gateways")["InternetGateways"]:
        id_, tags = item["InternetGatewayId"], tags_by_key(item.get("Tags", []))
        detach = [
            f"ec2 detach-internet-gateway --internet-gateway-id {id_} --vpc-id {attachment['VpcId']}"
            for attachment in item["Attachments"]
        ]
        commands = (*detach, f"ec2 delete-internet-gateway --internet-gateway-id {id_}")
        yield Found(types.INTERNET_GATEWAY, id_, tags.get("Name", ""), tags, commands)


@_finds(types.ROUTE)
def _route(search: Search, inputs: Mapping[str, Any]) -> Iterator[Found]:
    ipv4, ipv6 = inputs.get("destinationCidrBlock"), inputs.get("destinationIpv6CidrBlock")
    for table in _route_table(search, inputs):
        for route in table["Routes"]:
            destination = route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock")
            if destination and destination in (ipv4, ipv6):
                table_id = table["RouteTableId"]
                # The provider makes the ID in this way: terraform-provider-aws, internal/service/ec2, routeCreateID.
                id_ = f"r-{table_id}{zlib.crc32(destination.encode())}"
                option = f"--destination-{'cidr' if destination == ipv4 else 'ipv6-cidr'}-block {destination}"
                command = f"ec2 delete-route --route-table-id {table_id} {option}"
                yield Found(types.ROUTE, id_, destination, {}, (command,), f"{table_id}_{destination}")


@_finds(types.ROUTE_TABLE_ASSOCIATION)
def _route_table_association(search: Search, inputs: Mapping[str, Any]) -> Iterator[Found]:
    for table in _route_table(search, inputs):
        for association in table["Associations"]:
            subnet_id, id_ = association.get("SubnetId"), association["RouteTableAssociationId"]
            if subnet_id and subnet_id == inputs.get("subnetId"):
                import_id = f"{subnet_id}/{table['RouteTableId']}"
                command = f"ec2 disassociate-route-table --association-id {id_}"
                yield Found(types.ROUTE_TABLE_ASSOCIATION, id_, subnet_id, {}, (command,), import_id)


def _route_table(search: Search, inputs: Mapping[str, Any]) -> list[dict[str, Any]]:
    tables = search.aws.ask("ec2", "describe_route_tables")["RouteTables"]
    return [table for table in tables if table["RouteTableId"] == inputs.get("routeTableId")]


# The key and the buckets


@_lists(types.KEY)
def _keys(search: Search) -> Iterator[Found]:
    for arn in search.arns("kms"):
        key = search.aws.ask("kms", "describe_key", absent=["NotFoundException"], KeyId=arn).get("KeyMetadata")
        if key and key["KeyState"] not in ("PendingDeletion", "PendingReplicaDeletion"):
            id_ = key["KeyId"]
            answer = search.aws.ask("kms", "list_resource_tags", KeyId=id_)
            tags = {tag["TagKey"]: tag["TagValue"] for tag in answer["Tags"]}
            command = f"kms schedule-key-deletion --pending-window-in-days 7 --key-id {id_}"
            yield Found(types.KEY, id_, tags.get("Name", ""), tags, (command,))


@_lists(types.KEY_ALIAS)
def _aliases(search: Search) -> Iterator[Found]:
    for alias in search.aws.ask("kms", "list_aliases")["Aliases"]:
        name = alias["AliasName"]
        if "TargetKeyId" in alias:
            command = f"kms delete-alias --alias-name {name}"
            yield Found(types.KEY_ALIAS, name, name.removeprefix("alias/"), {}, (command,))


@_lists(types.BUCKET)
def _buckets(search: Search) -> Iterator[Found]:
    tagged = {arn.rsplit(":", 1)[-1] for arn in search.arns("s3")}
    for name in (bucket["Name"] for bucket in search.aws.ask("s3", "list_buckets")["Buckets"]):
        if name in tagged or search.may_own(name):
            answer = search.aws.ask("s3", "get_bucket_tagging", absent=["NoSuchTagSet"], Bucket=name)
            command = f"s3api delete-bucket --bucket {name}"
            yield Found(types.BUCKET, name, name, tags_by_key(answer.get("TagSet", [])), (command,))


# Compute


@_lists(types.CLUSTER)
def _clusters(search: Search) -> Iterator[Found]:
    names = [search.settings.cluster_name]
    for cluster in search.aws.ask("ecs", "describe_clusters", clusters=names, include=["TAGS"])["clusters"]:
        if cluster["status"] != "INACTIVE":
            arn, name = cluster["clusterArn"], cluster["clusterName"]
            tags = {tag["key"]: tag["value"] for tag in cluster.get("tags", [])}
            yield Found(types.CLUSTER, arn, name, tags, (f"ecs delete-cluster --cluster {name}",), name)


@_lists(types.REPOSITORY)
def _repositories(search: Search) -> Iterator[Found]:
    tagged = search.arns("ecr")
    for repository in search.aws.ask("ecr", "describe_repositories")["repositories"]:
        arn, name = repository["repositoryArn"], repository["repositoryName"]
        if arn in tagged or search.may_own(name):
            answer = search.aws.ask("ecr", "list_tags_for_resource", resourceArn=arn)
            command = f"ecr delete-repository --repository-name {name}"
            yield Found(types.REPOSITORY, name, name, tags_by_key(answer["tags"]), (command,))


# Logs and roles


@_lists(types.LOG_GROUP)
def _log_groups(search: Search) -> Iterator[Found]:
    settings = search.settings
    # Other log groups named /NAME/... belong to layers above.
    names = (settings.flow_log_group_name, settings.exec_log_group_name, settings.insights_log_group_name)
    for name in names:
        for group in search.aws.ask("logs", "describe_log_groups", logGroupNamePrefix=name)["logGroups"]:
            if group["logGroupName"] == name:
                arn = group["arn"].removesuffix(":*")
                tags = search.aws.ask("logs", "list_tags_for_resource", resourceArn=arn)["tags"]
                command = f"logs delete-log-group --log-group-name {name}"
                yield Found(types.LOG_GROUP, name, settings.name, tags, (command,))


@_lists(types.ROLE)
def _roles(search: Search) -> Iterator[Found]:
    for name in (role["RoleName"] for role in search.aws.ask("iam", "list_roles")["Roles"]):
        if search.may_own(name):
            answer = search.aws.ask("iam", "list_role_tags", absent=["NoSuchEntity"], RoleName=name)
            inline = search.aws.ask("iam", "list_role_policies", absent=["NoSuchEntity"], RoleName=name)
            policies = [
                f"iam delete-role-policy --role-name {name} --policy-name {policy}"
                for policy in inline.get("PolicyNames", [])
            ]
            commands = (*policies, f"iam delete-role --role-name {name}")
            yield Found(types.ROLE, name, name, tags_by_key(answer.get("Tags", [])), commands)


@_finds(types.ROLE_POLICY)
def _role_policy(search: Search, inputs: Mapping[str, Any]) -> Iterator[Found]:
    role, name = inputs.get("role"), inputs.get("name")
    if role and name:
        answer = search.aws.ask("iam", "get_role_policy", absent=["NoSuchEntity"], RoleName=role, PolicyName=name)
        if answer:
            command = f"iam delete-role-policy --role-name {role} --policy-name {name}"
            yield Found(types.ROLE_POLICY, f"{role}:{name}", name, {}, (command,))


# Published outputs


@_lists(types.PARAMETER)
def _parameter(search: Search) -> Iterator[Found]:
    name = search.settings.outputs_parameter_name
    if search.aws.ask("ssm", "get_parameter", absent=["ParameterNotFound"], Name=name):
        answer = search.aws.ask("ssm", "list_tags_for_resource", ResourceType="Parameter", ResourceId=name)
        command = f"ssm delete-parameter --name {name}"
        yield Found(types.PARAMETER, name, search.settings.name, tags_by_key(answer["TagList"]), (command,))


@_lists(types.CLOUDFORMATION_STACK)
def _suite_stack(search: Search) -> Iterator[Found]:
    name = search.settings.suite_stack_name
    if name:
        answer = search.aws.ask("cloudformation", "describe_stacks", absent=["ValidationError"], StackName=name)
        for stack in answer.get("Stacks", []):
            command = f"cloudformation delete-stack --stack-name {name}"
            tags = tags_by_key(stack["Tags"])
            yield Found(types.CLOUDFORMATION_STACK, stack["StackId"], search.settings.name, tags, (command,))


@_lists(types.CERTIFICATE)
def _certificates(search: Search) -> Iterator[Found]:
    for arn in search.arns("acm"):
        absent = ["ResourceNotFoundException"]
        certificate = search.aws.ask("acm", "describe_certificate", absent=absent, CertificateArn=arn)
        if certificate:
            answer = search.aws.ask("acm", "list_tags_for_certificate", CertificateArn=arn)
            command = f"acm delete-certificate --certificate-arn {arn}"
            yield Found(types.CERTIFICATE, arn, search.settings.name, tags_by_key(answer["Tags"]), (command,))


@_finds(types.RECORD)
def _record(search: Search, inputs: Mapping[str, Any]) -> Iterator[Found]:
    zone_id, name, type_ = (inputs.get(key) for key in ("zoneId", "name", "type"))
    if not zone_id or not name:
        return
    answer = search.aws.ask("route53", "list_resource_record_sets", absent=["NoSuchHostedZone"], HostedZoneId=zone_id)
    for record in answer.get("ResourceRecordSets", []):
        if record["Name"].rstrip(".") == name.rstrip(".") and record["Type"] == type_:
            # Other certificates for the name may need it, so there is no command to delete it.
            yield Found(types.RECORD, f"{zone_id}_{name.lower()}_{type_}", name, {}, ())


EC2_TYPES = tuple(token for token in LISTERS if token.startswith("aws:ec2/"))

# What `Search.everything` asks of AWS; of EC2, which shows the tags too, and of other services.
EC2_ACTIONS = sorted({action_of("ec2", operation) for operation in _EC2_OPERATIONS})
ACTIONS = (
    *EC2_ACTIONS,
    "acm:DescribeCertificate",
    "acm:ListTagsForCertificate",
    "cloudformation:DescribeStacks",
    "ecr:DescribeRepositories",
    "ecr:ListTagsForResource",
    "ecs:DescribeClusters",
    "iam:ListRolePolicies",
    "iam:ListRoleTags",
    "iam:ListRoles",
    "kms:DescribeKey",
    "kms:ListAliases",
    "kms:ListResourceTags",
    "logs:DescribeLogGroups",
    "logs:ListTagsForResource",
    "s3:GetBucketTagging",
    "s3:ListAllMyBuckets",
    "ssm:GetParameter",
    "ssm:ListTagsForResource",
    "tag:GetResources",
)
