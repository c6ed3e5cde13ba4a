"""Breaks of what the stack does not know."""

from tests.deployed.breaks.harness import breaks
from tests.deployed.case import Case
from tests.deployed.resources import policy_of, tagged_as
from tests.options import TAGS


def left_over(id_: str, what: str, *commands: str, data: bool = False) -> str:
    """The finding of a resource that is not in the state, with the AWS CLI's commands that delete it."""
    line = " && ".join(f"aws {command} --region ap-southeast-2" for command in commands)
    unneeded = " where nothing needs its data" if data else ""
    expected = f"only resources of the stack; to delete it{unneeded}: {line}"
    return f"{id_}: found {what}, not in the stack's state, expected {expected}"


@breaks("leftovers")
def a_killed_update_has_left_a_network(case: Case) -> list[str]:
    ec2 = case.ec2
    vpc = ec2.create_vpc(CidrBlock="10.1.16.0/20", TagSpecifications=tagged_as("vpc", "vpc"))["Vpc"]["VpcId"]
    gateways = tagged_as("internet-gateway", "internet-gateway")
    igw = ec2.create_internet_gateway(TagSpecifications=gateways)["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=igw, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc, TagSpecifications=tagged_as("route-table", "public"))["RouteTable"]
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=tagged_as("elastic-ip", "nat-a"))["AllocationId"]
    detach = f"ec2 detach-internet-gateway --internet-gateway-id {igw} --vpc-id {vpc}"
    return [
        left_over(vpc, "ec2 Vpc tak-base-prod-vpc", f"ec2 delete-vpc --vpc-id {vpc}"),
        left_over(
            igw,
            "ec2 InternetGateway tak-base-prod-internet-gateway",
            detach,
            f"ec2 delete-internet-gateway --internet-gateway-id {igw}",
        ),
        left_over(
            table["RouteTableId"],
            "ec2 RouteTable tak-base-prod-public",
            f"ec2 delete-route-table --route-table-id {table['RouteTableId']}",
        ),
        left_over(address, "ec2 Eip tak-base-prod-nat-a", f"ec2 release-address --allocation-id {address}"),
    ]


@breaks("leftovers")
def a_killed_update_has_left_a_second_egress_only_gateway_and_endpoint(case: Case) -> list[str]:
    vpc = case.vpc_id
    gateway = case.ec2.create_egress_only_internet_gateway(
        VpcId=vpc, TagSpecifications=tagged_as("egress-only-internet-gateway", "egress-only-gateway")
    )["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
    endpoint = case.ec2.create_vpc_endpoint(
        VpcEndpointType="Interface",
        VpcId=vpc,
        ServiceName="com.amazonaws.ap-southeast-2.kms",
        PrivateDnsEnabled=False,
        TagSpecifications=tagged_as("vpc-endpoint", "kms"),
    )["VpcEndpoint"]["VpcEndpointId"]
    delete = "ec2 delete-egress-only-internet-gateway --egress-only-internet-gateway-id"
    return [
        left_over(gateway, "ec2 EgressOnlyInternetGateway tak-base-prod-egress-only-gateway", f"{delete} {gateway}"),
        left_over(
            endpoint, "ec2 VpcEndpoint tak-base-prod-kms", f"ec2 delete-vpc-endpoints --vpc-endpoint-ids {endpoint}"
        ),
    ]


@breaks("leftovers")
def a_killed_update_has_left_data(case: Case) -> list[str]:
    tags = [{"TagKey": key, "TagValue": value} for key, value in TAGS.items()]
    key, deleted = (case.client("kms").create_key(Tags=tags)["KeyMetadata"]["KeyId"] for _ in range(2))
    # After a destroy, a key waits for its end with its tags.
    case.client("kms").schedule_key_deletion(KeyId=deleted, PendingWindowInDays=7)
    # Killed before it had tags: its name says whose it is.
    name = "tak-base-prod-config-1234567"
    where = {"LocationConstraint": "ap-southeast-2"}
    case.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where)
    case.client("ecr").create_repository(repositoryName=name)
    delete_key = f"kms schedule-key-deletion --pending-window-in-days 7 --key-id {key}"
    return [
        left_over(key, "kms Key", delete_key, data=True),
        left_over(name, "s3 Bucket", f"s3api delete-bucket --bucket {name}", data=True),
        left_over(name, "ecr Repository", f"ecr delete-repository --repository-name {name}", data=True),
    ]


@breaks("leftovers")
def a_role_and_a_log_group_with_names_of_the_stack_are_not_in_its_state(case: Case) -> list[str]:
    iam, name, group = case.client("iam"), "tak-base-prod-flow-log-role-1234567", "/tak-base-prod/flow-log"
    anything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
    iam.put_role_policy(RoleName=name, PolicyName="write", PolicyDocument=policy_of(anything))
    case.state = [item for item in case.state if item.id != group]
    delete_policy = f"iam delete-role-policy --role-name {name} --policy-name write"
    return [
        left_over(name, "iam Role", delete_policy, f"iam delete-role --role-name {name}"),
        left_over(group, "cloudwatch LogGroup", f"logs delete-log-group --log-group-name {group}"),
    ]
