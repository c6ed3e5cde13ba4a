"""A deployed layer that a test may damage, and what verify finds on it then."""

from dataclasses import dataclass, field
from typing import Any

from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

from tak_tools.aws import Aws
from tak_tools.layer_outputs import LayerOutputs
from tak_tools.pulumi_stack import StateResource
from tak_tools.verify import Deployment, examine, simulated_deployment
from tests.deployed.layer import Layer

ACCOUNT = DEFAULT_ACCOUNT_ID
OTHER_ACCOUNT = "9" * 12
ANYWHERE = "0.0.0.0/0"


@dataclass
class Case(LayerOutputs):
    """A deployed layer that may be damaged: on AWS, in its outputs, in its state."""

    layer: Layer
    outputs: dict[str, Any] = field(init=False)
    state: list[StateResource] = field(init=False)

    def __post_init__(self) -> None:
        self.outputs = self.layer.outputs
        intact = simulated_deployment(self.layer.stack_file, self.layer.recording, self.layer.cloud)
        self.state = list(intact.state or ())

    def deployment(self) -> Deployment:
        return Deployment(self.layer.stack_file, self.outputs, Aws(self.layer.client), tuple(self.state))

    def client(self, service: str) -> Any:
        return self.layer.client(service)

    @property
    def ec2(self) -> Any:
        return self.client("ec2")

    def moto(self, service: str) -> Any:
        """Moto's own model of a service, for damage that no call of its API does."""
        backends: Any = get_backend
        return backends(service)[ACCOUNT][self.layer.stack_file.region]

    @property
    def internet_gateway(self) -> str:
        (gateway,) = self.layer.recording.of_type("InternetGateway")
        return gateway.id

    @property
    def egress_only_gateway(self) -> str:
        (gateway,) = self.layer.recording.of_type("EgressOnlyInternetGateway")
        return gateway.id

    def id(self, name: str) -> str:
        """The physical id of a resource, by its logical name without `tak-`."""
        return self.layer.recording.named(f"tak-{name}").id


def found_by(deployment: Deployment) -> list[str]:
    return sorted(str(finding) for result in examine(deployment) for finding in result.findings)
