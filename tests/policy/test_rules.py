"""For every rule a resource that violates it, and one that does not; the layer violates none."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import Any

import pytest

from tak_tools.policy.model import UNKNOWN, Resource, Stack
from tak_tools.policy.rules import RULES, judge
from tak_tools.policy_check import violations_of
from tak_tools.program import Recording
from tak_tools.resource_types import ROWS, row_of
from tak_tools.stack_file import Project, load_stack
from tests.options import EVERY_OPTION, SUITE, TAGS

PROD = Stack("prod", "prod", IPv4Network("10.1.16.0/20"), protect_data=True)
DEV_TEST = Stack("dev-test", "dev-test", IPv4Network("10.1.32.0/20"), protect_data=False)

KEY = f"arn:aws:kms:ap-southeast-2:{'1' * 12}:key/1"

BUCKET = "aws:s3/bucket:Bucket"
BUCKET_ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
BUCKET_VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
CLUSTER = "aws:ecs/cluster:Cluster"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
GROUP_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
KMS_KEY = "aws:kms/key:Key"
NETWORK_ACL = "aws:ec2/networkAcl:NetworkAcl"
NETWORK_ACL_RULE = "aws:ec2/networkAclRule:NetworkAclRule"
PUBLIC_ACCESS_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
REPOSITORY = "aws:ecr/repository:Repository"
ROLE = "aws:iam/role:Role"
SUBNET = "aws:ec2/subnet:Subnet"
VPC = "aws:ec2/vpc:Vpc"


@dataclass(frozen=True)
class Case:
    """The resource that is judged, what is beside it, and the start of the violation if it breaks the rule."""

    rule: str
    resource: Resource
    stack: Stack = PROD
    violation: str | None = None

    @property
    def label(self) -> str:
        return f"{self.rule}: {self.violation or 'kept by ' + self.resource.type.split(':')[-1]}"


def _breaks(rule: str, violation: str, type_: str, properties: dict[str, Any] | None = None, **other: Any) -> Case:
    return replace(_keeps(rule, type_, properties, **other), violation=violation)


def _keeps(
    rule: str,
    type_: str,
    properties: dict[str, Any] | None = None,
    *,
    stack: Stack = PROD,
    beside: Sequence[str] = (),
    name: str = "it",
    **other: Any,
) -> Case:
    resource = Resource(type_, properties or {}, name, "urn:it", **other)
    users = [Resource(user, {}, user, f"urn:{user}", uses=frozenset({"urn:it"})) for user in beside]
    return Case(rule, resource, stack.with_resources([resource, *users]))


def _document(**statement: Any) -> dict[str, str]:
    return {"policy": json.dumps({"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", **statement}]})}


def _ingress(**entry: Any) -> dict[str, Any]:
    return {"ingress": [{"protocol": "tcp", "fromPort": 443, "toPort": 443, **entry}]}


def _encryption(**values: Any) -> dict[str, Any]:
    return {"rules": [{"applyServerSideEncryptionByDefault": values}]}


def _versions(status: str) -> dict[str, Any]:
    return {"versioningConfiguration": {"status": status}}


_CLOSED = {"blockPublicAcls": True, "blockPublicPolicy": True, "ignorePublicAcls": True, "restrictPublicBuckets": True}
_TLS_ONLY = {"Effect": "Deny", "Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
_GUARDS = (
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    BUCKET_POLICY,
    PUBLIC_ACCESS_BLOCK,
    BUCKET_ENCRYPTION,
    "aws:s3/bucketVersioning:BucketVersioning",
)
_STORAGE_KEY = {"managedStorageConfiguration": {"fargateEphemeralStorageKmsKeyId": KEY}}
_EXEC_KEY = {"executeCommandConfiguration": {"kmsKeyId": KEY}}


def _subnet_in_vpc(block: str) -> Case:
    case = _keeps("ipv6-from-vpc", SUBNET, {"ipv6CidrBlock": block})
    vpc = Resource(VPC, {"ipv6CidrBlock": "2001:db8:0:ff00::/56"})
    return replace(case, stack=PROD.with_resources([case.resource, vpc]))


CASES = (
    _breaks(
        "no-public-bucket",
        "blockPublicPolicy: found false",
        PUBLIC_ACCESS_BLOCK,
        _CLOSED | {"blockPublicPolicy": False},
    ),
    _breaks(
        "no-public-bucket", "blockPublicAcls: found nothing", PUBLIC_ACCESS_BLOCK, {**_CLOSED, "blockPublicAcls": None}
    ),
    _breaks("no-public-bucket", 'acl: found "public-read"', BUCKET, {"acl": "public-read"}),
    _breaks(
        "no-public-bucket",
        'acl: found "authenticated-read"',
        "aws:s3/bucketAcl:BucketAcl",
        {"acl": "authenticated-read"},
    ),
    _breaks(
        "no-public-bucket",
        'rule.objectOwnership: found "ObjectWriter"',
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        {"rule": {"objectOwnership": "ObjectWriter"}},
    ),
    _keeps("no-public-bucket", PUBLIC_ACCESS_BLOCK, _CLOSED),
    _keeps("no-public-bucket", BUCKET),
    _breaks(
        "no-public-policy", "policy: a statement without Sid allows everyone", BUCKET_POLICY, _document(Principal="*")
    ),
    _breaks("no-public-policy", "policy: Open allows everyone", KMS_KEY, _document(Sid="Open", Principal={"AWS": "*"})),
    _breaks("no-public-policy", "policy: a", BUCKET_POLICY, _document(Principal={"AWS": [KEY, "*"]})),
    _breaks("no-public-policy", "policy: a", BUCKET_POLICY, _document(NotPrincipal={"AWS": KEY})),
    _breaks(
        "no-public-policy",
        "policy: a",
        BUCKET_POLICY,
        _document(Principal="*", Condition={"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}),
    ),
    _breaks(
        "no-public-policy",
        "policy: a",
        BUCKET_POLICY,
        _document(Principal="*", Condition={"Bool": {"aws:SecureTransport": "true"}}),
    ),
    _breaks(
        "no-public-policy",
        "assumeRolePolicy: a",
        ROLE,
        {"assumeRolePolicy": {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}},
    ),
    _keeps("no-public-policy", BUCKET_POLICY, _document(Effect="Deny", Principal="*")),
    _keeps("no-public-policy", KMS_KEY, _document(Principal={"Service": "fargate.amazonaws.com"})),
    _keeps(
        "no-public-policy",
        BUCKET_POLICY,
        _document(Principal="*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
    ),
    _keeps("no-public-policy", "aws:ec2/vpcEndpoint:VpcEndpoint", _document(Principal="*")),
    _breaks("no-public-address", "mapPublicIpOnLaunch: found true", SUBNET, {"mapPublicIpOnLaunch": True}),
    _breaks(
        "no-public-address",
        "associatePublicIpAddress: found true",
        "aws:ec2/instance:Instance",
        {"associatePublicIpAddress": True},
    ),
    _breaks(
        "no-public-address", "publiclyAccessible: found true", "aws:rds/instance:Instance", {"publiclyAccessible": True}
    ),
    _breaks(
        "no-public-address",
        'networkInterfaces[].associatePublicIpAddress: found "true"',
        "aws:ec2/launchTemplate:LaunchTemplate",
        {"networkInterfaces": [{}, {"associatePublicIpAddress": "true"}]},
    ),
    _keeps("no-public-address", SUBNET, {"mapPublicIpOnLaunch": False}),
    _breaks("no-public-repository", "found aws:ecrpublic/repository:Repository", "aws:ecrpublic/repository:Repository"),
    _keeps("no-public-repository", REPOSITORY),
    _breaks(
        "no-ingress-from-anywhere",
        "ingress: found ports 443-443 from 0.0.0.0/0",
        GROUP,
        _ingress(cidrBlocks=["0.0.0.0/0"]),
    ),
    _breaks(
        "no-ingress-from-anywhere", "ingress: found ports 443-443 from ::/0", GROUP, _ingress(ipv6CidrBlocks=["::/0"])
    ),
    _breaks(
        "no-ingress-from-anywhere",
        "ingress: found ports 443-443 from 128.0.0.0/1",
        DEFAULT_GROUP,
        _ingress(cidrBlocks=["10.1.16.0/20", "128.0.0.0/1"]),
    ),
    _breaks("no-ingress-from-anywhere", "ingress: found all ports from ::/0", INGRESS_RULE, {"cidrIpv6": "::/0"}),
    _breaks(
        "no-ingress-from-anywhere", "ingress: found all ports from 0.0.0.0/0", INGRESS_RULE, {"cidrIpv4": "0.0.0.0/0"}
    ),
    _breaks(
        "no-ingress-from-anywhere",
        "ingress: found all ports from 0.0.0.0/0",
        GROUP_RULE,
        {"type": "ingress", "cidrBlocks": ["0.0.0.0/0"]},
    ),
    _breaks(
        "no-ingress-from-anywhere",
        "ingress: found ports 443-443 from 0.0.0.0/0",
        NETWORK_ACL,
        _ingress(cidrBlock="0.0.0.0/0", action="allow"),
    ),
    _breaks(
        "no-ingress-from-anywhere",
        "ingress: found all ports from ::/0",
        NETWORK_ACL_RULE,
        {"egress": False, "ruleAction": "allow", "ipv6CidrBlock": "::/0"},
    ),
    _keeps("no-ingress-from-anywhere", GROUP, _ingress(cidrBlocks=["10.1.16.0/20"], ipv6CidrBlocks=["2001:db8::/56"])),
    _keeps("no-ingress-from-anywhere", GROUP, {"egress": [{"cidrBlocks": ["0.0.0.0/0"]}]}),
    _keeps("no-ingress-from-anywhere", GROUP_RULE, {"type": "egress", "cidrBlocks": ["0.0.0.0/0"]}),
    _keeps("no-ingress-from-anywhere", NETWORK_ACL, _ingress(cidrBlock="0.0.0.0/0", action="deny")),
    _keeps("no-ingress-from-anywhere", NETWORK_ACL_RULE, {"egress": True, "cidrBlock": "0.0.0.0/0"}),
    _breaks("default-security-group-empty", "ingress: found 1 rules", DEFAULT_GROUP, _ingress(self=True)),
    _breaks("default-security-group-empty", "egress: found 1 rules", DEFAULT_GROUP, {"egress": [{"protocol": "-1"}]}),
    _keeps("default-security-group-empty", DEFAULT_GROUP, {"ingress": [], "egress": []}),
    _keeps("default-security-group-empty", GROUP, _ingress(self=True)),
    _breaks("default-security-group-managed", "found no DefaultSecurityGroup", VPC),
    _keeps("default-security-group-managed", VPC, beside=[DEFAULT_GROUP]),
    _breaks("encrypted-with-own-key", "kmsKeyId: found nothing", LOG_GROUP),
    _breaks(
        "encrypted-with-own-key",
        'kmsKeyId: found "alias/aws/ebs"',
        "aws:ebs/volume:Volume",
        {"encrypted": True, "kmsKeyId": "alias/aws/ebs"},
    ),
    _breaks("encrypted-with-own-key", "encrypted: found nothing", "aws:efs/fileSystem:FileSystem", {"kmsKeyId": KEY}),
    _breaks(
        "encrypted-with-own-key",
        "storageEncrypted: found false",
        "aws:rds/instance:Instance",
        {"storageEncrypted": False, "kmsKeyId": KEY},
    ),
    _breaks("encrypted-with-own-key", "kmsKeyId: found nothing", "aws:secretsmanager/secret:Secret"),
    _breaks("encrypted-with-own-key", "kmsMasterKeyId: found nothing", "aws:sns/topic:Topic"),
    _breaks("encrypted-with-own-key", "kmsMasterKeyId: found nothing", "aws:sqs/queue:Queue"),
    _breaks("encrypted-with-own-key", "serverSideEncryption.enabled: found nothing", "aws:dynamodb/table:Table"),
    _breaks("encrypted-with-own-key", "storageEncrypted: found nothing", "aws:rds/cluster:Cluster"),
    _breaks(
        "encrypted-with-own-key",
        "encryptionConfigurations[].encryptionType: found nothing",
        REPOSITORY,
        {"encryptionConfigurations": []},
    ),
    _breaks(
        "encrypted-with-own-key",
        'encryptionConfigurations[].encryptionType: found "AES256"',
        REPOSITORY,
        {"encryptionConfigurations": [{"encryptionType": "AES256"}]},
    ),
    _breaks(
        "encrypted-with-own-key",
        "encryptionConfigurations[].kmsKey: found nothing",
        REPOSITORY,
        {"encryptionConfigurations": [{"encryptionType": "KMS"}]},
    ),
    _breaks(
        "encrypted-with-own-key",
        "configuration.managedStorageConfiguration.fargateEphemeralStorageKmsKeyId: found nothing",
        CLUSTER,
        {"configuration": _EXEC_KEY},
    ),
    _breaks(
        "encrypted-with-own-key",
        "configuration.executeCommandConfiguration.kmsKeyId: found nothing",
        CLUSTER,
        {"configuration": _STORAGE_KEY},
    ),
    _breaks(
        "encrypted-with-own-key",
        'rules[].applyServerSideEncryptionByDefault.sseAlgorithm: found "AES256"',
        BUCKET_ENCRYPTION,
        _encryption(sseAlgorithm="AES256"),
    ),
    _breaks(
        "encrypted-with-own-key",
        "rules[].applyServerSideEncryptionByDefault.kmsMasterKeyId: found nothing",
        BUCKET_ENCRYPTION,
        _encryption(sseAlgorithm="aws:kms"),
    ),
    _keeps("encrypted-with-own-key", LOG_GROUP, {"kmsKeyId": KEY}),
    _keeps("encrypted-with-own-key", LOG_GROUP, {"kmsKeyId": UNKNOWN}),
    _keeps("encrypted-with-own-key", CLUSTER, {"configuration": _EXEC_KEY | _STORAGE_KEY}),
    _keeps("encrypted-with-own-key", BUCKET_ENCRYPTION, _encryption(sseAlgorithm="aws:kms", kmsMasterKeyId=KEY)),
    _keeps("encrypted-with-own-key", BUCKET_ENCRYPTION, _encryption(sseAlgorithm="AES256"), name="tak-elb-logs"),
    _breaks("bucket-guarded", "found no BucketPublicAccessBlock", BUCKET, beside=[*_GUARDS[:2], *_GUARDS[3:]]),
    _breaks("bucket-guarded", "found no BucketVersioning", BUCKET, beside=_GUARDS[:-1]),
    _keeps("bucket-guarded", BUCKET, beside=_GUARDS),
    _breaks(
        "bucket-versioned",
        'versioningConfiguration.status: found "Suspended"',
        BUCKET_VERSIONING,
        _versions("Suspended"),
    ),
    _keeps("bucket-versioned", BUCKET_VERSIONING, _versions("Enabled")),
    _breaks("bucket-tls-only", "policy: found no refusal", BUCKET_POLICY, _document(Principal={"AWS": KEY})),
    _breaks(
        "bucket-tls-only", "policy: found no refusal", BUCKET_POLICY, _document(**{**_TLS_ONLY, "Effect": "Allow"})
    ),
    _keeps("bucket-tls-only", BUCKET_POLICY, _document(**_TLS_ONLY)),
    _keeps("bucket-tls-only", BUCKET_POLICY, {"policy": UNKNOWN}),
    _breaks("key-rotates", "enableKeyRotation: found nothing", KMS_KEY),
    _breaks("key-rotates", "enableKeyRotation: found false", KMS_KEY, {"enableKeyRotation": False}),
    _keeps("key-rotates", KMS_KEY, {"enableKeyRotation": True}),
    _keeps("key-rotates", KMS_KEY, {"customerMasterKeySpec": "RSA_2048"}),
    _breaks("no-early-key-deletion", "deletionWindowInDays: found 6", KMS_KEY, {"deletionWindowInDays": 6}),
    _keeps("no-early-key-deletion", KMS_KEY, {"deletionWindowInDays": 7.0}),
    _keeps("no-early-key-deletion", KMS_KEY),
    _breaks("data-protected", "protect: found false, expected true: in prod", BUCKET),
    _breaks("data-protected", "protect: found false", KMS_KEY, stack=replace(PROD, protect_data=False)),
    _breaks("data-protected", "protect: found false", REPOSITORY, stack=replace(DEV_TEST, protect_data=True)),
    _keeps("data-protected", BUCKET, protected=True),
    _keeps("data-protected", BUCKET, stack=DEV_TEST),
    _keeps("data-protected", VPC),
    _breaks(
        "addresses-within-stack",
        'cidrBlock: found "10.1.32.0/20", expected 10.1.16.0/20',
        VPC,
        {"cidrBlock": "10.1.32.0/20"},
    ),
    _breaks("addresses-within-stack", "cidrBlock: found nothing", VPC, {"ipv4IpamPoolId": "ipam-pool-1"}),
    _breaks("addresses-within-stack", 'cidrBlock: found "10.1.32.0/24"', SUBNET, {"cidrBlock": "10.1.32.0/24"}),
    _breaks("addresses-within-stack", 'cidrBlock: found "10.1.0.0/16"', SUBNET, {"cidrBlock": "10.1.0.0/16"}),
    _breaks(
        "addresses-within-stack",
        'cidrBlock: found "100.64.0.0/16"',
        "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation",
        {"cidrBlock": "100.64.0.0/16"},
    ),
    _keeps("addresses-within-stack", VPC, {"cidrBlock": "10.1.16.0/20"}),
    _keeps("addresses-within-stack", SUBNET, {"cidrBlock": "10.1.31.192/26"}),
    _breaks("ipv6-from-vpc", 'ipv6IpamPoolId: found "ipam-pool-1"', VPC, {"ipv6IpamPoolId": "ipam-pool-1"}),
    replace(_subnet_in_vpc("2001:db8:1::/64"), violation='ipv6CidrBlock: found "2001:db8:1::/64"'),
    _subnet_in_vpc("2001:db8:0:ff03::/64"),
    _keeps("ipv6-from-vpc", VPC, {"assignGeneratedIpv6CidrBlock": True, "ipv6IpamPoolId": ""}),
    _breaks("required-tags", "tags: found none called Project, Component, Environment, ManagedBy", BUCKET),
    _breaks(
        "required-tags",
        "tags: found none called Component",
        VPC,
        {"tags": {k: v for k, v in TAGS.items() if k != "Component"}},
    ),
    _breaks(
        "required-tags", 'tags: Environment: found "dev-test"', VPC, provider_tags=TAGS | {"Environment": "dev-test"}
    ),
    _breaks("required-tags", "tags: found none called", "aws:sqs/queue:Queue", {"tags": {"Name": "it"}}),
    _keeps("required-tags", VPC, {"tags": {"Name": "it"}}, provider_tags=TAGS),
    _keeps("required-tags", VPC, {"tagsAll": TAGS}),
    _keeps("required-tags", "aws:ec2/route:Route"),
    _breaks("images-scanned", "imageScanningConfiguration.scanOnPush: found nothing", REPOSITORY),
    _keeps("images-scanned", REPOSITORY, {"imageScanningConfiguration": {"scanOnPush": True}}),
    _breaks("images-expire", "found no LifecyclePolicy", REPOSITORY),
    _keeps("images-expire", REPOSITORY, beside=["aws:ecr/lifecyclePolicy:LifecyclePolicy"]),
    _breaks(
        "image-tags-immutable", 'imageTagMutability: found "MUTABLE"', REPOSITORY, {"imageTagMutability": "MUTABLE"}
    ),
    _keeps("image-tags-immutable", REPOSITORY, {"imageTagMutability": "IMMUTABLE"}),
    _keeps("image-tags-immutable", REPOSITORY, {"imageTagMutability": "MUTABLE"}, stack=DEV_TEST),
    _breaks("vpc-has-flow-log", "found no FlowLog", VPC),
    _keeps("vpc-has-flow-log", VPC, beside=["aws:ec2/flowLog:FlowLog"]),
    _keeps("vpc-has-flow-log", VPC, stack=DEV_TEST),
    _breaks("known-type", "found aws:example/thing:Thing", "aws:example/thing:Thing"),
    _keeps("known-type", "aws:rds/instance:Instance"),
    _keeps("known-type", "example:index:Service"),
    _breaks("layer-type", "found aws:rds/instance:Instance", "aws:rds/instance:Instance"),
    _keeps("layer-type", VPC),
    _keeps("layer-type", "tak-base:index:Network"),
    _keeps("layer-type", "pulumi:providers:aws"),
)

BY_NAME = {rule.name: rule for rule in RULES}


@pytest.mark.parametrize("case", [case for case in CASES if case.violation], ids=lambda case: case.label)
def test_a_resource_that_breaks_a_rule_is_a_violation(case: Case) -> None:
    found = judge(BY_NAME[case.rule], case.resource, case.stack)
    assert found
    assert found[0].startswith(str(case.violation))
    assert all("expected" in message for message in found)


@pytest.mark.parametrize("case", [case for case in CASES if not case.violation], ids=lambda case: case.label)
def test_a_resource_that_keeps_a_rule_is_no_violation(case: Case) -> None:
    assert judge(BY_NAME[case.rule], case.resource, case.stack) == []


@pytest.mark.parametrize("broken", [True, False])
def test_every_rule_is_broken_and_kept_above(broken: bool) -> None:
    assert {case.rule for case in CASES if bool(case.violation) is broken} == BY_NAME.keys()


def test_rules_have_unique_names_and_name_their_source() -> None:
    assert len(BY_NAME) == len(RULES)
    assert all(rule.name == rule.name.lower() and rule.description.endswith(".") and rule.controls for rule in RULES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_no_rule_judges_a_value_that_is_unknown(case: Case) -> None:
    def unknown(value: Any) -> list[Any]:
        """`value` with UNKNOWN in its place, and in that of each value within it."""
        if isinstance(value, dict):
            return [UNKNOWN, *({**value, key: other} for key in value for other in unknown(value[key]))]
        if isinstance(value, list):
            return [
                UNKNOWN,
                *([*value[:i], other, *value[i + 1 :]] for i in range(len(value)) for other in unknown(value[i])),
            ]
        return [UNKNOWN]

    for rule in RULES:
        before = len(judge(rule, case.resource, case.stack))
        for properties in unknown(dict(case.resource.properties))[1:]:
            resource = replace(case.resource, properties=properties)
            # What is unknown may hide a violation and makes none.
            assert len(judge(rule, resource, case.stack)) <= before, rule.name


@pytest.mark.parametrize("stack", ["prod", "dev-test"])
def test_the_layer_breaks_no_rule(stack: str, project: Project, request: pytest.FixtureRequest) -> None:
    recording: Recording = request.getfixturevalue(stack.replace("-", "_"))
    assert violations_of(recording, load_stack(project, stack)) == []


def test_the_types_that_the_layer_may_have_are_those_that_it_has(evaluate: Any) -> None:
    made = {item.type for options in (EVERY_OPTION, SUITE) for item in evaluate("prod", **options).resources}
    made_by_awsx = {part.token for type_ in made for part in row_of(type_).parts}
    assert made | made_by_awsx == {token for token, row in ROWS.items() if row.base_layer}


def test_a_program_with_a_flaw_has_the_violation_under_the_name_of_its_resource(
    project: Project, evaluate: Any
) -> None:
    recording = evaluate("prod", protectData=False, imageTagMutability="MUTABLE", flowLogs="none")
    found = violations_of(recording, load_stack(project, "prod"))
    assert [(item.rule.level, item.rule.name, item.resource.name) for item in found] == [
        ("mandatory", "data-protected", "tak-images"),
        ("mandatory", "data-protected", "tak-key"),
        ("mandatory", "data-protected", "tak-config"),
        ("advisory", "image-tags-immutable", "tak-images"),
        ("advisory", "vpc-has-flow-log", "tak-vpc"),
    ]


def test_another_stacks_addresses_are_violations(project: Project, dev_test: Recording) -> None:
    found = violations_of(
        dev_test, replace(load_stack(project, "dev-test"), settings=load_stack(project, "prod").settings)
    )
    assert len([item for item in found if item.rule.name == "addresses-within-stack"]) == 5
