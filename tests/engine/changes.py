"""The change matrix: what the engine does for each key of a stack file on a live stack, and the page of the results."""

import fcntl
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tak_base.settings import CONFIG_KEYS
from tak_tools.formatting import markdown_table
from tests.engine.engine import PROJECT_FOLDER, Stack
from tests.engine.inventory import inventory
from tests.options import EVERY_OTHER_KEY, another_value

PAGE = PROJECT_FOLDER / "docs" / "changes.md"
ZONE_NAME = "tak.example.org"

Step = Mapping[str, Any]
"""The keys that one change of a stack file sets; None is what the project's stack file has, mostly the default."""

_REPOSITORIES = ["artifacts", "etl-tasks"]
_ORGANIZATION = "o-a1b2c3d4e5"

# Keys whose values mean the same in both environments.
_IN_BOTH: list[Step] = [
    {"nat64": True},
    {"nat64": None},
    {"logRetentionDays": 90},
    {"logRetentionDays": None},
    {"permissionsBoundary": "bootstrap/boundary"},
    {"permissionsBoundary": None},
    {"endpointPolicies": "account"},
    {"endpointPolicies": "organization", "organizationId": _ORGANIZATION},
    {"organizationId": "o-b2c3d4e5f6"},
    {"endpointPolicies": "none", "organizationId": None},
    {"endpointPolicies": None},
    {"endpointIpAddressType": "dualstack"},
    {"endpointIpAddressType": "ipv4"},
    {"endpointIpAddressType": None},
    {"containerInsights": "enhanced"},
    {"containerInsights": None},
    {"imageRetentionCount": 30},
    {"imageRetentionCount": None},
    {"imageTagPrefixes": ["tak-server-", "cloudtak-"]},
    {"imageTagPrefixes": None},
    {"kmsDeletionWindowDays": 14},
    {"kmsDeletionWindowDays": None},
    {"ecsExec": "default"},
    {"ecsExec": None},
    {"hostedZoneName": ZONE_NAME},
    {"certificateNames": ["*.map"]},
    {"certificateNames": None},
    {"hostedZoneName": None},
    {"takSuite": "Demo", "hostedZoneName": ZONE_NAME},
    {"takSuite": None, "hostedZoneName": None},
    {"repositories": _REPOSITORIES},
    {"lambdaRepositories": ["etl-tasks"]},
    {"lambdaRepositories": None},
    {"keepAllImages": ["artifacts"]},
    {"keepAllImages": None},
    {"appImagesBucket": True},
    {"loadBalancerLogBucket": True},
    {"loadBalancerLogBucket": None},
    {"appImagesBucket": None},
    {"repositories": None},
]
_ADDRESSES: list[Step] = [
    {"majorId": 9},
    {"majorId": None},
    {"minorId": 9},
    {"minorId": None},
    {"privateSubnetPrefix": 25},
    {"privateSubnetPrefix": None},
    {"availabilityZones": ["ap-southeast-2a", "ap-southeast-2b"]},
    {"availabilityZones": ["ap-southeast-2b", "ap-southeast-2c"]},
    {"availabilityZones": ["ap-southeast-2a", "ap-southeast-2b"]},
    {"availabilityZones": None},
]

_NAMED: dict[str, list[Step]] = {
    # With protectData, as prod has it by default.
    "prod": [
        {"natGateways": 1},
        {"natGateways": 0},
        {"natGateways": None},
        {"flowLogs": "all"},
        {"flowLogs": "none"},
        {"flowLogs": None},
        {"vpcEndpoints": ["profile", "ssmmessages"]},
        {"vpcEndpoints": []},
        {"vpcEndpoints": None},
        {"defaultCapacityProvider": "FARGATE_SPOT"},
        {"defaultCapacityProvider": None},
        {"imageTagMutability": "MUTABLE"},
        {"imageTagMutability": None},
        {"environment": "dev-test", "protectData": True},
        {"environment": "prod", "protectData": None},
        *_ADDRESSES,
        *_IN_BOTH,
        {"protectData": False},
        # What is refused above, again, and the whole environment.
        {"loadBalancerLogBucket": None},
        {"appImagesBucket": None},
        {"repositories": None},
        {"environment": "dev-test"},
        {"environment": "prod"},
        {"protectData": None},
    ],
    # With endpoints, as every stack may have them, from the third step to the last but one.
    "dev-test": [
        {"natGateways": 2},
        {"natGateways": 0},
        {"natGateways": None},
        {"vpcEndpoints": ["s3", "ecr.api", "kms"]},
        {"flowLogs": "reject"},
        {"flowLogs": "all"},
        *_IN_BOTH,
        *_ADDRESSES,
        {"flowLogs": None},
        {"defaultCapacityProvider": "FARGATE"},
        {"defaultCapacityProvider": None},
        {"imageTagMutability": "IMMUTABLE"},
        {"imageTagMutability": None},
        {"protectData": True},
        {"protectData": False},
        {"environment": "prod"},
        {"environment": "dev-test", "protectData": None},
        {"vpcEndpoints": None},
    ],
}


def _steps(environment: str) -> list[Step]:
    """Those above, and each other key there and back."""
    named = {key for step in _NAMED[environment] for key in step}
    others = {key: row for key, row in CONFIG_KEYS.items() if key not in named}
    changed = {key: EVERY_OTHER_KEY.get(key, another_value(row, environment)) for key, row in others.items()}
    return [*_NAMED[environment], *({key: to} for key, value in changed.items() for to in (value, None))]


STEPS = {environment: _steps(environment) for environment in _NAMED}

# The only replacements of what exists, by key (`*`: any) and type, and why each of them is right.
_NETWORK_MOVES = "the network moves to other addresses or zones, which protectData refuses"
_ADDRESS_KEYS = ("majorId", "minorId", "privateSubnetPrefix", "availabilityZones", "takSuite")
_IN_THE_NETWORK = (
    "aws:ec2/subnet:Subnet",
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "aws:ec2/natGateway:NatGateway",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
)
_IN_THE_VPC = (
    "aws:ec2/vpc:Vpc",
    "aws:ec2/internetGateway:InternetGateway",
    "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:ec2/routeTable:RouteTable",
    "aws:ec2/route:Route",
    "aws:ec2/flowLog:FlowLog",
)
REPLACED: dict[tuple[str, str], str] = {
    **{(key, type_): _NETWORK_MOVES for key in _ADDRESS_KEYS for type_ in _IN_THE_NETWORK},
    **{(key, type_): _NETWORK_MOVES for key in ("majorId", "minorId") for type_ in _IN_THE_VPC},
    ("flowLogs", "aws:ec2/flowLog:FlowLog"): "AWS changes no flow log; the old one goes first, the log group stays",
    **{
        (key, "aws:ecr/lifecyclePolicy:LifecyclePolicy"): "the provider replaces it at every change of its text"
        " (hashicorp/terraform-provider-aws#49624); no image goes by that"
        for key in ("imageRetentionCount", "imageTagPrefixes", "keepAllImages", "takSuite", "environment")
    },
    **{
        ("certificateNames", type_): "a certificate keeps its names; the new one is issued before the old one goes"
        for type_ in ("aws:acm/certificate:Certificate", "aws:acm/certificateValidation:CertificateValidation")
    },
    **{
        ("takSuite", type_): "TAK's layers have another name of the cluster, and a cluster keeps its name;"
        " protectData refuses it"
        for type_ in ("aws:ecs/cluster:Cluster", "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders")
    },
}

_WORDS = ("in place", "added", "removed", "replaced")


class Row(NamedTuple):
    """One change of a live stack."""

    keys: str
    before: str
    after: str
    result: str


def walk(stack: Stack, steps: Iterable[Step]) -> tuple[list[Row], list[str]]:
    """Takes the live stack through the steps; returns a row for each, and the mistakes.

    A step is refused where the program says no before anything is touched; the keys are then as they were.
    """
    rows, problems = [], []
    for step in steps:
        before, config = inventory(stack.aws), dict(stack.config)
        stack.set(**step)
        if stack.config == config:
            # Back from a change that was refused.
            continue
        keys, values = ", ".join(step), (_values(step, config), _values(step, stack.config))
        update = stack.up()
        if not update.exit_code:
            rows.append(Row(keys, *values, summary(update.changes)))
            unexplained = [type_ for type_ in update.changes.get("replaced", ()) if not _reason(step, type_)]
            if unexplained:
                problems.append(f"{step}: replaces {', '.join(unexplained)}")
            continue
        stack.config = config
        if not update.done and inventory(stack.aws) == before:
            rows.append(Row(keys, *values, f"refused: {update.errors[0]}".replace("|", "\\|")))
        else:
            rows.append(Row(keys, *values, f"fails after: {summary(update.changes)}"))
            problems.append(f"{step}: {update}")
            # The walk continues from here, so that one mistake does not hide the next.
            stack.up("--refresh")
    return rows, problems


def _reason(step: Step, type_: str) -> str | None:
    return next((REPLACED[key, type_] for key in step if (key, type_) in REPLACED), None)


def summary(changes: Mapping[str, Counter[str]]) -> str:
    """What an update did, in words: `in place: 2 LogGroup; added: NatGateway`."""
    parts = [f"{word}: {_types(changes[word])}" for word in _WORDS if word in changes]
    return "; ".join(parts) or "nothing"


def write_page(environment: str, rows: Iterable[Row], page: Path = PAGE) -> None:
    """Writes the table of an environment into the page, and the reasons."""
    reasons: dict[str, tuple[set[str], set[str]]] = {}
    for (key, type_), reason in REPLACED.items():
        keys, types = reasons.setdefault(reason, (set(), set()))
        keys.add(key)
        types.add(type_.rpartition(":")[2])
    why = [(", ".join(sorted(keys)), ", ".join(sorted(types)), reason) for reason, (keys, types) in reasons.items()]
    with page.open("r+", encoding="utf-8") as file:
        # The tests of the other environment write into it too.
        fcntl.flock(file, fcntl.LOCK_EX)
        text = _replaced(file.read(), environment, markdown_table(("key", "from", "to", "what the engine does"), rows))
        text = _replaced(text, "replaced", markdown_table(("key", "what is replaced", "why"), why))
        file.seek(0)
        file.write(text)
        file.truncate()


def _replaced(text: str, part: str, table: str) -> str:
    start, end = f"<!-- {part} -->", f"<!-- /{part} -->"
    before, _, rest = text.partition(start)
    return f"{before}{start}\n\n{table}\n\n{end}{rest.partition(end)[2]}"


def _types(types: Counter[str]) -> str:
    named = Counter({type_.rpartition(":")[2]: count for type_, count in types.items()})
    return ", ".join(name if count == 1 else f"{count} {name}" for name, count in sorted(named.items()))


def _values(step: Step, config: Mapping[str, Any]) -> str:
    values = [config.get(f"tak-base:{key}") for key in step]
    return ", ".join("(default)" if value is None else json.dumps(value).replace('"', "") for value in values)
