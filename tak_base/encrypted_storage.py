"""EncryptedStorage: the customer-managed key over everything at rest, and the config bucket."""

import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Output, ResourceOptions

from tak_base.deployment_target import DeploymentTarget

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
    """True: no deployment deletes the key or the bucket. False: `pulumi destroy` deletes them, objects and all."""
    kms_deletion_window_days: int
    target: DeploymentTarget


class EncryptedStorage(pulumi.ComponentResource):
    """A rotating customer-managed KMS key with its alias, and a versioned bucket that is encrypted with it."""

    key_arn: Output[str]
    key_alias: Output[str]
    bucket_name: Output[str]
    bucket_arn: Output[str]

    def __init__(self, name: str, args: EncryptedStorageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tak-base:index:EncryptedStorage", name, None, opts)
        self._name = name
        self._args = args

        key = self._create_key()
        alias = self._create_alias(key)
        bucket = self._create_bucket()
        self._encrypt(bucket, key)
        versioning = self._keep_versions(bucket)
        self._expire_old_versions(bucket, versioning)
        public_access_block = self._block_public_access(bucket)
        self._require_tls(bucket, public_access_block)

        self.key_arn = key.arn
        self.key_alias = alias.name
        self.bucket_name = bucket.bucket
        self.bucket_arn = bucket.arn
        self.register_outputs({"keyArn": self.key_arn, "bucketName": self.bucket_name})

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

    def _create_bucket(self) -> aws.s3.Bucket:
        return aws.s3.Bucket(
            f"{self._name}-config",
            force_destroy=not self._args.protect_data,
            tags={"Name": f"{self._args.name_prefix}-config"},
            opts=self._data(),
        )

    def _encrypt(self, bucket: aws.s3.Bucket, key: aws.kms.Key) -> None:
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{self._name}-config-encryption",
            bucket=bucket.bucket,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                        sse_algorithm="aws:kms", kms_master_key_id=key.arn
                    ),
                    bucket_key_enabled=True,
                )
            ],
            opts=self._bucket_setting(),
        )

    def _keep_versions(self, bucket: aws.s3.Bucket) -> aws.s3.BucketVersioning:
        return aws.s3.BucketVersioning(
            f"{self._name}-config-versioning",
            bucket=bucket.bucket,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=self._bucket_setting(),
        )

    def _expire_old_versions(self, bucket: aws.s3.Bucket, versioning: aws.s3.BucketVersioning) -> None:
        aws.s3.BucketLifecycleConfiguration(
            f"{self._name}-config-lifecycle",
            bucket=bucket.bucket,
            rules=[
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="expire-noncurrent-versions",
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    noncurrent_version_expiration=aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                        noncurrent_days=_NONCURRENT_VERSION_DAYS
                    ),
                ),
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="abort-unfinished-uploads",
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    abort_incomplete_multipart_upload=aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                        days_after_initiation=_UNFINISHED_UPLOAD_DAYS
                    ),
                ),
            ],
            # S3 applies rules for noncurrent versions only to a bucket that keeps versions.
            opts=self._bucket_setting(depends_on=[versioning]),
        )

    def _block_public_access(self, bucket: aws.s3.Bucket) -> aws.s3.BucketPublicAccessBlock:
        aws.s3.BucketOwnershipControls(
            f"{self._name}-config-ownership",
            bucket=bucket.bucket,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=self._bucket_setting(),
        )
        return aws.s3.BucketPublicAccessBlock(
            f"{self._name}-config-public-access-block",
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._bucket_setting(),
        )

    def _require_tls(self, bucket: aws.s3.Bucket, public_access_block: aws.s3.BucketPublicAccessBlock) -> None:
        aws.s3.BucketPolicy(
            f"{self._name}-config-policy",
            bucket=bucket.bucket,
            policy=bucket.arn.apply(lambda arn: json.dumps(_tls_only_policy(arn))),
            # S3 answers "OperationAborted" where both are changed at the same moment.
            opts=self._bucket_setting(depends_on=[public_access_block]),
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


def _tls_only_policy(bucket_arn: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "RefuseUnencryptedTransport",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [bucket_arn, f"{bucket_arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
