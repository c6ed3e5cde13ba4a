"""The recipes of CONTRIBUTING.md work."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT_FOLDER = Path(__file__).parent.parent.parent
CONTRIBUTING = (PROJECT_FOLDER / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_every_file_that_a_recipe_names_exists() -> None:
    named = re.findall(r"`((?:tak_base|tak_tools|tests)/[a-z_/.]*|__main__\.py)`", CONTRIBUTING)

    assert named
    assert [path for path in named if not (PROJECT_FOLDER / path).exists()] == []


@pytest.mark.slow
def test_a_config_key_is_known_checked_and_documented_by_its_row_alone(tmp_path: Path) -> None:
    copy = tmp_path / "project"
    left_out = shutil.ignore_patterns(".*", "tests", "__pycache__")
    shutil.copytree(PROJECT_FOLDER, copy, ignore=left_out)
    settings = copy / "tak_base" / "settings.py"
    row = '    example_days: int = key(integer(range(1, 8)), "An example of a key.", prod=3, dev_test=1)\n'
    before = "    container_insights:"
    settings.write_text(settings.read_text(encoding="utf-8").replace(before, row + before, 1), encoding="utf-8")
    with (copy / "Pulumi.prod.yaml").open("a", encoding="utf-8") as stack_file:
        stack_file.write("  tak-base:exampleDays: 9\n")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603
            [sys.executable, *arguments], cwd=copy, capture_output=True, text=True, check=False
        )

    refused = run("-m", "tak_tools", "plan", "--stack", "prod")
    assert (refused.returncode, refused.stderr) == (
        2,
        "tak-base: Pulumi.prod.yaml: tak-base:exampleDays: found 9, expected an integer 1-7\n",
    )
    assert run("-m", "tak_tools", "plan", "--stack", "dev-test").returncode == 0
    (copy / "Pulumi.prod.yaml").write_text((PROJECT_FOLDER / "Pulumi.prod.yaml").read_text(encoding="utf-8"))
    assert run("-m", "tak_tools.doc_pages").returncode == 0
    page = (copy / "docs" / "config.md").read_text(encoding="utf-8")
    assert "| `exampleDays` | an integer 1-7 | 3 | 1 |" in page
    assert "- `exampleDays`: An example of a key." in page
