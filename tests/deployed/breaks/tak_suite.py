"""Breaks of the exports for TAK's own layers."""

import json

from tests.deployed.breaks.harness import breaks
from tests.deployed.case import Case


@breaks("suite-exports", on="suite")
def the_stack_with_the_exports_is_deleted(case: Case) -> list[str]:
    name = case.layer.stack_file.settings.suite_stack_name
    case.client("cloudformation").delete_stack(StackName=name)
    return [f"{name}: found no such CloudFormation stack, expected the stack with the exports"]


@breaks("suite-exports", on="suite")
def the_stack_exports_one_value_less_and_one_that_is_another(case: Case) -> list[str]:
    name = case.layer.stack_file.settings.suite_stack_name
    template = json.loads(case.layer.recording.named("tak-suite-exports").inputs["templateBody"])
    vpc_id = template["Outputs"]["VpcIdOutput"]["Value"]
    template["Outputs"]["VpcIdOutput"]["Value"] = "vpc-other"
    alias = template["Outputs"].pop("KmsAliasOutput")["Value"]
    case.client("cloudformation").update_stack(StackName=name, TemplateBody=json.dumps(template))
    return [
        f"{name}: found output VpcIdOutput vpc-other, expected output VpcIdOutput {vpc_id}",
        f"{name}: found output KmsAliasOutput none, expected output KmsAliasOutput {alias}",
        f"{name}-VpcId: found export vpc-other, expected export {vpc_id}",
        f"{name}-KmsAlias: found export none, expected export {alias}",
    ]
