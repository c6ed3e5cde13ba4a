"""LoadBalancer: the load balancer in front of the service."""

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Output, ResourceOptions

from tak_base.outputs import BaseLayer

# TLS 1.2 with forward secrecy and authenticated encryption only, and 1.3.
_TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"


@dataclass(frozen=True)
class LoadBalancerArgs:
    base: BaseLayer
    name_prefix: str
    """The beginning of every Name tag."""
    internet_facing: bool
    """False: it is internal, reachable from the VPC only."""
    certificate_arn: str | None
    """None: HTTP on port 80."""
    container_port: int
    health_check_path: str
    protect: bool
    """True: AWS refuses to delete the load balancer."""


class LoadBalancer(pulumi.ComponentResource):
    """A dual-stack application load balancer in the public subnets, with a target group for Fargate tasks."""

    security_group_id: Output[str]
    target_group_arn: Output[str]
    """Known when a listener uses the target group: ECS refuses a target group without a listener."""
    dns_name: Output[str]
    zone_id: Output[str]
    url: Output[str]

    def __init__(self, name: str, args: LoadBalancerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fargate-service:index:LoadBalancer", name, None, opts)
        self._name = name
        self._args = args

        security_group = self._create_security_group()
        load_balancer = self._create_load_balancer(security_group)
        target_group = self._create_target_group()
        if args.certificate_arn:
            listener = self._create_https_listener(load_balancer, target_group, args.certificate_arn)
            self._create_redirect(load_balancer)
        else:
            listener = self._create_http_listener(load_balancer, target_group)

        self.security_group_id = security_group.id
        self.target_group_arn = Output.all(target_group.arn, listener.arn).apply(lambda arns: arns[0])
        self.dns_name = load_balancer.dns_name
        self.zone_id = load_balancer.zone_id
        self.url = Output.format("{}://{}", "https" if args.certificate_arn else "http", load_balancer.dns_name)
        self.register_outputs({"url": self.url})

    def _create_security_group(self) -> aws.ec2.SecurityGroup:
        security_group = aws.ec2.SecurityGroup(
            f"{self._name}-load-balancer-group",
            description="The load balancer: what comes in, and out to the tasks",
            vpc_id=self._args.base.vpc_id,
            tags={"Name": f"{self._args.name_prefix}-load-balancer"},
            opts=ResourceOptions(parent=self),
        )
        anyone = "anywhere" if self._args.internet_facing else "the VPC"
        for port in (443, 80) if self._args.certificate_arn else (80,):
            for family, source in self._sources().items():
                aws.vpc.SecurityGroupIngressRule(
                    f"{self._name}-load-balancer-in-{port}-{family}",
                    description=f"Port {port} from {anyone}",
                    security_group_id=security_group.id,
                    ip_protocol="tcp",
                    from_port=port,
                    to_port=port,
                    **source,
                    opts=ResourceOptions(parent=self),
                )
        return security_group

    def _sources(self) -> dict[str, dict[str, Any]]:
        base = self._args.base
        if self._args.internet_facing:
            return {"ipv4": {"cidr_ipv4": "0.0.0.0/0"}, "ipv6": {"cidr_ipv6": "::/0"}}
        return {"ipv4": {"cidr_ipv4": base.vpc_cidr_ipv4}, "ipv6": {"cidr_ipv6": base.vpc_cidr_ipv6}}

    def _create_load_balancer(self, security_group: aws.ec2.SecurityGroup) -> aws.lb.LoadBalancer:
        base = self._args.base
        return aws.lb.LoadBalancer(
            # AWS allows 32 characters, and Pulumi appends 8.
            f"{self._name}-load-balancer",
            load_balancer_type="application",
            internal=not self._args.internet_facing,
            ip_address_type="dualstack",
            subnets=[base.subnet_public_a, base.subnet_public_b],
            security_groups=[security_group.id],
            drop_invalid_header_fields=True,
            enable_deletion_protection=self._args.protect,
            tags={"Name": self._args.name_prefix},
            opts=ResourceOptions(parent=self),
        )

    def _create_target_group(self) -> aws.lb.TargetGroup:
        return aws.lb.TargetGroup(
            f"{self._name}-tasks",
            # Fargate tasks are registered by IP address.
            target_type="ip",
            protocol="HTTP",
            port=self._args.container_port,
            vpc_id=self._args.base.vpc_id,
            deregistration_delay=30,
            health_check=aws.lb.TargetGroupHealthCheckArgs(path=self._args.health_check_path, matcher="200"),
            tags={"Name": self._args.name_prefix},
            opts=ResourceOptions(parent=self),
        )

    def _create_https_listener(
        self, load_balancer: aws.lb.LoadBalancer, target_group: aws.lb.TargetGroup, certificate_arn: str
    ) -> aws.lb.Listener:
        return aws.lb.Listener(
            f"{self._name}-https",
            load_balancer_arn=load_balancer.arn,
            protocol="HTTPS",
            port=443,
            ssl_policy=_TLS_POLICY,
            certificate_arn=certificate_arn,
            default_actions=[aws.lb.ListenerDefaultActionArgs(type="forward", target_group_arn=target_group.arn)],
            opts=ResourceOptions(parent=self),
        )

    def _create_redirect(self, load_balancer: aws.lb.LoadBalancer) -> None:
        redirect = aws.lb.ListenerDefaultActionRedirectArgs(protocol="HTTPS", port="443", status_code="HTTP_301")
        aws.lb.Listener(
            f"{self._name}-redirect",
            load_balancer_arn=load_balancer.arn,
            protocol="HTTP",
            port=80,
            default_actions=[aws.lb.ListenerDefaultActionArgs(type="redirect", redirect=redirect)],
            opts=ResourceOptions(parent=self),
        )

    def _create_http_listener(
        self, load_balancer: aws.lb.LoadBalancer, target_group: aws.lb.TargetGroup
    ) -> aws.lb.Listener:
        return aws.lb.Listener(
            f"{self._name}-http",
            load_balancer_arn=load_balancer.arn,
            protocol="HTTP",
            port=80,
            default_actions=[aws.lb.ListenerDefaultActionArgs(type="forward", target_group_arn=target_group.arn)],
            opts=ResourceOptions(parent=self),
        )
