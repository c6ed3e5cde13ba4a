"""The account after the bootstrap, and what its roles may do there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tak_tools.program import Recording
from tak_tools.simulated_aws import SimulatedAws

REGION = "ap-southeast-2"
REPOSITORY = "example-owner/example-repository"


@dataclass(frozen=True)
class Permissions:
    """What a role of the simulated AWS may do, by the rules of IAM: a denial wins, and a boundary only narrows.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
    """

    policies: Mapping[str, dict[str, Any]]
    boundary: dict[str, Any] | None

    def allow(self, action: str, resource: str, context: Mapping[str, str] | None = None) -> bool:
        context = {"aws:RequestedRegion": REGION, **(context or {})}

        def effects(*documents: dict[str, Any]) -> set[str]:
            return {
                statement["Effect"]
                for document in documents
                for statement in document["Statement"]
                if _applies(statement, action, resource, context)
            }

        granted = effects(*self.policies.values())
        limit = effects(self.boundary) if self.boundary else {"Allow"}
        return "Deny" not in granted | limit and "Allow" in granted and "Allow" in limit


def _applies(statement: dict[str, Any], action: str, resource: str, context: Mapping[str, str]) -> bool:
    if "NotAction" in statement:
        named = not _matches(action, statement["NotAction"])
    else:
        named = _matches(action, statement["Action"])
    return (
        named
        and _matches(resource, statement["Resource"])
        and all(
            _holds(operator, context.get(key), expected)
            for operator, keys in statement.get("Condition", {}).items()
            for key, expected in keys.items()
        )
    )


def _matches(value: str, patterns: str | list[str]) -> bool:
    return any(fnmatchcase(value, pattern) for pattern in ([patterns] if isinstance(patterns, str) else patterns))


def _holds(operator: str, value: str | None, expected: str | list[str]) -> bool:
    choices = [expected] if isinstance(expected, str) else expected
    match operator:
        case "StringEquals" | "ForAllValues:StringEquals":
            return value in choices
        case "StringNotEquals":
            return value not in choices
        case "StringEqualsIfExists":
            return value is None or value in choices
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
