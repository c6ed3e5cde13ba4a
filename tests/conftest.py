"""What every test may use: the project, its stacks as the real program registers them, and variations of these."""

import gc
import json
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tak_tools.program import Cloud, Recording, run_program
from tak_tools.stack_file import Project, load_project, load_stack
from tak_tools.stub_aws import StubAws
from tests.options import Evaluate, with_unchecked

# A test process creates many objects and ends. Frequent garbage collection takes a third of its time.
gc.set_threshold(100_000, 50, 100)

PROJECT_FOLDER = Path(__file__).parent.parent

# A time limit for each example fails at random on a busy machine.
hypothesis.settings.register_profile("tak-base", deadline=None)
hypothesis.settings.load_profile("tak-base")


@pytest.fixture(scope="session")
def project() -> Project:
    return load_project(PROJECT_FOLDER)


@pytest.fixture(scope="session")
def evaluate(project: Project) -> Evaluate:
    """`evaluate("prod", natGateways=1)`: what the real program registers for a stack file with other `tak-base:` keys.

    The values reach the program unchecked, so a bad one raises what `pulumi up` would raise. `cloud` replaces AWS.
    """

    known: dict[str, Recording] = {}

    def run(stack: str, *, cloud: Cloud | None = None, **overrides: Any) -> Recording:
        if cloud:
            return _run(project, stack, cloud, overrides)
        variation = json.dumps([stack, overrides], sort_keys=True)
        if variation not in known:
            known[variation] = _run(project, stack, None, overrides)
        return known[variation]

    return run


def _run(project: Project, stack: str, cloud: Cloud | None, overrides: dict[str, Any]) -> Recording:
    stack_file = with_unchecked(load_stack(project, stack), overrides)
    recording = run_program(stack_file, cloud or StubAws(stack_file.region, stack_file.name_pattern))
    # The modules of pulumi_aws and the recordings stay until the end. Otherwise garbage collection visits them all
    # again and again, and takes half the time of every run.
    gc.freeze()
    return recording


@pytest.fixture(scope="session")
def prod(evaluate: Evaluate) -> Recording:
    return evaluate("prod")


@pytest.fixture(scope="session")
def dev_test(evaluate: Evaluate) -> Recording:
    return evaluate("dev-test")
