"""The policy documents of the key, buckets, repositories and flow log, and lifecycle rules: pure functions.

The program deploys them, and `tak-base verify` compares AWS with them. Those of endpoints: endpoint_policies.py.
"""

from collections.abc import Sequence
from typing import Any

from tak_base.deployment_target import DeploymentTarget

_UNTAGGED_IMAGE_DAYS = 14

# After how many days a noncurrent version of an object expires.
NONCURRENT_VERSION_DAYS = 90


def tls_only_policy(bucket_arn: str) -> dict[str, Any]:
    """Refuses requests without TLS."""
    return _document(_tls_only(bucket_arn))


def load_balancer_log_policy(target: DeploymentTarget, bucket_arn: str) -> dict[str, Any]:
    """Lets the load balancers of the account and region write access logs, under any prefix or none.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/enable-access-logs.html
    """
    # The service puts the account of the load balancer into the path, so no other account's logs are accepted.
    logs = [f"{bucket_arn}/{prefix}AWSLogs/{target.account_id}/*" for prefix in ("", "*/")]
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
            "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
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


def key_policy(target: DeploymentTarget, cluster_name: str, log_group_names: tuple[str, ...]) -> dict[str, Any]:
    """Who may use the key: what IAM policies of the account allow, Fargate for one cluster, and CloudWatch Logs.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-create-storage-key.html
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    fargate_cluster = {
        "StringEquals": {
            "kms:EncryptionContext:aws:ecs:clusterAccount": [target.account_id],
            "kms:EncryptionContext:aws:ecs:clusterName": [cluster_name],
        }
    }
    log_group_arns = [target.arn("logs", f"log-group:{name}") for name in log_group_names]
    return _document(
        {
            "Sid": "AccountDecidesThroughIam",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:{target.partition}:iam::{target.account_id}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Sid": "FargateMakesDataKeys",
            "Effect": "Allow",
            "Principal": {"Service": "fargate.amazonaws.com"},
            "Action": "kms:GenerateDataKeyWithoutPlaintext",
            "Resource": "*",
            "Condition": fargate_cluster,
        },
        {
            "Sid": "FargateGrantsDecryption",
            "Effect": "Allow",
            "Principal": {"Service": "fargate.amazonaws.com"},
            "Action": "kms:CreateGrant",
            "Resource": "*",
            "Condition": fargate_cluster | {"ForAllValues:StringEquals": {"kms:GrantOperations": ["Decrypt"]}},
        },
        {
            "Sid": "CloudWatchLogsEncryptsLogGroups",
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{target.region}.{target.dns_suffix}"},
            "Action": [
                "kms:Encrypt*",
                "kms:Decrypt*",
                "kms:ReEncrypt*",
                "kms:GenerateDataKey*",
                "kms:Describe*",
            ],
            "Resource": "*",
            "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_group_arns}},
        },
    )


def lambda_pull_policy(target: DeploymentTarget) -> dict[str, Any]:
    """Lets the Lambda functions of the account and region run images.

    https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#configuration-images-permissions
    """
    return _document(
        {
            "Sid": "LambdaPullsImages",
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Condition": {"ArnLike": {"aws:SourceArn": target.arn("lambda", "function:*")}},
        }
    )


def bucket_lifecycle(
    noncurrent_version_days: int = NONCURRENT_VERSION_DAYS, expire_after_days: int | None = None
) -> dict[str, dict[str, Any]]:
    """The lifecycle rules of a bucket by their IDs, as Pulumi properties; None: current objects do not expire."""
    rules: dict[str, dict[str, Any]] = {
        "expire-noncurrent-versions": {"noncurrent_version_expiration": {"noncurrent_days": noncurrent_version_days}},
        "abort-unfinished-uploads": {"abort_incomplete_multipart_upload": {"days_after_initiation": 7}},
    }
    if expire_after_days:
        rules["expire-objects"] = {"expiration": {"days": expire_after_days}}
    return rules


def load_balancer_log_lifecycle(log_retention_days: int) -> dict[str, dict[str, Any]]:
    """The lifecycle rules of the load balancer log bucket, as those of `bucket_lifecycle`."""
    return bucket_lifecycle(min(log_retention_days, NONCURRENT_VERSION_DAYS), log_retention_days)


def lifecycle_policy(tag_prefixes: Sequence[str], retention_count: int | None) -> dict[str, Any]:
    """Untagged images expire by age, tagged ones by count: for each prefix, or over all without prefixes.

    Without a count, tagged images never expire.

    One rule for each prefix: a single count over all of them would delete the live images of a component that is built
    rarely. https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
    """
    rules = [
        _lifecycle_rule(
            f"Untagged images expire after {_UNTAGGED_IMAGE_DAYS} days",
            tagStatus="untagged",
            countType="sinceImagePushed",
            countNumber=_UNTAGGED_IMAGE_DAYS,
            countUnit="days",
        )
    ]
    newest = {"countType": "imageCountMoreThan", "countNumber": retention_count}
    if retention_count is None:
        tag_prefixes = ()
    elif not tag_prefixes:
        # ECR demands that a rule for any tag has the last priority.
        rules.append(_lifecycle_rule(f"Keep the newest {retention_count} images", tagStatus="any", **newest))
    for prefix in tag_prefixes:
        description = f"Keep the newest {retention_count} images with the tag prefix {prefix}"
        rules.append(_lifecycle_rule(description, tagStatus="tagged", tagPrefixList=[prefix], **newest))
    return {"rules": [{"rulePriority": priority, **rule} for priority, rule in enumerate(rules, start=1)]}


def flow_log_trust_policy(target: DeploymentTarget) -> dict[str, Any]:
    """Lets VPC Flow Logs use the role, for this account only (confused deputy).

    https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
    """
    return _document(
        {
            "Effect": "Allow",
            "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": target.account_id},
                "ArnLike": {"aws:SourceArn": target.arn("ec2", "vpc-flow-log/*")},
            },
        }
    )


def flow_log_permissions(target: DeploymentTarget, log_group_name: str) -> dict[str, Any]:
    """Lets the role write to one log group."""
    log_group_arn = target.arn("logs", f"log-group:{log_group_name}")
    return _document(
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "Resource": [log_group_arn, f"{log_group_arn}:*"],
        },
        # DescribeLogGroups cannot be limited to one log group.
        {"Effect": "Allow", "Action": "logs:DescribeLogGroups", "Resource": target.arn("logs", "log-group:*")},
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


def _lifecycle_rule(description: str, **selection: Any) -> dict[str, Any]:
    return {"description": description, "selection": selection, "action": {"type": "expire"}}
