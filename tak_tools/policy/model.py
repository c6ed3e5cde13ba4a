"""What a rule sees: a resource, the stack that it is in, and values that a preview does not know yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network
from typing import Any, Final

from tak_base.settings import Settings

UNKNOWN: Final = object()
"""A value that AWS decides, in a preview. No rule judges it: the deployment itself is checked again with the value."""


@dataclass(frozen=True)
class Resource:
    """A resource as the program declares it."""

    type: str
    """Such as `aws:ec2/vpc:Vpc`."""
    properties: Mapping[str, Any]
    """Inputs, by their names in camelCase. In a rule for the whole stack, with what AWS has added."""
    name: str = ""
    urn: str = ""
    protected: bool = False
    """Whether it has Pulumi's option `protect`."""
    provider_tags: Mapping[str, str] = field(default_factory=dict)
    """The provider's default tags."""
    uses: frozenset[str] = frozenset()
    """URNs of the resources whose values its properties have."""

    def at(self, path: str) -> list[Any]:
        """Every value at a path such as `ingress[].cidrBlocks[]`: None where one is missing."""
        return values_at(self.properties, path)


@dataclass(frozen=True)
class Stack:
    """The facts of the stack that rules compare resources with."""

    name: str
    environment: str
    """Which defaults the stack has: prod or dev-test."""
    vpc: IPv4Network
    """The /20 that the stack's IDs stand for."""
    protect_data: bool
    resources: Sequence[Resource] = ()
    """Only for rules that need the whole stack."""

    @property
    def is_prod(self) -> bool:
        return self.environment == "prod"

    def with_resources(self, resources: Sequence[Resource]) -> "Stack":
        """The same stack, with everything that is in it."""
        return replace(self, resources=resources)


def stack_of(name: str, settings: Settings) -> Stack:
    """The stack of this name that these settings describe."""
    return Stack(name, settings.environment, settings.network.addresses.vpc, settings.protect_data)


def values_at(value: Any, path: str) -> list[Any]:
    """Every value at a path under `value`; a step that ends in `[]` goes into each item of a list."""
    if not path or value is None or value is UNKNOWN:
        return [value]
    step, _, rest = path.partition(".")
    found = value.get(step.removesuffix("[]")) if isinstance(value, Mapping) else None
    if step.endswith("[]") and isinstance(found, Sequence) and not isinstance(found, str):
        return [leaf for item in found for leaf in values_at(item, rest)]
    return values_at(found, rest)
