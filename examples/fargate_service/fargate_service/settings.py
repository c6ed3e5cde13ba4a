"""Stack config, parsed once into a frozen dataclass. Every config error is raised here."""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

NAMESPACE = "fargate-service"

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

_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"sha256:[0-9a-f]{64}"


@dataclass(frozen=True)
class Settings:
    """Everything the stack file decides, checked."""

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
        """The base layer's, where its cluster records what people type into a container."""
        return f"/{self._base_name}/ecs-exec"

    @property
    def _base_name(self) -> str:
        _organization, project, stack = self.base_layer.split("/")
        return f"{project}-{stack}"


def _text(pattern: str, expected: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(f"expected {expected}")
        return value

    return read


def _integer(allowed: Collection[int], expected: str) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
            raise ValueError(f"expected {expected}")
        return value

    return read


def _one_of(*choices: str) -> Callable[[Any], str]:
    return _text("|".join(choices), " or ".join(choices))


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def _certificate_arn(value: Any) -> str | None:
    if value == "":
        return None
    return _text(r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/[\w-]+", "the ARN of a certificate of ACM")(value)


# The readers return the setting, or raise ValueError saying what is expected.
_KEYS: dict[str, Callable[[Any], Any]] = {
    "baseLayer": _text(r"[\w.-]+(/[\w.-]+){2}", "a stack as organization/project/stack"),
    "image": _text(f"{_TAG}|{_DIGEST}", "an image tag, or a digest sha256:..."),
    "containerPort": _integer(range(1, 65536), "an integer 1-65535"),
    "healthCheckPath": _text(r"/[\x21-\x7e]{0,1023}", "a path that begins with /"),
    "cpu": _integer(FARGATE_SIZES, f"one of {', '.join(map(str, FARGATE_SIZES))}"),
    "memory": _integer(range(512, 122881), "an integer 512-122880"),
    "desiredCount": _integer(range(101), "an integer 0-100"),
    "capacityProvider": _one_of("FARGATE", "FARGATE_SPOT"),
    "egress": _one_of("endpoints", "internet"),
    "internetFacing": _flag,
    "certificateArn": _certificate_arn,
    "protectData": _flag,
    "enableExecuteCommand": _flag,
}

CONFIG_KEYS = tuple(_KEYS)


def parse_settings(values: Mapping[str, Any], *, name: str) -> Settings:
    """The settings of a stack, from its `fargate-service:` keys without the namespace and with all defaults.

    Raises ValueError with every problem, a line each.
    """
    problems = []
    for key in values:
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, n=1)
            problems.append(f"{NAMESPACE}:{key}: unknown key" + (f", did you mean {near[0]}?" if near else ""))
    parsed: dict[str, Any] = {}
    for key, read in _KEYS.items():
        found = f"found {json.dumps(values[key], default=str)}" if key in values else "missing"
        try:
            parsed[key] = read(values.get(key))
        except ValueError as error:
            problems.append(f"{NAMESPACE}:{key}: {found}, {error}")
    problems += _refused_together(parsed)
    if problems:
        raise ValueError("\n".join(problems))
    return Settings(name=name, **{re.sub(r"([A-Z])", r"_\1", key).lower(): value for key, value in parsed.items()})


def _refused_together(parsed: Mapping[str, Any]) -> list[str]:
    """What cannot be although each value is fine by itself."""
    problems = []
    if {"cpu", "memory"} <= parsed.keys() and parsed["memory"] not in FARGATE_SIZES[parsed["cpu"]]:
        sizes = ", ".join(map(str, FARGATE_SIZES[parsed["cpu"]]))
        problems.append(
            f"{NAMESPACE}:memory: found {parsed['memory']}, expected for cpu {parsed['cpu']} one of {sizes}"
        )
    if parsed.get("internetFacing") and "certificateArn" in parsed and parsed["certificateArn"] is None:
        problems.append(
            f"{NAMESPACE}:internetFacing: found true, expected a certificateArn with it: without one, what people send"
            " would cross the internet unencrypted"
        )
    return problems


def from_engine(value: str) -> Any:
    """The value behind what the Pulumi engine hands to a program, which is text whatever the stack file has."""
    try:
        decoded = json.loads(value)
    except ValueError:
        return value
    return decoded if isinstance(decoded, bool | int) else value


def load_settings() -> Settings:
    """The settings of the stack that is being deployed; a mistake stops the deployment without a stack trace."""
    import pulumi
    from pulumi.runtime.config import CONFIG, get_config_env

    prefix = f"{NAMESPACE}:"
    raw = get_config_env() | CONFIG.get()
    values = {name.removeprefix(prefix): from_engine(raw[name]) for name in raw if name.startswith(prefix)}
    try:
        return parse_settings(values, name=f"{pulumi.get_project()}-{pulumi.get_stack()}")
    except ValueError as error:
        raise pulumi.RunError(str(error)) from None
