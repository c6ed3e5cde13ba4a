"""The policies of buckets: pure functions from a bucket's ARN to a policy document."""

from typing import Any

from tak_base.deployment_target import DeploymentTarget

# In China, Elastic Load Balancing writes the logs of an Application Load Balancer from an account of its own in each
# region (aws-cdk, region-info, fact-tables.ts); elsewhere by a service principal.
_ELB_ACCOUNTS = {"cn-north-1": "638102146993", "cn-northwest-1": "037604701340"}


def tls_only_policy(bucket_arn: str) -> dict[str, Any]:
    """Refuses requests without TLS."""
    return _document(_tls_only(bucket_arn))


def load_balancer_log_policy(target: DeploymentTarget, bucket_arn: str) -> dict[str, Any]:
    """Lets the load balancers of the account and region write access logs, under any prefix or none.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/enable-access-logs.html
    """
    # The service itself puts the account that has the load balancer into the path: no other account's logs get in.
    logs = [f"{bucket_arn}/{prefix}AWSLogs/{target.account_id}/*" for prefix in ("", "*/")]
    elb_account = _ELB_ACCOUNTS.get(target.region)
    delivery = {"Effect": "Allow", "Principal": {"Service": "delivery.logs.amazonaws.com"}}
    from_own_account = {
        "StringEquals": {"aws:SourceAccount": [target.account_id]},
        "ArnLike": {"aws:SourceArn": [target.arn("logs", "*")]},
    }
    return _document(
        _tls_only(bucket_arn),
        {
            "Sid": "ApplicationLoadBalancersWriteLogs",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:{target.partition}:iam::{elb_account}:root"}
            if elb_account
            else {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": logs,
        },
        delivery
        | {
            "Sid": "NetworkLoadBalancersCheckTheBucket",
            "Action": "s3:GetBucketAcl",
            "Resource": bucket_arn,
            "Condition": from_own_account,
        },
        delivery
        | {
            "Sid": "NetworkLoadBalancersWriteLogs",
            "Action": "s3:PutObject",
            "Resource": logs,
            "Condition": {
                "StringEquals": from_own_account["StringEquals"] | {"s3:x-amz-acl": "bucket-owner-full-control"},
                "ArnLike": from_own_account["ArnLike"],
            },
        },
    )


def _tls_only(bucket_arn: str) -> dict[str, Any]:
    return {
        "Sid": "RefuseUnencryptedTransport",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket_arn, f"{bucket_arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def _document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}
