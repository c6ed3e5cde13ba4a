"""Handlers of the key's and the bucket's resource types (KMS, S3)."""

from typing import Any

from tak_tools import resource_types as types
from tak_tools.simulated_aws.cloud import Created, SimulatedAws, handles
from tak_tools.simulated_aws.inputs import Inputs


@handles(types.KEY)
def key(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    kms = cloud.client("kms")
    # Counts only when the key is deleted.
    inputs.take("deletionWindowInDays")
    made = kms.create_key(
        Description=inputs.take("description"),
        Policy=inputs.take("policy"),
        Tags=[{"TagKey": name, "TagValue": value} for name, value in cloud.tags(inputs).items()],
    )["KeyMetadata"]
    if inputs.take("enableKeyRotation"):
        kms.enable_key_rotation(KeyId=made["KeyId"])
    return made["KeyId"], {"keyId": made["KeyId"], "arn": made["Arn"]}


@handles(types.KEY_ALIAS)
def alias(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    alias_name = inputs.take("name")
    cloud.client("kms").create_alias(AliasName=alias_name, TargetKeyId=inputs.take("targetKeyId"))
    return alias_name, {"name": alias_name}


@handles(types.BUCKET)
def bucket(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    s3 = cloud.client("s3")
    bucket_name = inputs.take("bucket") or cloud.physical_name(name)
    # Counts only when the bucket is deleted.
    inputs.take("forceDestroy")
    configuration: dict[str, Any] = {"Tags": cloud.tag_list(inputs)}
    if cloud.region != "us-east-1":
        configuration["LocationConstraint"] = cloud.region
    s3.create_bucket(Bucket=bucket_name, CreateBucketConfiguration=configuration)
    partition = cloud.call("aws:index/getPartition:getPartition", {})["partition"]
    return bucket_name, {"bucket": bucket_name, "arn": f"arn:{partition}:s3:::{bucket_name}"}


@handles(types.BUCKET_VERSIONING)
def bucket_versioning(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    bucket_name = inputs.take("bucket")
    cloud.client("s3").put_bucket_versioning(
        Bucket=bucket_name,
        VersioningConfiguration={"Status": inputs.block("versioningConfiguration").take("status")},
    )
    return bucket_name, {}


@handles(types.BUCKET_ENCRYPTION)
def bucket_encryption(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    bucket_name = inputs.take("bucket")
    rules = []
    for rule in inputs.blocks("rules"):
        default = rule.block("applyServerSideEncryptionByDefault")
        by_default = {
            "SSEAlgorithm": default.take("sseAlgorithm"),
            "KMSMasterKeyID": default.take("kmsMasterKeyId"),
        }
        rules.append(
            {
                "ApplyServerSideEncryptionByDefault": {k: v for k, v in by_default.items() if v is not None},
                "BucketKeyEnabled": rule.take("bucketKeyEnabled", False),
                "BlockedEncryptionTypes": {"EncryptionType": rule.take("blockedEncryptionTypes", [])},
            }
        )
    cloud.client("s3").put_bucket_encryption(Bucket=bucket_name, ServerSideEncryptionConfiguration={"Rules": rules})
    return bucket_name, {}


@handles(types.BUCKET_LIFECYCLE)
def bucket_lifecycle(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    bucket_name = inputs.take("bucket")
    cloud.client("s3").put_bucket_lifecycle_configuration(
        Bucket=bucket_name,
        LifecycleConfiguration={"Rules": [_lifecycle_rule(rule) for rule in inputs.blocks("rules")]},
    )
    return bucket_name, {}


def _lifecycle_rule(rule: Inputs) -> dict[str, Any]:
    request = {
        "ID": rule.take("id"),
        "Status": rule.take("status"),
        "Filter": {"Prefix": rule.block("filter").take("prefix", "")},
    }
    for key, source, parameter, name in (
        ("Expiration", "expiration", "Days", "days"),
        ("NoncurrentVersionExpiration", "noncurrentVersionExpiration", "NoncurrentDays", "noncurrentDays"),
        (
            "AbortIncompleteMultipartUpload",
            "abortIncompleteMultipartUpload",
            "DaysAfterInitiation",
            "daysAfterInitiation",
        ),
    ):
        days = rule.block(source).take(name)
        if days is not None:
            request[key] = {parameter: days}
    return request


@handles(types.BUCKET_OWNERSHIP)
def bucket_ownership(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    bucket_name = inputs.take("bucket")
    rule = {"ObjectOwnership": inputs.block("rule").take("objectOwnership")}
    cloud.client("s3").put_bucket_ownership_controls(Bucket=bucket_name, OwnershipControls={"Rules": [rule]})
    return bucket_name, {}


@handles(types.BUCKET_PUBLIC_ACCESS_BLOCK)
def bucket_public_access_block(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    bucket_name = inputs.take("bucket")
    cloud.client("s3").put_public_access_block(
        Bucket=bucket_name,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": inputs.take("blockPublicAcls", False),
            "BlockPublicPolicy": inputs.take("blockPublicPolicy", False),
            "IgnorePublicAcls": inputs.take("ignorePublicAcls", False),
            "RestrictPublicBuckets": inputs.take("restrictPublicBuckets", False),
        },
    )
    return bucket_name, {}


@handles(types.BUCKET_POLICY)
def bucket_policy(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    bucket_name = inputs.take("bucket")
    cloud.client("s3").put_bucket_policy(Bucket=bucket_name, Policy=inputs.take("policy"))
    return bucket_name, {}
