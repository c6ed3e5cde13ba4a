"""The real Pulumi engine with a copy of the project, and a Moto server in place of AWS."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.config import Config

from tak_tools.local_aws import launcher
from tak_tools.local_aws.command import local_environment

PROJECT_FOLDER = Path(__file__).parents[2]
PLUGINS = ("aws", "awsx")
# What a project folder needs for `pulumi up`, of the base layer and of the layer above.
_PROGRAM = ("__main__.py", "Pulumi.yaml", "uv.lock", "tak_base", "policy", "tak_tools", "examples")

_COLOURS = re.compile(r"<\{%[^%]*%\}>|\x1b\[[0-9;]*m")
_DONE = {
    "create": "added",
    "delete": "removed",
    "update": "in place",
    "replace": "replaced",
    "create-replacement": "replaced",
    "delete-replaced": "replaced",
}


def missing() -> str:
    """The parts of the engine that this machine lacks, in one line; empty where it has all."""
    programs = [name for name in ("pulumi", "pulumi-language-python") if shutil.which(name) is None]
    folder = _user_plugins()
    programs += [
        f"pulumi-resource-{name}"
        for name in PLUGINS
        if shutil.which(f"pulumi-resource-{name}") is None and not [*folder.glob(f"resource-{name}-v*/")]
    ]
    where = f"the PATH{'' if programs[:1] == ['pulumi'] else f' and in {folder}'}"
    return f"no {', '.join(programs)} on {where}" if programs else ""


def _user_plugins() -> Path:
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi") / "plugins"


@dataclass
class Update:
    """What the engine did, or in a preview would do."""

    exit_code: int
    done: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(what, type, logical name) of each resource that changed: added, in place, removed, replaced."""
    errors: list[str] = field(default_factory=list)
    """The engine's error messages, each in one line."""
    text: str = ""
    """What the CLI printed."""

    @property
    def changes(self) -> dict[str, Counter[str]]:
        """For each of added, in place, removed, replaced: how many resources of which type."""
        counted: dict[str, Counter[str]] = {}
        for what, type_, _ in self.done:
            counted.setdefault(what, Counter())[type_] += 1
        return counted

    def __str__(self) -> str:
        return f"exit code {self.exit_code}; {self.changes or 'no change'}; {'; '.join(self.errors)}\n{self.text}"


class Aws:
    """A Moto server with its folder."""

    def __init__(self, folder: Path, region: str = "ap-southeast-2") -> None:
        self.folder = folder
        self.region = region
        self.server = launcher.start(folder)
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """A boto3 client of a service, made once."""
        if service not in self._clients:
            session: Any = boto3.Session("local-stack", "local-stack", region_name=self.region)
            config = Config(s3={"addressing_style": "path"}, read_timeout=60)
            self._clients[service] = session.client(service, endpoint_url=self.server.url, config=config)
        return self._clients[service]

    def stop(self) -> None:
        launcher.stop(self.folder)


class Stack:
    """A stack of the project in `folder`, in the state of `folder`, on `aws`."""

    def __init__(self, name: str, folder: Path, aws: Aws, project: str = ".") -> None:
        self.name = name
        self.folder = folder / project
        self.aws = aws
        self._root = folder
        provider = {key: value for key, value in _config("Pulumi.local.yaml").items() if key.startswith("aws:")}
        own = _config(f"{project}/Pulumi.{name}.yaml")
        port = str(aws.server.port)
        self._own = json.loads(re.sub(r"(?<=127\.0\.0\.1:)\d+", port, json.dumps(provider))) | own
        self.config: dict[str, Any] = dict(self._own)
        """The config of the stack file, which every command writes again."""

    def create(self) -> None:
        """Makes the stack in the state: nothing is deployed."""
        self._write()
        self._command("stack", "init", self.name)

    def set(self, **keys: Any) -> None:
        """Sets keys of the project; None sets what the project's own stack file has, or takes the key out."""
        for key, value in keys.items():
            name = f"tak-base:{key}"
            self.config[name] = self._own.get(name) if value is None else value
            if self.config[name] is None:
                del self.config[name]

    def up(self, *options: str) -> Update:
        return self.run("up", "--yes", "--skip-preview", *options)

    def preview(self, *options: str) -> Update:
        return self.run("preview", *options)

    def refresh(self, *options: str) -> Update:
        return self.run("refresh", "--yes", "--skip-preview", *options)

    def destroy(self, *options: str) -> Update:
        return self.run("destroy", "--yes", "--skip-preview", *options)

    def run(self, *arguments: str, kill_when: Callable[[], bool] | None = None) -> Update:
        """Runs a command of the engine to its end; `kill_when` is asked until it says that the CLI is to be killed."""
        self._write()
        log, output = self._root / f"{self.name}.events", self._root / f"{self.name}.out"
        log.unlink(missing_ok=True)
        command = ["pulumi", *arguments, "--stack", self.name, "--non-interactive", "--event-log", str(log)]
        with output.open("w") as stream:
            process = subprocess.Popen(  # noqa: S603
                command, cwd=self.folder, env=self.environment, stdout=stream, stderr=stream, start_new_session=True
            )
            while True:
                try:
                    exit_code = process.wait(timeout=0.05 if kill_when else 1200)
                    break
                except subprocess.TimeoutExpired:
                    if kill_when is None or (kill_when() and self._stop_between_writes(process)):
                        process.kill()
                        exit_code = process.wait()
                        break
            if exit_code < 0:
                _end_group(process.pid)
        return _read(exit_code, log, _COLOURS.sub("", output.read_text()))

    def _stop_between_writes(self, process: subprocess.Popen[bytes]) -> bool:
        """Stops the CLI, unless it is writing the state: in a bucket a state is whole, in a folder it may be half."""
        process.send_signal(signal.SIGSTOP)
        state = self._root / "state" / ".pulumi" / "stacks" / "tak-base" / f"{self.name}.json"
        try:
            for file in (state, state.with_suffix(".json.attrs")):
                json.loads(file.read_text())
        except (OSError, ValueError):
            process.send_signal(signal.SIGCONT)
            return False
        return True

    def state(self) -> dict[str, Any]:
        return json.loads(self._command("stack", "export"))["deployment"]

    def outputs(self) -> dict[str, Any]:
        return json.loads(self._command("stack", "output", "--json"))

    def state_command(self, *arguments: str) -> None:
        """A command that only deals with the state, such as `cancel` or `state unprotect URN`."""
        self._command(*arguments)

    def tool(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`tak-base` for this stack, in the environment of the engine."""
        self._write()
        return self._capture([str(Path(sys.executable).parent / "tak-base"), *arguments, "--stack", self.name])

    @property
    def environment(self) -> dict[str, str]:
        environment = local_environment(self._root, self.aws.server.url)
        return environment | {
            "PULUMI_HOME": str(self._root / "pulumi-home"),
            "AWS_REGION": self.aws.region,
            # For the option --event-log, as Pulumi's Automation API sets it.
            "PULUMI_DEBUG_COMMANDS": "true",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def _command(self, *arguments: str) -> str:
        command = ["pulumi", *arguments, "--non-interactive"]
        if arguments[:2] != ("stack", "init"):
            command += ["--stack", self.name]
        answer = self._capture(command)
        assert answer.returncode == 0, f"{' '.join(command)}: {answer.stdout}{answer.stderr}"
        return answer.stdout

    def _capture(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def _write(self) -> None:
        document = yaml.safe_load((PROJECT_FOLDER / "Pulumi.local.yaml").read_text())
        document["config"] = self.config
        (self.folder / f"Pulumi.{self.name}.yaml").write_text(json.dumps(document, indent=1))


def project_copy(folder: Path) -> None:
    """The project in `folder`, with its own Pulumi home and state; it runs in this Python environment.

    Without any pyproject.toml: the language host would have `uv sync` change the environment for it.
    """
    for name in _PROGRAM:
        source = PROJECT_FOLDER / name
        if source.is_dir():
            shutil.copytree(
                source, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".venv", "pyproject.toml")
            )
        else:
            shutil.copy(source, folder / name)
    for project in (folder, folder / "policy"):
        (project / ".venv").symlink_to(sys.prefix)
    home = folder / "pulumi-home"
    home.mkdir()
    (folder / "state").mkdir()
    if _user_plugins().is_dir():
        (home / "plugins").symlink_to(_user_plugins())


def _config(stack_file: str) -> dict[str, Any]:
    return yaml.safe_load((PROJECT_FOLDER / stack_file).read_text())["config"]


def _end_group(group: int) -> None:
    """Ends the processes that a killed CLI has left: they are in the CLI's session."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _read(exit_code: int, log: Path, text: str) -> Update:
    update = Update(exit_code, text=text)
    for line in log.read_text().splitlines() if log.exists() else ():
        event = json.loads(line)
        if done := event.get("resOutputsEvent"):
            _count(update, done["metadata"])
        elif (diagnostic := event.get("diagnosticEvent")) and diagnostic["severity"] == "error":
            message = " ".join(_COLOURS.sub("", diagnostic["message"]).split())
            if message and message not in update.errors:
                update.errors.append(message)
    return update


def _count(update: Update, metadata: Mapping[str, Any]) -> None:
    what, type_ = _DONE.get(metadata["op"]), metadata["type"]
    # Neither components nor providers, which are not resources of AWS.
    if what and type_.startswith("aws:"):
        update.done[what, type_, metadata["urn"].rpartition("::")[2]] += 1
