"""Config of the example: a mistake is one line, before anything is created."""

from typing import Any

import pulumi
import pytest

from fargate_service.settings import FARGATE_SIZES, Settings, load_settings
from tests.examples.conftest import load

pytestmark = pytest.mark.slow

CERTIFICATE = "arn:aws:acm:ap-southeast-2:123456789012:certificate/0a1b2c3d-example"


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi, "get_project", lambda: "fargate-service")
    monkeypatch.setattr(pulumi.config, "get_project", lambda: "fargate-service")
    monkeypatch.setattr(pulumi, "get_stack", lambda: "blue")


def settings(**changed: Any) -> Settings:
    """The settings of the example's prod with other keys, which come from the engine as text."""
    pulumi.runtime.set_all_config(load("prod", **changed).engine_config, [])
    try:
        return load_settings()
    finally:
        pulumi.runtime.set_all_config({}, [])


def problem(**changed: Any) -> str:
    with pytest.raises(pulumi.RunError) as caught:
        settings(**changed)
    return str(caught.value)


def test_log_groups_have_names_that_the_key_of_the_base_layer_may_encrypt() -> None:
    assert settings().log_group_name == "/tak-base-prod/fargate-service-blue"
    assert settings().exec_log_group_name == "/tak-base-prod/ecs-exec"
    assert settings().certificate_arn is None


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("baseLayer", "prod", "a stack as organization/project/stack"),
        ("cpu", 300, "one of 256, 512, 1024, 2048, 4096, 8192, 16384"),
        ("capacityProvider", "EC2", "FARGATE or FARGATE_SPOT"),
        ("egress", "anywhere", "endpoints or internet"),
    ],
)
def test_a_value_that_would_fail_in_aws_is_refused(key: str, value: Any, expected: str) -> None:
    assert problem(**{key: value}) == f"fargate-service:{key}: found {value}, expected {expected}"


@pytest.mark.parametrize(("key", "value"), [("memory", "much"), ("internetFacing", "yes"), ("desiredCount", "1.5")])
def test_a_value_of_another_type_is_one_line(key: str, value: Any) -> None:
    assert problem(**{key: value}).splitlines()[0].startswith(f"Configuration 'fargate-service:{key}' value '{value}'")


@pytest.mark.parametrize(("cpu", "memory"), [(cpu, max(sizes)) for cpu, sizes in FARGATE_SIZES.items()])
def test_fargate_has_only_some_sizes(cpu: int, memory: int) -> None:
    assert settings(cpu=cpu, memory=memory).memory == memory
    assert problem(cpu=cpu, memory=memory - 1).startswith(
        f"fargate-service:memory: found {memory - 1}, expected for cpu {cpu} one of "
    )


def test_the_internet_gets_in_by_https_only() -> None:
    assert settings(internetFacing=True, certificateArn=CERTIFICATE).internet_facing
    assert problem(internetFacing=True).startswith(
        "fargate-service:internetFacing: found true, expected a certificateArn with it"
    )
