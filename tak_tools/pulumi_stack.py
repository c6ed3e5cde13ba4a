"""The outputs and the state of a deployed stack, from files or from the Pulumi CLI."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tak_base.outputs import STACK_OUTPUTS, StackOutput
from tak_tools.errors import InputError
from tak_tools.layer_outputs import LayerOutputs
from tak_tools.stack_file import StackFile


@dataclass(frozen=True)
class StateResource:
    """One resource of the stack's state."""

    urn: str
    type: str
    protect: bool
    retain_on_delete: bool
    id: str = ""
    """The provider's ID; empty for components."""
    replaced: bool = False
    """Whether it has been replaced, and the next update deletes it."""


@dataclass(frozen=True)
class PendingOperation:
    """An operation that a killed update had started: whether AWS has completed it is not known."""

    urn: str
    type: str
    kind: str
    """creating, updating, deleting, ..."""
    inputs: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The logical name."""
        return self.urn.rsplit("::", 1)[-1]


@dataclass(frozen=True)
class State:
    """A stack's state, as `pulumi stack export` has it."""

    document: Mapping[str, Any]
    resources: tuple[StateResource, ...]
    pending: tuple[PendingOperation, ...]


def read_outputs(stack_file: StackFile, path: Path | None) -> dict[str, Any]:
    """The stack's outputs, checked to have their types."""
    source = str(path) if path else "pulumi stack output"
    outputs = _json_object(_read(path, "--outputs") if path else _ask_pulumi(stack_file, "output", "--json"), source)
    problems = [
        f"{source}: {name}: found {json.dumps(outputs[name])}, expected {output.type_name}"
        for name, output in STACK_OUTPUTS.items()
        if name in outputs and not _has_type(outputs[name], output)
    ]
    found, expected = LayerOutputs.cluster_name.get(outputs, None), stack_file.settings.cluster_name
    if not problems and found not in (None, expected):
        problems.append(f"{source}: found the outputs of {found}, expected those of {expected}")
    if not outputs.keys() & STACK_OUTPUTS.keys():
        problems.append(f"{source}: found none of the base layer's outputs; is the stack deployed?")
    if problems:
        raise InputError(problems)
    return outputs


def read_state(stack_file: StackFile, path: Path | None) -> State:
    """The stack's state. Raises InputError for another document, or the state of another stack."""
    source = str(path) if path else "pulumi stack export"
    text = _read(path, "--state") if path else _ask_pulumi(stack_file, "export")
    return parse_state(stack_file, _json_object(text, source), source)


def read_deployed(
    stack_file: StackFile, outputs_file: Path | None, state_file: Path | None
) -> tuple[dict[str, Any], tuple[StateResource, ...] | None]:
    """The stack's outputs and the resources of its state; None where only a file with the outputs is given."""
    outputs = read_outputs(stack_file, outputs_file)
    # The CLI that has given the outputs gives the state too.
    state = read_state(stack_file, state_file) if state_file or not outputs_file else None
    return outputs, state.resources if state else None


def parse_state(stack_file: StackFile, document: Mapping[str, Any], source: str) -> State:
    """As read_state, from the document of `source`."""
    try:
        deployment = document["deployment"]
        resources = tuple(
            StateResource(
                item["urn"],
                item["type"],
                item.get("protect", False),
                item.get("retainOnDelete", False),
                item.get("id", ""),
                item.get("delete", False),
            )
            # A stack that was never updated has none.
            for item in deployment.get("resources") or ()
        )
        pending = tuple(
            PendingOperation(
                item["resource"]["urn"], item["resource"]["type"], item["type"], item["resource"].get("inputs", {})
            )
            for item in deployment.get("pending_operations") or ()
        )
    except (KeyError, TypeError, AttributeError):
        raise InputError([f"{source}: expected the stack's state, as `pulumi stack export` prints it"]) from None
    start = f"urn:pulumi:{stack_file.stack}::{stack_file.project.name}::"
    other = next((item.urn for item in (*resources, *pending) if not item.urn.startswith(start)), None)
    if other:
        raise InputError([f"{source}: found the state of another stack ({other}), expected that of {stack_file.stack}"])
    return State(document, resources, pending)


def _has_type(value: Any, output: StackOutput) -> bool:
    if not isinstance(value, output.type):
        return False
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(isinstance(item, str) for item in items)


def _ask_pulumi(stack_file: StackFile, *command: str) -> str:
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        option = "--outputs" if command[0] == "output" else "--state"
        raise InputError(
            [
                f"{option}: not given, and there is no pulumi CLI to ask: install it"
                " (https://www.pulumi.com/docs/install/, or `curl -fsSL https://get.pulumi.com | sh`), or give the"
                f" file that `pulumi stack {' '.join(command)}` prints"
            ]
        )
    folder = str(stack_file.project.folder)
    # Nobody can answer a prompt, such as that for the passphrase of the stack's secrets.
    arguments = [pulumi, "stack", *command, "--stack", stack_file.stack, "--cwd", folder, "--non-interactive"]
    answer = subprocess.run(arguments, capture_output=True, text=True, env=os.environ, check=False)  # noqa: S603
    if answer.returncode:
        message = " ".join((answer.stderr or answer.stdout).split())
        raise InputError([f"pulumi stack {command[0]}: {message} (exit code {answer.returncode})"])
    return answer.stdout


def _read(path: Path, option: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no text"
        raise InputError([f"{option}: {path}: {reason}"]) from None


def _json_object(text: str, source: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InputError([f"{source}: is not JSON: {error}"]) from None
    if not isinstance(document, dict):
        raise InputError([f"{source}: found {type(document).__name__}, expected a JSON object"])
    return document
