"""A stack without NAT gateways in a simulated AWS."""

from collections.abc import Iterator

import pytest

from tak_tools.program import run_program
from tak_tools.simulated_aws import SimulatedAws
from tak_tools.stack_file import Project
from tak_tools.verify import verify_simulation
from tests.deployed.case import Case, found_by
from tests.deployed.layer import Layer
from tests.deployed.test_deployment import next_hop
from tests.deployed.test_tenants import rows_of
from tests.options import with_options

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def without(project: Project) -> Iterator[Layer]:
    stack_file = with_options(project, "dev-test", natGateways=0)
    with SimulatedAws(stack_file.region, stack_file.default_tags, stack_file.name_pattern) as cloud:
        yield Layer(stack_file, run_program(stack_file, cloud), cloud)


def test_private_subnets_reach_ipv6_only(without: Layer) -> None:
    for place in ("private-a", "private-b"):
        subnet = without.subnet(place)
        assert next_hop(without, subnet, "2001:db8::1").startswith("eigw-")
        table = without.table(place)
        (found,) = without.client("ec2").describe_route_tables(RouteTableIds=[table])["RouteTables"]
        assert [route.get("DestinationCidrBlock") for route in found["Routes"] if "NatGatewayId" in route] == []
    assert without.nat_addresses == []


def test_verify_finds_nothing_wrong_with_it(without: Layer) -> None:
    assert verify_simulation(without.stack_file, without.recording, without.cloud) == []
    assert rows_of(Case(without)) == rows_of(Case(without), with_state=False) == []


def test_verify_finds_a_way_out_that_is_not_in_the_stack_file(without: Layer) -> None:
    case = Case(without)
    table, gateway = case.route_table_id("private", "a"), case.internet_gateway
    case.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)

    assert found_by(case.deployment()) == [
        f"ipv4-routes: {case.subnet_id('private', 'a')}: found 0.0.0.0/0 to {gateway} in {table}, expected no route to"
        " 0.0.0.0/0: natGateways is 0"
    ]
