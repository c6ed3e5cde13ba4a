"""An account after the bootstrap, and an evaluation of what its roles may do."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tak_tools.program import Recording
from tak_tools.simulated_aws import SimulatedAws

REGION = "ap-southeast-2"
REPOSITORY = "example-owner/example-repository"
ISSUER = "token.actions.githubusercontent.com"


# What a condition compares with: the values that a key has in a request.
Context = Mapping[str, Any]

ANY = object()
"""The value of a key that the caller chooses."""


class Attack(dict[str, Any]):
    """The context of a request for an existing resource: its values are fixed, the caller chooses the others."""

    # `ec2:CreateAction` is there only when EC2 tags what it has just made.
    FIXED = ("aws:ResourceTag/", "kms:ResourceAliases", "ec2:CreateAction")

    def __missing__(self, key: str) -> Any:
        return None if key.startswith(self.FIXED) else ANY

    def get(self, key: str, default: Any = None) -> Any:
        return self[key]


@dataclass(frozen=True)
class Permissions:
    """What a role of the simulated AWS may do, by IAM's evaluation logic: a denial wins, and a boundary only limits.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
    """

    policies: Mapping[str, dict[str, Any]]
    boundary: dict[str, Any] | None

    def allow(self, action: str, resource: str, context: Context | None = None) -> bool:
        """Whether a request in the layer's region is allowed."""
        return self.allow_in({"aws:RequestedRegion": REGION, **(context or {})}, action, resource)

    def allow_attack(self, action: str, resource: str, tags: Mapping[str, str], aliases: Sequence[str] = ()) -> bool:
        """Whether any request for something that has these tags and aliases is allowed."""
        context = Attack({f"aws:ResourceTag/{key}": value for key, value in tags.items()})
        if aliases:
            context["kms:ResourceAliases"] = list(aliases)
        return self.allow_in(context, action, resource)

    def allow_in(self, context: Context, action: str, resource: str) -> bool:
        """Whether a request with this context, and nothing else in it, is allowed."""

        def effects(*documents: dict[str, Any]) -> set[str]:
            return {
                statement["Effect"]
                for document in documents
                for statement in document["Statement"]
                if _applies(statement, action, resource, context)
            }

        granted = effects(*self.policies.values())
        if "Allow" not in granted:
            return False
        limit = effects(self.boundary) if self.boundary else {"Allow"}
        return "Deny" not in granted | limit and "Allow" in limit


def _applies(statement: dict[str, Any], action: str, resource: str, context: Context) -> bool:
    # IAM knows actions in any case, and everything else in one.
    if "NotAction" in statement:
        named = not _matches(action.lower(), _lower(statement["NotAction"]))
    else:
        named = _matches(action.lower(), _lower(statement["Action"]))
    return (
        named
        and _matches(resource, statement["Resource"])
        and all(
            _holds(operator, context.get(key), expected, statement["Effect"])
            for operator, keys in statement.get("Condition", {}).items()
            for key, expected in keys.items()
        )
    )


def _lower(patterns: str | Sequence[str]) -> list[str]:
    return [pattern.lower() for pattern in ([patterns] if isinstance(patterns, str) else patterns)]


def _matches(value: str, patterns: str | Sequence[str]) -> bool:
    return any(_pattern(item).fullmatch(value) for item in ([patterns] if isinstance(patterns, str) else patterns))


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def _holds(operator: str, found: Any, expected: str | Sequence[str], effect: str) -> bool:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"""
    if found is ANY:
        # The caller chooses a value that allows the request.
        return effect == "Allow"
    choices = [expected] if isinstance(expected, str) else expected
    if operator == "Null":
        return choices == [str(found is None).lower()]
    of_all, _, comparison = operator.rpartition(":")
    comparison, if_exists, _ = comparison.partition("IfExists")
    if found is None:
        return bool(of_all or if_exists) or comparison == "StringNotEquals"
    values = [found] if isinstance(found, str) else found
    if len(values) > 1 and not of_all:
        raise ValueError(f"{operator} compares one value, found {values}")
    match of_all, comparison:
        case "" | "ForAllValues", "StringEquals" | "Bool":
            return all(value in choices for value in values)
        case "" | "ForAllValues", "StringLike" | "ArnEquals":
            return all(_matches(value, choices) for value in values)
        case "", "StringNotEquals":
            return values[0] not in choices
    raise NotImplementedError(operator)


class Account:
    """The simulated AWS after the bootstrap."""

    def __init__(self, cloud: SimulatedAws, recording: Recording) -> None:
        self.cloud = cloud
        self.recording = recording

    def permissions(self, role_name: str) -> Permissions:
        iam = self.cloud.client("iam")
        role = iam.get_role(RoleName=role_name)["Role"]
        attached = iam.list_attached_role_policies(RoleName=role_name)["AttachedPolicies"]
        assert not iam.list_role_policies(RoleName=role_name)["PolicyNames"]
        boundary = role.get("PermissionsBoundary")
        return Permissions(
            {policy["PolicyName"]: self.policy(policy["PolicyArn"]) for policy in attached},
            self.policy(boundary["PermissionsBoundaryArn"]) if boundary else None,
        )

    def policy(self, arn: str) -> dict[str, Any]:
        iam = self.cloud.client("iam")
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        return json.loads(document) if isinstance(document, str) else document
