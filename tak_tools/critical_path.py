"""Which chain of resources bounds the time of `pulumi up`: the longest path through the recorded dependencies."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from importlib.resources import files

from tak_tools.program import Recording


@dataclass(frozen=True)
class Step:
    """A resource on the path, and the seconds after the start at which it is typically ready."""

    name: str
    type: str
    seconds: int
    ready_after: int


def critical_path(recording: Recording) -> tuple[Step, ...]:
    """The chain that ends last, first resource first. Pulumi makes everything else beside it."""
    seconds = _seconds()
    by_urn = {registration.urn: registration for registration in recording.resources}
    waits_for = {urn: item.dependencies & by_urn.keys() for urn, item in by_urn.items()}
    ready: dict[str, int] = {}
    slowest: dict[str, str | None] = {}
    for urn in TopologicalSorter({urn: sorted(waits_for[urn]) for urn in sorted(waits_for)}).static_order():
        dependency = max(sorted(waits_for[urn]), key=lambda item: ready[item], default=None)
        ready[urn] = (ready[dependency] if dependency else 0) + _seconds_for(by_urn[urn].type, seconds)
        slowest[urn] = dependency
    chain: list[Step] = []
    urn: str | None = max(sorted(ready), key=lambda item: ready[item], default=None)
    while urn:
        step = by_urn[urn]
        chain.append(Step(step.name, step.type, _seconds_for(step.type, seconds), ready[urn]))
        urn = slowest[urn]
    return tuple(reversed(chain))


def _seconds_for(type_: str, seconds: Mapping[str, int]) -> int:
    return seconds.get(type_, seconds["other"])


def _seconds() -> Mapping[str, int]:
    document = tomllib.loads(files("tak_tools").joinpath("creation_times.toml").read_text(encoding="utf-8"))
    return document["seconds"] | {"other": document["other"]}
