"""What a stack offers to the layers above it, from its plan: the facts that the checks compare templates with."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tak_base.outputs import SUITE_EXPORTS, output_value
from tak_base.settings import ImageRepository, Settings
from tak_tools import resource_types as types
from tak_tools.plan import make_plan
from tak_tools.program import Recording
from tak_tools.stack_file import StackFile

# What kind of value each exported stack output is.
KINDS: Mapping[str, str] = {
    "vpcId": "the ID of a VPC",
    "vpcCidrIpv4": "an IPv4 range",
    "vpcCidrIpv6": "an IPv6 range",
    "subnetPublicA": "the ID of a subnet",
    "subnetPublicB": "the ID of a subnet",
    "subnetPrivateA": "the ID of a subnet",
    "subnetPrivateB": "the ID of a subnet",
    "ecsClusterArn": "the ARN of a cluster",
    "ecrRepositoryArns": "the ARN of a repository",
    "kmsKeyArn": "the ARN of a key",
    "kmsAlias": "the alias of a key",
    "configBucketArn": "the ARN of a bucket",
    "configBucketName": "the name of a bucket",
    "appImagesBucketArn": "the ARN of a bucket",
    "appImagesBucketName": "the name of a bucket",
    "loadBalancerLogBucketArn": "the ARN of a bucket",
    "loadBalancerLogBucketName": "the name of a bucket",
    "certificateArn": "the ARN of a certificate",
    "hostedZoneId": "the ID of a hosted zone",
    "hostedZoneName": "a domain name",
}


@dataclass(frozen=True)
class Subnet:
    """A subnet of the stack, and the addresses that the stack itself takes of it."""

    role: str
    usable: int
    taken: int


@dataclass(frozen=True)
class Stack:
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
    def key_arn(self) -> str:
        return self.outputs["kmsKeyArn"]

    @property
    def key_names(self) -> tuple[str, ...]:
        """The ways to name the key."""
        return (self.key_arn, self.outputs["kmsAlias"])

    @property
    def private_subnet_ids(self) -> set[str]:
        return {id_ for id_, subnet in self.subnets.items() if subnet.role.startswith("private")}

    @property
    def repositories(self) -> dict[str, ImageRepository]:
        """By what ECR calls them."""
        urls = [self.outputs["ecrRepositoryUrl"], *self.outputs.get("ecrRepositoryUrls", {}).values()]
        repositories = self.settings.compute.image_repositories
        return {url.split("/", 1)[1]: item for url, item in zip(urls, repositories, strict=True)}

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
        kinds = {output_value(outputs, *source): KINDS[source[0]] for source in SUITE_EXPORTS.values()}
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
