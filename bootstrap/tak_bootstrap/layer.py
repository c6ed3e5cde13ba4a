"""The IAM actions that a deployment of the base layer needs, for everything that it registers and looks up.

The actions of a resource type are in its row of tak_tools/resource_types.py, those of a lookup here.
"""

from dataclasses import fields

from tak_tools import resource_types as types
from tak_tools.resource_types import Actions

# Every logical name of the layer begins with it (__main__.py).
LOGICAL_NAMES = "tak-"

# What the program looks up. Those without actions need no permission.
LOOKUPS: dict[str, Actions] = {
    "aws:index/getAvailabilityZones:getAvailabilityZones": Actions(read="ec2:DescribeAvailabilityZones"),
    "aws:index/getCallerIdentity:getCallerIdentity": Actions(),
    "aws:index/getPartition:getPartition": Actions(),
    "aws:index/getRegion:getRegion": Actions(),
    "aws:route53/getZone:getZone": Actions(
        read="route53:ListHostedZones route53:ListHostedZonesByName route53:GetHostedZone route53:ListTagsForResource"
    ),
}

# What `tak-base verify` lists to find what the stack does not know (tak_tools/aws_search.py). Nothing but the region
# narrows these.
SEARCH = ("ecr:DescribeRepositories", "iam:ListRoles", "s3:ListAllMyBuckets", "tag:GetResources")

# What `tak-base verify` reads to know which images are in use (tak_tools/verify/images.py): of the repositories and the
# cluster, and what nothing but the region narrows.
IMAGE_READS = ("ecr:BatchGetImage", "ecr:DescribeImages")
TASK_READS = ("ecs:DescribeServices", "ecs:DescribeTasks", "ecs:ListServices", "ecs:ListTasks")
IMAGE_USER_READS = (
    "ecs:DescribeTaskDefinition",
    "events:ListEventBuses",
    "events:ListRuleNamesByTarget",
    "events:ListTargetsByRule",
    "lambda:GetFunction",
    "lambda:ListFunctions",
    "scheduler:GetSchedule",
    "scheduler:ListSchedules",
)

# The tokens of everything that the layer registers or looks up, and what awsx makes in its components.
ACTIONS = {token: row.actions for token, row in types.ROWS.items() if row.base_layer} | LOOKUPS

# IAM's names of the resources that EC2 actions create. At creation they have only the tags of the request.
MADE_BY = {row.actions.create.split()[0]: row.ec2_resource for row in types.ROWS.values() if row.ec2_resource}

# The actions of the layer's roles: VPC Flow Logs writes with one.
ROLE_ACTIONS = ("logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents")

EVERY_COLUMN = tuple(field.name for field in fields(Actions))
WRITING = ("create", "update", "delete")


def actions(start: str, columns: tuple[str, ...] = EVERY_COLUMN, type_: str | None = None) -> set[str]:
    """The actions whose name begins with `start`, such as `ec2:`, in some columns, of one type or of all."""
    rows = [row.actions for row in (types.row_of(type_), *types.row_of(type_).parts)] if type_ else ACTIONS.values()
    return {
        action
        for row in rows
        for column in columns
        for action in getattr(row, column).split()
        if action.startswith(start)
    }
