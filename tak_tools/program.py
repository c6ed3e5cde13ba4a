"""Runs the real `__main__.py` against a stub or a simulation of AWS, and records everything it registers.

Pulumi's mocks take the place of the engine. In addition, the recording has each resource's
options (parent, protect, dependencies), and a URN that is registered twice is an error, as it is for the engine.
"""

import asyncio
import runpy
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pulumi
from pulumi.runtime import rpc, settings
from pulumi.runtime.config import set_all_config
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks, set_mocks

from tak_tools.errors import DeploymentError, InputError
from tak_tools.resource_types import ResourceType, UnknownTypeError, row_of
from tak_tools.stack_file import StackConfig

# Every other package of a resource type is a program's components.
_PROVIDERS = ("aws", "awsx", "pulumi")


class Cloud(Protocol):
    """The replacement of AWS: StubAws or SimulatedAws."""

    def create(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Creates a resource from its inputs (camelCase, whole numbers as int); returns its id and its outputs."""
        ...

    def call(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        """Answers a provider function such as `aws:index/getRegion:getRegion`."""
        ...


@dataclass(frozen=True)
class Registration:
    """One resource as the program registered it."""

    urn: str
    type: str
    name: str
    parent: str
    """The parent's URN; that of the stack for components."""
    id: str
    """Empty for components of this program."""
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    dependencies: frozenset[str]
    """URNs of all dependencies: what its inputs use, and `depends_on`."""
    property_dependencies: Mapping[str, frozenset[str]]
    protect: bool
    retain_on_delete: bool
    delete_before_replace: bool
    ignore_changes: tuple[str, ...]
    replace_on_changes: tuple[str, ...]
    replace_with: frozenset[str]
    """URNs of the resources with which it is replaced."""

    @property
    def row(self) -> ResourceType:
        """The row of its type."""
        return row_of(self.type)

    @property
    def is_component(self) -> bool:
        """Whether this is one of the program's own components: a group of resources, not a resource of AWS."""
        return _is_component(self.type)

    @property
    def explicit_dependencies(self) -> frozenset[str]:
        """URNs that are only in `depends_on`."""
        return self.dependencies.difference(*self.property_dependencies.values())


@dataclass(frozen=True)
class Recording:
    """What a run of the program registered, sorted by URN, and the stack outputs it exported."""

    registrations: tuple[Registration, ...]
    outputs: Mapping[str, Any]

    @property
    def resources(self) -> tuple[Registration, ...]:
        """The registrations without the components."""
        return tuple(item for item in self.registrations if not item.is_component)

    def of_type(self, type_: str) -> list[Registration]:
        """The resources of a type, given whole (`aws:ec2/vpc:Vpc`) or by its last word (`Vpc`)."""
        return [item for item in self.registrations if type_ in (item.type, item.type.rsplit(":", 1)[-1])]

    def named(self, name: str) -> Registration:
        """The resource of a logical name that only one resource has."""
        (found,) = [item for item in self.registrations if item.name == name]
        return found


def run_program(
    stack_file: StackConfig,
    cloud: Cloud,
    on_created: Callable[[str], None] | None = None,
    *,
    live: Mapping[str, Any] | None = None,
) -> Recording:
    """Runs the program of `stack_file` against `cloud`; `on_created` gets the name of each created resource.

    `live` are the outputs of the stack's last update; None: it was never deployed. Raises
    DeploymentError with the resource's name where the cloud refuses one, InputError where the tools have no row for its
    type, and whatever else the program raises.
    """
    monitor = _RecordingMonitor(_CloudMocks(cloud, live), on_created or (lambda name: None))
    set_all_config(stack_file.engine_config, [])
    # Each run gets its own event loop: a failed one leaves tasks behind that must not wake in the next.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    settings.reset_options()
    set_mocks(monitor.mocks, project=stack_file.project.name, stack=stack_file.stack, preview=False, monitor=monitor)
    outputs: dict[str, Any] = {}

    @pulumi.runtime.test
    def program() -> pulumi.Output[None]:
        folder = str(stack_file.project.folder.resolve())
        sys.path.insert(0, folder)
        try:
            runpy.run_path(str(Path(folder, "__main__.py")))
        finally:
            sys.path.remove(folder)
        stack: Any = settings.get_root_resource()
        return pulumi.Output.all(**stack.outputs).apply(outputs.update)

    try:
        with _ctrl_c_stops(monitor):
            program()
    except Exception:
        if monitor.interrupted:
            raise KeyboardInterrupt from None
        if monitor.failure:
            raise monitor.failure from None
        raise
    finally:
        # After a failed run, other errors add nothing to the one that is raised.
        loop.set_exception_handler(lambda *_: None)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        settings.reset_options()
        set_all_config({}, [])
        asyncio.set_event_loop(None)
        loop.close()
    return Recording(tuple(sorted(monitor.registrations.values(), key=lambda item: item.urn)), plain(outputs))


@contextmanager
def _ctrl_c_stops(monitor: "_RecordingMonitor") -> Iterator[None]:
    """Ctrl-C fails the next registration. Raised where the main thread happens to be, it would break Pulumi's loop.

    A second Ctrl-C is raised there all the same.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        signal.signal(signal.SIGINT, before)
        monitor.interrupt()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if monitor.interrupted:
        raise KeyboardInterrupt


class _CloudMocks(Mocks):
    def __init__(self, cloud: Cloud, live: Mapping[str, Any] | None) -> None:
        self._cloud = cloud
        self._live = live

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict]:
        if _is_component(args.typ):
            return "", {}
        return self._cloud.create(args.typ, args.name, plain(args.inputs))

    def call(self, args: MockCallArgs) -> tuple[dict, list[tuple[str, str]] | None]:
        if args.token.startswith("pulumi:"):
            # The engine's answer about the state of the stack.
            return {"outputs": dict(self._live or {})}, []
        try:
            return self._cloud.call(args.token, plain(args.args)), []
        except DeploymentError as error:
            # A lookup that finds nothing is an error in the program, as it is with the engine.
            return {}, [("", str(error))]


class _RecordingMonitor(MockMonitor):
    def __init__(self, mocks: Mocks, on_created: Callable[[str], None]) -> None:
        super().__init__(mocks)
        self.registrations: dict[str, Registration] = {}
        self.failure: DeploymentError | InputError | None = None
        self.interrupted = False
        self._on_created = on_created

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802, the name that gRPC gives it
        if request.type == "pulumi:pulumi:Stack":
            return super().RegisterResource(request)
        urn = self.make_urn(request.parent, request.type, request.name)
        if urn in self.registrations:
            raise self._fail(request, "registered twice: two resources of one type and parent need different names")
        if self.failure:
            raise self.failure
        if not _is_component(request.type):
            try:
                row_of(request.type)
            except UnknownTypeError as error:
                self.failure = InputError([f"{request.name}: {error}"])
                raise self.failure from None
        try:
            response = super().RegisterResource(request)
        except Exception as error:
            raise self._fail(request, str(error)) from error
        self.registrations[urn] = Registration(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            id=response.id,
            inputs=plain(rpc.deserialize_properties(request.object)),
            outputs=plain(rpc.deserialize_properties(response.object)),
            dependencies=frozenset(request.dependencies),
            property_dependencies={name: frozenset(urns.urns) for name, urns in request.propertyDependencies.items()},
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
            delete_before_replace=request.deleteBeforeReplace,
            ignore_changes=tuple(request.ignoreChanges),
            replace_on_changes=tuple(request.replaceOnChanges),
            replace_with=frozenset(request.replace_with),
        )
        self._on_created(request.name)
        return response

    def interrupt(self) -> None:
        """Stops the creation of further resources."""
        self.interrupted = True
        self.failure = DeploymentError("interrupted")

    def _fail(self, request: Any, reason: str) -> DeploymentError:
        failure = DeploymentError(f"{request.name} ({request.type}): {reason}")
        self.failure = failure
        return failure


def _is_component(type_: str) -> bool:
    return type_.split(":")[0] not in _PROVIDERS


def plain(value: Any) -> Any:
    """`value` with whole numbers as int: on its way through the engine every number becomes a float."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
