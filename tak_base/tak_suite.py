"""TakSuite: the CloudFormation stack that TAK's own layers import from (docs/tak-suite.md)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from tak_base.outputs import SUITE_EXPORTS, output_value


@dataclass(frozen=True)
class TakSuiteArgs:
    stack_name: str
    """Such as `TAK-Prod-BaseInfra`; the names of the exports begin with it"""
    outputs: Mapping[str, Input[Any]]
    """The stack outputs by their names."""
    protect: bool
    depends_on: Sequence[pulumi.Resource]
    """Everything in the stack."""


class TakSuite(pulumi.ComponentResource):
    """A CloudFormation stack whose only content is the exports that TAK's own layers import.

    It depends on everything in the stack, so `pulumi destroy` begins with it. AWS refuses to delete it while a layer
    imports from it, so the network of running TAK servers stays.
    """

    def __init__(self, name: str, args: TakSuiteArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tak-base:index:TakSuite", name, None, opts)
        self._name = name
        self._args = args
        self._create_stack()
        self.register_outputs({})

    def _create_stack(self) -> aws.cloudformation.Stack:
        sources = {name: self._args.outputs[name] for name, _ in SUITE_EXPORTS.values()}
        template = Output.all(**sources).apply(
            lambda outputs: exports_template(
                self._args.stack_name,
                {key: output_value(outputs, *source) for key, source in SUITE_EXPORTS.items()},
            )
        )
        # No on_failure, timeout_in_minutes or disable_rollback: a change of one of these replaces the stack.
        return aws.cloudformation.Stack(
            f"{self._name}-suite-exports",
            name=self._args.stack_name,
            template_body=Output.json_dumps(template, separators=(",", ":")),
            tags={"Name": self._args.stack_name},
            # The component's own depends_on would not reach it.
            opts=ResourceOptions(parent=self, protect=self._args.protect, depends_on=self._args.depends_on),
        )


def tak_suite(
    name: str,
    stack_name: str | None,
    outputs: Mapping[str, Input[Any]],
    *,
    protect: bool,
    depends_on: Sequence[pulumi.Resource],
) -> TakSuite | None:
    """The exports for TAK's own layers, if the stack file names a TAK environment."""
    return TakSuite(name, TakSuiteArgs(stack_name, outputs, protect, depends_on)) if stack_name else None


def exports_template(stack_name: str, values: Mapping[str, str]) -> dict[str, Any]:
    """The template of a CloudFormation stack that exports `values`, by the ends of the exports' names.

    The values are literals, so the template can be read without AWS, and an update of the stack resolves nothing.
    """
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Exports of the TAK base layer for the layers above it",
        # A stack needs a resource. This one creates nothing.
        "Resources": {"Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"}},
        "Outputs": {
            f"{key}Output": {"Value": value, "Export": {"Name": f"{stack_name}-{key}"}} for key, value in values.items()
        },
    }
