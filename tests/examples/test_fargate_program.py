"""The example as a program: what it registers, what it takes from the base layer, and where it stops."""

import ast
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
import yaml

from tak_tools.errors import DeploymentError
from tak_tools.program import Recording
from tests.examples.conftest import FOLDER
from tests.options import Outputs
from tests.unit.test_program import types

pytestmark = pytest.mark.slow

Example = Callable[..., Recording]

TYPES = {
    "aws:cloudwatch/logGroup:LogGroup": 1,
    "aws:ec2/securityGroup:SecurityGroup": 2,
    "aws:ecs/service:Service": 1,
    "aws:ecs/taskDefinition:TaskDefinition": 1,
    "aws:iam/role:Role": 2,
    "aws:iam/rolePolicy:RolePolicy": 2,
    "aws:lb/listener:Listener": 1,
    "aws:lb/loadBalancer:LoadBalancer": 1,
    "aws:lb/targetGroup:TargetGroup": 1,
    "aws:secretsmanager/secret:Secret": 1,
    # Out: load balancer to tasks; tasks to the endpoints and S3, or to IPv4 and IPv6.
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": 3,
    # In: IPv4 and IPv6 to the load balancer, the load balancer to the tasks.
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": 3,
}
CERTIFICATE = "arn:aws:acm:ap-southeast-2:123456789012:certificate/example"


def statements(recording: Recording, policy: str) -> list[dict[str, Any]]:
    document = json.loads(recording.named(policy).inputs["policy"])
    assert document["Version"] == "2012-10-17"
    return [{key: value for key, value in statement.items() if key != "Sid"} for statement in document["Statement"]]


def container(recording: Recording) -> dict[str, Any]:
    (found,) = json.loads(recording.named("web-task").inputs["containerDefinitions"])
    return found


@pytest.fixture(scope="module")
def prod_example(example: Example) -> Recording:
    return example("prod")


@pytest.mark.parametrize("stack", ["prod", "dev-test"])
def test_exactly_the_planned_resources_are_registered(example: Example, stack: str) -> None:
    assert types(example(stack)) == Counter(TYPES)


def test_a_certificate_adds_the_redirect_and_its_two_rules(example: Example, prod_example: Recording) -> None:
    with_certificate = example("prod", certificateArn=CERTIFICATE)

    assert types(with_certificate) - types(prod_example) == Counter(
        {"aws:lb/listener:Listener": 1, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": 2}
    )
    assert with_certificate.named("web-load-balancer").inputs["internal"] is True
    assert with_certificate.outputs["url"].startswith("https://")


def test_the_execution_role_has_these_permissions(prod: Recording, prod_example: Recording) -> None:
    base = Outputs(prod.outputs)
    log_group, secret = (prod_example.named(name).outputs["arn"] for name in ("web-log-group", "web-secret"))

    assert statements(prod_example, "web-execution-start-policy") == [
        {"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Resource": base.repository_arn,
        },
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"{log_group}:log-stream:*",
        },
        {"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": secret},
        {
            "Effect": "Allow",
            "Action": ["kms:Decrypt"],
            "Resource": base.key_arn,
            "Condition": {"StringEquals": {"kms:ViaService": "secretsmanager.ap-southeast-2.amazonaws.com"}},
        },
    ]


def test_the_task_role_has_these_permissions(prod: Recording, prod_example: Recording) -> None:
    base = Outputs(prod.outputs)

    assert statements(prod_example, "web-task-config-policy") == [
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": f"{base.bucket_arn}/fargate-service-prod/*",
        },
        {
            "Effect": "Allow",
            "Action": ["kms:Decrypt"],
            "Resource": base.key_arn,
            "Condition": {"StringEquals": {"kms:ViaService": "s3.ap-southeast-2.amazonaws.com"}},
        },
    ]


def test_ecs_exec_adds_one_policy_and_makes_the_file_system_writable(
    example: Example, prod: Recording, prod_example: Recording
) -> None:
    cluster = "arn:aws:ecs:ap-southeast-2:123456789012:cluster/tak-base-prod"
    with_exec = example("prod", outputs={**prod.outputs, Outputs.cluster_arn.name: cluster}, enableExecuteCommand=True)
    # The base layer's cluster records there what people type into a container.
    name = prod.named("tak-exec-log-group").inputs["name"]
    log_group = f"arn:aws:logs:ap-southeast-2:123456789012:log-group:{name}"

    assert types(with_exec) - types(prod_example) == Counter(["aws:iam/rolePolicy:RolePolicy"])
    assert statements(with_exec, "web-task-exec-policy") == [
        {
            "Effect": "Allow",
            "Action": [
                "ssmmessages:CreateControlChannel",
                "ssmmessages:CreateDataChannel",
                "ssmmessages:OpenControlChannel",
                "ssmmessages:OpenDataChannel",
            ],
            "Resource": "*",
        },
        {"Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": Outputs(prod.outputs).key_arn},
        {"Effect": "Allow", "Action": ["logs:DescribeLogGroups"], "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "Resource": [log_group, f"{log_group}:log-stream:*"],
        },
    ]
    assert with_exec.named("web-service").inputs["enableExecuteCommand"] is True
    assert container(with_exec)["readonlyRootFilesystem"] is False


def test_the_container_cannot_change_its_file_system_and_gets_its_secret_from_ecs(
    prod: Recording, prod_example: Recording
) -> None:
    base = Outputs(prod.outputs)

    assert container(prod_example) == {
        "name": "web",
        "image": f"{base.repository_url}:v1",
        "essential": True,
        "privileged": False,
        "readonlyRootFilesystem": True,
        "mountPoints": [{"sourceVolume": "tmp", "containerPath": "/tmp", "readOnly": False}],  # noqa: S108
        "linuxParameters": {"initProcessEnabled": True},
        "portMappings": [{"containerPort": 8080, "protocol": "tcp"}],
        "environment": [
            {"name": "CONFIG_BUCKET", "value": base.bucket_name},
            {"name": "CONFIG_PREFIX", "value": "fargate-service-prod/"},
        ],
        "secrets": [{"name": "SECRET", "valueFrom": prod_example.named("web-secret").outputs["arn"]}],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": "/tak-base-prod/fargate-service-prod",
                "awslogs-region": "ap-southeast-2",
                "awslogs-stream-prefix": "web",
            },
        },
    }


def test_an_image_is_named_by_tag_or_by_digest(example: Example, prod: Recording) -> None:
    digest = f"sha256:{'0123456789abcdef' * 4}"

    assert container(example("prod", image=digest))["image"] == f"{Outputs(prod.outputs).repository_url}@{digest}"


def test_a_deployment_that_fails_is_rolled_back(prod_example: Recording) -> None:
    service = prod_example.named("web-service").inputs

    assert service["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert (service["deploymentMinimumHealthyPercent"], service["deploymentMaximumPercent"]) == (100, 200)
    assert service["desiredCount"] == 2
    assert service["capacityProviderStrategies"] == [{"capacityProvider": "FARGATE", "weight": 1}]
    assert prod_example.named("web-tasks").inputs["healthCheck"] == {"path": "/", "matcher": "200"}


def test_no_task_starts_before_it_may_pull_its_image(example: Example) -> None:
    for stack in ("prod", "dev-test"):
        recording = example(stack)
        needed = [
            item.urn
            for item in recording.resources
            if item.name.startswith("web-tasks-out-") or item.name.endswith("-policy") or item.name == "web-http"
        ]

        assert len(needed) == 5
        assert recording.named("web-service").dependencies.issuperset(needed)


def test_protect_data_covers_the_secret_and_the_load_balancer(example: Example) -> None:
    for stack, protected in (("prod", True), ("dev-test", False)):
        recording = example(stack)

        assert recording.named("web-secret").protect is protected
        assert recording.named("web-load-balancer").inputs["enableDeletionProtection"] is protected


# The contract


def test_the_example_knows_the_base_layer_by_its_contract_only() -> None:
    imported = {
        node.module
        for path in FOLDER.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(("tak_base", "tak_tools"))
    }

    assert imported == {"tak_base.outputs"}


def test_a_base_layer_that_lacks_an_output_is_named_with_what_it_lacks(example: Example, prod: Recording) -> None:
    missing = Outputs.repository_arn.name
    older = {name: value for name, value in prod.outputs.items() if name != missing}

    with pytest.raises(pulumi.RunError) as caught:
        example("prod", outputs=older)

    assert str(caught.value) == (
        f"stack organization/tak-base/prod: found no output {missing}, which this contract expects: deploy the"
        " stack with the current tak-base"
    )


def test_a_base_layer_without_endpoints_takes_egress_internet(example: Example, dev_test: Recording) -> None:
    with pytest.raises(pulumi.RunError, match="egress: found endpoints, expected internet: the base layer has no"):
        example("prod", outputs=dev_test.outputs)


def test_a_wrong_stack_file_stops_the_deployment_before_anything_is_made(example: Example) -> None:
    with pytest.raises((pulumi.RunError, DeploymentError), match="fargate-service:memory: found 7, expected"):
        example("prod", memory=7)


def test_only_two_keys_have_to_be_set() -> None:
    declared = yaml.safe_load((FOLDER / "Pulumi.yaml").read_text(encoding="utf-8"))["config"]

    # The Pulumi CLI demands every key that is declared without a default.
    assert [key for key, entry in declared.items() if "default" not in entry] == ["baseLayer", "image"]
