"""A simulated AWS in this process, on Moto: every resource that the program registers becomes an API call.

botocore checks the parameters, Moto checks what they refer to (unknown ids, overlapping ranges, ...) and answers
with real ids and ARNs. What Moto lacks is listed where a handler works around it.
"""

# The handlers and answers register themselves.
from tak_tools.simulated_aws import (  # noqa: F401
    containers,
    dns,
    identity,
    logging_and_roles,
    lookups,
    networking,
    services,
    storage,
)
from tak_tools.simulated_aws.cloud import SimulatedAws

__all__ = ["SimulatedAws"]
