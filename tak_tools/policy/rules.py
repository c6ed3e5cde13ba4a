"""The rules of the base layer, as data: what each demands, the controls behind it, and its function.

The policy pack, `tak-base plan` and the tests go through this table.

Controls are those of AWS Security Hub (`EC2.2`), with a row in tak_tools/controls.py, which has their numbers in the
CIS benchmark; `design` is a decision of this layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tak_tools import resource_types as types
from tak_tools.policy import checks
from tak_tools.policy.checks import Check, expects, has, stands_beside
from tak_tools.policy.model import Resource, Stack

Level = Literal["mandatory", "advisory"]


@dataclass(frozen=True)
class Rule:
    """A row of the table at the end of this file."""

    name: str
    level: Level
    """A mandatory rule stops a deployment, an advisory one is only reported."""
    controls: tuple[str, ...]
    description: str
    check: Check
    whole_stack: bool = False
    """Judged when every resource is known, because the violation is a resource that is missing."""


@dataclass(frozen=True)
class Violation:
    """A resource that breaks a rule."""

    rule: Rule
    resource: Resource
    message: str


def violations_of(resources: Sequence[Resource], stack: Stack) -> list[Violation]:
    """Every violation of every rule, mandatory ones first, then in the order of the table."""
    whole = stack.with_resources(resources)
    found = [
        Violation(rule, resource, message)
        for rule in RULES
        for resource in resources
        for message in judge(rule, resource, whole)
    ]
    return sorted(found, key=lambda violation: violation.rule.level != "mandatory")


def judge(rule: Rule, resource: Resource, stack: Stack) -> list[str]:
    """The violations of one rule by one resource; Pulumi's own resources and this program's components have none."""
    if resource.type.startswith(("pulumi:", "tak-base:")):
        return []
    return list(rule.check(resource, stack))


RULES: tuple[Rule, ...] = (
    Rule(
        "no-public-bucket",
        "mandatory",
        ("S3.2", "S3.3", "S3.8", "S3.12"),
        "No bucket or account allows public access: all four public access blocks are on, ACLs are off.",
        expects(checks.NO_PUBLIC_BUCKET),
    ),
    Rule(
        "no-public-policy",
        "mandatory",
        ("S3.2", "S3.3", "KMS.5", "SNS.4", "SQS.3"),
        "No resource policy or trust policy allows everyone.",
        checks.no_public_policy,
    ),
    Rule(
        "no-public-address",
        "mandatory",
        ("EC2.9", "EC2.15", "EC2.25", "RDS.2"),
        "No resource gets a public IPv4 address automatically; only the NAT gateways' Elastic IP addresses are public.",
        expects(checks.NO_PUBLIC_ADDRESS),
    ),
    Rule(
        "no-public-repository",
        "mandatory",
        ("design",),
        "Container images are in private repositories only.",
        checks.no_public_repository,
    ),
    Rule(
        "no-ingress-from-anywhere",
        "mandatory",
        ("EC2.18", "EC2.19", "EC2.21", "EC2.53", "EC2.54"),
        "No security group and no network ACL lets 0.0.0.0/0 or ::/0 in.",
        checks.no_ingress_from_anywhere,
    ),
    Rule(
        "default-security-group-empty",
        "mandatory",
        ("EC2.2",),
        "The VPC's default security group has no rules.",
        checks.default_security_group_is_empty,
    ),
    Rule(
        "default-security-group-managed",
        "mandatory",
        ("EC2.2",),
        "The program manages the VPC's default security group, which removes its rules.",
        stands_beside({types.VPC.token: (types.DEFAULT_SECURITY_GROUP.token,)}),
        whole_stack=True,
    ),
    Rule(
        "encrypted-with-own-key",
        "mandatory",
        ("S3.17", "ECR.5", "EC2.3", "EFS.1", "RDS.3", "SNS.1", "SQS.1"),
        "Everything at rest is encrypted with a customer-managed KMS key.",
        checks.encrypted_with_own_key,
    ),
    Rule(
        "bucket-guarded",
        "mandatory",
        ("S3.5", "S3.8", "S3.12", "S3.14", "S3.17"),
        "Every bucket has encryption, versioning, a public access block, ownership controls and a policy.",
        stands_beside(checks.BUCKET_GUARDS),
        whole_stack=True,
    ),
    Rule(
        "bucket-versioned",
        "mandatory",
        ("S3.14",),
        "Buckets keep the versions of their objects.",
        expects({types.BUCKET_VERSIONING.token: (has("versioningConfiguration.status", "Enabled"),)}),
    ),
    Rule(
        "bucket-tls-only",
        "mandatory",
        ("S3.5",),
        "Bucket policies refuse requests without TLS.",
        checks.tls_only,
    ),
    Rule(
        "key-rotates",
        "mandatory",
        ("KMS.4",),
        "Symmetric KMS keys rotate every year.",
        checks.keys_rotate,
    ),
    Rule(
        "no-early-key-deletion",
        "mandatory",
        ("design",),
        "A deleted KMS key can be restored for 7 days or more.",
        expects(checks.NO_EARLY_KEY_DELETION),
    ),
    Rule(
        "data-protected",
        "mandatory",
        ("KMS.3", "design"),
        "In prod, and wherever protectData is true, no deployment deletes keys, buckets, images or databases.",
        checks.data_is_protected,
    ),
    Rule(
        "addresses-within-stack",
        "mandatory",
        ("design",),
        "The VPC has the /20 of the stack's IDs, and every IPv4 range is within it.",
        checks.addresses_within_stack,
    ),
    Rule(
        "ipv6-from-vpc",
        "mandatory",
        ("design",),
        "The VPC has a block that Amazon gave it, and every subnet's IPv6 range is within it.",
        checks.ipv6_from_amazon,
        whole_stack=True,
    ),
    Rule(
        "required-tags",
        "mandatory",
        ("design",),
        f"Whatever can have tags has {', '.join(checks.REQUIRED_TAGS)}; Environment is the name of the stack.",
        checks.required_tags,
    ),
    Rule(
        "images-scanned",
        "mandatory",
        ("ECR.1",),
        "Images are scanned when they are pushed.",
        expects({types.REPOSITORY.token: (has("imageScanningConfiguration.scanOnPush", True),)}),
    ),
    Rule(
        "images-expire",
        "mandatory",
        ("ECR.3",),
        "Every repository has a lifecycle policy.",
        stands_beside({types.REPOSITORY.token: (types.LIFECYCLE_POLICY.token,)}),
        whole_stack=True,
    ),
    Rule(
        "image-tags-immutable",
        "advisory",
        ("ECR.2",),
        "In prod an image tag stays with the image that had it first.",
        expects({types.REPOSITORY.token: (has("imageTagMutability", "IMMUTABLE"),)}, prod_only=True),
    ),
    Rule(
        "vpc-has-flow-log",
        "advisory",
        ("EC2.6",),
        "In prod the VPC has a flow log.",
        stands_beside({types.VPC.token: (types.FLOW_LOG.token,)}, prod_only=True),
        whole_stack=True,
    ),
    Rule(
        "known-type",
        "mandatory",
        ("design",),
        "Every type has a row in tak_tools/resource_types.py, which says whether it holds data and can have tags.",
        checks.has_row,
    ),
    Rule(
        "layer-type",
        "advisory",
        ("design",),
        "The layer holds what every TAK service shares; anything else is for a layer above.",
        checks.only_types_of_the_layer,
    ),
)
