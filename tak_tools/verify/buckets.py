"""Checks of the config bucket, and of the buckets that the stack file asks for."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tak_tools.verify.checks import Difference, check, differ, normal
from tak_tools.verify.deployment import Deployment

_PUBLIC_ACCESS_SETTINGS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")

_LIFECYCLE = (
    {"Status": "Enabled", "Prefix": "", "NoncurrentVersionExpiration": {"NoncurrentDays": 90}},
    {"Status": "Enabled", "Prefix": "", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
)

# Who writes the logs of Application Load Balancers in China; elsewhere it is a service.
_ELB_ACCOUNTS = {"cn-north-1": "638102146993", "cn-northwest-1": "037604701340"}

_EVERY_ACTION = (
    "s3:GetBucketLocation",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketVersioning",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
)
_EVERY_CONTROL = ("S3.2", "S3.3", "S3.5", "S3.8", "S3.12", "S3.13", "S3.14")


@dataclass(frozen=True)
class _Bucket:
    """What a bucket has to be."""

    deployment: Deployment
    name: str
    own_key: bool = True
    lifecycle: tuple[dict[str, Any], ...] = _LIFECYCLE

    @property
    def arn(self) -> str:
        return f"arn:{self.deployment.partition}:s3:::{self.name}"

    def ask(self, operation: str, absent: str = "") -> dict[str, Any]:
        return self.deployment.bucket(operation, absent, self.name)


@check(
    "bucket-encryption",
    "The bucket encrypts objects with the layer's key, through a bucket key.",
    actions=("s3:GetEncryptionConfiguration",),
    controls=("S3.17",),
    of="bucket",
)
def bucket_encryption(deployment: Deployment) -> Iterable[Difference]:
    return _encryption(_config(deployment))


@check(
    "bucket-versioning",
    "The bucket keeps the versions of its objects.",
    actions=("s3:GetBucketVersioning",),
    controls=("S3.14",),
    of="bucket",
)
def bucket_versioning(deployment: Deployment) -> Iterable[Difference]:
    return _versioning(_config(deployment))


@check(
    "bucket-public-access",
    "The bucket blocks all public access.",
    actions=("s3:GetBucketPublicAccessBlock",),
    controls=("S3.2", "S3.3", "S3.8"),
    of="bucket",
)
def bucket_public_access(deployment: Deployment) -> Iterable[Difference]:
    return _public_access(_config(deployment))


@check(
    "bucket-ownership",
    "The bucket's owner owns every object, and access control lists have no effect.",
    actions=("s3:GetBucketOwnershipControls",),
    controls=("S3.12",),
    of="bucket",
)
def bucket_ownership(deployment: Deployment) -> Iterable[Difference]:
    return _ownership(_config(deployment))


@check(
    "bucket-tls",
    "The bucket refuses requests without TLS.",
    actions=("s3:GetBucketPolicy",),
    controls=("S3.5",),
    of="bucket",
)
def bucket_tls(deployment: Deployment) -> Iterable[Difference]:
    return _tls(_config(deployment))


@check(
    "bucket-lifecycle",
    "The bucket expires noncurrent versions after 90 days and unfinished uploads after 7, and nothing else.",
    actions=("s3:GetLifecycleConfiguration",),
    controls=("S3.13",),
    of="bucket",
)
def bucket_lifecycle(deployment: Deployment) -> Iterable[Difference]:
    return _lifecycle(_config(deployment))


@check(
    "app-images-bucket",
    "The application images bucket, where the stack file asks for it, exists and is guarded like the config bucket.",
    actions=_EVERY_ACTION,
    controls=(*_EVERY_CONTROL, "S3.17"),
)
def app_images_bucket(deployment: Deployment) -> Iterable[Difference]:
    if deployment.settings.storage.app_images_bucket:
        name = deployment.outputs["appImagesBucketName"]
        bucket = _Bucket(deployment, name)
        yield from differ("appImagesBucketArn", "output", deployment.outputs["appImagesBucketArn"], bucket.arn)
        yield from _everything(bucket, "the application images bucket")


@check(
    "load-balancer-log-bucket",
    "The load balancer log bucket, where the stack file asks for it, exists, is guarded, admits the log delivery of"
    " this account only, and expires logs in time.",
    actions=_EVERY_ACTION,
    controls=_EVERY_CONTROL,
)
def load_balancer_log_bucket(deployment: Deployment) -> Iterable[Difference]:
    if not deployment.settings.storage.load_balancer_log_bucket:
        return
    days = deployment.settings.log_retention_days
    lifecycle = (
        {"Status": "Enabled", "Prefix": "", "Expiration": {"Days": days}},
        {"Status": "Enabled", "Prefix": "", "NoncurrentVersionExpiration": {"NoncurrentDays": min(days, 90)}},
        _LIFECYCLE[1],
    )
    name = deployment.outputs["loadBalancerLogBucketName"]
    bucket = _Bucket(deployment, name, own_key=False, lifecycle=lifecycle)
    yield from _everything(bucket, "the load balancer log bucket")
    if deployment.bucket("get_bucket_location", absent="NoSuchBucket", name=name):
        allowed = [normal(item) for item in _policy_statements(bucket) if item["Effect"] == "Allow"]
        expected = {normal(statement): what for what, statement in _log_statements(bucket).items()}
        for statement in expected.keys() - set(allowed):
            yield Difference(name, "no such policy statement", expected[statement])
        for _ in set(allowed) - expected.keys():
            yield Difference(name, "a policy statement that allows something else", "log delivery only")


def _config(deployment: Deployment) -> _Bucket:
    return _Bucket(deployment, deployment.bucket_name)


def _everything(bucket: _Bucket, what: str) -> Iterable[Difference]:
    if not bucket.ask("get_bucket_location", absent="NoSuchBucket"):
        yield Difference(bucket.name, "no such bucket", what)
        return
    for part in (_encryption, _versioning, _public_access, _ownership, _tls, _lifecycle):
        yield from part(bucket)


def _encryption(bucket: _Bucket) -> Iterable[Difference]:
    answer = bucket.ask("get_bucket_encryption", absent="ServerSideEncryptionConfigurationNotFoundError")
    rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", [{}])
    by_default = rules[0].get("ApplyServerSideEncryptionByDefault", {})
    key, algorithm = by_default.get("KMSMasterKeyID"), by_default.get("SSEAlgorithm")
    yield from differ(bucket.name, "encryption", algorithm, "aws:kms" if bucket.own_key else "AES256")
    if bucket.own_key and algorithm == "aws:kms":
        if not bucket.deployment.is_key(key):
            yield from differ(bucket.name, "key", key, bucket.deployment.key_arn)
        yield from differ(bucket.name, "bucket key", rules[0].get("BucketKeyEnabled", False), True)


def _versioning(bucket: _Bucket) -> Iterable[Difference]:
    # A bucket that never had versions has no status.
    status = bucket.ask("get_bucket_versioning").get("Status")
    yield from differ(bucket.name, "versioning", status, "Enabled")


def _public_access(bucket: _Bucket) -> Iterable[Difference]:
    answer = bucket.ask("get_public_access_block", absent="NoSuchPublicAccessBlockConfiguration")
    configuration = answer.get("PublicAccessBlockConfiguration", {})
    blocked = [name for name in _PUBLIC_ACCESS_SETTINGS if configuration.get(name)]
    yield from differ(bucket.name, "public access block", blocked, _PUBLIC_ACCESS_SETTINGS)


def _ownership(bucket: _Bucket) -> Iterable[Difference]:
    answer = bucket.ask("get_bucket_ownership_controls", absent="OwnershipControlsNotFoundError")
    rules = answer.get("OwnershipControls", {}).get("Rules", [])
    found = [rule["ObjectOwnership"] for rule in rules]
    yield from differ(bucket.name, "ownership", found, ["BucketOwnerEnforced"])


def _tls(bucket: _Bucket) -> Iterable[Difference]:
    expected = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket.arn, f"{bucket.arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    found = [normal(statement) for statement in _policy_statements(bucket)]
    if normal(expected) not in found:
        yield Difference(
            bucket.name,
            f"{len(found)} policy statements, none of which refuses plain HTTP",
            "Deny s3:* to all where aws:SecureTransport is false",
        )


def _lifecycle(bucket: _Bucket) -> Iterable[Difference]:
    answer = bucket.ask("get_bucket_lifecycle_configuration", absent="NoSuchLifecycleConfiguration")
    found = [normal(_lifecycle_rule(rule)) for rule in answer.get("Rules", [])]
    yield from differ(bucket.name, "rules", found, [normal(rule) for rule in bucket.lifecycle])


def _lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """The rule without its name, with its prefix in one place; a filter of another kind stays as it is."""
    rest = {key: value for key, value in rule.items() if key not in ("ID", "Filter", "Prefix")}
    filter_ = dict(rule.get("Filter", {}))
    prefix = filter_.pop("Prefix", rule.get("Prefix", ""))
    return rest | {"Prefix": prefix} | ({"Filter": filter_} if filter_ else {})


def _policy_statements(bucket: _Bucket) -> list[dict[str, Any]]:
    answer = bucket.ask("get_bucket_policy", absent="NoSuchBucketPolicy")
    return json.loads(answer.get("Policy", "{}")).get("Statement", [])


def _log_statements(bucket: _Bucket) -> dict[str, dict[str, Any]]:
    """What the log bucket's policy has to allow, each by the words in which a finding names it."""
    deployment = bucket.deployment
    account, elb_account = deployment.account_id, _ELB_ACCOUNTS.get(deployment.region)
    logs = [f"{bucket.arn}/{prefix}AWSLogs/{account}/*" for prefix in ("", "*/")]
    service = {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
    delivery = {"Effect": "Allow", "Principal": {"Service": "delivery.logs.amazonaws.com"}}
    of_account = {"ArnLike": {"aws:SourceArn": f"arn:{deployment.partition}:logs:{deployment.region}:{account}:*"}}
    return {
        "s3:PutObject for Application Load Balancers": {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:{deployment.partition}:iam::{elb_account}:root"} if elb_account else service,
            "Action": "s3:PutObject",
            "Resource": logs,
        },
        "s3:GetBucketAcl for Network Load Balancers": delivery
        | {
            "Action": "s3:GetBucketAcl",
            "Resource": bucket.arn,
            "Condition": of_account | {"StringEquals": {"aws:SourceAccount": account}},
        },
        "s3:PutObject for Network Load Balancers": delivery
        | {
            "Action": "s3:PutObject",
            "Resource": logs,
            "Condition": of_account
            | {"StringEquals": {"aws:SourceAccount": account, "s3:x-amz-acl": "bucket-owner-full-control"}},
        },
    }
