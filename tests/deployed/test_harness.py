"""The simulated AWS refuses what AWS would refuse, ignores nothing, and ends with its context."""

import os
import re
import subprocess
import sys
from typing import Any

import pytest

from tak_tools.errors import DeploymentError
from tak_tools.simulated_aws import SimulatedAws
from tests.options import Evaluate

# The layers of the other tests are in another region.
REGION = "eu-west-1"


class Altered:
    """A simulated AWS in which one resource arrives with other inputs than the program gave it."""

    def __init__(self, cloud: SimulatedAws, name: str, **inputs: Any) -> None:
        self._cloud, self._name, self._inputs = cloud, name, inputs

    def create(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return self._cloud.create(type_, name, inputs | self._inputs if name == self._name else inputs)

    def call(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        return self._cloud.call(token, args)


@pytest.mark.slow
@pytest.mark.usefixtures("undone")
@pytest.mark.parametrize(
    ("name", "inputs", "message"),
    [
        (
            "tak-subnet-public-b",
            {"cidrBlock": "10.1.32.0/24"},
            # The two are made at once: either may come second.
            r"tak-subnet-public-[ab] \(aws:ec2/subnet:Subnet\): .*InvalidSubnet\.Conflict.*10\.1\.32\.0/24",
        ),
        (
            "tak-nat-gateway-a",
            {"subnetId": "subnet-00000000000000000"},
            r"tak-nat-gateway-a \(aws:ec2/natGateway:NatGateway\): .*subnet-00000000000000000",
        ),
        (
            "tak-capacity-providers",
            {"capacityProviders": "FARGATE"},
            r"tak-capacity-providers \(aws:ecs/clusterCapacityProviders:ClusterCapacityProviders\):"
            r" Parameter validation failed:\s+Invalid type for parameter capacityProviders",
        ),
        (
            "tak-config-encryption",
            {
                "rules": [
                    {
                        "applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"},
                        "expectedBucketOwner": "somebody",
                    }
                ]
            },
            r"tak-config-encryption \(aws:s3/bucketServerSideEncryptionConfiguration:"
            r"BucketServerSideEncryptionConfiguration\): the simulated AWS does not know the input"
            r" rules\[0\]\.expectedBucketOwner \(tak_tools/simulated_aws, bucket_encryption\)",
        ),
    ],
    ids=["overlapping subnets", "unknown id", "invalid parameter", "unknown input"],
)
def test_what_aws_refuses_stops_the_run_and_names_the_resource(
    evaluate: Evaluate, name: str, inputs: dict[str, Any], message: str
) -> None:
    with SimulatedAws(REGION) as cloud, pytest.raises(DeploymentError) as stopped:
        evaluate("dev-test", cloud=Altered(cloud, name, **inputs))
    assert re.match(message, str(stopped.value))


@pytest.mark.usefixtures("undone")
def test_an_unknown_type_of_resource_is_an_error() -> None:
    with SimulatedAws(REGION) as cloud, pytest.raises(NotImplementedError, match="no handler for aws:sqs/queue:Queue"):
        cloud.create("aws:sqs/queue:Queue", "queue", {})


def test_an_unknown_function_of_the_provider_is_an_error() -> None:
    with SimulatedAws(REGION) as cloud, pytest.raises(NotImplementedError, match="no answer for aws:ec2/getVpc:getVpc"):
        cloud.call("aws:ec2/getVpc:getVpc", {})


@pytest.mark.usefixtures("undone")
def test_a_nat_gateway_needs_an_internet_gateway_first() -> None:
    with SimulatedAws(REGION) as cloud:
        ec2 = cloud.client("ec2")
        vpc_id = ec2.create_vpc(CidrBlock="10.9.0.0/20")["Vpc"]["VpcId"]
        subnet_id = ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
        allocation_id = ec2.allocate_address(Domain="vpc")["AllocationId"]
        with pytest.raises(RuntimeError, match=f"Gateway.NotAttached: Network {vpc_id}"):
            cloud.create("aws:ec2/natGateway:NatGateway", "nat", {"subnetId": subnet_id, "allocationId": allocation_id})


def test_a_client_is_to_be_had_only_within_the_context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false")
    before = dict(os.environ)
    with SimulatedAws(REGION) as cloud:
        assert cloud.client("ec2").meta.region_name == REGION
        assert os.environ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] == "true"
    assert dict(os.environ) == before
    with pytest.raises(RuntimeError, match="outside its with block"):
        cloud.client("ec2")


AFTERWARDS = """
import boto3
from botocore.config import Config
from botocore.exceptions import ProxyConnectionError
from tak_tools.simulated_aws import SimulatedAws

with SimulatedAws("eu-west-1") as cloud:
    cloud.client("sts").get_caller_identity()
config = Config(retries={"total_max_attempts": 1})
try:
    boto3.client("sts", "eu-west-1", config=config).get_caller_identity()
except ProxyConnectionError:
    print("asked the real AWS")
"""


@pytest.mark.slow
def test_nothing_is_simulated_after_the_context() -> None:
    # In a process of its own, as the layers of the other tests are within a context of theirs. Nobody listens on
    # the proxy's port, so that no request leaves the machine.
    environment = os.environ | {
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }
    run = subprocess.run([sys.executable, "-c", AFTERWARDS], env=environment, capture_output=True, text=True)  # noqa: S603
    assert (run.stdout, run.returncode) == ("asked the real AWS\n", 0), run.stderr
