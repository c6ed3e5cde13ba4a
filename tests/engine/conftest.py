"""A live stack for each environment, each with its own Moto server."""

from collections.abc import Callable, Iterator

import pytest

from tests.engine.changes import ZONE_NAME
from tests.engine.engine import Aws, Stack, missing, project_copy

_MISSING = missing()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("engine") and _MISSING:
            item.add_marker(pytest.mark.skip(reason=_MISSING))


@pytest.fixture(scope="module")
def make_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Stack]]:
    """`make_stack("prod")`: a stack that is not deployed, in a folder and on a Moto server of its own."""
    servers: list[Aws] = []
    # A certificate is issued when AWS has seen its record; Moto waits a minute.
    patch = pytest.MonkeyPatch()
    patch.setenv("MOTO_ACM_VALIDATION_WAIT", "1")

    def make(name: str) -> Stack:
        folder = tmp_path_factory.mktemp(name)
        project_copy(folder)
        aws = Aws(folder / "aws")
        servers.append(aws)
        aws.client("route53").create_hosted_zone(Name=ZONE_NAME, CallerReference=ZONE_NAME)
        stack = Stack(name, folder, aws)
        stack.create()
        return stack

    yield make
    for aws in servers:
        aws.stop()
    patch.undo()
