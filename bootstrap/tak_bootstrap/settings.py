"""Stack config, parsed once into a frozen dataclass. Every config error is raised here."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tak_base.config_values import ConfigError, did_you_mean, engine_config, flag, in_namespace, shown, snake_case
from tak_bootstrap.layer import BUCKETS

NAMESPACE = "tak-bootstrap"


@dataclass(frozen=True)
class Settings:
    """Everything the stack file decides, checked."""

    repository: str
    """OWNER/NAME"""
    environments: tuple[str, ...]
    main_branch: str
    project_name: str
    state_bucket_name: str | None
    """None: Pulumi chooses one."""
    create_oidc_provider: bool


def _text(pattern: str, expected: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(f"expected {expected}")
        return value

    return read


def _environments(value: Any) -> tuple[str, ...]:
    # The names go into the subjects that a role trusts and into names of resources: a `*` or `:` would widen them.
    names = value if isinstance(value, list | tuple) else []
    valid = [name for name in names if isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name)]
    if not valid or len(valid) != len(names) or len(set(valid)) != len(valid):
        raise ValueError("expected a list of different stack names, such as [dev-test, prod]")
    return tuple(valid)


def _bucket_name(value: Any) -> str | None:
    if value == "":
        return None
    # A dot in the name breaks the TLS certificate of virtual-hosted addresses.
    name = _text(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", "a bucket name of 3-63 lower-case letters, digits and -")(value)
    if name.startswith(BUCKETS):
        raise ValueError(f"expected no name that starts with {' or '.join(BUCKETS)}: deploy roles manage those buckets")
    return name


# The readers return the setting, or raise ValueError saying what is expected.
_KEYS: dict[str, Callable[[Any], Any]] = {
    "repository": _text(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}", "a GitHub repository as OWNER/NAME"),
    "environments": _environments,
    "mainBranch": _text(r"[A-Za-z0-9][A-Za-z0-9._/-]*", "the name of a branch, such as main"),
    "projectName": _text(r"[A-Za-z][A-Za-z0-9-]{0,31}", "a project name of up to 32 letters, digits and -"),
    "stateBucketName": _bucket_name,
    "createOidcProvider": flag,
}

CONFIG_KEYS = tuple(_KEYS)


def parse_settings(values: Mapping[str, Any]) -> Settings:
    """The settings of a stack, from its `tak-bootstrap:` keys without the namespace and with all defaults.

    Raises ConfigError with every problem, a line each.
    """
    problems = [f"{NAMESPACE}:{key}: unknown key{did_you_mean(key, _KEYS)}" for key in values if key not in _KEYS]
    parsed = {}
    for key, read in _KEYS.items():
        found = f"found {shown(values[key])}" if key in values else "missing"
        try:
            parsed[snake_case(key)] = read(values.get(key))
        except ValueError as error:
            problems.append(f"{NAMESPACE}:{key}: {found}, {error}")
    if problems:
        raise ConfigError(problems)
    return Settings(**parsed)


def from_engine(value: str) -> Any:
    """The value behind what the Pulumi engine hands to a program, which is text whatever the stack file has."""
    try:
        decoded = json.loads(value)
    except ValueError:
        return value
    return decoded if isinstance(decoded, bool | list) else value


def load_settings() -> Settings:
    """The settings of the stack that is being deployed; a mistake stops the deployment without a stack trace."""
    import pulumi

    values = {key: from_engine(value) for key, value in in_namespace(engine_config(), NAMESPACE).items()}
    try:
        return parse_settings(values)
    except ConfigError as error:
        raise pulumi.RunError(str(error)) from None
