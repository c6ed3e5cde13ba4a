"""docs/changes.md has every key of a stack file, each way. The tests on the engine write it, where the engine is."""

import re

import pytest

from tak_base.settings import CONFIG_KEYS
from tests.engine.changes import PAGE, STEPS


@pytest.mark.parametrize("environment", STEPS)
def test_every_key_is_changed_there_and_back(environment: str) -> None:
    changed = [key for step in STEPS[environment] for key in step]
    without_value = {key for key in CONFIG_KEYS if all(step.get(key) is None for step in STEPS[environment])}

    assert {key for key in CONFIG_KEYS if changed.count(key) < 2} == set()
    assert without_value == set(), "in tak_base/settings.py, give the key an example that is not its default"


@pytest.mark.parametrize("environment", STEPS)
def test_the_page_has_a_row_for_every_key(environment: str) -> None:
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"<!-- {environment} -->")
    rows = re.findall(r"^\| ([\w, ]+?) \|", rest.partition(f"<!-- /{environment} -->")[0], re.MULTILINE)

    missing = CONFIG_KEYS.keys() - {key for row in rows for key in row.split(", ")}
    assert missing == set(), "run `make test-engine`, which writes docs/changes.md"
