"""The policy pack as the Pulumi CLI runs it: a separate process, called over gRPC."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import analyzer_pb2 as rpc
from pulumi.runtime.proto.analyzer_pb2_grpc import AnalyzerStub

from tak_tools.controls import references
from tak_tools.policy.rules import RULES
from tak_tools.stack_file import Project, load_stack
from tests.options import TAGS

PACK = Path(__file__).parent.parent.parent / "policy"
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How the engine writes text that it does not know yet."""
LEVELS = {"advisory": rpc.ADVISORY, "mandatory": rpc.MANDATORY}
BUCKET = "aws:s3/bucket:Bucket"
ACCESS_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
VPC = "aws:ec2/vpc:Vpc"


@contextmanager
def _started(folder: Path) -> Iterator[AnalyzerStub]:
    # The CLI gives the folder, and the address of the engine, which the pack does not need.
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, str(PACK), "127.0.0.1:1"], stdout=subprocess.PIPE, cwd=folder
    )
    assert process.stdout
    try:
        with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
            yield AnalyzerStub(channel)
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory, project: Project) -> Iterator[AnalyzerStub]:
    config = load_stack(project, "prod").engine_config
    with _started(tmp_path_factory.mktemp("elsewhere")) as pack:
        pack.ConfigureStack(rpc.AnalyzerStackConfigureRequest(project=project.name, stack="prod", config=config))
        yield pack


def _struct(values: Mapping[str, Any]) -> Struct:
    return ParseDict(dict(values), Struct())


def _provider() -> rpc.AnalyzerProviderResource:
    properties = _struct({"defaultTags": json.dumps({"tags": TAGS}), "region": UNKNOWN_TEXT})
    return rpc.AnalyzerProviderResource(type="pulumi:providers:aws", properties=properties, name="default")


def _violations(pack: AnalyzerStub, type_: str, properties: Mapping[str, Any], **options: Any) -> dict[str, str]:
    request = rpc.AnalyzeRequest(
        type=type_,
        properties=_struct(properties),
        urn=f"urn:pulumi:prod::tak-base::{type_}::it",
        name="it",
        options=rpc.AnalyzerResourceOptions(**options),
        provider=_provider(),
    )
    return {item.policyName: item.message for item in pack.Analyze(request).diagnostics}


def test_a_state_is_compared_with_the_stack_file_where_the_cli_names_no_stack(tmp_path: Path) -> None:
    """`pulumi policy analyze` does not."""
    with _started(tmp_path) as pack:
        pack.ConfigureStack(rpc.AnalyzerStackConfigureRequest())
        assert _violations(pack, VPC, {"cidrBlock": "10.1.16.0/20"}) == {}
        assert list(_violations(pack, VPC, {"cidrBlock": "10.1.32.0/20"})) == ["addresses-within-stack"]


def test_no_resource_passes_without_the_stacks_config(tmp_path: Path) -> None:
    request = rpc.AnalyzeRequest(type=VPC, urn=f"urn:pulumi:no-such-stack::tak-base::{VPC}::it", name="it")
    with _started(tmp_path) as pack, pytest.raises(grpc.RpcError, match="found no-such-stack, expected one that has"):
        pack.Analyze(request)


def test_every_rule_is_a_policy_with_its_level(pack: AnalyzerStub) -> None:
    info = pack.GetAnalyzerInfo(Empty())
    assert info.name == "tak-base"
    assert [
        (item.name, item.enforcementLevel, item.description, item.policy_type == rpc.POLICY_TYPE_STACK)
        for item in info.policies
    ] == [(rule.name, LEVELS[rule.level], rule.description, rule.whole_stack) for rule in RULES]
    assert [item.framework.reference for item in info.policies] == [references(rule.controls) for rule in RULES]


def test_a_resource_is_compared_with_the_stacks_config(pack: AnalyzerStub) -> None:
    assert _violations(pack, VPC, {"cidrBlock": "10.1.16.0/20"}) == {}
    found = _violations(pack, VPC, {"cidrBlock": "10.1.32.0/20"})
    assert list(found) == ["addresses-within-stack"]
    assert 'cidrBlock: found "10.1.32.0/20", expected 10.1.16.0/20' in found["addresses-within-stack"]


def test_the_option_protect_is_seen(pack: AnalyzerStub) -> None:
    assert list(_violations(pack, BUCKET, {})) == ["data-protected"]
    assert _violations(pack, BUCKET, {}, protect=True) == {}


def test_the_tags_of_the_provider_count(pack: AnalyzerStub) -> None:
    assert _violations(pack, VPC, {"cidrBlock": "10.1.16.0/20", "tags": {"Name": "it"}}) == {}
    tags = {"Environment": "dev-test"}
    assert list(_violations(pack, VPC, {"cidrBlock": "10.1.16.0/20", "tags": tags})) == ["required-tags"]


def test_values_that_a_preview_does_not_know_are_left_alone(pack: AnalyzerStub) -> None:
    assert _violations(pack, LOG_GROUP, {"kmsKeyId": UNKNOWN_TEXT, "tags": UNKNOWN_TEXT}) == {}
    assert list(_violations(pack, LOG_GROUP, {"name": UNKNOWN_TEXT})) == ["encrypted-with-own-key"]
    unknown = dict.fromkeys(("blockPublicAcls", "ignorePublicAcls", "restrictPublicBuckets"), UNKNOWN_TEXT)
    assert list(_violations(pack, ACCESS_BLOCK, unknown)) == ["no-public-bucket"]


def test_pulumis_own_resources_are_not_judged(pack: AnalyzerStub) -> None:
    assert _violations(pack, "pulumi:pulumi:Stack", {}) == {}
    assert _violations(pack, "pulumi:providers:aws", {}) == {}


def test_what_is_missing_beside_a_resource_is_a_violation_of_the_stack(pack: AnalyzerStub) -> None:
    bucket = rpc.AnalyzerResource(type=BUCKET, properties=_struct({}), urn="urn:bucket", name="bucket")
    block = rpc.AnalyzerResource(
        type=ACCESS_BLOCK,
        properties=_struct({"bucket": UNKNOWN_TEXT}),
        urn="urn:block",
        name="block",
        dependencies=["urn:bucket"],
        propertyDependencies={"bucket": rpc.AnalyzerPropertyDependencies(urns=["urn:bucket"])},
    )
    found = pack.AnalyzeStack(rpc.AnalyzeStackRequest(resources=[bucket, block])).diagnostics
    assert {item.policyName for item in found} == {"bucket-guarded"}
    assert {item.urn for item in found} == {"urn:bucket"}
    assert len(found) == 4
    assert not any("BucketPublicAccessBlock" in item.message for item in found)
