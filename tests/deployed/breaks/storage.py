"""Breaks of the key."""

import json
from collections.abc import Callable
from typing import Any

from tests.deployed.breaks.harness import breaks
from tests.deployed.case import ACCOUNT, OTHER_ACCOUNT, Case


@breaks("key-state")
def the_key_is_about_to_be_deleted(case: Case) -> list[str]:
    case.client("kms").schedule_key_deletion(KeyId=case.id("key"), PendingWindowInDays=7)
    return [f"{case.key_arn}: found state PendingDeletion, expected state Enabled"]


@breaks("key-state")
def the_key_is_disabled(case: Case) -> list[str]:
    case.client("kms").disable_key(KeyId=case.id("key"))
    return [f"{case.key_arn}: found state Disabled, expected state Enabled"]


@breaks("key-rotation")
def the_key_no_longer_rotates(case: Case) -> list[str]:
    case.client("kms").disable_key_rotation(KeyId=case.key_arn)
    return [f"{case.key_arn}: found rotation false, expected rotation true"]


@breaks("key-rotation")
def the_key_rotates_seldom(case: Case) -> list[str]:
    case.client("kms").enable_key_rotation(KeyId=case.key_arn, RotationPeriodInDays=2560)
    return [f"{case.key_arn}: found rotation period in days 2560, expected rotation period in days 365"]


@breaks("key-alias")
def the_alias_leads_to_another_key(case: Case) -> list[str]:
    kms = case.client("kms")
    other = kms.create_key()["KeyMetadata"]
    kms.update_alias(AliasName="alias/tak-base-prod", TargetKeyId=other["KeyId"])
    return [f"alias/tak-base-prod: found key {other['Arn']}, expected key {case.key_arn}"]


@breaks("key-alias")
def the_alias_is_deleted(case: Case) -> list[str]:
    case.client("kms").delete_alias(AliasName="alias/tak-base-prod")
    return [f"alias/tak-base-prod: found key none, expected key {case.key_arn}"]


@breaks("key-policy")
def the_key_policy_has_lost_fargate(case: Case) -> list[str]:
    put_key_policy(case, lambda statements: [item for item in statements if item["Sid"] != "FargateMakesDataKeys"])
    return [f"{case.key_arn}: found a policy without the statement FargateMakesDataKeys, expected a policy with it"]


@breaks("key-policy")
def the_key_policy_lets_in_others(case: Case) -> list[str]:
    others = {
        "AWS": [f"arn:aws:iam::{OTHER_ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:role/own"],
        "Service": "s3.amazonaws.com",
    }
    added = [
        {"Effect": "Allow", "Principal": others, "Action": "kms:Decrypt", "Resource": "*"},
        {"Effect": "Allow", "Principal": "*", "Action": "kms:Encrypt", "Resource": "*"},
        {"Effect": "Deny", "Principal": "*", "Action": "kms:Sign", "Resource": "*"},
    ]
    put_key_policy(case, lambda statements: statements + added)
    return [
        f"{case.key_arn}: found a policy statement for {who}, expected none for others"
        for who in (f"arn:aws:iam::{OTHER_ACCOUNT}:root", "s3.amazonaws.com", "*")
    ]


def put_key_policy(case: Case, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    kms = case.client("kms")
    policy = json.loads(kms.get_key_policy(KeyId=case.key_arn, PolicyName="default")["Policy"])
    policy["Statement"] = change(policy["Statement"])
    kms.put_key_policy(KeyId=case.key_arn, PolicyName="default", Policy=json.dumps(policy))
