"""Both stacks, deployed by the real program into one simulated AWS, and a way to break things and have them back."""

import copy
import copyreg
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import GeneratorType
from typing import Any

import pytest
from moto.core.base_backend import BackendDict
from moto.ssm.models import ParameterDict

from tak_tools import pending, tenants
from tak_tools.program import run_program
from tak_tools.simulated_aws import SimulatedAws
from tak_tools.stack_file import Project, StackFile, load_stack
from tak_tools.verify import command
from tests.deployed.layer import Layer
from tests.options import EVERY_NETWORK_EXTRA, EVERY_OPTION, EVERY_OTHER_KEY, SERVICES, SUITE, Evaluate, with_options

LOCK_TYPE = type(threading.RLock())


# A copy of it is made without the arguments that it takes.
def _made_anew(given: Any) -> Any:
    return ParameterDict, (given.account_id, given.region_name), vars(given), None, iter(given.items())


copyreg.pickle(ParameterDict, _made_anew)

# Moto's Resource Groups Tagging API keeps the generator of a page after the last one, where nothing asks for it.
copyreg.pickle(GeneratorType, lambda generator: (iter, ((),)))


@pytest.fixture(scope="module")
def layers(project: Project, evaluate: Evaluate) -> Iterator[dict[str, Layer]]:
    """prod and dev-test in one account and region, as teams have them; Moto's state is one for the process anyway.

    For one module only: the tests of other modules start from an empty AWS.
    """
    with ExitStack() as contexts:
        deployed = {}
        for stack in ("prod", "dev-test"):
            stack_file = load_stack(project, stack)
            cloud = contexts.enter_context(
                SimulatedAws(stack_file.region, stack_file.default_tags, stack_file.name_pattern)
            )
            deployed[stack] = Layer(stack_file, evaluate(stack, cloud=cloud), cloud)
        yield deployed


@pytest.fixture(scope="module")
def prod_layer(layers: dict[str, Layer]) -> Layer:
    return layers["prod"]


@pytest.fixture(scope="module")
def dev_test_layer(layers: dict[str, Layer]) -> Layer:
    return layers["dev-test"]


@pytest.fixture(params=["prod", "dev-test"])
def layer(request: pytest.FixtureRequest, layers: dict[str, Layer]) -> Layer:
    """Each stack in turn."""
    return layers[request.param]


@pytest.fixture(scope="module")
def full_layer(layers: dict[str, Layer], project: Project) -> Iterator[Layer]:
    """prod beside the others, under another name, with every option, in an account that has the hosted zone."""
    options = EVERY_OPTION | EVERY_NETWORK_EXTRA | {"vpcEndpoints": SERVICES}
    with _deployed(with_options(project, "prod", "full", **options)) as layer:
        yield layer


@pytest.fixture(scope="module")
def suite_layer(project: Project) -> Iterator[Layer]:
    """The layer under TAK's own layers, beside the others that a test uses."""
    options = EVERY_OTHER_KEY | SUITE | {"hostedZoneName": "suite.example.org"}
    with _deployed(with_options(project, "prod", "suite", **options)) as layer:
        yield layer


@pytest.fixture(scope="module")
def small_layer(project: Project) -> Iterator[Layer]:
    """dev-test under another name, without NAT gateways, beside the others that a test uses."""
    with _deployed(with_options(project, "dev-test", "small", natGateways=0, vpcEndpoints=[])) as layer:
        yield layer


@contextmanager
def _deployed(stack_file: StackFile) -> Iterator[Layer]:
    with (
        _everything_as_it_was(),
        SimulatedAws(stack_file.region, stack_file.default_tags, stack_file.name_pattern) as cloud,
    ):
        if zone_name := stack_file.settings.dns.hosted_zone_name:
            cloud.add_hosted_zone(zone_name)
        yield Layer(stack_file, run_program(stack_file, cloud), cloud)


@pytest.fixture
def undone() -> Iterator[None]:
    """Whatever the test does to the simulated AWS is undone after it."""
    with _everything_as_it_was():
        yield


@pytest.fixture
def known_clients(prod_layer: Layer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands use the clients that are there: a new session would read the services' models once more."""
    for module in (command, pending, tenants):
        monkeypatch.setattr(module, "client_factory", lambda region: prod_layer.client)


@contextmanager
def _everything_as_it_was() -> Iterator[None]:
    owners = _moto_owners()
    before = [copy.deepcopy(vars(owner), _shared(owners)) for owner in owners]
    try:
        yield
    finally:
        for owner in _moto_owners():
            # A collection's reset is one of everything, and its backends are among the owners.
            if not isinstance(owner, BackendDict) and all(owner is not known for known in owners):
                owner.reset()
        for owner, attributes in zip(owners, before, strict=True):
            vars(owner).clear()
            vars(owner).update(attributes)


def _moto_owners() -> list[Any]:
    """Whatever holds Moto's state: a backend for each service and region, and their collections."""
    collections: list[Any] = list(getattr(BackendDict, "_instances"))  # noqa: B009, Moto has no public name for it
    return collections + [
        backend for collection in collections for account in collection.values() for backend in account.values()
    ]


def _shared(owners: list[Any]) -> dict[int, Any]:
    """What a copy refers to instead of copying it: the owners themselves, and locks."""
    locks = [value for owner in owners for value in vars(owner).values() if isinstance(value, LOCK_TYPE)]
    return {id(item): item for item in [*owners, *locks]}
