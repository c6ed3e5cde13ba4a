"""What a break is, and how a module of this package registers one.

A break gets a Case and returns the findings without the name of its check: `RESOURCE: found X, expected Y`.
Findings of other checks that the same damage has to give are written with `of_other_check`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.deployed.case import Case

Damage = Callable[[Case], list[str]]
Stack = Literal["prod", "full", "suite"]
"""The layer that is damaged, by its stack in conftest.py: prod, one with every option, one under TAK's own layers."""


@dataclass(frozen=True)
class Break:
    check: str
    damage: Damage
    on: Stack

    @property
    def name(self) -> str:
        return f"{self.check}: {self.damage.__name__.replace('_', ' ')}"

    def expected(self, case: Case) -> list[str]:
        """Damages the layer; returns the findings to expect, sorted."""
        findings = self.damage(case)
        if self.check != "stack-outputs":
            findings += _stale_parameter(case)
        return sorted(f"{self.check}: {text}" if not text.startswith("[") else text[1:] for text in findings)


def _stale_parameter(case: Case) -> list[str]:
    """The findings of the SSM parameter, which has the outputs from before the damage to them."""
    parameter = f"/tak-base/{case.layer.stack_file.stack}/outputs"
    return [
        of_other_check("published-outputs", f"{parameter}: found {name} {was}, expected {name} {case.outputs[name]}")
        for name, was in case.layer.outputs.items()
        if case.outputs[name] != was
    ]


BREAKS: list[Break] = []


def breaks(check: str, on: Stack = "prod") -> Callable[[Damage], Damage]:
    def register(damage: Damage) -> Damage:
        BREAKS.append(Break(check, damage, on))
        return damage

    return register


def of_other_check(check: str, text: str) -> str:
    """A finding that another check has to give for the same damage."""
    return f"[{check}: {text}"
