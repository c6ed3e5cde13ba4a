"""All inputs of the resources of Network."""

import json
from typing import Any

import pulumi
import pytest

from tak_tools.program import Recording
from tak_tools.stub_aws import StubAws
from tests.options import Evaluate, Outputs

REGION = "ap-southeast-2"
ROLES = ("public-a", "public-b", "private-a", "private-b")
PRIVATE_ROLES = ("private-a", "private-b")


class RegionWithZones(StubAws):
    """A region that has the given zones open to every account; it remembers what it was asked."""

    def __init__(self, *zones: str) -> None:
        super().__init__(REGION)
        self._zones = zones
        self.questions: list[dict[str, Any]] = []

    def call(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        if token.endswith(":getAvailabilityZones"):
            self.questions.append(args)
            return {"names": list(self._zones)}
        return super().call(token, args)


def inputs(recording: Recording, type_: str) -> dict[str, Any]:
    """The inputs of every resource of a type, by logical name."""
    return {item.name: item.inputs for item in recording.of_type(type_)}


# VPC and gateways


def test_the_vpc_has_the_planned_range_an_ipv6_block_and_dns(prod: Recording) -> None:
    assert prod.named("tak-vpc").inputs == {
        "cidrBlock": "10.1.16.0/20",
        "assignGeneratedIpv6CidrBlock": True,
        "enableDnsSupport": True,
        "enableDnsHostnames": True,
        "tags": {"Name": "tak-base-prod-vpc"},
    }


def test_the_default_security_group_lets_nothing_through(prod: Recording) -> None:
    assert prod.named("tak-default-security-group").inputs == {
        "vpcId": prod.named("tak-vpc").id,
        "ingress": [],
        "egress": [],
        "tags": {"Name": "tak-base-prod-default-closed"},
    }


@pytest.mark.parametrize("gateway", ["internet-gateway", "egress-only-gateway"])
def test_both_internet_gateways_are_attached_to_the_vpc(prod: Recording, gateway: str) -> None:
    assert prod.named(f"tak-{gateway}").inputs == {
        "vpcId": prod.named("tak-vpc").id,
        "tags": {"Name": f"tak-base-prod-{gateway}"},
    }


# Subnets


def subnet(recording: Recording, role: str, zone: str, ipv4: str, ipv6: str) -> dict[str, Any]:
    return {
        "vpcId": recording.named("tak-vpc").id,
        "availabilityZone": zone,
        "cidrBlock": ipv4,
        "ipv6CidrBlock": ipv6,
        "assignIpv6AddressOnCreation": True,
        "mapPublicIpOnLaunch": False,
        "tags": {"Name": f"tak-base-prod-{role}", "Tier": role.split("-")[0]},
    }


def test_each_tier_has_a_dual_stack_subnet_in_each_of_two_zones(prod: Recording) -> None:
    a, b = "ap-southeast-2a", "ap-southeast-2b"

    assert inputs(prod, "Subnet") == {
        "tak-subnet-public-a": subnet(prod, "public-a", a, "10.1.16.0/24", "2001:db8:0:ff00::/64"),
        "tak-subnet-public-b": subnet(prod, "public-b", b, "10.1.17.0/24", "2001:db8:0:ff01::/64"),
        "tak-subnet-private-a": subnet(prod, "private-a", a, "10.1.20.0/26", "2001:db8:0:ff02::/64"),
        "tak-subnet-private-b": subnet(prod, "private-b", b, "10.1.21.0/26", "2001:db8:0:ff03::/64"),
    }


def zones(recording: Recording) -> dict[str, str]:
    return {role: recording.named(f"tak-subnet-{role}").inputs["availabilityZone"] for role in ROLES}


def test_subnets_stand_in_the_first_two_zones_that_are_open_to_every_account(evaluate: Evaluate) -> None:
    region = RegionWithZones("ap-southeast-2c", "ap-southeast-2b", "ap-southeast-2a")

    assert zones(evaluate("prod", cloud=region)) == {
        "public-a": "ap-southeast-2a",
        "public-b": "ap-southeast-2b",
        "private-a": "ap-southeast-2a",
        "private-b": "ap-southeast-2b",
    }
    assert region.questions == [
        {
            "state": "available",
            "filters": [{"name": "opt-in-status", "values": ["opt-in-not-required"]}],
            # Zones without Fargate.
            "excludeZoneIds": ["apne1-az3", "usw1-az2"],
        }
    ]


def test_zones_of_the_stack_file_are_taken_in_their_order_without_asking_aws(evaluate: Evaluate) -> None:
    region = RegionWithZones()
    recording = evaluate("prod", cloud=region, availabilityZones=["ap-southeast-2c", "ap-southeast-2a"])

    assert zones(recording) == {
        "public-a": "ap-southeast-2c",
        "public-b": "ap-southeast-2a",
        "private-a": "ap-southeast-2c",
        "private-b": "ap-southeast-2a",
    }
    assert Outputs(recording.outputs).zone_names == ["ap-southeast-2c", "ap-southeast-2a"]
    assert region.questions == []


@pytest.mark.parametrize("names", [(), ("ap-southeast-2a",)])
def test_a_region_with_fewer_than_two_zones_is_one_clear_error(evaluate: Evaluate, names: tuple[str, ...]) -> None:
    with pytest.raises(pulumi.RunError) as caught:
        evaluate("prod", cloud=RegionWithZones(*names))

    assert str(caught.value) == (
        f"aws:region: found ap-southeast-2 with {len(names)} usable availability zone(s), expected at least 2"
    )


# NAT gateways


def test_prod_has_a_nat_gateway_with_its_own_address_in_each_public_subnet(prod: Recording) -> None:
    assert inputs(prod, "Eip") == {
        f"tak-eip-{zone}": {"domain": "vpc", "tags": {"Name": f"tak-base-prod-nat-{zone}"}} for zone in "ab"
    }
    assert inputs(prod, "NatGateway") == {
        f"tak-nat-gateway-{zone}": {
            "subnetId": prod.named(f"tak-subnet-public-{zone}").id,
            "allocationId": prod.named(f"tak-eip-{zone}").outputs["allocationId"],
            "tags": {"Name": f"tak-base-prod-nat-{zone}"},
        }
        for zone in "ab"
    }


def test_dev_test_has_one_nat_gateway_in_zone_a(dev_test: Recording) -> None:
    assert inputs(dev_test, "Eip") == {"tak-eip-a": {"domain": "vpc", "tags": {"Name": "tak-base-dev-test-nat-a"}}}
    assert inputs(dev_test, "NatGateway") == {
        "tak-nat-gateway-a": {
            "subnetId": dev_test.named("tak-subnet-public-a").id,
            "allocationId": dev_test.named("tak-eip-a").outputs["allocationId"],
            "tags": {"Name": "tak-base-dev-test-nat-a"},
        }
    }


# Routing


def test_there_is_a_public_route_table_and_one_for_each_private_subnet(prod: Recording) -> None:
    assert inputs(prod, "RouteTable") == {
        f"tak-route-table-{role}": {
            "vpcId": prod.named("tak-vpc").id,
            "tags": {"Name": f"tak-base-prod-{role}"},
        }
        for role in ("public", *PRIVATE_ROLES)
    }


def test_every_subnet_is_associated_with_the_route_table_of_its_tier(prod: Recording) -> None:
    tables = {"public-a": "public", "public-b": "public", "private-a": "private-a", "private-b": "private-b"}

    assert inputs(prod, "RouteTableAssociation") == {
        f"tak-route-table-association-{role}": {
            "subnetId": prod.named(f"tak-subnet-{role}").id,
            "routeTableId": prod.named(f"tak-route-table-{table}").id,
        }
        for role, table in tables.items()
    }


@pytest.mark.parametrize(
    ("stack", "nat_gateways"),
    [("prod", {"private-a": "a", "private-b": "b"}), ("dev_test", {"private-a": "a", "private-b": "a"})],
)
def test_each_route_table_has_one_way_out_for_ipv4_and_one_for_ipv6(
    request: pytest.FixtureRequest, stack: str, nat_gateways: dict[str, str]
) -> None:
    recording: Recording = request.getfixturevalue(stack)
    ids = {item.name: item.id for item in recording.resources}

    expected: dict[str, dict[str, str]] = {
        "tak-route-public-ipv4": {
            "routeTableId": ids["tak-route-table-public"],
            "destinationCidrBlock": "0.0.0.0/0",
            "gatewayId": ids["tak-internet-gateway"],
        },
        "tak-route-public-ipv6": {
            "routeTableId": ids["tak-route-table-public"],
            "destinationIpv6CidrBlock": "::/0",
            "gatewayId": ids["tak-internet-gateway"],
        },
    }
    for role, zone in nat_gateways.items():
        expected[f"tak-route-{role}-ipv4"] = {
            "routeTableId": ids[f"tak-route-table-{role}"],
            "destinationCidrBlock": "0.0.0.0/0",
            "natGatewayId": ids[f"tak-nat-gateway-{zone}"],
        }
        expected[f"tak-route-{role}-ipv6"] = {
            "routeTableId": ids[f"tak-route-table-{role}"],
            "destinationIpv6CidrBlock": "::/0",
            "egressOnlyGatewayId": ids["tak-egress-only-gateway"],
        }
    assert inputs(recording, "Route") == expected


@pytest.mark.parametrize("stack", ["prod", "dev-test"])
def test_without_nat_gateways_private_subnets_route_to_the_egress_only_gateway_and_nowhere_else(
    evaluate: Evaluate, stack: str
) -> None:
    recording = evaluate(stack, natGateways=0)
    public = recording.named("tak-route-table-public").id
    private = {name: route for name, route in inputs(recording, "Route").items() if route["routeTableId"] != public}

    assert private == {
        f"tak-route-{role}-ipv6": {
            "routeTableId": recording.named(f"tak-route-table-{role}").id,
            "destinationIpv6CidrBlock": "::/0",
            "egressOnlyGatewayId": recording.named("tak-egress-only-gateway").id,
        }
        for role in PRIVATE_ROLES
    }
    assert (recording.of_type("NatGateway"), recording.of_type("Eip")) == ([], [])


@pytest.mark.parametrize("stack", ["prod", "dev_test"])
def test_private_subnets_have_no_route_to_the_internet_gateway(request: pytest.FixtureRequest, stack: str) -> None:
    recording: Recording = request.getfixturevalue(stack)
    private_subnets = {recording.named(f"tak-subnet-{role}").id for role in PRIVATE_ROLES}
    private_tables = {
        association["routeTableId"]
        for association in inputs(recording, "RouteTableAssociation").values()
        if association["subnetId"] in private_subnets
    }
    private_routes = [route for route in inputs(recording, "Route").values() if route["routeTableId"] in private_tables]

    assert len(private_routes) == 4
    assert not any(recording.named("tak-internet-gateway").id in route.values() for route in private_routes)


# NAT64


@pytest.mark.parametrize(
    ("stack", "nat_gateways"),
    [("prod", {"private-a": "a", "private-b": "b"}), ("dev-test", {"private-a": "a", "private-b": "a"})],
)
def test_nat64_is_dns64_on_the_private_subnets_and_a_route_to_the_nat_gateway_of_each(
    evaluate: Evaluate, stack: str, nat_gateways: dict[str, str]
) -> None:
    recording = evaluate(stack, nat64=True)

    assert {name: item.get("enableDns64") for name, item in inputs(recording, "Subnet").items()} == {
        "tak-subnet-public-a": None,
        "tak-subnet-public-b": None,
        "tak-subnet-private-a": True,
        "tak-subnet-private-b": True,
    }
    routes = {name: route for name, route in inputs(recording, "Route").items() if name.endswith("-nat64")}
    assert routes == {
        f"tak-route-{role}-nat64": {
            "routeTableId": recording.named(f"tak-route-table-{role}").id,
            "destinationIpv6CidrBlock": "64:ff9b::/96",
            "natGatewayId": recording.named(f"tak-nat-gateway-{zone}").id,
        }
        for role, zone in nat_gateways.items()
    }


# Flow log


@pytest.mark.parametrize(("flow_logs", "traffic"), [("reject", "REJECT"), ("all", "ALL")])
def test_the_flow_log_records_the_traffic_of_the_vpc_in_its_log_group(
    evaluate: Evaluate, flow_logs: str, traffic: str
) -> None:
    recording = evaluate("prod", flowLogs=flow_logs)

    assert recording.named("tak-flow-log").inputs == {
        "vpcId": recording.named("tak-vpc").id,
        "trafficType": traffic,
        "logDestinationType": "cloud-watch-logs",
        "logDestination": recording.named("tak-flow-log-group").outputs["arn"],
        "iamRoleArn": recording.named("tak-flow-log-role").outputs["arn"],
        "tags": {"Name": "tak-base-prod-flow-log"},
    }


@pytest.mark.parametrize("days", [365, 7])
def test_the_log_group_of_the_flow_log_is_encrypted_and_expires(evaluate: Evaluate, days: int) -> None:
    recording = evaluate("prod", logRetentionDays=days)

    assert recording.named("tak-flow-log-group").inputs == {
        "name": "/tak-base-prod/flow-log",
        "retentionInDays": days,
        "kmsKeyId": recording.named("tak-key").outputs["arn"],
    }


def test_only_flow_logs_of_this_account_and_region_may_use_the_role(prod: Recording) -> None:
    role = dict(prod.named("tak-flow-log-role").inputs)

    assert json.loads(role.pop("assumeRolePolicy")) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": "account-id"},
                    "ArnLike": {"aws:SourceArn": "arn:aws:ec2:ap-southeast-2:account-id:vpc-flow-log/*"},
                },
            }
        ],
    }
    assert role == {"description": "Lets VPC Flow Logs write to the flow log's log group"}


def test_the_flow_log_role_writes_to_the_log_group_of_the_flow_log_only(prod: Recording) -> None:
    policy = dict(prod.named("tak-flow-log-role-policy").inputs)
    log_groups = "arn:aws:logs:ap-southeast-2:account-id:log-group"

    assert json.loads(policy.pop("policy")) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                "Resource": [f"{log_groups}:/tak-base-prod/flow-log", f"{log_groups}:/tak-base-prod/flow-log:*"],
            },
            {"Effect": "Allow", "Action": "logs:DescribeLogGroups", "Resource": f"{log_groups}:*"},
        ],
    }
    assert policy == {"role": prod.named("tak-flow-log-role").id}


def test_the_flow_log_role_has_the_permissions_boundary_of_the_stack_file(prod: Recording, evaluate: Evaluate) -> None:
    bounded = evaluate("prod", permissionsBoundary="bootstrap/boundary")

    assert bounded.named("tak-flow-log-role").inputs["permissionsBoundary"].endswith(":policy/bootstrap/boundary")
    assert "permissionsBoundary" not in prod.named("tak-flow-log-role").inputs
