"""The trust policies and permissions of the two roles, as documents with outputs in them."""

from typing import Any

from pulumi import Input, Output

from tak_base.outputs import BaseLayer

Document = dict[str, Any]
Statement = dict[str, Any]

_TRUST_ECS = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}


def execution_trust() -> Document:
    """Lets ECS assume the execution role; AWS documents no condition for it.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
    """
    return _document(_TRUST_ECS)


def task_trust(base: BaseLayer) -> Document:
    """Lets ECS assume the task role, for tasks of this account and region only.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
    """
    # arn:PARTITION:ecs:REGION:ACCOUNT:cluster/NAME
    cluster = base.ecs_cluster_arn.apply(lambda arn: arn.split(":"))
    condition = {
        "StringEquals": {"aws:SourceAccount": cluster[4]},
        "ArnLike": {"aws:SourceArn": cluster.apply(lambda parts: ":".join([*parts[:5], "*"]))},
    }
    return _document({**_TRUST_ECS, "Condition": condition})


def execution_permissions(base: BaseLayer, log_group_arn: Input[str], secret_arn: Input[str]) -> Document:
    """What ECS needs to start a task: pull its image, write its log, read its secret."""
    return _document(
        # AWS has no narrower resource for it; with the token, only the pull that the next statement allows is possible.
        _allow("SignInToRegistry", ["ecr:GetAuthorizationToken"], "*"),
        _allow(
            "PullImages",
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            base.ecr_repository_arn,
        ),
        _allow("WriteLog", ["logs:CreateLogStream", "logs:PutLogEvents"], _streams_of(log_group_arn)),
        _allow("ReadSecret", ["secretsmanager:GetSecretValue"], secret_arn),
        _decrypt_through(base, "secretsmanager"),
    )


def task_permissions(base: BaseLayer, config_prefix: str) -> Document:
    """What the program in the container may do: read its objects in the config bucket."""
    return _document(
        _allow("ReadConfig", ["s3:GetObject"], Output.format("{}/{}*", base.config_bucket_arn, config_prefix)),
        _decrypt_through(base, "s3"),
    )


def execute_command_permissions(base: BaseLayer, exec_log_group_name: str) -> Document:
    """What ECS Exec also needs: a channel to Session Manager, the key of the session, and its log.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html#ecs-exec-logging
    """
    in_account = base.ecs_cluster_arn.apply(lambda arn: arn.rsplit(":", 1)[0].replace(":ecs:", ":logs:", 1))
    exec_log_group_arn = Output.format("{}:log-group:{}", in_account, exec_log_group_name)
    return _document(
        _allow(
            "OpenChannels",
            [
                "ssmmessages:CreateControlChannel",
                "ssmmessages:CreateDataChannel",
                "ssmmessages:OpenControlChannel",
                "ssmmessages:OpenDataChannel",
            ],
            "*",
        ),
        # The agent in the container calls KMS itself, so there is no kms:ViaService.
        _allow("DecryptSession", ["kms:Decrypt"], base.kms_key_arn),
        _allow("FindLogGroups", ["logs:DescribeLogGroups"], "*"),
        _allow(
            "WriteRecord",
            ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            [exec_log_group_arn, _streams_of(exec_log_group_arn)],
        ),
    )


def _decrypt_through(base: BaseLayer, service: str) -> Statement:
    via = Output.format("{}.{}.amazonaws.com", service, base.region)
    return {
        **_allow("Decrypt", ["kms:Decrypt"], base.kms_key_arn),
        "Condition": {"StringEquals": {"kms:ViaService": via}},
    }


def _streams_of(log_group_arn: Input[str]) -> Output[str]:
    return Output.format("{}:log-stream:*", log_group_arn)


def _allow(sid: str, actions: list[str], resource: Any) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}


def _document(*statements: Statement) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}
