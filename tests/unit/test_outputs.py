"""The contract with the layers above, from both sides."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest

from tak_base.addressing import plan_addresses
from tak_base.outputs import STACK_OUTPUTS
from tak_tools.layer_outputs import LayerOutputs
from tak_tools.program import Recording, run_program
from tak_tools.stack_file import Project, StackConfig
from tak_tools.stub_aws import StubAws
from tests.options import EVERY_OPTION, Evaluate, Outputs

STACK = "organization/tak-base/prod"

# A layer above: it exports all that it can read, so its outputs are those of the base layer once more.
LAYER_ABOVE = f"from tak_base.outputs import BaseLayer\nBaseLayer.from_stack({STACK!r}).export()\n"

# What from_stack gives of the outputs that a stack may be without.
NO_OPTIONS: dict[str, Any] = dict.fromkeys(name for name, output in STACK_OUTPUTS.items() if output.only_with)


class DeployedStacks(StubAws):
    """Answers a reference to STACK with its outputs."""

    def __init__(self, outputs: Mapping[str, Any]) -> None:
        super().__init__("ap-southeast-2")
        self._outputs = outputs

    def create(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        assert (type_, inputs["name"]) == ("pulumi:pulumi:StackReference", STACK)
        return name, {"name": name, "outputs": dict(self._outputs), "secretOutputNames": []}


def read_from_above(folder: Path, outputs: Mapping[str, Any]) -> Mapping[str, Any]:
    (folder / "__main__.py").write_text(LAYER_ABOVE, encoding="utf-8")
    config = StackConfig(Project(folder, "layer-above", {}), "prod", {})
    return run_program(config, DeployedStacks(outputs)).outputs


def test_a_layer_above_reads_every_output(tmp_path: Path, prod: Recording) -> None:
    assert read_from_above(tmp_path, prod.outputs) == {**NO_OPTIONS, **prod.outputs}


def test_a_layer_above_reads_the_outputs_of_every_option(tmp_path: Path, evaluate: Evaluate) -> None:
    outputs = evaluate("prod", **EVERY_OPTION).outputs

    assert read_from_above(tmp_path, outputs) == outputs


def test_a_layer_above_reads_no_endpoint_security_group_where_there_is_none(
    tmp_path: Path, dev_test: Recording
) -> None:
    assert read_from_above(tmp_path, dev_test.outputs) == {
        **NO_OPTIONS,
        **dev_test.outputs,
    }


def test_a_layer_above_stops_at_outputs_that_the_stack_lacks(tmp_path: Path, prod: Recording) -> None:
    missing = [name for name in STACK_OUTPUTS if name in prod.outputs][5:7]
    older = {name: value for name, value in prod.outputs.items() if name not in missing}

    with pytest.raises(pulumi.RunError) as caught:
        read_from_above(tmp_path, older)

    assert str(caught.value) == (
        f"stack {STACK}: found no output {', '.join(missing)}, which this contract expects: deploy the stack with"
        " the current tak-base"
    )


def test_the_contract_says_the_type_of_every_output(evaluate: Evaluate) -> None:
    outputs = evaluate("prod", **EVERY_OPTION).outputs

    assert {name: type(value) for name, value in outputs.items()} == {
        name: output.type for name, output in STACK_OUTPUTS.items()
    }
    assert {output.type_name for output in STACK_OUTPUTS.values()} == {
        "a string",
        "true or false",
        "a list of strings",
        "a map of strings",
    }


def test_a_stack_is_without_exactly_the_outputs_of_what_it_does_not_have(prod: Recording, dev_test: Recording) -> None:
    every_stack = {name for name, output in STACK_OUTPUTS.items() if not output.only_with}

    assert dev_test.outputs.keys() == every_stack
    assert prod.outputs.keys() == every_stack | {LayerOutputs.endpoint_group_id.name}


def test_every_subnet_of_the_address_plan_has_an_output() -> None:
    meanings = {name: output.meaning for name, output in STACK_OUTPUTS.items()}
    planned = [Outputs(meanings).subnet_id(subnet.tier, subnet.zone) for subnet in plan_addresses(0, 0).subnets]

    assert planned == [text for text in meanings.values() if re.match("ID of the (public|private) subnet in", text)]


def test_the_route_table_of_each_subnet_is_the_one_that_it_is_associated_with(prod: Recording) -> None:
    layer = Outputs(prod.outputs)
    associated = {
        item.inputs["subnetId"]: item.inputs["routeTableId"] for item in prod.of_type("RouteTableAssociation")
    }

    assert associated == {
        layer.subnet_id(subnet.tier, subnet.zone): layer.route_table_id(subnet.tier, subnet.zone)
        for subnet in plan_addresses(0, 0).subnets
    }
