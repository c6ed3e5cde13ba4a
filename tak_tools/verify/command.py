"""`tak-base verify`: reads the outputs, runs the checks, prints the findings."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tak_tools.aws import Aws, client_factory
from tak_tools.console import print_json, progress_console, result_console
from tak_tools.layer_outputs import LayerOutputs
from tak_tools.pulumi_stack import read_deployed
from tak_tools.stack_file import load_project, load_stack
from tak_tools.verify import Deployment, Result, examine, policy_document, sarif


def run(
    folder: Path,
    stack: str,
    *,
    outputs_file: Path | None = None,
    state_file: Path | None = None,
    image_pushes: int | None = None,
    sarif_file: Path | None = None,
    as_json: bool = False,
) -> int:
    """Checks the deployed `stack` and prints the findings; returns 1 where there are any, or else 0.

    Writes them to `sarif_file` too, where that is given. Raises InputError where a file cannot be used or AWS cannot be
    asked.
    """
    if sarif_file:
        sarif.check_writable(sarif_file)
    stack_file = load_stack(load_project(folder), stack)
    outputs, state = read_deployed(stack_file, outputs_file, state_file)
    deployment = Deployment(stack_file, outputs, Aws(client_factory(stack_file.region)), state, image_pushes)
    started = datetime.now(UTC)
    with progress_console().status("Asking AWS") as status:
        results = examine(deployment, on_check=lambda name: status.update(f"Asking AWS: {name}"))
    if sarif_file:
        sarif.write(sarif_file, sarif.sarif(results, stack_file.stack, stack_file.path, started=started))
    if as_json:
        print_json(_as_document(deployment, results))
    else:
        _print(deployment, results)
    return 1 if any(result.findings for result in results) else 0


def print_policy() -> None:
    """The IAM policy that verify needs, as JSON."""
    print_json(policy_document())


def _print(deployment: Deployment, results: list[Result]) -> None:
    console = result_console()
    name = deployment.settings.name
    console.print(f"[bold]{name}[/bold] in {deployment.region}, account {_account(deployment.outputs)}")
    styles = {"ok": "green", "finding": "red", "skipped": "yellow"}
    for result in results:
        why = f" ({result.skipped})" if result.skipped else ""
        word = f"[{styles[result.word]}]{result.word:<8}[/]"
        console.print(f"{word} {result.check.name:<27} {result.check.description}{why}", soft_wrap=True)
    findings = [finding for result in results for finding in result.findings]
    console.print()
    for finding in findings:
        console.print(str(finding), markup=False, soft_wrap=True)
    skipped = sum(bool(result.skipped) for result in results)
    console.print(f"checks: {len(results)}, skipped: {skipped}, findings: {len(findings)}")


def _account(outputs: Mapping[str, Any]) -> str:
    parts = LayerOutputs.key_arn.get(outputs, "").split(":")
    return parts[4] if len(parts) > 4 else "unknown"


def _as_document(deployment: Deployment, results: list[Result]) -> dict[str, Any]:
    return {
        "stack": deployment.stack_file.stack,
        "region": deployment.region,
        "checks": [
            {
                "name": result.check.name,
                "description": result.check.description,
                "controls": list(result.check.controls),
                "result": result.word,
                "skipped": result.skipped or None,
            }
            for result in results
        ],
        "findings": [vars(finding) for result in results for finding in result.findings],
    }
