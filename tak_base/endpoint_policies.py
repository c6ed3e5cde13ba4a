"""Endpoint policies: which principals may use a VPC endpoint, and for whose resources. They grant no permission.

The statements follow AWS's data perimeter: https://github.com/aws-samples/data-perimeter-policy-examples
"""

from typing import Any

from tak_base.deployment_target import DeploymentTarget
from tak_base.endpoint_services import OWN_RESOURCES_SERVICES, POLICY_SERVICES
from tak_base.settings import EndpointSettings

# AWS's policy for an endpoint that is created without one.
FULL_ACCESS: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
}

# The condition keys for the owner of the principal and of the resource.
_OWNERS = {
    "account": ("aws:PrincipalAccount", "aws:ResourceAccount"),
    "organization": ("aws:PrincipalOrgID", "aws:ResourceOrgID"),
}


def endpoint_policy(target: DeploymentTarget, service: str, settings: EndpointSettings) -> dict[str, Any] | None:
    """The policy of a service's endpoint; None where the program sets none and AWS's default stays."""
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
        # For example the presigned URLs to which CloudFormation's custom resources answer.
        _allow("AwsServices", Condition={"Bool": {"aws:PrincipalIsAWSService": "true"}}),
    ]
    if service == "s3":
        # ECR redirects a pull to a presigned URL in ECR's bucket, signed by an account of AWS that is
        # not a service principal: https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
        layers = f"arn:{target.partition}:s3:::prod-{target.region}-starport-layer-bucket/*"
        statements.append(_allow("EcrImageLayers", Action="s3:GetObject", Resource=layers))
    if service == "sts":
        # A caller with the token of an identity provider is not yet a principal of an account.
        federation = ["sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"]
        statements.append(
            _allow("OwnRolesByFederation", Action=federation, Condition={"StringEquals": {of_resource: owner}})
        )
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(sid: str, **elements: Any) -> dict[str, Any]:
    # In the policy of a gateway endpoint, a principal can be restricted by conditions only.
    return {"Sid": sid, "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", **elements}
