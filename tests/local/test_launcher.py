"""The server as a process: it starts once, answers signed requests only, and ends when it is stopped."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID

from tak_tools.errors import DeploymentError
from tak_tools.local_aws import launcher
from tak_tools.local_aws.launcher import Server
from tak_tools.local_aws.server import aws_host

pytestmark = pytest.mark.slow

SIGNED = "AWS4-HMAC-SHA256 Credential=key/20260101/eu-west-1/{}/aws4_request, SignedHeaders=host, Signature=0"


def get(server: Server, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_a_server_that_runs_is_not_started_again(server: Server, server_folder: Path) -> None:
    assert launcher.start(server_folder) == server == launcher.status(server_folder)


def test_the_server_listens_on_loopback_only(server: Server) -> None:
    own_address = socket.gethostbyname(socket.gethostname())
    if own_address.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((own_address, server.port), timeout=2)


def test_an_unsigned_request_is_refused_and_forwarded_nowhere(server: Server) -> None:
    for method, path in (("GET", "/"), ("GET", "http://example.com/"), ("CONNECT", "example.com:443")):
        status, body = get(server, path, method)
        assert (status, f"only signed requests to AWS's API: found {method} {path}" in body) == (501, True)


@pytest.mark.parametrize(
    ("service", "host", "expected"),
    [
        ("ec2", "127.0.0.1:4577", "ec2.eu-west-1.amazonaws.com"),
        ("ecr", "127.0.0.1:4577", "api.ecr.eu-west-1.amazonaws.com"),
        ("iam", "127.0.0.1:4577", "iam.amazonaws.com"),
        ("route53", "127.0.0.1:4577", "route53.amazonaws.com"),
        ("tagging", "127.0.0.1:4577", "tagging.eu-west-1.amazonaws.com"),
        ("s3", "127.0.0.1:4577", "s3.eu-west-1.amazonaws.com"),
        ("s3", f"{DEFAULT_ACCOUNT_ID}.127.0.0.1:4577", f"{DEFAULT_ACCOUNT_ID}.s3-control.eu-west-1.amazonaws.com"),
        ("s3", f"{DEFAULT_ACCOUNT_ID}.localhost:4577", f"{DEFAULT_ACCOUNT_ID}.s3-control.eu-west-1.amazonaws.com"),
    ],
)
def test_a_request_goes_to_the_service_it_is_signed_for(service: str, host: str, expected: str) -> None:
    assert aws_host({"Authorization": SIGNED.format(service), "Host": host}) == expected


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("acm", "list_certificates"),
        ("cloudformation", "list_exports"),
        ("resourcegroupstaggingapi", "get_resources"),
        ("route53", "list_hosted_zones"),
        ("ssm", "describe_parameters"),
    ],
)
def test_every_service_of_the_layer_answers(clients: Callable[[str], Any], service: str, operation: str) -> None:
    assert getattr(clients(service), operation)()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_s3_control_is_reached_through_the_proxy(server: Server, clients: Callable[[str], Any]) -> None:
    """The AWS provider reads a bucket's tags there, at a host name that no resolver knows."""
    configuration = {"LocationConstraint": "ap-southeast-2", "Tags": [{"Key": "Project", "Value": "TAK"}]}
    clients("s3").create_bucket(Bucket="s3-control-bucket", CreateBucketConfiguration=configuration)
    control = boto3.Session("no-account", "no-secret", region_name="ap-southeast-2").client(
        "s3control", endpoint_url=server.url, config=Config(proxies={"http": server.url})
    )

    answer = control.list_tags_for_resource(AccountId=DEFAULT_ACCOUNT_ID, ResourceArn="arn:aws:s3:::s3-control-bucket")

    assert answer["Tags"] == configuration["Tags"]


def test_a_failure_of_moto_is_told_once(clients: Callable[[str], Any]) -> None:
    """A service that Moto lacks. Clients would retry a 500."""
    with pytest.raises(ClientError) as error:
        clients("notifications").list_notification_hubs()

    answer = error.value.response["ResponseMetadata"]
    assert (answer["HTTPStatusCode"], answer["RetryAttempts"]) == (501, 0)


def test_a_port_in_use_is_one_line_and_leaves_no_process(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DeploymentError) as error:
        launcher.start(tmp_path, server.port)

    assert str(error.value) == f"the local AWS did not start: 127.0.0.1:{server.port}: Address already in use"
    assert launcher.status(tmp_path) is None


def test_a_server_that_does_not_answer_in_time_is_ended(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match=r"did not answer within 0 s"):
        launcher.start(tmp_path, wait_seconds=0)

    assert not (tmp_path / "server.json").exists()


def test_the_record_of_a_crashed_server_is_removed(tmp_path: Path, server: Server) -> None:
    """Its process id may be gone, or another program's; its port may be free, or another server's."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as gone:
        gone.wait()
    for pid, port in ((gone.pid, 9), (os.getpid(), 9), (os.getpid(), server.port)):
        (tmp_path / "server.json").write_text(json.dumps({"pid": pid, "port": port}))

        assert launcher.status(tmp_path) is None
        assert not (tmp_path / "server.json").exists()
        assert launcher.stop(tmp_path) is False


def test_a_server_that_is_killed_leaves_nothing_to_stop(tmp_path: Path) -> None:
    server = launcher.start(tmp_path)
    os.kill(server.pid, signal.SIGKILL)
    launcher._children[server.pid].wait()

    assert launcher.status(tmp_path) is None
    assert launcher.stop(tmp_path) is False


def test_ctrl_c_while_it_starts_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def remember(*arguments: Any, **parameters: Any) -> subprocess.Popen[bytes]:
        started.append(popen(*arguments, **parameters))
        return started[0]

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(launcher.subprocess, "Popen", remember)
    monkeypatch.setattr(launcher, "time", type("Time", (), {"monotonic": time.monotonic, "sleep": interrupt}))

    with pytest.raises(KeyboardInterrupt):
        launcher.start(tmp_path)

    assert started[0].poll() is not None
