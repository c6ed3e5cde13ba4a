"""What AWS itself says of the deployed layer, asked through boto3 and compared with the architecture."""

import json
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from tak_base.addressing import ZONES, ipv6_subnet
from tak_tools.resource_types import ROWS
from tests.deployed.case import ACCOUNT
from tests.deployed.layer import Layer
from tests.options import TAGS
from tests.unit.test_encrypted_storage import refusal_of_plain_http
from tests.unit.test_program import PROD_ONLY_NAMES

ZONE_NAMES = {"a": "ap-southeast-2a", "b": "ap-southeast-2b"}
REGION = "ap-southeast-2"
ADDRESSES = {
    "prod": {
        "vpc": "10.1.16.0/20",
        "public-a": "10.1.16.0/24",
        "public-b": "10.1.17.0/24",
        "private-a": "10.1.20.0/26",
        "private-b": "10.1.21.0/26",
    },
    "dev-test": {
        "vpc": "10.1.32.0/20",
        "public-a": "10.1.32.0/24",
        "public-b": "10.1.33.0/24",
        "private-a": "10.1.36.0/26",
        "private-b": "10.1.37.0/26",
    },
}
SUBNETS = ("public-a", "public-b", "private-a", "private-b")
PRIVATE = ("private-a", "private-b")
LOG_GROUPS = {
    "prod": {
        "/tak-base-prod/flow-log": 365,
        "/tak-base-prod/ecs-exec": 365,
        "/aws/ecs/containerinsights/tak-base-prod/performance": 365,
    },
    "dev-test": {"/tak-base-dev-test/ecs-exec": 30},
}
SOMEWHERE = {4: "198.51.100.7", 6: "2001:db8::7"}


def stack(layer: Layer) -> str:
    return layer.stack_file.stack


def subnets(layer: Layer) -> dict[str, dict[str, Any]]:
    """The four subnets as AWS describes them, by their place."""
    by_id = {subnet["SubnetId"]: subnet for subnet in layer.in_vpc("describe_subnets", "Subnets")}
    return {place: by_id[layer.subnet(place)] for place in SUBNETS}


def next_hop(layer: Layer, subnet_id: str, address: str) -> str:
    """Where a packet to `address` goes: the longest prefix of the table that is associated with the subnet."""
    (table,) = [
        table
        for table in layer.in_vpc("describe_route_tables", "RouteTables")
        if any(association.get("SubnetId") == subnet_id for association in table["Associations"])
    ]
    matching = {}
    for route in table["Routes"]:
        destination = route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock")
        if destination and ip_address(address) in ip_network(destination):
            matching[ip_network(destination).prefixlen] = route
    chosen = matching[max(matching)]
    assert chosen["State"] == "active"
    targets = ("GatewayId", "NatGatewayId", "EgressOnlyInternetGatewayId")
    (hop,) = [chosen[key] for key in targets if key in chosen]
    return hop


def internet_gateway(layer: Layer) -> str:
    filters = [{"Name": "attachment.vpc-id", "Values": [layer.vpc_id]}]
    (gateway,) = layer.client("ec2").describe_internet_gateways(Filters=filters)["InternetGateways"]
    return gateway["InternetGatewayId"]


def egress_only_gateway(layer: Layer) -> str:
    gateways = layer.client("ec2").describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"]
    (gateway,) = [item for item in gateways if item["Attachments"][0]["VpcId"] == layer.vpc_id]
    return gateway["EgressOnlyInternetGatewayId"]


def nat_gateways(layer: Layer) -> dict[str, str]:
    """The NAT gateways by their availability zone."""
    zones = {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in subnets(layer).values()}
    gateways = layer.in_vpc("describe_nat_gateways", "NatGateways")
    return {zones[gateway["SubnetId"]]: gateway["NatGatewayId"] for gateway in gateways}


def endpoints(layer: Layer) -> dict[str, dict[str, Any]]:
    found = layer.in_vpc("describe_vpc_endpoints", "VpcEndpoints")
    return {item["ServiceName"].removeprefix(f"com.amazonaws.{REGION}."): item for item in found}


def security_group(layer: Layer, **wanted: str) -> dict[str, Any]:
    (group,) = [
        group
        for group in layer.in_vpc("describe_security_groups", "SecurityGroups")
        if all(group[key] == value for key, value in wanted.items())
    ]
    return group


def bucket(layer: Layer, operation: str) -> dict[str, Any]:
    return getattr(layer.client("s3"), operation)(Bucket=layer.bucket_name)


def repository_name(layer: Layer) -> str:
    return layer.repository_arn.split(":repository/")[1]


def cluster(layer: Layer) -> dict[str, Any]:
    include = ["CONFIGURATIONS", "SETTINGS", "TAGS"]
    (found,) = layer.client("ecs").describe_clusters(clusters=[layer.cluster_arn], include=include)["clusters"]
    return found


def log_groups(layer: Layer) -> dict[str, dict[str, Any]]:
    """The log groups that have the stack's name in theirs."""
    groups = layer.client("logs").describe_log_groups()["logGroups"]
    return {group["logGroupName"]: group for group in groups if f"/tak-base-{stack(layer)}/" in group["logGroupName"]}


# Addresses


def test_the_vpc_has_its_ranges_and_resolves_names(layer: Layer) -> None:
    vpc_id, ec2 = layer.vpc_id, layer.client("ec2")
    (vpc,) = ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"]
    assert vpc["CidrBlock"] == layer.ipv4_range == ADDRESSES[stack(layer)]["vpc"]
    (ipv6,) = vpc["Ipv6CidrBlockAssociationSet"]
    assert ipv6["Ipv6CidrBlock"] == layer.ipv6_range
    assert ipv6["Ipv6Pool"] == "Amazon"
    assert ipv6["Ipv6CidrBlockState"]["State"] == "associated"
    for attribute, key in (("enableDnsSupport", "EnableDnsSupport"), ("enableDnsHostnames", "EnableDnsHostnames")):
        assert ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=attribute)[key] == {"Value": True}


def test_the_four_subnets_have_their_ranges_and_zones_and_give_out_no_public_ipv4(layer: Layer) -> None:
    assert len(layer.in_vpc("describe_subnets", "Subnets")) == 4
    for index, (place, subnet) in enumerate(subnets(layer).items()):
        assert subnet["CidrBlock"] == ADDRESSES[stack(layer)][place]
        (ipv6,) = subnet["Ipv6CidrBlockAssociationSet"]
        assert ipv6["Ipv6CidrBlock"] == ipv6_subnet(layer.ipv6_range, index)
        assert ipv6["Ipv6CidrBlockState"] == {"State": "associated"}
        assert subnet["AvailabilityZone"] == ZONE_NAMES[place[-1].lower()]
        assert subnet["AssignIpv6AddressOnCreation"] is True
        assert subnet["MapPublicIpOnLaunch"] is False


# Routes


def test_every_subnet_has_an_explicit_route_table(layer: Layer) -> None:
    tables = layer.in_vpc("describe_route_tables", "RouteTables")
    associated = {
        association["SubnetId"]: table["RouteTableId"]
        for table in tables
        for association in table["Associations"]
        if not association["Main"]
    }
    assert associated == {layer.subnet(place): layer.table(place) for place in SUBNETS}
    assert layer.table("public-a") == layer.table("public-b")
    assert len(tables) == 4  # the three above, and the main one that AWS makes


@pytest.mark.parametrize("place", ["public-a", "public-b"])
@pytest.mark.parametrize("version", [4, 6])
def test_public_subnets_reach_the_internet_through_the_internet_gateway(layer: Layer, place: str, version: int) -> None:
    assert next_hop(layer, layer.subnet(place), SOMEWHERE[version]) == internet_gateway(layer)


@pytest.mark.parametrize("place", PRIVATE)
def test_private_subnets_of_prod_reach_ipv4_through_the_nat_gateway_of_their_own_zone(
    prod_layer: Layer, place: str
) -> None:
    zone = subnets(prod_layer)[place]["AvailabilityZone"]
    hop = next_hop(prod_layer, prod_layer.subnet(place), SOMEWHERE[4])
    assert hop == nat_gateways(prod_layer)[zone]


@pytest.mark.parametrize("place", PRIVATE)
def test_private_subnets_of_dev_test_reach_ipv4_through_the_only_nat_gateway(dev_test_layer: Layer, place: str) -> None:
    assert [next_hop(dev_test_layer, dev_test_layer.subnet(place), SOMEWHERE[4])] == list(
        nat_gateways(dev_test_layer).values()
    )


@pytest.mark.parametrize("place", PRIVATE)
def test_private_subnets_reach_ipv6_through_the_egress_only_gateway(layer: Layer, place: str) -> None:
    assert next_hop(layer, layer.subnet(place), SOMEWHERE[6]) == egress_only_gateway(layer)


@pytest.mark.parametrize("place", SUBNETS)
def test_addresses_of_the_vpc_stay_within_it(layer: Layer, place: str) -> None:
    for block in (layer.ipv4_range, layer.ipv6_range):
        assert next_hop(layer, layer.subnet(place), str(ip_network(block)[9])) == "local"


def test_no_private_route_table_has_any_route_to_the_internet_gateway(layer: Layer) -> None:
    tables = {table["RouteTableId"]: table for table in layer.in_vpc("describe_route_tables", "RouteTables")}
    for zone in ZONES:
        routes = tables[layer.table(f"private-{zone}")]["Routes"]
        # local twice, NAT gateway, egress-only gateway, and in prod the S3 endpoint.
        assert len(routes) == (5 if stack(layer) == "prod" else 4)
        assert internet_gateway(layer) not in {route.get("GatewayId") for route in routes}


def test_the_main_route_table_leads_nowhere_but_the_vpc(layer: Layer) -> None:
    (main,) = [
        table
        for table in layer.in_vpc("describe_route_tables", "RouteTables")
        if any(association["Main"] for association in table["Associations"])
    ]
    assert [route["GatewayId"] for route in main["Routes"]] == ["local", "local"]


@pytest.mark.parametrize(("which", "zones"), [("prod", ["a", "b"]), ("dev-test", ["a"])])
def test_nat_gateways_stand_in_the_public_subnets_of_their_zones_with_the_published_addresses(
    layers: dict[str, Layer], which: str, zones: list[str]
) -> None:
    layer = layers[which]
    gateways = {item["SubnetId"]: item for item in layer.in_vpc("describe_nat_gateways", "NatGateways")}
    assert set(gateways) == {layer.subnet(f"public-{zone}") for zone in zones}
    elastic_ips = {
        address["PublicIp"]: address["AllocationId"]
        for address in layer.client("ec2").describe_addresses(PublicIps=layer.nat_addresses)["Addresses"]
    }
    assert len(elastic_ips) == len(zones)
    for zone, address in zip(zones, layer.nat_addresses, strict=True):
        gateway = gateways[layer.subnet(f"public-{zone}")]
        assert gateway["State"] == "available"
        (own,) = gateway["NatGatewayAddresses"]
        assert (own["PublicIp"], own["AllocationId"]) == (address, elastic_ips[address])


# Security groups and endpoints


def test_the_default_security_group_is_empty(layer: Layer) -> None:
    group = security_group(layer, GroupName="default")
    assert (group["IpPermissions"], group["IpPermissionsEgress"]) == ([], [])


def test_prod_has_the_planned_endpoints_and_dev_test_none(layers: dict[str, Layer]) -> None:
    names = {f"tak-endpoint-{service.replace('.', '-')}" for service in endpoints(layers["prod"])}
    assert names == PROD_ONLY_NAMES["PrivateEndpoints"] - {"tak-endpoints-security-group"}
    assert endpoints(layers["dev-test"]) == {}


def test_the_s3_endpoint_serves_both_private_route_tables(prod_layer: Layer) -> None:
    endpoint = endpoints(prod_layer)["s3"]
    assert (endpoint["VpcEndpointType"], endpoint["State"]) == ("Gateway", "available")
    assert sorted(endpoint["RouteTableIds"]) == sorted(map(prod_layer.table, PRIVATE))
    assert (endpoint["SubnetIds"], endpoint["Groups"]) == ([], [])


def test_an_interface_endpoint_serves_both_private_subnets_under_the_services_own_name(prod_layer: Layer) -> None:
    interface_endpoints = {service: item for service, item in endpoints(prod_layer).items() if service != "s3"}
    assert interface_endpoints
    for service, endpoint in interface_endpoints.items():
        assert (endpoint["VpcEndpointType"], endpoint["State"]) == ("Interface", "available"), service
        assert sorted(endpoint["SubnetIds"]) == sorted(map(prod_layer.subnet, PRIVATE))
        assert [group["GroupId"] for group in endpoint["Groups"]] == [prod_layer.endpoint_group_id]
        assert endpoint["PrivateDnsEnabled"] is True, service
        assert endpoint["RouteTableIds"] == [], service


def test_the_endpoint_security_group_lets_in_https_from_the_vpc_alone(prod_layer: Layer) -> None:
    group = security_group(prod_layer, GroupId=prod_layer.endpoint_group_id)
    assert group["IpPermissionsEgress"] == []
    (rule,) = group["IpPermissions"]
    description = "HTTPS from the VPC"
    assert rule == {
        "IpProtocol": "tcp",
        "FromPort": 443,
        "ToPort": 443,
        "IpRanges": [{"CidrIp": prod_layer.ipv4_range, "Description": description}],
        "Ipv6Ranges": [{"CidrIpv6": prod_layer.ipv6_range, "Description": description}],
        "PrefixListIds": [],
        "UserIdGroupPairs": [],
    }


def test_the_default_and_the_endpoint_group_are_the_only_security_groups(layers: dict[str, Layer]) -> None:
    counts = {name: len(layer.in_vpc("describe_security_groups", "SecurityGroups")) for name, layer in layers.items()}
    assert counts == {"prod": 2, "dev-test": 1}


# The key


def test_the_key_is_enabled_rotates_and_has_its_alias(layer: Layer) -> None:
    kms, key_arn = layer.client("kms"), layer.key_arn
    key = kms.describe_key(KeyId=key_arn)["KeyMetadata"]
    assert (key["Arn"], key["KeyState"], key["KeyManager"]) == (key_arn, "Enabled", "CUSTOMER")
    assert (key["MultiRegion"], key["KeySpec"], key["KeyUsage"]) == (False, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    assert kms.get_key_rotation_status(KeyId=key_arn)["KeyRotationEnabled"] is True
    aliases = [alias["AliasName"] for alias in kms.list_aliases(KeyId=key["KeyId"])["Aliases"]]
    assert aliases == [layer.key_alias] == [f"alias/tak-base-{stack(layer)}"]


def test_the_key_policy_lets_in_the_account_fargate_and_cloudwatch_logs_and_nobody_else(layer: Layer) -> None:
    answer = layer.client("kms").get_key_policy(KeyId=layer.key_arn, PolicyName="default")
    name = f"tak-base-{stack(layer)}"
    of_cluster = {
        "kms:EncryptionContext:aws:ecs:clusterAccount": [ACCOUNT],
        "kms:EncryptionContext:aws:ecs:clusterName": [name],
    }
    log_groups_of_stack = [
        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/{name}/*",
        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/ecs/containerinsights/{name}/performance",
    ]
    assert json.loads(answer["Policy"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AccountDecidesThroughIam",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Sid": "FargateMakesDataKeys",
                "Effect": "Allow",
                "Principal": {"Service": "fargate.amazonaws.com"},
                "Action": "kms:GenerateDataKeyWithoutPlaintext",
                "Resource": "*",
                "Condition": {"StringEquals": of_cluster},
            },
            {
                "Sid": "FargateGrantsDecryption",
                "Effect": "Allow",
                "Principal": {"Service": "fargate.amazonaws.com"},
                "Action": "kms:CreateGrant",
                "Resource": "*",
                "Condition": {
                    "StringEquals": of_cluster,
                    "ForAllValues:StringEquals": {"kms:GrantOperations": ["Decrypt"]},
                },
            },
            {
                "Sid": "CloudWatchLogsEncryptsLogGroups",
                "Effect": "Allow",
                "Principal": {"Service": f"logs.{REGION}.amazonaws.com"},
                "Action": [
                    "kms:Encrypt*",
                    "kms:Decrypt*",
                    "kms:ReEncrypt*",
                    "kms:GenerateDataKey*",
                    "kms:Describe*",
                ],
                "Resource": "*",
                "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_groups_of_stack}},
            },
        ],
    }


# The bucket


def expiry_rules_in_aws(noncurrent_days: int) -> list[dict[str, Any]]:
    always = {"Status": "Enabled", "Filter": {"Prefix": ""}}
    return [
        {
            "ID": "expire-noncurrent-versions",
            **always,
            "NoncurrentVersionExpiration": {"NoncurrentDays": noncurrent_days},
        },
        {"ID": "abort-unfinished-uploads", **always, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
    ]


def test_the_bucket_encrypts_with_the_key_through_a_bucket_key(layer: Layer) -> None:
    configuration = bucket(layer, "get_bucket_encryption")["ServerSideEncryptionConfiguration"]
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": layer.key_arn}
    assert configuration == {
        "Rules": [{"ApplyServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": True}],
    }


def test_the_bucket_keeps_versions_and_expires_what_is_left_over(layer: Layer) -> None:
    assert bucket(layer, "get_bucket_versioning")["Status"] == "Enabled"
    assert bucket(layer, "get_bucket_lifecycle_configuration")["Rules"] == expiry_rules_in_aws(90)


def test_the_bucket_is_closed_to_the_public_and_to_plain_http(layer: Layer) -> None:
    assert bucket(layer, "get_public_access_block")["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True,
    }
    ownership = bucket(layer, "get_bucket_ownership_controls")["OwnershipControls"]
    assert ownership == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    arn = layer.bucket_arn
    assert arn == f"arn:aws:s3:::{layer.bucket_name}"
    assert json.loads(bucket(layer, "get_bucket_policy")["Policy"])["Statement"] == [refusal_of_plain_http(arn)]
    assert bucket(layer, "get_bucket_location")["LocationConstraint"] == REGION


# The repository and the cluster


@pytest.mark.parametrize(("which", "mutability"), [("prod", "IMMUTABLE"), ("dev-test", "MUTABLE")])
def test_the_repository_encrypts_with_the_key_and_scans_what_is_pushed(
    layers: dict[str, Layer], which: str, mutability: str
) -> None:
    layer = layers[which]
    answer = layer.client("ecr").describe_repositories(repositoryNames=[repository_name(layer)])
    (repository,) = answer["repositories"]
    assert repository["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": layer.key_arn}
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert repository["imageTagMutability"] == mutability
    assert repository["repositoryUri"] == layer.repository_url
    assert repository["repositoryArn"] == layer.repository_arn


@pytest.mark.parametrize(("which", "kept"), [("prod", 20), ("dev-test", 5)])
def test_the_repository_keeps_the_newest_images(layers: dict[str, Layer], which: str, kept: int) -> None:
    layer = layers[which]
    answer = layer.client("ecr").get_lifecycle_policy(repositoryName=repository_name(layer))
    rules = json.loads(answer["lifecyclePolicyText"])["rules"]
    assert [(rule["rulePriority"], rule["selection"], rule["action"]) for rule in rules] == [
        (
            1,
            {"tagStatus": "untagged", "countType": "sinceImagePushed", "countNumber": 14, "countUnit": "days"},
            {"type": "expire"},
        ),
        (2, {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": kept}, {"type": "expire"}),
    ]


@pytest.mark.parametrize(
    ("which", "insights", "provider"), [("prod", "enabled", "FARGATE"), ("dev-test", "disabled", "FARGATE_SPOT")]
)
def test_the_cluster_runs_on_fargate_with_storage_and_exec_under_the_key(
    layers: dict[str, Layer], which: str, insights: str, provider: str
) -> None:
    layer = layers[which]
    found, key = cluster(layer), layer.key_arn
    assert (found["clusterName"], found["status"]) == (f"tak-base-{which}", "ACTIVE")
    assert found["settings"] == [{"name": "containerInsights", "value": insights}]
    assert sorted(found["capacityProviders"]) == ["FARGATE", "FARGATE_SPOT"]
    assert found["defaultCapacityProviderStrategy"] == [{"capacityProvider": provider, "weight": 1}]
    assert found["configuration"] == {
        "managedStorageConfiguration": {"fargateEphemeralStorageKmsKeyId": key},
        "executeCommandConfiguration": {
            "kmsKeyId": key,
            "logging": "OVERRIDE",
            "logConfiguration": {
                "cloudWatchLogGroupName": f"/tak-base-{which}/ecs-exec",
                "cloudWatchEncryptionEnabled": True,
            },
        },
    }


# Logs


def test_every_log_group_is_encrypted_and_forgets_in_time(layer: Layer) -> None:
    found = log_groups(layer)
    assert {name: group["retentionInDays"] for name, group in found.items()} == LOG_GROUPS[stack(layer)]
    assert {group["kmsKeyId"] for group in found.values()} == {layer.key_arn}


def test_prod_logs_rejected_traffic_and_dev_test_none(layers: dict[str, Layer]) -> None:
    flow_logs = layers["prod"].client("ec2").describe_flow_logs()["FlowLogs"]
    (flow_log,) = [item for item in flow_logs if item["ResourceId"] == layers["prod"].vpc_id]
    assert (flow_log["TrafficType"], flow_log["FlowLogStatus"]) == ("REJECT", "ACTIVE")
    assert flow_log["LogDestinationType"] == "cloud-watch-logs"
    assert flow_log["LogDestination"] == f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/tak-base-prod/flow-log"
    assert flow_log["DeliverLogsStatus"] == "SUCCESS"
    assert layers["dev-test"].vpc_id not in {item["ResourceId"] for item in flow_logs}


def test_the_flow_logs_role_may_write_to_its_log_group_and_is_lent_to_nobody_else(prod_layer: Layer) -> None:
    iam, ec2 = prod_layer.client("iam"), prod_layer.client("ec2")
    filters = [{"Name": "resource-id", "Values": [prod_layer.vpc_id]}]
    (flow_log,) = ec2.describe_flow_logs(Filters=filters)["FlowLogs"]
    role = iam.get_role(RoleName=flow_log["DeliverLogsPermissionArn"].rsplit("/", 1)[-1])["Role"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust == {
        "Effect": "Allow",
        "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
            "ArnLike": {"aws:SourceArn": f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc-flow-log/*"},
        },
    }
    (policy_name,) = iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
    policy = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=policy_name)["PolicyDocument"]
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/tak-base-prod/flow-log"
    assert policy["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "Resource": [group, f"{group}:*"],
        },
        {
            "Effect": "Allow",
            "Action": "logs:DescribeLogGroups",
            "Resource": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*",
        },
    ]
    assert iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"] == []


# Tags, and the account as a whole


def tags_of_everything(layer: Layer) -> dict[str, dict[str, str]]:
    """The tags of everything the layer has made that can have tags, by ID."""
    registered = [item for item in layer.recording.resources if ROWS[item.type].tags]
    # The Resource Groups Tagging API of Moto has nothing of EC2, IAM and ECR.
    tags: dict[str, dict[str, str]] = {item.id: {} for item in registered if item.type.startswith("aws:ec2/")}
    for tag in layer.client("ec2").describe_tags(Filters=[{"Name": "resource-id", "Values": [*tags]}])["Tags"]:
        tags[tag["ResourceId"]][tag["Key"]] = tag["Value"]
    pages = layer.client("resourcegroupstaggingapi").get_paginator("get_resources").paginate()
    listed = {item["ResourceARN"]: item["Tags"] for page in pages for item in page["ResourceTagMappingList"]}
    for item in registered:
        if item.type == "aws:iam/role:Role":
            tags[item.id] = named(layer.client("iam").list_role_tags(RoleName=item.id)["Tags"])
        elif item.id not in tags:
            tags[item.id] = named(listed.get(item.outputs["arn"], []))
    # awsx registers it under a resource of its own.
    repository_tags = layer.client("ecr").list_tags_for_resource(resourceArn=layer.repository_arn)["tags"]
    return tags | {"repository": named(repository_tags)}


def named(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def test_everything_that_can_be_tagged_has_the_default_tags(layer: Layer) -> None:
    tags = tags_of_everything(layer)
    expected = TAGS | {"Environment": stack(layer)}
    assert tags.keys() >= {"repository", layer.vpc_id, layer.bucket_name, layer.cluster_arn}
    assert {name: found for name, found in tags.items() if not expected.items() <= found.items()} == {}


def test_both_stacks_live_side_by_side_in_one_account(layers: dict[str, Layer]) -> None:
    prod, dev_test = (set(_flat(layer.outputs.values())) for layer in layers.values())
    assert prod & dev_test == {REGION, *ZONE_NAMES.values()}
    vpcs = layers["prod"].client("ec2").describe_vpcs(Filters=[{"Name": "is-default", "Values": ["false"]}])["Vpcs"]
    assert {vpc["VpcId"] for vpc in vpcs} == {layer.vpc_id for layer in layers.values()}
    assert len(layers["prod"].client("s3").list_buckets()["Buckets"]) == 2


def _flat(values: Any) -> list[str]:
    return [text for value in values for text in (value if isinstance(value, list) else [value])]
