"""The bootstrap project, as a recording and deployed in a simulated AWS."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tak_tools.program import Cloud, Recording, run_program
from tak_tools.simulated_aws import SimulatedAws
from tak_tools.stack_file import Project, StackConfig, load_project
from tak_tools.stub_aws import StubAws
from tests.bootstrap.account import REGION, REPOSITORY, Account

FOLDER = Path(__file__).parent.parent.parent / "bootstrap"

# Pulumi puts the project's folder there when it runs the program.
sys.path.insert(0, str(FOLDER))

Bootstrap = Callable[..., Recording]


@pytest.fixture(scope="session")
def bootstrap_project() -> Project:
    return load_project(FOLDER)


@pytest.fixture(scope="session")
def bootstrap(bootstrap_project: Project) -> Bootstrap:
    """`bootstrap(createOidcProvider=False)`: what the program registers with other `tak-bootstrap:` keys."""

    def run(*, cloud: Cloud | None = None, **overrides: Any) -> Recording:
        keys = {"repository": REPOSITORY} | overrides
        own = {f"tak-bootstrap:{key}": value for key, value in keys.items()}
        values = {"aws:region": REGION, **own}
        return run_program(StackConfig(bootstrap_project, "account", values), cloud or StubAws(REGION))

    return run


@pytest.fixture(scope="module")
def account(bootstrap: Bootstrap) -> Iterator[Account]:
    with SimulatedAws(REGION) as cloud:
        yield Account(cloud, bootstrap(cloud=cloud))
