"""Scenarios that several tests of this folder use."""

import json
from collections import Counter

from tests.engine.engine import Stack
from tests.engine.inventory import inventory


def assert_nothing_to_do(stack: Stack) -> None:
    """Preview, refresh and update find no change and make none, and verify finds nothing."""
    before = inventory(stack.aws)
    for update in (stack.preview(), stack.refresh(), stack.up()):
        assert (update.exit_code, update.done) == (0, Counter()), update
    assert inventory(stack.aws) == before
    assert findings(stack) == {}


def findings(stack: Stack) -> dict[str, list[str]]:
    """What `tak-base verify` finds with the stack's state, by check."""
    state = stack.folder / "state.json"
    stack.state_command("stack", "export", "--file", str(state))
    answer = stack.tool("verify", "--json", "--state", str(state))
    assert answer.returncode in (0, 1), answer.stderr
    found: dict[str, list[str]] = {}
    for finding in json.loads(answer.stdout)["findings"]:
        found.setdefault(finding["check"], []).append(str(finding))
    return found


def of_policy_pack(stack: Stack) -> str:
    """The folder of the policy pack in the project's copy."""
    return str(stack.folder / "policy")
