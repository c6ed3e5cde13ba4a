"""A deployed base layer, as the tests of this folder question it."""

from dataclasses import dataclass
from typing import Any, cast

from tak_base.addressing import Tier
from tak_tools.aws import Aws
from tak_tools.aws_search import Search
from tak_tools.layer_outputs import LayerOutputs
from tak_tools.program import Recording
from tak_tools.simulated_aws import SimulatedAws
from tak_tools.stack_file import StackFile


@dataclass(frozen=True)
class Layer(LayerOutputs):
    """A deployed base layer: what the program was given, what it registered, and the AWS to question."""

    stack_file: StackFile
    recording: Recording
    cloud: SimulatedAws

    @property
    def outputs(self) -> dict[str, Any]:
        return dict(self.recording.outputs)

    def subnet(self, place: str) -> str:
        """The ID of a subnet, such as that of `private-a`."""
        tier, zone = place.split("-")
        return self.subnet_id(cast(Tier, tier), zone)

    def table(self, place: str) -> str:
        """The ID of the route table that is published for a subnet."""
        tier, zone = place.split("-")
        return self.route_table_id(cast(Tier, tier), zone)

    def client(self, service: str) -> Any:
        return self.cloud.client(service)

    @property
    def search(self) -> Search:
        return Search(self.stack_file, Aws(self.client))

    def in_vpc(self, operation: str, key: str) -> list[dict[str, Any]]:
        """What an EC2 operation lists of the layer's VPC."""
        filters = [{"Name": "vpc-id", "Values": [self.vpc_id]}]
        return getattr(self.client("ec2"), operation)(Filters=filters)[key]
