"""A deployed base layer, as the tests of this folder question it."""

from dataclasses import dataclass
from typing import Any

from tak_tools.program import Recording
from tak_tools.simulated_aws import SimulatedAws
from tak_tools.stack_file import StackFile


@dataclass(frozen=True)
class Layer:
    """A deployed base layer: what the program was given, what it registered, and the AWS to question."""

    stack_file: StackFile
    recording: Recording
    cloud: SimulatedAws

    @property
    def outputs(self) -> dict[str, Any]:
        return dict(self.recording.outputs)

    def client(self, service: str) -> Any:
        return self.cloud.client(service)

    def in_vpc(self, operation: str, key: str) -> list[dict[str, Any]]:
        """What an EC2 operation lists of the layer's VPC."""
        filters = [{"Name": "vpc-id", "Values": [self.outputs["vpcId"]]}]
        return getattr(self.client("ec2"), operation)(Filters=filters)[key]
