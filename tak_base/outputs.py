"""The contract with the layers above: the one place where a stack output is named."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import pulumi
from pulumi import Output


@dataclass(frozen=True)
class BaseLayer:
    """Everything that other stacks may read of this one. A name once published never changes its meaning.

    The stack outputs have these names in camelCase: `vpc_id` is `vpcId`. This layer makes one and exports it; the
    layers above get theirs by `BaseLayer.from_stack("organization/tak-base/prod")`.
    """

    environment: Output[str]
    """prod or dev-test"""
    region: Output[str]
    vpc_id: Output[str]
    vpc_cidr_ipv4: Output[str]
    """A /20"""
    vpc_cidr_ipv6: Output[str]
    """A /56"""
    availability_zones: Output[list[str]]
    """Two names: the zone of the subnets A, then that of the subnets B"""
    subnet_public_a: Output[str]
    subnet_public_b: Output[str]
    subnet_private_a: Output[str]
    subnet_private_b: Output[str]
    route_table_public: Output[str]
    route_table_private_a: Output[str]
    route_table_private_b: Output[str]
    nat_public_ips: Output[list[str]]
    """The IPv4 addresses from which the private subnets reach the internet, one for each NAT gateway"""
    endpoint_security_group_id: Output[Any] | None
    """A string. Without interface endpoints there is no such output: from_stack gives an Output of None"""
    ecs_cluster_arn: Output[str]
    ecs_cluster_name: Output[str]
    ecr_repository_arn: Output[str]
    ecr_repository_url: Output[str]
    kms_key_arn: Output[str]
    kms_alias: Output[str]
    """Begins with `alias/`"""
    config_bucket_name: Output[str]
    config_bucket_arn: Output[str]
    ecr_repository_urls: Output[Any] | None
    """A map from the names in `repositories` to URLs. This and all below are there where the stack file asks for it"""
    app_images_bucket_name: Output[Any] | None
    app_images_bucket_arn: Output[Any] | None
    load_balancer_log_bucket_name: Output[Any] | None
    hosted_zone_id: Output[Any] | None
    hosted_zone_name: Output[Any] | None
    certificate_arn: Output[Any] | None
    """Valid for the zone's name and its wildcard, in the region of the stack"""

    def export(self) -> None:
        """Make each field a stack output."""
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                pulumi.export(output_name(field.name), value)

    @classmethod
    def from_stack(cls, stack: str) -> Self:
        """The outputs of a base layer that is deployed, `stack` being `organization/project/stack`.

        Where the stack lacks one, because its last `pulumi up` was older than this contract, the deployment stops
        and says which.
        """
        outputs = pulumi.StackReference(stack).outputs.apply(lambda found: _complete(stack, found))
        return cls(**{field.name: _pick(outputs, output_name(field.name)) for field in fields(cls)})


# The outputs that a stack may be without.
OPTIONAL_OUTPUTS = frozenset(
    {
        "endpointSecurityGroupId",
        "ecrRepositoryUrls",
        "appImagesBucketName",
        "appImagesBucketArn",
        "loadBalancerLogBucketName",
        "hostedZoneId",
        "hostedZoneName",
        "certificateArn",
    }
)


def output_name(field_name: str) -> str:
    """The stack output of a field of BaseLayer: `vpc_cidr_ipv4` is `vpcCidrIpv4`."""
    first, *rest = field_name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _complete(stack: str, found: Mapping[str, Any]) -> Mapping[str, Any]:
    expected = [output_name(field.name) for field in fields(BaseLayer)]
    missing = [name for name in expected if name not in found and name not in OPTIONAL_OUTPUTS]
    if missing:
        raise pulumi.RunError(
            f"stack {stack}: found no output {', '.join(missing)}, which this contract expects: deploy the stack with"
            " the current tak-base"
        )
    return found


def _pick(outputs: Output[Mapping[str, Any]], name: str) -> Output[Any]:
    return outputs.apply(lambda found: found.get(name))
