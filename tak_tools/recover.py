"""`tak-base recover`: from what AWS has of a stack to the file that imports it into a new state.

The program itself says what to look for: it runs against AWS as it is (existing_aws.py).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.table import Table

from tak_tools.aws import Aws, client_factory, read_policy
from tak_tools.aws_search import Found, Search
from tak_tools.console import print_json, progress_console, result_console
from tak_tools.errors import InputError
from tak_tools.existing_aws import ACTIONS, Answer, ExistingAws, Recovered
from tak_tools.formatting import short_type
from tak_tools.program import Recording, Registration, run_program
from tak_tools.pulumi_stack import read_state
from tak_tools.stack_file import StackFile, load_project, load_stack

_ADVICE: dict[Answer, str] = {
    "found": "found",
    "missing": "not found: the next update creates it",
    "ambiguous": "several: delete all but one",
    "unknown": "not a type of the base layer: add it to the file",
}


@dataclass(frozen=True)
class Recovery:
    """What AWS has of a stack."""

    recording: Recording
    recovered: Mapping[tuple[str, str], Recovered]
    leftovers: tuple[Found, ...]
    """Resources with the stack's tags or names that are not in its program."""

    def of(self, item: Registration) -> Recovered:
        """What AWS has of a resource."""
        return self.recovered[item.type, item.name]

    @property
    def complete(self) -> bool:
        """Whether AWS has every resource, and only once."""
        return {item.answer for item in self.recovered.values()} == {"found"}


def run(folder: Path, stack: str, *, output: Path | None, as_json: bool) -> int:
    """Prints what AWS has of the stack; returns 0 where that is each resource once, otherwise 1.

    Writes the file for `pulumi import --file` to `output`. Raises InputError where that file exists, where the stack's
    state is not lost, where AWS does not answer, and where it has a resource more than once.
    """
    stack_file = load_stack(load_project(folder), stack)
    if output:
        _refuse_to_write(output, stack_file)
    search = Search(stack_file, Aws(client_factory(stack_file.region)))
    with progress_console().status("Asking AWS") as status:
        recovery = recover(stack_file, search, on_found=lambda name: status.update(f"Asking AWS: {name}"))
    if output:
        _write(output, import_document(recovery))
    if as_json:
        print_json(_as_document(stack_file, recovery))
    else:
        _print(stack_file, recovery, output)
    return 0 if recovery.complete else 1


def print_policy() -> None:
    """The IAM policy that recover needs, as JSON."""
    print_json(read_policy("TakBaseRecover", ACTIONS))


def recover(stack_file: StackFile, search: Search, on_found: Callable[[str], None] | None = None) -> Recovery:
    """Looks for each resource of the program on AWS, and for other resources that belong to the stack.

    Raises InputError where AWS does not answer a question, and where it has nothing at all of the stack.
    """
    cloud = ExistingAws(search, stack_file.name_pattern)
    account = "unknown"
    with cloud.noting_problems():
        account = search.aws.ask("sts", "get_caller_identity")["Account"]
    if cloud.problems:
        # AWS answers no call: report it once, not for each resource.
        raise InputError(cloud.problems)
    recording = run_program(stack_file, cloud, on_created=on_found)
    leftovers: list[Found] = []
    known = {found.id for item in cloud.recovered.values() for found in item.found}
    with cloud.noting_problems():
        leftovers += [found for found in search.everything() if found.id not in known]
    if cloud.problems:
        raise InputError(cloud.problems)
    if not known and not leftovers:
        raise InputError(
            [
                f"AWS: found nothing of {stack_file.settings.name} in {search.region} of account {account}, expected"
                " credentials of the account in which it is deployed"
            ]
        )
    return Recovery(recording, cloud.recovered, tuple(leftovers))


def import_document(recovery: Recovery) -> dict[str, Any]:
    """The file for `pulumi import --file`: what was found, in the components of the program.

    Raises InputError where AWS has several resources that could be the one of the program.
    """
    problems: list[str] = []
    resources: list[dict[str, Any]] = []
    for item in recovery.recording.registrations:
        # This name is only for the file. It has to be unique, which a logical name is not.
        entry = {"type": item.type, "name": _file_name(item.urn), "logicalName": item.name}
        if item.parent.split("::")[-2] != "pulumi:pulumi:Stack":
            entry["parent"] = _file_name(item.parent)
        if item.is_component:
            resources.append(entry | {"component": True})
            continue
        recovered = recovery.of(item)
        if recovered.answer == "ambiguous":
            ids = ", ".join(found.id for found in recovered.found)
            problems.append(f"--output: {item.name}: found {ids}, expected one: delete the others")
        if recovered.answer != "found":
            continue
        (found,) = recovered.found
        if item.row.parts:
            # Not `remote`: that puts a provider into its state, which the engine then wants to replace (Pulumi 3.260).
            resources.append(entry | {"component": True})
            (part,) = item.row.parts
            entry |= {"type": part.token, "name": f"{entry['name']} {part.token}", "parent": entry["name"]}
        entry |= {"id": found.import_id or found.id, "version": metadata.version("pulumi-aws")}
        if properties := recovered.properties:
            # With outputs, Pulumi does not ask the provider. A name that the engine chose is an input in its state.
            inputs = {key: properties[key] for key in (*item.inputs, "bucket", "name") if key in properties}
            entry |= {"inputs": inputs, "outputs": properties}
        resources.append(entry)
    if problems:
        raise InputError(problems)
    return {"resources": resources}


def _file_name(urn: str) -> str:
    return " ".join(urn.split("::")[2:])


def _refuse_to_write(path: Path, stack_file: StackFile) -> None:
    if path.exists():
        raise InputError([f"--output: {path}: exists, expected the name of a new file"])
    try:
        state = read_state(stack_file, None)
    except InputError:
        # Lost, or there is no CLI here to ask.
        return
    resources = [item for item in state.resources if item.id and not item.type.startswith("pulumi:")]
    if resources:
        raise InputError(
            [
                f"--output: found a state of {stack_file.stack} with {len(resources)} resources, expected none: the"
                " file is for a new state (docs/operations.md, Recovery)"
            ]
        )


def _write(path: Path, document: dict[str, Any]) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(document, indent=2) + "\n")
    except OSError as error:
        raise InputError([f"--output: {path}: {error.strerror}"]) from None


def _print(stack_file: StackFile, recovery: Recovery, output: Path | None) -> None:
    console = result_console()
    table = Table(title=f"Resources of {stack_file.settings.name}", title_justify="left")
    for column in ("type", "name", "on AWS", "ID"):
        table.add_column(column, overflow="fold")
    for item in recovery.recording.resources:
        recovered = recovery.of(item)
        ids = "\n".join(found.id for found in recovered.found)
        table.add_row(short_type(item.type), item.name, _ADVICE[recovered.answer], ids)
    console.print(table)

    def line(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    others = [item for item in recovery.recording.resources if recovery.of(item).answer != "found"]
    for item in others:
        recovered = recovery.of(item)
        line(f"{item.name}: {_ADVICE[recovered.answer]} (looked for {recovered.sought})")
    line(f"\nresources: {len(recovery.recording.resources)}, found: {len(recovery.recording.resources) - len(others)}")
    if recovery.leftovers:
        line("\nHave the stack's tags or names, and are not in its program:")
    for found in recovery.leftovers:
        line(f"  {short_type(found.type.token)} {found.id} {found.name}")
        if advice := found.deletion(stack_file.region):
            line(f"    {advice}")
    stack = stack_file.stack
    if output is None:
        line(f"\nTo write the file that imports them: tak-base recover --stack {stack} --output import.json")
        return
    line(f"\nWritten: {output}. To import it, with Pulumi 3.254 or newer:")
    for command in (
        f"pulumi stack init {stack}",
        f"pulumi import --stack {stack} --file {output} --generate-code=false",
        f"pulumi preview --stack {stack} --diff{'' if recovery.complete else ' # only creates what was not found'}",
        f"pulumi up --stack {stack}",
        f"tak-base verify --stack {stack}",
    ):
        line(f"  {command}")


def _as_document(stack_file: StackFile, recovery: Recovery) -> dict[str, Any]:
    return {
        "stack": stack_file.stack,
        "region": stack_file.region,
        "resources": [
            {
                "urn": item.urn,
                "type": item.type,
                "name": item.name,
                "answer": recovery.of(item).answer,
                "sought": recovery.of(item).sought,
                "found": [found.as_document() for found in recovery.of(item).found],
            }
            for item in recovery.recording.resources
        ],
        "leftovers": [
            {
                "type": found.type.token,
                **found.as_document(),
                "delete": found.delete_command(stack_file.region) or None,
            }
            for found in recovery.leftovers
        ],
    }
