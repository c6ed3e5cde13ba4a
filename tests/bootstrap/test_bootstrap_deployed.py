"""The bootstrap deployed in the simulated AWS, and read through boto3."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bootstrap.account import ISSUER, Account
from tests.deployed.test_deployment import expiry_rules_in_aws
from tests.unit.test_encrypted_storage import refusal_of_plain_http

pytestmark = pytest.mark.slow


@pytest.fixture
def bucket(account: Account) -> str:
    return account.recording.named("tak-state").id


def test_the_state_bucket_is_versioned_encrypted_and_closed(account: Account, bucket: str) -> None:
    s3 = account.cloud.client("s3")
    encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    ownership = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]

    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert encryption == [
        {
            "ApplyServerSideEncryptionByDefault": {
                "SSEAlgorithm": "aws:kms",
                "KMSMasterKeyID": account.recording.named("tak-state-key").outputs["arn"],
            },
            "BucketKeyEnabled": True,
        }
    ]
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert set(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values()) == {True}


def test_the_state_bucket_refuses_everything_without_tls(account: Account, bucket: str) -> None:
    policy = json.loads(account.cloud.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])

    assert policy["Statement"] == [refusal_of_plain_http(f"arn:aws:s3:::{bucket}")]


def test_current_versions_of_the_state_stay_and_old_ones_expire_after_a_year(account: Account, bucket: str) -> None:
    rules = account.cloud.client("s3").get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]

    assert rules == expiry_rules_in_aws(365)


@pytest.mark.parametrize("role", ["state", "secrets"])
def test_both_keys_rotate_and_are_found_by_their_alias(account: Account, role: str) -> None:
    kms = account.cloud.client("kms")
    key = kms.describe_key(KeyId=f"alias/tak-base-pulumi-{role}")["KeyMetadata"]

    assert key["KeyManager"] == "CUSTOMER"
    assert key["Arn"] == account.recording.named(f"tak-{role}-key").outputs["arn"]
    assert kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"] is True


def test_bucket_and_secrets_have_a_key_each(account: Account) -> None:
    assert len({key.id for key in account.recording.of_type("Key")}) == 2


def test_the_secrets_provider_and_the_backend_url_lead_to_what_there_is(account: Account, bucket: str) -> None:
    alias = account.recording.outputs["secretsProvider"].removeprefix("awskms://").split("?")[0]
    kms = account.cloud.client("kms")
    secret = kms.encrypt(KeyId=alias, Plaintext=b"data key")["CiphertextBlob"]

    assert kms.decrypt(CiphertextBlob=secret)["Plaintext"] == b"data key"
    assert account.recording.outputs["backendUrl"] == f"s3://{bucket}?region=ap-southeast-2"


def test_tokens_of_github_are_accepted_for_sts_only(account: Account) -> None:
    iam = account.cloud.client("iam")
    (provider,) = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])

    assert provider["Arn"] == account.recording.outputs["oidcProviderArn"]
    assert found["Url"].removeprefix("https://") == ISSUER
    assert found["ClientIDList"] == ["sts.amazonaws.com"]


def test_the_roles_trust_what_the_program_says(account: Account) -> None:
    iam = account.cloud.client("iam")
    for item in account.recording.of_type("Role"):
        role = iam.get_role(RoleName=item.inputs["name"])["Role"]
        assert role["Path"] == "/bootstrap/"
        assert role["AssumeRolePolicyDocument"] == json.loads(item.inputs["assumeRolePolicy"])


def test_a_session_of_a_deploy_role_lasts_as_long_as_the_workflow_asks(account: Account) -> None:
    path = Path(__file__).parents[2] / ".github/workflows/deploy-stack.yml"
    steps = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]["up"]["steps"]
    (asked,) = [step["with"]["role-duration-seconds"] for step in steps if "role" in step.get("with", {})]
    iam = account.cloud.client("iam")
    lasting = {
        role["RoleName"]: role["MaxSessionDuration"] for role in iam.list_roles(PathPrefix="/bootstrap/")["Roles"]
    }

    assert lasting == {
        "tak-base-preview": 3600,
        "tak-base-deploy-dev-test": int(asked),
        "tak-base-deploy-prod": int(asked),
    }


def test_the_roles_in_the_outputs_are_the_ones_there_are(account: Account) -> None:
    iam = account.cloud.client("iam")
    roles = {role["RoleName"]: role["Arn"] for role in iam.list_roles(PathPrefix="/bootstrap/")["Roles"]}

    assert roles == {
        "tak-base-preview": account.recording.outputs["previewRoleArn"],
        "tak-base-deploy-dev-test": account.recording.outputs["deployRoleArns"]["dev-test"],
        "tak-base-deploy-prod": account.recording.outputs["deployRoleArns"]["prod"],
    }


def test_deploy_roles_stand_under_the_boundary(account: Account) -> None:
    iam = account.cloud.client("iam")

    def boundary(role: str) -> Any:
        return iam.get_role(RoleName=role)["Role"].get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "")

    assert boundary("tak-base-deploy-prod").endswith(":policy/bootstrap/tak-base-deploy-boundary")
    assert boundary("tak-base-deploy-dev-test") == boundary("tak-base-deploy-prod")


def test_the_boundary_for_new_roles_exists_under_the_name_in_the_outputs(account: Account) -> None:
    names = account.cloud.client("iam").list_policies(PathPrefix="/bootstrap/")["Policies"]

    assert account.recording.outputs["permissionsBoundary"] in {
        f"{policy['Path'].removeprefix('/')}{policy['PolicyName']}" for policy in names
    }
