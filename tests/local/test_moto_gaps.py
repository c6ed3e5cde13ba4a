"""Each gap of Moto: it exists in Moto itself, and is closed in the simulated AWS and in the local AWS."""

import functools
import json
import secrets
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID

from tak_tools import moto_gaps
from tak_tools.errors import DeploymentError

pytestmark = pytest.mark.slow

REGION = "ap-southeast-2"

Clients = Callable[[str], Any]

TLS_ONLY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["arn:aws:s3:::{bucket}", "arn:aws:s3:::{bucket}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ],
}


def subnet_of(ec2: Any) -> tuple[str, str]:
    """The ids of a new dual-stack VPC and of its subnet."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/20", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    (block,) = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]
    range_ = block["Ipv6CidrBlock"].replace("/56", "/64")
    return vpc, ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", Ipv6CidrBlock=range_)["Subnet"]["SubnetId"]


def bucket_of(s3: Any, **configuration: Any) -> str:
    name = f"bucket-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION, **configuration})
    return name


def refusal(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    """The code and the message with which a call is refused; empty where it is not."""
    try:
        call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    return "", ""


def endpoint_of(ec2: Any, vpc: str, subnet: str, service: str = "kms", **parameters: Any) -> dict[str, Any]:
    name = f"com.amazonaws.{REGION}.{service}"
    parameters = {"PrivateDnsEnabled": True, "VpcEndpointType": "Interface", "SubnetIds": [subnet]} | parameters
    return ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=name, **parameters)["VpcEndpoint"]


def gateway_of(ec2: Any, vpc: str) -> str:
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    return gateway


def nat_gateway_of(ec2: Any, subnet: str) -> tuple[str, str]:
    """The ids of a new NAT gateway and of its address."""
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    return ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"], address


def state_of_the_ipv6_range_of_a_subnet(clients: Clients) -> bool:
    ec2 = clients("ec2")
    (subnet,) = ec2.describe_subnets(SubnetIds=[subnet_of(ec2)[1]])["Subnets"]
    return [item["Ipv6CidrBlockState"] for item in subnet["Ipv6CidrBlockAssociationSet"]] == [{"State": "associated"}]


def subnet_attributes(clients: Clients) -> bool:
    ec2 = clients("ec2")
    subnet_id = subnet_of(ec2)[1]
    before = ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"][0].get("EnableDns64")
    ec2.modify_subnet_attribute(SubnetId=subnet_id, EnableDns64={"Value": True})
    ec2.modify_subnet_attribute(SubnetId=subnet_id, EnableResourceNameDnsAAAARecordOnLaunch={"Value": True})
    ec2.modify_subnet_attribute(SubnetId=subnet_id, PrivateDnsHostnameTypeOnLaunch="resource-name")
    (subnet,) = ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"]
    names = {
        "HostnameType": "resource-name",
        "EnableResourceNameDnsARecord": False,
        "EnableResourceNameDnsAAAARecord": True,
    }
    return (before, subnet.get("EnableDns64"), subnet["PrivateDnsNameOptionsOnLaunch"]) == (False, True, names)


def vpc_endpoint_attributes(clients: Clients) -> bool:
    ec2 = clients("ec2")
    vpc, subnet = subnet_of(ec2)

    dualstack = {"IpAddressType": "dualstack", "DnsOptions": {"DnsRecordIpType": "dualstack"}}
    made = endpoint_of(ec2, vpc, subnet, **dualstack)
    plain = endpoint_of(ec2, vpc, subnet, "logs")
    ec2.modify_vpc_endpoint(VpcEndpointId=made["VpcEndpointId"], PrivateDnsEnabled=False, IpAddressType="ipv4")
    (modified,) = ec2.describe_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])["VpcEndpoints"]

    def attributes(endpoint: dict[str, Any]) -> tuple[Any, ...]:
        options = endpoint.get("DnsOptions", {})
        return endpoint.get("IpAddressType"), options.get("DnsRecordIpType"), endpoint["PrivateDnsEnabled"]

    return [attributes(made), attributes(plain), attributes(modified)] == [
        ("dualstack", "dualstack", True),
        ("ipv4", "ipv4", True),
        ("ipv4", "dualstack", False),
    ]


def interfaces_of_an_endpoint(clients: Clients) -> bool:
    """They follow the endpoint's subnets, and have its groups."""
    ec2 = clients("ec2")
    vpc, first = subnet_of(ec2)
    second = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="endpoints", Description="x", VpcId=vpc)["GroupId"]
    made = endpoint_of(ec2, vpc, first, SecurityGroupIds=[group])["VpcEndpointId"]
    found = []
    for change in ({}, {"AddSubnetIds": [second]}, {"RemoveSubnetIds": [first]}):
        ec2.modify_vpc_endpoint(VpcEndpointId=made, **change)
        (endpoint,) = ec2.describe_vpc_endpoints(VpcEndpointIds=[made])["VpcEndpoints"]
        interfaces = ec2.describe_network_interfaces(NetworkInterfaceIds=endpoint["NetworkInterfaceIds"])
        groups = [[item["GroupId"] for item in found["Groups"]] for found in interfaces["NetworkInterfaces"]]
        if groups != [[group]] * len(groups):
            return False
        found.append({interface["SubnetId"] for interface in interfaces["NetworkInterfaces"]})
    return found == [{first}, {first, second}, {second}]


def private_dns_name_of_an_endpoint(clients: Clients) -> bool:
    """A second endpoint is refused until the first one is deleted, unless it is without private DNS."""
    ec2 = clients("ec2")
    vpc, subnet = subnet_of(ec2)
    first = endpoint_of(ec2, vpc, subnet)["VpcEndpointId"]
    endpoint_of(ec2, vpc, subnet, "logs")
    endpoint_of(ec2, vpc, subnet, PrivateDnsEnabled=False)
    endpoint_of(ec2, *subnet_of(ec2))
    conflict = refusal(endpoint_of, ec2=ec2, vpc=vpc, subnet=subnet)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[first])
    endpoint_of(ec2, vpc, subnet)
    return conflict == (
        "InvalidParameter",
        "private-dns-enabled cannot be set because there is already a conflicting DNS domain for"
        f" kms.{REGION}.amazonaws.com in the VPC {vpc}",
    )


def one_internet_gateway_for_a_vpc(clients: Clients) -> bool:
    ec2 = clients("ec2")
    vpc, _ = subnet_of(ec2)
    gateway_of(ec2, vpc)
    second = refusal(gateway_of, ec2=ec2, vpc=vpc)
    return second == ("InvalidParameterValue", f"Network {vpc} already has an internet gateway attached")


def internet_gateway_under_public_addresses(clients: Clients) -> bool:
    """Refused until the NAT gateway is deleted, and its address disassociated by that."""
    ec2 = clients("ec2")
    vpc, subnet = subnet_of(ec2)
    gateway = gateway_of(ec2, vpc)
    nat_gateway, _ = nat_gateway_of(ec2, subnet)
    early = refusal(ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_nat_gateway(NatGatewayId=nat_gateway)
    late = refusal(ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)
    message = (
        f"Network {vpc} has some mapped public address(es)."
        " Please unmap those public address(es) before detaching the gateway."
    )
    return (early, late) == (("DependencyViolation", message), ("", ""))


def nat_gateway_without_an_internet_gateway(clients: Clients) -> bool:
    """It is made, and fails: https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html"""
    ec2 = clients("ec2")
    vpc, subnet = subnet_of(ec2)
    failed, _ = nat_gateway_of(ec2, subnet)
    gateway_of(ec2, vpc)
    made, _ = nat_gateway_of(ec2, subnet)
    found = {
        item["NatGatewayId"]: (item["State"], item.get("FailureCode"))
        for item in ec2.describe_nat_gateways(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NatGateways"]
    }
    return found == {failed: ("failed", "Gateway.NotAttached"), made: ("available", None)}


def address_of_a_deleted_nat_gateway(clients: Clients) -> bool:
    """Another NAT gateway may have it."""
    ec2 = clients("ec2")
    vpc, subnet = subnet_of(ec2)
    gateway_of(ec2, vpc)
    nat_gateway, address = nat_gateway_of(ec2, subnet)
    ec2.delete_nat_gateway(NatGatewayId=nat_gateway)
    if refusal(ec2.create_nat_gateway, SubnetId=subnet, AllocationId=address) != ("", ""):
        return False
    interfaces = ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": [subnet]}])
    return len(interfaces["NetworkInterfaces"]) == 1


def address_of_a_nat_gateway(clients: Clients) -> bool:
    ec2 = clients("ec2")
    vpc, subnet = subnet_of(ec2)
    gateway_of(ec2, vpc)
    nat_gateway, address = nat_gateway_of(ec2, subnet)
    (found,) = ec2.describe_addresses(AllocationIds=[address])["Addresses"]
    early = [
        refusal(ec2.disassociate_address, AssociationId=found["AssociationId"]),
        refusal(ec2.release_address, AllocationId=address),
    ]
    if early != [("AuthFailure", "You do not have permission to access the specified resource.")] * 2:
        return False
    ec2.delete_nat_gateway(NatGatewayId=nat_gateway)
    return refusal(ec2.release_address, AllocationId=address) == ("", "")


def subnet_with_interfaces(clients: Clients) -> bool:
    """Interfaces of an endpoint, of a NAT gateway, and another one, each until it is deleted."""
    ec2 = clients("ec2")
    vpc, subnet = subnet_of(ec2)
    gateway_of(ec2, vpc)
    refusals = []

    def try_to_delete() -> None:
        refusals.append(refusal(ec2.delete_subnet, SubnetId=subnet))

    endpoint = endpoint_of(ec2, vpc, subnet)["VpcEndpointId"]
    try_to_delete()
    if refusals != [("DependencyViolation", f"The subnet '{subnet}' has dependencies and cannot be deleted.")]:
        return False
    nat_gateway, _ = nat_gateway_of(ec2, subnet)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    try_to_delete()
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    ec2.delete_nat_gateway(NatGatewayId=nat_gateway)
    try_to_delete()
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    try_to_delete()
    return [code for code, _ in refusals] == ["DependencyViolation"] * 3 + [""]


def security_group_in_use(clients: Clients) -> bool:
    """An interface has it, then a rule of another group names it; a rule of the group itself does not count."""
    ec2 = clients("ec2")
    vpc, subnet = subnet_of(ec2)
    group, other = (
        ec2.create_security_group(GroupName=name, Description="x", VpcId=vpc)["GroupId"] for name in ("used", "other")
    )
    endpoint = endpoint_of(ec2, vpc, subnet, SecurityGroupIds=[group])["VpcEndpointId"]
    rule = [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [{"GroupId": group}]}]
    for owner in (group, other):
        ec2.authorize_security_group_ingress(GroupId=owner, IpPermissions=rule)
    refusals = [refusal(ec2.delete_security_group, GroupId=group)]
    if refusals == [("", "")]:
        return False
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    refusals.append(refusal(ec2.delete_security_group, GroupId=group))
    ec2.revoke_security_group_ingress(GroupId=other, IpPermissions=rule)
    refusals.append(refusal(ec2.delete_security_group, GroupId=group))
    return refusals == [("DependencyViolation", f"resource {group} has a dependent object")] * 2 + [("", "")]


def vpc_with_dependencies(clients: Clients) -> bool:
    """Gateways, an endpoint, a security group: each of them until it is gone."""
    ec2 = clients("ec2")
    vpc, subnet = subnet_of(ec2)
    ec2.delete_subnet(SubnetId=subnet)
    gateway = gateway_of(ec2, vpc)
    egress_only = ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"]
    table = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]["RouteTableId"]
    endpoint = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName=f"com.amazonaws.{REGION}.s3", VpcEndpointType="Gateway", RouteTableIds=[table]
    )["VpcEndpoint"]["VpcEndpointId"]
    group = ec2.create_security_group(GroupName="own", Description="x", VpcId=vpc)["GroupId"]
    refusals = [refusal(ec2.delete_vpc, VpcId=vpc)]
    if refusals == [("", "")]:
        return False
    for remove in (
        lambda: ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc),
        lambda: ec2.delete_egress_only_internet_gateway(
            EgressOnlyInternetGatewayId=egress_only["EgressOnlyInternetGatewayId"]
        ),
        lambda: ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint]),
        lambda: ec2.delete_security_group(GroupId=group),
    ):
        remove()
        refusals.append(refusal(ec2.delete_vpc, VpcId=vpc))
    message = f"The vpc '{vpc}' has dependencies and cannot be deleted."
    return refusals == [("DependencyViolation", message)] * 4 + [("", "")]


def log_group_of_a_flow_log(clients: Clients) -> bool:
    ec2, logs = clients("ec2"), clients("logs")
    name = f"/flows/{secrets.token_hex(6)}"
    logs.create_log_group(logGroupName=name)
    (group,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    made = ec2.create_flow_logs(
        ResourceType="VPC",
        ResourceIds=[subnet_of(ec2)[0]],
        TrafficType="ALL",
        LogDestinationType="cloud-watch-logs",
        LogDestination=group["arn"].removesuffix(":*"),
        DeliverLogsPermissionArn=f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/flows",
    )
    (flow_log,) = ec2.describe_flow_logs(FlowLogIds=made["FlowLogIds"])["FlowLogs"]
    return flow_log["DeliverLogsStatus"] == "SUCCESS"


def defaults_of_a_new_key(clients: Clients) -> bool:
    kms = clients("kms")
    key = kms.describe_key(KeyId=kms.create_key()["KeyMetadata"]["KeyId"])["KeyMetadata"]
    return (key.get("KeyUsage"), key.get("MultiRegion")) == ("ENCRYPT_DECRYPT", False)


def rotation_period_of_a_key(clients: Clients) -> bool:
    kms = clients("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    periods = []
    for parameters in ({}, {"RotationPeriodInDays": 120}):
        periods.append(kms.get_key_rotation_status(KeyId=key).get("RotationPeriodInDays"))
        kms.enable_key_rotation(KeyId=key, **parameters)
        periods.append(kms.get_key_rotation_status(KeyId=key).get("RotationPeriodInDays"))
    return periods == [None, 365, 365, 120]


def tags_of_a_new_bucket(clients: Clients) -> bool:
    s3 = clients("s3")
    tags = [{"Key": "Project", "Value": "TAK"}, {"Key": "Name", "Value": "<config> & more"}]
    bucket = bucket_of(s3, Tags=tags)
    try:
        return s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    except ClientError:
        return False


def deny_under_a_condition(clients: Clients) -> bool:
    s3 = clients("s3")
    bucket = bucket_of(s3)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(TLS_ONLY).replace("{bucket}", bucket))
    try:
        s3.put_object(Bucket=bucket, Key="key", Body=b"text")
        return s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"text"
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"] != 403


def delete_markers_of_a_suspended_bucket(clients: Clients) -> bool:
    """What the provider does with `forceDestroy`: versioning off, then versions, delete markers and the bucket."""
    s3 = clients("s3")
    bucket = bucket_of(s3)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="key", Body=b"text")
    s3.delete_object(Bucket=bucket, Key="key")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    found = s3.list_object_versions(Bucket=bucket)
    try:
        for kind in ("Versions", "DeleteMarkers"):
            objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found[kind]]
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        s3.delete_bucket(Bucket=bucket)
    except AttributeError:
        return False
    return True


def ecs_account_settings(clients: Clients) -> bool:
    ecs = clients("ecs")
    try:
        ecs.put_account_setting_default(name="fargateTaskRetirementWaitPeriod", value="14")
    except NotImplementedError:
        return False
    settings = {item["name"]: item["value"] for item in ecs.list_account_settings(effectiveSettings=True)["settings"]}
    named = ecs.list_account_settings(name="fargateTaskRetirementWaitPeriod")["settings"]
    return settings["containerInsights"] == "disabled" and [item["value"] for item in named] == ["14"]


def unimplemented_actions(clients: Clients) -> bool:
    """One service for each protocol of AWS's APIs."""
    refusals = []
    calls = [
        ("ec2", "DescribeMacHosts", lambda ec2: ec2.describe_mac_hosts()),
        ("kms", "DescribeCustomKeyStores", lambda kms: kms.describe_custom_key_stores()),
        ("sts", "DecodeAuthorizationMessage", lambda sts: sts.decode_authorization_message(EncodedMessage="x")),
        ("ecr", "DescribePullThroughCacheRules", lambda ecr: ecr.describe_pull_through_cache_rules()),
    ]
    for service, action, call in calls:
        try:
            call(clients(service))
        except NotImplementedError:
            return False
        except ClientError as error:
            answer, message = error.response["ResponseMetadata"], error.response["Error"]["Message"]
            named = message.endswith(f" does not implement {service}:{action}")
            refusals.append((error.response["Error"]["Code"], answer["HTTPStatusCode"], answer["RetryAttempts"], named))
    return refusals == [("NotImplemented", 501, 0, True)] * len(calls)


def stack_exporting(name: str, value: str) -> dict[str, Any]:
    """Parameters of a stack with one export, from which another stack imports."""
    outputs = {"IdOutput": {"Value": value, "Export": {"Name": f"{name}-Id"}}}
    handle = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
    return {"StackName": name, "TemplateBody": json.dumps({"Resources": {"Nothing": handle}, "Outputs": outputs})}


def wait_condition_handle(clients: Clients) -> bool:
    cloudformation, name = clients("cloudformation"), f"stack-{secrets.token_hex(4)}"
    try:
        cloudformation.create_stack(**stack_exporting(name, "first"))
    except Warning:
        return False
    (resource,) = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    return resource["ResourceType"] == "AWS::CloudFormation::WaitConditionHandle"


def imports_of_an_export(clients: Clients) -> bool:
    cloudformation, name = clients("cloudformation"), f"stack-{secrets.token_hex(4)}"

    def importing(export: str) -> list[str]:
        try:
            return cloudformation.list_imports(ExportName=export)["Imports"]
        except ClientError as error:
            return [error.response["Error"]["Code"]]
        except NotImplementedError:
            return []

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the other gap
        cloudformation.create_stack(**stack_exporting(name, "first"))
        before = importing(f"{name}-Id")
        queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::ImportValue": f"{name}-Id"}}}
        template = json.dumps({"Resources": {"Queue": queue}})
        cloudformation.create_stack(StackName=f"{name}-user", TemplateBody=template)
        found = [before, importing(f"{name}-Id")]
        cloudformation.delete_stack(StackName=f"{name}-user")
        cloudformation.delete_stack(StackName=name)
    return found == [["ValidationError"], [f"{name}-user"]]


def exports_in_use(clients: Clients) -> bool:
    cloudformation, name = clients("cloudformation"), f"stack-{secrets.token_hex(4)}"

    def exported() -> str | None:
        exports = {item["Name"]: item["Value"] for item in cloudformation.list_exports()["Exports"]}
        return exports.get(f"{name}-Id")

    def states() -> list[str]:
        stacks = cloudformation.describe_stacks()["Stacks"]
        return [stack["StackStatus"] for stack in stacks if stack["StackName"] == name]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the other gap
        cloudformation.create_stack(**stack_exporting(name, "first"))
        cloudformation.update_stack(**stack_exporting(name, "second"))
        found = [exported(), *states()]
        template = {
            "Resources": {
                "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::ImportValue": f"{name}-Id"}}}
            }
        }
        cloudformation.create_stack(StackName=f"{name}-user", TemplateBody=json.dumps(template))
        cloudformation.update_stack(**stack_exporting(name, "third"))
        found += [exported(), *states()]
        cloudformation.delete_stack(StackName=name)
        found += [exported(), *states()]
        cloudformation.delete_stack(StackName=f"{name}-user")
        cloudformation.delete_stack(StackName=name)
        found += [exported(), *states()]
    refused = ["second", "UPDATE_ROLLBACK_COMPLETE"]
    return found == ["second", "UPDATE_COMPLETE", *refused, *refused, None]


PROBES: dict[str, Callable[[Clients], bool]] = {
    probe.__name__: probe
    for probe in (
        state_of_the_ipv6_range_of_a_subnet,
        subnet_attributes,
        vpc_endpoint_attributes,
        interfaces_of_an_endpoint,
        private_dns_name_of_an_endpoint,
        one_internet_gateway_for_a_vpc,
        internet_gateway_under_public_addresses,
        nat_gateway_without_an_internet_gateway,
        address_of_a_deleted_nat_gateway,
        address_of_a_nat_gateway,
        subnet_with_interfaces,
        security_group_in_use,
        vpc_with_dependencies,
        log_group_of_a_flow_log,
        defaults_of_a_new_key,
        rotation_period_of_a_key,
        tags_of_a_new_bucket,
        deny_under_a_condition,
        delete_markers_of_a_suspended_bucket,
        ecs_account_settings,
        unimplemented_actions,
        wait_condition_handle,
        exports_in_use,
        imports_of_an_export,
    )
}


@pytest.fixture(scope="module")
def in_process() -> Iterator[Clients]:
    with mock_aws():
        yield functools.cache(lambda service: boto3.client(service, region_name=REGION))


@pytest.fixture
def moto_as_it_comes() -> Iterator[None]:
    moto_gaps.open_gaps()
    yield
    moto_gaps.open_gaps()


def test_every_gap_has_a_probe() -> None:
    assert moto_gaps.GAPS.keys() == PROBES.keys()


@pytest.mark.usefixtures("moto_as_it_comes")
@pytest.mark.parametrize("gap", PROBES)
def test_the_gap_is_there_in_moto_as_it_comes(in_process: Clients, gap: str) -> None:
    """Where this fails, Moto has closed the gap itself: remove the function and its probe."""
    assert not PROBES[gap](in_process)


@pytest.mark.parametrize("gap", PROBES)
def test_the_gap_is_closed_in_process(in_process: Clients, gap: str) -> None:
    moto_gaps.close_gaps(moto_gaps.CLOUDFORMATION)

    assert PROBES[gap](in_process)


@pytest.mark.parametrize("gap", PROBES)
def test_the_gap_is_closed_over_http(clients: Clients, gap: str) -> None:
    assert PROBES[gap](clients)


@pytest.mark.usefixtures("moto_as_it_comes")
def test_another_moto_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moto.kms.responses.KmsResponse.enable_key_rotation", lambda self, other: "")

    with pytest.raises(DeploymentError, match=r"^Moto \S+ has another KmsResponse.enable_key_rotation than [^\n]+$"):
        moto_gaps.close_gaps()
