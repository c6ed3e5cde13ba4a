"""The pages are true: generated ones are current, and the paths and commands that they name exist."""

import re
from pathlib import Path

from tak_base.config_values import camel_case
from tak_base.outputs import STACK_OUTPUTS
from tak_tools.doc_pages import pages

PROJECT_FOLDER = Path(__file__).parent.parent.parent
README = (PROJECT_FOLDER / "README.md").read_text(encoding="utf-8")


def test_generated_pages_are_what_make_docs_writes() -> None:
    out_of_date = [
        path.name for path, text in pages(PROJECT_FOLDER).items() if path.read_text(encoding="utf-8") != text
    ]
    assert out_of_date == [], "run `make docs`"


def test_every_path_that_the_pages_name_exists() -> None:
    for page in [PROJECT_FOLDER / "README.md", *(PROJECT_FOLDER / "docs").glob("*.md")]:
        for path in re.findall(
            r"`((?:tak_base|tak_tools|tests|docs|policy|bootstrap|examples)/[\w./-]*)`", page.read_text()
        ):
            assert (PROJECT_FOLDER / path).exists(), f"{page.name} names {path}"


def test_every_stack_output_that_the_pages_read_exists() -> None:
    pages_of_docs = "\n".join(page.read_text(encoding="utf-8") for page in (PROJECT_FOLDER / "docs").glob("*.md"))
    named = set(re.findall(r"(?:pulumi stack output -s prod|found no output) (\w+)", pages_of_docs))
    attributes = set(re.findall(r"^base\.(\w+)", pages_of_docs, re.MULTILINE))
    assert named
    assert attributes
    assert named | {camel_case(name) for name in attributes} <= STACK_OUTPUTS.keys()


def test_the_readme_shows_the_picture_of_prod_as_an_image() -> None:
    (path,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert PROJECT_FOLDER / path in pages(PROJECT_FOLDER)


def test_every_make_command_that_the_pages_name_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT_FOLDER / "Makefile").read_text(), re.MULTILINE))
    for page in [PROJECT_FOLDER / "README.md", *(PROJECT_FOLDER / "docs").glob("*.md")]:
        named = set(re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(), re.MULTILINE))
        assert named <= targets, page.name


def test_the_readme_leads_to_every_page() -> None:
    assert {page.name for page in (PROJECT_FOLDER / "docs").glob("*.md") if f"docs/{page.name}" not in README} == set()


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len(README.splitlines()) <= 200
