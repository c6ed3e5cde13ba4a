import dataclasses
import itertools
from ipaddress import IPv4Network, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tak_base import addressing
from tak_base.addressing import (
    MAJOR_IDS,
    MINOR_IDS,
    PRIVATE_SUBNET_PREFIXES,
    AddressPlan,
    Tier,
    ipv6_subnet,
    plan_addresses,
)

plans = st.builds(
    plan_addresses,
    st.sampled_from(MAJOR_IDS),
    st.sampled_from(MINOR_IDS),
    st.sampled_from(PRIVATE_SUBNET_PREFIXES),
)
# Amazon's blocks are /56s at any place in IPv6.
vpc_blocks = st.integers(0, 2**56 - 1).map(lambda number: IPv6Network((number << 72, 56)))
subnet_indexes = st.integers(0, 255)


@pytest.mark.parametrize(
    ("major_id", "minor_id", "vpc", "subnets"),
    [
        (1, 1, "10.1.16.0/20", ["10.1.16.0/24", "10.1.17.0/24", "10.1.20.0/26", "10.1.21.0/26"]),
        (1, 2, "10.1.32.0/20", ["10.1.32.0/24", "10.1.33.0/24", "10.1.36.0/26", "10.1.37.0/26"]),
        (0, 0, "10.0.0.0/20", ["10.0.0.0/24", "10.0.1.0/24", "10.0.4.0/26", "10.0.5.0/26"]),
        (255, 15, "10.255.240.0/20", ["10.255.240.0/24", "10.255.241.0/24", "10.255.244.0/26", "10.255.245.0/26"]),
    ],
)
def test_known_ids_give_exactly_the_documented_ranges(
    major_id: int, minor_id: int, vpc: str, subnets: list[str]
) -> None:
    plan = plan_addresses(major_id, minor_id)

    assert str(plan.vpc) == vpc
    assert [str(subnet.ipv4) for subnet in plan.subnets] == subnets


def test_subnets_come_in_the_order_of_their_ipv6_ranges() -> None:
    assert [
        (subnet.role, subnet.tier, subnet.zone, subnet.zone_index, subnet.ipv6_index)
        for subnet in plan_addresses(1, 1).subnets
    ] == [
        ("public-a", "public", "a", 0, 0),
        ("public-b", "public", "b", 1, 1),
        ("private-a", "private", "a", 0, 2),
        ("private-b", "private", "b", 1, 3),
    ]


def test_a_further_zone_renumbers_no_subnet(monkeypatch: pytest.MonkeyPatch) -> None:
    public_a, public_b, private_a, private_b = addressing._SUBNETS
    public_c = dataclasses.replace(public_b, zone="c", offset=512, ipv6_index=4)
    private_c = dataclasses.replace(private_b, zone="c", offset=1536, ipv6_index=5)
    before = plan_addresses(1, 1).subnets
    monkeypatch.setattr(addressing, "_SUBNETS", (public_a, public_b, public_c, private_a, private_b, private_c))

    after = {subnet.role: subnet for subnet in plan_addresses(1, 1).subnets}

    assert all(after[subnet.role] == subnet for subnet in before)
    assert {str(subnet.ipv4) for subnet in after.values()} == {
        *(str(subnet.ipv4) for subnet in before),
        "10.1.18.0/24",
        "10.1.22.0/26",
    }


@pytest.mark.parametrize(
    ("tier", "roles"), [("public", ["public-a", "public-b"]), ("private", ["private-a", "private-b"])]
)
def test_a_tier_holds_its_subnet_of_each_zone(tier: Tier, roles: list[str]) -> None:
    assert [subnet.role for subnet in plan_addresses(1, 1).tier(tier)] == roles


@given(plans)
def test_every_subnet_lies_inside_its_vpc(plan: AddressPlan) -> None:
    assert all(subnet.ipv4.subnet_of(plan.vpc) for subnet in plan.subnets)


@given(plans)
def test_no_two_subnets_of_a_vpc_overlap(plan: AddressPlan) -> None:
    assert not any(one.ipv4.overlaps(other.ipv4) for one, other in itertools.combinations(plan.subnets, 2))


@given(plans)
def test_every_range_begins_at_a_multiple_of_its_size(plan: AddressPlan) -> None:
    for network in (plan.vpc, *(subnet.ipv4 for subnet in plan.subnets)):
        assert int(network.network_address) % network.num_addresses == 0


@given(plans)
def test_every_vpc_is_a_slash_20_with_slash_24_public_subnets(plan: AddressPlan) -> None:
    assert plan.vpc.prefixlen == 20
    assert [subnet.ipv4.prefixlen for subnet in plan.tier("public")] == [24, 24]


@given(st.sampled_from(MAJOR_IDS), st.sampled_from(MINOR_IDS))
def test_the_private_subnet_prefix_moves_nothing(major_id: int, minor_id: int) -> None:
    smallest, *others = [plan_addresses(major_id, minor_id, prefix) for prefix in (26, 25, 24)]

    for plan in others:
        assert plan.vpc == smallest.vpc
        assert plan.tier("public") == smallest.tier("public")
        assert [subnet.ipv4.network_address for subnet in plan.subnets] == [
            subnet.ipv4.network_address for subnet in smallest.subnets
        ]


@pytest.mark.parametrize(("prefix", "usable"), [(24, 251), (25, 123), (26, 59)])
def test_aws_keeps_five_addresses_of_every_private_subnet(prefix: int, usable: int) -> None:
    plan = plan_addresses(1, 1, prefix)

    assert [subnet.ipv4.prefixlen for subnet in plan.tier("private")] == [prefix, prefix]
    assert [subnet.usable_addresses for subnet in plan.tier("private")] == [usable, usable]
    assert [subnet.usable_addresses for subnet in plan.tier("public")] == [251, 251]


def test_the_4096_networks_fill_10_0_0_0_8_without_overlap() -> None:
    networks = sorted(plan_addresses(major_id, minor_id).vpc for major_id in MAJOR_IDS for minor_id in MINOR_IDS)

    assert len(networks) == 4096
    # Sorted ranges overlap nowhere if each one ends before the next begins.
    assert all(one.broadcast_address < other.network_address for one, other in itertools.pairwise(networks))
    assert all(network.subnet_of(IPv4Network("10.0.0.0/8")) for network in networks)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((-1, 0), "major_id: found -1, expected 0-255"),
        ((256, 0), "major_id: found 256, expected 0-255"),
        ((0, -1), "minor_id: found -1, expected 0-15"),
        ((0, 16), "minor_id: found 16, expected 0-15"),
        ((0, 0, 23), "private_subnet_prefix: found 23, expected 24-26"),
        ((0, 0, 27), "private_subnet_prefix: found 27, expected 24-26"),
    ],
)
def test_ids_outside_the_plan_are_refused(arguments: tuple[int, ...], problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}$"):
        plan_addresses(*arguments)


@pytest.mark.parametrize(
    ("index", "subnet"),
    [
        (0, "2406:da1c:12:3400::/64"),
        (3, "2406:da1c:12:3403::/64"),
        (255, "2406:da1c:12:34ff::/64"),
    ],
)
def test_ipv6_subnets_are_counted_in_the_last_byte_of_the_prefix(index: int, subnet: str) -> None:
    assert ipv6_subnet("2406:da1c:12:3400::/56", index) == subnet


@given(vpc_blocks, subnet_indexes)
def test_every_ipv6_subnet_is_a_slash_64_of_its_block(block: IPv6Network, index: int) -> None:
    subnet = IPv6Network(ipv6_subnet(str(block), index))

    assert subnet.prefixlen == 64
    assert subnet.subnet_of(block)


@given(vpc_blocks, subnet_indexes, subnet_indexes)
def test_two_ipv6_subnets_of_a_block_overlap_only_if_they_are_the_same(
    block: IPv6Network, one: int, other: int
) -> None:
    subnets = [IPv6Network(ipv6_subnet(str(block), index)) for index in (one, other)]

    assert subnets[0].overlaps(subnets[1]) == (one == other)


@pytest.mark.parametrize(
    ("block", "index"),
    [
        ("2406:da1c:12:3400::/55", 0),
        ("2406:da1c:12:3400::/57", 0),
        ("2406:da1c:12:3400::/56", -1),
        ("2406:da1c:12:3400::/56", 256),
        ("2406:da1c:12:3401::/56", 0),
        ("10.1.16.0/20", 0),
        ("", 0),
    ],
)
def test_an_ipv6_subnet_of_anything_but_a_slash_56_is_refused(block: str, index: int) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is in parts that of the standard library
        ipv6_subnet(block, index)
