"""The tools on a layer above: plan, cost, simulate, and what they say of a stack file that does not fit."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tak_tools import simulate
from tak_tools.cost import cost_of
from tak_tools.errors import InputError
from tak_tools.plan import Plan, load_plan
from tak_tools.policy_check import violations_of
from tak_tools.program import Recording
from tak_tools.stack_file import LayerAbove, load_layer, load_project, load_stack
from tests.examples.conftest import FOLDER, load

pytestmark = pytest.mark.slow

REPOSITORY = FOLDER.parent.parent


@pytest.fixture(scope="module")
def plan() -> Plan:
    return load_plan(FOLDER, "prod")


def test_the_plan_is_of_the_layer_above_alone(plan: Plan) -> None:
    assert (plan.base_layer, plan.environment, plan.vpc) == ("organization/tak-base/prod", "prod", "10.1.16.0/20")
    # 19 resources, 2 components and the stack: reading the base layer's stack is no change.
    assert (plan.resource_count, plan.pulumi_count) == (19, 22)
    assert plan.addresses == ()
    assert [item.name for item in plan.protected] == ["web-secret"]


def test_the_fixed_cost_is_the_load_balancer_the_tasks_and_the_secret(plan: Plan) -> None:
    assert [(line.item, line.quantity, round(line.monthly or 0, 2)) for line in plan.cost.lines] == [
        ("Application load balancer", 1, 18.40),
        # Two tasks of a quarter vCPU and half a GB.
        ("Fargate vCPU, on demand", 0.5, 17.72),
        ("Fargate GB of memory, on demand", 1, 3.88),
        ("Secret", 1, 0.40),
    ]
    assert plan.cost.monthly == pytest.approx(40.40, abs=0.01)


def test_a_load_balancer_on_the_internet_pays_for_an_address_in_each_zone(example: Callable[..., Recording]) -> None:
    arn = "arn:aws:acm:ap-southeast-2:123456789012:certificate/example"
    cost = cost_of(example("prod", internetFacing=True, certificateArn=arn), "ap-southeast-2")

    assert ("Public IPv4 address", 2) in [(line.item, line.quantity) for line in cost.lines]
    assert "Data transfer out to the internet" in [price.item for price in cost.usage]


@pytest.mark.parametrize("region", ["ap-southeast-2", "us-east-1", "us-west-2", "eu-west-1", "eu-central-1"])
def test_every_fixed_cost_of_a_known_region_has_a_price(plan: Plan, region: str) -> None:
    assert cost_of(plan.recording, region).monthly


def test_the_load_balancer_bounds_the_time_of_a_deployment(plan: Plan) -> None:
    assert [step.name for step in plan.critical_path] == [
        "web-load-balancer-group",
        "web-load-balancer",
        "web-http",
        "web-service",
    ]


@pytest.mark.parametrize("stack", ["prod", "dev-test"])
def test_the_example_breaks_no_rule_of_the_policy_pack_but_that_it_is_a_layer_above(stack: str) -> None:
    found = violations_of(load_plan(FOLDER, stack).recording, load(stack))

    assert {violation.rule.name for violation in found} == {"layer-type"}


def test_simulate_deploys_the_base_layer_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    exit_code = simulate.run(FOLDER, "prod", as_json=True)
    document = json.loads(capsys.readouterr().out)

    assert exit_code == 0
    assert len(document["resources"]) == 19
    assert document["outputs"]["logGroupName"] == "/tak-base-prod/fargate-service-prod"
    assert document["outputs"]["secretArn"].startswith("arn:aws:secretsmanager:ap-southeast-2:")


# Stack files


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of the stack files: a base layer, and the example two folders below."""
    above = tmp_path / "examples" / "fargate_service"
    above.mkdir(parents=True)
    for source, target in ((REPOSITORY, tmp_path), (FOLDER, above)):
        for name in ("Pulumi.yaml", "Pulumi.prod.yaml"):
            (target / name).write_text((source / name).read_text(encoding="utf-8"), encoding="utf-8")
    return above


def change(folder: Path, old: str, new: str) -> None:
    path = folder / "Pulumi.prod.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def problem(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_layer(load_project(folder), "prod")
    (found,) = caught.value.problems
    return found


def test_a_layer_above_finds_its_base_layer_in_a_folder_above(repository: Path) -> None:
    layer = load_layer(load_project(repository), "prod")
    base = load_stack(load_project(repository.parent.parent), "prod")

    assert isinstance(layer, LayerAbove)
    assert layer.base.settings == layer.settings == base.settings


def test_a_base_layer_that_is_not_there_is_told(repository: Path) -> None:
    change(repository, "organization/tak-base/prod", "organization/tak-bas/prod")

    assert problem(repository) == (
        'Pulumi.prod.yaml: fargate-service:baseLayer: found "organization/tak-bas/prod", expected'
        " organization/PROJECT/STACK of a project in a folder above"
    )


def test_a_stack_that_the_base_layer_does_not_have_is_told(repository: Path) -> None:
    change(repository, "organization/tak-base/prod", "organization/tak-base/blue")

    assert "found blue, expected one that has a file Pulumi.blue.yaml" in problem(repository)


def test_both_layers_are_in_one_region(repository: Path) -> None:
    change(repository, "aws:region: ap-southeast-2", "aws:region: us-east-1")

    assert problem(repository) == (
        "Pulumi.prod.yaml: aws:region: found us-east-1, expected ap-southeast-2, that of organization/tak-base/prod"
    )
