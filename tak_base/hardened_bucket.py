"""An S3 bucket with its security settings: encryption, versioning, lifecycle rules, no public access, a policy."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Input, ResourceOptions


@dataclass(frozen=True)
class HardenedBucketArgs:
    name_tag: str
    policy: Callable[[str], dict[str, Any]]
    """Makes the bucket policy from the bucket's ARN."""
    key_arn: Input[str] | None
    """None: encrypted with S3's own key (SSE-S3), for services that cannot write with a customer-managed key."""
    lifecycle: Mapping[str, Mapping[str, Any]]
    """The lifecycle rules by their IDs (policy_documents.bucket_lifecycle)."""
    protect: bool
    """Whether no deployment deletes the bucket and its settings."""
    bucket_name: str | None = None
    """None: Pulumi chooses one."""
    force_destroy: bool | None = None
    """Whether the bucket can be deleted while it has objects, which are then deleted too."""


def create_hardened_bucket(name: str, args: HardenedBucketArgs, parent: pulumi.Resource) -> aws.s3.Bucket:
    """The bucket with the logical name `name`; its settings have that name in front of theirs."""
    bucket = aws.s3.Bucket(
        name,
        bucket=args.bucket_name,
        force_destroy=args.force_destroy,
        tags={"Name": args.name_tag},
        opts=ResourceOptions(parent=parent, protect=args.protect, retain_on_delete=args.protect),
    )

    def setting(depends_on: list[pulumi.Resource] | None = None) -> ResourceOptions:
        # The settings of a bucket that is not deleted stay too.
        return ResourceOptions(parent=parent, retain_on_delete=args.protect, depends_on=depends_on)

    _encrypt(name, bucket, args.key_arn, setting())
    versioning = aws.s3.BucketVersioning(
        f"{name}-versioning",
        bucket=bucket.bucket,
        versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
        opts=setting(),
    )
    # S3 applies rules for noncurrent versions only to a bucket that keeps versions.
    _create_lifecycle(name, bucket, args, setting([versioning]))
    aws.s3.BucketOwnershipControls(
        f"{name}-ownership",
        bucket=bucket.bucket,
        rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
        opts=setting(),
    )
    public_access_block = aws.s3.BucketPublicAccessBlock(
        f"{name}-public-access-block",
        bucket=bucket.bucket,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=setting(),
    )
    aws.s3.BucketPolicy(
        f"{name}-policy",
        bucket=bucket.bucket,
        policy=bucket.arn.apply(lambda arn: json.dumps(args.policy(arn))),
        # S3 answers "OperationAborted" where both are changed at the same moment.
        opts=setting([public_access_block]),
    )
    return bucket


def _encrypt(name: str, bucket: aws.s3.Bucket, key_arn: Input[str] | None, opts: ResourceOptions) -> None:
    own_key = key_arn is not None
    aws.s3.BucketServerSideEncryptionConfiguration(
        f"{name}-encryption",
        bucket=bucket.bucket,
        rules=[
            aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                apply_server_side_encryption_by_default=aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                    sse_algorithm="aws:kms" if own_key else "AES256", kms_master_key_id=key_arn
                ),
                bucket_key_enabled=True if own_key else None,
                # With a key that the caller provides (SSE-C), nobody else can read or recover the objects.
                blocked_encryption_types=["SSE-C"],
            )
        ],
        opts=opts,
    )


def _create_lifecycle(name: str, bucket: aws.s3.Bucket, args: HardenedBucketArgs, opts: ResourceOptions) -> None:
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
            for rule, action in args.lifecycle.items()
        ],
        opts=opts,
    )
