"""Reads Pulumi.yaml and Pulumi.STACK.yaml the way the Pulumi CLI does.

The CLI merges the defaults that Pulumi.yaml declares into the stack's config, and hands every value to the
program as text. Here the values are also checked as they stand in the file, where a number in quotes is text.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tak_base.settings import NAMESPACE, ConfigError, Settings, parse_settings
from tak_tools.errors import InputError

# libyaml's loader where it is there: 4,096 stack files are read in a second instead of ten.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Project:
    """The parts of Pulumi.yaml that decide what a stack's config is."""

    folder: Path
    name: str
    defaults: Mapping[str, Any]


@dataclass(frozen=True)
class StackFile:
    """A stack file that can be deployed."""

    path: Path
    project: Project
    stack: str
    values: Mapping[str, Any]
    """Every config value by its full name, such as `aws:region`, with the project's defaults merged in."""
    settings: Settings
    region: str

    @property
    def default_tags(self) -> dict[str, str]:
        """What the default AWS provider puts on everything that can have a tag."""
        return dict((self.values.get("aws:defaultTags") or {}).get("tags") or {})

    @property
    def engine_config(self) -> dict[str, str]:
        """The values as the Pulumi engine hands them to a program: text."""
        return {name: value if isinstance(value, str) else json.dumps(value) for name, value in self.values.items()}


def load_project(folder: Path) -> Project:
    """The project in `folder`. Raises InputError where Pulumi.yaml is missing or is no project."""
    path = folder / "Pulumi.yaml"
    document = _load_yaml(path, "a Pulumi project; run this in the project's folder or give --folder")
    name = document.get("name")
    if not isinstance(name, str):
        raise InputError([f"{path.name}: name: found {json.dumps(name)}, expected the project's name"])
    declared = document.get("config") or {}
    defaults = {
        _full_name(key, name): entry["default"]
        for key, entry in declared.items()
        if isinstance(entry, dict) and "default" in entry
    }
    return Project(folder, name, defaults)


def stack_names(folder: Path) -> list[str]:
    """The stacks that have a file in `folder`, sorted."""
    return sorted(path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in folder.glob("Pulumi.*.yaml"))


def load_stack(project: Project, stack: str) -> StackFile:
    """The stack file of `stack`. Raises InputError with a line for each mistake in it."""
    path = project.folder / f"Pulumi.{stack}.yaml"
    if not path.is_file():
        known = ", ".join(stack_names(project.folder)) or "none"
        raise InputError([f"--stack: found {stack}, expected one that has a file {path.name} (there are: {known})"])
    config = _load_yaml(path, "a stack file").get("config") or {}
    if not isinstance(config, dict):
        raise InputError([f"{path.name}: config: found {json.dumps(config)}, expected keys with values"])
    values = dict(project.defaults) | {_full_name(key, project.name): value for key, value in config.items()}
    region = values.get("aws:region")
    problems = []
    if not isinstance(region, str):
        problems.append(f"aws:region: found {json.dumps(region)}, expected an AWS region such as ap-southeast-2")
    own = {
        name.removeprefix(f"{NAMESPACE}:"): value for name, value in values.items() if name.startswith(f"{NAMESPACE}:")
    }
    try:
        settings = parse_settings(
            own, project=project.name, stack=stack, region=region if isinstance(region, str) else None
        )
    except ConfigError as error:
        raise InputError([f"{path.name}: {problem}" for problem in [*problems, *error.problems]]) from None
    if problems:
        raise InputError([f"{path.name}: {problem}" for problem in problems])
    return StackFile(path, project, stack, values, settings, str(region))


def _load_yaml(path: Path, expected: str) -> dict[str, Any]:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), _LOADER)  # noqa: S506, either loader is safe
    except FileNotFoundError:
        raise InputError([f"{path.name}: not found in {path.parent.resolve()}, expected {expected}"]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        first_line = " ".join(str(error).split())
        raise InputError([f"{path.name}: no YAML: {first_line}"]) from None
    if not isinstance(document, dict):
        raise InputError([f"{path.name}: found {type(document).__name__}, expected {expected}"])
    return document


def _full_name(key: Any, project: str) -> str:
    return key if ":" in str(key) else f"{project}:{key}"
