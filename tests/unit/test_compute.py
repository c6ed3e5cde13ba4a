"""All inputs of the resources of Compute."""

import json
from typing import Any

import pytest

from tak_tools.program import Recording
from tests.options import Evaluate


def test_the_log_groups_of_the_cluster_are_encrypted_and_expire(prod: Recording) -> None:
    key = prod.named("tak-key").outputs["arn"]

    assert prod.named("tak-exec-log-group").inputs == {
        "name": "/tak-base-prod/ecs-exec",
        "retentionInDays": 365,
        "kmsKeyId": key,
    }
    assert prod.named("tak-insights-log-group").inputs == {
        "name": "/aws/ecs/containerinsights/tak-base-prod/performance",
        "retentionInDays": 365,
        "kmsKeyId": key,
    }


def test_logs_of_dev_test_are_kept_for_a_month(dev_test: Recording) -> None:
    assert dev_test.named("tak-exec-log-group").inputs == {
        "name": "/tak-base-dev-test/ecs-exec",
        "retentionInDays": 30,
        "kmsKeyId": dev_test.named("tak-key").outputs["arn"],
    }


@pytest.mark.parametrize("container_insights", ["disabled", "enabled", "enhanced"])
def test_the_cluster_keeps_storage_and_exec_sessions_under_the_key(evaluate: Evaluate, container_insights: str) -> None:
    recording = evaluate("prod", containerInsights=container_insights)
    key = recording.named("tak-key").outputs["arn"]

    assert recording.named("tak-cluster").inputs == {
        "name": "tak-base-prod",
        "settings": [{"name": "containerInsights", "value": container_insights}],
        "configuration": {
            "managedStorageConfiguration": {"fargateEphemeralStorageKmsKeyId": key},
            "executeCommandConfiguration": {
                "kmsKeyId": key,
                "logging": "OVERRIDE",
                "logConfiguration": {
                    "cloudWatchEncryptionEnabled": True,
                    "cloudWatchLogGroupName": "/tak-base-prod/ecs-exec",
                },
            },
        },
        "tags": {"Name": "tak-base-prod"},
    }


@pytest.mark.parametrize(("stack", "provider"), [("prod", "FARGATE"), ("dev_test", "FARGATE_SPOT")])
def test_both_fargate_providers_are_attached_and_the_default_one_has_weight(
    request: pytest.FixtureRequest, stack: str, provider: str
) -> None:
    recording: Recording = request.getfixturevalue(stack)

    assert recording.named("tak-capacity-providers").inputs == {
        "clusterName": recording.named("tak-cluster").outputs["name"],
        "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
        "defaultCapacityProviderStrategies": [{"capacityProvider": provider, "weight": 1}],
    }


UNTAGGED = {
    "description": "Untagged images expire after 14 days",
    "selection": {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countNumber": 14,
        "countUnit": "days",
    },
    "action": {"type": "expire"},
}


def newest(count: int) -> dict[str, Any]:
    return {
        "description": f"Keep the newest {count} images",
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count},
        "action": {"type": "expire"},
    }


def newest_of(prefix: str, count: int) -> dict[str, Any]:
    return {
        "description": f"Keep the newest {count} images with the tag prefix {prefix}",
        "selection": {
            "tagStatus": "tagged",
            "tagPrefixList": [prefix],
            "countType": "imageCountMoreThan",
            "countNumber": count,
        },
        "action": {"type": "expire"},
    }


@pytest.mark.parametrize(
    ("stack", "overrides", "mutability", "rules", "force_delete"),
    [
        pytest.param("prod", {}, "IMMUTABLE", [UNTAGGED, newest(20)], False, id="prod"),
        pytest.param("dev-test", {}, "MUTABLE", [UNTAGGED, newest(5)], True, id="dev-test"),
        pytest.param(
            "prod",
            {"imageTagPrefixes": ["tak-server-", "cloudtak-"], "imageRetentionCount": 3, "protectData": False},
            "IMMUTABLE",
            # A count over all images would delete the live ones of a component that is built rarely.
            [UNTAGGED, newest_of("tak-server-", 3), newest_of("cloudtak-", 3)],
            True,
            id="prod-prefixes",
        ),
    ],
)
def test_the_repository_is_encrypted_scanned_and_cleaned_up(
    evaluate: Evaluate,
    stack: str,
    overrides: dict[str, Any],
    mutability: str,
    rules: list[dict[str, Any]],
    force_delete: bool,
) -> None:
    recording = evaluate(stack, **overrides)

    assert recording.named("tak-images").inputs == {
        "encryptionConfigurations": [
            {"encryptionType": "KMS", "kmsKey": recording.named("tak-key").outputs["arn"]},
        ],
        "imageScanningConfiguration": {"scanOnPush": True},
        "imageTagMutability": mutability,
        "lifecyclePolicy": {"skip": True},
        "forceDelete": force_delete,
    }
    lifecycle = dict(recording.named("tak-images-lifecycle").inputs)
    assert json.loads(lifecycle.pop("policy")) == {
        "rules": [{"rulePriority": priority, **rule} for priority, rule in enumerate(rules, start=1)]
    }
    assert lifecycle == {"repository": recording.named("tak-images").id}


def test_the_lifecycle_policy_is_changed_while_the_repository_is_protected(prod: Recording) -> None:
    # ECR has one policy a repository: deleting the old one after the new one is made would leave none.
    lifecycle = prod.named("tak-images-lifecycle")

    assert (lifecycle.protect, lifecycle.retain_on_delete) == (False, True)
    assert prod.named("tak-images").protect
