"""All inputs of the resources of EncryptedStorage."""

import json
from typing import Any

import pulumi
import pytest

from tak_tools.program import Recording
from tak_tools.stub_aws import StubAws
from tests.options import Evaluate, Outputs


class GovCloud(StubAws):
    """A region of another partition."""

    def call(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        if token.endswith(":getPartition"):
            return {"partition": "aws-us-gov", "dnsSuffix": "amazonaws.com"}
        return super().call(token, args)


# The key


@pytest.mark.parametrize(("stack", "days"), [("prod", 30), ("dev_test", 7)])
def test_the_key_rotates_and_can_be_saved_for_some_days_after_its_deletion(
    request: pytest.FixtureRequest, stack: str, days: int
) -> None:
    recording: Recording = request.getfixturevalue(stack)
    key = dict(recording.named("tak-key").inputs)
    name = f"tak-base-{Outputs(recording.outputs).published_environment}"

    assert key.pop("policy")
    assert key == {
        "description": f"{name}: everything at rest",
        "enableKeyRotation": True,
        "deletionWindowInDays": days,
        "tags": {"Name": name},
    }


def test_the_key_policy_allows_the_account_fargate_for_the_cluster_and_logs_for_log_groups_of_the_stack(
    prod: Recording,
) -> None:
    cluster = {
        "StringEquals": {
            "kms:EncryptionContext:aws:ecs:clusterAccount": ["account-id"],
            "kms:EncryptionContext:aws:ecs:clusterName": ["tak-base-prod"],
        }
    }
    log_groups = "arn:aws:logs:ap-southeast-2:account-id:log-group"

    assert json.loads(prod.named("tak-key").inputs["policy"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AccountDecidesThroughIam",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::account-id:root"},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Sid": "FargateMakesDataKeys",
                "Effect": "Allow",
                "Principal": {"Service": "fargate.amazonaws.com"},
                "Action": "kms:GenerateDataKeyWithoutPlaintext",
                "Resource": "*",
                "Condition": cluster,
            },
            {
                "Sid": "FargateGrantsDecryption",
                "Effect": "Allow",
                "Principal": {"Service": "fargate.amazonaws.com"},
                "Action": "kms:CreateGrant",
                "Resource": "*",
                "Condition": {**cluster, "ForAllValues:StringEquals": {"kms:GrantOperations": ["Decrypt"]}},
            },
            {
                "Sid": "CloudWatchLogsEncryptsLogGroups",
                "Effect": "Allow",
                "Principal": {"Service": "logs.ap-southeast-2.amazonaws.com"},
                "Action": [
                    "kms:Encrypt*",
                    "kms:Decrypt*",
                    "kms:ReEncrypt*",
                    "kms:GenerateDataKey*",
                    "kms:Describe*",
                ],
                "Resource": "*",
                "Condition": {
                    "ArnLike": {
                        "kms:EncryptionContext:aws:logs:arn": [
                            f"{log_groups}:/tak-base-prod/*",
                            f"{log_groups}:/aws/ecs/containerinsights/tak-base-prod/performance",
                        ]
                    }
                },
            },
        ],
    }


@pytest.mark.parametrize("stack", ["prod", "dev_test"])
def test_the_key_policy_admits_exactly_the_cluster_and_every_log_group_of_the_stack(
    request: pytest.FixtureRequest, stack: str
) -> None:
    recording: Recording = request.getfixturevalue(stack)
    _, data_keys, _, logs = json.loads(recording.named("tak-key").inputs["policy"])["Statement"]
    patterns = logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]

    assert data_keys["Condition"]["StringEquals"]["kms:EncryptionContext:aws:ecs:clusterName"] == [
        recording.named("tak-cluster").inputs["name"]
    ]
    for group in recording.of_type("LogGroup"):
        arn = f"arn:aws:logs:ap-southeast-2:account-id:log-group:{group.inputs['name']}"
        assert any(arn == pattern or arn.startswith(pattern.removesuffix("*")) for pattern in patterns), group.name


def test_arns_and_service_principals_are_those_of_the_partition(evaluate: Evaluate) -> None:
    recording = evaluate("prod", cloud=GovCloud("us-gov-west-1"))
    root, _, _, logs = json.loads(recording.named("tak-key").inputs["policy"])["Statement"]

    assert root["Principal"] == {"AWS": "arn:aws-us-gov:iam::account-id:root"}
    assert logs["Principal"] == {"Service": "logs.us-gov-west-1.amazonaws.com"}
    for item in recording.resources:
        # `stub` is the service in the ARNs of StubAws.
        assert "arn:aws:" not in json.dumps(item.inputs).replace("arn:aws:stub:", ""), item.name
    assert Outputs(recording.outputs).repository_arn.startswith(
        "arn:aws-us-gov:ecr:us-gov-west-1:account-id:repository/"
    )


def test_the_alias_points_to_the_key(prod: Recording) -> None:
    assert prod.named("tak-key-alias").inputs == {
        "name": "alias/tak-base-prod",
        "targetKeyId": prod.named("tak-key").outputs["keyId"],
    }


def test_everything_at_rest_is_encrypted_with_the_key(prod: Recording) -> None:
    encrypted = {item.name for item in prod.resources if "tak-key" in json.dumps(item.inputs)}
    # These two name the key; the outputs are no data.
    encrypted -= {"tak-key-alias", "tak-outputs"}

    assert encrypted == {
        "tak-cluster",
        "tak-config-encryption",
        "tak-images",
        *(group.name for group in prod.of_type("LogGroup")),
    }


# The config bucket


@pytest.mark.parametrize(
    ("stack", "protect_data", "force_destroy"),
    [("prod", True, False), ("prod", False, True), ("dev-test", False, True), ("dev-test", True, False)],
)
def test_a_full_bucket_is_destroyed_only_where_data_is_not_protected(
    evaluate: Evaluate, stack: str, protect_data: bool, force_destroy: bool
) -> None:
    assert evaluate(stack, protectData=protect_data).named("tak-config").inputs == {
        "forceDestroy": force_destroy,
        "tags": {"Name": f"tak-base-{stack}-config"},
    }


def test_objects_are_encrypted_with_the_key_through_a_bucket_key(prod: Recording) -> None:
    assert prod.named("tak-config-encryption").inputs == {
        "bucket": prod.named("tak-config").outputs["bucket"],
        "rules": [
            {
                "applyServerSideEncryptionByDefault": {
                    "sseAlgorithm": "aws:kms",
                    "kmsMasterKeyId": prod.named("tak-key").outputs["arn"],
                },
                "bucketKeyEnabled": True,
                # A key that the caller brings is not the layer's.
                "blockedEncryptionTypes": ["SSE-C"],
            }
        ],
    }


def test_the_bucket_keeps_versions(prod: Recording) -> None:
    assert prod.named("tak-config-versioning").inputs == {
        "bucket": prod.named("tak-config").outputs["bucket"],
        "versioningConfiguration": {"status": "Enabled"},
    }


def test_old_versions_and_unfinished_uploads_expire_and_current_objects_do_not(prod: Recording) -> None:
    assert prod.named("tak-config-lifecycle").inputs == {
        "bucket": prod.named("tak-config").outputs["bucket"],
        "rules": expiry_rules(90),
    }


def expiry_rules(noncurrent_days: int) -> list[dict[str, Any]]:
    always = {"status": "Enabled", "filter": {"prefix": ""}}
    return [
        {
            "id": "expire-noncurrent-versions",
            **always,
            "noncurrentVersionExpiration": {"noncurrentDays": noncurrent_days},
        },
        {"id": "abort-unfinished-uploads", **always, "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7}},
    ]


def test_access_control_lists_are_off(prod: Recording) -> None:
    assert prod.named("tak-config-ownership").inputs == {
        "bucket": prod.named("tak-config").outputs["bucket"],
        "rule": {"objectOwnership": "BucketOwnerEnforced"},
    }


def test_the_bucket_is_closed_to_the_public_in_all_four_ways(prod: Recording) -> None:
    assert prod.named("tak-config-public-access-block").inputs == {
        "bucket": prod.named("tak-config").outputs["bucket"],
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
        "ignorePublicAcls": True,
        "restrictPublicBuckets": True,
    }


def test_the_bucket_refuses_requests_without_tls(prod: Recording) -> None:
    bucket = prod.named("tak-config").outputs
    policy = dict(prod.named("tak-config-policy").inputs)

    assert json.loads(policy.pop("policy")) == {
        "Version": "2012-10-17",
        "Statement": [refusal_of_plain_http(bucket["arn"])],
    }
    assert policy == {"bucket": bucket["bucket"]}


def refusal_of_plain_http(bucket_arn: str) -> dict[str, Any]:
    return {
        "Sid": "RefuseUnencryptedTransport",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket_arn, f"{bucket_arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_a_partition_with_other_names_stops_the_program_before_anything_is_made(evaluate: Evaluate) -> None:
    class China(StubAws):
        def call(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
            found = super().call(token, args)
            return found | {"partition": "aws-cn"} if token.endswith(":getPartition") else found

    with pytest.raises(pulumi.RunError, match=r"^AWS partition: found aws-cn, expected aws or aws-us-gov$"):
        evaluate("prod", cloud=China("ap-southeast-2"))
