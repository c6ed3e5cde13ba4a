"""`tak-base pending`: the pending operations of a killed update, and what AWS has of their resources.

An update that is killed leaves pending operations in the state: the engine had begun to create a resource and has not
seen the answer. AWS may have the resource or not. The next update creates it again, and AWS then has it twice or
refuses the second one. `pulumi refresh` removes a pending creation from the state, and does not put the resource there
instead, with `--import-pending-creates` and its prompt alike (seen with Pulumi 3.260). So this command writes a
state with the resource: `pulumi stack import` imports it, and a refresh reads the resource's properties.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.table import Table

from tak_tools.aws import Aws, UnansweredError, client_factory
from tak_tools.aws_search import Found, Search, candidates
from tak_tools.console import print_json, progress_console, result_console
from tak_tools.errors import InputError
from tak_tools.formatting import short_type
from tak_tools.pulumi_stack import PendingOperation, State, read_state
from tak_tools.resource_types import ROWS
from tak_tools.stack_file import StackFile, load_project, load_stack

Answer = Literal["made", "made again", "not made", "set again", "several", "unknown", "refreshed"]

_ADVICE: dict[Answer, str] = {
    "made": "AWS has it",
    "made again": "AWS has it beside the one in the state: delete it",
    "not made": "AWS does not have it",
    "set again": "a setting, which the next update sets again",
    "several": "AWS has several that could be it: delete all but one",
    "unknown": "not known",
    "refreshed": "`pulumi refresh` reads its present state",
}

_UNDECIDED: tuple[Answer, ...] = ("several", "unknown")


@dataclass(frozen=True)
class Pending:
    """A pending operation, and what AWS has of its resource."""

    operation: PendingOperation
    answer: Answer
    found: tuple[Found, ...] = ()
    reason: str = ""
    """Why it is not known."""


def run(folder: Path, stack: str, *, state_file: Path | None, adopt_file: Path | None, as_json: bool) -> int:
    """Prints what AWS has of each pending operation; returns 1 where there are any, otherwise 0.

    Writes to `adopt_file` the state in which the pending creations are settled. Raises InputError where the state
    cannot be read or AWS cannot be asked.
    """
    stack_file = load_stack(load_project(folder), stack)
    state = read_state(stack_file, state_file)
    search = Search(stack_file, Aws(client_factory(stack_file.region)))
    with progress_console().status("Asking AWS"):
        items = [*examine(state, search)]
    if adopt_file:
        _write(adopt_file, adopted(state, items))
    if as_json:
        print_json(_as_document(stack_file, items))
    else:
        _print(stack_file, items, adopt_file)
    return 1 if items else 0


def examine(state: State, search: Search) -> Iterator[Pending]:
    """What AWS has of each pending operation of a state."""
    known = {resource.id for resource in state.resources}
    # By another update since, or, where the operation was to replace it, from before.
    in_state = {resource.urn for resource in state.resources if not resource.replaced}
    for operation in state.pending:
        if operation.kind != "creating":
            yield Pending(operation, "refreshed")
            continue
        try:
            found = tuple(item for item in candidates(search, operation.type, operation.inputs) if item.id not in known)
        except UnansweredError as error:
            yield Pending(operation, "unknown", reason=f"AWS: {error}")
        except KeyError:
            if is_set_again(operation.type):
                yield Pending(operation, "set again")
            else:
                yield Pending(operation, "unknown", reason="not a type of the base layer: look for it on AWS")
        else:
            yield Pending(operation, _answer(operation.urn in in_state, len(found)), found)


def _answer(is_in_state: bool, found: int) -> Answer:
    if found == 0:
        return "not made"
    if is_in_state:
        return "made again"
    return "made" if found == 1 else "several"


def is_set_again(type_: str) -> bool:
    """Whether the call that creates a resource of this type also changes it, so that it can be made once more."""
    row = ROWS.get(type_)
    return row is not None and row.base_layer and row.actions.create == row.actions.update


def adopted(state: State, items: list[Pending]) -> dict[str, Any]:
    """The state with what AWS has as resources, and without pending operations, which `pulumi stack import` drops.

    Raises InputError where it is not known what AWS has of a resource.
    """
    undecided = [item for item in items if item.answer in ("several", "unknown")]
    if undecided:
        raise InputError(
            [f"--adopt: {item.operation.name}: {item.reason or _ADVICE[item.answer]}" for item in undecided]
        )
    document = json.loads(json.dumps(state.document))
    deployment = document["deployment"]
    for operation, item in zip(deployment.pop("pending_operations", None) or (), items, strict=True):
        if item.answer == "made":
            (found,), resource = item.found, operation["resource"]
            # Some types are read by their properties, not by their ID. A refresh replaces them with those of AWS.
            outputs = {key: value for key, value in resource["inputs"].items() if not key.startswith("__")}
            deployment["resources"].append(resource | {"id": found.id, "outputs": outputs | {"id": found.id}})
    return document


def _write(path: Path, document: dict[str, Any]) -> None:
    try:
        # Readable for its owner only: a state has addresses and encrypted secrets.
        path.touch(mode=0o600)
        path.write_text(json.dumps(document, indent=4) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError([f"--adopt: {path}: {error.strerror}"]) from None


def _print(stack_file: StackFile, items: list[Pending], adopt_file: Path | None) -> None:
    console = result_console()
    if not items:
        console.print(f"{stack_file.settings.name}: no pending operations.")
        return
    table = Table(title=f"Pending operations of {stack_file.settings.name}", title_justify="left")
    for column in ("operation", "type", "name", "on AWS", "ID"):
        table.add_column(column, overflow="fold")
    for item in items:
        operation = item.operation
        ids = "\n".join(found.id for found in item.found)
        answer = item.reason if item.answer == "unknown" else _ADVICE[item.answer]
        table.add_row(operation.kind, short_type(operation.type), operation.name, answer, ids)
    console.print(table)
    stack, region = stack_file.stack, stack_file.region
    # A killed update leaves the stack locked.
    commands = [f"pulumi cancel --yes --stack {stack}", f"pulumi refresh --stack {stack}", f"pulumi up --stack {stack}"]
    if adopt_file:
        commands.insert(1, f"pulumi stack import --stack {stack} --file {adopt_file}")
        console.print(f"\nWritten: {adopt_file}. While no update of the stack is running:")
    elif undecided := [item.operation.name for item in items if item.answer in _UNDECIDED]:
        commands = []
        console.print(f"\nDecide on these first: {', '.join(undecided)}", soft_wrap=True)
    elif any(item.answer == "made" for item in items):
        commands = [f"tak-base pending --stack {stack} --adopt state.json"]
        console.print("\nTo add what AWS has to the state:")
    else:
        commands[1] += " --clear-pending-creates"
        console.print("\nThe state needs none of them. While no update of the stack is running:")
    _print_commands(commands)
    # An adopted resource must not be deleted.
    left = [item for item in items if item.answer == "made again" or not adopt_file]
    deletions = [found.delete_command(region) for item in left for found in item.found if found.delete]
    if deletions:
        console.print(f"\nTo delete {'what AWS has twice' if adopt_file else 'it instead'}:")
        _print_commands([*deletions, f"pulumi refresh --stack {stack} --clear-pending-creates"])


def _print_commands(commands: list[str]) -> None:
    for command in commands:
        result_console().print(f"  {command}", markup=False, soft_wrap=True)


def _as_document(stack_file: StackFile, items: list[Pending]) -> dict[str, Any]:
    return {
        "stack": stack_file.stack,
        "region": stack_file.region,
        "pending": [
            {
                "urn": item.operation.urn,
                "type": item.operation.type,
                "name": item.operation.name,
                "operation": item.operation.kind,
                "answer": item.answer,
                "reason": item.reason or None,
                "found": [
                    {**found.as_document(), "delete": found.delete_command(stack_file.region) or None}
                    for found in item.found
                ],
            }
            for item in items
        ],
    }
