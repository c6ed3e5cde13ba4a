"""An example of a layer above the base layer: settings and its outputs -> components -> outputs."""

import pulumi

from fargate_service.load_balancer import LoadBalancer, LoadBalancerArgs
from fargate_service.service import Service, ServiceArgs
from fargate_service.settings import load_settings
from tak_base.outputs import BaseLayer

# The start of every logical name.
NAME = "web"

settings = load_settings()
base = BaseLayer.from_stack(settings.base_layer)

load_balancer = LoadBalancer(
    NAME,
    LoadBalancerArgs(
        base=base,
        name_prefix=settings.name,
        internet_facing=settings.internet_facing,
        certificate_arn=settings.certificate_arn,
        container_port=settings.container_port,
        health_check_path=settings.health_check_path,
        protect=settings.protect_data,
    ),
)

service = Service(
    NAME,
    ServiceArgs(
        base=base,
        name_prefix=settings.name,
        log_group_name=settings.log_group_name,
        exec_log_group_name=settings.exec_log_group_name,
        image=settings.image,
        container_port=settings.container_port,
        cpu=settings.cpu,
        memory=settings.memory,
        desired_count=settings.desired_count,
        capacity_provider=settings.capacity_provider,
        egress=settings.egress,
        protect_data=settings.protect_data,
        enable_execute_command=settings.enable_execute_command,
        load_balancer_security_group_id=load_balancer.security_group_id,
        target_group_arn=load_balancer.target_group_arn,
    ),
)

pulumi.export("url", load_balancer.url)
pulumi.export("loadBalancerDnsName", load_balancer.dns_name)
pulumi.export("loadBalancerZoneId", load_balancer.zone_id)
pulumi.export("serviceName", service.service_name)
pulumi.export("taskSecurityGroupId", service.security_group_id)
pulumi.export("secretArn", service.secret_arn)
pulumi.export("logGroupName", service.log_group_name)
