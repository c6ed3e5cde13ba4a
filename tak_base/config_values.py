"""What every program of this repository does with stack config, whichever keys it has."""

import json
import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any


class ConfigError(ValueError):
    """A stack's config cannot be used. `problems` has one line for each mistake."""

    def __init__(self, problems: Collection[str]) -> None:
        # A key or a name in a stack file can hold a line break.
        self.problems = tuple(" ".join(problem.splitlines()) for problem in problems)
        super().__init__("\n".join(self.problems))


def flag(value: Any) -> bool:
    """Reads a boolean; raises ValueError for anything else."""
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def shown(value: Any) -> str:
    """A value as error messages show it."""
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        # YAML also has dates, keys that are no text, and values that hold themselves.
        return str(value)


def did_you_mean(name: str, known: Collection[str]) -> str:
    """The end of an error message: the nearest of the known names, or nothing."""
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    near = get_close_matches(name.lower(), by_lower_case, n=1)
    return f", did you mean {by_lower_case[near[0]]}?" if near else ""


def snake_case(key: str) -> str:
    """The field of a setting: `majorId` is `major_id`."""
    return re.sub(r"([A-Z])", r"_\1", key).lower()


def engine_config() -> dict[str, Any]:
    """Every config value that the Pulumi engine hands to the program, by its full name; text for the most part."""
    from pulumi.runtime.config import CONFIG, get_config_env

    return get_config_env() | CONFIG.get()


def in_namespace(config: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """The values of one namespace, by their names without it."""
    prefix = f"{namespace}:"
    return {name.removeprefix(prefix): value for name, value in config.items() if name.startswith(prefix)}
