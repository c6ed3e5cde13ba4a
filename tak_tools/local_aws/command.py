"""`tak-base local-up` and `local-down`: the real Pulumi CLI against the local AWS, with its state in a folder."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from tak_tools.console import result_console
from tak_tools.errors import DeploymentError, InputError
from tak_tools.local_aws import launcher
from tak_tools.stack_file import StackFile, load_project, load_stack

STATE_FOLDER = ".local"
"""The folder, in the project's folder, with Pulumi's state and the server's record."""

_NO_CLI = (
    "there is no pulumi CLI on the PATH: install it (https://www.pulumi.com/docs/install/), or"
    " `python -c 'from pulumi.automation import PulumiCommand as P; print(P.install().command)'` and put the"
    " folder of what that prints on the PATH"
)


def run_up(folder: Path, stack: str) -> int:
    """Starts the local AWS, deploys `stack` into it, and verifies it; returns the exit code of `tak-base verify`.

    Where the local AWS runs already, this is an update. Where the deployment fails, a server that this call has started
    is stopped.
    """
    stack_file = load_stack(load_project(folder), stack)
    port = local_port(stack_file)
    pulumi = _pulumi_cli()
    local = folder.resolve() / STATE_FOLDER
    running = launcher.status(local)
    if running and running.port != port:
        raise InputError(
            [f"{stack_file.path.name}: aws:endpoints: found port {port}, but the local AWS is at {running.port}"]
        )
    if not running:
        # An earlier state is useless: what it describes was in the memory of the server that has ended.
        shutil.rmtree(local, ignore_errors=True)
    try:
        server = launcher.start(local, port)
        environment = local_environment(local, server.url)
        (local / "state").mkdir(exist_ok=True)
        _run([pulumi, "stack", "select", "--create", stack], folder, environment)
        _run([pulumi, "up", "--yes", "--skip-preview", "--stack", stack], folder, environment)
        state_file = local / "state.json"
        _run([pulumi, "stack", "export", "--file", str(state_file), "--stack", stack], folder, environment)
    except BaseException:
        if not running:
            _remove(local)
        raise
    result_console().print(f"\nThe local AWS is at {server.url}; `tak-base local-down` removes it.\n")
    return _verify(folder, stack, state_file, environment)


def run_down(folder: Path, stack: str) -> int:
    """Destroys `stack`, stops the local AWS and removes the state; also where one of them has crashed."""
    local = folder.resolve() / STATE_FOLDER
    server = launcher.status(local)
    try:
        if server and (local / "state" / ".pulumi").is_dir():
            environment = local_environment(local, server.url)
            # Protected data is only in Moto's memory here, which ends with the server.
            arguments = ["destroy", "--yes", "--skip-preview", "--exclude-protected", "--stack", stack]
            _run([_pulumi_cli(), *arguments], folder, environment)
    finally:
        _remove(local)
    result_console().print("The local AWS is stopped and its state removed." if server else "There is no local AWS.")
    return 0


def run_status(folder: Path) -> int:
    """Tells whether the local AWS runs; returns 1 where it does not."""
    server = launcher.status(folder.resolve() / STATE_FOLDER)
    result_console().print(f"running at {server.url}, process {server.pid}" if server else "not running")
    return 0 if server else 1


def local_port(stack_file: StackFile) -> int:
    """The port of the stack's `aws:endpoints`. Raises InputError where one of them is not on loopback."""
    endpoints = stack_file.values.get("aws:endpoints") or []
    urls = {url for entry in endpoints for url in entry.values()}
    parts = urlsplit(next(iter(urls), ""))
    if len(urls) != 1 or parts.hostname != launcher.LOOPBACK or parts.port is None:
        raise InputError(
            [
                f"{stack_file.path.name}: aws:endpoints: found {', '.join(sorted(urls)) or 'none'},"
                f" expected http://{launcher.LOOPBACK}:PORT for every service (only a local stack can be deployed here)"
            ]
        )
    return parts.port


def local_environment(local: Path, url: str) -> dict[str, str]:
    """The environment of `pulumi` and verify: no variables of a real account, and credentials for Moto."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return inherited | {
        "AWS_ACCESS_KEY_ID": "local-stack",
        "AWS_SECRET_ACCESS_KEY": "local-stack",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": url,
        "PULUMI_BACKEND_URL": f"file://{local / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


def _pulumi_cli() -> str:
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        raise InputError([_NO_CLI])
    return pulumi


def _run(arguments: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Runs a command to its end. Ctrl-C is passed on once: Pulumi then saves its state and ends."""
    command = " ".join([Path(arguments[0]).name, *arguments[1:]])
    process = subprocess.Popen(  # noqa: S603
        [*arguments, "--non-interactive"],
        cwd=folder,
        env=environment,
        # Otherwise Pulumi would get Ctrl-C twice, from the terminal and from here, and stop without saving its state.
        start_new_session=True,
    )
    interrupted = False
    while True:
        try:
            exit_code = process.wait()
            break
        except KeyboardInterrupt:
            interrupted = True
            process.send_signal(signal.SIGINT)
    if interrupted:
        raise KeyboardInterrupt
    if exit_code:
        raise DeploymentError(f"{command}: exit code {exit_code}; its output is above")


def _verify(folder: Path, stack: str, state_file: Path, environment: dict[str, str]) -> int:
    from tak_tools.verify import command

    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        return command.run(folder, stack, state_file=state_file)
    finally:
        os.environ.clear()
        os.environ.update(before)


def _remove(local: Path) -> None:
    launcher.stop(local)
    shutil.rmtree(local, ignore_errors=True)
