"""Checks of the key."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from tak_tools.verify.checks import Difference, check, differ, normal
from tak_tools.verify.deployment import Deployment

# The endings of regional service principals, by partition.
_DNS_SUFFIXES = {"aws-cn": "amazonaws.com.cn"}


@check(
    "key-state",
    "The key is an enabled customer-managed key of one region, and nobody has scheduled its deletion.",
    actions=("kms:DescribeKey",),
    controls=("KMS.3",),
    of="key",
)
def key_state(deployment: Deployment) -> Iterable[Difference]:
    yield from differ(deployment.key_arn, "state", deployment.key["KeyState"], "Enabled")
    yield from differ(deployment.key_arn, "manager", deployment.key["KeyManager"], "CUSTOMER")
    yield from differ(deployment.key_arn, "MultiRegion", deployment.key["MultiRegion"], False)


@check(
    "key-rotation",
    "AWS rotates the key every year.",
    actions=("kms:GetKeyRotationStatus",),
    controls=("KMS.4",),
    of="key",
)
def key_rotation(deployment: Deployment) -> Iterable[Difference]:
    status = deployment.aws.ask("kms", "get_key_rotation_status", KeyId=deployment.key_arn)
    yield from differ(deployment.key_arn, "rotation", status["KeyRotationEnabled"], True)
    if status["KeyRotationEnabled"]:
        yield from differ(deployment.key_arn, "rotation period in days", status["RotationPeriodInDays"], 365)


@check("key-alias", "The published alias leads to the key.", actions=("kms:DescribeKey",), of="key")
def key_alias(deployment: Deployment) -> Iterable[Difference]:
    alias = deployment.settings.key_alias
    yield from differ("kmsAlias", "output", deployment.outputs["kmsAlias"], alias)
    answer = deployment.aws.ask("kms", "describe_key", absent=["NotFoundException"], KeyId=alias)
    found = answer.get("KeyMetadata", {}).get("Arn")
    yield from differ(alias, "key", found, deployment.key_arn)


@check(
    "key-policy",
    "The key's policy has the statements for the account, Fargate and CloudWatch Logs, and nobody else is in it.",
    actions=("kms:GetKeyPolicy",),
    controls=("KMS.5",),
    of="key",
)
def key_policy(deployment: Deployment) -> Iterable[Difference]:
    answer = deployment.aws.ask("kms", "get_key_policy", KeyId=deployment.key_arn, PolicyName="default")
    found = {normal(statement): statement for statement in json.loads(answer["Policy"])["Statement"]}
    expected = {normal(statement): sid for sid, statement in _key_statements(deployment).items()}
    for statement in expected.keys() - found.keys():
        yield Difference(deployment.key_arn, "no such policy statement", expected[statement])
    for statement in found.keys() - expected.keys():
        for principal in _foreign_principals(deployment, found[statement]):
            yield Difference(deployment.key_arn, f"a policy statement for {principal}", "none for others")


def _key_statements(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """What the key's policy has to say, each by the words in which a finding names it."""
    suffix = _DNS_SUFFIXES.get(deployment.partition, "amazonaws.com")
    fargate = {"Effect": "Allow", "Principal": {"Service": "fargate.amazonaws.com"}, "Resource": "*"}
    of_cluster = {
        "kms:EncryptionContext:aws:ecs:clusterAccount": deployment.account_id,
        "kms:EncryptionContext:aws:ecs:clusterName": deployment.settings.cluster_name,
    }
    log_groups = [deployment.log_group_arn(name) for name in deployment.settings.log_group_patterns]
    return {
        "kms:* for the account, whose IAM policies decide": {
            "Effect": "Allow",
            "Principal": {"AWS": _account_root(deployment)},
            "Action": "kms:*",
            "Resource": "*",
        },
        "kms:GenerateDataKeyWithoutPlaintext for Fargate and the cluster": fargate
        | {"Action": "kms:GenerateDataKeyWithoutPlaintext", "Condition": {"StringEquals": of_cluster}},
        "kms:CreateGrant to decrypt for Fargate and the cluster": fargate
        | {
            "Action": "kms:CreateGrant",
            "Condition": {
                "StringEquals": of_cluster,
                "ForAllValues:StringEquals": {"kms:GrantOperations": "Decrypt"},
            },
        },
        "encryption for CloudWatch Logs and the layer's log groups": {
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{deployment.region}.{suffix}"},
            "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
            "Resource": "*",
            "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_groups}},
        },
    }


def _account_root(deployment: Deployment) -> str:
    return f"arn:{deployment.partition}:iam::{deployment.account_id}:root"


def _foreign_principals(deployment: Deployment, statement: dict[str, Any]) -> Iterator[str]:
    """Whom a statement allows something, unless it is an identity of the account."""
    if statement["Effect"] != "Allow":
        return
    principal = statement.get("Principal", "*")
    named = principal if isinstance(principal, dict) else {"AWS": principal}
    for kind, values in named.items():
        for value in [values] if isinstance(values, str) else values:
            own = value == deployment.account_id or value.split(":")[4:5] == [deployment.account_id]
            if kind != "AWS" or not own:
                yield value
