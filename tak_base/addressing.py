"""The address plan: which IPv4 and IPv6 range every network and subnet of a stack has.

Pure arithmetic: nothing here talks to AWS or imports Pulumi.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Literal

Tier = Literal["public", "private"]
Zone = str
"""A letter of this plan, such as `a`: the first of a stack's availability zones, whatever AWS calls it."""

MAJOR_IDS = range(256)
MINOR_IDS = range(16)
PRIVATE_SUBNET_PREFIXES = range(24, 27)

# Every IPv4 address as an IPv6 one (RFC 6052).
# https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-nat64-dns64.html
NAT64 = "64:ff9b::/96"

# AWS keeps five addresses of every subnet: network, router, DNS, one in reserve, broadcast.
# https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
AWS_RESERVED_ADDRESSES = 5

_VPC_PREFIX = 20


@dataclass(frozen=True)
class _Row:
    """A subnet in every VPC's address plan."""

    tier: Tier
    zone: Zone
    offset: int
    """Where its IPv4 range begins in the VPC's /20, in addresses."""
    prefix: int | None
    """None: the stack file decides. Each subnet has room for 256 addresses, so no prefix moves another subnet."""
    ipv6_index: int
    """The number of its IPv6 /64. It belongs to the row: a live subnet with another number would be replaced."""


# Another zone needs two more rows.
_SUBNETS = (
    _Row("public", "a", 0, 24, 0),
    _Row("public", "b", 256, 24, 1),
    _Row("private", "a", 1024, None, 2),
    _Row("private", "b", 1280, None, 3),
)

ZONES: tuple[Zone, ...] = tuple(dict.fromkeys(row.zone for row in _SUBNETS))


@dataclass(frozen=True)
class SubnetPlan:
    """The place of one subnet: its tier, its zone, its IPv4 range and the index of its IPv6 /64."""

    tier: Tier
    zone: Zone
    ipv4: IPv4Network
    ipv6_index: int

    @property
    def role(self) -> str:
        """The subnet's part of logical names, for example `public-a`."""
        return f"{self.tier}-{self.zone}"

    @property
    def zone_index(self) -> int:
        """0 in the first zone, 1 in the second."""
        return ZONES.index(self.zone)

    @property
    def usable_addresses(self) -> int:
        """How many IPv4 addresses are left for network interfaces, after the five that AWS keeps."""
        return self.ipv4.num_addresses - AWS_RESERVED_ADDRESSES


@dataclass(frozen=True)
class AddressPlan:
    """A VPC's /20 and its subnets: the public ones, then the private ones, zone A first."""

    vpc: IPv4Network
    subnets: tuple[SubnetPlan, ...]

    def tier(self, tier: Tier) -> tuple[SubnetPlan, ...]:
        """The subnets of one tier, zone A first."""
        return tuple(subnet for subnet in self.subnets if subnet.tier == tier)


def plan_addresses(major_id: int, minor_id: int, private_subnet_prefix: int = 26) -> AddressPlan:
    """The address plan of the network `10.{major_id}.{minor_id * 16}.0/20`.

    `major_id` is 0-255, `minor_id` 0-15 and `private_subnet_prefix` 24-26; anything else raises ValueError.
    The 4,096 networks never overlap. README.md, "Addresses", shows the layout.
    """
    for name, value, allowed in (
        ("major_id", major_id, MAJOR_IDS),
        ("minor_id", minor_id, MINOR_IDS),
        ("private_subnet_prefix", private_subnet_prefix, PRIVATE_SUBNET_PREFIXES),
    ):
        if value not in allowed:
            raise ValueError(f"{name}: found {value}, expected {allowed.start}-{allowed.stop - 1}")
    first_address = IPv4Address(f"10.{major_id}.{minor_id * 16}.0")
    return AddressPlan(
        vpc=IPv4Network((int(first_address), _VPC_PREFIX)),
        subnets=tuple(
            SubnetPlan(
                row.tier,
                row.zone,
                IPv4Network((int(first_address) + row.offset, row.prefix or private_subnet_prefix)),
                row.ipv6_index,
            )
            for row in _SUBNETS
        ),
    )


def ipv6_subnet(vpc_block: str, index: int) -> str:
    """The /64 number `index` (0-255) of the /56 that Amazon gave the VPC.

    Raises ValueError where `vpc_block` is not an IPv6 /56 or the index does not fit.
    """
    block = IPv6Network(vpc_block)
    if block.prefixlen != 56 or not 0 <= index < 256:
        raise ValueError(f"ipv6_subnet: found block {vpc_block} and index {index}, expected a /56 and 0-255")
    return str(IPv6Network((int(block.network_address) + (index << 64), 64)))
