"""The policy documents of the roles: pure functions from names to statements.

A deploy role reaches what carries its environment's tag or name. Where AWS knows neither for an action, the region
is the limit. https://docs.aws.amazon.com/service-authorization/latest/reference/ says which action knows what.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tak_base.deployment_target import DeploymentTarget
from tak_bootstrap.layer import (
    BUCKETS,
    IMAGE_REPOSITORIES,
    MADE_BY,
    ROLE_ACTIONS,
    ROLES,
    WRITING,
    actions,
)
from tak_tools import resource_types as types

GITHUB_ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"

# Outside `role/tak-*`, so that no deploy role reaches the roles and policies that are made here.
IAM_PATH = "/bootstrap/"

Statement = dict[str, Any]
Document = dict[str, Any]


@dataclass(frozen=True)
class Layer:
    """Where the base layer lives, and how its resources can be told from others."""

    target: DeploymentTarget
    project: str
    """Its Pulumi project; stack `prod` has names that start with `PROJECT-prod`."""

    def iam(self, resource: str) -> str:
        """The ARN of something in IAM, such as `role/tak-*`."""
        return f"arn:{self.target.partition}:iam::{self.target.account_id}:{resource}"

    @property
    def buckets(self) -> list[str]:
        """The buckets of every environment: S3 knows no tags at the moment it counts."""
        return [f"arn:{self.target.partition}:s3:::{start}*" for start in BUCKETS]

    @property
    def hosted_zones(self) -> list[str]:
        """The hosted zones of the account, and what Route 53 says of a change in one."""
        return [f"arn:{self.target.partition}:route53:::{kind}/*" for kind in ("change", "hostedzone")]

    def policy_arn(self, name: str) -> str:
        """The ARN of a policy that is made here."""
        return self.iam(f"policy{IAM_PATH}{self.project}-{name}")

    @property
    def oidc_provider_arn(self) -> str:
        return self.iam(f"oidc-provider/{GITHUB_ISSUER}")

    @property
    def ecs_service_linked_role(self) -> str:
        return self.iam("role/aws-service-role/ecs.amazonaws.com/*")

    @property
    def in_region(self) -> Document:
        return {"StringEquals": {"aws:RequestedRegion": self.target.region}}

    @property
    def in_route53(self) -> Document:
        """Route 53 is in one region of each partition, whatever region the layer is in."""
        regions = {"aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-west-1"}
        return {"StringEquals": {"aws:RequestedRegion": regions.get(self.target.partition, "us-east-1")}}

    def ec2(self, *kinds: str) -> list[str]:
        return [self.target.arn("ec2", f"{kind}/*") for kind in sorted(kinds)]

    def log_groups(self, environments: Iterable[str]) -> list[str]:
        """The log groups of some stacks, and the streams in them (`:*`)."""
        return [
            self.target.arn("logs", f"log-group:{start}{self.project}-{environment}/*")
            for environment in environments
            for start in ("/", "/aws/ecs/containerinsights/")
        ]

    def parameters(self, environments: Iterable[str]) -> list[str]:
        return [self.target.arn("ssm", f"parameter/{self.project}/{environment}/*") for environment in environments]

    def clusters(self, environments: Iterable[str]) -> list[str]:
        return [self.target.arn("ecs", f"cluster/{self.project}-{environment}") for environment in environments]


@dataclass(frozen=True)
class State:
    """The ARNs of the state backend."""

    bucket: str
    bucket_key: str
    secrets_key: str


def document(*statements: Statement) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(
    sid: str, actions: Iterable[str], resources: str | Sequence[str], condition: Document | None = None
) -> Statement:
    statement = {"Sid": sid, "Effect": "Allow", "Action": sorted(set(actions)), "Resource": resources}
    return statement | ({"Condition": condition} if condition else {})


def _deny(sid: str, resources: str | Sequence[str], condition: Document | None = None, **actions: Any) -> Statement:
    statement = {"Sid": sid, "Effect": "Deny", **actions, "Resource": resources}
    return statement | ({"Condition": condition} if condition else {})


def trust(layer: Layer, subjects: Sequence[str], pull_requests: str | None = None) -> Document:
    """Lets workflow runs with one of these subjects, and nobody else, assume a role.

    `pull_requests` is the subject of pull requests, which is trusted unless Dependabot has started the run: it brings
    the code of new packages. https://docs.github.com/en/actions/reference/security/oidc lists what a subject can be.
    They are compared whole: a pattern would admit other branches or repositories.
    """

    def allow(trusted: Sequence[str], **conditions: Document) -> Statement:
        equal = {f"{GITHUB_ISSUER}:aud": AUDIENCE, f"{GITHUB_ISSUER}:sub": sorted(trusted)}
        return {
            "Effect": "Allow",
            "Principal": {"Federated": layer.oidc_provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": equal, **conditions},
        }

    if not pull_requests:
        return document(allow(subjects))
    not_dependabot = {f"{GITHUB_ISSUER}:actor": "dependabot[bot]"}
    return document(allow(subjects), allow([pull_requests], StringNotEquals=not_dependabot))


def read_layer(layer: Layer, environments: Sequence[str]) -> Document:
    """Read what the layer consists of in some environments, for `pulumi preview --refresh` and `tak-base verify`."""
    target = layer.target
    tagged = {"StringEquals": {"aws:ResourceTag/Environment": list(environments)}}
    key_reads = actions("kms:", ("read",), types.KEY.token)
    group_list = {"logs:DescribeLogGroups"}
    parameter_list = {"ssm:DescribeParameters"}
    zone_lists = {"route53:ListHostedZones", "route53:ListHostedZonesByName"}
    return document(
        _allow("Ec2", actions("ec2:", ("read",)), "*", layer.in_region),
        _allow("Keys", key_reads, target.arn("kms", "key/*"), tagged),
        _allow("Lists", actions("kms:", ("read",)) - key_reads | group_list | parameter_list, "*", layer.in_region),
        _allow("Buckets", actions("s3:", ("read",)), layer.buckets),
        _allow("Certificates", actions("acm:", ("read",)), target.arn("acm", "certificate/*"), tagged),
        _allow("Zones", actions("route53:", ("read",)) - zone_lists, layer.hosted_zones),
        _allow("ZoneLists", zone_lists, "*", layer.in_route53),
        _allow("Images", actions("ecr:", ("read",)), target.arn("ecr", f"repository/{IMAGE_REPOSITORIES}*")),
        _allow("Clusters", actions("ecs:", ("read",)), layer.clusters(environments)),
        _allow("LogGroups", actions("logs:", ("read",)) - group_list, layer.log_groups(environments)),
        _allow("Parameters", actions("ssm:", ("read",)) - parameter_list, layer.parameters(environments)),
        _allow("Roles", actions("iam:", ("read",)), layer.iam(f"role/{ROLES}*")),
    )


def write_network(layer: Layer, environment: str) -> Document:
    """Make, change and delete the network of one environment."""
    own = {"StringEquals": {"aws:ResourceTag/Environment": environment}}
    # AWS makes the default security group without tags, and rules never have any: what must not be is the tag
    # of another environment.
    not_another_s = {"StringEqualsIfExists": {"aws:ResourceTag/Environment": environment}}
    requested = {"StringEquals": {"aws:RequestTag/Environment": environment}}
    with_creation = {"StringEquals": requested["StringEquals"] | {"ec2:CreateAction": [_operation(a) for a in MADE_BY]}}
    adoption = actions("ec2:", ("create", "update"), types.DEFAULT_SECURITY_GROUP.token) - {
        "ec2:CreateTags",
        "ec2:DeleteTags",
    }
    return document(
        _allow("Make", MADE_BY, layer.ec2(*MADE_BY.values()), requested),
        _allow("TagWhatIsMade", ["ec2:CreateTags"], layer.ec2(*MADE_BY.values()), with_creation),
        _allow("ChangeWhatIsOwn", actions("ec2:", WRITING) - adoption, layer.ec2("*"), own),
        _allow("SetRules", adoption, layer.ec2("security-group", "security-group-rule"), not_another_s),
        _allow("AdoptDefaultSecurityGroup", ["ec2:CreateTags"], layer.ec2("security-group"), not_another_s | requested),
    )


def write_services(layer: Layer, environment: str) -> Document:
    """Make, change and delete everything of one environment that is not in the network."""
    target = layer.target
    tag = "aws:ResourceTag/Environment"
    own = {"StringEquals": {tag: environment}}
    # The tags of a new key count for permissions only after minutes.
    not_another_s = {"StringEqualsIfExists": {tag: environment}}
    requested = {"StringEquals": {"aws:RequestTag/Environment": environment}}
    keys = target.arn("kms", "key/*")
    aliases = actions("kms:", WRITING, types.KEY_ALIAS.token)
    grants = actions("kms:", WRITING, types.REPOSITORY.token)
    new_keys = actions("kms:", ("create", "read"), types.KEY.token) - {"kms:CreateKey", "kms:TagResource"}
    changed_keys = actions("kms:", ("update", "delete"), types.KEY.token)
    role_tags = {"iam:TagRole", "iam:UntagRole"}
    elsewhere = {"iam:PassRole", "iam:CreateServiceLinkedRole"}
    boundary = {"StringEquals": {"iam:PermissionsBoundary": layer.policy_arn("role-boundary")}}
    objects = {"s3:DeleteObject", "s3:DeleteObjectVersion"}
    clusters = layer.clusters([environment])
    return document(
        _allow("MakeKeys", ["kms:CreateKey"], "*", requested),
        _allow("TagNewKeys", ["kms:TagResource"], keys, requested | not_another_s),
        _allow("PrepareNewKeys", new_keys | aliases, keys, not_another_s),
        _allow("ChangeOwnKeys", changed_keys, keys, own),
        _allow("Aliases", aliases, target.arn("kms", f"alias/{layer.project}-{environment}")),
        _allow(
            "LetEcrUseKeys",
            grants,
            keys,
            not_another_s | {"StringEquals": {"kms:ViaService": f"ecr.{target.region}.amazonaws.com"}},
        ),
        _allow("Buckets", actions("s3:", WRITING) - objects, layer.buckets),
        _allow("BucketContents", objects, [f"{bucket}/*" for bucket in layer.buckets]),
        _allow("Images", actions("ecr:", WRITING), target.arn("ecr", f"repository/{IMAGE_REPOSITORIES}*")),
        _allow("Clusters", actions("ecs:", WRITING), clusters),
        _allow("LogGroups", actions("logs:", WRITING), layer.log_groups([environment])),
        _allow("Parameters", actions("ssm:", WRITING), layer.parameters([environment])),
        _allow(
            "RolesUnderTheBoundary",
            actions("iam:", WRITING) - role_tags - elsewhere,
            layer.iam(f"role/{ROLES}*"),
            boundary,
        ),
        _allow("TagRoles", role_tags, layer.iam(f"role/{ROLES}*")),
        _allow(
            "PassRolesToFlowLogs",
            ["iam:PassRole"],
            layer.iam(f"role/{ROLES}*"),
            {"StringEquals": {"iam:PassedToService": "vpc-flow-logs.amazonaws.com"}},
        ),
        _allow(
            "EcsServiceLinkedRole",
            ["iam:CreateServiceLinkedRole"],
            layer.ecs_service_linked_role,
            {"StringEquals": {"iam:AWSServiceName": "ecs.amazonaws.com"}},
        ),
    )


def write_dns(layer: Layer, environment: str) -> Document:
    """Make, change and delete the certificate of one environment, and the records that validate it."""
    tag = "aws:ResourceTag/Environment"
    own = {"StringEquals": {tag: environment}}
    requested = {"StringEquals": {"aws:RequestTag/Environment": environment}}
    certificates = layer.target.arn("acm", "certificate/*")
    changes = actions("acm:", WRITING, types.CERTIFICATE.token) - {"acm:RequestCertificate", "acm:AddTagsToCertificate"}
    return document(
        _allow("MakeCertificates", ["acm:RequestCertificate"], "*", requested),
        _allow(
            "TagCertificates",
            ["acm:AddTagsToCertificate"],
            certificates,
            requested | {"StringEqualsIfExists": {tag: environment}},
        ),
        _allow("ChangeOwnCertificates", changes, certificates, own),
        _allow(
            "ValidateCertificates",
            ["route53:ChangeResourceRecordSets"],
            layer.hosted_zones,
            {"ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsRecordTypes": ["CNAME"]}},
        ),
    )


def read_state(layer: Layer, state: State, environments: Sequence[str]) -> Document:
    """Read the state of some stacks, and the secrets in it. `pulumi preview` writes nothing, not even a lock."""
    return document(*_state(layer, state, environments, ["s3:GetObject"], ["kms:Decrypt"], ["kms:Decrypt"]))


def write_state(layer: Layer, state: State, environment: str) -> Document:
    """Read and write the state of one stack, its history, backups and locks."""
    return document(
        *_state(
            layer,
            state,
            [environment],
            ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            ["kms:Decrypt", "kms:GenerateDataKey"],
            ["kms:Decrypt", "kms:Encrypt"],
        )
    )


def _state(
    layer: Layer,
    state: State,
    environments: Sequence[str],
    object_actions: Sequence[str],
    bucket_key_actions: Sequence[str],
    secrets_key_actions: Sequence[str],
) -> list[Statement]:
    through_s3 = {"StringEquals": {"kms:ViaService": f"s3.{layer.target.region}.amazonaws.com"}}
    # The layout of a Pulumi bucket backend with project-scoped stacks (pkg/backend/diy in pulumi/pulumi).
    objects = [
        f"{state.bucket}/.pulumi/{path}"
        for environment in environments
        for path in (
            f"stacks/{layer.project}/{environment}.*",
            f"history/{layer.project}/{environment}/*",
            f"backups/{layer.project}/{environment}/*",
            f"locks/organization/{layer.project}/{environment}/*",
        )
    ]
    return [
        _allow("ListState", ["s3:ListBucket"], state.bucket),
        _allow("StateVersion", ["s3:GetObject"], f"{state.bucket}/.pulumi/meta.yaml"),
        _allow("State", object_actions, objects),
        _allow("StateEncryption", bucket_key_actions, state.bucket_key, through_s3),
        _allow("Secrets", secrets_key_actions, state.secrets_key),
    ]


def deploy_boundary(layer: Layer, state: State) -> Document:
    """The most that a deploy role can do, whatever policies it is given later.

    The services of the layer in its region, and of IAM what the layer needs; never more power for itself.
    """
    services = sorted({action.split(":")[0] for action in actions("")} - {"iam", "route53"})
    boundary = layer.policy_arn("role-boundary")
    gives_power = [
        "iam:AttachRolePolicy",
        "iam:CreateRole",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy",
        "iam:UpdateAssumeRolePolicy",
    ]
    return document(
        _allow("ServicesOfTheLayer", [f"{service}:*" for service in services], "*", layer.in_region),
        _allow("ZonesOfTheAccount", actions("route53:"), "*", layer.in_route53),
        _allow("RolesOfTheLayer", actions("iam:"), [layer.iam(f"role/{ROLES}*"), layer.ecs_service_linked_role]),
        _deny(
            "NoPowerWithoutTheRoleBoundary",
            "*",
            {"StringNotEquals": {"iam:PermissionsBoundary": boundary}},
            Action=gives_power,
        ),
        _deny("NoBoundaryIsRemoved", "*", Action=["iam:DeleteRolePermissionsBoundary"]),
        _deny(
            "TheBootstrapIsOutOfReach",
            [layer.iam(f"role{IAM_PATH}*"), layer.iam(f"policy{IAM_PATH}*"), layer.oidc_provider_arn],
            Action="iam:*",
        ),
        # Versions of the state stay whatever happens: they are the way back after a mistake.
        _deny(
            "TheStateBackendStaysAsItIs",
            [state.bucket, f"{state.bucket}/*"],
            NotAction=["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
        ),
        _deny(
            "TheStateKeysStayAsTheyAre",
            [state.bucket_key, state.secrets_key],
            NotAction=["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
        ),
    )


def role_boundary(layer: Layer, environments: Sequence[str]) -> Document:
    """The most that a role made by a deployment can do: what the layer's own roles are for."""
    return document(
        _allow("WriteFlowLogs", set(ROLE_ACTIONS) - {"logs:DescribeLogGroups"}, layer.log_groups(environments)),
        _allow("ListLogGroups", ["logs:DescribeLogGroups"], "*", layer.in_region),
    )


def _operation(action: str) -> str:
    return action.split(":")[1]
