"""Handlers of managed policies and identity providers (IAM)."""

from tak_tools import resource_types as types
from tak_tools.simulated_aws.cloud import Created, SimulatedAws, handles
from tak_tools.simulated_aws.inputs import Inputs


@handles(types.OIDC_PROVIDER)
def open_id_connect_provider(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    made = cloud.client("iam").create_open_id_connect_provider(
        Url=inputs.take("url"), ClientIDList=inputs.take("clientIdLists"), Tags=cloud.tag_list(inputs)
    )
    return made["OpenIDConnectProviderArn"], {"arn": made["OpenIDConnectProviderArn"]}


@handles(types.POLICY)
def policy(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    made = cloud.client("iam").create_policy(
        PolicyName=inputs.take("name") or cloud.physical_name(name),
        Path=inputs.take("path", "/"),
        Description=inputs.take("description", ""),
        PolicyDocument=inputs.take("policy"),
        Tags=cloud.tag_list(inputs),
    )["Policy"]
    return made["Arn"], {"arn": made["Arn"], "name": made["PolicyName"]}


@handles(types.ROLE_POLICY_ATTACHMENT)
def role_policy_attachment(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    role, policy_arn = inputs.take("role"), inputs.take("policyArn")
    cloud.client("iam").attach_role_policy(RoleName=role, PolicyArn=policy_arn)
    return f"{role}/{policy_arn}", {}
