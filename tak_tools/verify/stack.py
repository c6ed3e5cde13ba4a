"""Checks of the stack as a whole: its outputs, that its resources exist, the protection of its data."""

import json
from collections.abc import Iterable
from typing import Any

from tak_base.config_values import by_key
from tak_base.outputs import STACK_OUTPUTS
from tak_tools import resource_types as types
from tak_tools.layer_outputs import LayerOutputs
from tak_tools.pulumi_stack import StateResource
from tak_tools.verify.checks import Difference, check, differ
from tak_tools.verify.deployment import Deployment, Subject

# The types with data, as in Pulumi's state. awsx creates the repository in its component.
_DATA_TYPES = {
    "key": (types.KEY.token,),
    "bucket": (types.BUCKET.token,),
    "repository": (types.AWSX_REPOSITORY.token, types.REPOSITORY.token),
}


@check(
    "stack-outputs",
    "The stack publishes every output, for the stack file's environment, region and zones, from this account.",
    actions=("sts:GetCallerIdentity",),
    decides=True,
)
def stack_outputs(deployment: Deployment) -> Iterable[Difference]:
    configured = {"": True, "interface endpoints": deployment.interface_services, **by_key(deployment.settings)}
    not_configured = {
        name: output.only_with for name, output in STACK_OUTPUTS.items() if not configured[output.only_with]
    }
    missing = sorted(STACK_OUTPUTS.keys() - not_configured.keys() - deployment.outputs.keys())
    for name in missing:
        yield Difference(name, "no such output", "an output (an update publishes it)")
    for name, what in not_configured.items():
        if name in deployment.outputs:
            yield Difference(name, "an output", f"none, as the stack file has no {what}")
    if missing:
        return
    for name, value in _decided_by_the_stack_file(deployment).items():
        yield from differ(name, "output", deployment.outputs[name], value)
    count = len(deployment.nat_addresses)
    yield from differ(LayerOutputs.nat_addresses.name, "addresses", count, deployment.settings.network.nat_gateways)
    for output in (LayerOutputs.further_repository_urls, LayerOutputs.further_repository_arns):
        names = list(output.get(deployment.outputs, {}))
        yield from differ(output.name, "names", names, deployment.settings.compute.repositories)
    account = deployment.aws.ask("sts", "get_caller_identity")["Account"]
    yield from differ("credentials", "account", account, deployment.account_id)


@check(
    "resources",
    "The VPC, the key, the bucket, the repository and the cluster that the outputs name exist.",
    actions=(
        "ec2:DescribeVpcs",
        "ecr:DescribeRepositories",
        "ecs:DescribeClusters",
        "kms:DescribeKey",
        "s3:GetBucketLocation",
    ),
)
def resources(deployment: Deployment) -> Iterable[Difference]:
    names: dict[Subject, str] = {
        "VPC": deployment.vpc_id,
        "key": deployment.key_arn,
        "bucket": deployment.bucket_name,
        "repository": deployment.repository_name,
        "cluster": deployment.cluster_name,
    }
    for subject, name in names.items():
        if not deployment.exists(subject):
            yield Difference(name, f"no such {subject}", f"the {subject}")


@check(
    "published-outputs",
    "The SSM parameter with the stack outputs, for readers that are not Pulumi programs, is up to date.",
    actions=("ssm:GetParameter",),
)
def published_outputs(deployment: Deployment) -> Iterable[Difference]:
    name = deployment.settings.outputs_parameter_name
    answer = deployment.aws.ask("ssm", "get_parameter", absent=["ParameterNotFound"], Name=name)
    if not answer:
        yield Difference(name, "no such parameter", "the stack outputs as JSON")
        return
    parameter = answer["Parameter"]
    yield from differ(name, "type", parameter["Type"], "String")
    found = json.loads(parameter["Value"])
    for output in sorted(found.keys() | deployment.outputs.keys()):
        yield from differ(name, output, found.get(output), deployment.outputs.get(output))


@check(
    "protection",
    "With protectData, the stack's state protects the key, the bucket and the repository, and retains them.",
    actions=(),
    needs_state=True,
    needs_outputs=False,
)
def protection(deployment: Deployment) -> Iterable[Difference]:
    if not deployment.settings.protect_data:
        return
    for subject, tokens in _DATA_TYPES.items():
        registered = [
            resource for resource in deployment.state or () if resource.type in tokens and not resource.replaced
        ]
        if not registered:
            yield Difference("state", f"no {subject}", f"a protected {subject}")
        for resource in registered:
            yield from differ(resource.urn, "options", _options(resource), ["protect", "retainOnDelete"])


def _decided_by_the_stack_file(deployment: Deployment) -> dict[str, Any]:
    settings = deployment.settings
    decided: dict[Any, Any] = {
        LayerOutputs.published_environment: settings.environment,
        LayerOutputs.published_region: deployment.region,
    }
    if settings.network.availability_zones:
        decided[LayerOutputs.zone_names] = list(settings.network.availability_zones)
    if settings.dns.hosted_zone_name:
        decided[LayerOutputs.zone_name] = settings.dns.hosted_zone_name
        decided[LayerOutputs.certificate_names] = list(settings.dns.certificate_domain_names)
    return {output.name: value for output, value in decided.items()}


def _options(resource: StateResource) -> list[str]:
    options = {"protect": resource.protect, "retainOnDelete": resource.retain_on_delete}
    return [name for name, is_set in options.items() if is_set]
