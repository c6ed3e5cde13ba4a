"""The program as a whole: its resources, names, options, dependencies, outputs, and changes of a live stack."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from tak_base.endpoint_services import DUAL_STACK_SERVICES
from tak_base.settings import MAX_NAME_PREFIX
from tak_tools.program import Recording, Registration
from tak_tools.stub_aws import StubAws
from tests.options import EVERY_NETWORK_EXTRA, EVERY_OPTION, Evaluate

COMPONENTS = ("Network", "PrivateEndpoints", "EncryptedStorage", "Compute")

# A bucket and its parts, by their types and by the ends of their names.
BUCKET_TYPES = (
    "aws:s3/bucket:Bucket",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketVersioning:BucketVersioning",
)
BUCKET_PARTS = ("encryption", "lifecycle", "ownership", "policy", "public-access-block", "versioning")


def parts_of_bucket(name: str) -> set[str]:
    return {f"{name}-{part}" for part in BUCKET_PARTS}


# One NAT gateway, no endpoints, no flow log, no Container Insights.
DEV_TEST_TYPES = {
    "aws:cloudwatch/logGroup:LogGroup": 1,
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": 1,
    "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway": 1,
    "aws:ec2/eip:Eip": 1,
    "aws:ec2/internetGateway:InternetGateway": 1,
    "aws:ec2/natGateway:NatGateway": 1,
    "aws:ec2/route:Route": 6,
    "aws:ec2/routeTable:RouteTable": 3,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": 4,
    "aws:ec2/subnet:Subnet": 4,
    "aws:ec2/vpc:Vpc": 1,
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": 1,
    "aws:ecs/cluster:Cluster": 1,
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": 1,
    "aws:kms/alias:Alias": 1,
    "aws:kms/key:Key": 1,
    **dict.fromkeys(BUCKET_TYPES, 1),
    "aws:ssm/parameter:Parameter": 1,
    "awsx:ecr:Repository": 1,
}
PROD_TYPES = DEV_TEST_TYPES | {
    "aws:cloudwatch/logGroup:LogGroup": 3,
    "aws:ec2/eip:Eip": 2,
    "aws:ec2/flowLog:FlowLog": 1,
    "aws:ec2/natGateway:NatGateway": 2,
    "aws:ec2/securityGroup:SecurityGroup": 1,
    "aws:ec2/vpcEndpoint:VpcEndpoint": 6,
    "aws:iam/role:Role": 1,
    "aws:iam/rolePolicy:RolePolicy": 1,
}

NAT = ("aws:ec2/eip:Eip", "aws:ec2/natGateway:NatGateway")
FLOW_LOG = (
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:ec2/flowLog:FlowLog",
    "aws:iam/role:Role",
    "aws:iam/rolePolicy:RolePolicy",
)
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
ROUTE = "aws:ec2/route:Route"
SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
PRIVATE_ENDPOINTS = [SECURITY_GROUP, *[ENDPOINT] * PROD_TYPES[ENDPOINT]]

# A logical name that changes has Pulumi replace what it names.
DEV_TEST_NAMES = {
    "Network": {
        "tak-default-security-group",
        "tak-egress-only-gateway",
        "tak-eip-a",
        "tak-internet-gateway",
        "tak-nat-gateway-a",
        "tak-route-private-a-ipv4",
        "tak-route-private-a-ipv6",
        "tak-route-private-b-ipv4",
        "tak-route-private-b-ipv6",
        "tak-route-public-ipv4",
        "tak-route-public-ipv6",
        "tak-route-table-association-private-a",
        "tak-route-table-association-private-b",
        "tak-route-table-association-public-a",
        "tak-route-table-association-public-b",
        "tak-route-table-private-a",
        "tak-route-table-private-b",
        "tak-route-table-public",
        "tak-subnet-private-a",
        "tak-subnet-private-b",
        "tak-subnet-public-a",
        "tak-subnet-public-b",
        "tak-vpc",
    },
    "PrivateEndpoints": set[str](),
    "EncryptedStorage": {"tak-config", *parts_of_bucket("tak-config"), "tak-key", "tak-key-alias"},
    "Compute": {"tak-capacity-providers", "tak-cluster", "tak-exec-log-group", "tak-images", "tak-images-lifecycle"},
}
PROD_ONLY_NAMES = {
    "Network": {
        "tak-eip-b",
        "tak-flow-log",
        "tak-flow-log-group",
        "tak-flow-log-role",
        "tak-flow-log-role-policy",
        "tak-nat-gateway-b",
    },
    "PrivateEndpoints": {
        "tak-endpoint-ecr-api",
        "tak-endpoint-ecr-dkr",
        "tak-endpoint-kms",
        "tak-endpoint-logs",
        "tak-endpoint-s3",
        "tak-endpoint-secretsmanager",
        "tak-endpoints-security-group",
    },
    "EncryptedStorage": set[str](),
    "Compute": {"tak-insights-log-group"},
}


@pytest.fixture(params=["prod", "dev_test"])
def recording(request: pytest.FixtureRequest) -> Recording:
    """Both stacks, one after the other."""
    return request.getfixturevalue(request.param)


def component(recording: Recording, name: str) -> Registration:
    (found,) = recording.of_type(f"tak-base:index:{name}")
    return found


def children(recording: Recording, component_name: str) -> list[Registration]:
    parent = component(recording, component_name).urn
    return [item for item in recording.registrations if item.parent == parent]


def types(recording: Recording) -> Counter[str]:
    return Counter(item.type for item in recording.resources)


# What there is


def test_prod_registers_exactly_the_planned_resources(prod: Recording) -> None:
    assert types(prod) == Counter(PROD_TYPES)


def test_dev_test_registers_exactly_the_planned_resources(dev_test: Recording) -> None:
    assert types(dev_test) == Counter(DEV_TEST_TYPES)


@pytest.mark.parametrize(
    ("stack", "overrides", "added", "removed"),
    [
        pytest.param("prod", {"natGateways": 1}, [], NAT, id="prod-one-nat-gateway"),
        pytest.param("dev-test", {"natGateways": 2}, NAT, [], id="dev-test-two-nat-gateways"),
        pytest.param("dev-test", {"natGateways": 0}, [], [*NAT, ROUTE, ROUTE], id="dev-test-no-nat-gateway"),
        pytest.param("prod", {"flowLogs": "none"}, [], FLOW_LOG, id="prod-no-flow-log"),
        pytest.param("prod", {"flowLogs": "all"}, [], [], id="prod-flow-log-of-everything"),
        pytest.param("dev-test", {"flowLogs": "all"}, FLOW_LOG, [], id="dev-test-flow-log"),
        pytest.param("prod", {"vpcEndpoints": []}, [], PRIVATE_ENDPOINTS, id="prod-without-endpoints"),
        pytest.param(
            "prod",
            {"vpcEndpoints": ["s3", "dynamodb"]},
            [ENDPOINT] * 2,
            PRIVATE_ENDPOINTS,
            id="prod-gateway-endpoints-only",
        ),
        pytest.param(
            "prod",
            {"vpcEndpoints": ["kms"]},
            [SECURITY_GROUP, ENDPOINT],
            PRIVATE_ENDPOINTS,
            id="prod-one-interface-endpoint",
        ),
        pytest.param("prod", {"vpcEndpoints": ["profile", "athena"]}, [ENDPOINT], [], id="prod-one-endpoint-more"),
        pytest.param("dev-test", {"vpcEndpoints": ["s3"]}, [ENDPOINT], [], id="dev-test-free-endpoint"),
        pytest.param("prod", {"containerInsights": "disabled"}, [], [LOG_GROUP], id="prod-without-insights"),
        pytest.param("prod", {"containerInsights": "enhanced"}, [], [], id="prod-enhanced-insights"),
        pytest.param("dev-test", {"containerInsights": "enabled"}, [LOG_GROUP], [], id="dev-test-insights"),
        pytest.param("prod", {"nat64": True}, [ROUTE] * 2, [], id="prod-nat64"),
        pytest.param("dev-test", {"nat64": True}, [ROUTE] * 2, [], id="dev-test-nat64"),
        pytest.param("prod", {"endpointPolicies": "none"}, [], [], id="prod-endpoint-policies"),
        pytest.param("prod", {"endpointIpAddressType": "dualstack"}, [], [], id="prod-dual-stack-endpoints"),
        pytest.param("prod", EVERY_NETWORK_EXTRA, [*[ROUTE] * 2, ENDPOINT], [], id="prod-every-network-extra"),
        pytest.param("prod", {"protectData": False}, [], [], id="prod-unprotected"),
        pytest.param("prod", {"availabilityZones": ["ap-southeast-2b", "ap-southeast-2c"]}, [], [], id="prod-zones"),
        pytest.param("prod", {"imageTagPrefixes": ["a-", "b-"]}, [], [], id="prod-tag-prefixes"),
    ],
)
def test_an_override_adds_and_removes_exactly_its_own_resources(
    evaluate: Evaluate, stack: str, overrides: dict[str, Any], added: list[str], removed: list[str]
) -> None:
    base = Counter(PROD_TYPES if stack == "prod" else DEV_TEST_TYPES)

    assert types(evaluate(stack, **overrides)) == base + Counter(added) - Counter(removed)


def test_network_extras_go_with_every_other_option(evaluate: Evaluate) -> None:
    everything = types(evaluate("prod", **EVERY_OPTION, **EVERY_NETWORK_EXTRA))

    assert everything == types(evaluate("prod", **EVERY_OPTION)) + Counter([ROUTE, ROUTE, ENDPOINT])


def test_there_is_one_of_each_component_and_it_hangs_on_the_stack(recording: Recording) -> None:
    components = [item for item in recording.registrations if item.is_component]

    assert Counter(item.type for item in components) == Counter(f"tak-base:index:{name}" for name in COMPONENTS)
    assert {item.name for item in components} == {"tak"}
    assert all("pulumi:pulumi:Stack::" in item.parent for item in components)


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_is_the_parent_of_exactly_its_own_resources(
    prod: Recording, dev_test: Recording, name: str
) -> None:
    assert {item.name for item in children(dev_test, name)} == DEV_TEST_NAMES[name]
    assert {item.name for item in children(prod, name)} == DEV_TEST_NAMES[name] | PROD_ONLY_NAMES[name]


def test_every_resource_but_the_published_outputs_has_a_component_as_parent(recording: Recording) -> None:
    owned = [item for name in COMPONENTS for item in children(recording, name)]

    assert {item.urn for item in recording.resources} - {item.urn for item in owned} == {
        recording.named("tak-outputs").urn
    }


def test_no_two_registrations_share_type_and_name(recording: Recording) -> None:
    assert max(Counter((item.type, item.name) for item in recording.registrations).values()) == 1


# Physical names


def test_two_stacks_share_no_physical_name(prod: Recording, dev_test: Recording) -> None:
    names_of_prod, names_of_dev_test = (
        {item.inputs["name"] for item in recording.resources if "name" in item.inputs} for recording in (prod, dev_test)
    )

    assert names_of_prod == {
        "/aws/ecs/containerinsights/tak-base-prod/performance",
        "/tak-base-prod/ecs-exec",
        "/tak-base-prod/flow-log",
        "/tak-base/prod/outputs",
        "alias/tak-base-prod",
        "tak-base-prod",
    }
    assert names_of_dev_test == {
        "/tak-base-dev-test/ecs-exec",
        "/tak-base/dev-test/outputs",
        "alias/tak-base-dev-test",
        "tak-base-dev-test",
    }


def test_every_name_tag_begins_with_project_and_stack(recording: Recording) -> None:
    stack = f"tak-base-{recording.outputs['environment']}"

    assert all(item.inputs["tags"]["Name"].startswith(stack) for item in recording.resources if "tags" in item.inputs)


# How many characters AWS takes for the names that Pulumi chooses.
NAMED_BY_PULUMI = {
    "aws:ec2/securityGroup:SecurityGroup": 255,
    "aws:iam/role:Role": 64,
    "aws:iam/rolePolicy:RolePolicy": 128,
    "aws:s3/bucket:Bucket": 63,
    "awsx:ecr:Repository": 256,
}


@pytest.mark.parametrize("stack", ["prod", "dev-test"])
def test_every_name_that_pulumi_chooses_begins_with_project_and_stack_and_fits(evaluate: Evaluate, stack: str) -> None:
    with_every_option = EVERY_OPTION | {"repositories": ["r" * 190, "artifacts", "etl-tasks"], "flowLogs": "all"}
    named = [item for item in evaluate(stack, **with_every_option).resources if item.type in NAMED_BY_PULUMI]

    assert {item.type for item in named} == NAMED_BY_PULUMI.keys() - (
        {"aws:ec2/securityGroup:SecurityGroup"} if stack == "dev-test" else set()
    )
    for item in named:
        name = item.outputs.get("bucket") or item.outputs.get("name") or item.outputs["url"].partition("/")[2]
        assert re.fullmatch(rf"tak-base-{stack}-{item.name}-[0-9a-f]{{7}}", name)
        assert MAX_NAME_PREFIX + len(f"-{item.name}-1234567") <= NAMED_BY_PULUMI[item.type], item.name


# Options


def test_protect_data_protects_key_bucket_repository_and_what_stops_a_destroy(prod: Recording) -> None:
    data = {"tak-key", "tak-config", "tak-images"}

    assert {item.name for item in prod.registrations if item.protect} == data | {"tak-outputs"}
    # A bucket or a repository that stays keeps what makes it safe.
    assert {item.name for item in prod.registrations if item.retain_on_delete} == data | {
        "tak-images-lifecycle",
        *parts_of_bucket("tak-config"),
    }


# A repository takes its lifecycle policy with it, so that only leaves the state.
RETAINED_ALWAYS = ["tak-images-lifecycle"]


def test_without_protect_data_everything_can_be_destroyed(dev_test: Recording) -> None:
    assert not [item.name for item in dev_test.registrations if item.protect]
    assert [item.name for item in dev_test.registrations if item.retain_on_delete] == RETAINED_ALWAYS


def test_protect_data_alone_decides_what_is_protected(evaluate: Evaluate, prod: Recording) -> None:
    unprotected = evaluate("prod", protectData=False)
    protected = evaluate("dev-test", protectData=True)

    assert not [item.name for item in unprotected.registrations if item.protect]
    assert [item.name for item in unprotected.registrations if item.retain_on_delete] == RETAINED_ALWAYS
    for option in ("protect", "retain_on_delete"):
        assert [item.name for item in protected.registrations if getattr(item, option)] == [
            item.name for item in prod.registrations if getattr(item, option)
        ]


def test_what_aws_allows_only_once_is_deleted_before_it_is_replaced(prod: Recording) -> None:
    # One NAT gateway an Elastic IP address, one subnet an address range, one endpoint a private DNS name in a VPC, one
    # flow log a log group. An endpoint's network interfaces also keep AWS from deleting their subnets.
    assert {item.name for item in prod.registrations if item.delete_before_replace} == {
        *PROD_ONLY_NAMES["PrivateEndpoints"] - {"tak-endpoint-s3", "tak-endpoints-security-group"},
        "tak-flow-log",
        "tak-nat-gateway-a",
        "tak-nat-gateway-b",
        "tak-subnet-private-a",
        "tak-subnet-private-b",
        "tak-subnet-public-a",
        "tak-subnet-public-b",
    }


def test_interface_endpoints_are_replaced_with_their_subnets_and_the_internet_gateway_with_its_vpc(
    prod: Recording,
) -> None:
    subnets = {prod.named("tak-subnet-private-a").urn, prod.named("tak-subnet-private-b").urn}
    endpoints = {item.name for item in prod.of_type("VpcEndpoint") if item.inputs["vpcEndpointType"] == "Interface"}

    assert {item.name: item.replace_with for item in prod.registrations if item.replace_with} == dict.fromkeys(
        endpoints, subnets
    )
    assert {item.name: item.replace_on_changes for item in prod.registrations if item.replace_on_changes} == {
        "tak-internet-gateway": ("vpcId",)
    }


def test_subnets_keep_their_zone_where_the_stack_file_names_none(recording: Recording) -> None:
    assert {item.name: item.ignore_changes for item in recording.registrations if item.ignore_changes} == {
        f"tak-subnet-{role}": ("availabilityZone",) for role in ("public-a", "public-b", "private-a", "private-b")
    }


def test_zones_that_the_stack_file_names_take_effect(evaluate: Evaluate) -> None:
    named = evaluate("prod", availabilityZones=["ap-southeast-2c", "ap-southeast-2a"])

    assert not [item.name for item in named.registrations if item.ignore_changes]


# Dependencies


def test_explicit_dependencies_are_exactly_those_that_aws_needs(prod: Recording) -> None:
    way_out = {"tak-internet-gateway", "tak-route-public-ipv4"}

    assert explicit_dependencies(prod) == {
        "tak-nat-gateway-a": way_out,
        "tak-nat-gateway-b": way_out,
        "tak-flow-log": {"tak-flow-log-role-policy"},
        "tak-config-lifecycle": {"tak-config-versioning"},
        "tak-config-policy": {"tak-config-public-access-block"},
        "tak-cluster": {"tak-insights-log-group"},
    }


def test_explicit_dependencies_of_dev_test_are_those_of_prod_on_what_it_has(dev_test: Recording) -> None:
    assert explicit_dependencies(dev_test) == {
        "tak-nat-gateway-a": {"tak-internet-gateway", "tak-route-public-ipv4"},
        "tak-config-lifecycle": {"tak-config-versioning"},
        "tak-config-policy": {"tak-config-public-access-block"},
    }


@pytest.mark.parametrize("name", ["EncryptedStorage", "Compute"])
def test_storage_and_compute_do_not_wait_for_the_network(recording: Recording, name: str) -> None:
    network = {item.urn for item in children(recording, "Network")}

    for item in children(recording, name):
        assert not all_dependencies(recording, item) & network, item.name


def test_the_vpc_waits_for_nothing(recording: Recording) -> None:
    assert recording.named("tak-vpc").dependencies == frozenset()


def test_no_endpoint_waits_for_a_nat_gateway(prod: Recording) -> None:
    nat_gateways = {item.urn for item in prod.of_type("NatGateway")}

    for endpoint in prod.of_type("VpcEndpoint"):
        assert not all_dependencies(prod, endpoint) & nat_gateways, endpoint.name


def test_the_longest_chain_of_dependencies_has_five_resources(recording: Recording) -> None:
    # It decides how long a deployment takes: VPC, internet gateway, public route, NAT gateway, private route.
    by_urn = {item.urn: item for item in recording.registrations}

    def length(item: Registration) -> int:
        return 1 + max((length(by_urn[urn]) for urn in item.dependencies), default=0)

    lengths = {item.name: length(item) for item in recording.resources if item.name != "tak-outputs"}
    assert max(lengths.values()) == 5
    assert all(name.startswith("tak-route-private-") for name in lengths if lengths[name] == 5)


def explicit_dependencies(recording: Recording) -> dict[str, set[str]]:
    names = {item.urn: item.name for item in recording.registrations}
    return {
        item.name: {names[urn] for urn in item.explicit_dependencies}
        for item in recording.registrations
        if item.explicit_dependencies and item.name != "tak-outputs"
    }


def test_everything_is_deleted_after_the_published_outputs(recording: Recording) -> None:
    # The engine deletes last what others depend on, so a protected parameter stops a destroy before anything is gone.
    published = recording.named("tak-outputs")

    assert all_dependencies(recording, published) >= {
        item.urn for item in recording.resources if item.name != "tak-outputs"
    }


def all_dependencies(recording: Recording, start: Registration) -> set[str]:
    """URNs of everything that `start` waits for, directly and through others."""
    by_urn = {item.urn: item for item in recording.registrations}
    found: set[str] = set()
    waiting: list[str] = list(start.dependencies)
    while waiting:
        urn = waiting.pop()
        if urn not in found:
            found.add(urn)
            waiting += by_urn[urn].dependencies
    return found


# Changes of a live stack


def test_the_defaults_of_prod_only_add_resources_to_those_of_dev_test(evaluate: Evaluate, prod: Recording) -> None:
    small = {item.urn for item in evaluate("prod", environment="dev-test").registrations}

    assert small < {item.urn for item in prod.registrations}


def test_a_change_from_the_defaults_of_dev_test_to_those_of_prod_and_back_replaces_nothing(
    evaluate: Evaluate, prod: Recording
) -> None:
    # AWS changes each of these in place; any other input that differs could mean a replacement.
    assert changed_inputs(evaluate("prod", environment="dev-test"), prod) == {
        ("tak-route-private-b-ipv4", "natGatewayId"),
        ("tak-key", "deletionWindowInDays"),
        ("tak-config", "forceDestroy"),
        ("tak-exec-log-group", "retentionInDays"),
        ("tak-cluster", "settings"),
        ("tak-capacity-providers", "defaultCapacityProviderStrategies"),
        ("tak-images", "forceDelete"),
        ("tak-images", "imageTagMutability"),
        ("tak-images-lifecycle", "policy"),
    }


def test_a_second_nat_gateway_edits_one_route_and_nothing_else(evaluate: Evaluate, prod: Recording) -> None:
    assert changed_inputs(evaluate("prod", natGateways=1), prod) == {("tak-route-private-b-ipv4", "natGatewayId")}


def test_without_nat_gateways_only_they_and_the_ipv4_routes_to_them_are_gone(
    evaluate: Evaluate, dev_test: Recording
) -> None:
    # In both directions: the way back adds the same, and nothing that stays is changed.
    without = evaluate("dev-test", natGateways=0)

    assert {item.name for item in dev_test.registrations} - {item.name for item in without.registrations} == {
        "tak-eip-a",
        "tak-nat-gateway-a",
        "tak-route-private-a-ipv4",
        "tak-route-private-b-ipv4",
    }
    assert changed_inputs(without, dev_test) == set()
    assert without.outputs["natPublicIps"] == []


def test_network_extras_change_live_resources_only_where_aws_does_it_in_place(
    evaluate: Evaluate, prod: Recording
) -> None:
    # The pairs hold in both directions, and what is new is additional: nothing is replaced.
    after = evaluate("prod", **EVERY_NETWORK_EXTRA)
    dual_stack = {f"tak-endpoint-{service.replace('.', '-')}" for service in DUAL_STACK_SERVICES}

    assert changed_inputs(prod, after) == {
        *((f"tak-subnet-private-{zone}", "enableDns64") for zone in "ab"),
        *(
            (item.name, key)
            for item in prod.of_type("VpcEndpoint")
            if item.name in dual_stack
            for key in ("ipAddressType", "dnsOptions")
        ),
    }
    assert {item.name for item in after.registrations} - {item.name for item in prod.registrations} == {
        "tak-endpoint-ssmmessages",
        "tak-route-private-a-nat64",
        "tak-route-private-b-nat64",
    }


def test_a_second_look_at_the_same_stack_file_changes_nothing(evaluate: Evaluate, prod: Recording) -> None:
    assert evaluate("prod") == prod


def test_naming_the_zones_that_were_chosen_changes_no_input(evaluate: Evaluate, prod: Recording) -> None:
    assert changed_inputs(prod, evaluate("prod", availabilityZones=["ap-southeast-2a", "ap-southeast-2b"])) == set()


def test_longer_private_subnets_change_their_own_range_only(evaluate: Evaluate, prod: Recording) -> None:
    assert changed_inputs(prod, evaluate("prod", privateSubnetPrefix=24)) == {
        ("tak-subnet-private-a", "cidrBlock"),
        ("tak-subnet-private-b", "cidrBlock"),
    }


def changed_inputs(before: Recording, after: Recording) -> set[tuple[str, str]]:
    """Resource and input, for every input that differs on a resource which both have."""
    earlier = {item.urn: item.inputs for item in before.registrations}
    return {
        (item.name, key)
        for item in after.registrations
        # The published outputs say what all the others are.
        if item.urn in earlier and item.name != "tak-outputs"
        for key in item.inputs.keys() | earlier[item.urn].keys()
        if item.inputs.get(key) != earlier[item.urn].get(key)
    }


# Outputs


def test_prod_exports_exactly_the_published_outputs(prod: Recording) -> None:
    region = "ap-southeast-2"
    ids = {item.name: item.id for item in prod.resources}
    arns = {item.name: item.outputs["arn"] for item in prod.resources if "arn" in item.outputs}

    assert prod.outputs == {
        "environment": "prod",
        "protectData": True,
        "region": region,
        "vpcId": ids["tak-vpc"],
        "vpcCidrIpv4": "10.1.16.0/20",
        "vpcCidrIpv6": "2001:db8:0:ff00::/56",
        "availabilityZones": ["ap-southeast-2a", "ap-southeast-2b"],
        "subnetPublicA": ids["tak-subnet-public-a"],
        "subnetPublicB": ids["tak-subnet-public-b"],
        "subnetPrivateA": ids["tak-subnet-private-a"],
        "subnetPrivateB": ids["tak-subnet-private-b"],
        "privateSubnetCidrs": ["10.1.20.0/26", "10.1.21.0/26"],
        "routeTablePublic": ids["tak-route-table-public"],
        "routeTablePrivateA": ids["tak-route-table-private-a"],
        "routeTablePrivateB": ids["tak-route-table-private-b"],
        "natPublicIps": [
            prod.named("tak-eip-a").outputs["publicIp"],
            prod.named("tak-eip-b").outputs["publicIp"],
        ],
        "endpointSecurityGroupId": ids["tak-endpoints-security-group"],
        "ecsClusterArn": arns["tak-cluster"],
        "ecsClusterName": "tak-base-prod",
        "ecrRepositoryArn": f"arn:aws:ecr:{region}:account-id:repository/{ids['tak-images']}",
        "ecrRepositoryUrl": f"account-id.dkr.ecr.{region}.amazonaws.com/{ids['tak-images']}",
        "kmsKeyArn": arns["tak-key"],
        "kmsAlias": "alias/tak-base-prod",
        "configBucketName": ids["tak-config"],
        "configBucketArn": arns["tak-config"],
    }


def test_each_option_publishes_its_outputs(evaluate: Evaluate, prod: Recording) -> None:
    full = evaluate("prod", **EVERY_OPTION)
    urls = {name: full.named(f"tak-images-{name}").outputs["url"] for name in ("artifacts", "etl-tasks")}
    registry_arn = prod.outputs["ecrRepositoryArn"].split(":repository/")[0]
    assert {name: value for name, value in full.outputs.items() if name not in prod.outputs} == {
        "ecrRepositoryUrls": urls,
        "ecrRepositoryArns": {name: f"{registry_arn}:repository/{url.split('/', 1)[1]}" for name, url in urls.items()},
        "appImagesBucketName": full.named("tak-app-images").outputs["bucket"],
        "appImagesBucketArn": full.named("tak-app-images").outputs["arn"],
        "loadBalancerLogBucketName": full.named("tak-elb-logs").outputs["bucket"],
        "loadBalancerLogBucketArn": full.named("tak-elb-logs").outputs["arn"],
        "hostedZoneId": "zone-id",
        "hostedZoneName": "tak.example.org",
        "certificateDomainNames": ["tak.example.org", "*.tak.example.org"],
        "certificateArn": full.named("tak-certificate").outputs["arn"],
    }
    assert {name: full.outputs[name] for name in prod.outputs} == prod.outputs


def test_dev_test_exports_what_prod_does_without_the_endpoints_security_group(
    prod: Recording, dev_test: Recording
) -> None:
    assert set(dev_test.outputs) == set(prod.outputs) - {"endpointSecurityGroupId"}
    assert dev_test.outputs["environment"] == "dev-test"
    assert dev_test.outputs["vpcCidrIpv4"] == "10.1.32.0/20"
    assert dev_test.outputs["natPublicIps"] == [dev_test.named("tak-eip-a").outputs["publicIp"]]


def test_gateway_endpoints_alone_export_no_security_group(evaluate: Evaluate) -> None:
    assert "endpointSecurityGroupId" not in evaluate("prod", vpcEndpoints=["s3"]).outputs


def test_the_exported_zones_are_those_in_which_the_subnets_stand(evaluate: Evaluate) -> None:
    # Where changes of a subnet's zone are ignored, the zone of the inputs may not be the subnet's.
    class SubnetsStandElsewhere(StubAws):
        def create(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
            resource_id, outputs = super().create(type_, name, inputs)
            return resource_id, outputs | _zone_after_move(type_, name)

    recording = evaluate("prod", cloud=SubnetsStandElsewhere("ap-southeast-2"))

    assert recording.outputs["availabilityZones"] == ["zone-of-a", "zone-of-b"]


def _zone_after_move(type_: str, name: str) -> dict[str, str]:
    return {"availabilityZone": f"zone-of-{name[-1]}"} if type_.endswith(":Subnet") else {}


# Openness


def cidrs(value: Any) -> Iterable[str]:
    """Every text in `value` that is an address range."""
    if isinstance(value, str):
        if "/" in value and value.replace("/", "").replace(".", "").replace(":", "").isalnum():
            yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from cidrs(item)
    elif isinstance(value, list):
        for item in value:
            yield from cidrs(item)


def test_no_security_group_lets_the_internet_in(recording: Recording) -> None:
    for group in (*recording.of_type("SecurityGroup"), *recording.of_type("DefaultSecurityGroup")):
        assert not {"0.0.0.0/0", "::/0"} & set(cidrs(group.inputs["ingress"]))
