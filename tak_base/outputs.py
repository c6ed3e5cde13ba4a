"""The contract with the layers above: the names, types and meanings of the stack outputs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import UnionType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, Union, get_args, get_origin, overload

import pulumi
from pulumi import Output

from tak_base.addressing import Tier, Zone
from tak_base.config_values import camel_case
from tak_base.settings import ARTIFACTS, ETL_TASKS


def _output(meaning: str, *, only_with: str = "", suite: str | Mapping[str, str] | None = None) -> Any:
    """A field that is a stack output.

    `only_with` is the config key, or the part of the layer, that it comes with. `suite` is what TAK's own layers
    import it as (docs/tak-suite.md): the last part of an export's name; of a map, the entry of each.
    """
    exports = {suite: ""} if isinstance(suite, str) else suite or {}
    return field(metadata={"meaning": meaning, "only_with": only_with, "suite": exports})


@dataclass(frozen=True)
class BaseLayer:
    """Everything that other stacks may read of this one. A published name never changes its meaning.

    The stack outputs have these names in camelCase: `vpc_id` is `vpcId`. This layer makes one and exports it; the
    layers above get theirs by `BaseLayer.from_stack("organization/tak-base/prod")`. A stack is without an output that
    comes `only_with` something it does not have: the field is None here, and an Output of None in the layers above.
    """

    environment: Output[str] = _output("prod or dev-test")
    protect_data: Output[bool] = _output("Whether the stack's data and network are protected: the key `protectData`")
    region: Output[str] = _output("The AWS region")
    vpc_id: Output[str] = _output("ID of the VPC", suite="VpcId")
    vpc_cidr_ipv4: Output[str] = _output("The VPC's IPv4 range, a /20", suite="VpcCidrIpv4")
    vpc_cidr_ipv6: Output[str] = _output("The VPC's IPv6 range, a /56", suite="VpcCidrIpv6")
    availability_zones: Output[list[str]] = _output("Names of the zones A and B, in this order")
    subnet_public_a: Output[str] = _output("ID of the public subnet in zone A", suite="SubnetPublicA")
    subnet_public_b: Output[str] = _output("ID of the public subnet in zone B", suite="SubnetPublicB")
    subnet_private_a: Output[str] = _output("ID of the private subnet in zone A", suite="SubnetPrivateA")
    subnet_private_b: Output[str] = _output("ID of the private subnet in zone B", suite="SubnetPrivateB")
    private_subnet_cidrs: Output[list[str]] = _output("IPv4 ranges of the private subnets in the zones A and B")
    route_table_public: Output[str] = _output("ID of the route table of the public subnets")
    route_table_private_a: Output[str] = _output("ID of the route table of the private subnet in zone A")
    route_table_private_b: Output[str] = _output("ID of the route table of the private subnet in zone B")
    nat_public_ips: Output[list[str]] = _output(
        "IPv4 addresses from which the private subnets reach the internet, one for each NAT gateway; empty with"
        " `natGateways: 0`"
    )
    endpoint_security_group_id: Output[str | None] | None = _output(
        "ID of the security group of the interface endpoints", only_with="interface endpoints"
    )
    ecs_cluster_arn: Output[str] = _output("ARN of the ECS cluster", suite="EcsClusterArn")
    ecs_cluster_name: Output[str] = _output("Name of the ECS cluster")
    ecr_repository_arn: Output[str] = _output("ARN of the image repository that every stack has")
    ecr_repository_url: Output[str] = _output("URL of the image repository that every stack has")
    kms_key_arn: Output[str] = _output("ARN of the customer-managed key for everything at rest", suite="KmsKeyArn")
    kms_alias: Output[str] = _output("Alias of the key, which begins with `alias/`", suite="KmsAlias")
    config_bucket_name: Output[str] = _output("Name of the config bucket", suite="EnvConfigBucket")
    config_bucket_arn: Output[str] = _output("ARN of the config bucket", suite="S3EnvConfigArn")
    ecr_repository_urls: Output[dict[str, str] | None] | None = _output(
        "URLs of the further image repositories, by their names in `repositories`", only_with="repositories"
    )
    ecr_repository_arns: Output[dict[str, str] | None] | None = _output(
        "ARNs of the further image repositories, by their names in `repositories`",
        only_with="repositories",
        suite={"EcrArtifactsRepoArn": ARTIFACTS, "EcrEtlTasksRepoArn": ETL_TASKS},
    )
    app_images_bucket_name: Output[str | None] | None = _output(
        "Name of the bucket for application images", only_with="appImagesBucket", suite="AppImagesBucket"
    )
    app_images_bucket_arn: Output[str | None] | None = _output(
        "ARN of the bucket for application images", only_with="appImagesBucket", suite="S3TAKImagesArn"
    )
    load_balancer_log_bucket_name: Output[str | None] | None = _output(
        "Name of the bucket for access logs of load balancers", only_with="loadBalancerLogBucket", suite="ElbLogsBucket"
    )
    load_balancer_log_bucket_arn: Output[str | None] | None = _output(
        "ARN of the bucket for access logs of load balancers", only_with="loadBalancerLogBucket", suite="S3ElbLogsArn"
    )
    hosted_zone_id: Output[str | None] | None = _output(
        "ID of the public hosted zone", only_with="hostedZoneName", suite="HostedZoneId"
    )
    hosted_zone_name: Output[str | None] | None = _output(
        "Domain name of the public hosted zone", only_with="hostedZoneName", suite="HostedZoneName"
    )
    certificate_domain_names: Output[list[str] | None] | None = _output(
        "Domain names that the certificate covers, the zone's first", only_with="hostedZoneName"
    )
    certificate_arn: Output[str | None] | None = _output(
        "ARN of the issued certificate for `certificateDomainNames`", only_with="hostedZoneName", suite="CertificateArn"
    )

    def export(self) -> None:
        """Make each field a stack output."""
        for name, value in self.by_name().items():
            pulumi.export(name, value)

    def by_name(self) -> dict[str, Output[Any]]:
        """The outputs that the stack has, by the names of the stack outputs."""
        values = {camel_case(item.name): getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @classmethod
    def from_stack(cls, stack: str) -> Self:
        """The outputs of a base layer that is deployed, `stack` being `organization/project/stack`.

        Where the stack lacks one, because its last `pulumi up` was older than this contract, the deployment stops
        and says which.
        """
        outputs = pulumi.StackReference(stack).outputs.apply(lambda found: _complete(stack, found))
        return cls(**{item.name: _pick(outputs, camel_case(item.name)) for item in fields(cls)})


Value = TypeVar("Value")
Default = TypeVar("Default")


class OutputName(Generic[Value]):
    """The name of an output; as an attribute of an OutputValues, the output's value."""

    def __init__(self, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, values: None, owner: type) -> Self: ...

    @overload
    def __get__(self, values: "OutputValues", owner: type) -> Value: ...

    def __get__(self, values: "OutputValues | None", owner: type) -> Any:
        return self if values is None else values.outputs[self.name]

    def get(self, outputs: Mapping[str, Any], default: Default) -> Value | Default:
        """The value among `outputs`, which may be those of a stack without it."""
        return outputs.get(self.name, default)


class OutputValues:
    """The outputs of a deployed base layer, under names that stay when an output is renamed.

    Everything but the program and the layers above uses these: `layer.ipv4_range`, or `OutputValues.ipv4_range.name`.
    Raises KeyError for an output that the layer does not have.
    """

    if TYPE_CHECKING:
        # Each class of layers has them as a field.
        @property
        def outputs(self) -> Mapping[str, Any]: ...

    published_environment = OutputName[str]("environment")
    protects_data = OutputName[bool]("protectData")
    published_region = OutputName[str]("region")
    vpc_id = OutputName[str]("vpcId")
    ipv4_range = OutputName[str]("vpcCidrIpv4")
    ipv6_range = OutputName[str]("vpcCidrIpv6")
    zone_names = OutputName[list[str]]("availabilityZones")
    private_ranges = OutputName[list[str]]("privateSubnetCidrs")
    nat_addresses = OutputName[list[str]]("natPublicIps")
    endpoint_group_id = OutputName[str]("endpointSecurityGroupId")
    cluster_arn = OutputName[str]("ecsClusterArn")
    cluster_name = OutputName[str]("ecsClusterName")
    repository_arn = OutputName[str]("ecrRepositoryArn")
    repository_url = OutputName[str]("ecrRepositoryUrl")
    further_repository_arns = OutputName[dict[str, str]]("ecrRepositoryArns")
    further_repository_urls = OutputName[dict[str, str]]("ecrRepositoryUrls")
    key_arn = OutputName[str]("kmsKeyArn")
    key_alias = OutputName[str]("kmsAlias")
    bucket_name = OutputName[str]("configBucketName")
    bucket_arn = OutputName[str]("configBucketArn")
    app_images_bucket_name = OutputName[str]("appImagesBucketName")
    app_images_bucket_arn = OutputName[str]("appImagesBucketArn")
    log_bucket_name = OutputName[str]("loadBalancerLogBucketName")
    zone_id = OutputName[str]("hostedZoneId")
    zone_name = OutputName[str]("hostedZoneName")
    certificate_names = OutputName[list[str]]("certificateDomainNames")
    certificate_arn = OutputName[str]("certificateArn")

    def subnet_id(self, tier: Tier, zone: Zone) -> str:
        return self.outputs[f"subnet{tier.capitalize()}{zone.upper()}"]

    def route_table_id(self, tier: Tier, zone: Zone) -> str:
        """The table of a subnet; all public subnets have the same one."""
        return self.outputs["routeTablePublic" if tier == "public" else f"routeTablePrivate{zone.upper()}"]


@dataclass(frozen=True)
class StackOutput:
    """The row of an output: its type and its documentation."""

    type: type
    """str, bool, or list or dict of strings."""
    meaning: str
    only_with: str
    """Empty for an output that every stack has."""

    @property
    def type_name(self) -> str:
        return {str: "a string", bool: "true or false", list: "a list of strings", dict: "a map of strings"}[self.type]


def _type_of(annotation: Any) -> type:
    """What the Output of a field holds."""
    while get_origin(annotation) in (Output, Union, UnionType):
        annotation = get_args(annotation)[0]
    return get_origin(annotation) or annotation


STACK_OUTPUTS: Mapping[str, StackOutput] = {
    camel_case(item.name): StackOutput(_type_of(item.type), item.metadata["meaning"], item.metadata["only_with"])
    for item in fields(BaseLayer)
}


SUITE_EXPORTS: Mapping[str, tuple[str, str]] = {
    export: (camel_case(item.name), entry)
    for item in fields(BaseLayer)
    for export, entry in item.metadata["suite"].items()
}
"""The stack output that is the value of each export, and of a map, which entry."""


def output_value(outputs: Mapping[str, Any], name: str, entry: str = "") -> str:
    """The value of an output, or of an entry of a map."""
    return outputs[name][entry] if entry else outputs[name]


def missing_outputs(found: Mapping[str, Any]) -> list[str]:
    """The outputs that every stack has, and that are not among `found`."""
    return [name for name, output in STACK_OUTPUTS.items() if name not in found and not output.only_with]


def _complete(stack: str, found: Mapping[str, Any]) -> Mapping[str, Any]:
    if missing := missing_outputs(found):
        raise pulumi.RunError(
            f"stack {stack}: found no output {', '.join(missing)}, which this contract expects: deploy the stack with"
            " the current tak-base"
        )
    return found


def _pick(outputs: Output[Mapping[str, Any]], name: str) -> Output[Any]:
    return outputs.apply(lambda found: found.get(name))
