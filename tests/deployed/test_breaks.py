"""A fresh deployment has no findings and no tenants; what is wrong with another one, or uses it, is found exactly."""

from collections.abc import Callable
from typing import Any

import pytest

from tak_base.config_values import by_key
from tak_base.settings import CONFIG_KEYS
from tak_tools.verify import CHECKS, examine, verify_simulation
from tests.deployed.breaks import BREAKS, Break
from tests.deployed.breaks.harness import Stack
from tests.deployed.case import Case, found_by
from tests.deployed.layer import Layer
from tests.deployed.test_tenants import PLANTS, rows_of


def each(on: Stack) -> list[Any]:
    """The parameters of a test that is run for each break; `make test` runs the first one of each check."""
    breaks = [item for item in BREAKS if item.on == on]
    first = {item.check: item for item in reversed(breaks)}
    return [
        pytest.param(item, id=item.name, marks=() if item is first[item.check] else pytest.mark.slow) for item in breaks
    ]


OF_PROD, OF_THE_OPTIONS, OF_THE_SUITE = each("prod"), each("full"), each("suite")


def assert_nothing_is_found(layer: Layer) -> None:
    assert rows_of(Case(layer)) == rows_of(Case(layer), with_state=False) == []
    assert verify_simulation(layer.stack_file, layer.recording, layer.cloud) == []
    assert [result.check.name for result in examine(Case(layer).deployment()) if result.word != "ok"] == []


def assert_exactly_this_is_found(damaged: Break, layer: Layer) -> None:
    case = Case(layer)
    expected = damaged.expected(case)
    assert found_by(case.deployment()) == expected


def test_every_check_has_a_break_that_make_test_runs(request: pytest.FixtureRequest) -> None:
    assert not hasattr(request.module, "pytestmark")
    run = [item for item in [*OF_PROD, *OF_THE_OPTIONS, *OF_THE_SUITE] if not item.marks]
    assert {item.values[0].check for item in run} == set(CHECKS)


def test_a_break_is_in_the_module_named_like_that_of_its_check() -> None:
    def module(function: Callable[..., Any]) -> str:
        return function.__module__.rpartition(".")[2]

    assert [item.name for item in BREAKS if module(item.damage) != module(CHECKS[item.check].function)] == []


# In the order of the layers: a layer is deployed when a test first needs it, and makes AWS's answers longer.


def test_a_fresh_deployment_has_no_findings_and_no_check_is_skipped(layer: Layer) -> None:
    assert_nothing_is_found(layer)


@pytest.mark.usefixtures("undone")
@pytest.mark.parametrize("damaged", OF_PROD)
def test_what_is_broken_is_found_and_nothing_else(prod_layer: Layer, damaged: Break) -> None:
    assert_exactly_this_is_found(damaged, prod_layer)


def test_with_every_option_verify_finds_nothing_and_skips_nothing(full_layer: Layer) -> None:
    assert_nothing_is_found(full_layer)


@pytest.mark.usefixtures("undone")
@pytest.mark.parametrize("damaged", OF_THE_OPTIONS)
def test_what_is_broken_of_the_options_is_found_and_nothing_else(full_layer: Layer, damaged: Break) -> None:
    assert_exactly_this_is_found(damaged, full_layer)


def test_under_tak_layers_verify_finds_nothing_and_skips_nothing(suite_layer: Layer) -> None:
    assert_nothing_is_found(suite_layer)


@pytest.mark.usefixtures("undone")
@pytest.mark.parametrize("damaged", OF_THE_SUITE)
def test_what_is_broken_under_tak_layers_is_found_and_nothing_else(suite_layer: Layer, damaged: Break) -> None:
    assert_exactly_this_is_found(damaged, suite_layer)


@pytest.mark.usefixtures("undone")
@pytest.mark.parametrize("with_state", [True, False])
def test_everything_that_others_have_on_the_layer_is_found_and_nothing_else(
    suite_layer: Layer, with_state: bool
) -> None:
    case = Case(suite_layer)
    expected = [row for plant in PLANTS for row in plant(case)]
    assert rows_of(case, with_state=with_state) == sorted(expected)


def test_every_key_has_two_values_at_least_in_what_make_test_deploys(
    layers: dict[str, Layer], full_layer: Layer, suite_layer: Layer
) -> None:
    deployed = [by_key(layer.stack_file.settings) for layer in (*layers.values(), full_layer, suite_layer)]
    assert [key for key in CONFIG_KEYS if all(values[key] == deployed[0][key] for values in deployed)] == []
