"""A live stack loses its state: `tak-base recover` and `pulumi import` bring it back, and nothing on AWS changes."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.changes import ZONE_NAME
from tests.engine.engine import Stack
from tests.engine.inventory import inventory
from tests.engine.scenarios import assert_nothing_to_do
from tests.options import EVERY_NETWORK_EXTRA, EVERY_OPTION, SUITE

pytestmark = pytest.mark.engine

STACKS: dict[str, tuple[str, dict[str, Any]]] = {
    "prod as it is": ("prod", {}),
    "prod with every option": ("prod", EVERY_OPTION | EVERY_NETWORK_EXTRA | {"hostedZoneName": ZONE_NAME}),
    "prod under TAK's own layers": ("prod", SUITE | {"hostedZoneName": ZONE_NAME}),
    "dev-test without NAT gateways": ("dev-test", {"natGateways": 0}),
}


@pytest.mark.parametrize(("name", "options"), STACKS.values(), ids=[*STACKS])
def test_a_lost_state_comes_back_without_a_change(
    make_stack: Callable[[str], Stack], name: str, options: dict[str, Any]
) -> None:
    stack = make_stack(name)
    stack.set(**options)
    update = stack.up()
    assert update.exit_code == 0, update
    before, on_aws = stack.state(), inventory(stack.aws)

    stack.state_command("stack", "rm", "--force", "--yes")
    file = stack.folder / "import.json"
    answer = stack.tool("recover", "--output", str(file))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    stack.create()
    stack.state_command("import", "--yes", "--generate-code=false", "--file", str(file))

    update = stack.preview("--expect-no-changes", "--diff")
    assert (update.exit_code, update.done) == (0, Counter()), update
    update = stack.up()
    assert (update.exit_code, update.done) == (0, Counter()), update
    assert resources_of(stack.state()) == resources_of(before)
    assert inventory(stack.aws) == on_aws
    assert_nothing_to_do(stack)


def resources_of(state: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """What the state has of each resource and component, by URN."""
    return {
        item["urn"]: (
            item.get("id"),
            item.get("parent"),
            item.get("protect", False),
            item.get("retainOnDelete", False),
            sorted(item.get("dependencies", [])),
            item.get("inputs"),
        )
        for item in state["resources"]
        if not item["type"].startswith("pulumi:providers:")
    }
