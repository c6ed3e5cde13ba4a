"""Every option of the layer, as a stack file has it, and the layer under TAK's own layers."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tak_base.config_values import Row, in_namespace
from tak_base.settings import CONFIG_KEYS, NAMESPACE, parse_settings
from tak_tools.layer_outputs import LayerOutputs
from tak_tools.program import Recording
from tak_tools.stack_file import Project, StackFile, load_stack

# The fixture `evaluate`.
Evaluate = Callable[..., Recording]


def another_value(row: Row, environment: str) -> Any:
    """A value of a key that is not its default, as a stack file has it; None where its reader names no other."""
    default = row.default_in(environment.replace("-", "_"))
    value = next((value for value in row.reader.values if value != default), None)
    return list(value) if isinstance(value, tuple) else value


def _is_the_same_in_every_stack(row: Row) -> bool:
    same = row.default_in("prod") == row.default_in("dev_test") and "tak_suite" not in row.columns
    return same and not row.required


# The tags that the stack prod gives to everything.
TAGS = {"Project": "TAK", "Component": "BaseLayer", "Environment": "prod", "ManagedBy": "Pulumi"}

EVERY_OPTION: dict[str, Any] = {
    "repositories": ["artifacts", "etl-tasks"],
    "lambdaRepositories": ["etl-tasks"],
    "imageTagPrefixes": ["tak-server-", "etl-tasks/weather-"],
    "appImagesBucket": True,
    "loadBalancerLogBucket": True,
    "hostedZoneName": "tak.example.org",
}

# Services of every kind: with a gateway; with a policy and without; with both address types and with IPv4 alone. Not
# prod's default: tests that name what each endpoint has stay as they are when prod gets one more.
SERVICES = ["s3", "ecr.dkr", "ecr.api", "kms", "secretsmanager", "logs", "ssmmessages"]

EVERY_NETWORK_EXTRA: dict[str, Any] = {
    "nat64": True,
    "vpcEndpoints": ["profile", "ssmmessages"],
    "endpointPolicies": "account",
    "endpointIpAddressType": "dualstack",
}

# TAK's own layers on the stack.
SUITE: dict[str, Any] = {"takSuite": "Prod", "hostedZoneName": "tak.example.org"}

# Another value of every key that has one default for all stacks. Named here: what another key or the region decides.
EVERY_OTHER_KEY: dict[str, Any] = {
    **{key: another_value(row, "prod") for key, row in CONFIG_KEYS.items() if _is_the_same_in_every_stack(row)},
    "majorId": 2,
    "availabilityZones": ["ap-southeast-2b", "ap-southeast-2c"],
    "endpointPolicies": "organization",
}


@dataclass(frozen=True)
class Outputs(LayerOutputs):
    """What a base layer publishes, for tests that have nothing else of it."""

    outputs: Mapping[str, Any]


def with_options(project: Project, stack: str, name: str = "", **options: Any) -> StackFile:
    """The stack file of `stack`, called `name`, with other keys; with every optional part where none are given."""
    name = name or stack
    stack_file = with_unchecked(load_stack(project, stack), options or EVERY_OPTION)
    tags = {"aws:defaultTags": {"tags": stack_file.default_tags | {"Environment": name}}}
    own = in_namespace(stack_file.values, NAMESPACE)
    settings = parse_settings(own, project=project.name, stack=name, region=stack_file.region)
    return dataclasses.replace(stack_file, stack=name, settings=settings, values={**stack_file.values, **tags})


def with_unchecked(stack_file: StackFile, keys: Mapping[str, Any]) -> StackFile:
    """The stack file with other keys for the program, which nothing has checked."""
    changed = {f"{NAMESPACE}:{key}": value for key, value in keys.items()}
    return dataclasses.replace(stack_file, values={**stack_file.values, **changed})
