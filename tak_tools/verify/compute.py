"""Checks of the cluster, the image repository and the log groups."""

import json
from collections.abc import Iterable
from typing import Any

from tak_tools.verify.checks import Difference, check, differ
from tak_tools.verify.deployment import Deployment

_UNTAGGED_IMAGE_DAYS = 14


@check(
    "repository-encryption",
    "The repository encrypts images with the layer's key.",
    actions=("ecr:DescribeRepositories",),
    controls=("ECR.5",),
    of="repository",
)
def repository_encryption(deployment: Deployment) -> Iterable[Difference]:
    found = deployment.repository["encryptionConfiguration"]
    yield from differ(deployment.repository_name, "encryption", found["encryptionType"], "KMS")
    if found["encryptionType"] == "KMS" and not deployment.is_key(found["kmsKey"]):
        yield from differ(deployment.repository_name, "key", found["kmsKey"], deployment.key_arn)


@check(
    "repository-scan",
    "The repository scans images when they are pushed.",
    actions=("ecr:DescribeRepositories",),
    controls=("ECR.1",),
    of="repository",
)
def repository_scan(deployment: Deployment) -> Iterable[Difference]:
    found = deployment.repository["imageScanningConfiguration"]["scanOnPush"]
    yield from differ(deployment.repository_name, "scan on push", found, True)


@check(
    "repository-tags",
    "Image tags can be moved only where the stack file says so.",
    actions=("ecr:DescribeRepositories",),
    controls=("ECR.2",),
    of="repository",
)
def repository_tags(deployment: Deployment) -> Iterable[Difference]:
    found, expected = deployment.repository["imageTagMutability"], deployment.settings.image_tag_mutability
    yield from differ(deployment.repository_name, "image tags", found, expected)


@check(
    "repository-lifecycle",
    "Untagged images go after 14 days; of the others the repository keeps as many as the stack file says.",
    actions=("ecr:GetLifecyclePolicy",),
    controls=("ECR.3",),
    of="repository",
)
def repository_lifecycle(deployment: Deployment) -> Iterable[Difference]:
    answer = deployment.aws.ask(
        "ecr",
        "get_lifecycle_policy",
        absent=["LifecyclePolicyNotFoundException"],
        repositoryName=deployment.repository_name,
    )
    rules = json.loads(answer.get("lifecyclePolicyText", "{}")).get("rules", [])
    # Names and priorities are awsx's own; no image falls under two of the rules.
    found = [json.dumps(rule["selection"] | rule["action"], sort_keys=True) for rule in rules]
    expected = [json.dumps(rule | {"type": "expire"}, sort_keys=True) for rule in _lifecycle_selections(deployment)]
    yield from differ(deployment.repository_name, "lifecycle rules", found, expected)


@check(
    "cluster-insights",
    "Container Insights is as the stack file says.",
    actions=("ecs:DescribeClusters",),
    controls=("ECS.12",),
    of="cluster",
)
def cluster_insights(deployment: Deployment) -> Iterable[Difference]:
    settings = {setting["name"]: setting["value"] for setting in deployment.cluster["settings"]}
    expected = deployment.settings.container_insights
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
    expected = [f"{deployment.settings.default_capacity_provider} with weight 1"]
    yield from differ(deployment.cluster_name, "default capacity providers", strategy, expected)


@check(
    "cluster-encryption",
    "The layer's key encrypts Fargate's ephemeral storage and ECS Exec, whose records go to an encrypted log group.",
    actions=("ecs:DescribeClusters",),
    of="cluster",
)
def cluster_encryption(deployment: Deployment) -> Iterable[Difference]:
    configuration = deployment.cluster.get("configuration", {})
    storage = configuration.get("managedStorageConfiguration", {})
    execute_command = configuration.get("executeCommandConfiguration", {})
    for what, key in (
        ("key of the ephemeral storage", storage.get("fargateEphemeralStorageKmsKeyId")),
        ("key of ECS Exec", execute_command.get("kmsKeyId")),
    ):
        if not deployment.is_key(key):
            yield from differ(deployment.cluster_name, what, key, deployment.key_arn)
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
)
def log_groups(deployment: Deployment) -> Iterable[Difference]:
    for name in deployment.log_group_names:
        group = deployment.log_group(name)
        if group is None:
            yield Difference(name, "no such log group", "the log group")
            continue
        # Absent where events are kept for ever.
        days = group.get("retentionInDays")
        yield from differ(name, "retention in days", days, deployment.settings.log_retention_days)
        yield from differ(name, "key", group.get("kmsKeyId"), deployment.key_arn)


def _lifecycle_selections(deployment: Deployment) -> list[dict[str, Any]]:
    untagged = {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": _UNTAGGED_IMAGE_DAYS,
    }
    newest = {"countType": "imageCountMoreThan", "countNumber": deployment.settings.image_retention_count}
    prefixes = deployment.settings.image_tag_prefixes
    if not prefixes:
        return [untagged, {"tagStatus": "any"} | newest]
    return [untagged] + [{"tagStatus": "tagged", "tagPrefixList": [prefix]} | newest for prefix in prefixes]
