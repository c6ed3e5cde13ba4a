"""Handlers of the network's resource types (EC2)."""

from typing import Any

from tak_tools import resource_types as types
from tak_tools.simulated_aws.cloud import Created, SimulatedAws, handles
from tak_tools.simulated_aws.inputs import Inputs


@handles(types.VPC)
def vpc(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    ec2 = cloud.client("ec2")
    made = ec2.create_vpc(
        CidrBlock=inputs.take("cidrBlock"),
        AmazonProvidedIpv6CidrBlock=inputs.take("assignGeneratedIpv6CidrBlock", False),
        TagSpecifications=cloud.tag_specifications(inputs, "vpc"),
    )["Vpc"]
    vpc_id = made["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsSupport={"Value": inputs.take("enableDnsSupport", True)})
    ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": inputs.take("enableDnsHostnames", False)})
    # The provider waits until the IPv6 block is associated; the answer to CreateVpc may not have it yet.
    described = ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0]
    ipv6_blocks = [block["Ipv6CidrBlock"] for block in described.get("Ipv6CidrBlockAssociationSet", [])]
    return vpc_id, {"cidrBlock": described["CidrBlock"], "ipv6CidrBlock": ipv6_blocks[0] if ipv6_blocks else None}


@handles(types.DEFAULT_SECURITY_GROUP)
def default_security_group(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    """Adopts the VPC's default group: removes its rules, and adds the given ones."""
    ec2 = cloud.client("ec2")
    filters = [
        {"Name": "vpc-id", "Values": [inputs.take("vpcId")]},
        {"Name": "group-name", "Values": ["default"]},
    ]
    group = ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]
    group_id = group["GroupId"]
    if group["IpPermissions"]:
        ec2.revoke_security_group_ingress(GroupId=group_id, IpPermissions=group["IpPermissions"])
    if group["IpPermissionsEgress"]:
        ec2.revoke_security_group_egress(GroupId=group_id, IpPermissions=group["IpPermissionsEgress"])
    _authorize(ec2, group_id, inputs)
    _tag(cloud, inputs, group_id)
    return group_id, {}


@handles(types.SECURITY_GROUP)
def security_group(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    ec2 = cloud.client("ec2")
    group_id = ec2.create_security_group(
        GroupName=inputs.take("name") or cloud.physical_name(name),
        Description=inputs.take("description"),
        VpcId=inputs.take("vpcId"),
        TagSpecifications=cloud.tag_specifications(inputs, "security-group"),
    )["GroupId"]
    group = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]
    # AWS adds a rule that allows all outbound traffic; the provider removes it.
    ec2.revoke_security_group_egress(GroupId=group_id, IpPermissions=group["IpPermissionsEgress"])
    _authorize(ec2, group_id, inputs)
    return group_id, {}


def _authorize(ec2: Any, group_id: str, inputs: Inputs) -> None:
    ingress = [_permission(rule) for rule in inputs.blocks("ingress")]
    egress = [_permission(rule) for rule in inputs.blocks("egress")]
    if ingress:
        ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=ingress)
    if egress:
        ec2.authorize_security_group_egress(GroupId=group_id, IpPermissions=egress)


def _permission(rule: Inputs) -> dict[str, Any]:
    description = rule.take("description", "")
    return {
        "IpProtocol": rule.take("protocol"),
        "FromPort": rule.take("fromPort"),
        "ToPort": rule.take("toPort"),
        "IpRanges": [{"CidrIp": cidr, "Description": description} for cidr in rule.take("cidrBlocks", [])],
        "Ipv6Ranges": [{"CidrIpv6": cidr, "Description": description} for cidr in rule.take("ipv6CidrBlocks", [])],
        "UserIdGroupPairs": [
            {"GroupId": group, "Description": description} for group in rule.take("securityGroups", [])
        ],
    }


@handles(types.INTERNET_GATEWAY)
def internet_gateway(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    ec2 = cloud.client("ec2")
    gateway_id = ec2.create_internet_gateway(TagSpecifications=cloud.tag_specifications(inputs, "internet-gateway"))[
        "InternetGateway"
    ]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway_id, VpcId=inputs.take("vpcId"))
    return gateway_id, {}


@handles(types.EGRESS_ONLY_GATEWAY)
def egress_only_internet_gateway(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    made = cloud.client("ec2").create_egress_only_internet_gateway(
        VpcId=inputs.take("vpcId"),
        TagSpecifications=cloud.tag_specifications(inputs, "egress-only-internet-gateway"),
    )
    return made["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"], {}


@handles(types.SUBNET)
def subnet(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    ec2 = cloud.client("ec2")
    made = ec2.create_subnet(
        VpcId=inputs.take("vpcId"),
        AvailabilityZone=inputs.take("availabilityZone"),
        CidrBlock=inputs.take("cidrBlock"),
        Ipv6CidrBlock=inputs.take("ipv6CidrBlock"),
        TagSpecifications=cloud.tag_specifications(inputs, "subnet"),
    )["Subnet"]
    subnet_id = made["SubnetId"]
    for attribute, key in (
        ("AssignIpv6AddressOnCreation", "assignIpv6AddressOnCreation"),
        ("MapPublicIpOnLaunch", "mapPublicIpOnLaunch"),
        ("EnableDns64", "enableDns64"),
    ):
        ec2.modify_subnet_attribute(SubnetId=subnet_id, **{attribute: {"Value": inputs.take(key, False)}})
    return subnet_id, {"availabilityZone": made["AvailabilityZone"], "cidrBlock": made["CidrBlock"]}


@handles(types.ROUTE_TABLE)
def route_table(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    made = cloud.client("ec2").create_route_table(
        VpcId=inputs.take("vpcId"), TagSpecifications=cloud.tag_specifications(inputs, "route-table")
    )
    return made["RouteTable"]["RouteTableId"], {}


@handles(types.ROUTE_TABLE_ASSOCIATION)
def route_table_association(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    made = cloud.client("ec2").associate_route_table(
        RouteTableId=inputs.take("routeTableId"), SubnetId=inputs.take("subnetId")
    )
    return made["AssociationId"], {}


@handles(types.ROUTE)
def route(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    table_id = inputs.take("routeTableId")
    parameters = {
        "DestinationCidrBlock": inputs.take("destinationCidrBlock"),
        "DestinationIpv6CidrBlock": inputs.take("destinationIpv6CidrBlock"),
        "GatewayId": inputs.take("gatewayId"),
        "NatGatewayId": inputs.take("natGatewayId"),
        "EgressOnlyInternetGatewayId": inputs.take("egressOnlyGatewayId"),
    }
    given = {key: value for key, value in parameters.items() if value is not None}
    cloud.client("ec2").create_route(RouteTableId=table_id, **given)
    return f"r-{table_id}-{given.get('DestinationCidrBlock') or given.get('DestinationIpv6CidrBlock')}", {}


@handles(types.EIP)
def eip(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    made = cloud.client("ec2").allocate_address(
        Domain=inputs.take("domain"), TagSpecifications=cloud.tag_specifications(inputs, "elastic-ip")
    )
    return made["AllocationId"], {"allocationId": made["AllocationId"], "publicIp": made["PublicIp"]}


@handles(types.NAT_GATEWAY)
def nat_gateway(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    made = cloud.client("ec2").create_nat_gateway(
        SubnetId=inputs.take("subnetId"),
        AllocationId=inputs.take("allocationId"),
        TagSpecifications=cloud.tag_specifications(inputs, "natgateway"),
    )["NatGateway"]
    if made["State"] == "failed":
        raise RuntimeError(f"{made['FailureCode']}: {made['FailureMessage']}")
    return made["NatGatewayId"], {}


@handles(types.VPC_ENDPOINT)
def vpc_endpoint(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    parameters = {
        "RouteTableIds": inputs.take("routeTableIds"),
        "SubnetIds": inputs.take("subnetIds"),
        "SecurityGroupIds": inputs.take("securityGroupIds"),
        "PrivateDnsEnabled": inputs.take("privateDnsEnabled"),
        "PolicyDocument": inputs.take("policy"),
        "IpAddressType": inputs.take("ipAddressType"),
    }
    if record_type := inputs.block("dnsOptions").take("dnsRecordIpType"):
        parameters["DnsOptions"] = {"DnsRecordIpType": record_type}
    made = cloud.client("ec2").create_vpc_endpoint(
        VpcEndpointType=inputs.take("vpcEndpointType"),
        VpcId=inputs.take("vpcId"),
        ServiceName=inputs.take("serviceName"),
        TagSpecifications=cloud.tag_specifications(inputs, "vpc-endpoint"),
        **{key: value for key, value in parameters.items() if value is not None},
    )
    return made["VpcEndpoint"]["VpcEndpointId"], {}


@handles(types.FLOW_LOG)
def flow_log(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    made = cloud.client("ec2").create_flow_logs(
        ResourceType="VPC",
        ResourceIds=[inputs.take("vpcId")],
        TrafficType=inputs.take("trafficType"),
        LogDestinationType=inputs.take("logDestinationType"),
        LogDestination=inputs.take("logDestination"),
        DeliverLogsPermissionArn=inputs.take("iamRoleArn"),
        TagSpecifications=cloud.tag_specifications(inputs, "vpc-flow-log"),
    )
    if made["Unsuccessful"]:
        raise RuntimeError(made["Unsuccessful"][0]["Error"]["Message"])
    return made["FlowLogIds"][0], {}


def _tag(cloud: SimulatedAws, inputs: Inputs, resource_id: str) -> None:
    tags = cloud.tag_list(inputs)
    if tags:
        cloud.client("ec2").create_tags(Resources=[resource_id], Tags=tags)
