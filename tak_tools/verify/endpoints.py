"""Checks of the VPC endpoints and of the security group in front of them."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from tak_base.addressing import ZONES
from tak_base.endpoint_policies import FULL_ACCESS, endpoint_policy
from tak_base.endpoint_services import DUAL_STACK_SERVICES, GATEWAY_SERVICES
from tak_tools.verify.checks import Difference, check, differ, statements
from tak_tools.verify.deployment import Deployment

_ENDPOINTS = ("ec2:DescribeVpcEndpoints",)


@check(
    "endpoints",
    "The VPC has an available endpoint for each service that the stack file names.",
    actions=_ENDPOINTS,
    controls=("EC2.10", "EC2.55", "EC2.56", "EC2.57", "EC2.58", "EC2.60"),
    of="VPC",
)
def endpoints(deployment: Deployment) -> Iterable[Difference]:
    for service in deployment.settings.endpoints.vpc_endpoints:
        endpoint = deployment.endpoint(service)
        if endpoint is None:
            type_ = "gateway" if service in GATEWAY_SERVICES else "interface"
            yield Difference(
                deployment.vpc_id, f"no endpoint for {service}", f"a {type_} endpoint".replace("a i", "an i")
            )
        else:
            yield from differ(endpoint["VpcEndpointId"], f"state of {service}", endpoint["State"].lower(), "available")


@check(
    "endpoint-placement",
    "Gateway endpoints serve both private route tables, interface endpoints both private subnets.",
    actions=_ENDPOINTS,
    of="VPC",
)
def endpoint_placement(deployment: Deployment) -> Iterable[Difference]:
    private = deployment.settings.network.addresses.tier("private")
    tables = [deployment.route_table_id(subnet.tier, subnet.zone) for subnet in private]
    subnets = [deployment.subnet_id("private", zone) for zone in ZONES]
    for service, endpoint in _present(deployment, deployment.settings.endpoints.vpc_endpoints):
        if service in GATEWAY_SERVICES:
            yield from differ(endpoint["VpcEndpointId"], "route tables", endpoint["RouteTableIds"], tables)
        else:
            yield from differ(endpoint["VpcEndpointId"], "subnets", endpoint["SubnetIds"], subnets)


@check(
    "endpoint-private-dns",
    "The DNS name of a service resolves to its interface endpoint, so that clients need no configuration.",
    actions=_ENDPOINTS,
    of="VPC",
)
def endpoint_private_dns(deployment: Deployment) -> Iterable[Difference]:
    for service, endpoint in _present(deployment, deployment.interface_services):
        yield from differ(endpoint["VpcEndpointId"], f"private DNS of {service}", endpoint["PrivateDnsEnabled"], True)


@check(
    "endpoint-access",
    "Interface endpoints are behind the published security group and no other.",
    actions=_ENDPOINTS,
    of="VPC",
)
def endpoint_access(deployment: Deployment) -> Iterable[Difference]:
    for _, endpoint in _present(deployment, deployment.interface_services):
        groups = [group["GroupId"] for group in endpoint["Groups"]]
        expected = [deployment.endpoint_group_id]
        yield from differ(endpoint["VpcEndpointId"], "security groups", groups, expected)


@check(
    "endpoint-policies",
    "Each endpoint has the policy of the stack file's endpointPolicies, or else AWS's default policy (full access).",
    actions=_ENDPOINTS,
    of="VPC",
)
def endpoint_policies(deployment: Deployment) -> Iterable[Difference]:
    settings = deployment.settings
    for service, endpoint in _present(deployment, settings.endpoints.vpc_endpoints):
        expected = endpoint_policy(deployment.target, service, settings.endpoints) or FULL_ACCESS
        found = json.loads(endpoint["PolicyDocument"]) if endpoint.get("PolicyDocument") else FULL_ACCESS
        texts = [[*statements(found)], [*statements(expected)]]
        yield from differ(endpoint["VpcEndpointId"], f"policy of {service}", *texts)


@check(
    "endpoint-addresses",
    "Endpoints have IPv6 addresses and DNS records where the stack file says so and the service supports it.",
    actions=_ENDPOINTS,
    of="VPC",
)
def endpoint_addresses(deployment: Deployment) -> Iterable[Difference]:
    for service, endpoint in _present(deployment, deployment.settings.endpoints.vpc_endpoints):
        wanted = deployment.settings.endpoints.endpoint_ip_address_type if service in DUAL_STACK_SERVICES else None
        found = endpoint.get("IpAddressType", "ipv4")
        yield from differ(endpoint["VpcEndpointId"], f"address type of {service}", found, wanted or "ipv4")
        if wanted:
            records = endpoint.get("DnsOptions", {}).get("DnsRecordIpType")
            yield from differ(endpoint["VpcEndpointId"], f"DNS records of {service}", records, wanted)


@check(
    "endpoint-security-group",
    "The endpoints' security group allows HTTPS from the VPC's ranges and nothing else.",
    actions=("ec2:DescribeSecurityGroups",),
    controls=("EC2.18", "EC2.19", "EC2.53", "EC2.54"),
    of="VPC",
)
def endpoint_security_group(deployment: Deployment) -> Iterable[Difference]:
    if not deployment.interface_services:
        return
    group_id = deployment.endpoint_group_id
    group = deployment.endpoint_security_group
    if group is None:
        yield Difference(group_id, "no such security group in the VPC", "the endpoints' security group")
        return
    expected = [f"tcp 443-443 from {block}" for block in (deployment.ipv4_range, deployment.ipv6_range)]
    yield from differ(group_id, "inbound rules", _rules(group["IpPermissions"]), expected)
    yield from differ(group_id, "outbound rules", len(group["IpPermissionsEgress"]), 0)


def _present(deployment: Deployment, services: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The existing endpoints; `endpoints` reports the others."""
    for service in services:
        endpoint = deployment.endpoint(service)
        if endpoint is not None:
            yield service, endpoint


def _rules(permissions: list[dict[str, Any]]) -> list[str]:
    """A line for each pair of ports and source."""
    rules = []
    for permission in permissions:
        protocol = permission["IpProtocol"].replace("-1", "everything")
        ports = f" {permission['FromPort']}-{permission['ToPort']}" if "FromPort" in permission else ""
        rules += [f"{protocol}{ports} from {source}" for source in _sources(permission)]
    return rules


def _sources(permission: dict[str, Any]) -> list[str]:
    keys = (
        ("IpRanges", "CidrIp"),
        ("Ipv6Ranges", "CidrIpv6"),
        ("PrefixListIds", "PrefixListId"),
        ("UserIdGroupPairs", "GroupId"),
    )
    return [item[key] for collection, key in keys for item in permission.get(collection, [])]
