"""`kill -9` of the engine during an update, and the documented steps that repair the stack."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.engine import Aws, Stack
from tests.engine.inventory import names
from tests.engine.scenarios import assert_nothing_to_do

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def stack(make_stack: Callable[[str], Stack]) -> Stack:
    return make_stack("prod")


@pytest.fixture(scope="module")
def clean(make_stack: Callable[[str], Stack]) -> Counter[str]:
    """What an account has after a complete deployment of prod."""
    undisturbed = make_stack("prod")
    update = undisturbed.up()
    assert update.exit_code == 0, update
    return names(undisturbed.aws)


def made(aws: Aws, name: str) -> bool:
    """Whether something of EC2 has been created with that name; one call, as the engine does not wait."""
    values = [f"tak-base-prod-{name}"]
    return bool(aws.client("ec2").describe_tags(Filters=[{"Name": "value", "Values": values}])["Tags"])


def available(answer: list[dict[str, Any]]) -> int:
    return sum(item["State"] == "available" for item in answer)


@pytest.mark.parametrize("name", ["vpc", "internet-gateway", "kms"])
def test_a_killed_deployment_goes_on(stack: Stack, name: str) -> None:
    """Three times in one deployment: while VPC and key, gateways and tables, and endpoints are being created."""
    update = stack.run("up", "--yes", "--skip-preview", kill_when=lambda: made(stack.aws, name))
    assert update.exit_code < 0, update

    adopt(stack)


def test_after_three_kills_all_is_as_if_there_had_been_none(stack: Stack, clean: Counter[str]) -> None:
    update = stack.up()
    assert update.exit_code == 0, update
    assert names(stack.aws) == clean
    assert_nothing_to_do(stack)


def test_a_killed_change_goes_on(stack: Stack, clean: Counter[str]) -> None:
    """While an endpoint is added, and taken away again."""
    stack.set(vpcEndpoints=["profile", "ssmmessages"])
    update = stack.run("up", "--yes", "--skip-preview", kill_when=lambda: made(stack.aws, "ssmmessages"))
    assert update.exit_code < 0, update
    adopt(stack)
    update = stack.up()
    assert update.exit_code == 0, update
    assert_nothing_to_do(stack)

    stack.set(vpcEndpoints=None)
    ec2 = stack.aws.client("ec2")
    endpoints = available(ec2.describe_vpc_endpoints()["VpcEndpoints"])
    update = stack.run(
        "up",
        "--yes",
        "--skip-preview",
        kill_when=lambda: available(ec2.describe_vpc_endpoints()["VpcEndpoints"]) < endpoints,
    )
    assert update.exit_code < 0, update
    adopt(stack)
    update = stack.up()
    assert update.exit_code == 0, update
    assert names(stack.aws) == clean
    assert_nothing_to_do(stack)


def test_a_killed_destroy_goes_on(stack: Stack) -> None:
    stack.set(protectData=False)
    assert stack.up().exit_code == 0
    ec2 = stack.aws.client("ec2")
    update = stack.run(
        "destroy",
        "--yes",
        "--skip-preview",
        kill_when=lambda: available(ec2.describe_nat_gateways()["NatGateways"]) < 2,
    )
    assert update.exit_code < 0, update
    adopt(stack)

    update = stack.destroy()
    assert update.exit_code == 0, update
    assert [item for item in names(stack.aws) if "tak" in item and not item.startswith("HostedZones")] == []


def adopt(stack: Stack) -> None:
    """As docs/operations.md says after an update that was cut off."""
    file = stack.folder / "adopted.json"
    answer = stack.tool("pending", "--adopt", str(file))
    assert answer.returncode in (0, 1), answer.stderr
    stack.state_command("cancel", "--yes")
    stack.state_command("stack", "import", "--file", str(file))
    update = stack.refresh()
    assert update.exit_code == 0, update
    assert stack.tool("pending").returncode == 0
