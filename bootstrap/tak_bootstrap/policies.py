"""The policy documents of the roles: pure functions from names to statements.

A deploy role can change what has the tag `Environment: STACK` of its stack, or a name that begins with PROJECT-STACK.
Resource types and condition keys of each action: https://docs.aws.amazon.com/service-authorization/latest/reference/

AWS counts the tags of some resources only after their creation. What a deploy role does to a new one is therefore
allowed on resources that have neither a tag `Environment` nor a tag `Name` nor, where it is a KMS key, an alias: this
is the rest that stays open of other people's resources. tests/bootstrap/test_prod_is_out_of_reach.py tries every
action of AWS.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tak_base.deployment_target import DeploymentTarget
from tak_bootstrap.layer import (
    IMAGE_READS,
    IMAGE_USER_READS,
    LOGICAL_NAMES,
    MADE_BY,
    ROLE_ACTIONS,
    SEARCH,
    TASK_READS,
    WRITING,
    actions,
)
from tak_tools import resource_types as types

GITHUB_ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"

# Route 53 is in one region of each partition, whatever region the layer is in.
ROUTE53_REGIONS = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1"}

# Reads that no ARN narrows.
LISTS = {"cloudformation:ListExports", "cloudformation:ListStacks", "logs:DescribeLogGroups", "ssm:DescribeParameters"}

# Outside `role/PROJECT-STACK-tak-*`, so that no deploy role can change the roles and policies of this project.
IAM_PATH = "/bootstrap/"

Statement = dict[str, Any]
Document = dict[str, Any]


@dataclass(frozen=True)
class Layer:
    """Where the base layer is deployed, and how its resources are recognized."""

    target: DeploymentTarget
    project: str
    """Its Pulumi project; stack `prod` has names that start with `PROJECT-prod`."""

    def iam(self, resource: str) -> str:
        """The ARN of something in IAM, such as `role/tak-*`."""
        return f"arn:{self.target.partition}:iam::{self.target.account_id}:{resource}"

    def auto_named(self, environments: Iterable[str]) -> list[str]:
        """Patterns of the names that Pulumi chooses in some stacks (Pulumi.yaml, pulumi:autonaming)."""
        return [f"{self.project}-{environment}-{LOGICAL_NAMES}*" for environment in environments]

    def buckets(self, environments: Iterable[str]) -> list[str]:
        return [f"arn:{self.target.partition}:s3:::{name}" for name in self.auto_named(environments)]

    def repositories(self, environments: Iterable[str]) -> list[str]:
        return [self.target.arn("ecr", f"repository/{name}") for name in self.auto_named(environments)]

    def roles(self, environments: Iterable[str]) -> list[str]:
        return [self.iam(f"role/{name}") for name in self.auto_named(environments)]

    def alias(self, environment: str) -> str:
        return f"alias/{self.project}-{environment}"

    @property
    def hosted_zones(self) -> list[str]:
        """The hosted zones of the account, and the changes in them."""
        return [f"arn:{self.target.partition}:route53:::{kind}/*" for kind in ("change", "hostedzone")]

    def policy_arn(self, name: str) -> str:
        """The ARN of a policy of this project."""
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
        return {"StringEquals": {"aws:RequestedRegion": ROUTE53_REGIONS[self.target.partition]}}

    @property
    def in_region_or_global(self) -> Document:
        """The region, or the region of IAM and Route 53, of which each partition has one."""
        return {"StringEquals": {"aws:RequestedRegion": [self.target.region, ROUTE53_REGIONS[self.target.partition]]}}

    def ec2(self, *kinds: str) -> list[str]:
        """Patterns of the ARNs of some kinds of EC2's resources."""
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

    @property
    def suite_stack(self) -> str:
        """What has the name that TAK's own layers expect, and not the stack's: `takSuite` in the stack file."""
        return self.target.arn("cloudformation", "stack/TAK-*-BaseInfra/*")

    @property
    def suite(self) -> list[str]:
        """Beside the CloudFormation stack the cluster, and the log group of its Container Insights."""
        insights = "log-group:/aws/ecs/containerinsights/TAK-*-BaseInfra/*"
        return [self.suite_stack, self.target.arn("ecs", "cluster/TAK-*-BaseInfra"), self.target.arn("logs", insights)]


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


def _tagged(where: Literal["Request", "Resource"], *environments: str) -> Document:
    return {"StringEquals": {f"aws:{where}Tag/Environment": list(environments)}}


def _conditions(layer: Layer, environment: str) -> tuple[Document, Document, Document]:
    """Three conditions: the resource is the environment's, the request tags it so, no tag says that it is another's."""
    not_of_others = {
        "StringEqualsIfExists": {"aws:ResourceTag/Environment": environment},
        "StringLikeIfExists": {"aws:ResourceTag/Name": f"{layer.project}-{environment}*"},
    }
    return _tagged("Resource", environment), _tagged("Request", environment), not_of_others


def trust(layer: Layer, subjects: Sequence[str], pull_requests: str | None = None) -> Document:
    """Lets only workflow runs with one of these subjects assume a role.

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


def read_region(layer: Layer) -> Document:
    """Read what nothing but the region narrows, for `pulumi preview --refresh` and `tak-base verify`."""
    key_reads = actions("kms:", ("read",), types.KEY.token)
    zone_lists = {"route53:ListHostedZones", "route53:ListHostedZonesByName"}
    return document(
        _allow("Ec2", actions("ec2:", ("read",)), "*", layer.in_region),
        _allow("Lists", actions("kms:", ("read",)) - key_reads | LISTS, "*", layer.in_region),
        _allow("Zones", actions("route53:", ("read",)) - zone_lists, layer.hosted_zones),
        _allow("ZoneLists", zone_lists, "*", layer.in_route53),
        _allow("ImageUsers", IMAGE_USER_READS, "*", layer.in_region),
        _allow("Search", SEARCH, "*", layer.in_region_or_global),
    )


def read_stacks(layer: Layer, environments: Sequence[str]) -> Document:
    """Read the resources of some environments, for the same commands as `read_region`."""
    target = layer.target
    tagged = _tagged("Resource", *environments)
    in_suite = {action for start in ("cloudformation:", "ecs:", "logs:") for action in actions(start, ("read",))}
    return document(
        _allow("Keys", actions("kms:", ("read",), types.KEY.token), target.arn("kms", "key/*"), tagged),
        _allow("Buckets", actions("s3:", ("read",)), layer.buckets(environments)),
        _allow("Certificates", actions("acm:", ("read",)), target.arn("acm", "certificate/*"), tagged),
        _allow("Images", actions("ecr:", ("read",)) | {*IMAGE_READS}, layer.repositories(environments)),
        _allow("Clusters", actions("ecs:", ("read",)), layer.clusters(environments)),
        _allow("Tasks", TASK_READS, "*", {"ArnEquals": {"ecs:cluster": layer.clusters(environments)}}),
        _allow("LogGroups", actions("logs:", ("read",)) - LISTS, layer.log_groups(environments)),
        _allow("Parameters", actions("ssm:", ("read",)) - LISTS, layer.parameters(environments)),
        _allow("Roles", actions("iam:", ("read",)), layer.roles(environments)),
        _allow("Suite", in_suite - LISTS, layer.suite, tagged),
    )


def write_network(layer: Layer, environment: str) -> Document:
    """Create, change and delete the network of one environment."""
    own, requested, not_of_others = _conditions(layer, environment)
    with_creation = {"StringEquals": requested["StringEquals"] | {"ec2:CreateAction": [_operation(a) for a in MADE_BY]}}
    # AWS makes the default security group without tags. The provider tags it and then deletes its rules.
    adoption = actions("ec2:", ("create",), types.DEFAULT_SECURITY_GROUP.token) - {"ec2:CreateTags"}
    security_groups = layer.ec2("security-group")
    return document(
        # One statement for each, so that it says nothing of the resources that the new one refers to: those have to be
        # the environment's own.
        *(_allow(_operation(action), [action], layer.ec2(kind), requested) for action, kind in MADE_BY.items()),
        _allow("TagWhatIsMade", ["ec2:CreateTags"], layer.ec2(*MADE_BY.values()), with_creation),
        _allow("ChangeWhatIsOwn", actions("ec2:", WRITING), layer.ec2("*"), own),
        _allow("TagDefaultSecurityGroup", ["ec2:CreateTags"], security_groups, not_of_others | requested),
        _allow("EmptyDefaultSecurityGroup", adoption, security_groups, not_of_others),
    )


def write_services(layer: Layer, environment: str) -> Document:
    """Create, change and delete everything of one environment except the network and the key."""
    role_tags = {"iam:TagRole", "iam:UntagRole"}
    elsewhere = {"iam:PassRole", "iam:CreateServiceLinkedRole"}
    boundary = {"StringEquals": {"iam:PermissionsBoundary": layer.policy_arn("role-boundary")}}
    objects = {"s3:DeleteObject", "s3:DeleteObjectVersion"}
    buckets, roles = layer.buckets([environment]), layer.roles([environment])
    own, requested, not_of_others = _conditions(layer, environment)
    make = {"cloudformation:CreateStack", "ecs:CreateCluster", "logs:CreateLogGroup"}
    tag = {"cloudformation:TagResource", "ecs:TagResource", "logs:TagResource"}
    in_suite = {action for start in ("cloudformation:", "ecs:", "logs:") for action in actions(start, WRITING)}
    return document(
        _allow("Buckets", actions("s3:", WRITING) - objects, buckets),
        _allow("BucketContents", objects, [f"{bucket}/*" for bucket in buckets]),
        _allow("Images", actions("ecr:", WRITING), layer.repositories([environment])),
        _allow("Clusters", actions("ecs:", WRITING), layer.clusters([environment])),
        _allow("LogGroups", actions("logs:", WRITING), layer.log_groups([environment])),
        _allow("Parameters", actions("ssm:", WRITING), layer.parameters([environment])),
        _allow("MakeTheSuite", make | tag, layer.suite, not_of_others | requested),
        _allow("ChangeTheSuite", in_suite - make, layer.suite, own),
        _allow("RolesUnderTheBoundary", actions("iam:", WRITING) - role_tags - elsewhere, roles, boundary),
        _allow("TagRoles", role_tags, roles),
        _allow(
            "PassRolesToFlowLogs",
            ["iam:PassRole"],
            roles,
            {"StringEquals": {"iam:PassedToService": "vpc-flow-logs.amazonaws.com"}},
        ),
        _allow(
            "EcsServiceLinkedRole",
            ["iam:CreateServiceLinkedRole"],
            layer.ecs_service_linked_role,
            {"StringEquals": {"iam:AWSServiceName": "ecs.amazonaws.com"}},
        ),
    )


def write_keys(layer: Layer, environment: str) -> Document:
    """Create, change and delete the key of one environment.

    Tags and aliases of a key count for permissions up to five minutes after they are set:
    https://docs.aws.amazon.com/kms/latest/developerguide/tag-authorization.html. So a new key is one without tags and
    aliases of others.
    """
    own, requested, not_of_others = _conditions(layer, environment)
    aliases = {"ForAllValues:StringEquals": {"kms:ResourceAliases": [layer.alias(environment)]}}
    new, nameless = not_of_others | aliases, not_of_others | {"Null": {"kms:ResourceAliases": "true"}}
    through_ecr = {"StringEquals": {"kms:ViaService": f"ecr.{layer.target.region}.amazonaws.com"}}
    keys = layer.target.arn("kms", "key/*")
    make, tag, keep_policy = "kms:CreateKey", "kms:TagResource", "kms:PutKeyPolicy"
    prepare = actions("kms:", ("create", "read"), types.KEY.token) - {make, tag, keep_policy}
    alias = actions("kms:", WRITING, types.KEY_ALIAS.token)
    grant = actions("kms:", WRITING, types.REPOSITORY.token)
    return document(
        _allow("MakeKeys", [make], "*", requested),
        # "To add tags while creating a KMS key, the principal must have permission in an IAM policy that isn't
        # restricted to particular KMS keys" (tag-permissions.html in the same guide).
        _allow("TagNewKeys", [tag], keys, requested | nameless),
        # CreateKey fails with "The new key policy will not allow you to update the key policy in the future" unless
        # the caller may do so (aws-samples/rds-snapshot-export-to-s3-pipeline#8, among others). AWS does not say which
        # tags and other condition keys that check sees, so none of them has to be there.
        _allow(
            "KeepThePolicyOfNewKeys",
            [keep_policy],
            keys,
            nameless | {"BoolIfExists": {"kms:BypassPolicyLockoutSafetyCheck": "false"}},
        ),
        _allow("PrepareNewKeys", prepare | alias, keys, new),
        _allow("ChangeOwnKeys", actions("kms:", ("update", "delete"), types.KEY.token) | alias, keys, own),
        _allow("Aliases", alias, layer.target.arn("kms", layer.alias(environment))),
        _allow("LetEcrUseNewKeys", grant, keys, new | through_ecr),
        _allow("LetEcrUseOwnKeys", grant, keys, {"StringEquals": own["StringEquals"] | through_ecr["StringEquals"]}),
    )


def write_dns(layer: Layer, environment: str) -> Document:
    """Create, change and delete the certificate of one environment with its records, and private DNS of endpoints."""
    own, requested, not_of_others = _conditions(layer, environment)
    certificates = layer.target.arn("acm", "certificate/*")
    make, tag = "acm:RequestCertificate", "acm:AddTagsToCertificate"
    return document(
        _allow("MakeCertificates", [make], "*", requested),
        _allow("TagCertificates", [tag], certificates, not_of_others | requested),
        _allow("ChangeOwnCertificates", actions("acm:", WRITING, types.CERTIFICATE.token) - {make}, certificates, own),
        # Names, types and actions as Route 53 normalizes them:
        # https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-conditions-route53.html.
        # No DELETE: certificates of other stacks for the same name need the record, and it stays (public_dns.py).
        _allow(
            "ValidateCertificates",
            ["route53:ChangeResourceRecordSets"],
            layer.hosted_zones,
            {
                "ForAllValues:StringEquals": {
                    "route53:ChangeResourceRecordSetsRecordTypes": ["CNAME"],
                    "route53:ChangeResourceRecordSetsActions": ["CREATE", "UPSERT"],
                },
                "ForAllValues:StringLike": {"route53:ChangeResourceRecordSetsNormalizedRecordNames": ["_*"]},
            },
        ),
        # What EC2 does for an interface endpoint with private DNS; whose hosted zone it is cannot be said.
        _allow(
            "PrivateDnsOfEndpoints",
            actions("route53:", WRITING, types.VPC_ENDPOINT.token),
            layer.hosted_zones,
            {"ForAllValues:StringLike": {"route53:VPCs": [f"VPCId=*,VPCRegion={layer.target.region}"]}},
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
    """The permissions boundary of a deploy role, which limits all policies that it gets later.

    The services of the layer in its region, and of IAM what the layer needs; never more power for itself.
    """
    services = sorted({action.split(":")[0] for action in actions("")} - {"iam", "route53", "ssm"})
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
        # Not ssm:*, which also runs commands on machines.
        _allow("ParametersOfTheLayer", actions("ssm:"), "*", layer.in_region),
        _allow("ImageUsers", IMAGE_USER_READS, "*", layer.in_region),
        # EC2 calls Route 53 for an endpoint with the caller's permissions; the region of that call is not documented.
        _allow("ZonesOfTheAccount", actions("route53:"), "*", layer.in_region_or_global),
        _allow("Search", SEARCH, "*", layer.in_region_or_global),
        _allow(
            "RolesOfTheLayer",
            actions("iam:"),
            [layer.iam(f"role/{layer.project}-*"), layer.ecs_service_linked_role],
        ),
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
        # Versions of the state are never deleted, so that a mistake can be undone.
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
    """The permissions boundary of roles that a deployment creates: what the layer's roles need."""
    return document(
        _allow("WriteFlowLogs", set(ROLE_ACTIONS) - {"logs:DescribeLogGroups"}, layer.log_groups(environments)),
        _allow("ListLogGroups", ["logs:DescribeLogGroups"], "*", layer.in_region),
    )


def _operation(action: str) -> str:
    return action.split(":")[1]
