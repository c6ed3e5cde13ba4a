"""The bootstrap program as a whole: its resources, their references, what is protected, what it exports."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from moto.core import DEFAULT_ACCOUNT_ID

from tak_base.deployment_target import PARTITIONS
from tak_bootstrap.policies import ROUTE53_REGIONS
from tak_tools.errors import DeploymentError
from tak_tools.program import Recording
from tak_tools.simulated_aws import SimulatedAws
from tests.bootstrap.account import ISSUER, REPOSITORY, Account
from tests.unit.test_program import BUCKET_TYPES, parts_of_bucket, types

pytestmark = pytest.mark.slow

Bootstrap = Callable[..., Recording]

TYPES = {
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": 1,
    # Two boundaries, two policies of the preview role, six of each deploy role.
    "aws:iam/policy:Policy": 19,
    "aws:iam/role:Role": 3,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": 17,
    "aws:kms/alias:Alias": 2,
    "aws:kms/key:Key": 2,
    **dict.fromkeys(BUCKET_TYPES, 1),
    "aws:ssm/parameter:Parameter": 1,
}
STATE = {"tak-state", "tak-state-key", "tak-state-key-alias", "tak-secrets-key", "tak-secrets-key-alias"}


@pytest.fixture(scope="module")
def recording(bootstrap: Bootstrap) -> Recording:
    return bootstrap()


def test_exactly_the_planned_resources_are_registered(recording: Recording) -> None:
    assert types(recording) == Counter(TYPES)


def test_the_oidc_provider_of_the_account_is_reused_where_the_stack_file_says_so(
    bootstrap: Bootstrap, recording: Recording
) -> None:
    reusing = bootstrap(createOidcProvider=False)

    assert types(recording) - types(reusing) == Counter(["aws:iam/openIdConnectProvider:OpenIdConnectProvider"])
    assert reusing.outputs["oidcProviderArn"].endswith(":oidc-provider/token.actions.githubusercontent.com")
    assert [role.inputs["assumeRolePolicy"] for role in reusing.of_type("Role")] == [
        role.inputs["assumeRolePolicy"] for role in recording.of_type("Role")
    ]


def test_every_environment_gets_one_role_with_seven_policies(bootstrap: Bootstrap, recording: Recording) -> None:
    assert types(bootstrap(environments=["prod", "dev-test", "staging"])) - types(recording) == Counter(
        {
            "aws:iam/role:Role": 1,
            "aws:iam/policy:Policy": 7,
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment": 7,
        }
    )


def test_every_resource_but_the_published_outputs_is_the_child_of_a_component(recording: Recording) -> None:
    components = {item.urn: item.type for item in recording.registrations if item.is_component}

    assert sorted(components.values()) == ["tak-bootstrap:index:GitHubAccess", "tak-bootstrap:index:StateBackend"]
    assert {item.parent for item in recording.resources if item.name != "tak-outputs"} == set(components)


def test_the_state_its_keys_and_their_names_are_protected_and_kept(recording: Recording) -> None:
    assert {item.name for item in recording.registrations if item.protect} == STATE | {"tak-outputs"}
    kept = STATE | parts_of_bucket("tak-state")
    assert {item.name for item in recording.registrations if item.retain_on_delete} == kept


def test_a_destroy_comes_to_the_protected_outputs_before_anything_else(recording: Recording) -> None:
    published = recording.named("tak-outputs")
    others = {item.urn for item in recording.resources if item.name != "tak-outputs"}

    assert others <= published.dependencies
    assert json.loads(published.inputs["insecureValue"]) == recording.outputs


def test_no_role_exists_before_the_provider_that_it_trusts(recording: Recording) -> None:
    provider = recording.named("tak-oidc-provider").urn

    assert all(provider in role.dependencies for role in recording.of_type("Role"))


def test_the_outputs_are_those_that_workflows_and_stack_files_take(recording: Recording) -> None:
    bucket = recording.named("tak-state").id
    roles = {item.name: item.outputs["arn"] for item in recording.of_type("Role")}

    assert recording.outputs == {
        "backendUrl": f"s3://{bucket}?region=ap-southeast-2",
        "secretsProvider": "awskms://alias/tak-base-pulumi-secrets?region=ap-southeast-2",
        "oidcProviderArn": "arn:aws:iam::account-id:oidc-provider/token.actions.githubusercontent.com",
        "previewRoleArn": roles["tak-preview"],
        "deployRoleArns": {"dev-test": roles["tak-deploy-dev-test"], "prod": roles["tak-deploy-prod"]},
        "permissionsBoundary": "bootstrap/tak-base-role-boundary",
    }


def test_the_bucket_has_the_name_that_the_stack_file_gives_it(bootstrap: Bootstrap, recording: Recording) -> None:
    assert bootstrap(stateBucketName="example-state").named("tak-state").inputs["bucket"] == "example-state"
    assert "bucket" not in recording.named("tak-state").inputs


@pytest.mark.parametrize(
    ("region", "partition", "route53"),
    [("us-east-1", "aws", "us-east-1"), ("us-gov-west-1", "aws-us-gov", "us-gov-west-1")],
)
def test_the_roles_work_in_every_region_and_in_govcloud(
    bootstrap: Bootstrap, region: str, partition: str, route53: str
) -> None:
    with SimulatedAws(region) as cloud:
        account = Account(cloud, bootstrap(cloud=cloud))
        deploy = account.permissions("tak-base-deploy-prod")
        trust = account.recording.named("tak-deploy-prod").inputs["assumeRolePolicy"]
    here, tagged = {"aws:RequestedRegion": region}, {"aws:ResourceTag/Environment": "prod"}
    at_home = f"arn:{partition}:SERVICE:{region}:{DEFAULT_ACCOUNT_ID}:"
    state_key = account.recording.named("tak-state-key").outputs["arn"]

    assert 'sts.amazonaws.com"' in trust
    for context, action, resource in (
        (here, "ecs:CreateCluster", f"{at_home}cluster/tak-base-prod"),
        (here, "ecr:CreateRepository", f"{at_home}repository/tak-base-prod-tak-images-1234567"),
        (here | tagged, "ec2:DeleteVpc", f"{at_home}vpc/vpc-1"),
        (here, "s3:CreateBucket", f"arn:{partition}:s3:::tak-base-prod-tak-config-1234567"),
        (
            {"aws:RequestedRegion": route53},
            "route53:ChangeResourceRecordSets",
            f"arn:{partition}:route53:::hostedzone/Z1",
        ),
        (here | {"kms:ViaService": f"s3.{region}.amazonaws.com"}, "kms:GenerateDataKey", state_key),
    ):
        assert deploy.allow_in(context, action, resource.replace("SERVICE", action.partition(":")[0])), action


def test_the_partitions_are_those_that_the_layer_supports() -> None:
    assert set(ROUTE53_REGIONS) == set(PARTITIONS)


def test_a_wrong_stack_file_stops_the_deployment_before_anything_is_made(bootstrap: Bootstrap) -> None:
    with pytest.raises((pulumi.RunError, DeploymentError), match="tak-bootstrap:repository: found"):
        bootstrap(repository="no-slash")


# Trust


def trusted_runs(recording: Recording, role: str) -> list[dict[str, Any]]:
    """The conditions under which each statement of a role lets GitHub's tokens assume it."""
    statements = json.loads(recording.named(role).inputs["assumeRolePolicy"])["Statement"]
    for statement in statements:
        assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRoleWithWebIdentity")
        assert statement["Principal"] == {"Federated": recording.outputs["oidcProviderArn"]}
    return [statement["Condition"] for statement in statements]


def runs(subject: str, **conditions: Any) -> dict[str, Any]:
    # No StringLike: a pattern would admit other repositories, branches or environments.
    return {"StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": [subject]}, **conditions}


@pytest.mark.parametrize(
    ("keys", "repository"),
    [
        ({}, f"repo:{REPOSITORY}"),
        # "Immutable subject claims": https://docs.github.com/en/actions/reference/security/oidc
        ({"ownerId": "123", "repositoryId": "4567"}, "repo:example-owner@123/example-repository@4567"),
    ],
    ids=["names", "names and IDs"],
)
def test_each_role_trusts_exactly_its_runs_of_the_repository(
    bootstrap: Bootstrap, keys: dict[str, str], repository: str
) -> None:
    recording = bootstrap(**keys)

    for environment in ("dev-test", "prod"):
        assert trusted_runs(recording, f"tak-deploy-{environment}") == [runs(f"{repository}:environment:{environment}")]
    assert trusted_runs(recording, "tak-preview") == [
        runs(f"{repository}:ref:refs/heads/main"),
        # Dependabot brings the code of new packages, and this role decrypts the stacks' secrets.
        runs(f"{repository}:pull_request", StringNotEquals={f"{ISSUER}:actor": "dependabot[bot]"}),
    ]
