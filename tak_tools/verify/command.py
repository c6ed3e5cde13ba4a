"""`tak-base verify`: reads the outputs, runs the checks, prints the findings."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from tak_base.outputs import STACK_OUTPUTS, StackOutput
from tak_tools.console import print_json, progress_console, result_console
from tak_tools.errors import InputError
from tak_tools.stack_file import StackFile, load_project, load_stack
from tak_tools.verify import Aws, Deployment, Result, StateResource, examine, policy_document
from tak_tools.verify.aws import unreachable

_NO_CLI = (
    "--outputs: not given, and there is no pulumi CLI to ask: install it (https://www.pulumi.com/docs/install/,"
    " or `curl -fsSL https://get.pulumi.com | sh`), or give the file that `pulumi stack output --json` prints"
)


def run(
    folder: Path,
    stack: str,
    *,
    outputs_file: Path | None = None,
    state_file: Path | None = None,
    as_json: bool = False,
) -> int:
    """Checks the deployed `stack` and prints the findings; returns 1 where there are any, or else 0.

    Raises InputError where a file cannot be used or AWS cannot be asked.
    """
    stack_file = load_stack(load_project(folder), stack)
    outputs = _outputs(stack_file, outputs_file)
    state = _state(state_file) if state_file else None
    deployment = Deployment(stack_file, outputs, Aws(client_factory(stack_file.region)), state)
    with progress_console().status("Asking AWS") as status:
        results = examine(deployment, on_check=lambda name: status.update(f"Asking AWS: {name}"))
    if as_json:
        print_json(_as_document(deployment, results))
    else:
        _print(deployment, results)
    return 1 if any(result.findings for result in results) else 0


def print_policy() -> None:
    """The IAM policy that verify needs, as JSON."""
    print_json(policy_document())


def client_factory(region: str) -> Callable[[str], Any]:
    """Makes clients with the credentials that boto3 finds, which give up on a network that is not there in seconds."""
    try:
        session: Any = boto3.Session(region_name=region)
    except BotoCoreError as error:
        raise InputError([unreachable(error)]) from None
    config = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4})
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = session.client(service, config=config)
        return clients[service]

    return client


def _outputs(stack_file: StackFile, path: Path | None) -> dict[str, Any]:
    """The stack's outputs, each of the type that it is published with."""
    source = str(path) if path else "pulumi stack output"
    outputs = _json_object(_read(path, "--outputs") if path else _ask_pulumi(stack_file), source)
    problems = [
        f"{source}: {name}: found {json.dumps(outputs[name])}, expected {output.type_name}"
        for name, output in STACK_OUTPUTS.items()
        if name in outputs and not _has_type(outputs[name], output)
    ]
    found, expected = outputs.get("ecsClusterName"), stack_file.settings.cluster_name
    if not problems and found not in (None, expected):
        problems.append(f"{source}: found the outputs of {found}, expected those of {expected}")
    if not outputs.keys() & STACK_OUTPUTS.keys():
        problems.append(f"{source}: found none of the base layer's outputs; is the stack deployed?")
    if problems:
        raise InputError(problems)
    return outputs


def _has_type(value: Any, output: StackOutput) -> bool:
    items = {str: lambda: [value], list: lambda: value, dict: lambda: value.values()}
    return isinstance(value, output.type) and all(isinstance(item, str) for item in items[output.type]())


def _ask_pulumi(stack_file: StackFile) -> str:
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        raise InputError([_NO_CLI])
    folder = str(stack_file.project.folder)
    arguments = [pulumi, "stack", "output", "--json", "--stack", stack_file.stack, "--cwd", folder]
    # Nobody is there to answer a question, such as the passphrase of the stack's secrets.
    arguments.append("--non-interactive")
    answer = subprocess.run(arguments, capture_output=True, text=True, env=os.environ, check=False)  # noqa: S603
    if answer.returncode:
        message = " ".join((answer.stderr or answer.stdout).split())
        raise InputError([f"pulumi stack output: {message} (exit code {answer.returncode})"])
    return answer.stdout


def _state(path: Path) -> tuple[StateResource, ...]:
    document = _json_object(_read(path, "--state"), str(path))
    try:
        return tuple(
            StateResource(item["urn"], item["type"], item.get("protect", False), item.get("retainOnDelete", False))
            for item in document["deployment"]["resources"]
            if not item.get("delete", False)
        )
    except (KeyError, TypeError, AttributeError):
        raise InputError([f"{path}: expected the stack's state, as `pulumi stack export` prints it"]) from None


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
        raise InputError([f"{source}: no JSON: {error}"]) from None
    if not isinstance(document, dict):
        raise InputError([f"{source}: found {type(document).__name__}, expected a JSON object"])
    return document


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
    parts = outputs.get("kmsKeyArn", "").split(":")
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
