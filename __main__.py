"""The base layer of one stack: settings -> components -> outputs."""

from pulumi import Output

from tak_base.compute import Compute, ComputeArgs
from tak_base.deployment_target import look_up_target
from tak_base.encrypted_storage import EncryptedStorage, EncryptedStorageArgs
from tak_base.live_stack import look_up_live_outputs, refuse_to_break
from tak_base.network import Network, NetworkArgs
from tak_base.outputs import BaseLayer
from tak_base.private_endpoints import PrivateEndpoints, PrivateEndpointsArgs
from tak_base.public_dns import public_dns
from tak_base.published_outputs import publish_outputs
from tak_base.settings import load_settings
from tak_base.tak_suite import tak_suite

# The start of every logical name. Changing it would replace the whole layer.
NAME = "tak"

settings = load_settings()
target = look_up_target()

# First: these two stop the deployment before anything is touched.
refuse_to_break(look_up_live_outputs(), settings, target)
dns = public_dns(NAME, settings.name, settings.dns)

storage = EncryptedStorage(
    NAME,
    EncryptedStorageArgs(
        name_prefix=settings.name,
        settings=settings.storage,
        key_alias=settings.key_alias,
        cluster_name=settings.cluster_name,
        log_group_names=settings.log_group_patterns,
        protect_data=settings.protect_data,
        log_retention_days=settings.log_retention_days,
        target=target,
    ),
)

network = Network(
    NAME,
    NetworkArgs(
        name_prefix=settings.name,
        settings=settings.network,
        flow_log_group_name=settings.flow_log_group_name,
        permissions_boundary=settings.permissions_boundary,
        log_retention_days=settings.log_retention_days,
        target=target,
        kms_key_arn=storage.key_arn,
    ),
)

endpoints = PrivateEndpoints(
    NAME,
    PrivateEndpointsArgs(
        name_prefix=settings.name,
        settings=settings.endpoints,
        target=target,
        vpc_id=network.vpc_id,
        vpc_ipv4_cidr=network.ipv4_cidr,
        vpc_ipv6_cidr=network.ipv6_cidr,
        subnets=network.private_subnets,
        route_table_ids=list(network.private_route_table_ids.values()),
    ),
)

compute = Compute(
    NAME,
    ComputeArgs(
        settings=settings.compute,
        cluster_name=settings.cluster_name,
        exec_log_group_name=settings.exec_log_group_name,
        insights_log_group_name=settings.insights_log_group_name,
        log_retention_days=settings.log_retention_days,
        protect_data=settings.protect_data,
        kms_key_arn=storage.key_arn,
        target=target,
    ),
)

outputs = BaseLayer(
    environment=Output.from_input(settings.environment),
    protect_data=Output.from_input(settings.protect_data),
    region=Output.from_input(target.region),
    vpc_id=network.vpc_id,
    vpc_cidr_ipv4=network.ipv4_cidr,
    vpc_cidr_ipv6=network.ipv6_cidr,
    availability_zones=Output.all(*network.availability_zones),
    subnet_public_a=network.public_subnet_ids["a"],
    subnet_public_b=network.public_subnet_ids["b"],
    subnet_private_a=network.private_subnet_ids["a"],
    subnet_private_b=network.private_subnet_ids["b"],
    private_subnet_cidrs=Output.all(*network.private_subnet_cidrs),
    route_table_public=network.public_route_table_id,
    route_table_private_a=network.private_route_table_ids["a"],
    route_table_private_b=network.private_route_table_ids["b"],
    nat_public_ips=Output.all(*network.nat_public_ips),
    endpoint_security_group_id=endpoints.security_group_id,
    ecs_cluster_arn=compute.cluster_arn,
    ecs_cluster_name=compute.cluster_name,
    ecr_repository_arn=compute.repository_arn,
    ecr_repository_url=compute.repository_url,
    kms_key_arn=storage.key_arn,
    kms_alias=storage.key_alias,
    config_bucket_name=storage.bucket_name,
    config_bucket_arn=storage.bucket_arn,
    ecr_repository_urls=compute.further_repository_urls,
    ecr_repository_arns=compute.further_repository_arns,
    app_images_bucket_name=storage.app_images_bucket_name,
    app_images_bucket_arn=storage.app_images_bucket_arn,
    load_balancer_log_bucket_name=storage.load_balancer_log_bucket_name,
    load_balancer_log_bucket_arn=storage.load_balancer_log_bucket_arn,
    hosted_zone_id=dns.zone_id,
    hosted_zone_name=dns.zone_name,
    certificate_domain_names=dns.certificate_domain_names,
    certificate_arn=dns.certificate_arn,
)
outputs.export()
parameter = publish_outputs(
    NAME,
    settings.outputs_parameter_name,
    outputs.by_name(),
    protect=settings.protect_data,
    depends_on=[storage, network, endpoints, compute],
)
tak_suite(
    NAME,
    settings.suite_stack_name,
    outputs.by_name(),
    protect=settings.protect_data,
    depends_on=[storage, network, endpoints, compute, parameter],
)
