"""Checks of the config bucket, and of the buckets that the stack file adds."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tak_base import policy_documents
from tak_base.policy_documents import load_balancer_log_lifecycle, load_balancer_log_policy, tls_only_policy
from tak_tools.layer_outputs import LayerOutputs
from tak_tools.verify.checks import Difference, check, differ, normal, statements, without_statements
from tak_tools.verify.deployment import Deployment

_PUBLIC_ACCESS_SETTINGS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")

_EVERY_ACTION = (
    "s3:GetBucketLocation",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketVersioning",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
)
_EVERY_CONTROL = ("S3.2", "S3.3", "S3.5", "S3.8", "S3.10", "S3.12", "S3.13", "S3.14")


@dataclass(frozen=True)
class _Bucket:
    """The expected settings of a bucket."""

    deployment: Deployment
    name: str
    own_key: bool = True
    """False: the load balancer log bucket, which has another policy too."""

    @property
    def arn(self) -> str:
        return f"arn:{self.deployment.partition}:s3:::{self.name}"

    @property
    def expected_policy(self) -> dict[str, Any]:
        return tls_only_policy(self.arn) if self.own_key else load_balancer_log_policy(self.deployment.target, self.arn)

    @property
    def expected_lifecycle(self) -> Mapping[str, Mapping[str, Any]]:
        days = self.deployment.settings.log_retention_days
        return policy_documents.bucket_lifecycle() if self.own_key else load_balancer_log_lifecycle(days)

    @property
    def policy(self) -> dict[str, Any]:
        """Empty where the bucket has none."""
        return json.loads(self.ask("get_bucket_policy", absent="NoSuchBucketPolicy").get("Policy", "{}"))

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
    return _policy(_config(deployment))


@check(
    "bucket-lifecycle",
    "The bucket expires noncurrent versions after 90 days and unfinished uploads after 7, and nothing else.",
    actions=("s3:GetLifecycleConfiguration",),
    controls=("S3.10", "S3.13"),
    of="bucket",
)
def bucket_lifecycle(deployment: Deployment) -> Iterable[Difference]:
    return _lifecycle(_config(deployment))


@check(
    "app-images-bucket",
    "The application images bucket, where the stack file has it, exists and has the settings of the config bucket.",
    actions=_EVERY_ACTION,
    controls=(*_EVERY_CONTROL, "S3.17"),
)
def app_images_bucket(deployment: Deployment) -> Iterable[Difference]:
    if deployment.settings.storage.app_images_bucket:
        name = deployment.app_images_bucket_name
        bucket = _Bucket(deployment, name)
        yield from differ(
            LayerOutputs.app_images_bucket_arn.name, "output", deployment.app_images_bucket_arn, bucket.arn
        )
        yield from _everything(bucket, "the application images bucket")


@check(
    "load-balancer-log-bucket",
    "The load balancer log bucket, where the stack file has it, exists, is secured, allows log delivery from"
    " this account only, and expires logs in time.",
    actions=_EVERY_ACTION,
    controls=(*_EVERY_CONTROL, "S3.6"),
)
def load_balancer_log_bucket(deployment: Deployment) -> Iterable[Difference]:
    if not deployment.settings.storage.load_balancer_log_bucket:
        return
    name = deployment.log_bucket_name
    bucket = _Bucket(deployment, name, own_key=False)
    yield from _everything(bucket, "the load balancer log bucket")
    if deployment.bucket("get_bucket_location", absent="NoSuchBucket", name=name):
        for statement in statements(bucket.policy).keys() - statements(bucket.expected_policy).keys():
            if '"Effect": "Allow"' in statement:
                yield Difference(name, "a policy statement that allows something else", "log delivery only")


def _config(deployment: Deployment) -> _Bucket:
    return _Bucket(deployment, deployment.bucket_name)


def _everything(bucket: _Bucket, what: str) -> Iterable[Difference]:
    if not bucket.ask("get_bucket_location", absent="NoSuchBucket"):
        yield Difference(bucket.name, "no such bucket", what)
        return
    for part in (_encryption, _versioning, _public_access, _ownership, _policy, _lifecycle):
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


def _policy(bucket: _Bucket) -> Iterable[Difference]:
    yield from without_statements(bucket.name, bucket.policy, bucket.expected_policy)


def _lifecycle(bucket: _Bucket) -> Iterable[Difference]:
    answer = bucket.ask("get_bucket_lifecycle_configuration", absent="NoSuchLifecycleConfiguration")
    found = [normal(_lifecycle_rule(rule)) for rule in answer.get("Rules", [])]
    expected = [
        {"Status": "Enabled", "Prefix": "", **_in_aws_words(rule)} for rule in bucket.expected_lifecycle.values()
    ]
    yield from differ(bucket.name, "rules", found, [normal(rule) for rule in expected])


def _in_aws_words(rule: Mapping[str, Any]) -> dict[str, Any]:
    """`{"noncurrent_version_expiration": ...}` as `{"NoncurrentVersionExpiration": ...}`, and so on inwards."""
    return {
        "".join(word.capitalize() for word in key.split("_")): _in_aws_words(value)
        if isinstance(value, Mapping)
        else value
        for key, value in rule.items()
    }


def _lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """The rule without its name, with its prefix in one place; a filter of another kind stays as it is."""
    rest = {key: value for key, value in rule.items() if key not in ("ID", "Filter", "Prefix")}
    filter_ = dict(rule.get("Filter", {}))
    prefix = filter_.pop("Prefix", rule.get("Prefix", ""))
    return rest | {"Prefix": prefix} | ({"Filter": filter_} if filter_ else {})
