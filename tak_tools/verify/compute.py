"""Checks of the cluster, the image repository and the log groups."""

import json
from collections.abc import Iterable
from typing import Any

from tak_base.policy_documents import lambda_pull_policy, lifecycle_policy
from tak_base.settings import ImageRepository
from tak_tools.verify.checks import Difference, check, differ, statements
from tak_tools.verify.deployment import Deployment


@check(
    "repository-encryption",
    "The repository encrypts images with the layer's key.",
    actions=("ecr:DescribeRepositories",),
    controls=("ECR.5",),
    of="repository",
)
def repository_encryption(deployment: Deployment) -> Iterable[Difference]:
    return _encryption(deployment, deployment.repository_name)


@check(
    "repository-scan",
    "The repository scans images when they are pushed.",
    actions=("ecr:DescribeRepositories",),
    controls=("ECR.1",),
    of="repository",
)
def repository_scan(deployment: Deployment) -> Iterable[Difference]:
    return _scan(deployment, deployment.repository_name)


@check(
    "repository-tags",
    "Image tags can be moved only where the stack file says so.",
    actions=("ecr:DescribeRepositories",),
    controls=("ECR.2",),
    of="repository",
)
def repository_tags(deployment: Deployment) -> Iterable[Difference]:
    return _tags(deployment, deployment.repository_name)


@check(
    "repository-lifecycle",
    "Untagged images expire after 14 days; of tagged ones the repository keeps as many as the stack file says.",
    actions=("ecr:GetLifecyclePolicy",),
    controls=("ECR.3",),
    of="repository",
)
def repository_lifecycle(deployment: Deployment) -> Iterable[Difference]:
    first, *_ = deployment.settings.compute.image_repositories
    return _lifecycle(deployment, deployment.repository_name, first)


@check(
    "further-repositories",
    "The repositories of the stack file exist, have the settings of the first one, and allow Lambda where it says so.",
    actions=("ecr:DescribeRepositories", "ecr:GetLifecyclePolicy", "ecr:GetRepositoryPolicy"),
    controls=("ECR.1", "ECR.2", "ECR.3", "ECR.5"),
)
def further_repositories(deployment: Deployment) -> Iterable[Difference]:
    for repository in deployment.settings.compute.image_repositories[1:]:
        name = deployment.further_repository_names[repository.name]
        if not deployment.repository_called(name):
            yield Difference(name, "no such repository", f"the repository {repository.name}")
            continue
        yield from _encryption(deployment, name)
        yield from _scan(deployment, name)
        yield from _tags(deployment, name)
        yield from _lifecycle(deployment, name, repository)
        yield from _pull_policy(deployment, name, repository.lambda_pull)


@check(
    "cluster-insights",
    "Container Insights is as the stack file says.",
    actions=("ecs:DescribeClusters",),
    controls=("ECS.12",),
    of="cluster",
)
def cluster_insights(deployment: Deployment) -> Iterable[Difference]:
    settings = {setting["name"]: setting["value"] for setting in deployment.cluster["settings"]}
    expected = deployment.settings.compute.container_insights
    yield from differ(deployment.cluster_name, "Container Insights", settings.get("containerInsights"), expected)


@check(
    "cluster-capacity-providers",
    "The cluster is active and runs tasks on FARGATE and FARGATE_SPOT, by default on the one of the stack file.",
    actions=("ecs:DescribeClusters",),
    of="cluster",
)
def cluster_capacity_providers(deployment: Deployment) -> Iterable[Difference]:
    cluster = deployment.cluster
    yield from differ(deployment.cluster_name, "state", cluster["status"], "ACTIVE")
    yield from differ(
        deployment.cluster_name, "capacity providers", cluster["capacityProviders"], ["FARGATE", "FARGATE_SPOT"]
    )
    strategy = [
        f"{item['capacityProvider']} with weight {item['weight']}"
        for item in cluster["defaultCapacityProviderStrategy"]
    ]
    expected = [f"{deployment.settings.compute.default_capacity_provider} with weight 1"]
    yield from differ(deployment.cluster_name, "default capacity providers", strategy, expected)


@check(
    "cluster-encryption",
    "The layer's key encrypts Fargate's ephemeral storage. With `ecsExec: audited`, it encrypts ECS Exec too, whose"
    " records go to an encrypted log group.",
    actions=("ecs:DescribeClusters",),
    of="cluster",
)
def cluster_encryption(deployment: Deployment) -> Iterable[Difference]:
    configuration = deployment.cluster.get("configuration", {})
    storage = configuration.get("managedStorageConfiguration", {})
    execute_command = configuration.get("executeCommandConfiguration", {})
    keys = {"key of the ephemeral storage": storage.get("fargateEphemeralStorageKmsKeyId")}
    if deployment.settings.compute.ecs_exec == "audited":
        keys["key of ECS Exec"] = execute_command.get("kmsKeyId")
    for what, key in keys.items():
        if not deployment.is_key(key):
            yield from differ(deployment.cluster_name, what, key, deployment.key_arn)
    if deployment.settings.compute.ecs_exec == "default":
        # A key alone refuses task roles that may not use it.
        yield from differ(deployment.cluster_name, "key of ECS Exec", execute_command.get("kmsKeyId"), None)
        logging = execute_command.get("logging", "DEFAULT")
        yield from differ(deployment.cluster_name, "log of ECS Exec", logging, "DEFAULT")
        return
    log = execute_command.get("logConfiguration", {})
    group = deployment.settings.exec_log_group_name
    yield from differ(deployment.cluster_name, "log of ECS Exec", execute_command.get("logging"), "OVERRIDE")
    yield from differ(deployment.cluster_name, "log group of ECS Exec", log.get("cloudWatchLogGroupName"), group)
    encrypted = log.get("cloudWatchEncryptionEnabled", False)
    yield from differ(deployment.cluster_name, "encryption of the log of ECS Exec", encrypted, True)


@check(
    "log-groups",
    "Each log group of the layer is encrypted with its key and keeps events as long as the stack file says.",
    actions=("logs:DescribeLogGroups",),
    controls=("CloudWatch.16",),
)
def log_groups(deployment: Deployment) -> Iterable[Difference]:
    for name in deployment.log_group_names:
        group = deployment.log_group(name)
        if group is None:
            yield Difference(name, "no such log group", "the log group")
            continue
        # Absent where events never expire.
        days = group.get("retentionInDays")
        yield from differ(name, "retention in days", days, deployment.settings.log_retention_days)
        yield from differ(name, "key", group.get("kmsKeyId"), deployment.key_arn)


def _encryption(deployment: Deployment, name: str) -> Iterable[Difference]:
    found = deployment.repository_called(name)["encryptionConfiguration"]
    yield from differ(name, "encryption", found["encryptionType"], "KMS")
    if found["encryptionType"] == "KMS" and not deployment.is_key(found["kmsKey"]):
        yield from differ(name, "key", found["kmsKey"], deployment.key_arn)


def _scan(deployment: Deployment, name: str) -> Iterable[Difference]:
    found = deployment.repository_called(name)["imageScanningConfiguration"]["scanOnPush"]
    yield from differ(name, "scan on push", found, True)


def _tags(deployment: Deployment, name: str) -> Iterable[Difference]:
    found = deployment.repository_called(name)["imageTagMutability"]
    yield from differ(name, "image tags", found, deployment.settings.compute.image_tag_mutability)


def _lifecycle(deployment: Deployment, name: str, repository: ImageRepository) -> Iterable[Difference]:
    answer = deployment.aws.ask(
        "ecr", "get_lifecycle_policy", absent=["LifecyclePolicyNotFoundException"], repositoryName=name
    )
    found = json.loads(answer.get("lifecyclePolicyText", "{}"))
    expected = lifecycle_policy(repository.tag_prefixes, repository.retention_count)
    yield from differ(name, "lifecycle rules", _lifecycle_rules(found), _lifecycle_rules(expected))


def _lifecycle_rules(policy: dict[str, Any]) -> list[str]:
    """The effect of each rule. Descriptions and priorities do not matter: no image matches two of the rules."""
    rules = policy.get("rules", [])
    return [json.dumps(rule["selection"] | rule["action"], sort_keys=True) for rule in rules]


def _pull_policy(deployment: Deployment, name: str, lambda_pull: bool) -> Iterable[Difference]:
    """The principals that the repository's policy allows, beside identities of the account with IAM policies."""
    answer = deployment.aws.ask(
        "ecr", "get_repository_policy", absent=["RepositoryPolicyNotFoundException"], repositoryName=name
    )
    found = [*statements(json.loads(answer.get("policyText", "{}")))]
    expected = [*statements(lambda_pull_policy(deployment.target))] if lambda_pull else []
    yield from differ(name, "policy statements", found, expected)
