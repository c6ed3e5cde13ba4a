"""The example deployed on simulated base layers: what reaches what, and what the two roles may do."""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tak_base.addressing import ZONES
from tests.bootstrap.account import Permissions
from tests.examples.deployed import Deployed, Peer

pytestmark = pytest.mark.slow

PORT = 8080
SOMEBODY = Peer(["203.0.113.7/32", "2001:db8::7/128"])
TLS_ONLY_STRONG = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"

Deployments = dict[str, Deployed]


@pytest.fixture
def prod(deployments: Deployments) -> Deployed:
    return deployments["prod"]


@pytest.fixture
def dev_test(deployments: Deployments) -> Deployed:
    return deployments["dev-test"]


@pytest.fixture
def public(deployments: Deployments) -> Deployed:
    return deployments["public"]


@pytest.fixture(params=["prod", "dev-test", "public"])
def deployed(request: pytest.FixtureRequest, deployments: Deployments) -> Deployed:
    """Each deployment in turn."""
    return deployments[request.param]


def load_balancer(deployed: Deployed) -> dict[str, Any]:
    arn = deployed.named("web-load-balancer")
    return deployed.client("elbv2").describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]


def listeners(deployed: Deployed) -> dict[int, dict[str, Any]]:
    arn = deployed.named("web-load-balancer")
    found = deployed.client("elbv2").describe_listeners(LoadBalancerArn=arn)["Listeners"]
    return {listener["Port"]: listener for listener in found}


def endpoints(deployed: Deployed) -> dict[str, dict[str, Any]]:
    filters = [{"Name": "vpc-id", "Values": [deployed.base.vpc_id]}]
    found = deployed.client("ec2").describe_vpc_endpoints(Filters=filters)["VpcEndpoints"]
    prefix = f"com.amazonaws.{deployed.base.published_region}."
    return {endpoint["ServiceName"].removeprefix(prefix): endpoint for endpoint in found}


def routes(deployed: Deployed, table: str) -> list[dict[str, Any]]:
    found = deployed.client("ec2").describe_route_tables(RouteTableIds=[table])["RouteTables"]
    return found[0]["Routes"]


def s3(deployed: Deployed) -> Peer:
    name = f"com.amazonaws.{deployed.base.published_region}.s3"
    filters = [{"Name": "prefix-list-name", "Values": [name]}]
    (found,) = deployed.client("ec2").describe_managed_prefix_lists(Filters=filters)["PrefixLists"]
    return Peer(prefix_list=found["PrefixListId"])


# In


def test_the_load_balancer_is_dual_stack_in_the_public_subnets(deployed: Deployed) -> None:
    found = load_balancer(deployed)

    assert found["IpAddressType"] == "dualstack"
    assert sorted(zone["SubnetId"] for zone in found["AvailabilityZones"]) == sorted(deployed.public_subnets)
    assert found["SecurityGroups"] == list(deployed.load_balancer.groups)


def test_the_load_balancer_drops_malformed_headers_and_is_protected_in_prod(prod: Deployed, dev_test: Deployed) -> None:
    def attributes(deployed: Deployed) -> dict[str, str]:
        arn = deployed.named("web-load-balancer")
        found = deployed.client("elbv2").describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        return {attribute["Key"]: attribute["Value"] for attribute in found}

    drop, protected = "routing.http.drop_invalid_header_fields.enabled", "deletion_protection.enabled"
    assert [attributes(prod)[key] for key in (drop, protected)] == ["true", "true"]
    assert [attributes(dev_test)[key] for key in (drop, protected)] == ["true", "false"]


def test_without_a_certificate_only_the_vpc_reaches_the_load_balancer(prod: Deployed) -> None:
    inside = Peer([prod.base.ipv4_range]), Peer([prod.base.ipv6_range])

    assert load_balancer(prod)["Scheme"] == "internal"
    assert list(listeners(prod)) == [80]
    assert [prod.reaches(peer, prod.load_balancer, 80) for peer in inside] == [True, True]
    assert not prod.reaches(SOMEBODY, prod.load_balancer, 80)


def test_open_to_the_internet_it_takes_https_and_sends_http_there(public: Deployed) -> None:
    found = listeners(public)

    assert load_balancer(public)["Scheme"] == "internet-facing"
    assert {port: listener["Protocol"] for port, listener in found.items()} == {443: "HTTPS", 80: "HTTP"}
    assert found[443]["SslPolicy"] == TLS_ONLY_STRONG
    assert found[443]["DefaultActions"][0]["TargetGroupArn"] == public.named("web-tasks")
    assert [action["Type"] for action in found[80]["DefaultActions"]] == ["redirect"]
    for address in SOMEBODY.addresses:
        assert [public.reaches(Peer([address]), public.load_balancer, port) for port in (443, 80, 22)] == [
            True,
            True,
            False,
        ]


def test_the_load_balancer_reaches_the_tasks_on_their_port_only(deployed: Deployed) -> None:
    assert deployed.reaches(deployed.load_balancer, deployed.task, PORT)
    assert not any(deployed.reaches(deployed.load_balancer, deployed.task, port) for port in (22, 80, 443, PORT + 1))
    assert not deployed.reaches(deployed.load_balancer, s3(deployed), 443)


def test_nothing_but_the_load_balancer_reaches_a_task(deployed: Deployed) -> None:
    filters = [{"Name": "vpc-id", "Values": [deployed.base.vpc_id]}]
    groups = {
        group["GroupId"] for group in deployed.client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"]
    } - set(deployed.load_balancer.groups)
    vpc = [deployed.base.ipv4_range, deployed.base.ipv6_range]
    others = [SOMEBODY, Peer(vpc), *(Peer(vpc, [group]) for group in sorted(groups))]

    assert len(others) >= 4
    assert not any(deployed.lets_in(peer, deployed.task, port) for peer in others for port in (22, 80, 443, PORT))


def test_tasks_are_in_the_private_subnets_without_public_addresses(deployed: Deployed) -> None:
    arn = deployed.named("web-service")
    (service,) = deployed.client("ecs").describe_services(cluster=deployed.base.cluster_arn, services=[arn])["services"]
    network = service["networkConfiguration"]["awsvpcConfiguration"]

    assert network["assignPublicIp"] == "DISABLED"
    assert network["subnets"] == deployed.private_subnets
    assert service["clusterArn"] == deployed.base.cluster_arn
    assert service["loadBalancers"] == [
        {"targetGroupArn": deployed.named("web-tasks"), "containerName": "web", "containerPort": PORT}
    ]


# Out


@pytest.mark.parametrize("service", ["ecr.api", "ecr.dkr", "logs", "secretsmanager"])
def test_tasks_reach_what_they_start_from_over_interface_endpoints(prod: Deployed, service: str) -> None:
    endpoint = endpoints(prod)[service]
    groups = [group["GroupId"] for group in endpoint["Groups"]]

    assert endpoint["VpcEndpointType"] == "Interface"
    assert endpoint["PrivateDnsEnabled"] is True
    assert sorted(endpoint["SubnetIds"]) == sorted(prod.private_subnets)
    assert groups == [prod.base.endpoint_group_id]
    assert prod.reaches(prod.task, Peer(prod.task.addresses, groups), 443)


def test_tasks_reach_s3_over_the_gateway_endpoint(prod: Deployed) -> None:
    gateway = endpoints(prod)["s3"]
    tables = [prod.base.route_table_id("private", zone) for zone in ZONES]

    assert gateway["VpcEndpointType"] == "Gateway"
    assert sorted(gateway["RouteTableIds"]) == sorted(tables)
    for table in tables:
        ways = {route.get("DestinationPrefixListId"): route.get("GatewayId") for route in routes(prod, table)}
        assert ways[s3(prod).prefix_list] == gateway["VpcEndpointId"]
    assert prod.reaches(prod.task, s3(prod), 443)


def test_with_endpoints_tasks_reach_nothing_else(prod: Deployed) -> None:
    neighbours = Peer([prod.base.ipv4_range, prod.base.ipv6_range])

    assert not any(prod.reaches(prod.task, peer, port) for peer in (SOMEBODY, neighbours) for port in (443, 80, 53))


def test_without_endpoints_tasks_reach_aws_by_https_through_the_nat_gateway(dev_test: Deployed) -> None:
    assert endpoints(dev_test) == {}
    for address in SOMEBODY.addresses:
        assert [dev_test.reaches(dev_test.task, Peer([address]), port) for port in (443, 80)] == [True, False]
    for table in [dev_test.base.route_table_id("private", zone) for zone in ZONES]:
        ways = {
            route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock"): route
            for route in routes(dev_test, table)
        }
        assert ways["0.0.0.0/0"]["NatGatewayId"]
        assert ways["::/0"]["EgressOnlyInternetGatewayId"]


# At rest


def test_the_key_policy_lets_logs_encrypt_the_log_group(deployed: Deployed) -> None:
    name = deployed.recording.outputs["logGroupName"]
    (group,) = deployed.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    policy = deployed.client("kms").get_key_policy(KeyId=deployed.base.key_arn, PolicyName="default")["Policy"]
    (patterns,) = [
        statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
        for statement in json.loads(policy)["Statement"]
        if statement["Sid"] == "CloudWatchLogsEncryptsLogGroups"
    ]

    assert group["kmsKeyId"] == deployed.base.key_arn
    assert any(fnmatchcase(group["arn"].removesuffix(":*"), pattern) for pattern in patterns)


def test_the_secret_is_under_the_key_and_has_no_value_yet(deployed: Deployed) -> None:
    secrets = deployed.client("secretsmanager")
    arn = deployed.recording.outputs["secretArn"]

    assert secrets.describe_secret(SecretId=arn)["KmsKeyId"] == deployed.base.key_arn
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.get_secret_value(SecretId=arn)


def test_everything_has_the_tags_of_the_layer(deployed: Deployed) -> None:
    tags = deployed.client("secretsmanager").describe_secret(SecretId=deployed.recording.outputs["secretArn"])["Tags"]

    assert {tag["Key"]: tag["Value"] for tag in tags} == {
        **deployed.layer.default_tags,
        "Name": f"fargate-service-{deployed.layer.stack}",
    }


# Roles


def permissions(deployed: Deployed, role: str) -> Permissions:
    iam, name = deployed.client("iam"), deployed.named(f"web-{role}-role")
    assert not iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    policies = iam.list_role_policies(RoleName=name)["PolicyNames"]
    return Permissions(
        {policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in policies}, None
    )


def through(deployed: Deployed, service: str) -> dict[str, str]:
    return {"kms:ViaService": f"{service}.{deployed.base.published_region}.amazonaws.com"}


def test_the_execution_role_starts_tasks_of_this_service_only(deployed: Deployed) -> None:
    may = permissions(deployed, "execution").allow
    repository, key = deployed.base.repository_arn, deployed.base.key_arn
    secret = deployed.recording.outputs["secretArn"]
    log_group = deployed.recording.named("web-log-group").outputs["arn"]

    assert may("ecr:GetAuthorizationToken", "*")
    assert may("ecr:BatchGetImage", repository)
    assert may("ecr:GetDownloadUrlForLayer", repository)
    assert may("logs:PutLogEvents", f"{log_group}:log-stream:web/web/1")
    assert may("secretsmanager:GetSecretValue", secret)
    assert may("kms:Decrypt", key, through(deployed, "secretsmanager"))

    assert not may("ecr:BatchGetImage", f"{repository}-other")
    assert not may("ecr:PutImage", repository)
    assert not may("logs:PutLogEvents", f"{log_group}-other:log-stream:1")
    assert not may("logs:CreateLogGroup", log_group)
    assert not may("secretsmanager:GetSecretValue", f"{secret}x")
    assert not may("secretsmanager:PutSecretValue", secret)
    assert not may("kms:Decrypt", key)
    assert not may("kms:Decrypt", key, through(deployed, "s3"))
    assert not may("kms:Decrypt", f"{key}x", through(deployed, "secretsmanager"))
    assert not may("s3:GetObject", f"{deployed.base.bucket_arn}/{deployed.layer.project.name}")


def test_the_task_role_reads_its_part_of_the_config_bucket_and_nothing_else(deployed: Deployed) -> None:
    may = permissions(deployed, "task").allow
    bucket, key = deployed.base.bucket_arn, deployed.base.key_arn
    own = f"{bucket}/fargate-service-{deployed.layer.stack}"

    assert may("s3:GetObject", f"{own}/app.toml")
    assert may("kms:Decrypt", key, through(deployed, "s3"))

    assert not may("s3:GetObject", f"{own}-other/app.toml")
    assert not may("s3:GetObject", f"{bucket}/app.toml")
    assert not may("s3:PutObject", f"{own}/app.toml")
    assert not may("s3:ListBucket", bucket)
    assert not may("kms:Decrypt", key)
    assert not may("kms:Decrypt", key, through(deployed, "secretsmanager"))
    assert not may("secretsmanager:GetSecretValue", deployed.recording.outputs["secretArn"])
    assert not may("ssmmessages:CreateDataChannel", "*")


def test_only_ecs_assumes_the_roles_and_the_task_role_for_this_account_only(deployed: Deployed) -> None:
    def trust(role: str) -> list[dict[str, Any]]:
        found = deployed.client("iam").get_role(RoleName=deployed.named(f"web-{role}-role"))["Role"]
        return found["AssumeRolePolicyDocument"]["Statement"]

    ecs = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    account, region = deployed.cloud.account_id, deployed.base.published_region
    condition = {
        "StringEquals": {"aws:SourceAccount": account},
        "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:{region}:{account}:*"},
    }
    assert trust("execution") == [ecs]
    assert trust("task") == [{**ecs, "Condition": condition}]
