"""What a stack costs: from the resources that the program registers, and the prices of prices.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from tak_tools.program import Recording, plain

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
    keys, balancers = recording.of_type("aws:kms/key:Key"), recording.of_type("aws:lb/loadBalancer:LoadBalancer")
    # One that faces the internet has an address in each of its subnets.
    public = [subnet for item in balancers if not item.inputs.get("internal") for subnet in item.inputs["subnets"]]
    cpu, memory = _running(recording)
    counted = (
        ("NAT gateway", len(recording.of_type("NatGateway")), "hour", "nat_gateway_hour"),
        ("Public IPv4 address", len(recording.of_type("Eip")) + len(public), "hour", "public_ipv4_hour"),
        (
            "Interface endpoint, in each zone",
            sum(len(endpoint.inputs["subnetIds"]) for endpoint in interfaces),
            "hour",
            "interface_endpoint_hour",
        ),
        ("Customer-managed KMS key", len(keys), "month", "kms_key_month"),
        ("Application load balancer", len(balancers), "hour", "alb_hour"),
        # Fargate Spot is cheaper, at a price that AWS changes.
        ("Fargate vCPU, on demand", plain(cpu / 1024), "hour", "fargate_vcpu_hour"),
        ("Fargate GB of memory, on demand", plain(memory / 1024), "hour", "fargate_gb_hour"),
        ("Secret", len(recording.of_type("aws:secretsmanager/secret:Secret")), "month", "secret_month"),
    )
    lines = tuple(CostLine(item, quantity, per, prices.get(key)) for item, quantity, per, key in counted if quantity)
    buckets, repositories = recording.of_type("aws:s3/bucket:Bucket"), recording.of_type("awsx:ecr:Repository")
    bucket = "Buckets" if len(buckets) > 1 else "Config bucket"
    repository = "Image repositories" if len(repositories) > 1 else "Image repository"
    # Certificates are free, and a hosted zone is there before the stack is.
    nat_gateways, log_groups = recording.of_type("NatGateway"), recording.of_type("LogGroup")
    used = (
        ("NAT gateway, data processed", nat_gateways, "GB", "nat_gateway_gb"),
        ("Interface endpoint, data processed", interfaces, "GB", "interface_endpoint_gb"),
        ("Load balancer, capacity units", balancers, "LCU-hour", "alb_lcu_hour"),
        ("Data transfer out to the internet", nat_gateways or public, "GB", "data_transfer_out_gb"),
        (f"{bucket}, storage", buckets, "GB-month", "s3_storage_gb_month"),
        (f"{repository}, storage", repositories, "GB-month", "ecr_storage_gb_month"),
        ("Log groups, ingestion", log_groups, "GB", "cloudwatch_logs_ingest_gb"),
        ("Log groups, storage", log_groups, "GB-month", "cloudwatch_logs_storage_gb_month"),
        ("KMS, requests", keys, "10,000", "kms_requests_10k"),
    )
    return Cost(
        region=region,
        prices_as_of=str(prices["as_of"]) if prices else None,
        lines=lines,
        usage=tuple(UsagePrice(item, unit, prices.get(key)) for item, users, unit, key in used if users),
        break_even_gb=_break_even(lines, prices) if interfaces else None,
    )


def _running(recording: Recording) -> tuple[int, int]:
    """CPU units and MiB of all tasks that the services run."""
    definitions = {item.outputs["arn"]: item.inputs for item in recording.of_type("TaskDefinition")}
    sizes = [
        (service.inputs["desiredCount"], definitions[service.inputs["taskDefinition"]])
        for service in recording.of_type("aws:ecs/service:Service")
    ]
    return (
        sum(count * int(size["cpu"]) for count, size in sizes),
        sum(count * int(size["memory"]) for count, size in sizes),
    )


def _break_even(lines: tuple[CostLine, ...], prices: Mapping[str, float]) -> float | None:
    """A gigabyte through an interface endpoint saves the difference to a gigabyte through a NAT gateway."""
    (fixed,) = [line.monthly for line in lines if line.item.startswith("Interface endpoint")]
    if fixed is None:
        return None
    return fixed / (prices["nat_gateway_gb"] - prices["interface_endpoint_gb"])


def _regions() -> dict[str, dict[str, float]]:
    return tomllib.loads(files("tak_tools").joinpath("prices.toml").read_text(encoding="utf-8"))["regions"]
