"""Failures of a deployment: AWS refuses, AWS throttles, somebody presses Ctrl-C."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from moto.core.botocore_stubber import BotocoreStubber

from tak_tools import cli
from tak_tools.errors import DeploymentError
from tak_tools.program import run_program
from tak_tools.simulated_aws import SimulatedAws
from tak_tools.stack_file import Project, load_stack

pytestmark = pytest.mark.slow

SIMULATE_SLOWLY = r"""
import time
from tak_tools import cli
from tak_tools.simulated_aws import SimulatedAws

create = SimulatedAws.create

def create_slowly(self, type_, name, inputs):
    print(f"creating {name}\n", end="", flush=True)
    time.sleep(0.1)
    return create(self, type_, name, inputs)

SimulatedAws.create = create_slowly
cli.main()
"""


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits before each retry, in seconds, none of which takes place."""
    waits: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time", type("Time", (), {"sleep": waits.append}))
    return waits


def answer_with(monkeypatch: pytest.MonkeyPatch, action: str, code: str, times: int) -> None:
    """AWS answers the next `times` requests for an action of EC2 with an error, and the ones after that as usual."""
    answer = BotocoreStubber.process_request
    left = iter(range(times))
    body = f"<Response><Errors><Error><Code>{code}</Code><Message>No.</Message></Error></Errors></Response>"

    def answer_or_refuse(stubber: BotocoreStubber, request: Any) -> Any:
        if f"Action={action}&" in str(request.body) and next(left, None) is not None:
            return 503 if code == "RequestLimitExceeded" else 400, {}, body
        return answer(stubber, request)

    monkeypatch.setattr(BotocoreStubber, "process_request", answer_or_refuse)


def test_a_refusal_in_the_middle_names_the_resource(monkeypatch: pytest.MonkeyPatch, project: Project) -> None:
    answer_with(monkeypatch, "CreateNatGateway", "NatGatewayLimitExceeded", 1)
    stack_file = load_stack(project, "prod")
    made: list[str] = []
    with SimulatedAws(stack_file.region) as cloud, pytest.raises(DeploymentError) as error:
        run_program(stack_file, cloud, on_created=made.append)

    assert re.fullmatch(
        r"tak-nat-gateway-[ab] \(aws:ec2/natGateway:NatGateway\): An error occurred \(NatGatewayLimitExceeded\)"
        r" when calling the CreateNatGateway operation: No\.",
        str(error.value),
    )
    assert "tak-vpc" in made
    assert "tak-route-private-a-ipv4" not in made


def test_a_refusal_ends_the_command_with_exit_1_and_one_line(
    tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The stack file has a mistake that only AWS can find."""
    for name in ("__main__.py", "Pulumi.yaml", "Pulumi.dev-test.yaml"):
        shutil.copy(project.folder / name, tmp_path)
    with (tmp_path / "Pulumi.dev-test.yaml").open("a", encoding="utf-8") as stack_file:
        stack_file.write("  tak-base:availabilityZones: [ap-southeast-2a, ap-southeast-2z]\n")
    monkeypatch.setattr(sys, "argv", ["tak-base", "simulate", "--stack", "dev-test", "--folder", str(tmp_path)])

    with pytest.raises(SystemExit) as exit_:
        cli.main()

    printed = capfd.readouterr()
    assert (exit_.value.code, printed.out) == (1, "")
    line = r"tak-base: tak-subnet-\w+-b \(aws:ec2/subnet:Subnet\): [^\n]*ap-southeast-2z[^\n]*\n"
    assert re.fullmatch(line, printed.err)


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "Throttling"])
def test_throttling_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, project: Project, no_waiting: list[float], code: str
) -> None:
    answer_with(monkeypatch, "CreateSubnet", code, 2)
    stack_file = load_stack(project, "dev-test")
    with SimulatedAws(stack_file.region) as cloud:
        recording = run_program(stack_file, cloud)
        ids = [subnet.id for subnet in recording.of_type("Subnet")]
        subnets = cloud.client("ec2").describe_subnets(SubnetIds=ids)["Subnets"]

    assert len(subnets) == 4
    # A wait for each refusal, and perhaps for calls of a deployment that an earlier test has stopped.
    assert len(no_waiting) >= 2


def test_throttling_without_end_names_the_resource(
    monkeypatch: pytest.MonkeyPatch, project: Project, no_waiting: list[float]
) -> None:
    answer_with(monkeypatch, "CreateVpc", "RequestLimitExceeded", 99)
    stack_file = load_stack(project, "dev-test")
    with SimulatedAws(stack_file.region) as cloud, pytest.raises(DeploymentError) as error:
        run_program(stack_file, cloud)

    assert re.match(r"tak-vpc \(aws:ec2/vpc:Vpc\): An error occurred \(RequestLimitExceeded\)", str(error.value))
    assert len(no_waiting) == 4


def test_ctrl_c_ends_the_deployment_and_leaves_nothing_running(project: Project) -> None:
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", SIMULATE_SLOWLY, "simulate", "--stack", "prod", "--folder", str(project.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process:
        assert process.stdout.readline().startswith("creating ")
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)

    assert (process.returncode, errors) == (130, "tak-base: interrupted; nothing is left running\n")
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
