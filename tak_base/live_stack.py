"""What is deployed already, and the changes of it that the program refuses before anything is touched.

The engine would begin with such a change and then stop half-way: at a subnet in which something runs, or at a protected
bucket whose settings have been deleted by then.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime import invoke

from tak_base.config_values import shown
from tak_base.deployment_target import DeploymentTarget
from tak_base.settings import NAMESPACE, Settings

_VPC = "aws:ec2/vpc:Vpc"
_SUBNET = "aws:ec2/subnet:Subnet"
_BUCKET = "aws:s3/bucket:Bucket"
_REPOSITORY = "awsx:ecr:Repository"

# The keys that decide which buckets and repositories there are.
_KEYS_OF_DATA = {
    _BUCKET: f"appImagesBucket or {NAMESPACE}:loadBalancerLogBucket",
    _REPOSITORY: "repositories",
}

_UNPROTECT = f"set {NAMESPACE}:protectData: false and run `pulumi up` first"


@dataclass(frozen=True)
class LiveStack:
    """The resources of the stack as its last update left them."""

    resources: Mapping[str, Mapping[str, Any]]
    """Outputs by URN; empty where the stack is not deployed yet."""

    def of_type(self, type_: str) -> dict[str, Mapping[str, Any]]:
        """Outputs of the resources of a type by their logical names."""
        named = {tuple(urn.split("::", 3)[2:]): outputs for urn, outputs in self.resources.items()}
        return {name: outputs for (chain, name), outputs in named.items() if chain.rsplit("$", 1)[-1] == type_}


def look_up_live_stack() -> LiveStack:
    """The stack's own state, asked of the engine."""
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    # The engine fails where it is asked for the resources of a stack that has never been updated.
    answer = invoke("pulumi:pulumi:readStackOutputs", {"name": stack}).value or {}
    if not answer.get("outputs"):
        return LiveStack({})
    answer = invoke("pulumi:pulumi:readStackResourceOutputs", {"stackName": stack}).value or {}
    return LiveStack({urn: item["outputs"] for urn, item in answer.get("outputs", {}).items()})


def refuse_to_break(name: str, live: LiveStack, settings: Settings, target: DeploymentTarget) -> None:
    """Raises RunError with a line for each change of the live stack that is refused; `name` starts logical names."""
    problems = [*_elsewhere(live, target)]
    if not problems and settings.protect_data:
        problems += [*_another_network(name, live, settings), *_without_data(name, live, settings)]
    if problems:
        raise pulumi.RunError("\n".join(problems))


def _elsewhere(live: LiveStack, target: DeploymentTarget) -> Iterator[str]:
    """Another account or region, where the provider finds nothing of the stack, and the engine makes it all anew."""
    for vpc in live.of_type(_VPC).values():
        _, _, _, region, account, _ = vpc["arn"].split(":", 5)
        if region != target.region:
            yield f"aws:region: found {target.region}, expected {region}, where the stack is deployed"
        if account != target.account_id:
            yield (
                f"AWS credentials: found credentials of account {target.account_id}, expected account {account}, in"
                " which the stack is deployed"
            )


def _another_network(name: str, live: LiveStack, settings: Settings) -> Iterator[str]:
    """Other addresses or zones, for which the VPC or subnets are replaced. At most one line a key."""
    range_ = str(settings.network.addresses.vpc)
    for vpc in live.of_type(_VPC).values():
        if vpc["cidrBlock"] != range_:
            yield _refusal("majorId and minorId", range_, f"{vpc['cidrBlock']}, the range of the deployed VPC")
            return
    subnets = live.of_type(_SUBNET)
    deployed = [
        (plan, subnets[f"{name}-subnet-{plan.role}"])
        for plan in settings.network.addresses.subnets
        if f"{name}-subnet-{plan.role}" in subnets
    ]
    for plan, subnet in deployed:
        if subnet["cidrBlock"] != str(plan.ipv4):
            prefix = subnet["cidrBlock"].partition("/")[2]
            found = plan.ipv4.prefixlen
            yield _refusal("privateSubnetPrefix", found, f"{prefix}, the prefix of the deployed subnets")
            break
    zones = {plan.zone_index: subnet["availabilityZone"] for plan, subnet in deployed}
    wanted = settings.network.availability_zones
    if wanted and any(wanted[index] != zone for index, zone in zones.items()):
        expected = [zone for _, zone in sorted(zones.items())]
        yield _refusal("availabilityZones", shown(wanted), f"{shown(expected)}, the zones of the deployed subnets")


def _refusal(key: str, found: object, expected: str) -> str:
    return (
        f"{NAMESPACE}:{key}: found {found}, expected {expected}: subnets would be replaced under everything that runs"
        f" in them; deploy a second stack, or, where nothing runs in this one, {_UNPROTECT}"
        " (docs/operations.md, Move a network)"
    )


def _without_data(name: str, live: LiveStack, settings: Settings) -> Iterator[str]:
    """A protected bucket or repository that the stack file no longer has."""
    roles = {
        _BUCKET: settings.storage.bucket_roles,
        _REPOSITORY: [repository.role for repository in settings.compute.image_repositories],
    }
    for type_, kept in roles.items():
        for gone in sorted(live.of_type(type_).keys() - {f"{name}-{role}" for role in kept}):
            yield (
                f"{NAMESPACE}:{_KEYS_OF_DATA[type_]}: {gone} is missing, expected it to stay: it holds data and"
                f" protectData is true; to delete it and its data, {_UNPROTECT} (docs/operations.md, Optional parts)"
            )
