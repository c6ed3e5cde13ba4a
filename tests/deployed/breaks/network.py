"""Breaks of the network."""

import json

from tak_base.addressing import ZONES
from tests.deployed.breaks.harness import breaks, of_other_check
from tests.deployed.case import ACCOUNT, ANYWHERE, Case
from tests.deployed.resources import policy_of


@breaks("vpc-addresses")
def the_vpc_has_lost_its_ipv6_range(case: Case) -> list[str]:
    vpc = case.moto("ec2").vpcs[case.vpc_id]
    (ipv6,) = vpc.ipv6_cidr_block_association_set
    ipv6["cidr_block_state"]["State"] = "disassociated"
    return [f"{vpc.id}: found IPv6 range none, expected IPv6 range {case.ipv6_range}"]


@breaks("vpc-addresses")
def the_vpc_has_another_range(case: Case) -> list[str]:
    vpc = case.moto("ec2").vpcs[case.vpc_id]
    vpc.cidr_block = "10.9.0.0/20"
    return [f"{vpc.id}: found IPv4 range 10.9.0.0/20, expected IPv4 range 10.1.16.0/20"]


@breaks("vpc-dns")
def host_names_are_off(case: Case) -> list[str]:
    vpc_id = case.vpc_id
    case.ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": False})
    return [f"{vpc_id}: found enableDnsHostnames false, expected enableDnsHostnames true"]


@breaks("subnets")
def a_subnet_is_deleted(case: Case) -> list[str]:
    subnet_id = case.subnet_id("private", "b")
    # Not by its API, which deletes none that holds endpoints.
    for subnets in case.moto("ec2").subnets.values():
        subnets.pop(subnet_id, None)
    return [f"{subnet_id}: found no such subnet in the VPC, expected the subnet private-b, 10.1.21.0/26"]


@breaks("subnets")
def a_subnet_has_lost_its_ipv6_range(case: Case) -> list[str]:
    subnet_id = case.subnet_id("public", "a")
    (subnet,) = case.ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"]
    (ipv6,) = subnet["Ipv6CidrBlockAssociationSet"]
    case.ec2.disassociate_subnet_cidr_block(AssociationId=ipv6["AssociationId"])
    return [f"{subnet_id}: found IPv6 range none, expected IPv6 range {ipv6['Ipv6CidrBlock']}"]


@breaks("subnets")
def a_subnet_is_in_the_other_zone_with_another_range(case: Case) -> list[str]:
    subnet = case.moto("ec2").get_subnet(case.subnet_id("private", "a"))
    subnet._availability_zone = case.moto("ec2").get_subnet(case.subnet_id("private", "b"))._availability_zone
    subnet.cidr_block = "10.1.22.0/26"
    return [
        f"{subnet.id}: found IPv4 range 10.1.22.0/26, expected IPv4 range 10.1.20.0/26",
        f"{subnet.id}: found zone ap-southeast-2b, expected zone ap-southeast-2a",
    ]


@breaks("subnet-addressing")
def a_subnet_gives_out_public_ipv4_addresses_and_no_ipv6(case: Case) -> list[str]:
    subnet_id = case.subnet_id("public", "a")
    case.ec2.modify_subnet_attribute(SubnetId=subnet_id, MapPublicIpOnLaunch={"Value": True})
    case.ec2.modify_subnet_attribute(SubnetId=subnet_id, AssignIpv6AddressOnCreation={"Value": False})
    return [
        f"{subnet_id}: found MapPublicIpOnLaunch true, expected MapPublicIpOnLaunch false",
        f"{subnet_id}: found AssignIpv6AddressOnCreation false, expected AssignIpv6AddressOnCreation true",
    ]


@breaks("subnet-free-addresses")
def a_private_subnet_is_nearly_full(case: Case) -> list[str]:
    subnet_id = case.subnet_id("private", "a")
    (subnet,) = case.ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"]
    for _ in range(subnet["AvailableIpAddressCount"] - 7):
        case.ec2.create_network_interface(SubnetId=subnet_id)
    return [f"{subnet_id}: found 7 free addresses in private-a, expected at least 8"]


@breaks("route-tables")
def a_subnet_follows_another_table_with_the_same_routes(case: Case) -> list[str]:
    table = case.ec2.create_route_table(VpcId=case.vpc_id)["RouteTable"]["RouteTableId"]
    nat, egress_only = case.id("nat-gateway-a"), case.egress_only_gateway
    case.ec2.create_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE, NatGatewayId=nat)
    case.ec2.create_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0", EgressOnlyInternetGatewayId=egress_only)
    association = case.id("route-table-association-private-a")
    case.ec2.replace_route_table_association(AssociationId=association, RouteTableId=table)
    subnet_id, own = case.subnet_id("private", "a"), case.route_table_id("private", "a")
    return [f"{subnet_id}: found route table {table}, expected route table {own}"]


@breaks("route-tables")
def a_subnet_follows_the_main_table(case: Case) -> list[str]:
    case.ec2.disassociate_route_table(AssociationId=case.id("route-table-association-public-b"))
    subnet_id, own = case.subnet_id("public", "b"), case.route_table_id("public", "a")
    main = main_route_table(case)
    no_route = f"{subnet_id}: found no default route in {main}, expected {{}} to {case.internet_gateway}"
    return [
        f"{subnet_id}: found route table {main}, expected route table {own}",
        of_other_check("ipv4-routes", no_route.format(ANYWHERE)),
        of_other_check("ipv6-routes", no_route.format("::/0")),
    ]


def main_route_table(case: Case) -> str:
    (main,) = [
        table["RouteTableId"]
        for table in case.layer.in_vpc("describe_route_tables", "RouteTables")
        if table["Associations"] and table["Associations"][0]["Main"]
    ]
    return main


@breaks("ipv4-routes")
def a_private_default_route_is_deleted(case: Case) -> list[str]:
    table = case.route_table_id("private", "a")
    case.ec2.delete_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE)
    subnet_id, nat = case.subnet_id("private", "a"), case.id("nat-gateway-a")
    return [f"{subnet_id}: found no default route in {table}, expected 0.0.0.0/0 to {nat}"]


@breaks("ipv4-routes")
def a_private_default_route_leads_to_the_internet_gateway(case: Case) -> list[str]:
    table, igw = case.route_table_id("private", "b"), case.internet_gateway
    case.ec2.delete_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE)
    case.ec2.create_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE, GatewayId=igw)
    subnet_id, nat = case.subnet_id("private", "b"), case.id("nat-gateway-b")
    return [f"{subnet_id}: found 0.0.0.0/0 to {igw} in {table}, expected 0.0.0.0/0 to {nat}"]


@breaks("ipv4-routes")
def a_private_default_route_leads_to_the_other_zone(case: Case) -> list[str]:
    table, other = case.route_table_id("private", "b"), case.id("nat-gateway-a")
    case.ec2.replace_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE, NatGatewayId=other)
    subnet_id, nat = case.subnet_id("private", "b"), case.id("nat-gateway-b")
    return [f"{subnet_id}: found 0.0.0.0/0 to {other} in {table}, expected 0.0.0.0/0 to {nat}"]


@breaks("ipv4-routes")
def a_longer_prefix_leads_from_a_private_subnet_to_the_internet_gateway(case: Case) -> list[str]:
    table, igw = case.route_table_id("private", "a"), case.internet_gateway
    case.ec2.create_route(RouteTableId=table, DestinationCidrBlock="198.51.100.0/24", GatewayId=igw)
    subnet_id = case.subnet_id("private", "a")
    return [f"{subnet_id}: found 198.51.100.0/24 to {igw} in {table}, expected no route to an internet gateway"]


@breaks("ipv4-routes")
def routes_lead_to_what_no_longer_exists(case: Case) -> list[str]:
    table = case.route_table_id("private", "a")
    case.ec2.create_route(
        RouteTableId=table, DestinationCidrBlock="192.0.2.0/24", NatGatewayId=case.id("nat-gateway-a")
    )
    for route in case.moto("ec2").route_tables[table].routes:
        if route.nat_gateway:
            # In Moto every route is active: its state is a property of the class.
            route.__class__ = type("DeadRoute", (type(route),), {"state": "blackhole"})
    subnet_id, nat = case.subnet_id("private", "a"), case.id("nat-gateway-a")
    return [
        f"{subnet_id}: found 0.0.0.0/0 to {nat} (blackhole) in {table}, expected 0.0.0.0/0 to {nat}",
        f"{subnet_id}: found 192.0.2.0/24 to {nat} (blackhole) in {table}, expected only routes to what exists",
    ]


@breaks("ipv6-routes")
def the_public_ipv6_route_is_deleted(case: Case) -> list[str]:
    table, igw = case.route_table_id("public", "a"), case.internet_gateway
    case.ec2.delete_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0")
    return [
        f"{case.subnet_id('public', zone)}: found no default route in {table}, expected ::/0 to {igw}" for zone in ZONES
    ]


@breaks("ipv6-routes")
def a_private_ipv6_route_leads_to_the_internet_gateway(case: Case) -> list[str]:
    table, igw = case.route_table_id("private", "a"), case.internet_gateway
    case.ec2.delete_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0")
    case.ec2.create_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0", GatewayId=igw)
    subnet_id, own = case.subnet_id("private", "a"), case.egress_only_gateway
    return [f"{subnet_id}: found ::/0 to {igw} in {table}, expected ::/0 to {own}"]


@breaks("ipv6-routes")
def the_egress_only_gateway_is_deleted(case: Case) -> list[str]:
    own = case.egress_only_gateway
    case.ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=own)
    return [
        f"{case.subnet_id('private', zone)}: found ::/0 to {own} in {case.route_table_id('private', zone)},"
        " expected ::/0 to the VPC's egress-only internet gateway"
        for zone in ZONES
    ]


@breaks("nat64")
def dns64_leads_to_addresses_without_a_route(case: Case) -> list[str]:
    subnet_id = case.subnet_id("private", "a")
    case.ec2.modify_subnet_attribute(SubnetId=subnet_id, EnableDns64={"Value": True})
    return [f"{subnet_id}: found EnableDns64 true, expected EnableDns64 false"]


@breaks("nat64")
def a_private_table_leads_to_ipv4_by_another_gateway(case: Case) -> list[str]:
    table, nat = case.route_table_id("private", "b"), case.id("nat-gateway-a")
    case.ec2.create_route(RouteTableId=table, DestinationIpv6CidrBlock="64:ff9b::/96", NatGatewayId=nat)
    subnet_id = case.subnet_id("private", "b")
    return [
        f"{subnet_id}: found NAT64 routes in {table} 64:ff9b::/96 to {nat}, expected NAT64 routes in {table} none",
    ]


@breaks("nat64", on="full")
def a_nat64_route_is_deleted(case: Case) -> list[str]:
    table, nat = case.route_table_id("private", "a"), case.id("nat-gateway-a")
    case.ec2.delete_route(RouteTableId=table, DestinationIpv6CidrBlock="64:ff9b::/96")
    what = f"NAT64 routes in {table}"
    return [f"{case.subnet_id('private', 'a')}: found {what} none, expected {what} 64:ff9b::/96 to {nat}"]


@breaks("nat64", on="full")
def dns64_is_off(case: Case) -> list[str]:
    subnet_id = case.subnet_id("private", "b")
    case.ec2.modify_subnet_attribute(SubnetId=subnet_id, EnableDns64={"Value": False})
    return [f"{subnet_id}: found EnableDns64 false, expected EnableDns64 true"]


@breaks("main-route-table")
def the_main_route_table_leads_to_the_internet(case: Case) -> list[str]:
    main, igw = main_route_table(case), case.internet_gateway
    case.ec2.create_route(RouteTableId=main, DestinationCidrBlock=ANYWHERE, GatewayId=igw)
    return [f"{main}: found 0.0.0.0/0 to {igw}, expected no route to the internet"]


@breaks("nat-gateways")
def a_nat_gateway_has_another_address_than_the_published_one(case: Case) -> list[str]:
    gateway = case.moto("ec2").nat_gateways[case.id("nat-gateway-b")]
    (own,) = gateway.address_set
    published, own["publicIp"] = own["publicIp"], "203.0.113.9"
    expected = f"the NAT gateway in public-b, {case.subnet_id('public', 'b')}"
    return [f"{published}: found no NAT gateway of the VPC, expected {expected}"]


@breaks("nat-gateways")
def a_nat_gateway_has_failed(case: Case) -> list[str]:
    nat = case.id("nat-gateway-b")
    case.moto("ec2").nat_gateways[nat].state = "pending"
    return [f"{nat}: found state pending, expected state available"]


@breaks("nat-gateways")
def a_nat_gateway_is_deleted(case: Case) -> list[str]:
    nat, address = case.id("nat-gateway-b"), case.nat_addresses[1]
    case.ec2.delete_nat_gateway(NatGatewayId=nat)
    expected = f"the NAT gateway in public-b, {case.subnet_id('public', 'b')}"
    return [f"{address}: found no NAT gateway of the VPC, expected {expected}", route_of_private_b_leads_to(case, nat)]


@breaks("nat-gateways")
def a_nat_gateway_stands_in_a_private_subnet(case: Case) -> list[str]:
    nat, public, private = case.id("nat-gateway-b"), case.subnet_id("public", "b"), case.subnet_id("private", "b")
    case.moto("ec2").nat_gateways[nat].subnet_id = private
    return [f"{nat}: found subnet {private}, expected subnet {public}", route_of_private_b_leads_to(case, nat)]


def route_of_private_b_leads_to(case: Case, nat: str) -> str:
    found = f"0.0.0.0/0 to {nat} in {case.route_table_id('private', 'b')}"
    expected = "0.0.0.0/0 to the NAT gateway in public-b"
    return of_other_check("ipv4-routes", f"{case.subnet_id('private', 'b')}: found {found}, expected {expected}")


@breaks("default-security-group")
def the_default_group_lets_something_in_and_out(case: Case) -> list[str]:
    group, rule = case.id("default-security-group"), {"IpProtocol": "-1", "IpRanges": [{"CidrIp": ANYWHERE}]}
    case.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    case.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[rule])
    return [
        f"{group}: found inbound rules 1, expected inbound rules 0",
        f"{group}: found outbound rules 1, expected outbound rules 0",
    ]


@breaks("flow-log")
def the_flow_log_is_deleted(case: Case) -> list[str]:
    case.ec2.delete_flow_logs(FlowLogIds=[case.id("flow-log")])
    vpc_id = case.vpc_id
    expected = "one of reject traffic to /tak-base-prod/flow-log"
    return [f"{vpc_id}: found no flow log to the layer's log group, expected {expected}"]


@breaks("flow-log")
def the_flow_log_records_other_traffic_and_does_not_deliver(case: Case) -> list[str]:
    flow_log = case.moto("ec2").flow_logs[case.id("flow-log")]
    flow_log.traffic_type = "ACCEPT"
    flow_log.deliver_logs_status, flow_log.deliver_logs_error_message = "FAILED", "Access error"
    return [
        f"{flow_log.id}: found traffic ACCEPT, expected traffic REJECT",
        f"{flow_log.id}: found delivery Access error, expected delivery SUCCESS",
    ]


@breaks("flow-log-role")
def the_flow_log_role_may_do_more_for_everybody(case: Case) -> list[str]:
    iam, role = case.client("iam"), case.id("flow-log-role")
    trust = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=policy_of(trust))
    more = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    iam.put_role_policy(RoleName=role, PolicyName="more", PolicyDocument=policy_of(more))
    found, expected = json.dumps(trust, sort_keys=True), FLOW_LOG_TRUST
    permissions = ", ".join(sorted([*FLOW_LOG_PERMISSIONS, json.dumps(more, sort_keys=True)]))
    return [
        f"{role}: found trust policy {found}, expected trust policy {expected}",
        f"{role}: found permissions {permissions}, expected permissions {', '.join(FLOW_LOG_PERMISSIONS)}",
    ]


FLOW_LOG_TRUST = (
    f'{{"Action": "sts:AssumeRole", "Condition": {{"ArnLike": {{"aws:SourceArn": "arn:aws:ec2:ap-southeast-2:{ACCOUNT}:'
    f'vpc-flow-log/*"}}, "StringEquals": {{"aws:SourceAccount": "{ACCOUNT}"}}}}, "Effect": "Allow",'
    ' "Principal": {"Service": "vpc-flow-logs.amazonaws.com"}}'
)
FLOW_LOG_PERMISSIONS = (
    '{"Action": "logs:DescribeLogGroups", "Effect": "Allow",'
    f' "Resource": "arn:aws:logs:ap-southeast-2:{ACCOUNT}:log-group:*"}}',
    '{"Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], "Effect": "Allow",'
    f' "Resource": ["arn:aws:logs:ap-southeast-2:{ACCOUNT}:log-group:/tak-base-prod/flow-log",'
    f' "arn:aws:logs:ap-southeast-2:{ACCOUNT}:log-group:/tak-base-prod/flow-log:*"]}}',
)
