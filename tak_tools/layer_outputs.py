"""The stack outputs of a base layer as the tools read them, under names that stay when an output is renamed.

Only tak_base/outputs.py and this module have an output's name; everything else uses attributes such as `key_alias`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from tak_base.addressing import Tier, Zone

Value = TypeVar("Value")


class _Output(Generic[Value]):
    """An attribute that is an output: its value in a layer, itself with its `name` in the class."""

    def __init__(self, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, layer: None, owner: type) -> Self: ...

    @overload
    def __get__(self, layer: "LayerOutputs", owner: type) -> Value: ...

    def __get__(self, layer: "LayerOutputs | None", owner: type) -> Any:
        return self if layer is None else layer.outputs[self.name]


class LayerOutputs:
    """The outputs of a base layer. Raises KeyError for an output that the layer does not have."""

    if TYPE_CHECKING:
        # Each class of layers has them as a field.
        @property
        def outputs(self) -> Mapping[str, Any]: ...

    published_environment = _Output[str]("environment")
    published_region = _Output[str]("region")
    vpc_id = _Output[str]("vpcId")
    ipv4_range = _Output[str]("vpcCidrIpv4")
    ipv6_range = _Output[str]("vpcCidrIpv6")
    zone_names = _Output[list[str]]("availabilityZones")
    nat_addresses = _Output[list[str]]("natPublicIps")
    endpoint_group_id = _Output[str]("endpointSecurityGroupId")
    cluster_arn = _Output[str]("ecsClusterArn")
    cluster_name = _Output[str]("ecsClusterName")
    repository_arn = _Output[str]("ecrRepositoryArn")
    repository_url = _Output[str]("ecrRepositoryUrl")
    further_repository_arns = _Output[dict[str, str]]("ecrRepositoryArns")
    further_repository_urls = _Output[dict[str, str]]("ecrRepositoryUrls")
    key_arn = _Output[str]("kmsKeyArn")
    key_alias = _Output[str]("kmsAlias")
    bucket_name = _Output[str]("configBucketName")
    bucket_arn = _Output[str]("configBucketArn")
    app_images_bucket_name = _Output[str]("appImagesBucketName")
    app_images_bucket_arn = _Output[str]("appImagesBucketArn")
    log_bucket_name = _Output[str]("loadBalancerLogBucketName")
    log_bucket_arn = _Output[str]("loadBalancerLogBucketArn")
    zone_id = _Output[str]("hostedZoneId")
    zone_name = _Output[str]("hostedZoneName")
    certificate_names = _Output[list[str]]("certificateDomainNames")
    certificate_arn = _Output[str]("certificateArn")

    def subnet_id(self, tier: Tier, zone: Zone) -> str:
        return self.outputs[f"subnet{tier.capitalize()}{zone.upper()}"]

    def route_table_id(self, tier: Tier, zone: Zone) -> str:
        """The table of a subnet; all public subnets have the same one."""
        return self.outputs["routeTablePublic" if tier == "public" else f"routeTablePrivate{zone.upper()}"]

    def has(self, output: _Output[Any]) -> bool:
        """Whether the layer has an output, such as `LayerOutputs.endpoint_group_id`."""
        return output.name in self.outputs

    @property
    def repository_name(self) -> str:
        """The name in ECR of the repository that every stack has."""
        return self.repository_url.split("/", 1)[1]

    @property
    def further_repository_names(self) -> dict[str, str]:
        """The names in ECR of the further repositories, by their names in the stack file."""
        urls = self.outputs.get(LayerOutputs.further_repository_urls.name, {})
        return {name: url.split("/", 1)[1] for name, url in urls.items()}

    @property
    def repository_urls(self) -> list[str]:
        """Those of all repositories, that which every stack has first."""
        return [self.repository_url, *self.outputs.get(LayerOutputs.further_repository_urls.name, {}).values()]

    @property
    def repository_names(self) -> list[str]:
        """As `repository_urls`."""
        return [url.split("/", 1)[1] for url in self.repository_urls]

    @property
    def repository_arns(self) -> list[str]:
        """As `repository_urls`."""
        return [self.repository_arn, *self.outputs.get(LayerOutputs.further_repository_arns.name, {}).values()]

    @property
    def account_id(self) -> str:
        return self.key_arn.split(":")[4]

    @property
    def partition(self) -> str:
        return self.key_arn.split(":")[1]
