"""Compute: the ECS cluster for Fargate, and the repositories for its images."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_awsx as awsx
from pulumi import Alias, Input, Output, ResourceOptions

from tak_base.deployment_target import DeploymentTarget
from tak_base.policy_documents import lambda_pull_policy, lifecycle_policy
from tak_base.settings import IMAGES, ComputeSettings, ImageRepository


@dataclass(frozen=True)
class ComputeArgs:
    settings: ComputeSettings
    cluster_name: str
    exec_log_group_name: str
    """The log group in which ECS Exec records sessions."""
    insights_log_group_name: str
    """The log group of Container Insights; AWS decides its name."""
    log_retention_days: int
    protect_data: bool
    """True: no deployment deletes a repository. False: `pulumi destroy` deletes them with their images."""
    kms_key_arn: Input[str]
    target: DeploymentTarget


class Compute(pulumi.ComponentResource):
    """An ECS cluster with the Fargate capacity providers, and ECR repositories, encrypted with one key."""

    cluster_arn: Output[str]
    cluster_name: Output[str]
    repository_arn: Output[str]
    repository_url: Output[str]
    further_repository_urls: Output[dict[str, str]] | None
    further_repository_arns: Output[dict[str, str]] | None
    """By the names in `repositories`; None where the stack file has none."""

    def __init__(self, name: str, args: ComputeArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tak-base:index:Compute", name, None, opts)
        self._name = name
        self._args = args

        exec_log_group = None
        if args.settings.ecs_exec == "audited":
            exec_log_group = self._create_log_group("exec", args.exec_log_group_name)
        insights_log_groups = []
        if args.settings.container_insights != "disabled":
            # Without it ECS creates the log group, without the key and without an expiry.
            insights_log_groups.append(self._create_log_group("insights", args.insights_log_group_name))
        cluster = self._create_cluster(exec_log_group, insights_log_groups)
        self._attach_capacity_providers(cluster)
        repository, *further = [self._create_repository(item) for item in args.settings.image_repositories]

        self.cluster_arn = cluster.arn
        self.cluster_name = cluster.name
        self.repository_url = repository.url
        self.repository_arn = self._arn_of(repository)
        names = [item.name for item in args.settings.image_repositories[1:]]
        by_name = dict(zip(names, further, strict=True))
        self.further_repository_urls = Output.all(**{key: item.url for key, item in by_name.items()}) if names else None
        self.further_repository_arns = (
            Output.all(**{key: self._arn_of(item) for key, item in by_name.items()}) if names else None
        )
        self.register_outputs({"clusterArn": self.cluster_arn, "repositoryUrl": self.repository_url})

    def _create_log_group(self, role: str, log_group_name: str) -> aws.cloudwatch.LogGroup:
        return aws.cloudwatch.LogGroup(
            f"{self._name}-{role}-log-group",
            name=log_group_name,
            retention_in_days=self._args.log_retention_days,
            kms_key_id=self._args.kms_key_arn,
            opts=ResourceOptions(parent=self),
        )

    def _create_cluster(
        self, exec_log_group: aws.cloudwatch.LogGroup | None, insights_log_groups: list[aws.cloudwatch.LogGroup]
    ) -> aws.ecs.Cluster:
        return aws.ecs.Cluster(
            f"{self._name}-cluster",
            name=self._args.cluster_name,
            settings=[
                aws.ecs.ClusterSettingArgs(name="containerInsights", value=self._args.settings.container_insights)
            ],
            configuration=aws.ecs.ClusterConfigurationArgs(
                managed_storage_configuration=aws.ecs.ClusterConfigurationManagedStorageConfigurationArgs(
                    fargate_ephemeral_storage_kms_key_id=self._args.kms_key_arn
                ),
                execute_command_configuration=self._exec_configuration(exec_log_group),
            ),
            tags={"Name": self._args.cluster_name},
            opts=ResourceOptions(parent=self, depends_on=insights_log_groups),
        )

    def _exec_configuration(
        self, log_group: aws.cloudwatch.LogGroup | None
    ) -> aws.ecs.ClusterConfigurationExecuteCommandConfigurationArgs:
        if not log_group:
            # ECS's default, written out: an update without it could leave the audit switched on.
            return aws.ecs.ClusterConfigurationExecuteCommandConfigurationArgs(logging="DEFAULT")
        return aws.ecs.ClusterConfigurationExecuteCommandConfigurationArgs(
            kms_key_id=self._args.kms_key_arn,
            logging="OVERRIDE",
            log_configuration=aws.ecs.ClusterConfigurationExecuteCommandConfigurationLogConfigurationArgs(
                cloud_watch_encryption_enabled=True,
                cloud_watch_log_group_name=log_group.name,
            ),
        )

    def _attach_capacity_providers(self, cluster: aws.ecs.Cluster) -> None:
        aws.ecs.ClusterCapacityProviders(
            f"{self._name}-capacity-providers",
            cluster_name=cluster.name,
            capacity_providers=["FARGATE", "FARGATE_SPOT"],
            default_capacity_provider_strategies=[
                aws.ecs.ClusterCapacityProvidersDefaultCapacityProviderStrategyArgs(
                    capacity_provider=self._args.settings.default_capacity_provider, weight=1
                )
            ],
            opts=ResourceOptions(parent=self),
        )

    def _create_repository(self, repository: ImageRepository) -> awsx.ecr.Repository:
        first = f"{self._name}-{IMAGES}"
        name = first if repository.name == IMAGES else f"{first}-{repository.name}"
        made = awsx.ecr.Repository(
            name,
            awsx.ecr.RepositoryArgs(
                encryption_configurations=[
                    aws.ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=self._args.kms_key_arn)
                ],
                image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
                image_tag_mutability=self._args.settings.image_tag_mutability,
                # A lifecycle policy made by awsx would be protected with the repository, and could not be changed.
                lifecycle_policy=awsx.ecr.LifecyclePolicyArgs(skip=True),
                force_delete=not self._args.protect_data,
            ),
            opts=ResourceOptions(
                parent=self, protect=self._args.protect_data, retain_on_delete=self._args.protect_data
            ),
        )
        aws.ecr.LifecyclePolicy(
            f"{name}-lifecycle",
            repository=made.url.apply(_name_of),
            policy=json.dumps(lifecycle_policy(repository.tag_prefixes, repository.retention_count)),
            opts=ResourceOptions(
                parent=self,
                # The provider replaces the policy at every change of its text. ECR has one policy a repository, so the
                # new one overwrites the old one, and nothing may be deleted afterwards.
                retain_on_delete=True,
                # In version 0.1.0 awsx created it.
                aliases=[Alias(name=name.lower(), parent=made)],
            ),
        )
        if repository.lambda_pull:
            aws.ecr.RepositoryPolicy(
                f"{name}-policy",
                repository=made.url.apply(_name_of),
                policy=json.dumps(lambda_pull_policy(self._args.target)),
                opts=ResourceOptions(parent=self, retain_on_delete=self._args.protect_data),
            )
        return made

    def _arn_of(self, repository: awsx.ecr.Repository) -> Output[str]:
        return repository.url.apply(lambda url: self._args.target.arn("ecr", f"repository/{_name_of(url)}"))


def _name_of(url: str) -> str:
    # awsx returns the repository as a resource reference; its URL, REGISTRY/NAME, is a string.
    return url.split("/", 1)[1]
