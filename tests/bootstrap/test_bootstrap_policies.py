"""The permissions of the roles: exactly what the layer needs, for one environment, without a way to get more."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pulumi
import pytest
from moto.core import DEFAULT_ACCOUNT_ID

from tak_base.deployment_target import DeploymentTarget
from tak_base.settings import MAX_NAME_PREFIX
from tak_bootstrap.github_access import MAX_POLICY_LENGTH
from tak_bootstrap.layer import (
    ACTIONS,
    IMAGE_READS,
    IMAGE_USER_READS,
    MADE_BY,
    ROLE_ACTIONS,
    SEARCH,
    TASK_READS,
    WRITING,
    actions,
)
from tak_bootstrap.policies import (
    Layer,
    State,
    deploy_boundary,
    read_region,
    read_stacks,
    write_dns,
    write_keys,
    write_network,
    write_services,
    write_state,
)
from tak_tools import resource_types as types
from tak_tools.errors import DeploymentError
from tak_tools.program import Recording
from tak_tools.resource_types import row_of
from tak_tools.simulated_aws import SimulatedAws
from tak_tools.stub_aws import StubAws
from tak_tools.verify import policy_document
from tests.bootstrap.account import REGION, Account, Permissions
from tests.options import SUITE, Evaluate

pytestmark = pytest.mark.slow

EC2 = f"arn:aws:ec2:{REGION}:{DEFAULT_ACCOUNT_ID}:"
KEY = f"arn:aws:kms:{REGION}:{DEFAULT_ACCOUNT_ID}:key/any"
ROLE = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/"
CERTIFICATE = f"arn:aws:acm:{REGION}:{DEFAULT_ACCOUNT_ID}:certificate/any"
BOUNDARY = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:policy/bootstrap/tak-base-role-boundary"
DEPLOY_ROLES = {"dev-test": "tak-base-deploy-dev-test", "prod": "tak-base-deploy-prod"}
EVERY_ROLE = ("tak-base-preview", *DEPLOY_ROLES.values())

# Where an IAM action has another name than the API operation it stands for.
OPERATIONS = {
    "s3:DeleteObjectVersion": "DeleteObject",
    "s3:GetAccelerateConfiguration": "GetBucketAccelerateConfiguration",
    "s3:GetBucketCORS": "GetBucketCors",
    "s3:GetBucketObjectLockConfiguration": "GetObjectLockConfiguration",
    "s3:GetBucketPublicAccessBlock": "GetPublicAccessBlock",
    "s3:GetEncryptionConfiguration": "GetBucketEncryption",
    "s3:GetLifecycleConfiguration": "GetBucketLifecycleConfiguration",
    "s3:GetReplicationConfiguration": "GetBucketReplication",
    "s3:ListAllMyBuckets": "ListBuckets",
    "s3:ListBucket": "ListObjectsV2",
    "s3:ListBucketVersions": "ListObjectVersions",
    "s3:PutBucketPublicAccessBlock": "PutPublicAccessBlock",
    "s3:PutEncryptionConfiguration": "PutBucketEncryption",
    "s3:PutLifecycleConfiguration": "PutBucketLifecycleConfiguration",
}
S3_CONTROL = {"ListTagsForResource", "TagResource", "UntagResource"}
# Checked by other services on the way; there is no such call.
NO_OPERATION = {"iam:PassRole", "cloudformation:TagResource", "cloudformation:UntagResource"}


def policy_documents(account: Account) -> Iterator[tuple[str, dict[str, Any]]]:
    for item in account.recording.of_type("Policy"):
        yield item.name, account.policy(item.id)


def allowed_actions(document: dict[str, Any]) -> set[str]:
    return {
        action
        for statement in document["Statement"]
        if statement["Effect"] == "Allow"
        for action in statement["Action"]
    }


@pytest.fixture(params=DEPLOY_ROLES)
def environment(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def deploy(account: Account, environment: str) -> Permissions:
    return account.permissions(DEPLOY_ROLES[environment])


@pytest.fixture
def preview(account: Account) -> Permissions:
    return account.permissions("tak-base-preview")


# The documents


def test_no_policy_allows_every_action_of_a_service_but_the_ceiling_of_deploy_roles(account: Account) -> None:
    patterns = {
        name: {action for action in allowed_actions(document) if "*" in action}
        for name, document in policy_documents(account)
    }

    assert {name: found for name, found in patterns.items() if found} == {
        "tak-deploy-boundary": {
            f"{service}:*" for service in ("acm", "cloudformation", "ec2", "ecr", "ecs", "kms", "logs", "s3")
        }
    }


def test_every_allowance_is_narrowed_by_resource_or_condition(account: Account) -> None:
    for name, document in policy_documents(account):
        for statement in document["Statement"]:
            if statement["Effect"] == "Allow":
                assert statement["Resource"] != "*" or statement["Condition"], (name, statement["Sid"])


def test_no_allowance_uses_not_action_or_not_resource(account: Account) -> None:
    for name, document in policy_documents(account):
        for statement in document["Statement"]:
            assert "NotResource" not in statement
            assert statement["Effect"] == "Deny" or "NotAction" not in statement, (name, statement["Sid"])


def test_every_policy_of_a_role_fits_into_what_aws_takes_whatever_the_names_are(account: Account) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: ten policies on a role, each of 6,144
    # characters without white space.
    project, stack = "p" * 20, "s" * (MAX_NAME_PREFIX - 21)
    layer = Layer(DeploymentTarget(DEFAULT_ACCOUNT_ID, "ap-southeast-2", "aws-us-gov", "amazonaws.com"), project)
    bucket, key = f"arn:aws-us-gov:s3:::{'b' * 63}", layer.target.arn("kms", f"key/mrk-{'0' * 32}")
    made = [
        read_region(layer),
        read_stacks(layer, [f"{number}{stack[1:]}" for number in range(3)]),
        write_network(layer, stack),
        write_services(layer, stack),
        write_keys(layer, stack),
        write_dns(layer, stack),
        write_state(layer, State(bucket, key, key), stack),
        deploy_boundary(layer, State(bucket, key, key)),
    ]
    for document in made:
        assert len(json.dumps(document, separators=(",", ":"))) <= MAX_POLICY_LENGTH, document["Statement"][0]["Sid"]
    for role in EVERY_ROLE:
        assert len(account.permissions(role).policies) <= 10


def test_more_environments_than_a_policy_holds_are_refused_in_one_line(bootstrap: Callable[..., Recording]) -> None:
    with pytest.raises((pulumi.RunError, DeploymentError)) as caught:
        bootstrap(environments=[f"stack-with-a-long-name-{number:02}" for number in range(9)])

    assert re.search(
        "tak-bootstrap:environments: found stack-with-a-long-name-00, .*, expected fewer or shorter names: the policy"
        r" tak-base-preview-read has \d+ characters, and AWS takes 6144",
        str(caught.value),
    )


def test_no_policy_holds_an_account_that_is_not_the_one_deployed_to(account: Account) -> None:
    for _, document in policy_documents(account):
        # The last part of a key's id may be twelve digits too.
        assert set(re.findall(r"(?<![\w-])\d{12}(?![\w-])", json.dumps(document))) <= {account.cloud.account_id}


FOR_VERIFY = {*SEARCH, *IMAGE_READS, *TASK_READS, *IMAGE_USER_READS}

# The table of actions


def test_the_table_has_exactly_the_types_and_lookups_of_the_layer(evaluate: Evaluate) -> None:
    looked_up = set()

    class Recorder(StubAws):
        def call(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
            looked_up.add(token)
            return super().call(token, args)

    registered = {item.type for item in evaluate("prod", cloud=Recorder(REGION), **SUITE).resources}

    # A type without a row cannot be deployed; a row without a type is a permission that nothing needs.
    made_by_awsx = {part.token for type_ in registered for part in row_of(type_).parts}
    assert registered | made_by_awsx | looked_up == set(ACTIONS)


def test_every_action_belongs_to_an_operation_that_aws_has() -> None:
    session: Any = boto3.Session()
    wanted = defaultdict(set)
    for action in (actions("") | set(ROLE_ACTIONS) | FOR_VERIFY) - NO_OPERATION:
        service, name = action.split(":")
        service = {"tag": "resourcegroupstaggingapi"}.get(service, service)
        operation = OPERATIONS.get(action, name)
        wanted["s3control" if service == "s3" and operation in S3_CONTROL else service].add(operation)

    for service, operations in wanted.items():
        client = session.client(service, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106
        assert operations <= set(client.meta.service_model.operation_names), service


def test_every_call_that_makes_a_resource_has_its_action_in_the_row_of_the_type(
    evaluate: Evaluate,
) -> None:
    calls = defaultdict(set)

    class Listening(SimulatedAws):
        making = ""

        def client(self, service: str) -> Any:
            client = super().client(service)
            client.meta.events.register("before-call", self.heard, unique_id="heard")
            return client

        def heard(self, model: Any, **_: Any) -> None:
            service, name = model.service_model.service_name, model.name
            names = {operation: action for action, operation in OPERATIONS.items()}
            calls[self.making].add(names.get(name, f"{service}:{name}"))

        def create(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
            with self._lock:
                self.making = type_
                return super().create(type_, name, inputs)

    tags = {"Environment": "prod"}
    with Listening(REGION, tags) as cloud:
        cloud.add_hosted_zone(SUITE["hostedZoneName"])
        calls.clear()
        evaluate("prod", cloud=cloud, **SUITE)

    # Lookups; AWS tells everybody who they are.
    assert calls.pop("") - actions("", ("read",)) == {"sts:GetCallerIdentity"}
    assert len(calls) > 25
    for type_, made in calls.items():
        # More tags than the provider's are allowed too.
        assert not made - actions("", type_=type_) - actions("", ("read",)) - {"sts:GetCallerIdentity"}, type_


def test_every_action_of_the_table_is_granted_to_deploy_roles_and_no_other(deploy: Permissions) -> None:
    granted = {
        action
        for name, document in deploy.policies.items()
        if not name.endswith("-state")
        for action in allowed_actions(document)
    }

    assert granted == actions("") | FOR_VERIFY


def test_the_preview_role_is_granted_exactly_what_reads(preview: Permissions) -> None:
    read, in_region = (
        allowed_actions(preview.policies[f"tak-base-preview-{part}"]) for part in ("read", "read-region")
    )
    assert read | in_region == actions("", ("read",)) | FOR_VERIFY
    assert allowed_actions(preview.policies["tak-base-preview-state"]) == {
        "s3:ListBucket",
        "s3:GetObject",
        "kms:Decrypt",
    }


def test_every_role_may_run_verify(account: Account) -> None:
    # AWS lets everyone ask who they are.
    needed = set(policy_document()["Statement"][0]["Action"]) - {"sts:GetCallerIdentity"}

    for role in EVERY_ROLE:
        policies = account.permissions(role).policies
        reads = [allowed_actions(item) for name, item in policies.items() if name.endswith(("-read", "-read-region"))]
        assert len(reads) == 2
        assert needed <= set.union(*reads), role


def test_verify_sees_only_tasks_of_the_clusters_of_the_stack(deploy: Permissions, environment: str) -> None:
    cluster = f"arn:aws:ecs:{REGION}:{DEFAULT_ACCOUNT_ID}:cluster/tak-base-"
    for action in TASK_READS:
        assert deploy.allow(action, "*", {"ecs:cluster": cluster + environment}), action
        assert not deploy.allow(action, "*", {"ecs:cluster": f"{cluster}other"}), action


def test_what_ec2_makes_is_tagged_in_the_same_breath() -> None:
    assert {action for action in actions("ec2:", ("create",)) if re.match("ec2:(Create|Allocate)", action)} - set(
        MADE_BY
    ) == {"ec2:CreateRoute", "ec2:CreateTags"}


# The effect


def test_a_deploy_role_makes_only_what_it_tags_with_its_environment(deploy: Permissions, environment: str) -> None:
    own, other = tagging(environment), tagging("other")

    for action, kind in MADE_BY.items():
        assert deploy.allow(action, f"{EC2}{kind}/new", own), action
        assert deploy.allow("ec2:CreateTags", f"{EC2}{kind}/new", own | {"ec2:CreateAction": action[4:]}), action
        assert not deploy.allow(action, f"{EC2}{kind}/new", other), action
        assert not deploy.allow(action, f"{EC2}{kind}/new"), action
    assert deploy.allow("kms:CreateKey", "*", own)
    assert not deploy.allow("kms:CreateKey", "*", other)


def test_a_deploy_role_changes_and_deletes_only_resources_with_the_tag_of_its_environment(
    deploy: Permissions, environment: str
) -> None:
    own, other, none = ({"aws:ResourceTag/Environment": name} if name else {} for name in (environment, "other", ""))
    emptying = {"ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress"}

    for action in actions("ec2:", WRITING):
        for kind in ("security-group", "vpc"):
            assert deploy.allow(action, f"{EC2}{kind}/there", own), action
            assert not deploy.allow(action, f"{EC2}{kind}/there", other), action
            # The default security group comes without tags and with rules.
            empties_group = action in emptying and kind == "security-group"
            assert deploy.allow(action, f"{EC2}{kind}/there", none) is empties_group, action
    for action in actions("kms:", ("update", "delete"), types.KEY.token):
        assert deploy.allow(action, KEY, own), action
        assert not deploy.allow(action, KEY, other | tagging(environment)), action
        assert not deploy.allow(action, KEY, {"kms:ResourceAliases": "alias/any"}), action


# Other people's resources without the tag


def tagging(environment: str) -> dict[str, str]:
    """The request that tags a resource; a key that is just made has no tags and no aliases to AWS."""
    return {"aws:RequestTag/Environment": environment}


@pytest.mark.parametrize(
    "others",
    [
        {"kms:ResourceAliases": "alias/any"},
        {"aws:ResourceTag/Name": "any"},
        {"aws:ResourceTag/Environment": "any"},
        {"kms:ResourceAliases": ["alias/tak-base-prod", "alias/tak-base-dev-test", "alias/any"]},
    ],
)
def test_a_key_that_somebody_has_named_is_not_a_new_key(
    deploy: Permissions, environment: str, others: dict[str, Any]
) -> None:
    for action in actions("kms:"):
        request = tagging(environment) | {"kms:ViaService": f"ecr.{REGION}.amazonaws.com"}
        expected = action in {"kms:CreateKey", "kms:ListAliases", "kms:ListKeys"}
        assert deploy.allow(action, "*" if expected else KEY, request | others) is expected, action


def test_a_deploy_role_can_make_a_key_before_its_tags_count(deploy: Permissions, environment: str) -> None:
    request = tagging(environment)

    assert deploy.allow("kms:CreateKey", "*", request)
    for action in actions("kms:", ("create", "read"), types.KEY.token) - {"kms:CreateKey"}:
        assert deploy.allow(action, KEY, request), action
    assert not deploy.allow("kms:TagResource", KEY, tagging("other"))
    # As KMS may ask for it on behalf of CreateKey, and as the API asks.
    for bypass, expected in ((None, True), ("false", True), ("true", False)):
        context = {"kms:BypassPolicyLockoutSafetyCheck": bypass} if bypass else {}
        assert deploy.allow("kms:PutKeyPolicy", KEY, context) is expected
    # With its alias it is still the new key, but its policy is no longer changed without the tag.
    named = {"kms:ResourceAliases": f"alias/tak-base-{environment}"}
    assert deploy.allow("kms:CreateGrant", KEY, named | {"kms:ViaService": f"ecr.{REGION}.amazonaws.com"})
    assert not deploy.allow("kms:CreateGrant", KEY, named)
    assert deploy.allow("kms:DescribeKey", KEY, named)
    assert not deploy.allow("kms:PutKeyPolicy", KEY, named)
    assert not deploy.allow("kms:TagResource", KEY, named | request)


def test_certificates_and_security_groups_that_somebody_has_named_cannot_be_tagged(
    deploy: Permissions, environment: str
) -> None:
    request = tagging(environment)
    own_name = {"aws:ResourceTag/Name": f"tak-base-{environment}-default"}
    for action, resource in (("acm:AddTagsToCertificate", CERTIFICATE), ("ec2:CreateTags", f"{EC2}security-group/any")):
        assert deploy.allow(action, resource, request), action
        assert deploy.allow(action, resource, request | own_name), action
        assert not deploy.allow(action, resource, request | {"aws:ResourceTag/Name": "any"}), action
        assert not deploy.allow(action, resource, request | {"aws:ResourceTag/Environment": "any"}), action
        assert not deploy.allow(action, resource, tagging("other")), action
    assert not deploy.allow("ec2:CreateTags", f"{EC2}vpc/any", request)


def test_a_new_resource_refers_to_resources_of_the_environment_only(deploy: Permissions, environment: str) -> None:
    request = tagging(environment)
    for action, kind in (
        ("ec2:CreateSubnet", "vpc"),
        ("ec2:CreateNatGateway", "subnet"),
        ("ec2:CreateNatGateway", "elastic-ip"),
        ("ec2:CreateVpcEndpoint", "route-table"),
        ("ec2:CreateVpcEndpoint", "security-group"),
    ):
        assert deploy.allow(action, f"{EC2}{kind}/any", request | {"aws:ResourceTag/Environment": environment})
        assert not deploy.allow(action, f"{EC2}{kind}/any", request), (action, kind)


def test_no_role_acts_in_another_region(account: Account) -> None:
    elsewhere = {"aws:RequestedRegion": "us-east-1"}
    for role in EVERY_ROLE:
        permissions = account.permissions(role)
        assert permissions.allow("ec2:DescribeVpcs", "*")
        assert not permissions.allow("ec2:DescribeVpcs", "*", elsewhere)
    for role in DEPLOY_ROLES.values():
        assert not account.permissions(role).allow(
            "ecs:CreateCluster", f"arn:aws:ecs:us-east-1:{DEFAULT_ACCOUNT_ID}:cluster/tak-base-prod", elsewhere
        )


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_no_role_reads_secrets_and_objects_that_do_not_belong_to_pulumi(account: Account, role: str) -> None:
    permissions = account.permissions(role)

    assert not permissions.allow("s3:GetObject", "arn:aws:s3:::tak-base-prod-tak-config-abc/secret")
    assert not permissions.allow("kms:Decrypt", KEY)
    assert not permissions.allow("secretsmanager:GetSecretValue", "*")


def test_named_resources_of_the_other_environment_are_out_of_reach(deploy: Permissions, environment: str) -> None:
    other = {"dev-test": "prod", "prod": "dev-test"}[environment]
    for name, expected in ((environment, True), (other, False)):
        for action, resource in (
            ("ecs:DeleteCluster", f"arn:aws:ecs:{REGION}:{DEFAULT_ACCOUNT_ID}:cluster/tak-base-{name}"),
            ("logs:DeleteLogGroup", f"arn:aws:logs:{REGION}:{DEFAULT_ACCOUNT_ID}:log-group:/tak-base-{name}/flow-log"),
            ("kms:DeleteAlias", f"arn:aws:kms:{REGION}:{DEFAULT_ACCOUNT_ID}:alias/tak-base-{name}"),
            ("s3:DeleteBucket", f"arn:aws:s3:::tak-base-{name}-tak-config-1234567"),
            ("s3:DeleteObject", f"arn:aws:s3:::tak-base-{name}-tak-config-1234567/any"),
            (
                "ecr:DeleteRepository",
                f"arn:aws:ecr:{REGION}:{DEFAULT_ACCOUNT_ID}:repository/tak-base-{name}-tak-images-1",
            ),
            ("iam:TagRole", f"{ROLE}tak-base-{name}-tak-flow-log-role-1234567"),
        ):
            assert deploy.allow(action, resource) is expected, (action, name)


def test_a_deploy_role_creates_certificates_of_its_environment_only(deploy: Permissions, environment: str) -> None:
    for name, expected in ((environment, True), ("other", False)):
        assert deploy.allow("acm:RequestCertificate", "*", tagging(name)) is expected
        for action in ("acm:DeleteCertificate", "acm:RemoveTagsFromCertificate", "acm:DescribeCertificate"):
            assert deploy.allow(action, CERTIFICATE, {"aws:ResourceTag/Environment": name}) is expected, action
        assert not deploy.allow("acm:DeleteCertificate", CERTIFICATE)


@pytest.mark.parametrize(
    ("name", "type_", "action", "expected"),
    [
        ("_1234.tak.example.org", "CNAME", "UPSERT", True),
        ("_1234.tak.example.org", "CNAME", "CREATE", True),
        ("_1234.tak.example.org", "CNAME", "DELETE", False),
        ("_1234.tak.example.org", "TXT", "UPSERT", False),
        ("tak.example.org", "CNAME", "UPSERT", False),
        ("www.tak.example.org", "A", "UPSERT", False),
    ],
)
def test_a_deploy_role_writes_nothing_into_a_zone_but_names_that_validate_certificates(
    deploy: Permissions, name: str, type_: str, action: str, expected: bool
) -> None:
    keys = "route53:ChangeResourceRecordSets"
    change = {f"{keys}NormalizedRecordNames": [name], f"{keys}RecordTypes": [type_], f"{keys}Actions": [action]}
    valid = {
        f"{keys}NormalizedRecordNames": ["_5678.tak.example.org"],
        f"{keys}RecordTypes": ["CNAME"],
        f"{keys}Actions": ["UPSERT"],
    }
    zone, route53 = "arn:aws:route53:::hostedzone/any", {"aws:RequestedRegion": "us-east-1"}

    assert deploy.allow(keys, zone, change | route53) is expected
    # A request can hold several changes.
    assert deploy.allow(keys, zone, {key: [*change[key], *valid[key]] for key in change} | route53) is expected
    assert not deploy.allow("route53:DeleteHostedZone", zone, route53)


@pytest.mark.parametrize("counted_in", [REGION, "us-east-1"])
def test_ec2_may_associate_the_hosted_zone_of_an_endpoint_with_a_vpc_of_the_region(
    deploy: Permissions, counted_in: str
) -> None:
    zone, action = "arn:aws:route53:::hostedzone/any", "route53:AssociateVPCWithHostedZone"
    for region, expected in ((REGION, True), ("eu-west-1", False)):
        vpc = {"route53:VPCs": [f"VPCId=vpc-1234,VPCRegion={region}"]}
        assert deploy.allow(action, zone, vpc | {"aws:RequestedRegion": counted_in}) is expected


# State


def state_objects(account: Account, stack: str) -> list[str]:
    bucket = account.recording.named("tak-state").outputs["arn"]
    return [
        f"{bucket}/.pulumi/{path}"
        for path in (
            f"stacks/tak-base/{stack}.json",
            f"stacks/tak-base/{stack}.json.bak",
            f"history/tak-base/{stack}/{stack}-1.history.json",
            f"backups/tak-base/{stack}/{stack}.1.json",
            f"locks/organization/tak-base/{stack}/1.json",
        )
    ]


def test_a_deploy_role_writes_the_state_of_its_stack_only(
    account: Account, deploy: Permissions, environment: str
) -> None:
    for stack in ("dev-test", "prod", "prod-2"):
        for item in state_objects(account, stack):
            for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
                assert deploy.allow(action, item) is (stack == environment), (action, item)
            assert not deploy.allow("s3:DeleteObjectVersion", item)


def test_the_preview_role_reads_the_state_of_every_stack_and_writes_none(
    account: Account, preview: Permissions
) -> None:
    bucket = account.recording.named("tak-state").outputs["arn"]
    for item in (*state_objects(account, "dev-test"), *state_objects(account, "prod")):
        assert preview.allow("s3:GetObject", item)
        assert not preview.allow("s3:PutObject", item)
        assert not preview.allow("s3:DeleteObject", item)
    # No role reads the state of the bootstrap.
    assert not preview.allow("s3:GetObject", f"{bucket}/.pulumi/stacks/tak-bootstrap/account.json")


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_the_state_is_decrypted_through_s3_only_and_secrets_with_their_own_key(account: Account, role: str) -> None:
    permissions = account.permissions(role)
    bucket_key = account.recording.named("tak-state-key").outputs["arn"]
    secrets_key = account.recording.named("tak-secrets-key").outputs["arn"]

    assert permissions.allow("kms:Decrypt", bucket_key, {"kms:ViaService": f"s3.{REGION}.amazonaws.com"})
    assert not permissions.allow("kms:Decrypt", bucket_key)
    assert permissions.allow("kms:Decrypt", secrets_key)
    assert permissions.allow("kms:Encrypt", secrets_key) is (role != "tak-base-preview")


# More power


def test_a_deploy_role_makes_roles_under_the_boundary_only(deploy: Permissions, environment: str) -> None:
    role, bounded = f"{ROLE}tak-base-{environment}-tak-flow-log-role-1", {"iam:PermissionsBoundary": BOUNDARY}
    elsewhere = {"iam:PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"}

    for action in actions("iam:", WRITING) - {
        "iam:PassRole",
        "iam:CreateServiceLinkedRole",
        "iam:TagRole",
        "iam:UntagRole",
    }:
        assert deploy.allow(action, role, bounded), action
        assert not deploy.allow(action, role), action
        assert not deploy.allow(action, role, elsewhere), action
        assert not deploy.allow(action, f"{ROLE}someone-else", bounded), action


def test_a_deploy_role_passes_roles_to_flow_logs_only(deploy: Permissions, environment: str) -> None:
    for service, expected in (("vpc-flow-logs.amazonaws.com", True), ("lambda.amazonaws.com", False)):
        assert (
            deploy.allow("iam:PassRole", f"{ROLE}tak-base-{environment}-tak-any", {"iam:PassedToService": service})
            is expected
        )
    assert not deploy.allow("iam:PassRole", f"{ROLE}admin", {"iam:PassedToService": "vpc-flow-logs.amazonaws.com"})


EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def every_power(account: Account, role: str) -> Permissions:
    """The role as it would be if somebody attached AdministratorAccess to it."""
    permissions = account.permissions(role)
    return Permissions({"AdministratorAccess": {"Statement": [EVERYTHING]}}, permissions.boundary)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iam:CreateRole", f"{ROLE}tak-new"),
        ("iam:PutRolePolicy", f"{ROLE}tak-new"),
        ("iam:AttachRolePolicy", f"{ROLE}tak-new"),
        ("iam:UpdateAssumeRolePolicy", f"{ROLE}tak-administrator"),
        ("iam:DeleteRolePermissionsBoundary", f"{ROLE}bootstrap/tak-base-deploy-prod"),
        ("iam:DeleteRolePermissionsBoundary", f"{ROLE}tak-new"),
        ("iam:PutRolePermissionsBoundary", f"{ROLE}bootstrap/tak-base-deploy-prod"),
        ("iam:UpdateAssumeRolePolicy", f"{ROLE}bootstrap/tak-base-deploy-prod"),
        ("iam:CreatePolicyVersion", BOUNDARY),
        ("iam:CreatePolicyVersion", BOUNDARY.replace("role-boundary", "deploy-boundary")),
        ("iam:SetDefaultPolicyVersion", BOUNDARY),
        ("iam:DeletePolicy", BOUNDARY),
        ("iam:CreateUser", f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:user/tak-new"),
        ("iam:CreateAccessKey", f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:user/any"),
        ("iam:AddClientIDToOpenIDConnectProvider", f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:oidc-provider/any"),
        ("sts:AssumeRole", f"{ROLE}administrator"),
        ("organizations:LeaveOrganization", "*"),
    ],
)
def test_no_policy_gives_a_deploy_role_more_power(account: Account, action: str, resource: str) -> None:
    for role in DEPLOY_ROLES.values():
        assert not every_power(account, role).allow(action, resource)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iam:CreateRole", f"{ROLE}tak-new"),
        ("iam:AttachRolePolicy", f"{ROLE}tak-new"),
        ("iam:DeleteRolePermissionsBoundary", f"{ROLE}tak-new"),
        ("iam:UpdateAssumeRolePolicy", f"{ROLE}bootstrap/tak-base-deploy-prod"),
        ("iam:CreatePolicyVersion", BOUNDARY),
    ],
)
def test_the_denials_of_the_boundary_hold_whatever_it_allows(account: Account, action: str, resource: str) -> None:
    permissions = every_power(account, DEPLOY_ROLES["prod"])
    assert permissions.boundary
    wider = {"Statement": [*permissions.boundary["Statement"], EVERYTHING]}

    assert not Permissions(permissions.policies, wider).allow(action, resource)


def test_the_boundary_itself_lets_through_what_the_layer_needs(account: Account, deploy: Permissions) -> None:
    unlimited = every_power(account, DEPLOY_ROLES["prod"])
    for action in actions(""):
        resource = f"{ROLE}tak-base-any" if action.startswith("iam:") else "*"
        context = {"iam:PermissionsBoundary": BOUNDARY}
        if action.startswith("route53:"):
            context["aws:RequestedRegion"] = "us-east-1"
        assert unlimited.allow(action, resource, context), action


def test_no_policy_lets_a_deploy_role_harm_the_state(account: Account) -> None:
    bucket = account.recording.named("tak-state").outputs["arn"]
    keys = [key.outputs["arn"] for key in account.recording.of_type("Key")]
    for role in DEPLOY_ROLES.values():
        permissions = every_power(account, role)
        for action in ("DeleteBucket", "PutBucketPolicy", "PutBucketVersioning", "PutLifecycleConfiguration"):
            assert not permissions.allow(f"s3:{action}", bucket), action
        assert not permissions.allow("s3:DeleteObjectVersion", f"{bucket}/.pulumi/stacks/tak-base/prod.json")
        for key in keys:
            for action in ("ScheduleKeyDeletion", "DisableKey", "PutKeyPolicy", "CreateGrant", "TagResource"):
                assert not permissions.allow(f"kms:{action}", key), action


def test_a_role_under_the_role_boundary_can_only_write_logs_of_the_layer(account: Account) -> None:
    boundary = account.policy(BOUNDARY)

    assert allowed_actions(boundary) == set(ROLE_ACTIONS)


def test_the_roles_of_the_layer_work_under_the_role_boundary(prod: Recording) -> None:
    for policy in prod.of_type("RolePolicy"):
        for statement in json.loads(policy.inputs["policy"])["Statement"]:
            asked = statement["Action"]
            assert set([asked] if isinstance(asked, str) else asked) <= set(ROLE_ACTIONS)
