"""What a stack offers to the layers above it, from its plan: the facts that the checks compare templates with."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tak_base.outputs import SUITE_EXPORTS, output_value
from tak_base.settings import ImageRepository, Settings
from tak_tools import resource_types as types
from tak_tools.layer_outputs import LayerOutputs
from tak_tools.plan import make_plan
from tak_tools.program import Recording
from tak_tools.stack_file import StackFile

# What kind of value each export has, by the end of its name.
KINDS: Mapping[str, str] = {
    "VpcId": "the ID of a VPC",
    "VpcCidrIpv4": "an IPv4 range",
    "VpcCidrIpv6": "an IPv6 range",
    "SubnetPublicA": "the ID of a subnet",
    "SubnetPublicB": "the ID of a subnet",
    "SubnetPrivateA": "the ID of a subnet",
    "SubnetPrivateB": "the ID of a subnet",
    "EcsClusterArn": "the ARN of a cluster",
    "EcrArtifactsRepoArn": "the ARN of a repository",
    "EcrEtlTasksRepoArn": "the ARN of a repository",
    "KmsKeyArn": "the ARN of a key",
    "KmsAlias": "the alias of a key",
    "S3EnvConfigArn": "the ARN of a bucket",
    "S3ElbLogsArn": "the ARN of a bucket",
    "S3TAKImagesArn": "the ARN of a bucket",
    "EnvConfigBucket": "the name of a bucket",
    "ElbLogsBucket": "the name of a bucket",
    "AppImagesBucket": "the name of a bucket",
    "CertificateArn": "the ARN of a certificate",
    "HostedZoneId": "the ID of a hosted zone",
    "HostedZoneName": "a domain name",
}


@dataclass(frozen=True)
class Subnet:
    """A subnet of the stack, and the addresses that the stack itself takes of it."""

    role: str
    usable: int
    taken: int


@dataclass(frozen=True)
class Stack(LayerOutputs):
    """The facts of a stack."""

    name: str
    region: str
    settings: Settings
    outputs: Mapping[str, Any]
    exports: dict[str, str]
    """Values by the exports' names; none without `takSuite`."""
    kinds: Mapping[str, str]
    """What kind of value each exported value is."""
    subnets: Mapping[str, Subnet]
    """By their IDs."""
    bucket_policies: Mapping[str, list[dict[str, Any]]]
    """The statements of each bucket's policy, by the buckets' names."""
    nat_gateway_gb: float | None
    """USD for a GB through a NAT gateway; None where no price is known."""

    @property
    def key_names(self) -> tuple[str, ...]:
        """The ways to name the key."""
        return (self.key_arn, self.key_alias)

    @property
    def private_subnet_ids(self) -> set[str]:
        return {id_ for id_, subnet in self.subnets.items() if subnet.role.startswith("private")}

    @property
    def repositories(self) -> dict[str, ImageRepository]:
        """By what ECR calls them."""
        return dict(zip(self.repository_names, self.settings.compute.image_repositories, strict=True))

    @property
    def buckets(self) -> set[str]:
        return set(self.bucket_policies)


def stack_of(stack_file: StackFile) -> Stack:
    """The facts of a base layer's stack file. Raises InputError where it is not in order."""
    plan = make_plan(stack_file)
    outputs = plan.recording.outputs
    exports, kinds = {}, {}
    for item in plan.recording.of_type(types.CLOUDFORMATION_STACK.token):
        for output in json.loads(item.inputs["templateBody"])["Outputs"].values():
            exports[output["Export"]["Name"]] = output["Value"]
        kinds = {output_value(outputs, *source): KINDS[export] for export, source in SUITE_EXPORTS.items()}
    return Stack(
        name=plan.stack,
        region=plan.region,
        settings=stack_file.settings,
        outputs=outputs,
        exports=exports,
        kinds=kinds,
        subnets=_subnets(plan.recording, stack_file.settings),
        bucket_policies={
            item.inputs["bucket"]: json.loads(item.inputs["policy"])["Statement"]
            for item in plan.recording.of_type(types.BUCKET_POLICY.token)
        },
        nat_gateway_gb=next((price.price for price in plan.cost.usage if price.item.startswith("NAT gateway")), None),
    )


def _subnets(recording: Recording, settings: Settings) -> dict[str, Subnet]:
    endpoints = recording.of_type(types.VPC_ENDPOINT.token)
    ids = [subnet_id for item in endpoints for subnet_id in item.inputs.get("subnetIds", [])]
    ids += [item.inputs["subnetId"] for item in recording.of_type(types.NAT_GATEWAY.token)]
    plans = {f"subnet-{plan.role}": plan for plan in settings.network.addresses.subnets}
    found = {}
    for item in recording.of_type(types.SUBNET.token):
        plan = plans[item.name.split("-", 1)[1]]
        found[item.id] = Subnet(plan.role, plan.usable_addresses, ids.count(item.id))
    return found
