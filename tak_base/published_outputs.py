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

    It depends on everything in the stack, so `pulumi destroy` deletes it first. Protected, it stops a destroy before
    anything is deleted; without it, the engine deletes the network before it comes to the protected data.
    """
    return aws.ssm.Parameter(
        f"{name}-outputs",
        name=parameter_name,
        description="Stack outputs as JSON",
        # A String, not a SecureString: there is no secret in it, and CloudFormation parameters read no SecureString.
        type="String",
        # Over 4 KB the parameter becomes an advanced one by itself, with many repositories for example.
        tier="Intelligent-Tiering",
        # `value` would be a secret of the state, and hidden in every preview.
        insecure_value=Output.json_dumps(dict(sorted(outputs.items())), separators=(",", ":")),
        opts=ResourceOptions(protect=protect, depends_on=depends_on),
    )
