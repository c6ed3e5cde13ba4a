"""The recipes of CONTRIBUTING.md work."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT_FOLDER = Path(__file__).parent.parent.parent
CONTRIBUTING = (PROJECT_FOLDER / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_every_file_that_a_recipe_names_exists() -> None:
    named = re.findall(r"`((?:tak_base|tak_tools|tests)/[a-z_/.]*|__main__\.py)`", CONTRIBUTING)

    assert named
    assert [path for path in named if not (PROJECT_FOLDER / path).exists()] == []


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project, to follow a recipe in."""
    folder = tmp_path / "project"
    shutil.copytree(PROJECT_FOLDER, folder, ignore=shutil.ignore_patterns(".*", "tests", "__pycache__"))
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def insert(file: Path, *pairs: tuple[str, str]) -> None:
    """Each first text before the first occurrence of the second."""
    text = file.read_text(encoding="utf-8")
    for new, before in pairs:
        assert before in text
        text = text.replace(before, new + before, 1)
    file.write_text(text, encoding="utf-8")


@pytest.mark.slow
def test_a_config_key_is_known_checked_and_documented_by_its_row_alone(copy: Path) -> None:
    row = '    example_days: int = key(integer(range(1, 8)), "An example of a key.", prod=3, dev_test=1)\n'
    insert(copy / "tak_base" / "settings.py", (row, "    container_insights:"))
    with (copy / "Pulumi.prod.yaml").open("a", encoding="utf-8") as stack_file:
        stack_file.write("  tak-base:exampleDays: 9\n")

    refused = run(copy, "-m", "tak_tools", "plan", "--stack", "prod")
    assert (refused.returncode, refused.stderr) == (
        2,
        "tak-base: Pulumi.prod.yaml: tak-base:exampleDays: found 9, expected an integer 1-7\n",
    )
    assert run(copy, "-m", "tak_tools", "plan", "--stack", "dev-test").returncode == 0
    (copy / "Pulumi.prod.yaml").write_text((PROJECT_FOLDER / "Pulumi.prod.yaml").read_text(encoding="utf-8"))
    assert run(copy, "-m", "tak_tools.doc_pages").returncode == 0
    page = (copy / "docs" / "config.md").read_text(encoding="utf-8")
    assert "| `exampleDays` | an integer 1-7 | 3 | 1 |" in page
    assert "- `exampleDays`: An example of a key." in page


@pytest.mark.slow
def test_a_zone_is_two_rows_and_three_outputs_and_leaves_the_addresses_of_the_others(copy: Path) -> None:
    def addresses(folder: Path) -> dict[str, Any]:
        plan = json.loads(run(folder, "-m", "tak_tools", "plan", "--stack", "prod", "--json").stdout)
        return {row["subnet"]: row for row in plan["addresses"]}

    def tool(*arguments: str) -> str:
        done = run(copy, "-m", "tak_tools", *arguments)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
        return done.stdout

    before = addresses(copy)
    plan = copy / "tak_base" / "addressing.py"
    insert(plan, ('    _Row("public", "c", 512, 24, 4),\n    _Row("private", "c", 1536, None, 5),\n', ")\n\nZONES"))
    after = addresses(copy)
    assert {subnet: row for subnet, row in after.items() if subnet in before} == before
    assert {subnet: row["ipv4"] for subnet, row in after.items() if subnet not in before} == {
        "public-c": "10.1.18.0/24",
        "private-c": "10.1.22.0/26",
    }

    # Named as those of zone B are.
    outputs, program = copy / "tak_base" / "outputs.py", copy / "__main__.py"
    names = re.findall(r"^    (\w+)_b: Output", outputs.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(names) == 3
    rows = "".join(f'    {name}_c: Output[str] = _output("In zone C")\n' for name in names)
    insert(outputs, (rows, "\n    def export("))
    values = "".join(re.findall(r"^    \w+_b=.*\n", program.read_text(encoding="utf-8"), re.MULTILINE))
    insert(program, (values.replace("_b=", "_c=").replace('["b"]', '["c"]'), ")\noutputs.export()"))
    for stack in ("prod", "dev-test"):
        assert "0 findings" in tool("simulate", "--stack", stack)
        tool("diagram", "--stack", stack, "--svg", "picture.svg")
        assert "NAT Gateway C" in (copy / "picture.svg").read_text() or stack == "dev-test"
    assert "10.1.22.0/26" in tool("addresses")
