"""The contract with the layers above: the one place where a stack output is named."""

from dataclasses import dataclass, fields

import pulumi
from pulumi import Input, Output


@dataclass(frozen=True)
class BaseLayer:
    """Everything that other stacks may read of this one. A name once published never changes its meaning.

    The outputs have these names in camelCase: `vpc_id` is `vpcId`.
    """

    environment: Input[str]
    """prod or dev-test"""
    region: Input[str]
    vpc_id: Output[str]
    vpc_cidr_ipv4: Output[str]
    """A /20"""
    vpc_cidr_ipv6: Output[str]
    """A /56"""
    availability_zones: Input[list[str]]
    """Two names: the zone of the subnets A, then that of the subnets B"""
    subnet_public_a: Output[str]
    subnet_public_b: Output[str]
    subnet_private_a: Output[str]
    subnet_private_b: Output[str]
    route_table_public: Output[str]
    route_table_private_a: Output[str]
    route_table_private_b: Output[str]
    nat_public_ips: Input[list[str]]
    """The IPv4 addresses from which the private subnets reach the internet, one for each NAT gateway"""
    endpoint_security_group_id: Output[str] | None
    """Absent without interface endpoints"""
    ecs_cluster_arn: Output[str]
    ecs_cluster_name: Output[str]
    ecr_repository_arn: Output[str]
    ecr_repository_url: Output[str]
    kms_key_arn: Output[str]
    kms_alias: Output[str]
    """Begins with `alias/`"""
    config_bucket_name: Output[str]
    config_bucket_arn: Output[str]

    def export(self) -> None:
        """Make each field a stack output."""
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                pulumi.export(output_name(field.name), value)


def output_name(field_name: str) -> str:
    """The stack output of a field of BaseLayer: `vpc_cidr_ipv4` is `vpcCidrIpv4`."""
    first, *rest = field_name.split("_")
    return first + "".join(word.capitalize() for word in rest)
