"""Breaks of the VPC endpoints."""

import json
from typing import Any

from tests.deployed.breaks.harness import breaks, of_other_check
from tests.deployed.case import ANYWHERE, Case


def endpoint_policy(case: Case, endpoint: str) -> dict[str, Any]:
    (found,) = case.ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"]
    return json.loads(found["PolicyDocument"])


def texts(document: dict[str, Any]) -> str:
    """The statements as a finding shows them."""
    statements = [{key: value for key, value in item.items() if key != "Sid"} for item in document["Statement"]]
    return ", ".join(sorted(json.dumps(statement, sort_keys=True) for statement in statements))


@breaks("endpoints")
def an_interface_and_a_gateway_endpoint_are_deleted(case: Case) -> list[str]:
    case.ec2.delete_vpc_endpoints(VpcEndpointIds=[case.id("endpoint-kms"), case.id("endpoint-s3")])
    vpc_id = case.vpc_id
    return [
        f"{vpc_id}: found no endpoint for kms, expected an interface endpoint",
        f"{vpc_id}: found no endpoint for s3, expected a gateway endpoint",
    ]


@breaks("endpoints")
def an_endpoint_waits_for_acceptance(case: Case) -> list[str]:
    endpoint = case.id("endpoint-logs")
    case.moto("ec2").vpc_end_points[endpoint].state = "pendingAcceptance"
    return [f"{endpoint}: found state of logs pendingacceptance, expected state of logs available"]


@breaks("endpoint-placement")
def endpoints_serve_one_zone_only(case: Case) -> list[str]:
    s3, ecr = case.id("endpoint-s3"), case.id("endpoint-ecr-api")
    subnet_a, subnet_b = case.subnet_id("private", "a"), case.subnet_id("private", "b")
    table_a, table_b = case.route_table_id("private", "a"), case.route_table_id("private", "b")
    case.ec2.modify_vpc_endpoint(VpcEndpointId=ecr, RemoveSubnetIds=[subnet_b])
    case.ec2.modify_vpc_endpoint(VpcEndpointId=s3, RemoveRouteTableIds=[table_b])
    return [
        f"{ecr}: found subnets {subnet_a}, expected subnets {', '.join(sorted([subnet_a, subnet_b]))}",
        f"{s3}: found route tables {table_a}, expected route tables {', '.join(sorted([table_a, table_b]))}",
    ]


@breaks("endpoint-private-dns")
def private_dns_is_off(case: Case) -> list[str]:
    endpoint = case.id("endpoint-secretsmanager")
    case.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PrivateDnsEnabled=False)
    return [f"{endpoint}: found private DNS of secretsmanager false, expected private DNS of secretsmanager true"]


@breaks("endpoint-access")
def an_endpoint_has_the_default_group_too(case: Case) -> list[str]:
    endpoint, own = case.id("endpoint-kms"), case.endpoint_group_id
    other = case.id("default-security-group")
    case.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddSecurityGroupIds=[other])
    both = ", ".join(sorted([own, other]))
    return [f"{endpoint}: found security groups {both}, expected security groups {own}"]


@breaks("endpoint-policies")
def an_endpoint_lets_through_a_single_action(case: Case) -> list[str]:
    endpoint = case.id("endpoint-kms")
    statement = {"Action": "kms:Decrypt", "Effect": "Allow", "Principal": "*", "Resource": "*"}
    case.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=json.dumps({"Statement": [statement]}))
    account = case.key_arn.split(":")[4]
    own = {"aws:PrincipalAccount": account, "aws:ResourceAccount": account}
    allowed = [
        {"Action": "*", "Condition": condition, "Effect": "Allow", "Principal": "*", "Resource": "*"}
        for condition in ({"Bool": {"aws:PrincipalIsAWSService": "true"}}, {"StringEquals": own})
    ]
    expected = ", ".join(map(json.dumps, allowed))
    return [f"{endpoint}: found policy of kms {json.dumps(statement)}, expected policy of kms {expected}"]


@breaks("endpoint-policies", on="full")
def image_layers_are_locked_out(case: Case) -> list[str]:
    endpoint = case.id("endpoint-s3")
    found, expected = endpoint_policy(case, endpoint), endpoint_policy(case, endpoint)
    found["Statement"].pop()
    case.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=json.dumps(found))
    return [f"{endpoint}: found policy of s3 {texts(found)}, expected policy of s3 {texts(expected)}"]


@breaks("endpoint-addresses")
def an_endpoint_has_ipv6_addresses_that_nobody_asked_for(case: Case) -> list[str]:
    endpoint = case.id("endpoint-logs")
    case.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, IpAddressType="dualstack")
    return [f"{endpoint}: found address type of logs dualstack, expected address type of logs ipv4"]


@breaks("endpoint-addresses", on="full")
def an_endpoint_has_lost_its_ipv6_names_and_another_its_addresses(case: Case) -> list[str]:
    kms, s3 = case.id("endpoint-kms"), case.id("endpoint-s3")
    case.ec2.modify_vpc_endpoint(VpcEndpointId=kms, DnsOptions={"DnsRecordIpType": "ipv4"})
    case.ec2.modify_vpc_endpoint(VpcEndpointId=s3, IpAddressType="ipv4")
    return [
        f"{kms}: found DNS records of kms ipv4, expected DNS records of kms dualstack",
        f"{s3}: found address type of s3 ipv4, expected address type of s3 dualstack",
    ]


@breaks("endpoint-security-group")
def the_endpoint_group_is_open_to_everybody(case: Case) -> list[str]:
    group = case.endpoint_group_id
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": ANYWHERE}]}
    case.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    own = [f"tcp 443-443 from {block}" for block in (case.ipv4_range, case.ipv6_range)]
    found = ", ".join(sorted([*own, "tcp 443-443 from 0.0.0.0/0"]))
    return [f"{group}: found inbound rules {found}, expected inbound rules {', '.join(sorted(own))}"]


@breaks("endpoint-security-group")
def the_endpoint_group_lets_everything_out(case: Case) -> list[str]:
    group = case.endpoint_group_id
    rule = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": ANYWHERE}]}
    case.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[rule])
    return [f"{group}: found outbound rules 1, expected outbound rules 0"]


@breaks("endpoint-security-group")
def the_endpoint_group_is_another_one(case: Case) -> list[str]:
    own, case.outputs[Case.endpoint_group_id.name] = case.endpoint_group_id, "sg-00000000000000000"
    return ["sg-00000000000000000: found no such security group in the VPC, expected the endpoints' security group"] + [
        of_other_check(
            "endpoint-access",
            f"{endpoint.id}: found security groups {own}, expected security groups sg-00000000000000000",
        )
        for endpoint in case.layer.recording.of_type("VpcEndpoint")
        if endpoint.name != "tak-endpoint-s3"
    ]
