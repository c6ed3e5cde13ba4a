"""PrivateEndpoints: VPC endpoints, so that traffic of the private subnets to AWS services stays off the internet."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from tak_base.deployment_target import DeploymentTarget
from tak_base.endpoint_policies import endpoint_policy
from tak_base.endpoint_services import DUAL_STACK_SERVICES, GATEWAY_SERVICES
from tak_base.settings import EndpointSettings


@dataclass(frozen=True)
class PrivateEndpointsArgs:
    name_prefix: str
    """The beginning of every Name tag."""
    settings: EndpointSettings
    target: DeploymentTarget
    vpc_id: Input[str]
    vpc_ipv4_cidr: Input[str]
    vpc_ipv6_cidr: Input[str]
    subnets: Sequence[aws.ec2.Subnet]
    """The private subnets: each gets a network interface of every interface endpoint."""
    route_table_ids: Sequence[Input[str]]
    """The private route tables: each gets the routes of every gateway endpoint."""


class PrivateEndpoints(pulumi.ComponentResource):
    """The VPC endpoints of the private subnets, and the security group in front of the interface endpoints.

    S3 and DynamoDB get gateway endpoints, which are free; every other service an interface endpoint with
    private DNS, so that clients need no configuration.
    """

    security_group_id: Output[str] | None
    """None without interface endpoints."""

    def __init__(self, name: str, args: PrivateEndpointsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tak-base:index:PrivateEndpoints", name, None, opts)
        self._name = name
        self._args = args

        gateway_services = [service for service in args.settings.vpc_endpoints if service in GATEWAY_SERVICES]
        interface_services = [service for service in args.settings.vpc_endpoints if service not in GATEWAY_SERVICES]
        self.security_group_id = None
        for service in gateway_services:
            self._create_gateway_endpoint(service)
        if interface_services:
            self.security_group_id = self._create_security_group().id
        for service in interface_services:
            self._create_interface_endpoint(service)
        self.register_outputs({"securityGroupId": self.security_group_id})

    def _create_security_group(self) -> aws.ec2.SecurityGroup:
        return aws.ec2.SecurityGroup(
            # AWS refuses physical names that start with "sg-", and this name becomes one.
            f"{self._name}-endpoints-security-group",
            description="HTTPS from the VPC to the interface endpoints",
            vpc_id=self._args.vpc_id,
            ingress=[
                aws.ec2.SecurityGroupIngressArgs(
                    description="HTTPS from the VPC",
                    protocol="tcp",
                    from_port=443,
                    to_port=443,
                    cidr_blocks=[self._args.vpc_ipv4_cidr],
                    ipv6_cidr_blocks=[self._args.vpc_ipv6_cidr],
                )
            ],
            egress=[],
            tags={"Name": f"{self._args.name_prefix}-endpoints"},
            opts=ResourceOptions(parent=self),
        )

    def _create_gateway_endpoint(self, service: str) -> None:
        aws.ec2.VpcEndpoint(
            f"{self._name}-endpoint-{_logical(service)}",
            vpc_endpoint_type="Gateway",
            vpc_id=self._args.vpc_id,
            service_name=self._service_name(service),
            route_table_ids=self._args.route_table_ids,
            **self._options(service),
            tags=self._name_tag(service),
            opts=ResourceOptions(parent=self),
        )

    def _create_interface_endpoint(self, service: str) -> None:
        aws.ec2.VpcEndpoint(
            f"{self._name}-endpoint-{_logical(service)}",
            vpc_endpoint_type="Interface",
            vpc_id=self._args.vpc_id,
            service_name=self._service_name(service),
            subnet_ids=[subnet.id for subnet in self._args.subnets],
            security_group_ids=[self.security_group_id] if self.security_group_id else None,
            private_dns_enabled=True,
            **self._options(service),
            tags=self._name_tag(service),
            # AWS deletes no subnet that holds a network interface of an endpoint, and a VPC has one endpoint for a
            # private DNS name: where a subnet is replaced, the endpoint is deleted before and made after it.
            opts=ResourceOptions(parent=self, replace_with=[*self._args.subnets], delete_before_replace=True),
        )

    def _options(self, service: str) -> dict[str, Any]:
        """Properties of both kinds of endpoints, where the service supports them. AWS changes all of them in place."""
        options: dict[str, Any] = {}
        policy = endpoint_policy(self._args.target, service, self._args.settings)
        if policy:
            options["policy"] = json.dumps(policy)
        if self._args.settings.endpoint_ip_address_type and service in DUAL_STACK_SERVICES:
            options["ip_address_type"] = self._args.settings.endpoint_ip_address_type
            # Without this, S3's regional DNS name has no IPv6 address.
            options["dns_options"] = aws.ec2.VpcEndpointDnsOptionsArgs(
                dns_record_ip_type=self._args.settings.endpoint_ip_address_type
            )
        return options

    def _service_name(self, service: str) -> str:
        return f"com.amazonaws.{self._args.target.region}.{service}"

    def _name_tag(self, service: str) -> dict[str, str]:
        return {"Name": f"{self._args.name_prefix}-{_logical(service)}"}


def _logical(service: str) -> str:
    return service.replace(".", "-")
