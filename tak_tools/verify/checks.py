"""The class of a check, the list of all checks, and how they are run."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tak_tools.aws import UnansweredError, read_policy
from tak_tools.errors import InputError
from tak_tools.verify.deployment import Deployment, Subject


@dataclass(frozen=True)
class Difference:
    """What a check found on a resource, and what is expected."""

    resource: str
    found: str
    expected: str


@dataclass(frozen=True)
class Finding:
    """A difference, with the name of the check that found it."""

    check: str
    resource: str
    """For what could not be checked: the IAM action that AWS has not answered."""
    found: str
    expected: str
    unchecked: bool = False
    """Whether the check could not be made, so that nothing is known."""

    def __str__(self) -> str:
        subject = f"could not be checked: {self.resource}" if self.unchecked else self.resource
        return f"{self.check}: {subject}: found {self.found}, expected {self.expected}"


Function = Callable[[Deployment], Iterable[Difference]]


@dataclass(frozen=True)
class Check:
    """One sentence of the architecture, and the function that finds where AWS differs from it."""

    name: str
    description: str
    actions: tuple[str, ...]
    """The IAM actions that the function needs."""
    function: Function
    controls: tuple[str, ...] = ()
    """The controls of AWS Security Hub that it proves, such as EC2.2, with a row in tak_tools/controls.py."""
    of: Subject | None = None
    """The subject of the check. Where it does not exist the check is skipped: `resources` has reported it."""
    decides: bool = False
    """Whether nothing else can be checked where this check has a finding."""
    needs_state: bool = False
    """Whether the check looks at the stack's state, which the user may give."""
    needs_outputs: bool = True
    """False: the stack's state is enough, where there is one."""

    def run(self, deployment: Deployment) -> "Result":
        """Every difference between the architecture and AWS, or the reason why the check cannot be made."""
        try:
            if reason := self._reason_to_skip(deployment):
                return Result(self, skipped=reason)
            differences = [*self.function(deployment)]
        except InputError:
            raise
        except UnansweredError as error:
            return self._unchecked(error.action, error.found, error.expected)
        except Exception as error:
            # The other checks run, whatever an answer looks like.
            found = f"an answer that the check cannot read ({type(error).__name__}: {error})"
            return self._unchecked(", ".join(self.actions), found, "the documented answer")
        return Result(self, tuple(Finding(self.name, item.resource, item.found, item.expected) for item in differences))

    def _unchecked(self, action: str, found: str, expected: str) -> "Result":
        return Result(self, (Finding(self.name, action, found, expected, unchecked=True),))

    def _reason_to_skip(self, deployment: Deployment) -> str:
        if self.needs_state and deployment.state is None:
            return "needs --state"
        if self.of and not deployment.exists(self.of):
            return f"there is no {self.of}"
        return ""


@dataclass(frozen=True)
class Result:
    """The outcome of one check: without findings it is fine, unless it was skipped for a reason."""

    check: Check
    findings: tuple[Finding, ...] = ()
    skipped: str = ""

    @property
    def word(self) -> str:
        """ok, finding or skipped."""
        return "skipped" if self.skipped else "finding" if self.findings else "ok"


CHECKS: dict[str, Check] = {}
_OUTPUTS_WRONG = "the stack outputs cannot be relied on"


def check(name: str, description: str, actions: tuple[str, ...], **properties: Any) -> Callable[[Function], Function]:
    """Registers the function of a check; `properties` are the optional ones of Check."""

    def register(function: Function) -> Function:
        CHECKS[name] = Check(name, description, actions, function, **properties)
        return function

    return register


def examine(deployment: Deployment, on_check: Callable[[str], None] = lambda name: None) -> list[Result]:
    """Runs every check in turn; `on_check` gets the name of each one before it runs."""
    results: list[Result] = []
    undecided = False
    for item in CHECKS.values():
        on_check(item.name)
        needs_outputs = item.needs_outputs or deployment.state is None
        result = Result(item, skipped=_OUTPUTS_WRONG) if undecided and needs_outputs else item.run(deployment)
        undecided = undecided or (item.decides and any(not finding.unchecked for finding in result.findings))
        results.append(result)
    return results


def run_checks(deployment: Deployment) -> list[Finding]:
    """The findings of every check."""
    return [finding for result in examine(deployment) for finding in result.findings]


def policy_document() -> dict[str, Any]:
    """The IAM policy that the checks need."""
    return read_policy("TakBaseVerify", (action for item in CHECKS.values() for action in item.actions))


def differ(resource: str, what: str, found: Any, expected: Any) -> Iterator[Difference]:
    """A difference in `what` where the two values are not equal. The order of lists does not matter."""
    if _comparable(found) != _comparable(expected):
        yield Difference(resource, f"{what} {_shown(found)}", f"{what} {_shown(expected)}")


def _comparable(value: Any) -> Any:
    return sorted(value) if isinstance(value, list | tuple | set | frozenset) else value


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(sorted(map(str, value))) or "none"
    if isinstance(value, str):
        return value or "none"
    return "none" if value is None else json.dumps(value)


def statements(policy: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The statements of a policy document by their `normal` text."""
    return {normal(statement): statement for statement in policy.get("Statement", [])}


def without_statements(resource: str, found: dict[str, Any], expected: dict[str, Any]) -> Iterator[Difference]:
    """A difference for each statement of the policy `expected` that the policy `found` lacks."""
    there = statements(found)
    for text, statement in statements(expected).items():
        if text not in there:
            name = statement.get("Sid") or text
            yield Difference(resource, f"a policy without the statement {name}", "a policy with it")


def normal(document: Any) -> str:
    """A policy statement or a lifecycle rule as text, the same for the same meaning, without its Sid."""
    return json.dumps(_sorted_lists(document), sort_keys=True)


def _sorted_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted_lists(item) for key, item in value.items() if key != "Sid"}
    if isinstance(value, list):
        # In a policy, a list of one value is that value.
        items = sorted((_sorted_lists(item) for item in value), key=str)
        return items[0] if len(items) == 1 else items
    return value
