"""Which changes of a live stack the program refuses, before the engine changes anything.

The engine would start such a change and stop half-way: at a subnet in which something runs, or at a protected
bucket whose settings it has deleted by then.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
from pulumi.runtime import invoke

from tak_base.config_values import shown
from tak_base.deployment_target import DeploymentTarget
from tak_base.outputs import OutputValues
from tak_base.settings import NAMESPACE, Settings

_UNPROTECT = f"set {NAMESPACE}:protectData: false and run `pulumi up` first"


def look_up_live_outputs() -> Mapping[str, Any]:
    """The stack's own outputs in the state; empty before its first update has ended."""
    stack = pulumi.get_stack()
    # A StackReference answers too late: the program has to know before it registers a resource. A backend that
    # keeps stacks without their projects knows the short name only.
    for name in (f"{pulumi.get_organization()}/{pulumi.get_project()}/{stack}", stack):
        try:
            answer = invoke("pulumi:pulumi:readStackOutputs", {"name": name}).value
        except Exception as error:
            reason = " ".join(str(error).split())
        else:
            return (answer or {}).get("outputs") or {}
    pulumi.log.warn(f"Changes that would break the live stack are not refused: its state cannot be read: {reason}")
    return {}


def refuse_to_break(live: Mapping[str, Any], settings: Settings, target: DeploymentTarget) -> None:
    """Raises RunError with a line for each change of the live stack that is refused; `live` has its outputs."""
    problems = [*_elsewhere(live, target)]
    # The engine protects what is protected in the state, so unprotecting takes an update before.
    if not problems and OutputValues.protects_data.get(live, False):
        problems += [*_another_network(live, settings), *_another_cluster(live, settings)]
        problems += _another_certificate(live, settings)
        problems += _without_data(live, settings)
    if problems:
        raise pulumi.RunError("\n".join(problems))


def _elsewhere(live: Mapping[str, Any], target: DeploymentTarget) -> Iterator[str]:
    """Another account or region: the provider finds nothing there, and the engine would create everything again."""
    region = OutputValues.published_region.get(live, target.region)
    if region != target.region:
        yield f"aws:region: found {target.region}, expected {region}, where the stack is deployed"
    key_arn = OutputValues.key_arn.get(live, None)
    if key_arn and (account := key_arn.split(":")[4]) != target.account_id:
        yield (
            f"AWS credentials: found credentials of account {target.account_id}, expected account {account}, in which"
            " the stack is deployed"
        )


def _another_network(live: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    """Other addresses or zones, for which the VPC or subnets are replaced."""
    network = settings.network
    vpc, zones = str(network.addresses.vpc), network.availability_zones
    deployed_vpc = OutputValues.ipv4_range.get(live, vpc)
    prefixes = {int(cidr.partition("/")[2]) for cidr in OutputValues.private_ranges.get(live, ())}
    prefixes -= {network.private_subnet_prefix}
    if deployed_vpc != vpc:
        yield _refusal("majorId and minorId", vpc, f"{deployed_vpc}, the range of the deployed VPC")
    elif prefixes:
        expected = f"{prefixes.pop()}, the prefix of the deployed subnets"
        yield _refusal("privateSubnetPrefix", network.private_subnet_prefix, expected)
    deployed = OutputValues.zone_names.get(live, list(zones))
    # A further zone moves nothing.
    if zones and list(zones)[: len(deployed)] != deployed:
        yield _refusal("availabilityZones", shown(zones), f"{shown(deployed)}, the zones of the deployed subnets")


def _another_cluster(live: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    """Another cluster name: a cluster is not renamed but replaced, and AWS deletes none that has services."""
    name = OutputValues.cluster_name.get(live, settings.cluster_name)
    if name != settings.cluster_name:
        yield (
            f"{NAMESPACE}:takSuite: found {shown(settings.tak_suite)}, with which the cluster is called"
            f" {settings.cluster_name}, expected its name to stay {name}: the cluster would be replaced under the"
            f" services that run in it; deploy a second stack, or, where nothing runs in this one, {_UNPROTECT}"
            " (docs/tak-suite.md)"
        )


def _another_certificate(live: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    """Other certificate names would replace the certificate, whose ARN cannot change while layers import it."""
    names = list(settings.dns.certificate_domain_names)
    deployed = OutputValues.certificate_names.get(live, names)
    if settings.tak_suite and names != deployed:
        yield (
            f"{NAMESPACE}:hostedZoneName and {NAMESPACE}:certificateNames: found {shown(names)}, expected"
            f" {shown(deployed)}, the names of the deployed certificate: it would be replaced, and TAK's own layers"
            f" import its ARN; where no layer imports it, {_UNPROTECT} (docs/tak-suite.md)"
        )


def _refusal(key: str, found: object, expected: str) -> str:
    return (
        f"{NAMESPACE}:{key}: found {found}, expected {expected}: subnets would be replaced under everything that runs"
        f" in them; deploy a second stack, or, where nothing runs in this one, {_UNPROTECT}"
        " (docs/operations.md, Move a network)"
    )


def _without_data(live: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    """A protected bucket or repository that the stack file no longer has."""
    # Sorted: the engine gives a map in any order.
    for name in sorted(OutputValues.further_repository_urls.get(live, {})):
        if name not in settings.compute.repositories:
            yield _removal("repositories", shown(settings.compute.repositories), f"{name} in it")
    for key, output, wanted in (
        ("appImagesBucket", OutputValues.app_images_bucket_name, settings.storage.app_images_bucket),
        ("loadBalancerLogBucket", OutputValues.log_bucket_name, settings.storage.load_balancer_log_bucket),
    ):
        if output.name in live and not wanted:
            yield _removal(key, "false", "true")


def _removal(key: str, found: str, expected: str) -> str:
    return (
        f"{NAMESPACE}:{key}: found {found}, expected {expected}: what is deployed holds data and is protected; to"
        f" delete it with its data, {_UNPROTECT} (docs/operations.md, Optional parts)"
    )
