"""The example of a layer above, as a recording and deployed on simulated base layers."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tak_tools.layers import OnTopOf, on_base_layer
from tak_tools.program import Recording, run_program
from tak_tools.simulated_aws import SimulatedAws
from tak_tools.stack_file import LayerAbove, StackFile, load_layer, load_project
from tak_tools.stub_aws import StubAws
from tests.examples.deployed import Deployed
from tests.options import Evaluate, Outputs

FOLDER = Path(__file__).parent.parent.parent / "examples" / "fargate_service"

# Pulumi puts the project's folder there when it runs the program.
sys.path.insert(0, str(FOLDER))


def load(stack: str, **overrides: Any) -> LayerAbove:
    """A stack of the example with other `fargate-service:` keys."""
    layer: StackFile = load_layer(load_project(FOLDER), stack)
    assert isinstance(layer, LayerAbove)
    own = {f"fargate-service:{key}": value for key, value in overrides.items()}
    return replace(layer, values={**layer.values, **own})


@pytest.fixture(scope="session")
def example(evaluate: Evaluate) -> Callable[..., Recording]:
    """`example("prod", cpu=512)`: what the program registers; `outputs` are the base layer's, or else what it has."""

    def run(stack: str, *, outputs: Mapping[str, Any] | None = None, **overrides: Any) -> Recording:
        layer = load(stack, **overrides)
        below = evaluate(layer.base.stack).outputs if outputs is None else outputs
        return run_program(layer, OnTopOf(StubAws(layer.region, layer.name_pattern), layer.reference, below))

    return run


@pytest.fixture(scope="module")
def deployments() -> Iterator[dict[str, Deployed]]:
    """prod, dev-test, and `public`, which is prod once more on the same base layer, open to the internet."""
    with ExitStack() as contexts:
        prod, dev_test = (_on_its_base(load(stack), contexts) for stack in ("prod", "dev-test"))
        public = replace(load("prod", internetFacing=True, certificateArn=_certificate(prod.cloud)), stack="public")
        recording = run_program(public, OnTopOf(prod.cloud, public.reference, prod.base.outputs))
        yield {"prod": prod, "dev-test": dev_test, "public": replace(prod, layer=public, recording=recording)}


def _on_its_base(layer: LayerAbove, contexts: ExitStack) -> Deployed:
    below = contexts.enter_context(SimulatedAws(layer.region, layer.base.default_tags, layer.base.name_pattern))
    cloud = contexts.enter_context(SimulatedAws(layer.region, layer.default_tags, layer.name_pattern))
    on_top = on_base_layer(layer, cloud, below=below)
    return Deployed(layer, run_program(layer, on_top), cloud, Outputs(on_top.outputs))


def _certificate(cloud: SimulatedAws) -> str:
    return cloud.client("acm").request_certificate(DomainName="example.com")["CertificateArn"]
