"""`tak-base simulate`: the real program and the real stack file, deployed into a simulated AWS."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tak_tools.console import print_json, progress_console, result_console
from tak_tools.layers import on_base_layer
from tak_tools.program import Cloud, Recording, run_program
from tak_tools.resource_tree import resource_tree
from tak_tools.simulated_aws import SimulatedAws
from tak_tools.stack_file import LayerAbove, StackFile, load_layer, load_project
from tak_tools.verify import CHECKS, Finding, verify_simulation


def run(folder: Path, stack: str, *, as_json: bool) -> int:
    """Deploys `stack`, verifies it, and prints the resource tree, the outputs and what to do next.

    Returns 1 where there are findings, otherwise 0.
    """
    stack_file = load_layer(load_project(folder), stack)
    started = time.monotonic()
    with ExitStack() as contexts:
        cloud = contexts.enter_context(
            SimulatedAws(stack_file.region, stack_file.default_tags, stack_file.name_pattern)
        )
        if isinstance(stack_file, LayerAbove):
            below = contexts.enter_context(
                SimulatedAws(stack_file.region, stack_file.base.default_tags, stack_file.base.name_pattern)
            )
            _add_what_exists(stack_file, below)
            recording = deploy(stack_file, on_base_layer(stack_file, cloud, below=below))
        else:
            _add_what_exists(stack_file, cloud)
            recording = deploy(stack_file, cloud)
        seconds = time.monotonic() - started
        # The checks are those of the base layer.
        findings = [] if isinstance(stack_file, LayerAbove) else verify_simulation(stack_file, recording, cloud)
        exports = _exports(stack_file, cloud)
    if as_json:
        print_json(_as_document(stack_file, recording, exports, findings))
    else:
        _print(stack_file, recording, exports, findings, seconds)
    return 1 if findings else 0


def deploy(stack_file: StackFile, cloud: Cloud) -> Recording:
    """Runs the program against `cloud`, with progress on standard error where that is a terminal."""
    with Progress(
        SpinnerColumn(),
        TextColumn(
            "Deploying {task.fields[stack]} into a simulated AWS: {task.completed} resources, {task.description}"
        ),
        TimeElapsedColumn(),
        console=progress_console(),
        transient=True,
    ) as progress:
        task = progress.add_task("loading the program", total=None, stack=stack_file.stack)
        return run_program(
            stack_file, cloud, on_created=lambda name: progress.update(task, advance=1, description=name)
        )


def _add_what_exists(stack_file: StackFile, cloud: SimulatedAws) -> None:
    if zone_name := stack_file.settings.dns.hosted_zone_name:
        cloud.add_hosted_zone(zone_name)


def _exports(stack_file: StackFile, cloud: SimulatedAws) -> dict[str, str]:
    """The CloudFormation exports for TAK's own layers."""
    if isinstance(stack_file, LayerAbove) or not stack_file.settings.tak_suite:
        return {}
    return {item["Name"]: item["Value"] for item in cloud.client("cloudformation").list_exports()["Exports"]}


def _print(
    stack_file: StackFile, recording: Recording, exports: dict[str, str], findings: list[Finding], seconds: float
) -> None:
    console = result_console()
    count = len(recording.resources)
    console.print(
        resource_tree(
            recording,
            f"[bold]{stack_file.project.name}-{stack_file.stack}[/bold] in {stack_file.region}, simulated",
            with_ids=True,
        )
    )
    _print_values("Stack outputs", recording.outputs)
    if exports:
        _print_values("CloudFormation exports", exports)
    console.print()
    if zone_name := stack_file.settings.dns.hosted_zone_name:
        console.print(f"The hosted zone {zone_name} was created first: on AWS it has to exist already.")
    if isinstance(stack_file, LayerAbove):
        console.print(created(count, seconds))
        console.print(f"The base layer, {stack_file.reference}, was deployed before them.")
        return
    for finding in findings:
        console.print(f"finding: {finding}", markup=False)
    console.print(created(count, seconds))
    console.print(checked(len(findings)))
    console.print(
        f"\nNext: `tak-base plan --stack {stack_file.stack}` for addresses and cost; to deploy: README.md, Deploy."
    )


def _print_values(title: str, values: Mapping[str, Any]) -> None:
    table = Table(title=title, title_justify="left", box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in sorted(values.items()):
        table.add_row(name, _in_words(value))
    console = result_console()
    console.print()
    console.print(table)


def created(count: int, seconds: float) -> str:
    """The line that says what was deployed."""
    return f"{count} resources created in {seconds:.1f} s, in memory: there is nothing to clean up."


def checked(findings: int) -> str:
    """The line that says how many checks of the base layer ran."""
    return f"{len(CHECKS)} checks, {findings} findings (tak-base verify)."


def _in_words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _as_document(
    stack_file: StackFile, recording: Recording, exports: dict[str, str], findings: list[Finding]
) -> dict[str, Any]:
    return {
        "stack": stack_file.stack,
        "region": stack_file.region,
        "resources": [
            {"type": item.type, "name": item.name, "id": item.id, "urn": item.urn} for item in recording.resources
        ],
        "outputs": dict(sorted(recording.outputs.items())),
        "exports": exports,
        "findings": [asdict(finding) for finding in findings],
    }
