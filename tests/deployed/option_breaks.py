"""Every way in which the tests damage the options of a layer, and the findings that each has to give."""

import json
from collections.abc import Callable
from typing import Any

from tests.deployed.breaks import Break, Case, plain_http_is_allowed

OPTION_BREAKS: list[Break] = []
SUITE_BREAKS: list[Break] = []
"""Of the layer under TAK's own layers."""


def breaks(
    check: str, of: list[Break] = OPTION_BREAKS
) -> Callable[[Callable[[Case], list[str]]], Callable[[Case], list[str]]]:
    def register(damage: Callable[[Case], list[str]]) -> Callable[[Case], list[str]]:
        of.append(Break(check, damage))
        return damage

    return register


def policy_of(case: Case, bucket: str) -> dict[str, Any]:
    return json.loads(case.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])


def put_policy(case: Case, bucket: str, policy: dict[str, Any]) -> None:
    case.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def endpoint_policy(case: Case, endpoint: str) -> dict[str, Any]:
    (found,) = case.ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"]
    return json.loads(found["PolicyDocument"])


def texts(document: dict[str, Any]) -> str:
    """The statements as a finding shows them."""
    statements = [{key: value for key, value in item.items() if key != "Sid"} for item in document["Statement"]]
    return ", ".join(sorted(json.dumps(statement, sort_keys=True) for statement in statements))


# Outputs


@breaks("stack-outputs")
def the_names_of_repositories_differ(case: Case) -> list[str]:
    urls = case.further_repository_urls
    case.outputs[Case.further_repository_urls.name] = {**urls, "more": urls["artifacts"]}
    name = Case.further_repository_urls.name
    return [f"{name}: found names artifacts, etl-tasks, more, expected names artifacts, etl-tasks"]


@breaks("stack-outputs")
def the_hosted_zone_is_another_one(case: Case) -> list[str]:
    case.outputs[Case.zone_name.name] = "example.net"
    return [f"{Case.zone_name.name}: found output example.net, expected output tak.example.org"]


# Repositories


@breaks("further-repositories")
def a_further_repository_is_deleted(case: Case) -> list[str]:
    name = case.further_repository_names["artifacts"]
    case.client("ecr").delete_repository(repositoryName=name)
    return [f"{name}: found no such repository, expected the repository artifacts"]


@breaks("further-repositories")
def a_further_repository_neither_scans_nor_fixes_tags(case: Case) -> list[str]:
    ecr, name = case.client("ecr"), case.further_repository_names["artifacts"]
    ecr.put_image_scanning_configuration(repositoryName=name, imageScanningConfiguration={"scanOnPush": False})
    ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability="MUTABLE")
    return [
        f"{name}: found scan on push false, expected scan on push true",
        f"{name}: found image tags MUTABLE, expected image tags IMMUTABLE",
    ]


@breaks("further-repositories")
def a_further_repository_is_encrypted_by_ecr(case: Case) -> list[str]:
    name = case.further_repository_names["etl-tasks"]
    case.moto("ecr").repositories[name].encryption_configuration = {"encryptionType": "AES256"}
    return [f"{name}: found encryption AES256, expected encryption KMS"]


@breaks("further-repositories")
def a_further_repository_forgets_other_images(case: Case) -> list[str]:
    ecr, name = case.client("ecr"), case.further_repository_names["etl-tasks"]
    policy = json.loads(ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])
    policy["rules"][1]["selection"]["tagPrefixList"] = ["ais-"]
    ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=json.dumps(policy))
    rules = (
        '{"countNumber": 14, "countType": "sinceImagePushed", "countUnit": "days", "tagStatus": "untagged",'
        ' "type": "expire"}, {"countNumber": 20, "countType": "imageCountMoreThan", "tagPrefixList": ["PREFIX"],'
        ' "tagStatus": "tagged", "type": "expire"}'
    )
    found, expected = rules.replace("PREFIX", "ais-"), rules.replace("PREFIX", "weather-")
    return [f"{name}: found lifecycle rules {found}, expected lifecycle rules {expected}"]


LAMBDA_PULL = (
    '{"Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "Condition": {"ArnLike": {"aws:SourceArn":'
    ' "arn:aws:lambda:ap-southeast-2:123456789012:function:*"}}, "Effect": "Allow",'
    ' "Principal": {"Service": "lambda.amazonaws.com"}}'
)


@breaks("further-repositories")
def lambda_may_no_longer_pull(case: Case) -> list[str]:
    name = case.further_repository_names["etl-tasks"]
    case.client("ecr").delete_repository_policy(repositoryName=name)
    return [f"{name}: found policy statements none, expected policy statements {LAMBDA_PULL}"]


@breaks("further-repositories")
def lambda_may_pull_from_a_repository_that_is_not_for_it(case: Case) -> list[str]:
    ecr, name = case.client("ecr"), case.further_repository_names["artifacts"]
    policy = ecr.get_repository_policy(repositoryName=case.further_repository_names["etl-tasks"])["policyText"]
    ecr.set_repository_policy(repositoryName=name, policyText=policy)
    return [f"{name}: found policy statements {LAMBDA_PULL}, expected policy statements none"]


# Buckets


@breaks("app-images-bucket")
def the_application_images_bucket_is_deleted(case: Case) -> list[str]:
    name = case.app_images_bucket_name
    case.client("s3").delete_bucket(Bucket=name)
    return [f"{name}: found no such bucket, expected the application images bucket"]


@breaks("app-images-bucket")
def the_application_images_bucket_is_encrypted_by_s3_and_open(case: Case) -> list[str]:
    s3, name = case.client("s3"), case.app_images_bucket_name
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.delete_public_access_block(Bucket=name)
    every = "BlockPublicAcls, BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets"
    return [
        f"{name}: found encryption AES256, expected encryption aws:kms",
        f"{name}: found public access block none, expected public access block {every}",
    ]


@breaks("app-images-bucket")
def the_published_arn_is_of_another_bucket(case: Case) -> list[str]:
    arn = case.app_images_bucket_arn
    case.outputs[Case.app_images_bucket_arn.name] = f"{arn}x"
    return [f"{Case.app_images_bucket_arn.name}: found output {arn}x, expected output {arn}"]


@breaks("load-balancer-log-bucket")
def the_log_bucket_is_deleted(case: Case) -> list[str]:
    name = case.log_bucket_name
    case.client("s3").delete_bucket(Bucket=name)
    return [f"{name}: found no such bucket, expected the load balancer log bucket"]


@breaks("load-balancer-log-bucket")
def load_balancers_cannot_write_to_a_log_bucket_under_the_key(case: Case) -> list[str]:
    name = case.log_bucket_name
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": case.key_arn}}
    case.client("s3").put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    return [f"{name}: found encryption aws:kms, expected encryption AES256"]


@breaks("load-balancer-log-bucket")
def application_load_balancers_are_no_longer_admitted_and_everybody_is(case: Case) -> list[str]:
    name = case.log_bucket_name
    policy = policy_of(case, name)
    (statement,) = [item for item in policy["Statement"] if item["Sid"] == "ApplicationLoadBalancersWriteLogs"]
    statement["Principal"] = "*"
    put_policy(case, name, policy)
    return [
        f"{name}: found a policy without the statement ApplicationLoadBalancersWriteLogs, expected a policy with it",
        f"{name}: found a policy statement that allows something else, expected log delivery only",
    ]


@breaks("load-balancer-log-bucket")
def logs_are_accepted_without_tls(case: Case) -> list[str]:
    name = case.log_bucket_name
    policy = policy_of(case, name)
    policy["Statement"] = [item for item in policy["Statement"] if item["Effect"] == "Allow"]
    put_policy(case, name, policy)
    return [plain_http_is_allowed(name)]


@breaks("load-balancer-log-bucket")
def logs_stay_for_ever(case: Case) -> list[str]:
    name = case.log_bucket_name
    case.client("s3").delete_bucket_lifecycle(Bucket=name)
    expected = (
        '{"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}, "Prefix": "", "Status": "Enabled"}, '
        '{"Expiration": {"Days": 365}, "Prefix": "", "Status": "Enabled"}, '
        '{"NoncurrentVersionExpiration": {"NoncurrentDays": 90}, "Prefix": "", "Status": "Enabled"}'
    )
    return [f"{name}: found rules none, expected rules {expected}"]


# Network


@breaks("nat64")
def a_nat64_route_is_deleted(case: Case) -> list[str]:
    table, nat = case.route_table_id("private", "a"), case.id("nat-gateway-a")
    case.ec2.delete_route(RouteTableId=table, DestinationIpv6CidrBlock="64:ff9b::/96")
    what = f"NAT64 routes in {table}"
    return [f"{case.subnet_id('private', 'a')}: found {what} none, expected {what} 64:ff9b::/96 to {nat}"]


@breaks("nat64")
def dns64_is_off(case: Case) -> list[str]:
    subnet_id = case.subnet_id("private", "b")
    case.ec2.modify_subnet_attribute(SubnetId=subnet_id, EnableDns64={"Value": False})
    return [f"{subnet_id}: found EnableDns64 false, expected EnableDns64 true"]


@breaks("endpoint-policies")
def image_layers_are_locked_out(case: Case) -> list[str]:
    endpoint = case.id("endpoint-s3")
    found, expected = endpoint_policy(case, endpoint), endpoint_policy(case, endpoint)
    found["Statement"].pop()
    case.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=json.dumps(found))
    return [f"{endpoint}: found policy of s3 {texts(found)}, expected policy of s3 {texts(expected)}"]


@breaks("endpoint-addresses")
def an_endpoint_has_lost_its_ipv6_names_and_another_its_addresses(case: Case) -> list[str]:
    kms, s3 = case.id("endpoint-kms"), case.id("endpoint-s3")
    case.ec2.modify_vpc_endpoint(VpcEndpointId=kms, DnsOptions={"DnsRecordIpType": "ipv4"})
    case.ec2.modify_vpc_endpoint(VpcEndpointId=s3, IpAddressType="ipv4")
    return [
        f"{kms}: found DNS records of kms ipv4, expected DNS records of kms dualstack",
        f"{s3}: found address type of s3 ipv4, expected address type of s3 dualstack",
    ]


# Public DNS


@breaks("public-dns")
def the_certificate_is_not_issued(case: Case) -> list[str]:
    arn = case.certificate_arn
    case.moto("acm").get_certificate(arn).status = "EXPIRED"
    return [f"{arn}: found status EXPIRED, expected status ISSUED"]


@breaks("public-dns")
def the_certificate_is_deleted(case: Case) -> list[str]:
    arn = case.certificate_arn
    case.client("acm").delete_certificate(CertificateArn=arn)
    return [f"{arn}: found no such certificate, expected the certificate"]


@breaks("public-dns")
def the_validation_record_is_deleted(case: Case) -> list[str]:
    route53, zone = case.client("route53"), case.zone_id
    sets = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    (record,) = [item for item in sets if item["Type"] == "CNAME"]
    changes = [{"Action": "DELETE", "ResourceRecordSet": record}]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    value = record["ResourceRecords"][0]["Value"]
    return [f"{zone}: found no record {record['Name']}, expected {record['Name']} with {value}"]


@breaks("public-dns")
def the_published_zone_is_no_more(case: Case) -> list[str]:
    case.outputs[Case.zone_id.name] = "Z0000000000000"
    return ["Z0000000000000: found no such hosted zone, expected the hosted zone"]


@breaks("public-dns")
def the_published_zone_is_of_another_name(case: Case) -> list[str]:
    other = case.client("route53").create_hosted_zone(Name="example.net", CallerReference="other")["HostedZone"]["Id"]
    options = case.client("acm").describe_certificate(CertificateArn=case.certificate_arn)["Certificate"]
    record = options["DomainValidationOptions"][0]["ResourceRecord"]
    case.outputs[Case.zone_id.name] = zone = other.removeprefix("/hostedzone/")
    return [
        f"{zone}: found name example.net, expected name tak.example.org",
        f"{zone}: found no record {record['Name']}, expected {record['Name']} with {record['Value']}",
    ]


@breaks("tags")
def optional_parts_have_lost_a_tag(case: Case) -> list[str]:
    bucket, arn = case.app_images_bucket_name, case.certificate_arn
    name = case.further_repository_names["artifacts"]
    repository_arn = case.repository_arn.replace(case.repository_name, name)
    case.client("s3").delete_bucket_tagging(Bucket=bucket)
    case.client("acm").remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": "Project"}])
    case.client("ecr").untag_resource(resourceArn=repository_arn, tagKeys=["Project"])
    tags = {"Project": "TAK", "Component": "BaseLayer", "Environment": "full", "ManagedBy": "Pulumi"}
    none, every = (
        ", ".join(f"{key}={value or '(none)'}" for key, value in shown)
        for shown in (dict.fromkeys(tags).items(), tags.items())
    )
    return [
        f"{bucket}: found {none}, expected {every}",
        f"{arn}: found Project=(none), expected Project=TAK",
        f"{name}: found Project=(none), expected Project=TAK",
    ]


@breaks("protection")
def a_further_repository_is_not_protected(case: Case) -> list[str]:
    (item,) = [item for item in case.state if item.urn.endswith("::tak-images-artifacts")]
    case.state.remove(item)
    case.state.append(type(item)(item.urn, item.type, protect=False, retain_on_delete=False))
    return [f"{item.urn}: found options none, expected options protect, retainOnDelete"]


# TAK's own layers


@breaks("suite-exports", of=SUITE_BREAKS)
def the_stack_with_the_exports_is_deleted(case: Case) -> list[str]:
    name = case.layer.stack_file.settings.suite_stack_name
    case.client("cloudformation").delete_stack(StackName=name)
    return [f"{name}: found no such CloudFormation stack, expected the stack with the exports"]


@breaks("suite-exports", of=SUITE_BREAKS)
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
