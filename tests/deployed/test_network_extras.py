"""What AWS says of a layer with NAT64, endpoint policies and dual-stack endpoints, and what verify says of damage."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tak_base.endpoint_services import DUAL_STACK_SERVICES
from tak_tools.verify import examine
from tests.deployed.breaks import Case
from tests.deployed.layer import Layer
from tests.deployed.test_deployment import endpoints, nat_gateways, next_hop, subnets

pytestmark = pytest.mark.slow

PRIVATE = ("PrivateA", "PrivateB")
SOMEWHERE_IN_IPV4 = "64:ff9b::c633:6407"  # 198.51.100.7
NO_IPV4 = "64:ff9b:1::1"


@pytest.mark.parametrize("place", PRIVATE)
def test_private_subnets_reach_ipv4_from_ipv6_through_the_nat_gateway_of_their_own_zone(
    extras_layer: Layer, place: str
) -> None:
    subnet = subnets(extras_layer)[place]

    assert subnet["EnableDns64"] is True
    hop = next_hop(extras_layer, subnet["SubnetId"], SOMEWHERE_IN_IPV4)
    assert hop == nat_gateways(extras_layer)[subnet["AvailabilityZone"]]
    assert next_hop(extras_layer, subnet["SubnetId"], NO_IPV4).startswith("eigw-")


@pytest.mark.parametrize("place", ["PublicA", "PublicB"])
def test_public_subnets_have_no_nat64(extras_layer: Layer, place: str) -> None:
    subnet = subnets(extras_layer)[place]

    assert subnet["EnableDns64"] is False
    assert next_hop(extras_layer, subnet["SubnetId"], SOMEWHERE_IN_IPV4).startswith("igw-")


def test_without_nat64_no_table_has_its_route(layer: Layer) -> None:
    for place in PRIVATE:
        assert next_hop(layer, layer.outputs[f"subnet{place}"], SOMEWHERE_IN_IPV4).startswith("eigw-")


def test_endpoints_whose_service_offers_both_have_both(extras_layer: Layer) -> None:
    found = {
        service: (endpoint["IpAddressType"], endpoint["DnsOptions"]["DnsRecordIpType"])
        for service, endpoint in endpoints(extras_layer).items()
    }

    types = {service: "dualstack" if service in DUAL_STACK_SERVICES else "ipv4" for service in services(extras_layer)}
    assert found == {service: (type_, type_) for service, type_ in types.items()}
    assert set(types.values()) == {"dualstack", "ipv4"}


def test_policies_are_on_the_endpoints_that_take_one(extras_layer: Layer) -> None:
    statements = {
        service: json.loads(endpoint["PolicyDocument"])["Statement"]
        for service, endpoint in endpoints(extras_layer).items()
    }
    sids = {service: [statement.get("Sid") for statement in found] for service, found in statements.items()}

    own = ["OwnPrincipals", "AwsServices"]
    assert sids.pop("s3") == [*own, "EcrImageLayers"]
    assert sids.pop("ssmmessages") == [None]
    # The policy of sts has a statement more.
    assert {service: found[:2] for service, found in sids.items()} == dict.fromkeys(
        set(services(extras_layer)) - {"s3", "ssmmessages"}, own
    )
    assert statements["ecr.dkr"][0]["Condition"] == {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}


def test_verify_finds_nothing_wrong_with_it(extras_layer: Layer) -> None:
    assert findings(Case(extras_layer)) == []


# Each damage, and what verify finds.


def a_nat64_route_is_deleted(case: Case) -> list[str]:
    table, nat = case.outputs["routeTablePrivateA"], case.id("nat-gateway-a")
    case.ec2.delete_route(RouteTableId=table, DestinationIpv6CidrBlock="64:ff9b::/96")
    what = f"NAT64 routes in {table}"
    return [f"nat64: {case.outputs['subnetPrivateA']}: found {what} none, expected {what} 64:ff9b::/96 to {nat}"]


def dns64_is_off(case: Case) -> list[str]:
    subnet_id = case.outputs["subnetPrivateB"]
    case.ec2.modify_subnet_attribute(SubnetId=subnet_id, EnableDns64={"Value": False})
    return [f"nat64: {subnet_id}: found EnableDns64 false, expected EnableDns64 true"]


def image_layers_are_locked_out(case: Case) -> list[str]:
    endpoint = case.id("endpoint-s3")
    found, expected = policy(case, endpoint), policy(case, endpoint)
    found["Statement"].pop()
    case.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=json.dumps(found))
    return [
        f"endpoint-policies: {endpoint}: found policy of s3 {texts(found)}, expected policy of s3 {texts(expected)}"
    ]


def an_endpoint_has_lost_its_ipv6_names_and_another_its_addresses(case: Case) -> list[str]:
    kms, s3 = case.id("endpoint-kms"), case.id("endpoint-s3")
    case.ec2.modify_vpc_endpoint(VpcEndpointId=kms, DnsOptions={"DnsRecordIpType": "ipv4"})
    case.ec2.modify_vpc_endpoint(VpcEndpointId=s3, IpAddressType="ipv4")
    return [
        f"endpoint-addresses: {kms}: found DNS records of kms ipv4, expected DNS records of kms dualstack",
        f"endpoint-addresses: {s3}: found address type of s3 ipv4, expected address type of s3 dualstack",
    ]


@pytest.mark.usefixtures("undone")
@pytest.mark.parametrize(
    "damage",
    [
        a_nat64_route_is_deleted,
        dns64_is_off,
        image_layers_are_locked_out,
        an_endpoint_has_lost_its_ipv6_names_and_another_its_addresses,
    ],
)
def test_what_is_broken_is_found_and_nothing_else(extras_layer: Layer, damage: Callable[[Case], list[str]]) -> None:
    case = Case(extras_layer)
    expected = damage(case)

    assert findings(case) == sorted(expected)


def services(layer: Layer) -> tuple[str, ...]:
    return layer.stack_file.settings.endpoints.vpc_endpoints


def findings(case: Case) -> list[str]:
    return sorted(str(finding) for result in examine(case.deployment()) for finding in result.findings)


def policy(case: Case, endpoint: str) -> dict[str, Any]:
    (found,) = case.ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"]
    return json.loads(found["PolicyDocument"])


def texts(document: dict[str, Any]) -> str:
    """The statements as a finding shows them."""
    statements = [{key: value for key, value in item.items() if key != "Sid"} for item in document["Statement"]]
    return ", ".join(sorted(json.dumps(statement, sort_keys=True) for statement in statements))
