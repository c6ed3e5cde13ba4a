"""Reads Pulumi.yaml and Pulumi.STACK.yaml the way the Pulumi CLI does.

The CLI merges the defaults that Pulumi.yaml declares into the stack's config, and passes every value to the
program as a string. So a number in quotes is a number here too: `pulumi config set` writes quotes, and
`pulumi stack init` adds them.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tak_base.addressing import plan_addresses
from tak_base.config_values import ConfigError, in_namespace, plain_value, shown
from tak_base.settings import CONFIG_KEYS, NAMESPACE, Settings, parse_settings
from tak_tools.errors import InputError
from tak_tools.physical_names import DEFAULT_PATTERN, KNOWN_PATTERN

_AUTONAMING = "pulumi:autonaming"

# libyaml's loader where it is installed reads 4,096 stack files in one second instead of ten.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Project:
    """The parts of Pulumi.yaml that decide what a stack's config is."""

    folder: Path
    name: str
    defaults: Mapping[str, Any]


@dataclass(frozen=True)
class StackConfig:
    """The config of a stack: all that the stack of another project needs (bootstrap/)."""

    project: Project
    stack: str
    values: Mapping[str, Any]
    """Every config value by its full name, such as `aws:region`, with the project's defaults merged in."""

    @property
    def default_tags(self) -> dict[str, str]:
        """The default tags of the AWS provider."""
        return dict((self.values.get("aws:defaultTags") or {}).get("tags") or {})

    @property
    def name_pattern(self) -> str:
        """The pattern of `pulumi:autonaming` for this stack, by which the engine names resources without a name."""
        pattern = self.values.get(_AUTONAMING, {}).get("pattern", DEFAULT_PATTERN)
        return pattern.replace("${project}", self.project.name).replace("${stack}", self.stack)

    @property
    def engine_config(self) -> dict[str, str]:
        """The values as the Pulumi engine passes them to a program: strings."""
        return {
            name: value if isinstance(value, str) else json.dumps(value, default=str)
            for name, value in self.values.items()
        }


@dataclass(frozen=True)
class StackFile(StackConfig):
    """A stack file of the base layer that can be deployed."""

    path: Path
    settings: Settings
    region: str


@dataclass(frozen=True)
class LayerAbove(StackFile):
    """A stack file of a layer above; the settings are those of its base layer."""

    reference: str
    """The program's name of the base layer's stack: organization/project/stack"""
    base: StackFile


def load_project(folder: Path) -> Project:
    """The project in `folder`. Raises InputError where Pulumi.yaml is missing or describes no project."""
    path = folder / "Pulumi.yaml"
    document = _load_yaml(path, "a Pulumi project; run this in the project's folder or give --folder")
    name = document.get("name")
    if not isinstance(name, str):
        raise InputError([f"{path.name}: name: found {shown(name)}, expected the project's name"])
    declared = document.get("config") or {}
    defaults = {
        _full_name(key, name): entry[given]
        for key, entry in declared.items()
        if isinstance(entry, dict)
        # A key of the project has a `default`, a key of a provider or of the engine a `value`.
        for given in ("default", "value")
        if given in entry
    }
    return Project(folder, name, defaults)


def stack_names(folder: Path) -> list[str]:
    """The stacks that have a file in `folder`, sorted."""
    return sorted(path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in folder.glob("Pulumi.*.yaml"))


def load_stack(project: Project, stack: str) -> StackFile:
    """The stack file of `stack`. Raises InputError with a line for each mistake in it.

    The network of another stack file is such a mistake.
    """
    stack_file = load_stack_alone(project, stack)
    settings = stack_file.settings
    ids = (settings.network.major_id, settings.network.minor_id)
    others = [name for name in stack_names(project.folder) if name != stack and _network_ids(project, name) == ids]
    if others:
        files = sorted(f"Pulumi.{name}.yaml" for name in [stack, *others])
        raise InputError([shared_network(files, *ids)])
    return stack_file


def load_stack_alone(project: Project, stack: str) -> StackFile:
    """As load_stack, without a check for other stack files with the same network."""
    path, values = _read_stack(project, stack)
    region = values.get("aws:region")
    problems = _provider_problems(values)
    try:
        settings = parse_settings(
            in_namespace(values, NAMESPACE),
            project=project.name,
            stack=stack,
            region=region if isinstance(region, str) else None,
        )
    except ConfigError as error:
        raise InputError([f"{path.name}: {problem}" for problem in [*problems, *error.problems]]) from None
    if problems:
        raise InputError([f"{path.name}: {problem}" for problem in problems])
    return StackFile(project, stack, values, path, settings, str(region))


def shared_network(files: Collection[str], major_id: int, minor_id: int) -> str:
    """The mistakes of stack files with the same network."""
    vpc = plan_addresses(major_id, minor_id).vpc
    found = f"majorId {major_id}, minorId {minor_id} ({vpc}) in each of them"
    return f"{' and '.join(files)}: found {found}, expected different IDs for each stack"


def load_layer(project: Project, stack: str) -> StackFile:
    """As load_stack; where the stack has a key `baseLayer`, it is a LayerAbove, of a base layer in a folder above."""
    path, values = _read_stack(project, stack)
    key = f"{project.name}:baseLayer"
    if key not in values:
        return load_stack(project, stack)
    base_project, base_stack = _referred_to(project, values[key], f"{path.name}: {key}")
    base = load_stack(base_project, base_stack)
    problems = _provider_problems(values)
    if not problems and values["aws:region"] != base.region:
        problems.append(f"aws:region: found {values['aws:region']}, expected {base.region}, that of {values[key]}")
    if problems:
        raise InputError([f"{path.name}: {problem}" for problem in problems])
    return LayerAbove(project, stack, values, path, base.settings, base.region, values[key], base)


def _referred_to(project: Project, reference: Any, where: str) -> tuple[Project, str]:
    """The project in a folder above and the stack that `organization/project/stack` names."""
    parts = str(reference).split("/")
    for folder in project.folder.resolve().parents:
        if len(parts) == 3 and (folder / "Pulumi.yaml").is_file():
            candidate = load_project(folder)
            if candidate.name == parts[1]:
                return candidate, parts[2]
    raise InputError(
        [f"{where}: found {shown(reference)}, expected organization/PROJECT/STACK of a project in a folder above"]
    )


def _read_stack(project: Project, stack: str) -> tuple[Path, dict[str, Any]]:
    path = project.folder / f"Pulumi.{stack}.yaml"
    if not path.is_file():
        known = ", ".join(stack_names(project.folder)) or "none"
        raise InputError([f"--stack: found {stack}, expected one that has a file {path.name} (there are: {known})"])
    config = _load_yaml(path, "a stack file").get("config") or {}
    if not isinstance(config, dict):
        raise InputError([f"{path.name}: config: found {shown(config)}, expected keys with values"])
    return path, {**project.defaults, **{_full_name(key, project.name): value for key, value in config.items()}}


def key_of(project: Project, stack: str, key: str) -> Any:
    """The value of a `tak-base:` key in a stack file; None where the file cannot be read, which load_stack reports."""
    try:
        _, values = _read_stack(project, stack)
    except InputError:
        return None
    return plain_value(CONFIG_KEYS[key], values.get(f"{NAMESPACE}:{key}"))


def _network_ids(project: Project, stack: str) -> tuple[Any, Any]:
    return key_of(project, stack, "majorId"), key_of(project, stack, "minorId")


def _provider_problems(values: Mapping[str, Any]) -> list[str]:
    """What the AWS provider and the engine would refuse of the values that the tools read."""
    problems = []
    autonaming = values.get(_AUTONAMING, {"pattern": DEFAULT_PATTERN})
    pattern = autonaming.get("pattern") if isinstance(autonaming, dict) else None
    if not isinstance(pattern, str) or not KNOWN_PATTERN.fullmatch(pattern):
        known = "${project}, ${stack}, ${name} and ${hex(7)}"
        problems.append(f"{_AUTONAMING}: found {shown(autonaming)}, expected a `pattern:` of {known}")
    region, default_tags = values.get("aws:region"), values.get("aws:defaultTags", {"tags": {}})
    if not isinstance(region, str):
        problems.append(f"aws:region: found {shown(region)}, expected an AWS region such as ap-southeast-2")
    tags = default_tags.get("tags") if isinstance(default_tags, dict) else None
    if not isinstance(tags, dict) or not all(isinstance(text, str) for pair in tags.items() for text in pair):
        problems.append(f"aws:defaultTags: found {shown(default_tags)}, expected `tags:` with names and texts")
    return problems


def _load_yaml(path: Path, expected: str) -> dict[str, Any]:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), _LOADER)  # noqa: S506, either loader is safe
    except FileNotFoundError:
        raise InputError([f"{path.name}: not found in {path.parent.resolve()}, expected {expected}"]) from None
    except OSError as error:
        raise InputError([f"{path.name}: {error.strerror}, expected {expected}"]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        first_line = " ".join(str(error).split())
        raise InputError([f"{path.name}: is not YAML: {first_line}"]) from None
    if not isinstance(document, dict):
        found = "nothing" if document is None else f"a {type(document).__name__}"
        raise InputError([f"{path.name}: found {found}, expected {expected}"])
    return document


def _full_name(key: Any, project: str) -> str:
    return key if ":" in str(key) else f"{project}:{key}"
