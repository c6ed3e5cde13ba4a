"""Service: the Fargate tasks with their security group, roles, secret and log group."""

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, Resource, ResourceOptions

from fargate_service.permissions import (
    Document,
    execute_command_permissions,
    execution_permissions,
    execution_trust,
    task_permissions,
    task_trust,
)
from fargate_service.settings import CapacityProvider, Egress
from tak_base.outputs import BaseLayer

_CONTAINER = "web"


@dataclass(frozen=True)
class ServiceArgs:
    base: BaseLayer
    name_prefix: str
    """Start of every Name tag, and of the keys of the service's objects in the config bucket."""
    log_group_name: str
    """A name for which the base layer's key policy lets CloudWatch Logs use the key."""
    exec_log_group_name: str
    image: str
    """A tag or a digest in the base layer's repository."""
    container_port: int
    cpu: int
    memory: int
    """MiB"""
    desired_count: int
    capacity_provider: CapacityProvider
    egress: Egress
    protect_data: bool
    """True: no deployment deletes the secret."""
    enable_execute_command: bool
    load_balancer_security_group_id: Input[str]
    target_group_arn: Input[str]


class Service(pulumi.ComponentResource):
    """A Fargate service in the private subnets, with its roles, secret and log group."""

    service_name: Output[str]
    security_group_id: Output[str]
    secret_arn: Output[str]
    log_group_name: Output[str]

    def __init__(self, name: str, args: ServiceArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fargate-service:index:Service", name, None, opts)
        self._name = name
        self._args = args
        # A task needs these when it starts, but the service does not refer to them.
        self._before_tasks: list[Resource] = []

        security_group = self._create_security_group()
        self._let_the_load_balancer_in(security_group)
        self._let_tasks_out(security_group)
        log_group = self._create_log_group()
        secret = self._create_secret()
        permissions = {"start": execution_permissions(args.base, log_group.arn, secret.arn)}
        execution_role = self._create_role("execution", execution_trust(), permissions)
        task_role = self._create_role("task", task_trust(args.base), self._permissions_of_tasks())
        task_definition = self._create_task_definition(execution_role, task_role, log_group, secret)
        service = self._create_service(task_definition, security_group)

        self.service_name = service.name
        self.security_group_id = security_group.id
        self.secret_arn = secret.arn
        self.log_group_name = log_group.name
        self.register_outputs({"serviceName": self.service_name})

    def _create_security_group(self) -> aws.ec2.SecurityGroup:
        return aws.ec2.SecurityGroup(
            f"{self._name}-tasks-group",
            description="The tasks: in from the load balancer, out by HTTPS",
            vpc_id=self._args.base.vpc_id,
            tags={"Name": f"{self._args.name_prefix}-tasks"},
            opts=ResourceOptions(parent=self),
        )

    def _let_the_load_balancer_in(self, security_group: aws.ec2.SecurityGroup) -> None:
        port = self._args.container_port
        load_balancer = self._args.load_balancer_security_group_id
        aws.vpc.SecurityGroupEgressRule(
            f"{self._name}-load-balancer-out",
            description="To the tasks",
            security_group_id=load_balancer,
            referenced_security_group_id=security_group.id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            opts=ResourceOptions(parent=self),
        )
        aws.vpc.SecurityGroupIngressRule(
            f"{self._name}-tasks-in",
            description="From the load balancer",
            security_group_id=security_group.id,
            referenced_security_group_id=load_balancer,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            opts=ResourceOptions(parent=self),
        )

    def _let_tasks_out(self, security_group: aws.ec2.SecurityGroup) -> None:
        """HTTPS only. Security groups do not see DNS of the VPC or the credentials of a task, so these need no rule."""
        for role, description, destination in self._destinations():
            rule = aws.vpc.SecurityGroupEgressRule(
                f"{self._name}-tasks-out-{role}",
                description=description,
                security_group_id=security_group.id,
                ip_protocol="tcp",
                from_port=443,
                to_port=443,
                **destination,
                opts=ResourceOptions(parent=self),
            )
            self._before_tasks.append(rule)

    def _destinations(self) -> list[tuple[str, str, dict[str, Any]]]:
        if self._args.egress == "internet":
            return [
                ("ipv4", "To anywhere", {"cidr_ipv4": "0.0.0.0/0"}),
                ("ipv6", "To anywhere", {"cidr_ipv6": "::/0"}),
            ]
        base = self._args.base
        # The gateway endpoint of S3 has no security group: its addresses are in this prefix list.
        s3 = aws.ec2.get_managed_prefix_list_output(name=Output.format("com.amazonaws.{}.s3", base.region))
        endpoints = Output.from_input(base.endpoint_security_group_id).apply(_endpoints_needed)
        return [
            ("endpoints", "To the interface endpoints", {"referenced_security_group_id": endpoints}),
            ("s3", "To S3, where image layers are", {"prefix_list_id": s3.id}),
        ]

    def _create_log_group(self) -> aws.cloudwatch.LogGroup:
        return aws.cloudwatch.LogGroup(
            f"{self._name}-log-group",
            name=self._args.log_group_name,
            retention_in_days=self._args.base.environment.apply(lambda name: 365 if name == "prod" else 30),
            kms_key_id=self._args.base.kms_key_arn,
            opts=ResourceOptions(parent=self),
        )

    def _create_secret(self) -> aws.secretsmanager.Secret:
        """Without a value: a person sets it, so it is in no stack file and no state."""
        return aws.secretsmanager.Secret(
            f"{self._name}-secret",
            description=f"{self._args.name_prefix}: read by its tasks as SECRET",
            kms_key_id=self._args.base.kms_key_arn,
            tags={"Name": self._args.name_prefix},
            opts=ResourceOptions(parent=self, protect=self._args.protect_data),
        )

    def _permissions_of_tasks(self) -> dict[str, Document]:
        permissions = {"config": task_permissions(self._args.base, self._config_prefix)}
        if self._args.enable_execute_command:
            exec_log_group = self._args.exec_log_group_name
            permissions["exec"] = execute_command_permissions(self._args.base, exec_log_group)
        return permissions

    def _create_role(self, role: str, trust: Document, permissions: dict[str, Document]) -> aws.iam.Role:
        made = aws.iam.Role(
            f"{self._name}-{role}-role",
            assume_role_policy=Output.json_dumps(trust),
            tags={"Name": f"{self._args.name_prefix}-{role}"},
            opts=ResourceOptions(parent=self),
        )
        for purpose, document in permissions.items():
            policy = aws.iam.RolePolicy(
                f"{self._name}-{role}-{purpose}-policy",
                role=made.name,
                policy=Output.json_dumps(document),
                opts=ResourceOptions(parent=self),
            )
            self._before_tasks.append(policy)
        return made

    def _create_task_definition(
        self,
        execution_role: aws.iam.Role,
        task_role: aws.iam.Role,
        log_group: aws.cloudwatch.LogGroup,
        secret: aws.secretsmanager.Secret,
    ) -> aws.ecs.TaskDefinition:
        return aws.ecs.TaskDefinition(
            f"{self._name}-task",
            family=self._args.name_prefix,
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            cpu=str(self._args.cpu),
            memory=str(self._args.memory),
            runtime_platform=aws.ecs.TaskDefinitionRuntimePlatformArgs(
                operating_system_family="LINUX", cpu_architecture="X86_64"
            ),
            execution_role_arn=execution_role.arn,
            task_role_arn=task_role.arn,
            container_definitions=Output.json_dumps([self._container(log_group, secret)]),
            # Fargate's ephemeral storage, which the cluster encrypts under the base layer's key.
            volumes=[aws.ecs.TaskDefinitionVolumeArgs(name="tmp")],
            tags={"Name": self._args.name_prefix},
            opts=ResourceOptions(parent=self),
        )

    def _container(self, log_group: aws.cloudwatch.LogGroup, secret: aws.secretsmanager.Secret) -> dict[str, Any]:
        base = self._args.base
        separator = "@" if self._args.image.startswith("sha256:") else ":"
        return {
            "name": _CONTAINER,
            "image": Output.format("{}{}{}", base.ecr_repository_url, separator, self._args.image),
            "essential": True,
            "privileged": False,
            # The agent of ECS Exec has to write to it.
            "readonlyRootFilesystem": not self._args.enable_execute_command,
            "mountPoints": [{"sourceVolume": "tmp", "containerPath": "/tmp", "readOnly": False}],  # noqa: S108
            "linuxParameters": {"initProcessEnabled": True},
            "portMappings": [{"containerPort": self._args.container_port, "protocol": "tcp"}],
            "environment": [
                {"name": "CONFIG_BUCKET", "value": base.config_bucket_name},
                {"name": "CONFIG_PREFIX", "value": self._config_prefix},
            ],
            "secrets": [{"name": "SECRET", "valueFrom": secret.arn}],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": log_group.name,
                    "awslogs-region": base.region,
                    "awslogs-stream-prefix": _CONTAINER,
                },
            },
        }

    def _create_service(
        self, task_definition: aws.ecs.TaskDefinition, security_group: aws.ec2.SecurityGroup
    ) -> aws.ecs.Service:
        base = self._args.base
        return aws.ecs.Service(
            f"{self._name}-service",
            cluster=base.ecs_cluster_arn,
            task_definition=task_definition.arn,
            desired_count=self._args.desired_count,
            # Named, because the provider replaces a service that took the cluster's default:
            # https://github.com/hashicorp/terraform-provider-aws/issues/29143
            capacity_provider_strategies=[
                aws.ecs.ServiceCapacityProviderStrategyArgs(capacity_provider=self._args.capacity_provider, weight=1)
            ],
            network_configuration=aws.ecs.ServiceNetworkConfigurationArgs(
                subnets=[base.subnet_private_a, base.subnet_private_b],
                security_groups=[security_group.id],
                assign_public_ip=False,
            ),
            load_balancers=[
                aws.ecs.ServiceLoadBalancerArgs(
                    target_group_arn=self._args.target_group_arn,
                    container_name=_CONTAINER,
                    container_port=self._args.container_port,
                )
            ],
            health_check_grace_period_seconds=60,
            deployment_minimum_healthy_percent=100,
            deployment_maximum_percent=200,
            deployment_circuit_breaker=aws.ecs.ServiceDeploymentCircuitBreakerArgs(enable=True, rollback=True),
            enable_execute_command=self._args.enable_execute_command,
            enable_ecs_managed_tags=True,
            propagate_tags="SERVICE",
            tags={"Name": self._args.name_prefix},
            opts=ResourceOptions(parent=self, depends_on=self._before_tasks),
        )

    @property
    def _config_prefix(self) -> str:
        return f"{self._args.name_prefix}/"


def _endpoints_needed(security_group_id: str | None) -> str:
    if security_group_id is None:
        raise pulumi.RunError(
            "fargate-service:egress: found endpoints, expected internet: the base layer has no interface endpoints"
        )
    return security_group_id
