"""`tak-base init`: writes a stack file that can be deployed."""

import re
from pathlib import Path
from typing import Any, get_args

import yaml

from tak_base.config_values import ConfigError, shown
from tak_base.settings import NAMESPACE, Environment, parse_settings
from tak_tools.address_book import next_free_ids
from tak_tools.errors import InputError
from tak_tools.stack_file import load_project


def run(
    folder: Path, stack: str, *, environment: str | None, region: str, tak_suite: str | None, zone: str | None
) -> int:
    """Writes the file of a new stack with the next free IDs. Raises InputError where it exists or cannot be written."""
    project = load_project(folder)
    if environment is None:
        environment = stack if stack in get_args(Environment) else "prod"
    ids = next_free_ids(folder)
    if ids is None:
        raise InputError(["all 4,096 networks are taken by the stack files in the folder"])
    values: dict[str, Any] = {"environment": environment, "majorId": ids[0], "minorId": ids[1]}
    values |= {key: value for key, value in (("takSuite", tak_suite), ("hostedZoneName", zone)) if value is not None}
    if not re.fullmatch(r"[a-z]+(-[a-z]+)+-\d", region):
        raise InputError([f"--region: found {region!r}, expected an AWS region such as ap-southeast-2"])
    try:
        settings = parse_settings(values, project=project.name, stack=stack, region=region)
    except ConfigError as error:
        raise InputError(error.problems) from None
    path = folder / f"Pulumi.{stack}.yaml"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(_stack_file(stack, region, values))
    except FileExistsError:
        raise InputError(
            [f"{path.name}: exists, expected a stack without a file: choose another name, or delete the file first"]
        ) from None
    except OSError as error:
        raise InputError([f"{path.name}: {error.strerror}, expected a folder that can be written to"]) from None
    print(f"wrote {path.name}: {settings.network.addresses.vpc} in {region}")
    print(f"\nNext: `tak-base plan --stack {stack}` shows what will be created, and its price.")
    return 0


def _stack_file(stack: str, region: str, values: dict[str, Any]) -> str:
    tags = {"Project": "TAK", "Component": "BaseLayer", "Environment": stack, "ManagedBy": "Pulumi"}
    lines = [
        "# docs/config.md has every key. A key that is not set has the default of the environment.",
        "config:",
        f"  aws:region: {region}",
        "  aws:defaultTags:",
        "    tags:",
        *(f"      {key}: {_text(value)}" for key, value in tags.items()),
        *(f"  {NAMESPACE}:{key}: {_text(value)}" for key, value in values.items()),
    ]
    return "\n".join(lines) + "\n"


def _text(value: Any) -> str:
    """The value as YAML, in quotes where it would not be a string, such as a stack called `2`."""
    return str(value) if yaml.safe_load(str(value)) == value else shown(value)
