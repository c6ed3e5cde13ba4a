"""The stack outputs in an SSM parameter, for readers that are not Pulumi programs."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions


def publish_outputs(
    name: str,
    parameter_name: str,
    outputs: Mapping[str, Input],
    *,
    protect: bool,
    depends_on: Sequence[pulumi.Resource],
) -> aws.ssm.Parameter:
    """An SSM parameter with `outputs` as a JSON object.

    It depends on everything in the stack, so `pulumi destroy` begins with it. Where it is protected, a destroy stops
    before anything is deleted; otherwise the engine would delete the network before it reaches the protected data.
    """
    return aws.ssm.Parameter(
        f"{name}-outputs",
        name=parameter_name,
        description="Stack outputs as JSON",
        # Not a SecureString: it has no secret, and CloudFormation parameters cannot read one.
        type="String",
        # AWS makes it an advanced parameter where it has more than 4 KB, for example with many repositories.
        tier="Intelligent-Tiering",
        # `value` would be a secret in the state, and hidden in every preview.
        insecure_value=Output.json_dumps(dict(sorted(outputs.items())), separators=(",", ":")),
        opts=ResourceOptions(protect=protect, depends_on=depends_on),
    )
