"""Where a stack is deployed to: the account, region and partition of the default AWS provider."""

from dataclasses import dataclass

# In other partitions endpoints have other names, and load balancers deliver logs from other accounts.
PARTITIONS = ("aws", "aws-us-gov")


@dataclass(frozen=True)
class DeploymentTarget:
    """Account, region and partition, and the ARNs that are known before a resource exists."""

    account_id: str
    region: str
    partition: str
    """aws or aws-us-gov"""
    dns_suffix: str
    """The last part of regional service principals."""

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a regional resource of this account."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account_id}:{resource}"

    def policy_arn(self, name: str) -> str:
        """The ARN of an IAM policy of this account; `name` begins with the path."""
        return f"arn:{self.partition}:iam::{self.account_id}:policy/{name}"


def look_up_target() -> DeploymentTarget:
    """Looks up the target of the default AWS provider. Raises RunError in an unsupported partition."""
    # Imported here: tools that make policy documents for a target do not load Pulumi.
    import pulumi
    import pulumi_aws as aws

    partition = aws.get_partition()
    if partition.partition not in PARTITIONS:
        raise pulumi.RunError(f"AWS partition: found {partition.partition}, expected {' or '.join(PARTITIONS)}")
    return DeploymentTarget(
        account_id=aws.get_caller_identity().account_id,
        region=aws.get_region().region,
        partition=partition.partition,
        dns_suffix=partition.dns_suffix,
    )
