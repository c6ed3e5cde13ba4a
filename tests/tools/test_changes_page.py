"""docs/changes.md has every key of a stack file, each way. The tests on the engine write it, where the engine is."""

import re

import pytest

from tak_base.settings import CONFIG_KEYS
from tests.engine.changes import PAGE, STEPS


@pytest.mark.parametrize("environment", STEPS)
def test_every_key_is_changed_there_and_back(environment: str) -> None:
    """A new key that reads a text or a list needs its value in tests/options.py."""
    changed = [key for step in STEPS[environment] for key in step]

    assert {key for key in CONFIG_KEYS if changed.count(key) < 2} == set()
    assert {key for key in CONFIG_KEYS if all(step.get(key) is None for step in STEPS[environment])} == set()


@pytest.mark.parametrize("environment", STEPS)
def test_the_page_has_a_row_for_every_key(environment: str) -> None:
    """`make test-engine` writes it."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"<!-- {environment} -->")
    rows = re.findall(r"^\| ([\w, ]+?) \|", rest.partition(f"<!-- /{environment} -->")[0], re.MULTILINE)

    assert CONFIG_KEYS.keys() <= {key for row in rows for key in row.split(", ")}
