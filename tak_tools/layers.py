"""What a layer above needs to run in the tools: the base layer, deployed in the same cloud."""

from collections.abc import Callable, Mapping
from typing import Any

from tak_tools.program import Cloud, run_program
from tak_tools.stack_file import LayerAbove


class OnTopOf:
    """A cloud with a deployed stack: it answers a StackReference to that stack with its outputs."""

    def __init__(self, cloud: Cloud, stack: str, outputs: Mapping[str, Any]) -> None:
        self._cloud = cloud
        self._stack = stack
        self.outputs = outputs

    def create(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        if type_ != "pulumi:pulumi:StackReference":
            return self._cloud.create(type_, name, inputs)
        if inputs["name"] != self._stack:
            raise RuntimeError(f"unknown stack {inputs['name']}: only {self._stack} is deployed here")
        return name, {"name": self._stack, "outputs": dict(self.outputs), "secretOutputNames": []}

    def call(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        return self._cloud.call(token, args)


def on_base_layer(
    layer: LayerAbove, cloud: Cloud, *, below: Cloud, on_created: Callable[[str], None] | None = None
) -> OnTopOf:
    """Deploys the base layer of `layer` into `below`, which has its tags; returns `cloud` with its outputs."""
    return OnTopOf(cloud, layer.reference, run_program(layer.base, below, on_created).outputs)
