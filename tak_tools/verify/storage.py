"""Checks of the key and of the config bucket."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from tak_tools.verify.checks import Difference, check, differ
from tak_tools.verify.deployment import Deployment

# The endings of regional service principals, by partition.
_DNS_SUFFIXES = {"aws-cn": "amazonaws.com.cn"}

_PUBLIC_ACCESS_SETTINGS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")

_LIFECYCLE = [
    {"Status": "Enabled", "Prefix": "", "NoncurrentVersionExpiration": {"NoncurrentDays": 90}},
    {"Status": "Enabled", "Prefix": "", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
]


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
    found = {_normal(statement): statement for statement in json.loads(answer["Policy"])["Statement"]}
    expected = {_normal(statement): sid for sid, statement in _key_statements(deployment).items()}
    for statement in expected.keys() - found.keys():
        yield Difference(deployment.key_arn, "no such policy statement", expected[statement])
    for statement in found.keys() - expected.keys():
        for principal in _foreign_principals(deployment, found[statement]):
            yield Difference(deployment.key_arn, f"a policy statement for {principal}", "none for others")


@check(
    "bucket-encryption",
    "The bucket encrypts objects with the layer's key, through a bucket key.",
    actions=("s3:GetEncryptionConfiguration",),
    controls=("S3.17",),
    of="bucket",
)
def bucket_encryption(deployment: Deployment) -> Iterable[Difference]:
    answer = deployment.bucket("get_bucket_encryption", absent="ServerSideEncryptionConfigurationNotFoundError")
    rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", [{}])
    by_default = rules[0].get("ApplyServerSideEncryptionByDefault", {})
    key = by_default.get("KMSMasterKeyID")
    yield from differ(deployment.bucket_name, "encryption", by_default.get("SSEAlgorithm"), "aws:kms")
    if by_default.get("SSEAlgorithm") == "aws:kms":
        if not deployment.is_key(key):
            yield from differ(deployment.bucket_name, "key", key, deployment.key_arn)
        yield from differ(deployment.bucket_name, "bucket key", rules[0].get("BucketKeyEnabled", False), True)


@check(
    "bucket-versioning",
    "The bucket keeps the versions of its objects.",
    actions=("s3:GetBucketVersioning",),
    controls=("S3.14",),
    of="bucket",
)
def bucket_versioning(deployment: Deployment) -> Iterable[Difference]:
    # A bucket that never had versions has no status.
    status = deployment.bucket("get_bucket_versioning").get("Status")
    yield from differ(deployment.bucket_name, "versioning", status, "Enabled")


@check(
    "bucket-public-access",
    "The bucket blocks all public access.",
    actions=("s3:GetBucketPublicAccessBlock",),
    controls=("S3.2", "S3.3", "S3.8"),
    of="bucket",
)
def bucket_public_access(deployment: Deployment) -> Iterable[Difference]:
    answer = deployment.bucket("get_public_access_block", absent="NoSuchPublicAccessBlockConfiguration")
    configuration = answer.get("PublicAccessBlockConfiguration", {})
    blocked = [name for name in _PUBLIC_ACCESS_SETTINGS if configuration.get(name)]
    yield from differ(deployment.bucket_name, "public access block", blocked, _PUBLIC_ACCESS_SETTINGS)


@check(
    "bucket-ownership",
    "The bucket's owner owns every object, and access control lists have no effect.",
    actions=("s3:GetBucketOwnershipControls",),
    controls=("S3.12",),
    of="bucket",
)
def bucket_ownership(deployment: Deployment) -> Iterable[Difference]:
    answer = deployment.bucket("get_bucket_ownership_controls", absent="OwnershipControlsNotFoundError")
    rules = answer.get("OwnershipControls", {}).get("Rules", [])
    found = [rule["ObjectOwnership"] for rule in rules]
    yield from differ(deployment.bucket_name, "ownership", found, ["BucketOwnerEnforced"])


@check(
    "bucket-tls",
    "The bucket refuses requests without TLS.",
    actions=("s3:GetBucketPolicy",),
    controls=("S3.5",),
    of="bucket",
)
def bucket_tls(deployment: Deployment) -> Iterable[Difference]:
    answer = deployment.bucket("get_bucket_policy", absent="NoSuchBucketPolicy")
    arn = deployment.outputs["configBucketArn"]
    expected = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    found = [_normal(statement) for statement in json.loads(answer.get("Policy", "{}")).get("Statement", [])]
    if _normal(expected) not in found:
        yield Difference(
            deployment.bucket_name,
            f"{len(found)} policy statements, none of which refuses plain HTTP",
            "Deny s3:* to all where aws:SecureTransport is false",
        )


@check(
    "bucket-lifecycle",
    "The bucket expires noncurrent versions after 90 days and unfinished uploads after 7, and nothing else.",
    actions=("s3:GetLifecycleConfiguration",),
    controls=("S3.13",),
    of="bucket",
)
def bucket_lifecycle(deployment: Deployment) -> Iterable[Difference]:
    answer = deployment.bucket("get_bucket_lifecycle_configuration", absent="NoSuchLifecycleConfiguration")
    found = [_normal(_lifecycle_rule(rule)) for rule in answer.get("Rules", [])]
    yield from differ(deployment.bucket_name, "rules", found, [_normal(rule) for rule in _LIFECYCLE])


def _lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """The rule without its name, with its prefix in one place; a filter of another kind stays as it is."""
    rest = {key: value for key, value in rule.items() if key not in ("ID", "Filter", "Prefix")}
    filter_ = dict(rule.get("Filter", {}))
    prefix = filter_.pop("Prefix", rule.get("Prefix", ""))
    return rest | {"Prefix": prefix} | ({"Filter": filter_} if filter_ else {})


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


def _normal(document: Any) -> str:
    """A policy statement or a lifecycle rule as text, the same for the same meaning, without its Sid."""
    return json.dumps(_sorted_lists(document), sort_keys=True)


def _sorted_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted_lists(item) for key, item in value.items() if key != "Sid"}
    if isinstance(value, list):
        # In a policy, a list of one value is that value.
        items = sorted((_sorted_lists(item) for item in value), key=str)
        return items[0] if len(items) == 1 else items
    return value
