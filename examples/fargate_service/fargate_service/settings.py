"""Stack config, read once into a frozen dataclass. Pulumi.yaml has the keys with their types and defaults."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, get_args

import pulumi

CapacityProvider = Literal["FARGATE", "FARGATE_SPOT"]
Egress = Literal["endpoints", "internet"]

# MiB for each number of CPU units.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
FARGATE_SIZES: dict[int, Collection[int]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4097, 1024),
    1024: range(2048, 8193, 1024),
    2048: range(4096, 16385, 1024),
    4096: range(8192, 30721, 1024),
    8192: range(16384, 61441, 4096),
    16384: range(32768, 122881, 8192),
}


@dataclass(frozen=True)
class Settings:
    """Everything the stack file decides."""

    name: str
    """Project and stack, for example `fargate-service-prod`."""
    base_layer: str
    """organization/project/stack"""
    image: str
    """A tag or a digest."""
    container_port: int
    health_check_path: str
    cpu: int
    memory: int
    desired_count: int
    capacity_provider: CapacityProvider
    egress: Egress
    internet_facing: bool
    certificate_arn: str | None
    protect_data: bool
    enable_execute_command: bool

    # The policy of the base layer's key lets CloudWatch Logs encrypt log groups of these names, and no others.

    @property
    def log_group_name(self) -> str:
        return f"/{self._base_name}/{self.name}"

    @property
    def exec_log_group_name(self) -> str:
        """The base layer's log group of ECS Exec sessions."""
        return f"/{self._base_name}/ecs-exec"

    @property
    def _base_name(self) -> str:
        _organization, project, stack = self.base_layer.split("/")
        return f"{project}-{stack}"


def load_settings() -> Settings:
    """The settings of the stack that is being deployed; a mistake stops the deployment without a stack trace."""
    config = pulumi.Config()
    settings = Settings(
        name=f"{pulumi.get_project()}-{pulumi.get_stack()}",
        base_layer=config.require("baseLayer"),
        image=config.require("image"),
        container_port=config.require_int("containerPort"),
        health_check_path=config.require("healthCheckPath"),
        cpu=config.require_int("cpu"),
        memory=config.require_int("memory"),
        desired_count=config.require_int("desiredCount"),
        capacity_provider=_one_of(config, "capacityProvider", CapacityProvider),
        egress=_one_of(config, "egress", Egress),
        internet_facing=config.require_bool("internetFacing"),
        certificate_arn=config.get("certificateArn") or None,
        protect_data=config.require_bool("protectData"),
        enable_execute_command=config.require_bool("enableExecuteCommand"),
    )
    if settings.base_layer.count("/") != 2:
        raise _mistake(config, "baseLayer", settings.base_layer, "a stack as organization/project/stack")
    # AWS refuses a wrong size only after the load balancer and the roles are created.
    if settings.cpu not in FARGATE_SIZES:
        raise _mistake(config, "cpu", settings.cpu, f"one of {', '.join(map(str, FARGATE_SIZES))}")
    if settings.memory not in (sizes := FARGATE_SIZES[settings.cpu]):
        expected = f"for cpu {settings.cpu} one of {', '.join(map(str, sizes))}"
        raise _mistake(config, "memory", settings.memory, expected)
    if settings.internet_facing and not settings.certificate_arn:
        expected = "a certificateArn with it: without one, traffic would cross the internet unencrypted"
        raise _mistake(config, "internetFacing", "true", expected)
    return settings


def _one_of(config: pulumi.Config, key: str, choices: Any) -> Any:
    """The value of a key that is one of the texts of a Literal type."""
    value = config.require(key)
    if value not in get_args(choices):
        raise _mistake(config, key, value, " or ".join(get_args(choices)))
    return value


def _mistake(config: pulumi.Config, key: str, found: object, expected: str) -> pulumi.RunError:
    # RunError is the one exception that Pulumi prints without a stack trace.
    return pulumi.RunError(f"{config.full_key(key)}: found {found}, expected {expected}")
