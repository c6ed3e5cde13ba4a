"""`tak-base plan`: what `pulumi up` will create, at which addresses and at what price.

A plan is a pure function of the stack file: it comes from running the real program against a stub of
AWS (stub_aws.py), and the same input gives the same bytes.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tak_base.settings import Settings
from tak_tools import resource_types as types
from tak_tools.cost import Cost, cost_of
from tak_tools.critical_path import Step, critical_path
from tak_tools.layers import on_base_layer
from tak_tools.policy_check import Violation, violations_of
from tak_tools.program import Cloud, Recording, run_program
from tak_tools.stack_file import LayerAbove, StackFile, load_layer, load_project
from tak_tools.stub_aws import StubAws

_NTH = ("first", "second", "third", "fourth", "fifth", "sixth")


@dataclass(frozen=True)
class AddressRow:
    """A subnet's place. The zone is a name where the stack file has names, otherwise a position in the region."""

    subnet: str
    zone: str
    ipv4: str
    usable_addresses: int
    ipv6_index: int
    """Which /64 of the VPC's /56"""


@dataclass(frozen=True)
class RouteRow:
    """A route, by the logical names of its table and its target."""

    table: str
    destination: str
    target: str


@dataclass(frozen=True)
class EndpointRow:
    """A VPC endpoint: who may use it, and over which protocols."""

    service: str
    type: str
    open_to: str
    addresses: str


@dataclass(frozen=True)
class ProtectedResource:
    """A resource that no deployment deletes."""

    name: str
    type: str


@dataclass(frozen=True)
class Plan:
    """Everything that is known of a stack before it is deployed."""

    stack: str
    region: str
    environment: str
    vpc: str
    base_layer: str | None
    """The base layer's stack, which has the environment and the VPC; None for a base layer."""
    recording: Recording
    counts: Mapping[str, int]
    """Resources by type."""
    addresses: tuple[AddressRow, ...]
    """Empty for a layer above, which has no subnets of its own."""
    routes: tuple[RouteRow, ...]
    endpoints: tuple[EndpointRow, ...]
    protected: tuple[ProtectedResource, ...]
    existing: tuple[str, ...]
    """What has to exist before the stack."""
    cost: Cost
    critical_path: tuple[Step, ...]
    violations: tuple[Violation, ...]
    """Violations of the policy pack, which judges base layers only."""

    @property
    def resource_count(self) -> int:
        return sum(self.counts.values())

    @property
    def ipv4_way_out(self) -> bool:
        """Whether private subnets reach IPv4 addresses of the internet; they reach IPv6 in any case."""
        return self.base_layer is not None or bool(self.recording.of_type(types.NAT_GATEWAY.token))

    @property
    def pulumi_count(self) -> int:
        """The number that `pulumi preview` prints, which counts the stack, components and resources in awsx's too."""
        by_awsx = sum(len(item.row.parts) for item in self.recording.resources)
        return 1 + len(self.recording.registrations) + by_awsx

    def as_document(self) -> dict[str, Any]:
        """The plan as plain values, for JSON."""
        lines = [asdict(line) | {"monthly": line.monthly} for line in self.cost.lines]
        return {
            "stack": self.stack,
            "environment": self.environment,
            "region": self.region,
            "vpc": self.vpc,
            "base_layer": self.base_layer,
            "resources": [
                {"type": item.type, "name": item.name, "component": item.parent.rsplit("$", 1)[-1].split("::")[0]}
                for item in self.recording.resources
            ],
            "counts": dict(self.counts),
            "pulumi_count": self.pulumi_count,
            "addresses": [asdict(row) for row in self.addresses],
            "routes": [asdict(row) for row in self.routes],
            "ipv4_way_out": self.ipv4_way_out,
            "endpoints": [asdict(row) for row in self.endpoints],
            "protected": [asdict(item) for item in self.protected],
            "existing": list(self.existing),
            "cost": asdict(self.cost) | {"lines": lines, "monthly": self.cost.monthly},
            "critical_path": [asdict(step) for step in self.critical_path],
            "violations": [
                {
                    "rule": violation.rule.name,
                    "level": violation.rule.level,
                    "controls": list(violation.rule.controls),
                    "resource": violation.resource.name,
                    "message": violation.message,
                }
                for violation in self.violations
            ],
        }


def load_plan(folder: Path, stack: str) -> Plan:
    """The plan of a stack file. Raises InputError for a file that cannot be used."""
    return make_plan(load_layer(load_project(folder), stack))


def make_plan(stack_file: StackFile) -> Plan:
    """Runs the program of `stack_file` and says what it registered."""
    cloud: Cloud = StubAws(stack_file.region, stack_file.name_pattern)
    above = stack_file if isinstance(stack_file, LayerAbove) else None
    if above:
        cloud = on_base_layer(above, cloud, below=cloud)
    recording = run_program(stack_file, cloud)
    settings = stack_file.settings
    zones = settings.network.availability_zones or [f"{nth} of the region" for nth in _NTH]
    return Plan(
        stack=stack_file.stack,
        region=stack_file.region,
        environment=settings.environment,
        vpc=str(settings.network.addresses.vpc),
        base_layer=above.reference if above else None,
        recording=recording,
        counts=dict(sorted(Counter(item.type for item in recording.resources).items())),
        addresses=tuple(
            AddressRow(
                subnet.role, zones[subnet.zone_index], str(subnet.ipv4), subnet.usable_addresses, subnet.ipv6_index
            )
            for subnet in ([] if above else settings.network.addresses.subnets)
        ),
        routes=tuple(_routes(recording)),
        endpoints=tuple(_endpoints(recording, settings)),
        protected=tuple(ProtectedResource(item.name, item.type) for item in recording.resources if item.protect),
        existing=() if above else tuple(_existing(settings)),
        cost=cost_of(recording, stack_file.region),
        critical_path=critical_path(recording),
        violations=() if above else tuple(violations_of(recording, stack_file)),
    )


def _existing(settings: Settings) -> Iterator[str]:
    if settings.dns.hosted_zone_name:
        yield f"public hosted zone {settings.dns.hosted_zone_name}"


def _routes(recording: Recording) -> Iterator[RouteRow]:
    names = {item.id: item.name for item in recording.resources}
    for route in recording.of_type(types.ROUTE.token):
        (target,) = [names[value] for key, value in route.inputs.items() if key != "routeTableId" and value in names]
        destination = route.inputs.get("destinationCidrBlock") or route.inputs["destinationIpv6CidrBlock"]
        yield RouteRow(names[route.inputs["routeTableId"]], destination, target)


def _endpoints(recording: Recording, settings: Settings) -> Iterator[EndpointRow]:
    for item in recording.of_type(types.VPC_ENDPOINT.token):
        open_to, addresses = "everyone", item.inputs.get("ipAddressType", "ipv4")
        if settings.endpoints.endpoint_policies in ("account", "organization"):
            open_to = (
                f"the {settings.endpoints.endpoint_policies}"
                if "policy" in item.inputs
                else "everyone (takes no policy)"
            )
        if settings.endpoints.endpoint_ip_address_type == "dualstack" and addresses == "ipv4":
            addresses = "ipv4 (offers no other)"
        yield EndpointRow(
            service=item.inputs["serviceName"].split(".", 3)[3],
            type=item.inputs["vpcEndpointType"],
            open_to=open_to,
            addresses=addresses,
        )
