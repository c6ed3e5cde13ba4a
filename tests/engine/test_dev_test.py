"""The stack dev-test on the engine, from its first deployment until everything is deleted."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.engine.changes import STEPS, walk, write_page
from tests.engine.engine import Stack
from tests.engine.inventory import names
from tests.engine.scenarios import assert_nothing_to_do, of_policy_pack

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def empty(make_stack: Callable[[str], Stack]) -> tuple[Stack, Counter[str]]:
    """The stack before its first deployment, and what the account has without it."""
    stack = make_stack("dev-test")
    return stack, names(stack.aws)


@pytest.fixture(scope="module")
def dev_test(empty: tuple[Stack, Counter[str]]) -> Stack:
    update = empty[0].up()
    assert update.exit_code == 0, update
    return empty[0]


def test_a_deployed_stack_has_nothing_to_do(dev_test: Stack) -> None:
    assert_nothing_to_do(dev_test)


def test_each_change_does_what_the_page_says(dev_test: Stack) -> None:
    """Writes the page docs/changes.md."""
    before = names(dev_test.aws)

    rows, problems = walk(dev_test, STEPS["dev-test"])
    write_page("dev-test", rows)

    assert problems == []
    assert names(dev_test.aws) == before
    assert_nothing_to_do(dev_test)


def test_the_policy_pack_stops_a_bad_program(dev_test: Stack) -> None:
    """The same stack with a program that does not rotate the key."""
    source = dev_test.folder / "tak_base" / "encrypted_storage.py"
    good = source.read_text()
    assert "enable_key_rotation=True" in good
    source.write_text(good.replace("enable_key_rotation=True", "enable_key_rotation=False"))
    try:
        update = dev_test.preview("--policy-pack", of_policy_pack(dev_test))
    finally:
        source.write_text(good)

    assert update.exit_code != 0, update
    assert "key-rotates" in update.text


def test_the_example_can_be_deployed_on_the_layer(dev_test: Stack) -> None:
    """It is created, has no changes, and is destroyed; the base layer cannot be destroyed before it."""
    service = Stack("dev-test", dev_test.folder, dev_test.aws, project="examples/fargate_service")
    service.create()
    update = service.up()
    assert update.exit_code == 0, update
    again = service.preview()
    assert again.exit_code == 0, again
    # Moto does not keep a service's capacity providers, grace period and managed tags.
    assert {(what, type_) for what, type_, _ in again.done} <= {("in place", "aws:ecs/service:Service")}, again

    update = service.destroy()
    assert update.exit_code == 0, update


def test_nothing_is_left_of_a_destroyed_stack(dev_test: Stack, empty: tuple[Stack, Counter[str]]) -> None:
    update = dev_test.destroy()

    assert update.exit_code == 0, update
    assert names(dev_test.aws) == empty[1]
