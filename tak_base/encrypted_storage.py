"""EncryptedStorage: the customer-managed key over everything at rest, and the buckets."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Output, ResourceOptions

from tak_base.bucket_policies import load_balancer_log_policy, tls_only_policy
from tak_base.deployment_target import DeploymentTarget

_CONFIG = "config"
_APP_IMAGES = "app-images"
# The policy pack knows by this name the one bucket that may do without the key (policy/checks.py).
_LOAD_BALANCER_LOGS = "elb-logs"

_NONCURRENT_VERSION_DAYS = 90
_UNFINISHED_UPLOAD_DAYS = 7


@dataclass(frozen=True)
class EncryptedStorageArgs:
    name_prefix: str
    """Start of every Name tag."""
    key_alias: str
    """Begins with `alias/`."""
    cluster_name: str
    """The ECS cluster whose Fargate ephemeral storage the key encrypts."""
    log_group_names: tuple[str, ...]
    """The log groups that the key may encrypt; `*` stands for any text."""
    protect_data: bool
    """True: no deployment deletes the key or a bucket. False: `pulumi destroy` deletes them, objects and all."""
    kms_deletion_window_days: int
    app_images_bucket: bool
    load_balancer_log_bucket: bool
    log_retention_days: int
    """When load balancer logs expire."""
    target: DeploymentTarget


@dataclass(frozen=True)
class _Bucket:
    role: str
    """The rest of its logical name."""
    policy: Callable[[str], dict[str, Any]]
    """The bucket's policy, from its ARN."""
    own_key: bool = True
    """False: encrypted with a key of S3, where the service that writes knows no other."""
    expire_after_days: int | None = None
    """None: objects stay."""


class EncryptedStorage(pulumi.ComponentResource):
    """A rotating customer-managed KMS key with its alias, and versioned buckets that are encrypted with it."""

    key_arn: Output[str]
    key_alias: Output[str]
    bucket_name: Output[str]
    bucket_arn: Output[str]
    app_images_bucket_name: Output[str] | None
    app_images_bucket_arn: Output[str] | None
    load_balancer_log_bucket_name: Output[str] | None

    def __init__(self, name: str, args: EncryptedStorageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tak-base:index:EncryptedStorage", name, None, opts)
        self._name = name
        self._args = args

        key = self._create_key()
        alias = self._create_alias(key)
        buckets = {bucket.role: self._create_bucket(bucket, key) for bucket in self._buckets()}

        self.key_arn = key.arn
        self.key_alias = alias.name
        self.bucket_name = buckets[_CONFIG].bucket
        self.bucket_arn = buckets[_CONFIG].arn
        app_images, logs = buckets.get(_APP_IMAGES), buckets.get(_LOAD_BALANCER_LOGS)
        self.app_images_bucket_name = app_images.bucket if app_images else None
        self.app_images_bucket_arn = app_images.arn if app_images else None
        self.load_balancer_log_bucket_name = logs.bucket if logs else None
        self.register_outputs({"keyArn": self.key_arn, "bucketName": self.bucket_name})

    def _buckets(self) -> Iterator[_Bucket]:
        yield _Bucket(_CONFIG, tls_only_policy)
        if self._args.app_images_bucket:
            yield _Bucket(_APP_IMAGES, tls_only_policy)
        if self._args.load_balancer_log_bucket:
            yield _Bucket(
                _LOAD_BALANCER_LOGS,
                lambda arn: load_balancer_log_policy(self._args.target, arn),
                own_key=False,
                expire_after_days=self._args.log_retention_days,
            )

    def _create_key(self) -> aws.kms.Key:
        return aws.kms.Key(
            f"{self._name}-key",
            description=f"{self._args.name_prefix}: everything at rest",
            enable_key_rotation=True,
            deletion_window_in_days=self._args.kms_deletion_window_days,
            policy=json.dumps(_key_policy(self._args.target, self._args.cluster_name, self._args.log_group_names)),
            tags={"Name": self._args.name_prefix},
            opts=self._data(),
        )

    def _create_alias(self, key: aws.kms.Key) -> aws.kms.Alias:
        return aws.kms.Alias(
            f"{self._name}-key-alias",
            name=self._args.key_alias,
            target_key_id=key.key_id,
            opts=ResourceOptions(parent=self),
        )

    def _create_bucket(self, bucket: _Bucket, key: aws.kms.Key) -> aws.s3.Bucket:
        """A bucket with everything that makes it safe; its resources are named for its role."""
        name = f"{self._name}-{bucket.role}"
        made = aws.s3.Bucket(
            name,
            force_destroy=not self._args.protect_data,
            tags={"Name": f"{self._args.name_prefix}-{bucket.role}"},
            opts=self._data(),
        )
        self._encrypt(name, made, key if bucket.own_key else None)
        versioning = self._keep_versions(name, made)
        self._expire_what_is_left_over(name, made, bucket.expire_after_days, versioning)
        public_access_block = self._block_public_access(name, made)
        aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=made.bucket,
            policy=made.arn.apply(lambda arn: json.dumps(bucket.policy(arn))),
            # S3 answers "OperationAborted" where both are changed at the same moment.
            opts=self._bucket_setting(depends_on=[public_access_block]),
        )
        return made

    def _encrypt(self, name: str, bucket: aws.s3.Bucket, key: aws.kms.Key | None) -> None:
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=bucket.bucket,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                        sse_algorithm="aws:kms" if key else "AES256", kms_master_key_id=key.arn if key else None
                    ),
                    bucket_key_enabled=True if key else None,
                )
            ],
            opts=self._bucket_setting(),
        )

    def _keep_versions(self, name: str, bucket: aws.s3.Bucket) -> aws.s3.BucketVersioning:
        return aws.s3.BucketVersioning(
            f"{name}-versioning",
            bucket=bucket.bucket,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=self._bucket_setting(),
        )

    def _expire_what_is_left_over(
        self, name: str, bucket: aws.s3.Bucket, days: int | None, versioning: aws.s3.BucketVersioning
    ) -> None:
        actions: dict[str, dict[str, Any]] = {
            "expire-noncurrent-versions": {
                "noncurrent_version_expiration": {
                    "noncurrent_days": _NONCURRENT_VERSION_DAYS if days is None else min(days, _NONCURRENT_VERSION_DAYS)
                }
            },
            "abort-unfinished-uploads": {
                "abort_incomplete_multipart_upload": {"days_after_initiation": _UNFINISHED_UPLOAD_DAYS}
            },
        }
        if days:
            actions["expire-objects"] = {"expiration": {"days": days}}
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=bucket.bucket,
            rules=[
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id=rule,
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    **action,
                )
                for rule, action in actions.items()
            ],
            # S3 applies rules for noncurrent versions only to a bucket that keeps versions.
            opts=self._bucket_setting(depends_on=[versioning]),
        )

    def _block_public_access(self, name: str, bucket: aws.s3.Bucket) -> aws.s3.BucketPublicAccessBlock:
        aws.s3.BucketOwnershipControls(
            f"{name}-ownership",
            bucket=bucket.bucket,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=self._bucket_setting(),
        )
        return aws.s3.BucketPublicAccessBlock(
            f"{name}-public-access-block",
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._bucket_setting(),
        )

    def _data(self) -> ResourceOptions:
        return ResourceOptions(parent=self, protect=self._args.protect_data, retain_on_delete=self._args.protect_data)

    def _bucket_setting(self, **options: Any) -> ResourceOptions:
        # A bucket that is kept keeps its encryption, versions and policy too.
        return ResourceOptions(parent=self, retain_on_delete=self._args.protect_data, **options)


def _key_policy(target: DeploymentTarget, cluster_name: str, log_group_names: tuple[str, ...]) -> dict[str, Any]:
    """Who may use the key: what IAM policies of the account allow, Fargate for one cluster, and CloudWatch Logs.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-create-storage-key.html
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    fargate_cluster = {
        "StringEquals": {
            "kms:EncryptionContext:aws:ecs:clusterAccount": [target.account_id],
            "kms:EncryptionContext:aws:ecs:clusterName": [cluster_name],
        }
    }
    log_group_arns = [target.arn("logs", f"log-group:{name}") for name in log_group_names]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AccountDecidesThroughIam",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:{target.partition}:iam::{target.account_id}:root"},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Sid": "FargateMakesDataKeys",
                "Effect": "Allow",
                "Principal": {"Service": "fargate.amazonaws.com"},
                "Action": "kms:GenerateDataKeyWithoutPlaintext",
                "Resource": "*",
                "Condition": fargate_cluster,
            },
            {
                "Sid": "FargateGrantsDecryption",
                "Effect": "Allow",
                "Principal": {"Service": "fargate.amazonaws.com"},
                "Action": "kms:CreateGrant",
                "Resource": "*",
                "Condition": fargate_cluster | {"ForAllValues:StringEquals": {"kms:GrantOperations": ["Decrypt"]}},
            },
            {
                "Sid": "CloudWatchLogsEncryptsLogGroups",
                "Effect": "Allow",
                "Principal": {"Service": f"logs.{target.region}.{target.dns_suffix}"},
                "Action": [
                    "kms:Encrypt*",
                    "kms:Decrypt*",
                    "kms:ReEncrypt*",
                    "kms:GenerateDataKey*",
                    "kms:Describe*",
                ],
                "Resource": "*",
                "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_group_arns}},
            },
        ],
    }
