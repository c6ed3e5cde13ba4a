"""Breaks of the tags."""

from tak_tools.pulumi_stack import StateResource
from tests.deployed.breaks.harness import breaks
from tests.deployed.case import ACCOUNT, Case
from tests.deployed.resources import policy_of
from tests.options import TAGS


@breaks("tags")
def tags_of_the_network_are_removed(case: Case) -> list[str]:
    vpc_id, eip = case.vpc_id, case.id("eip-a")
    case.ec2.delete_tags(Resources=[vpc_id], Tags=[{"Key": "Project"}, {"Key": "ManagedBy"}])
    case.ec2.create_tags(Resources=[eip], Tags=[{"Key": "Environment", "Value": "test"}])
    return [
        f"{vpc_id}: found Project=(none), ManagedBy=(none), expected Project=TAK, ManagedBy=Pulumi",
        f"{eip}: found Environment=test, expected Environment=prod",
    ]


@breaks("tags")
def tags_of_the_data_are_removed(case: Case) -> list[str]:
    case.client("s3").delete_bucket_tagging(Bucket=case.bucket_name)
    case.client("kms").untag_resource(KeyId=case.key_arn, TagKeys=[*TAGS])
    case.client("ecr").untag_resource(resourceArn=case.repository_arn, tagKeys=[*TAGS])
    case.client("ecs").untag_resource(resourceArn=case.cluster_arn, tagKeys=[*TAGS])
    return [no_tags(name) for name in (case.bucket_name, case.id("key"), case.repository_name, case.cluster_arn)]


@breaks("tags")
def tags_of_the_logging_are_removed(case: Case) -> list[str]:
    group, role = "/tak-base-prod/flow-log", case.id("flow-log-role")
    arn = f"arn:aws:logs:ap-southeast-2:{ACCOUNT}:log-group:{group}"
    case.client("logs").untag_resource(resourceArn=arn, tagKeys=[*TAGS])
    case.client("iam").untag_role(RoleName=role, TagKeys=[*TAGS])
    return [no_tags(name) for name in (group, role)]


@breaks("tags")
def a_role_with_a_name_of_version_0_1_0_has_no_tags(case: Case) -> list[str]:
    name = "tak-flow-log-role-1234567"
    case.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy_of({"Effect": "Allow"}))
    case.state.append(StateResource(f"urn:{name}", "aws:iam/role:Role", False, False, name))
    return [no_tags(name)]


def no_tags(resource: str, stack: str = "prod") -> str:
    return (
        f"{resource}: found Project=(none), Component=(none), Environment=(none), ManagedBy=(none),"
        f" expected Project=TAK, Component=BaseLayer, Environment={stack}, ManagedBy=Pulumi"
    )


@breaks("tags", on="full")
def optional_parts_have_lost_a_tag(case: Case) -> list[str]:
    bucket, arn = case.app_images_bucket_name, case.certificate_arn
    name = case.further_repository_names["artifacts"]
    repository_arn = case.repository_arn.replace(case.repository_name, name)
    case.client("s3").delete_bucket_tagging(Bucket=bucket)
    case.client("acm").remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": "Project"}])
    case.client("ecr").untag_resource(resourceArn=repository_arn, tagKeys=["Project"])
    return [
        no_tags(bucket, "full"),
        f"{arn}: found Project=(none), expected Project=TAK",
        f"{name}: found Project=(none), expected Project=TAK",
    ]
