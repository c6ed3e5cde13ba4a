"""Breaks of the buckets."""

import json
from typing import Any

from tests.deployed.breaks.harness import breaks
from tests.deployed.case import Case


def bucket_policy(case: Case, bucket: str) -> dict[str, Any]:
    return json.loads(case.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])


def put_policy(case: Case, bucket: str, policy: dict[str, Any]) -> None:
    case.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


@breaks("bucket-encryption")
def the_bucket_encrypts_with_s3s_own_key(case: Case) -> list[str]:
    case.client("s3").delete_bucket_encryption(Bucket=case.bucket_name)
    return [f"{case.bucket_name}: found encryption none, expected encryption aws:kms"]


@breaks("bucket-encryption")
def the_bucket_encrypts_with_another_key_and_without_a_bucket_key(case: Case) -> list[str]:
    other = case.client("kms").create_key()["KeyMetadata"]["Arn"]
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": other}
    case.client("s3").put_bucket_encryption(
        Bucket=case.bucket_name,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": by_default}]},
    )
    return [
        f"{case.bucket_name}: found key {other}, expected key {case.key_arn}",
        f"{case.bucket_name}: found bucket key false, expected bucket key true",
    ]


@breaks("bucket-versioning")
def versioning_is_suspended(case: Case) -> list[str]:
    case.client("s3").put_bucket_versioning(Bucket=case.bucket_name, VersioningConfiguration={"Status": "Suspended"})
    return [f"{case.bucket_name}: found versioning Suspended, expected versioning Enabled"]


@breaks("bucket-public-access")
def the_public_access_block_is_gone(case: Case) -> list[str]:
    case.client("s3").delete_public_access_block(Bucket=case.bucket_name)
    return [
        f"{case.bucket_name}: found public access block none, expected public access block"
        " BlockPublicAcls, BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets"
    ]


@breaks("bucket-ownership")
def writers_own_their_objects(case: Case) -> list[str]:
    case.client("s3").put_bucket_ownership_controls(
        Bucket=case.bucket_name, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    )
    return [f"{case.bucket_name}: found ownership ObjectWriter, expected ownership BucketOwnerEnforced"]


@breaks("bucket-tls")
def the_bucket_policy_is_deleted(case: Case) -> list[str]:
    case.client("s3").delete_bucket_policy(Bucket=case.bucket_name)
    return [plain_http_is_allowed(case.bucket_name)]


@breaks("bucket-tls")
def the_bucket_policy_refuses_plain_http_for_reading_only(case: Case) -> list[str]:
    policy = bucket_policy(case, case.bucket_name)
    policy["Statement"][0]["Action"] = "s3:GetObject"
    put_policy(case, case.bucket_name, policy)
    return [plain_http_is_allowed(case.bucket_name)]


def plain_http_is_allowed(bucket: str) -> str:
    return f"{bucket}: found a policy without the statement RefuseUnencryptedTransport, expected a policy with it"


@breaks("bucket-lifecycle")
def the_lifecycle_is_gone(case: Case) -> list[str]:
    case.client("s3").delete_bucket_lifecycle(Bucket=case.bucket_name)
    return [f"{case.bucket_name}: found rules none, expected rules {LIFECYCLE}"]


@breaks("bucket-lifecycle")
def the_lifecycle_expires_what_is_current(case: Case) -> list[str]:
    rule = {"ID": "all", "Status": "Enabled", "Filter": {"Prefix": "etc/"}, "Expiration": {"Days": 30}}
    case.client("s3").put_bucket_lifecycle_configuration(
        Bucket=case.bucket_name, LifecycleConfiguration={"Rules": [rule]}
    )
    found = '{"Expiration": {"Days": 30}, "Prefix": "etc/", "Status": "Enabled"}'
    return [f"{case.bucket_name}: found rules {found}, expected rules {LIFECYCLE}"]


ABORT = '{"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}, "Prefix": "", "Status": "Enabled"}'
NONCURRENT = '{"NoncurrentVersionExpiration": {"NoncurrentDays": 90}, "Prefix": "", "Status": "Enabled"}'
LIFECYCLE = f"{ABORT}, {NONCURRENT}"


@breaks("app-images-bucket", on="full")
def the_application_images_bucket_is_deleted(case: Case) -> list[str]:
    name = case.app_images_bucket_name
    case.client("s3").delete_bucket(Bucket=name)
    return [f"{name}: found no such bucket, expected the application images bucket"]


@breaks("app-images-bucket", on="full")
def the_application_images_bucket_is_encrypted_by_s3_and_open(case: Case) -> list[str]:
    s3, name = case.client("s3"), case.app_images_bucket_name
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.delete_public_access_block(Bucket=name)
    every = "BlockPublicAcls, BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets"
    return [
        f"{name}: found encryption AES256, expected encryption aws:kms",
        f"{name}: found public access block none, expected public access block {every}",
    ]


@breaks("app-images-bucket", on="full")
def the_published_arn_is_of_another_bucket(case: Case) -> list[str]:
    arn = case.app_images_bucket_arn
    case.outputs[Case.app_images_bucket_arn.name] = f"{arn}x"
    return [f"{Case.app_images_bucket_arn.name}: found output {arn}x, expected output {arn}"]


@breaks("load-balancer-log-bucket", on="full")
def the_log_bucket_is_deleted(case: Case) -> list[str]:
    name = case.log_bucket_name
    case.client("s3").delete_bucket(Bucket=name)
    return [f"{name}: found no such bucket, expected the load balancer log bucket"]


@breaks("load-balancer-log-bucket", on="full")
def load_balancers_cannot_write_to_a_log_bucket_under_the_key(case: Case) -> list[str]:
    name = case.log_bucket_name
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": case.key_arn}}
    case.client("s3").put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    return [f"{name}: found encryption aws:kms, expected encryption AES256"]


@breaks("load-balancer-log-bucket", on="full")
def application_load_balancers_are_no_longer_admitted_and_everybody_is(case: Case) -> list[str]:
    name = case.log_bucket_name
    policy = bucket_policy(case, name)
    (statement,) = [item for item in policy["Statement"] if item["Sid"] == "ApplicationLoadBalancersWriteLogs"]
    statement["Principal"] = "*"
    put_policy(case, name, policy)
    return [
        f"{name}: found a policy without the statement ApplicationLoadBalancersWriteLogs, expected a policy with it",
        f"{name}: found a policy statement that allows something else, expected log delivery only",
    ]


@breaks("load-balancer-log-bucket", on="full")
def logs_are_accepted_without_tls(case: Case) -> list[str]:
    name = case.log_bucket_name
    policy = bucket_policy(case, name)
    policy["Statement"] = [item for item in policy["Statement"] if item["Effect"] == "Allow"]
    put_policy(case, name, policy)
    return [plain_http_is_allowed(name)]


@breaks("load-balancer-log-bucket", on="full")
def logs_stay_for_ever(case: Case) -> list[str]:
    name = case.log_bucket_name
    case.client("s3").delete_bucket_lifecycle(Bucket=name)
    expiration = '{"Expiration": {"Days": 365}, "Prefix": "", "Status": "Enabled"}'
    return [f"{name}: found rules none, expected rules {ABORT}, {expiration}, {NONCURRENT}"]
