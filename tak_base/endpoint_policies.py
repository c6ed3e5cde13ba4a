"""Endpoint policies: whose requests a VPC endpoint lets through, and to whose resources. They grant nothing.

The statements follow AWS's data perimeter: https://github.com/aws-samples/data-perimeter-policy-examples
"""

from typing import Any

from tak_base.deployment_target import DeploymentTarget
from tak_base.endpoint_services import OWN_RESOURCES_SERVICES, POLICY_SERVICES
from tak_base.settings import EndpointSettings

# What AWS gives an endpoint that is made without a policy.
FULL_ACCESS: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
}

# The condition keys for the owner of the caller and of what is called.
_OWNERS = {
    "account": ("aws:PrincipalAccount", "aws:ResourceAccount"),
    "organization": ("aws:PrincipalOrgID", "aws:ResourceOrgID"),
}


def endpoint_policy(target: DeploymentTarget, service: str, settings: EndpointSettings) -> dict[str, Any] | None:
    """The policy of a service's endpoint; None where the program says nothing of it, and AWS's own stays."""
    limit = settings.endpoint_policies
    if service not in POLICY_SERVICES:
        return None
    if limit == "none":
        return FULL_ACCESS
    owner = settings.organization_id if limit == "organization" else target.account_id
    of_caller, of_resource = _OWNERS[limit]
    own = {of_caller: owner, of_resource: owner} if service in OWN_RESOURCES_SERVICES else {of_caller: owner}
    statements = [
        _allow("OwnPrincipals", Condition={"StringEquals": own}),
        # Such as the addresses that CloudFormation has signed for an answer.
        _allow("AwsServices", Condition={"Bool": {"aws:PrincipalIsAWSService": "true"}}),
    ]
    if service == "s3":
        # ECR sends whoever pulls an image to an address in its own bucket, signed by an account of its own that is
        # no service principal: https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
        layers = f"arn:{target.partition}:s3:::prod-{target.region}-starport-layer-bucket/*"
        statements.append(_allow("EcrImageLayers", Action="s3:GetObject", Resource=layers))
    if service == "sts":
        # Whoever comes with a token of an identity provider is nobody's principal yet.
        federation = ["sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"]
        statements.append(
            _allow("OwnRolesByFederation", Action=federation, Condition={"StringEquals": {of_resource: owner}})
        )
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(sid: str, **elements: Any) -> dict[str, Any]:
    # In a gateway endpoint's policy only conditions tell principals apart.
    return {"Sid": sid, "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", **elements}
