"""The example in the simulated AWS, and what can reach what there by security groups."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from tak_base.addressing import ZONES
from tak_tools.layer_outputs import LayerOutputs
from tak_tools.program import Recording
from tak_tools.simulated_aws import SimulatedAws
from tak_tools.stack_file import LayerAbove


@dataclass(frozen=True)
class Peer:
    """One end of a connection: its addresses, its security groups, or a prefix list that stands for a service."""

    addresses: Collection[str] = ()
    groups: Collection[str] = ()
    prefix_list: str | None = None


@dataclass(frozen=True)
class Deployed:
    """The example on its base layer."""

    layer: LayerAbove
    recording: Recording
    cloud: SimulatedAws
    base: LayerOutputs
    """The base layer's outputs."""

    def client(self, service: str) -> Any:
        return self.cloud.client(service)

    def named(self, name: str) -> str:
        """The id of the resource with this logical name."""
        return self.recording.named(name).id

    @property
    def private_subnets(self) -> list[str]:
        return [self.base.subnet_id("private", zone) for zone in ZONES]

    @property
    def public_subnets(self) -> list[str]:
        return [self.base.subnet_id("public", zone) for zone in ZONES]

    @property
    def load_balancer(self) -> Peer:
        return Peer(self._ranges(self.public_subnets), [self.named("web-load-balancer-group")])

    @property
    def task(self) -> Peer:
        """As the service's own network configuration has it."""
        (service,) = self.client("ecs").describe_services(
            cluster=self.base.cluster_arn, services=[self.named("web-service")]
        )["services"]
        network = service["networkConfiguration"]["awsvpcConfiguration"]
        return Peer(self._ranges(network["subnets"]), network["securityGroups"])

    def reaches(self, source: Peer, target: Peer, port: int) -> bool:
        """Whether `source` may send there and `target` lets it in; a peer without groups says yes to everything."""
        sends = not source.groups or any(
            _covers(rule, target, port) for rule in self._rules(source, "IpPermissionsEgress")
        )
        return sends and self.lets_in(source, target, port)

    def lets_in(self, source: Peer, target: Peer, port: int) -> bool:
        return not target.groups or any(_covers(rule, source, port) for rule in self._rules(target, "IpPermissions"))

    def _rules(self, peer: Peer, direction: str) -> Iterator[dict[str, Any]]:
        for group in self.client("ec2").describe_security_groups(GroupIds=list(peer.groups))["SecurityGroups"]:
            yield from group[direction]

    def _ranges(self, subnet_ids: Collection[str]) -> list[str]:
        subnets = self.client("ec2").describe_subnets(SubnetIds=list(subnet_ids))["Subnets"]
        ipv6 = [block["Ipv6CidrBlock"] for subnet in subnets for block in subnet["Ipv6CidrBlockAssociationSet"]]
        return [subnet["CidrBlock"] for subnet in subnets] + ipv6


def _covers(rule: dict[str, Any], peer: Peer, port: int) -> bool:
    if rule["IpProtocol"] != "-1" and not (rule["IpProtocol"] == "tcp" and rule["FromPort"] <= port <= rule["ToPort"]):
        return False
    ranges = [item["CidrIp"] for item in rule["IpRanges"]] + [item["CidrIpv6"] for item in rule["Ipv6Ranges"]]
    return (
        any(pair["GroupId"] in peer.groups for pair in rule["UserIdGroupPairs"])
        or any(item["PrefixListId"] == peer.prefix_list for item in rule["PrefixListIds"])
        or any(_within(address, range_) for address in peer.addresses for range_ in ranges)
    )


def _within(address: str, range_: str) -> bool:
    inner, outer = ip_network(address), ip_network(range_)
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network):
        return inner.subnet_of(outer)
    return False
