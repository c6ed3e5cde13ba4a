"""Checks of the key."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from tak_base.policy_documents import key_policy as key_policy_document
from tak_tools.layer_outputs import LayerOutputs
from tak_tools.verify.checks import Difference, check, differ, statements, without_statements
from tak_tools.verify.deployment import Deployment


@check(
    "key-state",
    "The key is an enabled customer-managed single-region key, and its deletion is not scheduled.",
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


@check("key-alias", "The published alias refers to the key.", actions=("kms:DescribeKey",), of="key")
def key_alias(deployment: Deployment) -> Iterable[Difference]:
    alias = deployment.settings.key_alias
    yield from differ(LayerOutputs.key_alias.name, "output", deployment.key_alias, alias)
    answer = deployment.aws.ask("kms", "describe_key", absent=["NotFoundException"], KeyId=alias)
    found = answer.get("KeyMetadata", {}).get("Arn")
    yield from differ(alias, "key", found, deployment.key_arn)


@check(
    "key-policy",
    "The key policy has the statements for the account, Fargate and CloudWatch Logs, and no other principal.",
    actions=("kms:GetKeyPolicy",),
    controls=("KMS.5",),
    of="key",
)
def key_policy(deployment: Deployment) -> Iterable[Difference]:
    answer = deployment.aws.ask("kms", "get_key_policy", KeyId=deployment.key_arn, PolicyName="default")
    settings, found = deployment.settings, json.loads(answer["Policy"])
    expected = key_policy_document(deployment.target, settings.cluster_name, settings.log_group_patterns)
    yield from without_statements(deployment.key_arn, found, expected)
    known = statements(expected)
    for text, statement in statements(found).items():
        for principal in [] if text in known else _foreign_principals(deployment, statement):
            yield Difference(deployment.key_arn, f"a policy statement for {principal}", "none for others")


def _foreign_principals(deployment: Deployment, statement: dict[str, Any]) -> Iterator[str]:
    """The principals of an Allow statement, except identities of the account."""
    if statement["Effect"] != "Allow":
        return
    principal = statement.get("Principal", "*")
    named = principal if isinstance(principal, dict) else {"AWS": principal}
    for kind, values in named.items():
        for value in [values] if isinstance(values, str) else values:
            own = value == deployment.account_id or value.split(":")[4:5] == [deployment.account_id]
            if kind != "AWS" or not own:
                yield value
