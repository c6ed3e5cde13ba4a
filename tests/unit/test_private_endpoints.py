"""All inputs of the resources of PrivateEndpoints."""

import json
from typing import Any

import pytest

from tak_base.endpoint_services import (
    DUAL_STACK_SERVICES,
    ENDPOINT_SERVICES,
    OWN_RESOURCES_SERVICES,
    POLICY_SERVICES,
)
from tak_tools.program import Recording
from tak_tools.stub_aws import StubAws
from tests.options import SERVICES, Evaluate


def private(recording: Recording, what: str) -> list[str]:
    return [recording.named(f"tak-{what}-private-{zone}").id for zone in "ab"]


def endpoint(recording: Recording, service: str, **others: Any) -> dict[str, Any]:
    return {
        "vpcId": recording.named("tak-vpc").id,
        "serviceName": f"com.amazonaws.ap-southeast-2.{service}",
        "tags": {"Name": f"tak-base-prod-{service.replace('.', '-')}"},
        **others,
    }


def gateway_endpoint(recording: Recording, service: str) -> dict[str, Any]:
    return endpoint(recording, service, vpcEndpointType="Gateway", routeTableIds=private(recording, "route-table"))


def interface_endpoint(recording: Recording, service: str) -> dict[str, Any]:
    return endpoint(
        recording,
        service,
        vpcEndpointType="Interface",
        subnetIds=private(recording, "subnet"),
        securityGroupIds=[recording.named("tak-endpoints-security-group").id],
        privateDnsEnabled=True,
    )


def endpoints(recording: Recording) -> dict[str, Any]:
    """The inputs of every endpoint but its policy, which has tests of its own."""
    return {
        item.name: {key: value for key, value in item.inputs.items() if key != "policy"}
        for item in recording.of_type("VpcEndpoint")
    }


def test_s3_is_reached_through_the_private_route_tables_and_other_services_through_the_private_subnets(
    evaluate: Evaluate,
) -> None:
    recording = evaluate("prod", vpcEndpoints=SERVICES)

    assert endpoints(recording) == {
        "tak-endpoint-s3": gateway_endpoint(recording, "s3"),
        "tak-endpoint-ecr-dkr": interface_endpoint(recording, "ecr.dkr"),
        "tak-endpoint-ecr-api": interface_endpoint(recording, "ecr.api"),
        "tak-endpoint-kms": interface_endpoint(recording, "kms"),
        "tak-endpoint-secretsmanager": interface_endpoint(recording, "secretsmanager"),
        "tak-endpoint-logs": interface_endpoint(recording, "logs"),
        "tak-endpoint-ssmmessages": interface_endpoint(recording, "ssmmessages"),
    }


def test_dynamodb_gets_a_gateway_endpoint_as_s3_does(evaluate: Evaluate) -> None:
    recording = evaluate("prod", vpcEndpoints=["dynamodb", "s3", "sts"])

    assert endpoints(recording) == {
        "tak-endpoint-dynamodb": gateway_endpoint(recording, "dynamodb"),
        "tak-endpoint-s3": gateway_endpoint(recording, "s3"),
        "tak-endpoint-sts": interface_endpoint(recording, "sts"),
    }


def test_the_endpoints_accept_https_from_the_ranges_of_the_vpc_only(prod: Recording) -> None:
    assert prod.named("tak-endpoints-security-group").inputs == {
        "description": "HTTPS from the VPC to the interface endpoints",
        "vpcId": prod.named("tak-vpc").id,
        "ingress": [
            {
                "description": "HTTPS from the VPC",
                "protocol": "tcp",
                "fromPort": 443,
                "toPort": 443,
                "cidrBlocks": ["10.1.16.0/20"],
                "ipv6CidrBlocks": ["2001:db8:0:ff00::/56"],
            }
        ],
        "egress": [],
        "tags": {"Name": "tak-base-prod-endpoints"},
    }


# Policies

AWS_SERVICES = {
    "Sid": "AwsServices",
    "Effect": "Allow",
    "Principal": "*",
    "Action": "*",
    "Resource": "*",
    "Condition": {"Bool": {"aws:PrincipalIsAWSService": "true"}},
}
# An account of ECR has signed the addresses of layers: no condition on the caller may stand here.
ECR_IMAGE_LAYERS = {
    "Sid": "EcrImageLayers",
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::prod-ap-southeast-2-starport-layer-bucket/*",
}


def own_principals(**conditions: str) -> dict[str, Any]:
    return {
        "Sid": "OwnPrincipals",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "*",
        "Resource": "*",
        "Condition": {"StringEquals": {f"aws:{key}": value for key, value in conditions.items()}},
    }


def statements(recording: Recording) -> dict[str, list[dict[str, Any]]]:
    """The statements of each endpoint that has a policy, by logical name without `tak-endpoint-`."""
    policies = {item.name: item.inputs.get("policy") for item in recording.of_type("VpcEndpoint")}
    documents = {name.removeprefix("tak-endpoint-"): json.loads(text) for name, text in policies.items() if text}
    assert {document["Version"] for document in documents.values()} <= {"2012-10-17"}
    return {name: document["Statement"] for name, document in documents.items()}


@pytest.mark.parametrize(
    ("limit", "owner", "caller", "resource"),
    [
        ({}, "account-id", "PrincipalAccount", "ResourceAccount"),
        (
            {"endpointPolicies": "organization", "organizationId": "o-a1b2c3d4e5"},
            "o-a1b2c3d4e5",
            "PrincipalOrgID",
            "ResourceOrgID",
        ),
    ],
    ids=["account", "organization"],
)
def test_an_endpoint_policy_allows_principals_of_the_account_aws_services_and_image_pulls(
    evaluate: Evaluate, limit: dict[str, str], owner: str, caller: str, resource: str
) -> None:
    recording = evaluate("prod", vpcEndpoints=[*SERVICES, "sts"], **limit)

    anywhere = [own_principals(**{caller: owner}), AWS_SERVICES]
    at_home = [own_principals(**{caller: owner, resource: owner}), AWS_SERVICES]
    federation = {
        "Sid": "OwnRolesByFederation",
        "Effect": "Allow",
        "Principal": "*",
        "Action": ["sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"],
        "Resource": "*",
        "Condition": {"StringEquals": {f"aws:{resource}": owner}},
    }
    assert statements(recording) == {
        "s3": [*at_home, ECR_IMAGE_LAYERS],
        "ecr-api": anywhere,
        "ecr-dkr": anywhere,
        "kms": at_home,
        "logs": at_home,
        "secretsmanager": at_home,
        "sts": [*anywhere, federation],
    }


def test_the_image_layers_of_another_region_are_in_another_bucket_of_the_partition(evaluate: Evaluate) -> None:
    class GovCloud(StubAws):
        def call(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
            return super().call(token, args) | ({"partition": "aws-us-gov"} if token.endswith("Partition") else {})

    recording = evaluate("prod", cloud=GovCloud("us-gov-west-1"))

    assert (
        statements(recording)["s3"][-1]["Resource"] == "arn:aws-us-gov:s3:::prod-us-gov-west-1-starport-layer-bucket/*"
    )


def test_none_takes_a_policy_back_by_writing_the_one_that_aws_begins_with(evaluate: Evaluate) -> None:
    everyone = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    found = statements(evaluate("prod", vpcEndpoints=SERVICES, endpointPolicies="none"))

    assert found == {name: [everyone] for name in ("s3", "ecr-api", "ecr-dkr", "kms", "logs", "secretsmanager")}


def test_an_endpoint_policy_changes_nothing_else(evaluate: Evaluate, prod: Recording) -> None:
    assert endpoints(evaluate("prod", endpointPolicies="none")) == endpoints(prod)


# Addresses


@pytest.mark.parametrize("type_", ["dualstack", "ipv4"])
def test_the_address_type_is_said_of_endpoints_whose_service_offers_both(evaluate: Evaluate, type_: str) -> None:
    recording = evaluate("prod", vpcEndpoints=SERVICES, endpointIpAddressType=type_)
    said = {"ipAddressType": type_, "dnsOptions": {"dnsRecordIpType": type_}}

    assert endpoints(recording) == {
        "tak-endpoint-s3": gateway_endpoint(recording, "s3") | said,
        "tak-endpoint-ecr-dkr": interface_endpoint(recording, "ecr.dkr") | said,
        "tak-endpoint-ecr-api": interface_endpoint(recording, "ecr.api") | said,
        "tak-endpoint-kms": interface_endpoint(recording, "kms") | said,
        "tak-endpoint-secretsmanager": interface_endpoint(recording, "secretsmanager"),
        "tak-endpoint-logs": interface_endpoint(recording, "logs"),
        "tak-endpoint-ssmmessages": interface_endpoint(recording, "ssmmessages"),
    }


def test_ecs_exec_needs_one_endpoint_by_name(evaluate: Evaluate, prod: Recording) -> None:
    recording = evaluate("prod", vpcEndpoints=["profile", "ssmmessages"])

    assert endpoints(recording) == endpoints(prod) | {
        "tak-endpoint-ssmmessages": interface_endpoint(recording, "ssmmessages")
    }


@pytest.mark.parametrize("services", [POLICY_SERVICES, OWN_RESOURCES_SERVICES, DUAL_STACK_SERVICES])
def test_what_is_known_of_services_is_known_of_services_with_endpoints(services: frozenset[str]) -> None:
    assert services <= ENDPOINT_SERVICES
    assert OWN_RESOURCES_SERVICES <= POLICY_SERVICES
