"""StateBackend: the bucket for Pulumi's state, and the key for the secrets in it."""

import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Output, ResourceOptions

from tak_base.deployment_target import DeploymentTarget
from tak_base.hardened_bucket import HardenedBucketArgs, create_hardened_bucket
from tak_base.policy_documents import bucket_lifecycle, tls_only_policy

_NONCURRENT_VERSION_DAYS = 365


@dataclass(frozen=True)
class StateBackendArgs:
    name_prefix: str
    """The beginning of key aliases and Name tags."""
    bucket_name: str | None
    """None: Pulumi chooses one."""
    target: DeploymentTarget


class StateBackend(pulumi.ComponentResource):
    """A versioned bucket that refuses requests without TLS, and two rotating keys; no deployment deletes them.

    Bucket and secrets have separate keys: permission to read state files does not include their secrets.
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
        bucket = self._create_bucket(bucket_key)

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
            opts=self._kept(),
        )
        alias = aws.kms.Alias(
            f"{self._name}-{role}-key-alias",
            name=f"alias/{self._args.name_prefix}-{role}",
            target_key_id=key.key_id,
            # Stack files refer to the alias: without it the key of their secrets is not found.
            opts=self._kept(),
        )
        return key, alias

    def _create_bucket(self, key: aws.kms.Key) -> aws.s3.Bucket:
        return create_hardened_bucket(
            f"{self._name}-state",
            HardenedBucketArgs(
                name_tag=f"{self._args.name_prefix}-state",
                policy=tls_only_policy,
                key_arn=key.arn,
                lifecycle=bucket_lifecycle(_NONCURRENT_VERSION_DAYS),
                protect=True,
                bucket_name=self._args.bucket_name,
            ),
            self,
        )

    def _kept(self) -> ResourceOptions:
        return ResourceOptions(parent=self, protect=True, retain_on_delete=True)


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
