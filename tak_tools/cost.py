"""What a stack costs: the resources that the program registers, the price lines of their types, and prices.toml."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tak_tools.formatting import short_type
from tak_tools.prices import Prices, are_old, load_prices
from tak_tools.program import Recording, Registration, plain
from tak_tools.resource_types import NAT_GATEWAY, NO_PRICE, ROWS, TASK_DEFINITION, FixedPrice, Measure

HOURS_A_MONTH = 730


@dataclass(frozen=True)
class CostLine:
    """A fixed cost: `quantity` units at `unit_price` USD an hour or a month. The price is None where unknown."""

    item: str
    quantity: float
    per: str
    """hour or month"""
    unit_price: float | None

    @property
    def monthly(self) -> float | None:
        """USD a month."""
        if self.unit_price is None:
            return None
        return self.quantity * self.unit_price * (HOURS_A_MONTH if self.per == "hour" else 1)


@dataclass(frozen=True)
class UsagePrice:
    """A price of use on top of the fixed cost, USD for each `unit`; None where no public price is known."""

    item: str
    unit: str
    price: float | None


@dataclass(frozen=True)
class Cost:
    """The price of a stack in a region, USD before tax."""

    region: str
    prices_as_of: str | None
    """None: prices.toml does not have the region."""
    prices_older_than_a_year: bool
    lines: tuple[CostLine, ...]
    usage: tuple[UsagePrice, ...]
    break_even_gb: float | None
    """GB a month of AWS-service traffic from which on interface endpoints are cheaper than NAT gateways."""
    nat_gateway_month: float | None
    """What a NAT gateway costs with its public address, used or not, whether the stack has one or does without."""

    @property
    def monthly(self) -> float | None:
        """The fixed cost, USD a month; None where a price is unknown."""
        known = [line.monthly for line in self.lines if line.monthly is not None]
        return sum(known) if len(known) == len(self.lines) else None


def cost_of(recording: Recording, region: str) -> Cost:
    """The cost of everything in `recording`, at the prices of `region`."""
    prices = load_prices()[1].get(region, {})
    resources: dict[str, list[Registration]] = {token: [] for token in ROWS}
    for item in recording.resources:
        for row in (item.row, *item.row.parts):
            resources[row.token].append(item)
    lines: dict[str, CostLine] = {}
    usage: dict[str, UsagePrice] = {}
    for token, found in resources.items():
        if found and ROWS[token].prices is NO_PRICE:
            lines[token] = CostLine(short_type(token), len(found), "month", None)
        for price in ROWS[token].prices or ():
            quantity = _MEASURES[price.of](found, recording)
            if not quantity:
                continue
            if isinstance(price, FixedPrice):
                before = lines[price.key].quantity if price.key in lines else 0
                lines[price.key] = CostLine(price.item, before + quantity, price.per, prices.get(price.key))
            else:
                item = price.several if price.several and quantity > 1 else price.item
                usage[price.key] = UsagePrice(item, price.unit, prices.get(price.key))
    return Cost(
        region=region,
        prices_as_of=str(prices["as_of"]) if prices else None,
        prices_older_than_a_year=bool(prices) and are_old(prices["as_of"]),
        lines=tuple(lines.values()),
        usage=tuple(usage.values()),
        break_even_gb=_break_even(lines.get("interface_endpoint_hour"), prices)
        if resources[NAT_GATEWAY.token]
        else None,
        nat_gateway_month=_sum(prices, "nat_gateway_hour", "public_ipv4_hour"),
    )


def _interface_zones(endpoints: list[Registration], _: Recording) -> float:
    interfaces = [item.inputs for item in endpoints if item.inputs["vpcEndpointType"] == "Interface"]
    return sum(len(inputs["subnetIds"]) for inputs in interfaces)


def _public_addresses(balancers: list[Registration], _: Recording) -> float:
    return sum(len(item.inputs["subnets"]) for item in balancers if not item.inputs.get("internal"))


def _size_of_tasks(column: str) -> "_Count":
    """Counts the vCPUs or the GB of all tasks that services run; 1,024 units of ECS are one."""

    def count(services: list[Registration], recording: Recording) -> float:
        definitions = {item.outputs["arn"]: item.inputs for item in recording.of_type(TASK_DEFINITION.token)}
        sizes = (
            item.inputs["desiredCount"] * int(definitions[item.inputs["taskDefinition"]][column]) for item in services
        )
        return plain(sum(sizes) / 1024)

    return count


_Count = Callable[[list[Registration], Recording], float]
_MEASURES: Mapping[Measure, _Count] = {
    "resources": lambda resources, _: len(resources),
    "zones of an interface endpoint": _interface_zones,
    "public addresses": _public_addresses,
    "vCPU": _size_of_tasks("cpu"),
    "GB of memory": _size_of_tasks("memory"),
}


def _sum(prices: Prices, *keys: str) -> float | None:
    """The sum of hourly prices for a month; None where one is unknown."""
    return sum(prices[key] for key in keys) * HOURS_A_MONTH if all(key in prices for key in keys) else None


def _break_even(endpoints: CostLine | None, prices: Prices) -> float | None:
    """A gigabyte through an interface endpoint saves the difference to a gigabyte through a NAT gateway."""
    if endpoints is None or endpoints.monthly is None or not {"nat_gateway_gb", "interface_endpoint_gb"} <= set(prices):
        return None
    return endpoints.monthly / (prices["nat_gateway_gb"] - prices["interface_endpoint_gb"])
