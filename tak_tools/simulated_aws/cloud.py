"""SimulatedAws: the cloud that turns registrations into API calls against Moto."""

import os
import secrets
import threading
from collections.abc import Callable, Mapping
from typing import Any, Self
from unittest.mock import patch

import boto3
from botocore.config import Config
from moto import mock_aws

from tak_tools.moto_gaps import close_gaps
from tak_tools.physical_names import DEFAULT_PATTERN, physical_name
from tak_tools.resource_types import ResourceType
from tak_tools.simulated_aws.inputs import Inputs

Created = tuple[str, dict[str, Any]]
Handler = Callable[["SimulatedAws", str, Inputs], Created]

Answer = Callable[["SimulatedAws", dict[str, Any]], dict[str, Any]]

_HANDLERS: dict[str, Handler] = {}
_ANSWERS: dict[str, Answer] = {}


def handles(type_: ResourceType) -> Callable[[Handler], Handler]:
    """Registers the function that makes resources of a type: (cloud, logical name, inputs) -> (id, outputs)."""

    def register(handler: Handler) -> Handler:
        _HANDLERS[type_.token] = handler
        return handler

    return register


def answers(token: str) -> Callable[[Answer], Answer]:
    """Registers the function that answers a lookup of the provider: (cloud, arguments) -> result."""

    def register(answer: Answer) -> Answer:
        _ANSWERS[token] = answer
        return answer

    return register


class SimulatedAws:
    """A context in which boto3 calls a simulated AWS in this process, which is empty at first.

    As a `Cloud` (tak_tools.program) it makes what a program registers; `client` answers questions about it.
    `default_tags` go on everything that can have a tag, as the default provider's do. A resource without a name
    gets one by `name_pattern`, as from the engine.
    """

    def __init__(
        self, region: str, default_tags: Mapping[str, str] | None = None, name_pattern: str = DEFAULT_PATTERN
    ) -> None:
        self.region = region
        self._name_pattern = name_pattern
        self._default_tags = dict(default_tags or {})
        self._moto = mock_aws()
        self._environment = patch.dict(os.environ, _ENVIRONMENT)
        # The program registers resources in several threads; Moto's models are not thread-safe.
        self._lock = threading.RLock()
        self._clients: dict[str, Any] = {}
        self._session: Any = None

    def __enter__(self) -> Self:
        close_gaps()
        self._environment.start()
        self._moto.start()
        self._session = boto3.Session(
            aws_access_key_id="simulated",
            aws_secret_access_key="simulated",  # noqa: S106, no credential
            region_name=self.region,
        )
        return self

    def __exit__(self, *exception: object) -> None:
        self._moto.stop()
        self._environment.stop()
        # A client that is made from now on would call the real AWS.
        self._session = None
        self._clients.clear()

    def client(self, service: str) -> Any:
        """A boto3 client of a service, made once."""
        if self._session is None:
            raise RuntimeError("SimulatedAws is used outside its with block")
        with self._lock:
            if service not in self._clients:
                close_gaps(service)
                self._clients[service] = self._session.client(service, config=_CLIENT_CONFIG)
            return self._clients[service]

    def create(self, type_: str, name: str, inputs: dict[str, Any]) -> Created:
        """Makes a resource. An input that its handler does not know is an error, so that none is ignored."""
        handler = _HANDLERS.get(type_)
        if handler is None:
            raise NotImplementedError(f"the simulated AWS has no handler for {type_} (tak_tools/simulated_aws)")
        tracked = Inputs(inputs)
        with self._lock:
            created = handler(self, name, tracked)
        unread = tracked.unread()
        if unread:
            raise NotImplementedError(
                f"the simulated AWS does not know the input {', '.join(unread)}"
                f" (tak_tools/simulated_aws, {handler.__name__})"
            )
        return created

    def call(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        """Answers a lookup."""
        answer = _ANSWERS.get(token)
        if answer is None:
            raise NotImplementedError(f"the simulated AWS has no answer for {token} (tak_tools/simulated_aws)")
        with self._lock:
            return answer(self, args)

    def add_hosted_zone(self, zone_name: str) -> None:
        """Creates a public hosted zone, which an account has before the base layer is deployed."""
        self.client("route53").create_hosted_zone(Name=zone_name, CallerReference=zone_name)

    @property
    def account_id(self) -> str:
        return self.client("sts").get_caller_identity()["Account"]

    def tags(self, inputs: Inputs) -> dict[str, str]:
        """The resource's tags over the default tags."""
        return self._default_tags | (inputs.take("tags") or {})

    def tag_list(self, inputs: Inputs) -> list[dict[str, str]]:
        """`tags` in the form of most services."""
        return [{"Key": key, "Value": value} for key, value in self.tags(inputs).items()]

    def tag_specifications(self, inputs: Inputs, resource_type: str) -> list[dict[str, Any]]:
        """`tags` in the form of EC2's create operations."""
        tags = self.tag_list(inputs)
        return [{"ResourceType": resource_type, "Tags": tags}] if tags else []

    def physical_name(self, name: str) -> str:
        """The physical name of a resource for which the program gives none."""
        return physical_name(self._name_pattern, name, lambda digits: secrets.token_hex(digits)[:digits])


# Throttled calls are retried as by the provider: up to 25 times, less with aws:maxRetries in the stack file.
_CLIENT_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 5})


_ENVIRONMENT = {
    # Moto's catalogue of machine images takes a quarter of a second, and this layer has no machines.
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
    # The user's credentials, profile and endpoints are not used.
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
}
