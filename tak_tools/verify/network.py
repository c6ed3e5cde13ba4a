"""Checks of the network: the VPC, its subnets, routes, gateways, flow log and default security group."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from tak_base.addressing import NAT64, SubnetPlan, ipv6_subnet
from tak_base.policy_documents import flow_log_permissions, flow_log_trust_policy
from tak_tools.layer_outputs import LayerOutputs
from tak_tools.verify.checks import Difference, check, differ, statements
from tak_tools.verify.deployment import Deployment

Protocol = Literal["IPv4", "IPv6"]

_DEFAULT_ROUTE = {"IPv4": "0.0.0.0/0", "IPv6": "::/0"}
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html
_TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "EgressOnlyInternetGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "NetworkInterfaceId",
    "InstanceId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
)
_WAYS_TO_THE_INTERNET = ("igw-", "nat-", "eigw-")


@check(
    "vpc-addresses",
    "The VPC has the IPv4 range of its IDs and the published IPv6 range from Amazon.",
    actions=("ec2:DescribeVpcs",),
    of="VPC",
)
def vpc_addresses(deployment: Deployment) -> Iterable[Difference]:
    vpc = deployment.vpc or {}
    ipv4 = str(deployment.settings.network.addresses.vpc)
    yield from differ(deployment.vpc_id, "IPv4 range", vpc["CidrBlock"], ipv4)
    yield from differ(LayerOutputs.ipv4_range.name, "output", deployment.ipv4_range, ipv4)
    yield from differ(deployment.vpc_id, "IPv6 range", _ipv6_ranges(vpc), [deployment.ipv6_range])


@check(
    "vpc-dns",
    "The VPC has DNS support and DNS host names, which private DNS of endpoints needs.",
    actions=("ec2:DescribeVpcAttribute",),
    of="VPC",
)
def vpc_dns(deployment: Deployment) -> Iterable[Difference]:
    for attribute, key in (("enableDnsSupport", "EnableDnsSupport"), ("enableDnsHostnames", "EnableDnsHostnames")):
        answer = deployment.aws.ask("ec2", "describe_vpc_attribute", VpcId=deployment.vpc_id, Attribute=attribute)
        yield from differ(deployment.vpc_id, attribute, answer[key]["Value"], True)


@check(
    "subnets",
    "Each of the four subnets is in its zone, with its IPv4 range and its /64 of the VPC's IPv6 range.",
    actions=("ec2:DescribeSubnets",),
    of="VPC",
)
def subnets(deployment: Deployment) -> Iterable[Difference]:
    zones, vpc_block = deployment.zone_names, deployment.ipv6_range
    for plan in deployment.settings.network.addresses.subnets:
        subnet_id = deployment.subnet_id(plan.tier, plan.zone)
        subnet = deployment.subnets.get(subnet_id)
        if subnet is None:
            yield Difference(subnet_id, "no such subnet in the VPC", f"the subnet {plan.role}, {plan.ipv4}")
            continue
        yield from differ(subnet_id, "IPv4 range", subnet["CidrBlock"], str(plan.ipv4))
        yield from differ(subnet_id, "IPv6 range", _ipv6_ranges(subnet), [ipv6_subnet(vpc_block, plan.ipv6_index)])
        yield from differ(subnet_id, "zone", subnet["AvailabilityZone"], zones[plan.zone_index])


@check(
    "subnet-addressing",
    "Subnets assign IPv6 addresses and no public IPv4 addresses.",
    actions=("ec2:DescribeSubnets",),
    controls=("EC2.15",),
    of="VPC",
)
def subnet_addressing(deployment: Deployment) -> Iterable[Difference]:
    for _, subnet_id in deployment.planned_subnets():
        subnet = deployment.subnets[subnet_id]
        yield from differ(subnet_id, "MapPublicIpOnLaunch", subnet["MapPublicIpOnLaunch"], False)
        yield from differ(subnet_id, "AssignIpv6AddressOnCreation", subnet["AssignIpv6AddressOnCreation"], True)


@check(
    "subnet-free-addresses",
    "Each subnet has a tenth of its IPv4 addresses free, and at least the 8 that a load balancer takes to scale out.",
    actions=("ec2:DescribeSubnets",),
    of="VPC",
)
def subnet_free_addresses(deployment: Deployment) -> Iterable[Difference]:
    for plan, subnet_id in deployment.planned_subnets():
        free, least = deployment.subnets[subnet_id]["AvailableIpAddressCount"], _least_free_addresses(plan)
        if free < least:
            yield Difference(subnet_id, f"{free} free addresses in {plan.role}", f"at least {least}")


@check(
    "route-tables",
    "Each subnet follows the route table that is published for it.",
    actions=("ec2:DescribeRouteTables", "ec2:DescribeSubnets"),
    of="VPC",
)
def route_tables(deployment: Deployment) -> Iterable[Difference]:
    for plan, subnet_id in deployment.planned_subnets():
        table = deployment.effective_route_table(subnet_id)
        yield from differ(
            subnet_id, "route table", table["RouteTableId"], deployment.route_table_id(plan.tier, plan.zone)
        )


@check(
    "ipv4-routes",
    "Public subnets route IPv4 to the internet gateway, private ones to a NAT gateway if there is one.",
    actions=(
        "ec2:DescribeInternetGateways",
        "ec2:DescribeNatGateways",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSubnets",
    ),
    of="VPC",
)
def ipv4_routes(deployment: Deployment) -> Iterable[Difference]:
    for plan, subnet_id in deployment.planned_subnets():
        way_out = _internet_gateway(deployment) if plan.tier == "public" else _nat_gateway(deployment, plan)
        yield from _routes(deployment, plan, subnet_id, "IPv4", way_out)


@check(
    "ipv6-routes",
    "Public subnets route IPv6 to the internet gateway, private ones to the egress-only internet gateway.",
    actions=(
        "ec2:DescribeEgressOnlyInternetGateways",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSubnets",
    ),
    of="VPC",
)
def ipv6_routes(deployment: Deployment) -> Iterable[Difference]:
    for plan, subnet_id in deployment.planned_subnets():
        way_out = _internet_gateway(deployment) if plan.tier == "public" else _egress_only_gateway(deployment)
        yield from _routes(deployment, plan, subnet_id, "IPv6", way_out)


@check(
    "nat64",
    "With nat64, private subnets have DNS64, and route 64:ff9b::/96 to their NAT gateway.",
    actions=("ec2:DescribeNatGateways", "ec2:DescribeRouteTables", "ec2:DescribeSubnets"),
    of="VPC",
)
def nat64(deployment: Deployment) -> Iterable[Difference]:
    for plan, subnet_id in deployment.planned_subnets():
        table, way_out = deployment.effective_route_table(subnet_id), _nat_gateway(deployment, plan)
        wanted = deployment.settings.network.nat64 and plan.tier == "private"
        found = [_described(route) for route in table["Routes"] if _destination(route) == NAT64]
        expected = [f"{NAT64} to {way_out}"] if wanted else []
        # DNS64 without the route is worse than neither: names resolve to unreachable addresses.
        yield from differ(subnet_id, "EnableDns64", deployment.subnets[subnet_id].get("EnableDns64", False), wanted)
        yield from differ(subnet_id, f"NAT64 routes in {table['RouteTableId']}", found, expected)


@check(
    "main-route-table",
    "The main route table, which subnets without an explicit table use, has no route to the internet.",
    actions=("ec2:DescribeRouteTables",),
    of="VPC",
)
def main_route_table(deployment: Deployment) -> Iterable[Difference]:
    table = deployment.main_route_table
    for route in table["Routes"]:
        if _target(route).startswith(_WAYS_TO_THE_INTERNET):
            yield Difference(table["RouteTableId"], _described(route), "no route to the internet")


@check(
    "nat-gateways",
    "Each published NAT address belongs to an available NAT gateway in the public subnet of its zone.",
    actions=("ec2:DescribeNatGateways",),
    of="VPC",
)
def nat_gateways(deployment: Deployment) -> Iterable[Difference]:
    public = deployment.settings.network.addresses.tier("public")
    for plan, address in zip(public, deployment.nat_addresses, strict=False):
        subnet_id = deployment.subnet_id("public", plan.zone)
        gateway = deployment.nat_gateway_with(address)
        if gateway is None:
            yield Difference(address, "no NAT gateway of the VPC", f"the NAT gateway in {plan.role}, {subnet_id}")
            continue
        yield from differ(gateway["NatGatewayId"], "state", gateway["State"], "available")
        yield from differ(gateway["NatGatewayId"], "subnet", gateway["SubnetId"], subnet_id)


@check(
    "default-security-group",
    "The VPC's default security group has no rules.",
    actions=("ec2:DescribeSecurityGroups",),
    controls=("EC2.2",),
    of="VPC",
)
def default_security_group(deployment: Deployment) -> Iterable[Difference]:
    group = deployment.default_security_group
    yield from differ(group["GroupId"], "inbound rules", len(group["IpPermissions"]), 0)
    yield from differ(group["GroupId"], "outbound rules", len(group["IpPermissionsEgress"]), 0)


@check(
    "flow-log",
    "The VPC's flow log records the traffic that the stack file names, and its records arrive.",
    actions=("ec2:DescribeFlowLogs",),
    controls=("EC2.6",),
    of="VPC",
)
def flow_log(deployment: Deployment) -> Iterable[Difference]:
    traffic = deployment.settings.network.flow_logs
    if traffic == "none":
        return
    found = deployment.layer_flow_log
    if found is None:
        expected = f"one of {traffic} traffic to {deployment.settings.flow_log_group_name}"
        yield Difference(deployment.vpc_id, "no flow log to the layer's log group", expected)
        return
    yield from differ(found["FlowLogId"], "traffic", found["TrafficType"], traffic.upper())
    yield from differ(found["FlowLogId"], "state", found["FlowLogStatus"], "ACTIVE")
    # Absent until the first records are due.
    delivery = found.get("DeliverLogsErrorMessage") or found.get("DeliverLogsStatus", "SUCCESS")
    yield from differ(found["FlowLogId"], "delivery", delivery, "SUCCESS")


@check(
    "flow-log-role",
    "VPC Flow Logs of this account may use the flow log's role, which writes to the layer's log group only.",
    actions=("ec2:DescribeFlowLogs", "iam:GetRole", "iam:GetRolePolicy", "iam:ListRolePolicies"),
    controls=("KMS.2",),
    of="VPC",
)
def flow_log_role(deployment: Deployment) -> Iterable[Difference]:
    found = None if deployment.settings.network.flow_logs == "none" else deployment.layer_flow_log
    if found is None:
        return
    name = found["DeliverLogsPermissionArn"].rsplit("/", 1)[-1]
    role = deployment.aws.ask("iam", "get_role", absent=["NoSuchEntity"], RoleName=name).get("Role")
    if role is None:
        yield Difference(name, "no such role", "the flow log's role")
        return
    trust = flow_log_trust_policy(deployment.target)
    yield from differ(name, "trust policy", [*statements(role["AssumeRolePolicyDocument"])], [*statements(trust)])
    inline = deployment.aws.ask("iam", "list_role_policies", RoleName=name)["PolicyNames"]
    policies = [deployment.aws.ask("iam", "get_role_policy", RoleName=name, PolicyName=item) for item in inline]
    permissions = [text for policy in policies for text in statements(policy["PolicyDocument"])]
    expected = flow_log_permissions(deployment.target, deployment.settings.flow_log_group_name)
    yield from differ(name, "permissions", permissions, [*statements(expected)])


def _least_free_addresses(plan: SubnetPlan) -> int:
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer
    return max(8, plan.usable_addresses // 10)


def _ipv6_ranges(described: dict[str, Any]) -> list[str]:
    """The associated IPv6 ranges of a VPC or a subnet."""
    return [
        association["Ipv6CidrBlock"]
        for association in described.get("Ipv6CidrBlockAssociationSet", [])
        if association["Ipv6CidrBlockState"]["State"] == "associated"
    ]


def _internet_gateway(deployment: Deployment) -> str:
    attached = [gateway["InternetGatewayId"] for gateway in deployment.internet_gateways]
    return attached[0] if attached else "the VPC's internet gateway"


def _egress_only_gateway(deployment: Deployment) -> str:
    attached = [gateway["EgressOnlyInternetGatewayId"] for gateway in deployment.egress_only_gateways]
    return attached[0] if attached else "the VPC's egress-only internet gateway"


def _nat_gateway(deployment: Deployment, plan: SubnetPlan) -> str | None:
    """The NAT gateway of the subnet's own zone, or the only one; None where the stack file has none."""
    count = deployment.settings.network.nat_gateways
    if count == 0:
        return None
    public = deployment.settings.network.addresses.tier("public")[min(plan.zone_index, count - 1)]
    subnet_id = deployment.subnet_id("public", public.zone)
    there = [gateway["NatGatewayId"] for gateway in deployment.nat_gateways if gateway["SubnetId"] == subnet_id]
    return there[0] if there else f"the NAT gateway in {public.role}"


def _routes(
    deployment: Deployment, plan: SubnetPlan, subnet_id: str, protocol: Protocol, way_out: str | None
) -> Iterator[Difference]:
    """The differences of a subnet's routes of one protocol; `way_out` is the target of its default route, if any."""
    table = deployment.effective_route_table(subnet_id)
    routes = {_destination(route): route for route in table["Routes"] if _protocol(route) == protocol}
    default = routes.pop(_DEFAULT_ROUTE[protocol], None)
    expected = f"{_DEFAULT_ROUTE[protocol]} to {way_out}" if way_out else "no route to 0.0.0.0/0: natGateways is 0"
    if default is None:
        if way_out:
            yield Difference(subnet_id, f"no default route in {table['RouteTableId']}", expected)
    elif _described(default) != expected:
        yield Difference(subnet_id, f"{_described(default)} in {table['RouteTableId']}", expected)
    for route in routes.values():
        # A longer prefix wins over the default route.
        if plan.tier == "private" and _target(route).startswith("igw-"):
            yield Difference(
                subnet_id, f"{_described(route)} in {table['RouteTableId']}", "no route to an internet gateway"
            )
        elif route["State"] == "blackhole":
            yield Difference(subnet_id, f"{_described(route)} in {table['RouteTableId']}", "only routes to what exists")


def _protocol(route: dict[str, Any]) -> Protocol:
    return "IPv6" if "DestinationIpv6CidrBlock" in route else "IPv4"


def _destination(route: dict[str, Any]) -> str:
    keys = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
    return next(route[key] for key in keys if key in route)


def _target(route: dict[str, Any]) -> str:
    return next((route[key] for key in _TARGETS if route.get(key)), "nothing")


def _described(route: dict[str, Any]) -> str:
    dead = " (blackhole)" if route["State"] == "blackhole" else ""
    return f"{_destination(route)} to {_target(route)}{dead}"
