"""Breaks of the repositories, the cluster and the log groups."""

import json
from typing import Any

from tests.deployed.breaks.harness import breaks
from tests.deployed.case import ACCOUNT, Case


@breaks("repository-encryption")
def the_repository_encrypts_with_another_key(case: Case) -> list[str]:
    other = f"arn:aws:kms:ap-southeast-2:{ACCOUNT}:alias/aws/ecr"
    case.moto("ecr").repositories[case.repository_name].encryption_configuration = {
        "encryptionType": "KMS",
        "kmsKey": other,
    }
    return [f"{case.repository_name}: found key {other}, expected key {case.key_arn}"]


@breaks("repository-encryption")
def the_repository_encrypts_with_ecrs_own_key(case: Case) -> list[str]:
    case.moto("ecr").repositories[case.repository_name].encryption_configuration = {"encryptionType": "AES256"}
    return [f"{case.repository_name}: found encryption AES256, expected encryption KMS"]


@breaks("repository-scan")
def images_are_not_scanned(case: Case) -> list[str]:
    case.client("ecr").put_image_scanning_configuration(
        repositoryName=case.repository_name, imageScanningConfiguration={"scanOnPush": False}
    )
    return [f"{case.repository_name}: found scan on push false, expected scan on push true"]


@breaks("repository-tags")
def image_tags_can_be_moved(case: Case) -> list[str]:
    case.client("ecr").put_image_tag_mutability(repositoryName=case.repository_name, imageTagMutability="MUTABLE")
    return [f"{case.repository_name}: found image tags MUTABLE, expected image tags IMMUTABLE"]


@breaks("repository-lifecycle")
def no_image_expires(case: Case) -> list[str]:
    case.client("ecr").delete_lifecycle_policy(repositoryName=case.repository_name)
    return [f"{case.repository_name}: found lifecycle rules none, expected lifecycle rules {IMAGE_RULES}"]


@breaks("repository-lifecycle")
def fewer_images_stay(case: Case) -> list[str]:
    change_second_rule(case, case.repository_name, countNumber=2)
    found = IMAGE_RULES.replace('"countNumber": 20', '"countNumber": 2')
    return [f"{case.repository_name}: found lifecycle rules {found}, expected lifecycle rules {IMAGE_RULES}"]


def change_second_rule(case: Case, repository: str, **selection: Any) -> None:
    ecr = case.client("ecr")
    policy = json.loads(ecr.get_lifecycle_policy(repositoryName=repository)["lifecyclePolicyText"])
    policy["rules"][1]["selection"] |= selection
    ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=json.dumps(policy))


IMAGE_RULES = (
    '{"countNumber": 14, "countType": "sinceImagePushed", "countUnit": "days", "tagStatus": "untagged",'
    ' "type": "expire"}, '
    '{"countNumber": 20, "countType": "imageCountMoreThan", "tagStatus": "any", "type": "expire"}'
)


@breaks("further-repositories", on="full")
def a_further_repository_is_deleted(case: Case) -> list[str]:
    name = case.further_repository_names["artifacts"]
    case.client("ecr").delete_repository(repositoryName=name)
    return [f"{name}: found no such repository, expected the repository artifacts"]


@breaks("further-repositories", on="full")
def a_further_repository_neither_scans_nor_fixes_tags(case: Case) -> list[str]:
    ecr, name = case.client("ecr"), case.further_repository_names["artifacts"]
    ecr.put_image_scanning_configuration(repositoryName=name, imageScanningConfiguration={"scanOnPush": False})
    ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability="MUTABLE")
    return [
        f"{name}: found scan on push false, expected scan on push true",
        f"{name}: found image tags MUTABLE, expected image tags IMMUTABLE",
    ]


@breaks("further-repositories", on="full")
def a_further_repository_is_encrypted_by_ecr(case: Case) -> list[str]:
    name = case.further_repository_names["etl-tasks"]
    case.moto("ecr").repositories[name].encryption_configuration = {"encryptionType": "AES256"}
    return [f"{name}: found encryption AES256, expected encryption KMS"]


@breaks("further-repositories", on="full")
def a_further_repository_forgets_other_images(case: Case) -> list[str]:
    name = case.further_repository_names["etl-tasks"]
    change_second_rule(case, name, tagPrefixList=["ais-"])
    found, expected = (
        IMAGE_RULES.replace('"tagStatus": "any"', f'"tagPrefixList": ["{prefix}"], "tagStatus": "tagged"')
        for prefix in ("ais-", "weather-")
    )
    return [f"{name}: found lifecycle rules {found}, expected lifecycle rules {expected}"]


LAMBDA_PULL = (
    '{"Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "Condition": {"ArnLike": {"aws:SourceArn":'
    ' "arn:aws:lambda:ap-southeast-2:123456789012:function:*"}}, "Effect": "Allow",'
    ' "Principal": {"Service": "lambda.amazonaws.com"}}'
)


@breaks("further-repositories", on="full")
def lambda_may_no_longer_pull(case: Case) -> list[str]:
    name = case.further_repository_names["etl-tasks"]
    case.client("ecr").delete_repository_policy(repositoryName=name)
    return [f"{name}: found policy statements none, expected policy statements {LAMBDA_PULL}"]


@breaks("further-repositories", on="full")
def lambda_may_pull_from_a_repository_that_is_not_for_it(case: Case) -> list[str]:
    ecr, name = case.client("ecr"), case.further_repository_names["artifacts"]
    policy = ecr.get_repository_policy(repositoryName=case.further_repository_names["etl-tasks"])["policyText"]
    ecr.set_repository_policy(repositoryName=name, policyText=policy)
    return [f"{name}: found policy statements {LAMBDA_PULL}, expected policy statements none"]


@breaks("cluster-insights")
def container_insights_is_off(case: Case) -> list[str]:
    case.client("ecs").update_cluster(
        cluster=case.cluster_name, settings=[{"name": "containerInsights", "value": "disabled"}]
    )
    return [f"{case.cluster_name}: found Container Insights disabled, expected Container Insights enabled"]


@breaks("cluster-capacity-providers")
def the_cluster_runs_on_spot_alone(case: Case) -> list[str]:
    case.client("ecs").put_cluster_capacity_providers(
        cluster=case.cluster_name,
        capacityProviders=["FARGATE_SPOT"],
        defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
    )
    return [
        f"{case.cluster_name}: found capacity providers FARGATE_SPOT,"
        " expected capacity providers FARGATE, FARGATE_SPOT",
        f"{case.cluster_name}: found default capacity providers FARGATE_SPOT with weight 1,"
        " expected default capacity providers FARGATE with weight 1",
    ]


@breaks("cluster-encryption")
def the_cluster_has_lost_its_configuration(case: Case) -> list[str]:
    case.moto("ecs").clusters[case.cluster_name].configuration = None
    return [
        f"{case.cluster_name}: found key of the ephemeral storage none,"
        f" expected key of the ephemeral storage {case.key_arn}",
        f"{case.cluster_name}: found key of ECS Exec none, expected key of ECS Exec {case.key_arn}",
        f"{case.cluster_name}: found log of ECS Exec none, expected log of ECS Exec OVERRIDE",
        f"{case.cluster_name}: found log group of ECS Exec none,"
        " expected log group of ECS Exec /tak-base-prod/ecs-exec",
        f"{case.cluster_name}: found encryption of the log of ECS Exec false,"
        " expected encryption of the log of ECS Exec true",
    ]


@breaks("log-groups")
def a_log_group_keeps_events_for_ever(case: Case) -> list[str]:
    case.client("logs").delete_retention_policy(logGroupName="/tak-base-prod/ecs-exec")
    return ["/tak-base-prod/ecs-exec: found retention in days none, expected retention in days 365"]


@breaks("log-groups")
def a_log_group_keeps_events_too_short_and_without_the_key(case: Case) -> list[str]:
    group = case.moto("logs").groups["/tak-base-prod/flow-log"]
    group.retention_in_days, group.kms_key_id = 7, None
    return [
        "/tak-base-prod/flow-log: found retention in days 7, expected retention in days 365",
        f"/tak-base-prod/flow-log: found key none, expected key {case.key_arn}",
    ]


@breaks("log-groups")
def a_log_group_is_deleted(case: Case) -> list[str]:
    name = "/aws/ecs/containerinsights/tak-base-prod/performance"
    case.client("logs").delete_log_group(logGroupName=name)
    return [f"{name}: found no such log group, expected the log group"]
