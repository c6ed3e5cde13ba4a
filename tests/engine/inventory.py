"""Everything that a stack can create in an AWS account, read from the services."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from tests.engine.engine import Aws

# (service, operation, the list in its answer, what identifies an item, what AWS keeps of one that is deleted)
_LISTED = (
    ("ec2", "describe_vpcs", "Vpcs", "VpcId", None),
    ("ec2", "describe_subnets", "Subnets", "SubnetId", None),
    ("ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId", None),
    (
        "ec2",
        "describe_egress_only_internet_gateways",
        "EgressOnlyInternetGateways",
        "EgressOnlyInternetGatewayId",
        None,
    ),
    ("ec2", "describe_nat_gateways", "NatGateways", "NatGatewayId", ("State", "deleted")),
    ("ec2", "describe_addresses", "Addresses", "AllocationId", None),
    ("ec2", "describe_route_tables", "RouteTables", "RouteTableId", None),
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", ("State", "deleted")),
    ("ec2", "describe_security_groups", "SecurityGroups", "GroupId", None),
    ("ec2", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId", None),
    ("ec2", "describe_flow_logs", "FlowLogs", "FlowLogId", None),
    ("kms", "list_aliases", "Aliases", "AliasName", None),
    ("logs", "describe_log_groups", "logGroups", "logGroupName", None),
    ("iam", "list_roles", "Roles", "RoleName", None),
    ("ecr", "describe_repositories", "repositories", "repositoryName", None),
    ("s3", "list_buckets", "Buckets", "Name", None),
    ("ssm", "describe_parameters", "Parameters", "Name", None),
    ("acm", "list_certificates", "CertificateSummaryList", "CertificateArn", None),
    ("route53", "list_hosted_zones", "HostedZones", "Id", None),
    ("cloudformation", "list_exports", "Exports", "Name", None),
    ("elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerArn", None),
    ("elbv2", "describe_target_groups", "TargetGroups", "TargetGroupArn", None),
)
# (service, operation, parameter) of what is asked of each item of a kind.
_DETAILS = {
    "repositories": (
        ("ecr", "get_lifecycle_policy", "repositoryName"),
        ("ecr", "get_repository_policy", "repositoryName"),
    ),
    "Buckets": tuple(
        ("s3", operation, "Bucket")
        for operation in (
            "get_bucket_versioning",
            "get_bucket_encryption",
            "get_bucket_lifecycle_configuration",
            "get_bucket_ownership_controls",
            "get_bucket_policy",
            "get_bucket_tagging",
            "get_public_access_block",
        )
    ),
    "Parameters": (("ssm", "get_parameter", "Name"),),
    "HostedZones": (("route53", "list_resource_record_sets", "HostedZoneId"),),
    "Roles": (("iam", "list_role_policies", "RoleName"),),
}
# Values that change without a change of the resource, such as times.
_VOLATILE = re.compile(r"date|time|lastUsed|lastEvaluated|ResponseMetadata", re.IGNORECASE)


def inventory(aws: Aws) -> dict[str, str]:
    """A line for each thing, by kind and id."""
    return {f"{kind} {identity}": json.dumps(item, sort_keys=True, default=str) for kind, identity, item in _items(aws)}


def names(aws: Aws) -> Counter[str]:
    """How many things there are of each kind and name, whatever their ids."""
    return Counter(f"{kind} {_name(kind, identity, item)}" for kind, identity, item in _items(aws))


def _items(aws: Aws) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for service, operation, kind, key, deleted in _LISTED:
        for item in _ask(aws, service, operation)[kind]:
            if deleted and item[deleted[0]] == deleted[1]:
                continue
            details = {name: _ask(aws, of, name, **{given: item[key]}) for of, name, given in _DETAILS.get(kind, ())}
            yield kind, item[key], _stable(item | details)
    for item in _ask(aws, "kms", "list_keys")["Keys"]:
        key = _ask(aws, "kms", "describe_key", KeyId=item["KeyId"])["KeyMetadata"]
        if key["KeyManager"] == "CUSTOMER" and key["KeyState"] != "PendingDeletion":
            asked = {name: _ask(aws, "kms", name, KeyId=key["KeyId"]) for name in _OF_A_KEY}
            yield "Keys", key["KeyId"], _stable(key | asked)
    clusters = _ask(aws, "ecs", "list_clusters")["clusterArns"]
    described = _ask(aws, "ecs", "describe_clusters", clusters=clusters, include=["SETTINGS", "CONFIGURATIONS", "TAGS"])
    for cluster in described["clusters"]:
        if cluster["status"] == "ACTIVE":
            yield "clusters", cluster["clusterName"], _stable(cluster)


_OF_A_KEY = ("get_key_rotation_status", "get_key_policy", "list_resource_tags")


def _ask(aws: Aws, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
    client = aws.client(service)
    try:
        if client.can_paginate(operation):
            return client.get_paginator(operation).paginate(**parameters).build_full_result()
        return getattr(client, operation)(**parameters)
    except ClientError as error:
        # There is no such setting.
        return {"refused": error.response["Error"]["Code"]}


def _stable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _stable(item) for key, item in value.items() if not _VOLATILE.search(key)}
    if isinstance(value, list):
        return sorted((_stable(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True, default=str))
    return value


def _name(kind: str, identity: str, item: dict[str, Any]) -> str:
    tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", ()) if "Key" in tag}
    if "Name" in tags:
        return tags["Name"]
    if kind in ("SecurityGroups", "HostedZones"):
        return re.sub(r"-[0-9a-f]{7}$", "", item["GroupName" if kind == "SecurityGroups" else "Name"])
    if re.fullmatch(r"[a-z]+-[0-9a-f]{8,}|[0-9a-f-]{36}", identity):
        return ""
    # The engine ends a name that it has chosen with seven hexadecimal digits.
    return re.sub(r"-[0-9a-f]{7}$", "", identity)
