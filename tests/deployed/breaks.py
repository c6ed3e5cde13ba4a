"""Every way in which the tests damage a deployed layer, and the findings that each has to give.

A break gets a Case and returns the findings without the name of its check: `RESOURCE: found X, expected Y`.
Findings of other checks that the same damage has to give are written with their check's name in front.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

from tak_base.addressing import ZONES
from tak_tools.aws import Aws
from tak_tools.layer_outputs import LayerOutputs
from tak_tools.pulumi_stack import StateResource
from tak_tools.verify import Deployment, examine, simulated_deployment
from tests.deployed.layer import Layer

ACCOUNT = DEFAULT_ACCOUNT_ID
OTHER_ACCOUNT = "9" * 12
ANYWHERE = "0.0.0.0/0"


@dataclass
class Case(LayerOutputs):
    """A deployed layer that may be damaged: on AWS, in its outputs, in its state."""

    layer: Layer
    outputs: dict[str, Any] = field(init=False)
    state: list[StateResource] = field(init=False)

    def __post_init__(self) -> None:
        self.outputs = self.layer.outputs
        intact = simulated_deployment(self.layer.stack_file, self.layer.recording, self.layer.cloud)
        self.state = list(intact.state or ())

    def deployment(self) -> Deployment:
        return Deployment(self.layer.stack_file, self.outputs, Aws(self.layer.client), tuple(self.state))

    def client(self, service: str) -> Any:
        return self.layer.client(service)

    @property
    def ec2(self) -> Any:
        return self.client("ec2")

    def moto(self, service: str) -> Any:
        """Moto's own model of a service, for damage that no call of its API does."""
        backends: Any = get_backend
        return backends(service)[ACCOUNT][self.layer.stack_file.region]

    @property
    def internet_gateway(self) -> str:
        (gateway,) = self.layer.recording.of_type("InternetGateway")
        return gateway.id

    @property
    def egress_only_gateway(self) -> str:
        (gateway,) = self.layer.recording.of_type("EgressOnlyInternetGateway")
        return gateway.id

    def id(self, name: str) -> str:
        """The physical id of a resource, by its logical name without `tak-`."""
        return self.layer.recording.named(f"tak-{name}").id


@dataclass(frozen=True)
class Break:
    check: str
    damage: Callable[[Case], list[str]]

    @property
    def name(self) -> str:
        return f"{self.check}: {self.damage.__name__.replace('_', ' ')}"

    def expected(self, case: Case) -> list[str]:
        """Damages the layer; returns the findings to expect, sorted."""
        findings = self.damage(case)
        if self.check != "stack-outputs":
            findings += _stale_parameter(case)
        return sorted(f"{self.check}: {text}" if not text.startswith("[") else text[1:] for text in findings)


def _stale_parameter(case: Case) -> list[str]:
    """The findings of the SSM parameter, which has the outputs from before the damage to them."""
    parameter = f"/tak-base/{case.layer.stack_file.stack}/outputs"
    return [
        of_other_check("published-outputs", f"{parameter}: found {name} {was}, expected {name} {case.outputs[name]}")
        for name, was in case.layer.outputs.items()
        if case.outputs[name] != was
    ]


def found_by(deployment: Deployment) -> list[str]:
    return sorted(str(finding) for result in examine(deployment) for finding in result.findings)


def each(breaks: list[Break]) -> list[Any]:
    """The parameters of a test that is run for each break; `make test` runs the first one of each check."""
    first = {item.check: item for item in reversed(breaks)}
    return [
        pytest.param(item, id=item.name, marks=() if item is first[item.check] else pytest.mark.slow) for item in breaks
    ]


BREAKS: list[Break] = []


def breaks(check: str) -> Callable[[Callable[[Case], list[str]]], Callable[[Case], list[str]]]:
    def register(damage: Callable[[Case], list[str]]) -> Callable[[Case], list[str]]:
        BREAKS.append(Break(check, damage))
        return damage

    return register


def of_other_check(check: str, text: str) -> str:
    """A finding that another check has to give for the same damage."""
    return f"[{check}: {text}"


# The stack as a whole


@breaks("stack-outputs")
def an_output_is_not_published(case: Case) -> list[str]:
    del case.outputs[Case.vpc_id.name]
    return [f"{Case.vpc_id.name}: found no such output, expected an output (an update publishes it)"]


@breaks("stack-outputs")
def the_stack_is_of_another_environment_and_region(case: Case) -> list[str]:
    environment, region = Case.published_environment.name, Case.published_region.name
    case.outputs |= {environment: "dev-test", region: "us-east-1"}
    return [
        f"{environment}: found output dev-test, expected output prod",
        f"{region}: found output us-east-1, expected output ap-southeast-2",
    ]


@breaks("stack-outputs")
def a_nat_address_is_not_published(case: Case) -> list[str]:
    case.outputs[Case.nat_addresses.name] = case.nat_addresses[:1]
    return [f"{Case.nat_addresses.name}: found addresses 1, expected addresses 2"]


@breaks("stack-outputs")
def the_credentials_are_of_another_account(case: Case) -> list[str]:
    case.outputs[Case.key_arn.name] = case.key_arn.replace(ACCOUNT, OTHER_ACCOUNT)
    return [f"credentials: found account {ACCOUNT}, expected account {OTHER_ACCOUNT}"]


@breaks("resources")
def the_vpc_is_another_one(case: Case) -> list[str]:
    case.outputs[Case.vpc_id.name] = "vpc-00000000000000000"
    return ["vpc-00000000000000000: found no such VPC, expected the VPC"]


@breaks("resources")
def the_key_is_gone(case: Case) -> list[str]:
    del case.moto("kms").keys[case.id("key")]
    return [f"{case.key_arn}: found no such key, expected the key"]


@breaks("resources")
def the_bucket_is_deleted(case: Case) -> list[str]:
    case.client("s3").delete_bucket(Bucket=case.bucket_name)
    return [f"{case.bucket_name}: found no such bucket, expected the bucket"]


@breaks("resources")
def the_repository_is_deleted(case: Case) -> list[str]:
    case.client("ecr").delete_repository(repositoryName=case.repository_name)
    return [f"{case.repository_name}: found no such repository, expected the repository"]


@breaks("resources")
def the_cluster_is_deleted(case: Case) -> list[str]:
    case.client("ecs").delete_cluster(cluster=case.cluster_name)
    return [f"{case.cluster_name}: found no such cluster, expected the cluster"]


@breaks("published-outputs")
def the_published_outputs_are_deleted(case: Case) -> list[str]:
    name = "/tak-base/prod/outputs"
    case.client("ssm").delete_parameter(Name=name)
    return [f"{name}: found no such parameter, expected the stack outputs as JSON"]


@breaks("published-outputs")
def the_published_outputs_are_those_of_an_earlier_update(case: Case) -> list[str]:
    name = "/tak-base/prod/outputs"
    value = json.loads(case.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
    alias, vpc_id = Case.key_alias.name, Case.vpc_id.name
    value |= {vpc_id: "vpc-0", "removed": "a"}
    del value[alias]
    case.client("ssm").put_parameter(Name=name, Value=json.dumps(value), Overwrite=True)
    return [
        f"{name}: found {alias} none, expected {alias} alias/tak-base-prod",
        f"{name}: found removed a, expected removed none",
        f"{name}: found {vpc_id} vpc-0, expected {vpc_id} {case.vpc_id}",
    ]


@breaks("protection")
def the_buckets_protection_is_lifted(case: Case) -> list[str]:
    (bucket,) = [item for item in case.state if item.type == "aws:s3/bucket:Bucket"]
    case.state.remove(bucket)
    case.state.append(StateResource(bucket.urn, bucket.type, protect=False, retain_on_delete=True))
    return [f"{bucket.urn}: found options retainOnDelete, expected options protect, retainOnDelete"]


@breaks("protection")
def the_state_has_lost_the_key(case: Case) -> list[str]:
    case.state = [item for item in case.state if item.type != "aws:kms/key:Key"]
    key = case.id("key")
    in_outputs = f"{key}: found kms Key tak-base-prod, in the stack's outputs and not in the stack's state"
    return [
        "state: found no key, expected a protected key",
        of_other_check("leftovers", f"{in_outputs}, expected it in the state too"),
    ]


# The network


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
    public, private, table = (
        case.subnet_id("public", "b"),
        case.subnet_id("private", "b"),
        case.route_table_id("private", "b"),
    )
    return [
        f"{address}: found no NAT gateway of the VPC, expected the NAT gateway in public-b, {public}",
        of_other_check(
            "ipv4-routes",
            f"{private}: found 0.0.0.0/0 to {nat} in {table}, expected 0.0.0.0/0 to the NAT gateway in public-b",
        ),
    ]


@breaks("nat-gateways")
def a_nat_gateway_stands_in_a_private_subnet(case: Case) -> list[str]:
    nat, public, private = case.id("nat-gateway-b"), case.subnet_id("public", "b"), case.subnet_id("private", "b")
    case.moto("ec2").nat_gateways[nat].subnet_id = private
    table = case.route_table_id("private", "b")
    return [
        f"{nat}: found subnet {private}, expected subnet {public}",
        of_other_check(
            "ipv4-routes",
            f"{private}: found 0.0.0.0/0 to {nat} in {table}, expected 0.0.0.0/0 to the NAT gateway in public-b",
        ),
    ]


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


# The endpoints


@breaks("endpoints")
def an_interface_and_a_gateway_endpoint_are_deleted(case: Case) -> list[str]:
    case.ec2.delete_vpc_endpoints(VpcEndpointIds=[case.id("endpoint-kms"), case.id("endpoint-s3")])
    vpc_id = case.vpc_id
    return [
        f"{vpc_id}: found no endpoint for kms, expected an interface endpoint",
        f"{vpc_id}: found no endpoint for s3, expected a gateway endpoint",
    ]


@breaks("endpoints")
def an_endpoint_waits_for_acceptance(case: Case) -> list[str]:
    endpoint = case.id("endpoint-logs")
    case.moto("ec2").vpc_end_points[endpoint].state = "pendingAcceptance"
    return [f"{endpoint}: found state of logs pendingacceptance, expected state of logs available"]


@breaks("endpoint-placement")
def endpoints_serve_one_zone_only(case: Case) -> list[str]:
    s3, ecr = case.id("endpoint-s3"), case.id("endpoint-ecr-api")
    subnet_a, subnet_b = case.subnet_id("private", "a"), case.subnet_id("private", "b")
    table_a, table_b = case.route_table_id("private", "a"), case.route_table_id("private", "b")
    case.ec2.modify_vpc_endpoint(VpcEndpointId=ecr, RemoveSubnetIds=[subnet_b])
    case.ec2.modify_vpc_endpoint(VpcEndpointId=s3, RemoveRouteTableIds=[table_b])
    return [
        f"{ecr}: found subnets {subnet_a}, expected subnets {', '.join(sorted([subnet_a, subnet_b]))}",
        f"{s3}: found route tables {table_a}, expected route tables {', '.join(sorted([table_a, table_b]))}",
    ]


@breaks("endpoint-private-dns")
def private_dns_is_off(case: Case) -> list[str]:
    endpoint = case.id("endpoint-secretsmanager")
    case.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PrivateDnsEnabled=False)
    return [f"{endpoint}: found private DNS of secretsmanager false, expected private DNS of secretsmanager true"]


@breaks("endpoint-access")
def an_endpoint_has_the_default_group_too(case: Case) -> list[str]:
    endpoint, own = case.id("endpoint-kms"), case.endpoint_group_id
    other = case.id("default-security-group")
    case.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddSecurityGroupIds=[other])
    both = ", ".join(sorted([own, other]))
    return [f"{endpoint}: found security groups {both}, expected security groups {own}"]


@breaks("endpoint-policies")
def an_endpoint_lets_through_a_single_action(case: Case) -> list[str]:
    endpoint = case.id("endpoint-kms")
    statement = {"Action": "kms:Decrypt", "Effect": "Allow", "Principal": "*", "Resource": "*"}
    case.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=json.dumps({"Statement": [statement]}))
    account = case.key_arn.split(":")[4]
    own = {"aws:PrincipalAccount": account, "aws:ResourceAccount": account}
    allowed = [
        {"Action": "*", "Condition": condition, "Effect": "Allow", "Principal": "*", "Resource": "*"}
        for condition in ({"Bool": {"aws:PrincipalIsAWSService": "true"}}, {"StringEquals": own})
    ]
    expected = ", ".join(map(json.dumps, allowed))
    return [f"{endpoint}: found policy of kms {json.dumps(statement)}, expected policy of kms {expected}"]


@breaks("endpoint-addresses")
def an_endpoint_has_ipv6_addresses_that_nobody_asked_for(case: Case) -> list[str]:
    endpoint = case.id("endpoint-logs")
    case.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, IpAddressType="dualstack")
    return [f"{endpoint}: found address type of logs dualstack, expected address type of logs ipv4"]


@breaks("endpoint-security-group")
def the_endpoint_group_is_open_to_everybody(case: Case) -> list[str]:
    group = case.endpoint_group_id
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": ANYWHERE}]}
    case.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    own = [f"tcp 443-443 from {block}" for block in (case.ipv4_range, case.ipv6_range)]
    found = ", ".join(sorted([*own, "tcp 443-443 from 0.0.0.0/0"]))
    return [f"{group}: found inbound rules {found}, expected inbound rules {', '.join(sorted(own))}"]


@breaks("endpoint-security-group")
def the_endpoint_group_lets_everything_out(case: Case) -> list[str]:
    group = case.endpoint_group_id
    rule = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": ANYWHERE}]}
    case.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[rule])
    return [f"{group}: found outbound rules 1, expected outbound rules 0"]


@breaks("endpoint-security-group")
def the_endpoint_group_is_another_one(case: Case) -> list[str]:
    own, case.outputs[Case.endpoint_group_id.name] = case.endpoint_group_id, "sg-00000000000000000"
    return ["sg-00000000000000000: found no such security group in the VPC, expected the endpoints' security group"] + [
        of_other_check(
            "endpoint-access",
            f"{endpoint.id}: found security groups {own}, expected security groups sg-00000000000000000",
        )
        for endpoint in case.layer.recording.of_type("VpcEndpoint")
        if endpoint.name != "tak-endpoint-s3"
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


def policy_of(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


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


# The key


@breaks("key-state")
def the_key_is_about_to_be_deleted(case: Case) -> list[str]:
    case.client("kms").schedule_key_deletion(KeyId=case.id("key"), PendingWindowInDays=7)
    return [f"{case.key_arn}: found state PendingDeletion, expected state Enabled"]


@breaks("key-state")
def the_key_is_disabled(case: Case) -> list[str]:
    case.client("kms").disable_key(KeyId=case.id("key"))
    return [f"{case.key_arn}: found state Disabled, expected state Enabled"]


@breaks("key-rotation")
def the_key_no_longer_rotates(case: Case) -> list[str]:
    case.client("kms").disable_key_rotation(KeyId=case.key_arn)
    return [f"{case.key_arn}: found rotation false, expected rotation true"]


@breaks("key-rotation")
def the_key_rotates_seldom(case: Case) -> list[str]:
    case.client("kms").enable_key_rotation(KeyId=case.key_arn, RotationPeriodInDays=2560)
    return [f"{case.key_arn}: found rotation period in days 2560, expected rotation period in days 365"]


@breaks("key-alias")
def the_alias_leads_to_another_key(case: Case) -> list[str]:
    kms = case.client("kms")
    other = kms.create_key()["KeyMetadata"]
    kms.update_alias(AliasName="alias/tak-base-prod", TargetKeyId=other["KeyId"])
    return [f"alias/tak-base-prod: found key {other['Arn']}, expected key {case.key_arn}"]


@breaks("key-alias")
def the_alias_is_deleted(case: Case) -> list[str]:
    case.client("kms").delete_alias(AliasName="alias/tak-base-prod")
    return [f"alias/tak-base-prod: found key none, expected key {case.key_arn}"]


@breaks("key-policy")
def the_key_policy_has_lost_fargate(case: Case) -> list[str]:
    put_key_policy(case, lambda statements: [item for item in statements if item["Sid"] != "FargateMakesDataKeys"])
    return [f"{case.key_arn}: found a policy without the statement FargateMakesDataKeys, expected a policy with it"]


@breaks("key-policy")
def the_key_policy_lets_in_others(case: Case) -> list[str]:
    others = {
        "AWS": [f"arn:aws:iam::{OTHER_ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:role/own"],
        "Service": "s3.amazonaws.com",
    }
    added = [
        {"Effect": "Allow", "Principal": others, "Action": "kms:Decrypt", "Resource": "*"},
        {"Effect": "Allow", "Principal": "*", "Action": "kms:Encrypt", "Resource": "*"},
        {"Effect": "Deny", "Principal": "*", "Action": "kms:Sign", "Resource": "*"},
    ]
    put_key_policy(case, lambda statements: statements + added)
    return [
        f"{case.key_arn}: found a policy statement for {who}, expected none for others"
        for who in (f"arn:aws:iam::{OTHER_ACCOUNT}:root", "s3.amazonaws.com", "*")
    ]


def put_key_policy(case: Case, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    kms = case.client("kms")
    policy = json.loads(kms.get_key_policy(KeyId=case.key_arn, PolicyName="default")["Policy"])
    policy["Statement"] = change(policy["Statement"])
    kms.put_key_policy(KeyId=case.key_arn, PolicyName="default", Policy=json.dumps(policy))


# The bucket


@breaks("bucket-encryption")
def the_bucket_encrypts_with_s3s_own_key(case: Case) -> list[str]:
    case.client("s3").delete_bucket_encryption(Bucket=case.bucket_name)
    return [f"{case.bucket_name}: found encryption none, expected encryption aws:kms"]


@breaks("bucket-encryption")
def the_bucket_encrypts_with_another_key_and_without_a_bucket_key(case: Case) -> list[str]:
    other = case.client("kms").create_key()["KeyMetadata"]["Arn"]
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": other}
    case.client("s3").put_bucket_encryption(
        Bucket=case.bucket_name,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": by_default}]},
    )
    return [
        f"{case.bucket_name}: found key {other}, expected key {case.key_arn}",
        f"{case.bucket_name}: found bucket key false, expected bucket key true",
    ]


@breaks("bucket-versioning")
def versioning_is_suspended(case: Case) -> list[str]:
    case.client("s3").put_bucket_versioning(Bucket=case.bucket_name, VersioningConfiguration={"Status": "Suspended"})
    return [f"{case.bucket_name}: found versioning Suspended, expected versioning Enabled"]


@breaks("bucket-public-access")
def the_public_access_block_is_gone(case: Case) -> list[str]:
    case.client("s3").delete_public_access_block(Bucket=case.bucket_name)
    return [
        f"{case.bucket_name}: found public access block none, expected public access block"
        " BlockPublicAcls, BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets"
    ]


@breaks("bucket-ownership")
def writers_own_their_objects(case: Case) -> list[str]:
    case.client("s3").put_bucket_ownership_controls(
        Bucket=case.bucket_name, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    )
    return [f"{case.bucket_name}: found ownership ObjectWriter, expected ownership BucketOwnerEnforced"]


@breaks("bucket-tls")
def the_bucket_policy_is_deleted(case: Case) -> list[str]:
    case.client("s3").delete_bucket_policy(Bucket=case.bucket_name)
    return [plain_http_is_allowed(case.bucket_name)]


@breaks("bucket-tls")
def the_bucket_policy_refuses_plain_http_for_reading_only(case: Case) -> list[str]:
    s3 = case.client("s3")
    policy = json.loads(s3.get_bucket_policy(Bucket=case.bucket_name)["Policy"])
    policy["Statement"][0]["Action"] = "s3:GetObject"
    s3.put_bucket_policy(Bucket=case.bucket_name, Policy=json.dumps(policy))
    return [plain_http_is_allowed(case.bucket_name)]


def plain_http_is_allowed(bucket: str) -> str:
    return f"{bucket}: found a policy without the statement RefuseUnencryptedTransport, expected a policy with it"


@breaks("bucket-lifecycle")
def the_lifecycle_is_gone(case: Case) -> list[str]:
    case.client("s3").delete_bucket_lifecycle(Bucket=case.bucket_name)
    return [f"{case.bucket_name}: found rules none, expected rules {LIFECYCLE}"]


@breaks("bucket-lifecycle")
def the_lifecycle_expires_what_is_current(case: Case) -> list[str]:
    rule = {"ID": "all", "Status": "Enabled", "Filter": {"Prefix": "etc/"}, "Expiration": {"Days": 30}}
    case.client("s3").put_bucket_lifecycle_configuration(
        Bucket=case.bucket_name, LifecycleConfiguration={"Rules": [rule]}
    )
    found = '{"Expiration": {"Days": 30}, "Prefix": "etc/", "Status": "Enabled"}'
    return [f"{case.bucket_name}: found rules {found}, expected rules {LIFECYCLE}"]


LIFECYCLE = (
    '{"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}, "Prefix": "", "Status": "Enabled"}, '
    '{"NoncurrentVersionExpiration": {"NoncurrentDays": 90}, "Prefix": "", "Status": "Enabled"}'
)


# The repository


@breaks("repository-encryption")
def the_repository_encrypts_with_another_key(case: Case) -> list[str]:
    case.moto("ecr").repositories[case.repository_name].encryption_configuration = {
        "encryptionType": "KMS",
        "kmsKey": f"arn:aws:kms:ap-southeast-2:{ACCOUNT}:alias/aws/ecr",
    }
    other = f"arn:aws:kms:ap-southeast-2:{ACCOUNT}:alias/aws/ecr"
    return [f"{case.repository_name}: found key {other}, expected key {case.key_arn}"]


@breaks("repository-encryption")
def the_repository_encrypts_with_ecrs_own_key(case: Case) -> list[str]:
    case.moto("ecr").repositories[case.repository_name].encryption_configuration = {"encryptionType": "AES256"}
    return [f"{case.repository_name}: found encryption AES256, expected encryption KMS"]


@breaks("repository-scan")
def images_are_not_scanned(case: Case) -> list[str]:
    case.client("ecr").put_image_scanning_configuration(
        repositoryName=case.repository_name, imageScanningConfiguration={"scanOnPush": False}
    )
    return [f"{case.repository_name}: found scan on push false, expected scan on push true"]


@breaks("repository-tags")
def image_tags_can_be_moved(case: Case) -> list[str]:
    case.client("ecr").put_image_tag_mutability(repositoryName=case.repository_name, imageTagMutability="MUTABLE")
    return [f"{case.repository_name}: found image tags MUTABLE, expected image tags IMMUTABLE"]


@breaks("repository-lifecycle")
def no_image_expires(case: Case) -> list[str]:
    case.client("ecr").delete_lifecycle_policy(repositoryName=case.repository_name)
    return [f"{case.repository_name}: found lifecycle rules none, expected lifecycle rules {IMAGE_RULES}"]


@breaks("repository-lifecycle")
def fewer_images_stay(case: Case) -> list[str]:
    ecr = case.client("ecr")
    policy = json.loads(ecr.get_lifecycle_policy(repositoryName=case.repository_name)["lifecyclePolicyText"])
    policy["rules"][1]["selection"]["countNumber"] = 2
    ecr.put_lifecycle_policy(repositoryName=case.repository_name, lifecyclePolicyText=json.dumps(policy))
    found = IMAGE_RULES.replace('"countNumber": 20', '"countNumber": 2')
    return [f"{case.repository_name}: found lifecycle rules {found}, expected lifecycle rules {IMAGE_RULES}"]


IMAGE_RULES = (
    '{"countNumber": 14, "countType": "sinceImagePushed", "countUnit": "days", "tagStatus": "untagged",'
    ' "type": "expire"}, '
    '{"countNumber": 20, "countType": "imageCountMoreThan", "tagStatus": "any", "type": "expire"}'
)


# The cluster and the log groups


def push(case: Case, *tags: str, refers_to: str = "", repository: str = "") -> str:
    """Pushes an image with these tags, a second after the one before; returns its digest."""
    repository = repository or case.repository_name
    ecr, images = case.client("ecr"), case.moto("ecr").repositories[repository].images
    media_type = (
        "application/vnd.oci.image.index.v1+json" if refers_to else "application/vnd.oci.image.manifest.v1+json"
    )
    manifests = [{"digest": refers_to}] if refers_to else []
    content = json.dumps({"mediaType": media_type, "number": len(images), "manifests": manifests})
    for tag in tags or ("untagged",):
        ecr.put_image(repositoryName=repository, imageManifest=content, imageTag=tag)
    pushed = images[-1]
    if not tags:
        pushed.image_tags.clear()
    # Moto draws one of 101.
    pushed._image_digest = f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"
    pushed.image_pushed_at = f"2026-11-01T00:00:{len(images):02}+00:00"
    return pushed.get_image_digest()


def task_definition(case: Case, reference: str, url: str = "") -> str:
    """A task definition with a container of an image, of the layer's repository where no URL is given; its ARN."""
    container = {"name": "tak", "image": f"{url or case.repository_url}{reference}", "memory": 512}
    answer = case.client("ecs").register_task_definition(family="tak", containerDefinitions=[container])
    return answer["taskDefinition"]["taskDefinitionArn"]


def run_service(case: Case, reference: str, name: str = "tak", url: str = "") -> None:
    definition = task_definition(case, reference, url)
    case.client("ecs").create_service(
        cluster=case.cluster_name, serviceName=name, taskDefinition=definition, desiredCount=0
    )


@breaks("images-in-use")
def the_image_of_a_service_has_expired(case: Case) -> list[str]:
    push(case, "tak-2")
    run_service(case, ":tak-1")
    return [f"{case.repository_name}:tak-1: found no such image, used by service tak, expected the image"]


@breaks("images-in-use")
def images_of_services_have_expired_and_the_registry_has_its_other_names(case: Case) -> list[str]:
    registry = f"{ACCOUNT}.{{}}/{case.repository_name}"
    for number, host in enumerate(("dkr-ecr.{}.on.aws", "dkr-ecr-fips.{}.on.aws", "dkr.ecr-fips.{}.amazonaws.com")):
        url = registry.format(host.format(case.layer.stack_file.region))
        run_service(case, f":tak-{number}", f"tak-{number}", url)
    return [
        f"{case.repository_name}:tak-{number}: found no such image, used by service tak-{number}, expected the image"
        for number in range(3)
    ]


@breaks("images-in-use")
def the_image_of_a_service_expires_with_the_next_pushes(case: Case) -> list[str]:
    # The repository keeps 20 images, and up to 10 are to come.
    push(case, "tak-1", "tak-stable")
    for number in range(2, 12):
        push(case, f"tak-{number}")
    run_service(case, ":tak-1")
    return [
        f"{case.repository_name}:tak-1: found lifecycle rule 2 expires it after 10 more pushes: it keeps the newest 20;"
        " it is used by service tak, expected an image that stays through the next pushes (--image-pushes)"
    ]


@breaks("images-in-use")
def a_service_runs_an_image_that_has_lost_its_tag(case: Case) -> list[str]:
    digest = push(case)
    run_service(case, f":tak-1@{digest}")
    return [
        f"{case.repository_name}@{digest}: found lifecycle rule 1 expires it on 2026-11-15, 14 days after its push;"
        " it is used by service tak, expected an image that stays through the next pushes (--image-pushes)"
    ]


@breaks("images-in-use")
def a_task_runs_an_image_that_is_deleted(case: Case) -> list[str]:
    ecs, digest = case.client("ecs"), "sha256:" + "0" * 64
    network = {"awsvpcConfiguration": {"subnets": [case.subnet_id("private", "a")]}}
    definition = task_definition(case, "@" + digest)
    task = ecs.run_task(
        cluster=case.cluster_name, taskDefinition=definition, launchType="FARGATE", networkConfiguration=network
    )["tasks"][0]["taskArn"]
    (running,) = [item for item in case.moto("ecs").tasks[case.cluster_name].values() if item.task_arn == task]
    # Moto says neither.
    running.containers[0].image = case.repository_url + ":tak-1"
    running.containers[0].image_digest = digest
    name = task.rsplit("/", 1)[-1]
    return [
        f"{case.repository_name}:tak-1: found no such image, used by task {name}, expected the image",
        f"{case.repository_name}@{digest}: found no such image, used by task {name}, expected the image",
    ]


@breaks("images-in-use")
def a_rule_and_a_schedule_start_an_image_that_is_deleted(case: Case) -> list[str]:
    cluster, definition = case.cluster_arn, task_definition(case, ":tak-1")
    task, role = {"TaskDefinitionArn": definition}, f"arn:aws:iam::{ACCOUNT}:role/start"
    events, target = case.client("events"), {"Arn": cluster, "RoleArn": role, "EcsParameters": task}
    events.put_rule(Name="nightly", ScheduleExpression="rate(1 day)")
    events.put_targets(Rule="nightly", Targets=[{"Id": "1", **target}])
    events.create_event_bus(Name="partner")
    events.put_rule(Name="feed", EventBusName="partner", EventPattern='{"source": ["feed"]}')
    events.put_targets(Rule="feed", EventBusName="partner", Targets=[{"Id": "1", **target}])
    case.client("scheduler").create_schedule(
        Name="hourly", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow={"Mode": "OFF"}, Target=target
    )
    users = "rule feed, rule nightly, schedule hourly"
    return [f"{case.repository_name}:tak-1: found no such image, used by {users}, expected the image"]


@breaks("images-in-use")
def a_schedule_starts_a_task_definition_that_is_deleted(case: Case) -> list[str]:
    definition = task_definition(case, ":tak-1")
    name = definition.rsplit("/", 1)[-1]
    target = {
        "Arn": case.cluster_arn,
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/start",
        "EcsParameters": {"TaskDefinitionArn": definition},
    }
    case.client("scheduler").create_schedule(
        Name="hourly", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow={"Mode": "OFF"}, Target=target
    )
    case.moto("ecs").task_definitions.clear()
    return [f"{name}: found no such task definition, used by schedule hourly, expected the task definition"]


@breaks("images-in-use")
def the_image_of_a_lambda_function_is_deleted(case: Case) -> list[str]:
    push(case, "etl-1")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = case.client("iam").create_role(
        RoleName="etl", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    image = case.repository_url + ":etl-1"
    functions = case.client("lambda")
    functions.create_function(FunctionName="etl", PackageType="Image", Code={"ImageUri": image}, Role=role)
    functions.publish_version(FunctionName="etl")
    digest = functions.get_function(FunctionName="etl")["Code"]["ResolvedImageUri"].split("@")[1]
    case.client("ecr").batch_delete_image(repositoryName=case.repository_name, imageIds=[{"imageTag": "etl-1"}])
    users = "Lambda function etl, Lambda function etl version 1"
    return [f"{case.repository_name}@{digest}: found no such image, used by {users}, expected the image"]


@breaks("cluster-insights")
def container_insights_is_off(case: Case) -> list[str]:
    case.client("ecs").update_cluster(
        cluster=case.cluster_name, settings=[{"name": "containerInsights", "value": "disabled"}]
    )
    return [f"{case.cluster_name}: found Container Insights disabled, expected Container Insights enabled"]


@breaks("cluster-capacity-providers")
def the_cluster_runs_on_spot_alone(case: Case) -> list[str]:
    case.client("ecs").put_cluster_capacity_providers(
        cluster=case.cluster_name,
        capacityProviders=["FARGATE_SPOT"],
        defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
    )
    return [
        f"{case.cluster_name}: found capacity providers FARGATE_SPOT,"
        " expected capacity providers FARGATE, FARGATE_SPOT",
        f"{case.cluster_name}: found default capacity providers FARGATE_SPOT with weight 1,"
        " expected default capacity providers FARGATE with weight 1",
    ]


@breaks("cluster-encryption")
def the_cluster_has_lost_its_configuration(case: Case) -> list[str]:
    case.moto("ecs").clusters[case.cluster_name].configuration = None
    return [
        f"{case.cluster_name}: found key of the ephemeral storage none,"
        f" expected key of the ephemeral storage {case.key_arn}",
        f"{case.cluster_name}: found key of ECS Exec none, expected key of ECS Exec {case.key_arn}",
        f"{case.cluster_name}: found log of ECS Exec none, expected log of ECS Exec OVERRIDE",
        f"{case.cluster_name}: found log group of ECS Exec none,"
        " expected log group of ECS Exec /tak-base-prod/ecs-exec",
        f"{case.cluster_name}: found encryption of the log of ECS Exec false,"
        " expected encryption of the log of ECS Exec true",
    ]


@breaks("log-groups")
def a_log_group_keeps_events_for_ever(case: Case) -> list[str]:
    case.client("logs").delete_retention_policy(logGroupName="/tak-base-prod/ecs-exec")
    return ["/tak-base-prod/ecs-exec: found retention in days none, expected retention in days 365"]


@breaks("log-groups")
def a_log_group_keeps_events_too_short_and_without_the_key(case: Case) -> list[str]:
    group = case.moto("logs").groups["/tak-base-prod/flow-log"]
    group.retention_in_days, group.kms_key_id = 7, None
    return [
        "/tak-base-prod/flow-log: found retention in days 7, expected retention in days 365",
        f"/tak-base-prod/flow-log: found key none, expected key {case.key_arn}",
    ]


@breaks("log-groups")
def a_log_group_is_deleted(case: Case) -> list[str]:
    name = "/aws/ecs/containerinsights/tak-base-prod/performance"
    case.client("logs").delete_log_group(logGroupName=name)
    return [f"{name}: found no such log group, expected the log group"]


# Tags


@breaks("tags")
def tags_of_the_network_are_removed(case: Case) -> list[str]:
    vpc_id, eip = case.vpc_id, case.id("eip-a")
    case.ec2.delete_tags(Resources=[vpc_id], Tags=[{"Key": "Project"}, {"Key": "ManagedBy"}])
    case.ec2.create_tags(Resources=[eip], Tags=[{"Key": "Environment", "Value": "test"}])
    return [
        f"{vpc_id}: found Project=(none), ManagedBy=(none), expected Project=TAK, ManagedBy=Pulumi",
        f"{eip}: found Environment=test, expected Environment=prod",
    ]


@breaks("tags")
def tags_of_the_data_are_removed(case: Case) -> list[str]:
    case.client("s3").delete_bucket_tagging(Bucket=case.bucket_name)
    keys = ["Project", "Component", "Environment", "ManagedBy"]
    case.client("kms").untag_resource(KeyId=case.key_arn, TagKeys=keys)
    case.client("ecr").untag_resource(resourceArn=case.repository_arn, tagKeys=keys)
    case.client("ecs").untag_resource(resourceArn=case.cluster_arn, tagKeys=keys)
    return [f"{name}: {NO_TAGS}" for name in (case.bucket_name, case.key_arn, case.repository_name, case.cluster_name)]


@breaks("tags")
def tags_of_the_logging_are_removed(case: Case) -> list[str]:
    keys = ["Project", "Component", "Environment", "ManagedBy"]
    group, role = "/tak-base-prod/flow-log", case.id("flow-log-role")
    arn = f"arn:aws:logs:ap-southeast-2:{ACCOUNT}:log-group:{group}"
    case.client("logs").untag_resource(resourceArn=arn, tagKeys=keys)
    case.client("iam").untag_role(RoleName=role, TagKeys=keys)
    return [f"{name}: {NO_TAGS}" for name in (group, role)]


NO_TAGS = (
    "found Project=(none), Component=(none), Environment=(none), ManagedBy=(none),"
    " expected Project=TAK, Component=BaseLayer, Environment=prod, ManagedBy=Pulumi"
)


# What the stack does not know


TAGS = {"Project": "TAK", "Component": "BaseLayer", "Environment": "prod", "ManagedBy": "Pulumi"}


def tagged_as(kind: str, name: str, tags: dict[str, str] = TAGS) -> list[dict[str, Any]]:
    every = [{"Key": key, "Value": value} for key, value in {"Name": f"tak-base-prod-{name}", **tags}.items()]
    return [{"ResourceType": kind, "Tags": every}]


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
def a_killed_update_has_left_an_egress_only_gateway_and_an_endpoint_beside_the_stack_s_own(case: Case) -> list[str]:
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
def a_role_and_a_log_group_of_the_stack_s_names_are_not_in_its_state(case: Case) -> list[str]:
    iam, name, group = case.client("iam"), "tak-base-prod-flow-log-role-1234567", "/tak-base-prod/flow-log"
    document = '{"Version": "2012-10-17", "Statement": []}'
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    iam.put_role_policy(RoleName=name, PolicyName="write", PolicyDocument=policy_of({"Effect": "Allow"} | ANYTHING))
    case.state = [item for item in case.state if item.id != group]
    delete_policy = f"iam delete-role-policy --role-name {name} --policy-name write"
    return [
        left_over(name, "iam Role", delete_policy, f"iam delete-role --role-name {name}"),
        left_over(group, "cloudwatch LogGroup", f"logs delete-log-group --log-group-name {group}"),
    ]


ANYTHING = {"Action": "*", "Resource": "*"}
