"""The names under which AWS offers VPC endpoints, without `com.amazonaws.REGION.` in front."""

GATEWAY_SERVICES = frozenset({"s3", "dynamodb"})

ENDPOINT_SERVICES = frozenset("s3 dynamodb ecr.dkr ecr.api kms secretsmanager logs ssmmessages ssm sts".split())
