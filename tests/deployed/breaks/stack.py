"""Breaks of the stack as a whole."""

import json

from tak_tools.pulumi_stack import StateResource
from tests.deployed.breaks.harness import breaks, of_other_check
from tests.deployed.case import ACCOUNT, OTHER_ACCOUNT, Case


@breaks("stack-outputs")
def an_output_is_not_published(case: Case) -> list[str]:
    del case.outputs[Case.vpc_id.name]
    return [f"{Case.vpc_id.name}: found no such output, expected an output (an update publishes it)"]


@breaks("stack-outputs")
def the_stack_is_of_another_environment_and_region(case: Case) -> list[str]:
    environment, region = Case.published_environment.name, Case.published_region.name
    case.outputs |= {environment: "dev-test", region: "us-east-1"}
    return [
        f"{environment}: found output dev-test, expected output prod",
        f"{region}: found output us-east-1, expected output ap-southeast-2",
    ]


@breaks("stack-outputs")
def a_nat_address_is_not_published(case: Case) -> list[str]:
    case.outputs[Case.nat_addresses.name] = case.nat_addresses[:1]
    return [f"{Case.nat_addresses.name}: found addresses 1, expected addresses 2"]


@breaks("stack-outputs")
def the_credentials_are_of_another_account(case: Case) -> list[str]:
    case.outputs[Case.key_arn.name] = case.key_arn.replace(ACCOUNT, OTHER_ACCOUNT)
    return [f"credentials: found account {ACCOUNT}, expected account {OTHER_ACCOUNT}"]


@breaks("stack-outputs", on="full")
def the_names_of_repositories_differ(case: Case) -> list[str]:
    urls = case.further_repository_urls
    case.outputs[Case.further_repository_urls.name] = {**urls, "more": urls["artifacts"]}
    name = Case.further_repository_urls.name
    return [f"{name}: found names artifacts, etl-tasks, more, expected names artifacts, etl-tasks"]


@breaks("stack-outputs", on="full")
def the_hosted_zone_is_another_one(case: Case) -> list[str]:
    case.outputs[Case.zone_name.name] = "example.net"
    return [f"{Case.zone_name.name}: found output example.net, expected output tak.example.org"]


@breaks("resources")
def the_vpc_is_another_one(case: Case) -> list[str]:
    case.outputs[Case.vpc_id.name] = "vpc-00000000000000000"
    return ["vpc-00000000000000000: found no such VPC, expected the VPC"]


@breaks("resources")
def the_key_is_gone(case: Case) -> list[str]:
    del case.moto("kms").keys[case.id("key")]
    return [f"{case.key_arn}: found no such key, expected the key"]


@breaks("resources")
def the_bucket_is_deleted(case: Case) -> list[str]:
    case.client("s3").delete_bucket(Bucket=case.bucket_name)
    return [f"{case.bucket_name}: found no such bucket, expected the bucket"]


@breaks("resources")
def the_repository_is_deleted(case: Case) -> list[str]:
    case.client("ecr").delete_repository(repositoryName=case.repository_name)
    return [f"{case.repository_name}: found no such repository, expected the repository"]


@breaks("resources")
def the_cluster_is_deleted(case: Case) -> list[str]:
    case.client("ecs").delete_cluster(cluster=case.cluster_name)
    return [f"{case.cluster_name}: found no such cluster, expected the cluster"]


@breaks("published-outputs")
def the_published_outputs_are_deleted(case: Case) -> list[str]:
    name = "/tak-base/prod/outputs"
    case.client("ssm").delete_parameter(Name=name)
    return [f"{name}: found no such parameter, expected the stack outputs as JSON"]


@breaks("published-outputs")
def the_published_outputs_are_those_of_an_earlier_update(case: Case) -> list[str]:
    name = "/tak-base/prod/outputs"
    value = json.loads(case.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
    alias, vpc_id = Case.key_alias.name, Case.vpc_id.name
    value |= {vpc_id: "vpc-0", "removed": "a"}
    del value[alias]
    case.client("ssm").put_parameter(Name=name, Value=json.dumps(value), Overwrite=True)
    return [
        f"{name}: found {alias} none, expected {alias} alias/tak-base-prod",
        f"{name}: found removed a, expected removed none",
        f"{name}: found {vpc_id} vpc-0, expected {vpc_id} {case.vpc_id}",
    ]


@breaks("protection")
def the_buckets_protection_is_lifted(case: Case) -> list[str]:
    (bucket,) = [item for item in case.state if item.type == "aws:s3/bucket:Bucket"]
    case.state.remove(bucket)
    case.state.append(StateResource(bucket.urn, bucket.type, protect=False, retain_on_delete=True))
    return [f"{bucket.urn}: found options retainOnDelete, expected options protect, retainOnDelete"]


@breaks("protection")
def the_state_has_lost_the_key(case: Case) -> list[str]:
    case.state = [item for item in case.state if item.type != "aws:kms/key:Key"]
    key = case.id("key")
    in_outputs = f"{key}: found kms Key tak-base-prod, in the stack's outputs and not in the stack's state"
    return [
        "state: found no key, expected a protected key",
        of_other_check("leftovers", f"{in_outputs}, expected it in the state too"),
    ]


@breaks("protection", on="full")
def a_further_repository_is_not_protected(case: Case) -> list[str]:
    (item,) = [item for item in case.state if item.urn.endswith("::tak-images-artifacts")]
    case.state.remove(item)
    case.state.append(StateResource(item.urn, item.type, protect=False, retain_on_delete=False))
    return [f"{item.urn}: found options none, expected options protect, retainOnDelete"]
