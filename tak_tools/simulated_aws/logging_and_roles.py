"""Handlers of log groups, roles, parameters and stacks (CloudWatch Logs, IAM, Systems Manager, CloudFormation)."""

from tak_tools import resource_types as types
from tak_tools.simulated_aws.cloud import Created, SimulatedAws, handles
from tak_tools.simulated_aws.inputs import Inputs


@handles(types.LOG_GROUP)
def log_group(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    logs = cloud.client("logs")
    group_name = inputs.take("name") or cloud.physical_name(name)
    logs.create_log_group(logGroupName=group_name, kmsKeyId=inputs.take("kmsKeyId"), tags=cloud.tags(inputs))
    logs.put_retention_policy(logGroupName=group_name, retentionInDays=inputs.take("retentionInDays"))
    (made,) = logs.describe_log_groups(logGroupNamePrefix=group_name)["logGroups"]
    return group_name, {"name": group_name, "arn": made["arn"].removesuffix(":*")}


@handles(types.ROLE)
def role(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    boundary = inputs.take("permissionsBoundary")
    made = cloud.client("iam").create_role(
        RoleName=inputs.take("name") or cloud.physical_name(name),
        Path=inputs.take("path", "/"),
        Description=inputs.take("description", ""),
        AssumeRolePolicyDocument=inputs.take("assumeRolePolicy"),
        MaxSessionDuration=inputs.take("maxSessionDuration", 3600),
        Tags=cloud.tag_list(inputs),
        **({"PermissionsBoundary": boundary} if boundary else {}),
    )["Role"]
    return made["RoleName"], {"arn": made["Arn"], "name": made["RoleName"]}


@handles(types.ROLE_POLICY)
def role_policy(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    role_name, policy_name = inputs.take("role"), inputs.take("name") or cloud.physical_name(name)
    cloud.client("iam").put_role_policy(
        RoleName=role_name, PolicyName=policy_name, PolicyDocument=inputs.take("policy")
    )
    return f"{role_name}:{policy_name}", {"name": policy_name}


@handles(types.PARAMETER)
def parameter(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    parameter_name, ssm = inputs.take("name"), cloud.client("ssm")
    ssm.put_parameter(
        Name=parameter_name,
        Description=inputs.take("description"),
        Type=inputs.take("type"),
        Tier=inputs.take("tier"),
        Value=inputs.take("insecureValue"),
        Tags=cloud.tag_list(inputs),
    )
    arn = ssm.get_parameter(Name=parameter_name)["Parameter"]["ARN"]
    return parameter_name, {"name": parameter_name, "arn": arn}


@handles(types.CLOUDFORMATION_STACK)
def cloudformation_stack(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    made = cloud.client("cloudformation").create_stack(
        StackName=inputs.take("name"), TemplateBody=inputs.take("templateBody"), Tags=cloud.tag_list(inputs)
    )
    return made["StackId"], {}
