"""Which changes of a live stack the program refuses, and which it allows."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from tak_base import live_stack
from tak_base.config_values import in_namespace
from tak_base.deployment_target import DeploymentTarget
from tak_base.settings import NAMESPACE, parse_settings
from tak_tools.program import Recording, run_program
from tak_tools.stack_file import Project, load_stack
from tak_tools.stub_aws import STUB_ACCOUNT, StubAws
from tests.options import SUITE, Evaluate, Outputs, with_unchecked

Update = Callable[..., list[str]]

TARGET = DeploymentTarget(STUB_ACCOUNT, "ap-southeast-2", "aws", "amazonaws.com")


@pytest.fixture
def update(project: Project, evaluate: Evaluate) -> Update:
    """`update("prod", {"majorId": 2})`: the lines that refuse the change of the live stack; empty where it goes on."""

    def run(
        stack: str,
        change: dict[str, Any],
        *,
        before: dict[str, Any] | None = None,
        region: str = "ap-southeast-2",
        account: str = STUB_ACCOUNT,
    ) -> list[str]:
        live = evaluate(stack, **(before or {}))
        values = in_namespace(load_stack(project, stack).values, NAMESPACE) | (before or {}) | change
        settings = parse_settings(values, project=project.name, stack=stack, region=region)
        try:
            live_stack.refuse_to_break(live.outputs, settings, replace(TARGET, account_id=account, region=region))
        except pulumi.RunError as error:
            return str(error).splitlines()
        return []

    return run


def test_the_program_refuses_before_it_registers_anything(project: Project, prod: Recording) -> None:
    class Untouched(StubAws):
        def create(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
            raise AssertionError(f"{name} is created")

    with pytest.raises(pulumi.RunError, match=r"^tak-base:majorId and minorId: found 10\.7\.16\.0/20, expected "):
        run_program(
            with_unchecked(load_stack(project, "prod"), {"majorId": 7}), Untouched("ap-southeast-2"), live=prod.outputs
        )


@pytest.mark.parametrize(
    ("change", "line"),
    [
        pytest.param(
            {"majorId": 7},
            "tak-base:majorId and minorId: found 10.7.16.0/20, expected 10.1.16.0/20, the range of the deployed VPC: ",
            id="major-id",
        ),
        pytest.param(
            {"minorId": 7},
            "tak-base:majorId and minorId: found 10.1.112.0/20, expected 10.1.16.0/20, the range of the deployed VPC: ",
            id="minor-id",
        ),
        pytest.param(
            {"privateSubnetPrefix": 24},
            "tak-base:privateSubnetPrefix: found 24, expected 26, the prefix of the deployed subnets: ",
            id="prefix",
        ),
        pytest.param(
            {"availabilityZones": ["ap-southeast-2b", "ap-southeast-2c"]},
            'tak-base:availabilityZones: found ["ap-southeast-2b", "ap-southeast-2c"], expected'
            ' ["ap-southeast-2a", "ap-southeast-2b"], the zones of the deployed subnets: ',
            id="zones",
        ),
    ],
)
def test_a_protected_network_is_not_moved_and_the_line_says_what_to_do(
    update: Update, change: dict[str, Any], line: str
) -> None:
    assert update("prod", change) == [
        line + "subnets would be replaced under everything that runs in them; deploy a second stack, or, where nothing"
        " runs in this one, set tak-base:protectData: false and run `pulumi up` first"
        " (docs/operations.md, Move a network)"
    ]
    assert update("dev-test", change) == []
    assert update("prod", change, before={"protectData": False}) == []


def test_a_zone_beside_those_of_the_deployed_subnets_is_no_move(prod: Recording) -> None:
    zones = Outputs(prod.outputs).zone_names
    values = {"environment": "prod", "majorId": 1, "minorId": 1, "availabilityZones": zones}
    live = {**prod.outputs, Outputs.zone_names.name: zones[:1]}

    live_stack.refuse_to_break(live, parse_settings(values, project="tak-base", stack="prod"), TARGET)


def test_protection_is_taken_off_by_an_update_of_its_own(update: Update) -> None:
    assert update("prod", {"protectData": False}) == []
    assert len(update("prod", {"protectData": False, "majorId": 7})) == 1
    assert len(update("prod", {"protectData": False, "repositories": []}, before={"repositories": ["etl"]})) == 1


@pytest.mark.parametrize(
    ("key", "value", "without", "line"),
    [
        pytest.param(
            "repositories", ["etl-tasks", "etl"], ["etl"], 'found ["etl"], expected etl-tasks in it', id="repository"
        ),
        pytest.param("appImagesBucket", True, False, "found false, expected true", id="app-images-bucket"),
        pytest.param("loadBalancerLogBucket", True, False, "found false, expected true", id="log-bucket"),
    ],
)
def test_a_protected_bucket_or_repository_does_not_leave_the_stack(
    update: Update, key: str, value: Any, without: Any, line: str
) -> None:
    assert update("prod", {key: without}, before={key: value}) == [
        f"tak-base:{key}: {line}: what is deployed holds data and is protected; to delete it with its data, set"
        " tak-base:protectData: false and run `pulumi up` first (docs/operations.md, Optional parts)"
    ]
    assert update("dev-test", {key: without}, before={key: value}) == []
    assert update("prod", {key: without}, before={key: value, "protectData": False}) == []


def test_refused_repositories_are_in_alphabetical_order_whatever_the_order_of_the_engine(update: Update) -> None:
    lines = update("prod", {"repositories": []}, before={"repositories": ["etl", "artifacts"]})
    assert [line.split("expected ")[1].split()[0] for line in lines] == ["artifacts", "etl"]


@pytest.mark.parametrize(
    ("before", "change", "found"),
    [
        pytest.param({}, SUITE, ('"Prod"', "TAK-Prod-BaseInfra", "tak-base-prod"), id="added"),
        pytest.param(SUITE, {"takSuite": "Live"}, ('"Live"', "TAK-Live-BaseInfra", "TAK-Prod-BaseInfra"), id="changed"),
        pytest.param(SUITE, {"takSuite": "profile"}, ("null", "tak-base-prod", "TAK-Prod-BaseInfra"), id="removed"),
    ],
)
def test_a_protected_cluster_is_not_renamed(
    update: Update, before: dict[str, Any], change: dict[str, Any], found: tuple[str, str, str]
) -> None:
    # What the suite changes besides, and what another line is about.
    same = {"privateSubnetPrefix": 26, "repositories": ["artifacts", "etltasks"], "hostedZoneName": "tak.example.org"}
    same |= {"lambdaRepositories": same["repositories"], "appImagesBucket": True, "loadBalancerLogBucket": True}
    same |= {"certificateNames": ["*.map"]}
    value, name, expected = found

    assert update("prod", {**same, **change}, before={**same, **before}) == [
        f"tak-base:takSuite: found {value}, with which the cluster is called {name}, expected its name to stay"
        f" {expected}: the cluster would be replaced under the services that run in it; deploy a second stack, or,"
        " where nothing runs in this one, set tak-base:protectData: false and run `pulumi up` first (docs/tak-suite.md)"
    ]
    assert update("dev-test", {**same, **change}, before={**same, **before}) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"certificateNames": ["*.map", "*.video"]}, ["{}", "*.{}", "*.map.{}", "*.video.{}"]),
        ({"hostedZoneName": "tak.example.net"}, ["tak.example.net", "*.tak.example.net", "*.map.tak.example.net"]),
    ],
)
def test_a_certificate_that_layers_import_is_not_replaced(
    update: Update, change: dict[str, Any], found: list[str]
) -> None:
    zone = "tak.example.org"
    names = json.dumps([name.format(zone) for name in found])
    deployed = json.dumps([zone, f"*.{zone}", f"*.map.{zone}"])

    assert update("prod", change, before=SUITE) == [
        f"tak-base:hostedZoneName and tak-base:certificateNames: found {names}, expected {deployed}, the names of the"
        " deployed certificate: it would be replaced, and TAK's own layers import its ARN; where no layer imports it,"
        " set tak-base:protectData: false and run `pulumi up` first (docs/tak-suite.md)"
    ]
    # Without the suite a layer above gets the new ARN with its next update.
    assert update("prod", {"hostedZoneName": zone, **change}, before={"hostedZoneName": zone}) == []


@pytest.mark.parametrize("stack", ["prod", "dev-test"])
def test_a_stack_stays_in_its_region(update: Update, stack: str) -> None:
    assert update(stack, {}, region="us-east-1") == [
        "aws:region: found us-east-1, expected ap-southeast-2, where the stack is deployed"
    ]


@pytest.mark.parametrize("stack", ["prod", "dev-test"])
def test_a_stack_stays_in_its_account(update: Update, stack: str) -> None:
    assert update(stack, {}, account="111122223333") == [
        f"AWS credentials: found credentials of account 111122223333, expected account {STUB_ACCOUNT}, in which the"
        " stack is deployed"
    ]


def test_every_other_key_of_a_live_stack_may_change(update: Update) -> None:
    assert update("prod", {"natGateways": 1, "vpcEndpoints": [], "flowLogs": "all", "imageRetentionCount": 3}) == []
    assert update("prod", {"environment": "dev-test"}) == []
    # What the region chose may be named.
    assert update("prod", {"availabilityZones": ["ap-southeast-2a", "ap-southeast-2b"]}) == []


def test_a_stack_whose_first_update_was_cut_off_is_not_held_to_anything(project: Project, prod: Recording) -> None:
    stack_file = load_stack(project, "prod")

    assert run_program(stack_file, StubAws(stack_file.region, stack_file.name_pattern), live={}) == prod


def test_a_backend_that_knows_only_the_short_name_of_a_stack_is_asked_by_that(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def invoke(function: str, args: dict[str, str]) -> Any:
        asked.append(args["name"])
        if "/" in args["name"]:
            raise RuntimeError("a stack name may only contain alphanumeric, hyphens, underscores, or periods")
        return SimpleNamespace(value={"outputs": {"region": "ap-southeast-2"}})

    monkeypatch.setattr(live_stack, "invoke", invoke)
    for part in ("organization", "project", "stack"):
        monkeypatch.setattr(pulumi, f"get_{part}", lambda part=part: part)

    assert live_stack.look_up_live_outputs() == {"region": "ap-southeast-2"}
    assert asked == ["organization/project/stack", "stack"]


def test_a_state_that_cannot_be_read_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []

    def invoke(function: str, args: dict[str, str]) -> Any:
        raise RuntimeError("no access\nto the state")

    monkeypatch.setattr(live_stack, "invoke", invoke)
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)

    assert live_stack.look_up_live_outputs() == {}
    assert warnings == [
        "Changes that would break the live stack are not refused: its state cannot be read: no access to the state"
    ]
