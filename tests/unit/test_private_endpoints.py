"""Everything that PrivateEndpoints hands to AWS, input by input."""

from collections.abc import Callable
from typing import Any

from tak_tools.program import Recording

Evaluate = Callable[..., Recording]


def private(recording: Recording, what: str) -> list[str]:
    return [recording.named(f"tak-{what}-private-{zone}").id for zone in "ab"]


def gateway_endpoint(recording: Recording, service: str) -> dict[str, Any]:
    return {
        "vpcEndpointType": "Gateway",
        "vpcId": recording.named("tak-vpc").id,
        "serviceName": f"com.amazonaws.ap-southeast-2.{service}",
        "routeTableIds": private(recording, "route-table"),
        "tags": {"Name": f"tak-base-prod-{service}"},
    }


def interface_endpoint(recording: Recording, service: str) -> dict[str, Any]:
    return {
        "vpcEndpointType": "Interface",
        "vpcId": recording.named("tak-vpc").id,
        "serviceName": f"com.amazonaws.ap-southeast-2.{service}",
        "subnetIds": private(recording, "subnet"),
        "securityGroupIds": [recording.named("tak-endpoints-security-group").id],
        "privateDnsEnabled": True,
        "tags": {"Name": f"tak-base-prod-{service.replace('.', '-')}"},
    }


def endpoints(recording: Recording) -> dict[str, Any]:
    return {item.name: item.inputs for item in recording.of_type("VpcEndpoint")}


def test_prod_reaches_s3_through_the_private_route_tables_and_five_services_through_the_private_subnets(
    prod: Recording,
) -> None:
    assert endpoints(prod) == {
        "tak-endpoint-s3": gateway_endpoint(prod, "s3"),
        "tak-endpoint-ecr-dkr": interface_endpoint(prod, "ecr.dkr"),
        "tak-endpoint-ecr-api": interface_endpoint(prod, "ecr.api"),
        "tak-endpoint-kms": interface_endpoint(prod, "kms"),
        "tak-endpoint-secretsmanager": interface_endpoint(prod, "secretsmanager"),
        "tak-endpoint-logs": interface_endpoint(prod, "logs"),
    }


def test_dynamodb_gets_a_gateway_endpoint_as_s3_does(evaluate: Evaluate) -> None:
    recording = evaluate("prod", vpcEndpoints=["dynamodb", "s3", "sts"])

    assert endpoints(recording) == {
        "tak-endpoint-dynamodb": gateway_endpoint(recording, "dynamodb"),
        "tak-endpoint-s3": gateway_endpoint(recording, "s3"),
        "tak-endpoint-sts": interface_endpoint(recording, "sts"),
    }


def test_the_endpoints_accept_https_from_the_vpc_s_own_ranges_only(prod: Recording) -> None:
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
