"""A local AWS for the tests of this folder."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tak_tools.local_aws import launcher
from tak_tools.local_aws.launcher import Server


@pytest.fixture(scope="session")
def server_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("local-aws")


@pytest.fixture(scope="session")
def server(server_folder: Path) -> Iterator[Server]:
    yield launcher.start(server_folder)
    launcher.stop(server_folder)


@pytest.fixture(scope="session")
def clients(server: Server) -> Callable[[str], Any]:
    """`clients("ec2")`: a boto3 client that calls the local AWS over HTTP."""
    session = boto3.Session("no-account", "no-secret", region_name="ap-southeast-2")
    config = Config(s3={"addressing_style": "path"}, connect_timeout=5, read_timeout=20)
    return functools.cache(lambda service: session.client(service, endpoint_url=server.url, config=config))
