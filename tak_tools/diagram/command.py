"""`tak-base diagram`: the architecture picture of a stack, made from the resources that the program registers."""

import dataclasses
from pathlib import Path

from tak_tools.console import print_json
from tak_tools.diagram.mermaid import mermaid
from tak_tools.diagram.model import read_picture
from tak_tools.diagram.svg import svg
from tak_tools.errors import InputError
from tak_tools.program import run_program
from tak_tools.stack_file import load_project, load_stack
from tak_tools.stub_aws import StubAws


def run(folder: Path, stack: str, *, svg_file: Path | None, as_json: bool) -> None:
    """Prints the picture of `stack` as mermaid or JSON, and writes it to `svg_file` where that is given."""
    stack_file = load_stack(load_project(folder), stack)
    recording = run_program(stack_file, StubAws(stack_file.region, stack_file.name_pattern))
    title = f"TAK base layer: {stack_file.settings.name}"
    if svg_file:
        _write(svg_file, svg(recording, title))
    if as_json:
        print_json(dataclasses.asdict(read_picture(recording, title)))
    else:
        print(mermaid(recording, title), end="")


def _write(path: Path, document: str) -> None:
    try:
        path.write_text(document, encoding="utf-8")
    except OSError as error:
        raise InputError([f"--svg: found {path}, expected a file that can be written ({error.strerror})"]) from None
