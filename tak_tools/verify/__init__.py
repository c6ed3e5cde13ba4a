"""`tak-base verify`: the architecture as a list of checks of a deployed stack. It only reads."""

# isort: off
# The checks register themselves, in the order in which they run.
from tak_tools.verify import stack, network, endpoints, storage, buckets, compute, images, dns  # noqa: F401
from tak_tools.verify import tak_suite, tags, leftovers  # noqa: F401
# isort: on

from tak_tools.verify.checks import CHECKS, Check, Finding, Result, examine, policy_document, run_checks
from tak_tools.verify.deployment import Deployment
from tak_tools.verify.simulation import simulated_deployment, verify_simulation

__all__ = [
    "CHECKS",
    "Check",
    "Deployment",
    "Finding",
    "Result",
    "examine",
    "policy_document",
    "run_checks",
    "simulated_deployment",
    "verify_simulation",
]
