"""The check of the exports for TAK's own layers."""

from collections.abc import Iterable

from tak_base.outputs import SUITE_EXPORTS, output_value
from tak_tools.verify.checks import Difference, check, differ
from tak_tools.verify.deployment import Deployment

# The states in which the exports are there. UPDATE_ROLLBACK_COMPLETE: an update was refused, and nothing has changed.
_DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")


@check(
    "suite-exports",
    "With `takSuite`, the CloudFormation stack exports every value that TAK's own layers import, with the value of the"
    " stack output.",
    actions=("cloudformation:DescribeStacks", "cloudformation:ListExports"),
)
def suite_exports(deployment: Deployment) -> Iterable[Difference]:
    name = deployment.settings.suite_stack_name
    if not name:
        return
    stack = deployment.suite_stack
    if not stack:
        yield Difference(name, "no such CloudFormation stack", "the stack with the exports")
        return
    if stack["StackStatus"] not in _DONE:
        yield Difference(name, f"state {stack['StackStatus']}", f"state {' or '.join(_DONE)}")
    outputs = {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}
    listed = deployment.aws.ask("cloudformation", "list_exports")["Exports"]
    # Another stack may have an export of that name.
    exports = {item["Name"]: item["Value"] for item in listed if item["ExportingStackId"] == stack["StackId"]}
    for key, source in SUITE_EXPORTS.items():
        expected = output_value(deployment.outputs, *source)
        yield from differ(name, f"output {key}Output", outputs.get(f"{key}Output"), expected)
        yield from differ(f"{name}-{key}", "export", exports.get(f"{name}-{key}"), expected)
