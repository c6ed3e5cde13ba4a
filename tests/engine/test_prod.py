"""The stack prod on the engine, from its first deployment to a destroy that is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.changes import STEPS, walk, write_page
from tests.engine.engine import Aws, Stack
from tests.engine.inventory import inventory, names
from tests.engine.scenarios import assert_nothing_to_do, findings, of_policy_pack
from tests.options import Outputs

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def prod(make_stack: Callable[[str], Stack]) -> Stack:
    stack = make_stack("prod")
    update = stack.up()
    assert update.exit_code == 0, update
    return stack


def test_a_deployed_stack_has_nothing_to_do(prod: Stack) -> None:
    assert_nothing_to_do(prod)


def test_each_change_does_what_the_page_says(prod: Stack) -> None:
    """Writes the page docs/changes.md."""
    before = names(prod.aws)

    rows, problems = walk(prod, STEPS["prod"])
    write_page("prod", rows)

    assert problems == []
    assert names(prod.aws) == before
    assert_nothing_to_do(prod)


def damage(aws: Any, layer: Outputs) -> dict[str, Callable[[], Any]]:
    """Ten changes by hand, by the check of `tak-base verify` that has to find each."""
    ec2, s3 = aws.client("ec2"), aws.client("s3")
    table_b, bucket = layer.route_table_id("private", "b"), layer.bucket_name
    in_vpc = [{"Name": "vpc-id", "Values": [layer.vpc_id]}]
    flow_log = ec2.describe_flow_logs(Filters=[{"Name": "resource-id", "Values": [layer.vpc_id]}])["FlowLogs"][0]
    endpoint = next(
        item["VpcEndpointId"]
        for item in ec2.describe_vpc_endpoints(Filters=in_vpc)["VpcEndpoints"]
        if item["ServiceName"].endswith(".kms") and item["State"] == "available"
    )
    anywhere = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    return {
        "ipv4-routes": lambda: ec2.delete_route(RouteTableId=table_b, DestinationCidrBlock="0.0.0.0/0"),
        "ipv6-routes": lambda: ec2.delete_route(RouteTableId=table_b, DestinationIpv6CidrBlock="::/0"),
        "key-rotation": lambda: aws.client("kms").disable_key_rotation(KeyId=layer.key_arn),
        "log-groups": lambda: aws.client("logs").put_retention_policy(
            logGroupName=f"/{layer.cluster_name}/flow-log", retentionInDays=7
        ),
        "flow-log": lambda: ec2.delete_flow_logs(FlowLogIds=[flow_log["FlowLogId"]]),
        "endpoints": lambda: ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint]),
        "endpoint-security-group": lambda: ec2.authorize_security_group_ingress(
            GroupId=layer.endpoint_group_id, IpPermissions=[anywhere]
        ),
        "bucket-public-access": lambda: s3.delete_public_access_block(Bucket=bucket),
        "bucket-versioning": lambda: s3.put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}
        ),
        "repository-tags": lambda: aws.client("ecr").put_image_tag_mutability(
            repositoryName=layer.repository_name, imageTagMutability="MUTABLE"
        ),
    }


def test_what_is_changed_by_hand_is_found_and_repaired(prod: Stack) -> None:
    changes = damage(prod.aws, Outputs(prod.outputs()))
    for change in changes.values():
        change()

    assert changes.keys() <= findings(prod).keys()
    update = prod.up("--refresh")
    assert update.exit_code == 0, update
    assert findings(prod) == {}
    assert_nothing_to_do(prod)


def test_the_policy_pack_lets_prod_through(prod: Stack) -> None:
    update = prod.preview("--policy-pack", of_policy_pack(prod))
    assert (update.exit_code, update.errors) == (0, []), update


def test_a_destroy_is_refused_and_touches_nothing(prod: Stack) -> None:
    before = inventory(prod.aws)

    update = prod.destroy()

    assert update.exit_code != 0, update
    assert not update.done, update
    assert inventory(prod.aws) == before


def test_everything_but_the_data_goes_and_comes_back_around_it(prod: Stack) -> None:
    """As docs/operations.md says: the parameter is unprotected first, as it needs everything else."""
    before, data = names(prod.aws), data_of(prod.aws)
    prod.state_command(
        "state", "unprotect", "--yes", "urn:pulumi:prod::tak-base::aws:ssm/parameter:Parameter::tak-outputs"
    )

    update = prod.destroy("--exclude-protected")

    assert update.exit_code == 0, update
    assert data_of(prod.aws) == data
    assert [name for name in names(prod.aws) if name.startswith(("Subnets tak", "Vpcs tak", "NatGateways"))] == []
    update = prod.up()
    assert update.exit_code == 0, update
    assert data_of(prod.aws) == data
    assert names(prod.aws) == before
    assert_nothing_to_do(prod)


def data_of(aws: Aws) -> dict[str, str]:
    """The things that hold data, with their settings."""
    return {
        name: text for name, text in inventory(aws).items() if name.startswith(("Keys ", "Buckets ", "repositories "))
    }
