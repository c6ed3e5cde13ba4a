"""Every optional part of the layer, as a stack file asks for it."""

import dataclasses
from typing import Any

from tak_base.settings import NAMESPACE, from_engine, parse_settings
from tak_tools.stack_file import Project, StackFile, load_stack

EVERY_OPTION: dict[str, Any] = {
    "repositories": ["artifacts", "etl-tasks"],
    "lambdaRepositories": ["etl-tasks"],
    "imageTagPrefixes": ["tak-server-", "etl-tasks/weather-"],
    "appImagesBucket": True,
    "loadBalancerLogBucket": True,
    "hostedZoneName": "tak.example.org",
}


def with_options(project: Project, stack: str, name: str = "", **options: Any) -> StackFile:
    """The stack file of `stack`, called `name`, with other keys; with every optional part where none are given."""
    stack_file = load_stack(project, stack)
    values = {**stack_file.values} | {f"{NAMESPACE}:{key}": value for key, value in (options or EVERY_OPTION).items()}
    own = {name.removeprefix(f"{NAMESPACE}:"): value for name, value in values.items() if name.startswith(NAMESPACE)}
    parsed = {key: from_engine(key, value) for key, value in own.items()}
    settings = parse_settings(parsed, project=project.name, stack=name or stack, region=stack_file.region)
    return dataclasses.replace(stack_file, stack=name or stack, values=values, settings=settings)
