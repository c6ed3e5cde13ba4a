"""Which chain of resources bounds the time of `pulumi up`: the longest path through the recorded dependencies."""

from dataclasses import dataclass
from graphlib import TopologicalSorter

from tak_tools.program import Recording


@dataclass(frozen=True)
class Step:
    """A resource on the path, and the seconds after the start at which it is typically ready."""

    name: str
    type: str
    seconds: int
    ready_after: int


def critical_path(recording: Recording) -> tuple[Step, ...]:
    """The chain that ends last, first resource first. Pulumi creates everything else in parallel."""
    by_urn = {registration.urn: registration for registration in recording.resources}
    waits_for = {urn: item.dependencies & by_urn.keys() for urn, item in by_urn.items()}
    ready: dict[str, int] = {}
    slowest: dict[str, str | None] = {}
    for urn in TopologicalSorter({urn: sorted(waits_for[urn]) for urn in sorted(waits_for)}).static_order():
        dependency = max(sorted(waits_for[urn]), key=lambda item: ready[item], default=None)
        ready[urn] = (ready[dependency] if dependency else 0) + by_urn[urn].row.seconds
        slowest[urn] = dependency
    chain: list[Step] = []
    urn: str | None = max(sorted(ready), key=lambda item: ready[item], default=None)
    while urn:
        step = by_urn[urn]
        chain.append(Step(step.name, step.type, step.row.seconds, ready[urn]))
        urn = slowest[urn]
    return tuple(reversed(chain))
