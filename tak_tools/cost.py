"""What a stack costs: from the resources that the program registers, and the prices of prices.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from tak_tools.program import Recording

HOURS_A_MONTH = 730


@dataclass(frozen=True)
class CostLine:
    """A fixed cost: `quantity` units at `unit_price` USD an hour or a month. The price is None where unknown."""

    item: str
    quantity: int
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
    """What use costs on top, USD for each `unit`; None where no public price is known."""

    item: str
    unit: str
    price: float | None


@dataclass(frozen=True)
class Cost:
    """The price of a stack in a region, USD before tax."""

    region: str
    prices_as_of: str | None
    """None: prices.toml does not have the region."""
    lines: tuple[CostLine, ...]
    usage: tuple[UsagePrice, ...]
    break_even_gb: float | None
    """GB a month of AWS-service traffic from which on interface endpoints are cheaper than NAT gateways."""

    @property
    def monthly(self) -> float | None:
        """The fixed cost, USD a month; None where a price is unknown."""
        known = [line.monthly for line in self.lines if line.monthly is not None]
        return sum(known) if len(known) == len(self.lines) else None


def cost_of(recording: Recording, region: str) -> Cost:
    """The cost of everything in `recording`, at the prices of `region`."""
    prices = _regions().get(region, {})
    endpoints = recording.of_type("VpcEndpoint")
    interfaces = [endpoint for endpoint in endpoints if endpoint.inputs["vpcEndpointType"] == "Interface"]
    counted = (
        ("NAT gateway", len(recording.of_type("NatGateway")), "hour", "nat_gateway_hour"),
        ("Public IPv4 address", len(recording.of_type("Eip")), "hour", "public_ipv4_hour"),
        (
            "Interface endpoint, in each zone",
            sum(len(endpoint.inputs["subnetIds"]) for endpoint in interfaces),
            "hour",
            "interface_endpoint_hour",
        ),
        ("Customer-managed KMS key", len(recording.of_type("aws:kms/key:Key")), "month", "kms_key_month"),
    )
    lines = tuple(
        CostLine(item, quantity, per, _price(prices, key)) for item, quantity, per, key in counted if quantity
    )
    # Certificates are free, and a hosted zone is there before the stack is.
    buckets = "Buckets" if len(recording.of_type("aws:s3/bucket:Bucket")) > 1 else "Config bucket"
    repositories = "Image repositories" if len(recording.of_type("awsx:ecr:Repository")) > 1 else "Image repository"
    usage = [
        UsagePrice("NAT gateway, data processed", "GB", _price(prices, "nat_gateway_gb")),
        UsagePrice("Data transfer out to the internet", "GB", _price(prices, "data_transfer_out_gb")),
        UsagePrice(f"{buckets}, storage", "GB-month", _price(prices, "s3_storage_gb_month")),
        UsagePrice(f"{repositories}, storage", "GB-month", _price(prices, "ecr_storage_gb_month")),
        UsagePrice("Log groups, ingestion", "GB", _price(prices, "cloudwatch_logs_ingest_gb")),
        UsagePrice("Log groups, storage", "GB-month", _price(prices, "cloudwatch_logs_storage_gb_month")),
        UsagePrice("KMS, requests", "10,000", _price(prices, "kms_requests_10k")),
    ]
    if interfaces:
        usage.insert(1, UsagePrice("Interface endpoint, data processed", "GB", _price(prices, "interface_endpoint_gb")))
    return Cost(
        region=region,
        prices_as_of=str(prices["as_of"]) if prices else None,
        lines=lines,
        usage=tuple(usage),
        break_even_gb=_break_even(lines, prices) if interfaces else None,
    )


def _break_even(lines: tuple[CostLine, ...], prices: Mapping[str, float]) -> float | None:
    """A gigabyte through an interface endpoint saves the difference to a gigabyte through a NAT gateway."""
    (fixed,) = [line.monthly for line in lines if line.item.startswith("Interface endpoint")]
    if fixed is None:
        return None
    return fixed / (prices["nat_gateway_gb"] - prices["interface_endpoint_gb"])


def _price(prices: Mapping[str, float], key: str) -> float | None:
    return prices.get(key)


def _regions() -> dict[str, dict[str, float]]:
    return tomllib.loads(files("tak_tools").joinpath("prices.toml").read_text(encoding="utf-8"))["regions"]
