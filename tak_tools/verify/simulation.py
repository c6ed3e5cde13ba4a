"""The same checks on a deployment into the simulated AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tak_tools.aws import Aws
from tak_tools.pulumi_stack import StateResource
from tak_tools.verify.checks import Finding, run_checks
from tak_tools.verify.deployment import Deployment

if TYPE_CHECKING:
    from tak_tools.program import Recording
    from tak_tools.simulated_aws import SimulatedAws
    from tak_tools.stack_file import StackFile


def simulated_deployment(stack_file: StackFile, recording: Recording, cloud: SimulatedAws) -> Deployment:
    """The deployment of the program in `cloud`; its registrations replace the stack's state."""
    state = tuple(
        StateResource(item.urn, item.type, item.protect, item.retain_on_delete, item.id) for item in recording.resources
    )
    return Deployment(stack_file, recording.outputs, Aws(cloud.client), state)


def verify_simulation(stack_file: StackFile, recording: Recording, cloud: SimulatedAws) -> list[Finding]:
    """The findings of every check on what a run of the program has deployed into `cloud`."""
    return run_checks(simulated_deployment(stack_file, recording, cloud))
