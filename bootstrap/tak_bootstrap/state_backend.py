"""StateBackend: the bucket for Pulumi's state, and the key for the secrets in it."""

import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Output, ResourceOptions

from tak_base.deployment_target import DeploymentTarget

_NONCURRENT_VERSION_DAYS = 365
_UNFINISHED_UPLOAD_DAYS = 7


@dataclass(frozen=True)
class StateBackendArgs:
    name_prefix: str
    """Start of key aliases and Name tags."""
    bucket_name: str | None
    """None: Pulumi chooses one."""
    target: DeploymentTarget


class StateBackend(pulumi.ComponentResource):
    """A versioned bucket that nobody reads without TLS, and two rotating keys; nothing here is ever deleted.

    Bucket and secrets have a key each: whoever may read state files cannot decrypt the secrets in them by that.
    """

    bucket_arn: Output[str]
    bucket_key_arn: Output[str]
    secrets_key_arn: Output[str]
    backend_url: Output[str]
    """For `pulumi login`."""
    secrets_provider: Output[str]
    """For `pulumi stack init --secrets-provider`."""

    def __init__(self, name: str, args: StateBackendArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tak-bootstrap:index:StateBackend", name, None, opts)
        self._name = name
        self._args = args

        bucket_key, _ = self._create_key("state", "Pulumi state files")
        secrets_key, secrets_alias = self._create_key("secrets", "secrets in Pulumi state and stack files")
        bucket = self._create_bucket()
        self._encrypt(bucket, bucket_key)
        versioning = self._keep_versions(bucket)
        self._expire_old_versions(bucket, versioning)
        public_access_block = self._block_public_access(bucket)
        self._require_tls(bucket, public_access_block)

        self.bucket_arn = bucket.arn
        self.bucket_key_arn = bucket_key.arn
        self.secrets_key_arn = secrets_key.arn
        self.backend_url = Output.format("s3://{0}?region={1}", bucket.bucket, args.target.region)
        self.secrets_provider = Output.format("awskms://{0}?region={1}", secrets_alias.name, args.target.region)
        self.register_outputs({"backendUrl": self.backend_url, "secretsProvider": self.secrets_provider})

    def _create_key(self, role: str, purpose: str) -> tuple[aws.kms.Key, aws.kms.Alias]:
        key = aws.kms.Key(
            f"{self._name}-{role}-key",
            description=f"{self._args.name_prefix}: {purpose}",
            enable_key_rotation=True,
            deletion_window_in_days=30,
            policy=json.dumps(_account_decides(self._args.target)),
            tags={"Name": f"{self._args.name_prefix}-{role}"},
            opts=self._kept(protect=True),
        )
        alias = aws.kms.Alias(
            f"{self._name}-{role}-key-alias",
            name=f"alias/{self._args.name_prefix}-{role}",
            target_key_id=key.key_id,
            # Stack files name the alias: without it nobody finds the key of their secrets.
            opts=self._kept(protect=True),
        )
        return key, alias

    def _create_bucket(self) -> aws.s3.Bucket:
        return aws.s3.Bucket(
            f"{self._name}-state",
            bucket=self._args.bucket_name,
            tags={"Name": f"{self._args.name_prefix}-state"},
            opts=self._kept(protect=True),
        )

    def _encrypt(self, bucket: aws.s3.Bucket, key: aws.kms.Key) -> None:
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{self._name}-state-encryption",
            bucket=bucket.bucket,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                        sse_algorithm="aws:kms", kms_master_key_id=key.arn
                    ),
                    bucket_key_enabled=True,
                )
            ],
            opts=self._kept(),
        )

    def _keep_versions(self, bucket: aws.s3.Bucket) -> aws.s3.BucketVersioning:
        return aws.s3.BucketVersioning(
            f"{self._name}-state-versioning",
            bucket=bucket.bucket,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=self._kept(),
        )

    def _expire_old_versions(self, bucket: aws.s3.Bucket, versioning: aws.s3.BucketVersioning) -> None:
        aws.s3.BucketLifecycleConfiguration(
            f"{self._name}-state-lifecycle",
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
            opts=self._kept(depends_on=[versioning]),
        )

    def _block_public_access(self, bucket: aws.s3.Bucket) -> aws.s3.BucketPublicAccessBlock:
        aws.s3.BucketOwnershipControls(
            f"{self._name}-state-ownership",
            bucket=bucket.bucket,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=self._kept(),
        )
        return aws.s3.BucketPublicAccessBlock(
            f"{self._name}-state-public-access-block",
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._kept(),
        )

    def _require_tls(self, bucket: aws.s3.Bucket, public_access_block: aws.s3.BucketPublicAccessBlock) -> None:
        aws.s3.BucketPolicy(
            f"{self._name}-state-policy",
            bucket=bucket.bucket,
            policy=bucket.arn.apply(lambda arn: json.dumps(_tls_only_policy(arn))),
            # S3 answers "OperationAborted" where both are changed at the same moment.
            opts=self._kept(depends_on=[public_access_block]),
        )

    def _kept(self, **options: Any) -> ResourceOptions:
        return ResourceOptions(parent=self, retain_on_delete=True, **options)


def _account_decides(target: DeploymentTarget) -> dict[str, Any]:
    """IAM policies of the account say who may use the key. This is what AWS gives a key that has no policy, too."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AccountDecidesThroughIam",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:{target.partition}:iam::{target.account_id}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
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
