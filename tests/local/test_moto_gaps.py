"""Each gap of Moto: there in Moto as it comes, closed in the simulated AWS and in the local one."""

import functools
import json
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID

from tak_tools.errors import DeploymentError
from tak_tools.local_aws import moto_gaps

REGION = "ap-southeast-2"

Clients = Callable[[str], Any]

TLS_ONLY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["arn:aws:s3:::{bucket}", "arn:aws:s3:::{bucket}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ],
}


def subnet_of(ec2: Any) -> tuple[str, str]:
    """The ids of a new dual-stack VPC and of its subnet."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/20", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    (block,) = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]
    range_ = block["Ipv6CidrBlock"].replace("/56", "/64")
    return vpc, ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", Ipv6CidrBlock=range_)["Subnet"]["SubnetId"]


def bucket_of(s3: Any, **configuration: Any) -> str:
    name = f"bucket-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION, **configuration})
    return name


def state_of_a_subnet_s_ipv6_range(clients: Clients) -> bool:
    ec2 = clients("ec2")
    (subnet,) = ec2.describe_subnets(SubnetIds=[subnet_of(ec2)[1]])["Subnets"]
    return [item["Ipv6CidrBlockState"] for item in subnet["Ipv6CidrBlockAssociationSet"]] == [{"State": "associated"}]


def subnet_attributes(clients: Clients) -> bool:
    ec2 = clients("ec2")
    subnet_id = subnet_of(ec2)[1]
    before = ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"][0].get("EnableDns64")
    ec2.modify_subnet_attribute(SubnetId=subnet_id, EnableDns64={"Value": True})
    ec2.modify_subnet_attribute(SubnetId=subnet_id, EnableResourceNameDnsAAAARecordOnLaunch={"Value": True})
    ec2.modify_subnet_attribute(SubnetId=subnet_id, PrivateDnsHostnameTypeOnLaunch="resource-name")
    (subnet,) = ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"]
    names = {
        "HostnameType": "resource-name",
        "EnableResourceNameDnsARecord": False,
        "EnableResourceNameDnsAAAARecord": True,
    }
    return (before, subnet.get("EnableDns64"), subnet["PrivateDnsNameOptionsOnLaunch"]) == (False, True, names)


def vpc_endpoint_attributes(clients: Clients) -> bool:
    ec2 = clients("ec2")
    vpc, subnet = subnet_of(ec2)

    def make(service: str, **parameters: Any) -> dict[str, Any]:
        name = f"com.amazonaws.{REGION}.{service}"
        return ec2.create_vpc_endpoint(
            VpcId=vpc, SubnetIds=[subnet], VpcEndpointType="Interface", ServiceName=name, **parameters
        )["VpcEndpoint"]

    made = make("kms", IpAddressType="dualstack", DnsOptions={"DnsRecordIpType": "dualstack"}, PrivateDnsEnabled=True)
    plain = make("logs")
    ec2.modify_vpc_endpoint(VpcEndpointId=made["VpcEndpointId"], PrivateDnsEnabled=False, IpAddressType="ipv4")
    (modified,) = ec2.describe_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])["VpcEndpoints"]

    def attributes(endpoint: dict[str, Any]) -> tuple[Any, ...]:
        options = endpoint.get("DnsOptions", {})
        return endpoint.get("IpAddressType"), options.get("DnsRecordIpType"), endpoint["PrivateDnsEnabled"]

    return [attributes(made), attributes(plain), attributes(modified)] == [
        ("dualstack", "dualstack", True),
        ("ipv4", "ipv4", True),
        ("ipv4", "dualstack", False),
    ]


def log_group_of_a_flow_log(clients: Clients) -> bool:
    ec2, logs = clients("ec2"), clients("logs")
    name = f"/flows/{secrets.token_hex(6)}"
    logs.create_log_group(logGroupName=name)
    (group,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    made = ec2.create_flow_logs(
        ResourceType="VPC",
        ResourceIds=[subnet_of(ec2)[0]],
        TrafficType="ALL",
        LogDestinationType="cloud-watch-logs",
        LogDestination=group["arn"].removesuffix(":*"),
        DeliverLogsPermissionArn=f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/flows",
    )
    (flow_log,) = ec2.describe_flow_logs(FlowLogIds=made["FlowLogIds"])["FlowLogs"]
    return flow_log["DeliverLogsStatus"] == "SUCCESS"


def defaults_of_a_new_key(clients: Clients) -> bool:
    kms = clients("kms")
    key = kms.describe_key(KeyId=kms.create_key()["KeyMetadata"]["KeyId"])["KeyMetadata"]
    return (key.get("KeyUsage"), key.get("MultiRegion")) == ("ENCRYPT_DECRYPT", False)


def rotation_period_of_a_key(clients: Clients) -> bool:
    kms = clients("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    periods = []
    for parameters in ({}, {"RotationPeriodInDays": 120}):
        periods.append(kms.get_key_rotation_status(KeyId=key).get("RotationPeriodInDays"))
        kms.enable_key_rotation(KeyId=key, **parameters)
        periods.append(kms.get_key_rotation_status(KeyId=key).get("RotationPeriodInDays"))
    return periods == [None, 365, 365, 120]


def tags_of_a_new_bucket(clients: Clients) -> bool:
    s3 = clients("s3")
    tags = [{"Key": "Project", "Value": "TAK"}, {"Key": "Name", "Value": "<config> & more"}]
    bucket = bucket_of(s3, Tags=tags)
    try:
        return s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    except ClientError:
        return False


def deny_under_a_condition(clients: Clients) -> bool:
    s3 = clients("s3")
    bucket = bucket_of(s3)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(TLS_ONLY).replace("{bucket}", bucket))
    try:
        s3.put_object(Bucket=bucket, Key="key", Body=b"text")
        return s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"text"
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"] != 403


def delete_markers_of_a_suspended_bucket(clients: Clients) -> bool:
    """What the provider does with `forceDestroy`: versioning off, then versions, delete markers and the bucket."""
    s3 = clients("s3")
    bucket = bucket_of(s3)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="key", Body=b"text")
    s3.delete_object(Bucket=bucket, Key="key")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    found = s3.list_object_versions(Bucket=bucket)
    try:
        for kind in ("Versions", "DeleteMarkers"):
            objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found[kind]]
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        s3.delete_bucket(Bucket=bucket)
    except AttributeError:
        return False
    return True


def ecs_account_settings(clients: Clients) -> bool:
    ecs = clients("ecs")
    try:
        ecs.put_account_setting_default(name="fargateTaskRetirementWaitPeriod", value="14")
    except NotImplementedError:
        return False
    settings = {item["name"]: item["value"] for item in ecs.list_account_settings(effectiveSettings=True)["settings"]}
    named = ecs.list_account_settings(name="fargateTaskRetirementWaitPeriod")["settings"]
    return settings["containerInsights"] == "disabled" and [item["value"] for item in named] == ["14"]


def unimplemented_actions(clients: Clients) -> bool:
    """One service of each of the ways in which AWS writes requests and answers."""
    refusals = []
    calls = [
        ("ec2", "DescribeMacHosts", lambda ec2: ec2.describe_mac_hosts()),
        ("kms", "DescribeCustomKeyStores", lambda kms: kms.describe_custom_key_stores()),
        ("sts", "DecodeAuthorizationMessage", lambda sts: sts.decode_authorization_message(EncodedMessage="x")),
        ("ecr", "DescribePullThroughCacheRules", lambda ecr: ecr.describe_pull_through_cache_rules()),
    ]
    for service, action, call in calls:
        try:
            call(clients(service))
        except NotImplementedError:
            return False
        except ClientError as error:
            answer, message = error.response["ResponseMetadata"], error.response["Error"]["Message"]
            named = message.endswith(f" does not implement {service}:{action}")
            refusals.append((error.response["Error"]["Code"], answer["HTTPStatusCode"], answer["RetryAttempts"], named))
    return refusals == [("NotImplemented", 501, 0, True)] * len(calls)


PROBES: dict[str, Callable[[Clients], bool]] = {
    probe.__name__: probe
    for probe in (
        state_of_a_subnet_s_ipv6_range,
        subnet_attributes,
        vpc_endpoint_attributes,
        log_group_of_a_flow_log,
        defaults_of_a_new_key,
        rotation_period_of_a_key,
        tags_of_a_new_bucket,
        deny_under_a_condition,
        delete_markers_of_a_suspended_bucket,
        ecs_account_settings,
        unimplemented_actions,
    )
}


@pytest.fixture(scope="module")
def in_process() -> Iterator[Clients]:
    with mock_aws():
        yield functools.cache(lambda service: boto3.client(service, region_name=REGION))


@pytest.fixture
def moto_as_it_comes() -> Iterator[None]:
    moto_gaps.open_gaps()
    yield
    moto_gaps.open_gaps()


def test_every_gap_has_a_probe() -> None:
    assert moto_gaps.GAPS.keys() == PROBES.keys()


@pytest.mark.usefixtures("moto_as_it_comes")
@pytest.mark.parametrize("gap", PROBES)
def test_the_gap_is_there_in_moto_as_it_comes(in_process: Clients, gap: str) -> None:
    """Where this fails, Moto has closed the gap itself: remove the function and its probe."""
    assert not PROBES[gap](in_process)


@pytest.mark.parametrize("gap", PROBES)
def test_the_gap_is_closed_in_process(in_process: Clients, gap: str) -> None:
    moto_gaps.close_gaps()

    assert PROBES[gap](in_process)


@pytest.mark.parametrize("gap", PROBES)
def test_the_gap_is_closed_over_http(clients: Clients, gap: str) -> None:
    assert PROBES[gap](clients)


@pytest.mark.usefixtures("moto_as_it_comes")
def test_another_moto_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moto.kms.responses.KmsResponse.enable_key_rotation", lambda self, other: "")

    with pytest.raises(DeploymentError, match=r"^Moto \S+ has another KmsResponse.enable_key_rotation than [^\n]+$"):
        moto_gaps.close_gaps()
