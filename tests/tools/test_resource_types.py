"""The rows of resource types: everything reads them, nothing repeats them, and a type without one is an error."""

import ast
import re
import shutil
import sys
import tomllib
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from tak_tools import plan_report, resource_types
from tak_tools.aws_search import FINDERS, LISTERS
from tak_tools.cost import cost_of
from tak_tools.errors import InputError
from tak_tools.pending import is_set_again
from tak_tools.program import Recording
from tak_tools.resource_types import KEY_ALIAS, ROWS

PROJECT_FOLDER = Path(__file__).parents[2]
TOKEN = re.compile(r"awsx?:\w+(/\w+)?:[A-Z]\w+")


def test_the_rows_need_nothing_but_the_standard_library() -> None:
    tree = ast.parse(Path(resource_types.__file__).read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {str(name).split(".")[0] for name in imported} <= sys.stdlib_module_names


@pytest.mark.parametrize("folder", ["tak_tools", "bootstrap", "policy"])
def test_a_type_is_spelt_out_in_its_row_only(folder: str) -> None:
    spelt_out = {
        f"{path.relative_to(PROJECT_FOLDER)}: {node.value}"
        for path in (PROJECT_FOLDER / folder).rglob("*.py")
        if path != Path(resource_types.__file__) and ".venv" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and TOKEN.fullmatch(node.value)
    }
    assert spelt_out == set()


def test_every_price_line_has_a_price_and_every_price_a_line() -> None:
    regions = tomllib.loads(files("tak_tools").joinpath("prices.toml").read_text(encoding="utf-8"))["regions"]
    known = {key for prices in regions.values() for key in prices} - {"as_of"}
    assert {price.key for row in ROWS.values() for price in row.prices or ()} == known


def test_only_types_of_the_base_layer_have_parts_or_name_what_ec2_makes() -> None:
    others = [row for row in ROWS.values() if not row.base_layer]
    assert not [row.token for row in others if row.parts or row.ec2_resource]


def test_every_resource_of_the_base_layer_can_be_found_on_aws_or_set_again() -> None:
    types = {row.token for row in ROWS.values() if row.base_layer and not row.parts}
    assert {type_ for type_ in types if not is_set_again(type_)} <= LISTERS.keys() | FINDERS.keys()
    # The check of the tags reads them there.
    assert {row.token for row in ROWS.values() if row.base_layer and row.tags} == LISTERS.keys() - {KEY_ALIAS.token}


def test_a_resource_whose_type_has_no_row_stops_a_plan_with_one_line(tmp_path: Path) -> None:
    for path in PROJECT_FOLDER.glob("Pulumi*.yaml"):
        shutil.copy(path, tmp_path)
    program = "import pulumi\n\npulumi.CustomResource('aws:example/thing:Thing', 'tak-thing', {})\n"
    (tmp_path / "__main__.py").write_text(program)
    with pytest.raises(InputError) as caught:
        plan_report.run(tmp_path, "prod", None, as_json=False)
    assert caught.value.problems == (
        "tak-thing: found no row for aws:example/thing:Thing in tak_tools/resource_types.py, expected one",
    )


def test_what_costs_and_has_no_price_is_in_the_cost_without_an_amount(prod: Recording) -> None:
    vpc = prod.named("tak-vpc")
    database = replace(vpc, type="aws:rds/instance:Instance", name="database", urn=f"{vpc.urn}-database")
    cost = cost_of(replace(prod, registrations=(*prod.registrations, database)), "ap-southeast-2")
    assert [(line.item, line.quantity, line.unit_price) for line in cost.lines][-1] == ("rds Instance", 1, None)
    assert cost.monthly is None
