"""`tak-base local-up` and `local-down`: what they need, what they set, and how they call the Pulumi CLI.

tests/engine/test_local_stack.py runs them with the real CLI.
"""

import os
import re
import socket
import stat
from pathlib import Path

import pytest

from tak_base.addressing import plan_addresses
from tak_tools.errors import DeploymentError, InputError
from tak_tools.local_aws import command, launcher
from tak_tools.program import run_program
from tak_tools.stack_file import Project, load_stack
from tak_tools.stub_aws import StubAws
from tests.options import with_options

pytestmark = pytest.mark.slow

# What the AWS provider, verify and layers above ask beside the services of the resources.
ASKED = {"s3control", "sts", "resourcegroupstaggingapi", "cloudformation", "ssm"}


@pytest.fixture
def folder(tmp_path: Path, project: Project) -> Path:
    """A copy of the project's stack files, where the local stack has an unused port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name in ("Pulumi.yaml", "Pulumi.local.yaml", "Pulumi.dev-test.yaml"):
        (tmp_path / name).write_text((project.folder / name).read_text().replace(":4577", f":{port}"))
    return tmp_path


def put_cli(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """A `pulumi` that is a shell script, and nothing else on the PATH before the system's programs."""
    program = folder / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def test_the_local_stack_has_unused_ids_a_port_and_no_credentials(project: Project) -> None:
    every_option = run_program(with_options(project, "prod"), StubAws("ap-southeast-2"))
    stack_file = load_stack(project, "local")
    (endpoints,) = stack_file.values["aws:endpoints"]

    modules = {item.type.split(":")[1].split("/")[0] for item in every_option.resources if item.type.startswith("aws")}
    services = ASKED | {{"cloudwatch": "logs"}.get(module, module) for module in modules}
    assert endpoints == dict.fromkeys(services, "http://127.0.0.1:4577")
    assert stack_file.settings.network.addresses == plan_addresses(255, 15)
    assert stack_file.settings.environment == "dev-test"
    assert not {name for name in stack_file.values if re.search("key|token|profile|assume", name, re.IGNORECASE)}
    # S3 Control needs the account id: https://github.com/getmoto/moto/pull/9504
    assert "aws:skipRequestingAccountId" not in stack_file.values


def test_without_the_cli_one_line_says_how_to_install_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(InputError) as error:
        command.run_up(folder, "local")

    (line,) = error.value.problems
    assert "https://www.pulumi.com/docs/install/" in line
    assert not (folder / ".local").exists()


def test_only_a_stack_with_endpoints_on_loopback_is_deployed(folder: Path) -> None:
    with pytest.raises(
        InputError, match=r"^Pulumi.dev-test.yaml: aws:endpoints: found none, expected http://127.0.0.1:"
    ):
        command.run_up(folder, "dev-test")


def test_nothing_of_a_real_account_reaches_pulumi(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID"):
        monkeypatch.setenv(name, "real")

    environment = command.local_environment(tmp_path, "http://127.0.0.1:1")

    assert {name: value for name, value in environment.items() if re.match("AWS_|PULUMI_(BACK|CONF)", name)} == {
        "AWS_ACCESS_KEY_ID": "local-stack",
        "AWS_SECRET_ACCESS_KEY": "local-stack",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "PULUMI_BACKEND_URL": f"file://{tmp_path}/state",
        "PULUMI_CONFIG_PASSPHRASE": "",
    }


def test_up_then_verify_then_down(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a CLI that only records its arguments."""
    put_cli(monkeypatch, folder, f'echo "$@" >> {folder}/calls; mkdir -p .local/state/.pulumi; pwd > {folder}/cwd')
    verified: list[str] = []

    def verify(_: Path, stack: str, state_file: Path) -> int:
        assert state_file == folder / ".local" / "state.json"
        verified.append(f"{stack} at {os.environ['AWS_ENDPOINT_URL']}")
        return 1

    monkeypatch.setattr("tak_tools.verify.command.run", verify)

    assert command.run_up(folder, "local") == 1
    server = launcher.status(folder / ".local")
    assert server is not None
    assert verified == [f"local at {server.url}"]
    assert command.run_down(folder, "local") == 0

    assert (folder / "calls").read_text().splitlines() == [
        "stack select --create local --non-interactive",
        "up --yes --skip-preview --stack local --non-interactive",
        f"stack export --file {folder}/.local/state.json --stack local --non-interactive",
        "destroy --yes --skip-preview --exclude-protected --stack local --non-interactive",
    ]
    assert (folder / "cwd").read_text().strip() == str(folder.resolve())
    assert not (folder / ".local").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)


def test_a_failed_up_is_one_line_and_leaves_nothing_running(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_cli(monkeypatch, folder, '[ "$1" = up ] && exit 255; exit 0')

    with pytest.raises(DeploymentError, match=r"^pulumi up --yes --skip-preview --stack local: exit code 255; [^\n]+$"):
        command.run_up(folder, "local")

    assert not (folder / ".local").exists()
