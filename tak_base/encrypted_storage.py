"""EncryptedStorage: the customer-managed key over everything at rest, and the buckets."""

import json
from dataclasses import dataclass, replace

import pulumi
import pulumi_aws as aws
from pulumi import Output, ResourceOptions

from tak_base.deployment_target import DeploymentTarget
from tak_base.hardened_bucket import HardenedBucketArgs, create_hardened_bucket
from tak_base.policy_documents import (
    bucket_lifecycle,
    key_policy,
    load_balancer_log_lifecycle,
    load_balancer_log_policy,
    tls_only_policy,
)
from tak_base.settings import StorageSettings

_CONFIG = "config"
_APP_IMAGES = "app-images"
# The only bucket without the customer-managed key: tak_tools/policy/checks.py finds it by this name.
_LOAD_BALANCER_LOGS = "elb-logs"


@dataclass(frozen=True)
class EncryptedStorageArgs:
    name_prefix: str
    """The beginning of every Name tag."""
    settings: StorageSettings
    key_alias: str
    """Begins with `alias/`."""
    cluster_name: str
    """The ECS cluster whose Fargate ephemeral storage the key encrypts."""
    log_group_names: tuple[str, ...]
    """The log groups that the key may encrypt; `*` stands for any text."""
    protect_data: bool
    """True: no deployment deletes the key or a bucket. False: `pulumi destroy` deletes them with their objects."""
    log_retention_days: int
    """After how many days load balancer logs expire."""
    target: DeploymentTarget


class EncryptedStorage(pulumi.ComponentResource):
    """A rotating customer-managed KMS key with its alias, and versioned buckets that are encrypted with it."""

    key_arn: Output[str]
    key_alias: Output[str]
    bucket_name: Output[str]
    bucket_arn: Output[str]
    app_images_bucket_name: Output[str] | None
    app_images_bucket_arn: Output[str] | None
    load_balancer_log_bucket_name: Output[str] | None
    load_balancer_log_bucket_arn: Output[str] | None

    def __init__(self, name: str, args: EncryptedStorageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tak-base:index:EncryptedStorage", name, None, opts)
        self._name = name
        self._args = args

        key = self._create_key()
        alias = self._create_alias(key)
        buckets = self._create_buckets(key)

        self.key_arn = key.arn
        self.key_alias = alias.name
        self.bucket_name = buckets[_CONFIG].bucket
        self.bucket_arn = buckets[_CONFIG].arn
        app_images, logs = buckets.get(_APP_IMAGES), buckets.get(_LOAD_BALANCER_LOGS)
        self.app_images_bucket_name = app_images.bucket if app_images else None
        self.app_images_bucket_arn = app_images.arn if app_images else None
        self.load_balancer_log_bucket_name = logs.bucket if logs else None
        self.load_balancer_log_bucket_arn = logs.arn if logs else None
        self.register_outputs({"keyArn": self.key_arn, "bucketName": self.bucket_name})

    def _create_key(self) -> aws.kms.Key:
        return aws.kms.Key(
            f"{self._name}-key",
            description=f"{self._args.name_prefix}: everything at rest",
            enable_key_rotation=True,
            deletion_window_in_days=self._args.settings.kms_deletion_window_days,
            policy=json.dumps(key_policy(self._args.target, self._args.cluster_name, self._args.log_group_names)),
            tags={"Name": self._args.name_prefix},
            opts=ResourceOptions(
                parent=self, protect=self._args.protect_data, retain_on_delete=self._args.protect_data
            ),
        )

    def _create_alias(self, key: aws.kms.Key) -> aws.kms.Alias:
        return aws.kms.Alias(
            f"{self._name}-key-alias",
            name=self._args.key_alias,
            target_key_id=key.key_id,
            opts=ResourceOptions(parent=self),
        )

    def _create_buckets(self, key: aws.kms.Key) -> dict[str, aws.s3.Bucket]:
        """The buckets by role, the last part of a bucket's logical name."""
        args = self._args
        roles = {_CONFIG: self._bucket_args(_CONFIG, key)}
        if args.settings.app_images_bucket:
            roles[_APP_IMAGES] = self._bucket_args(_APP_IMAGES, key)
        if args.settings.load_balancer_log_bucket:
            roles[_LOAD_BALANCER_LOGS] = replace(
                self._bucket_args(_LOAD_BALANCER_LOGS, key),
                policy=lambda arn: load_balancer_log_policy(args.target, arn),
                # Load balancers cannot write with a customer-managed key.
                key_arn=None,
                lifecycle=load_balancer_log_lifecycle(args.log_retention_days),
            )
        return {role: create_hardened_bucket(f"{self._name}-{role}", roles[role], self) for role in roles}

    def _bucket_args(self, role: str, key: aws.kms.Key) -> HardenedBucketArgs:
        return HardenedBucketArgs(
            name_tag=f"{self._args.name_prefix}-{role}",
            policy=tls_only_policy,
            key_arn=key.arn,
            lifecycle=bucket_lifecycle(),
            protect=self._args.protect_data,
            force_destroy=not self._args.protect_data,
        )
