"""The check of the default tags."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tak_tools.verify.checks import Difference, check
from tak_tools.verify.deployment import Deployment

Tagged = Iterator[tuple[str, Mapping[str, str]]]


@check(
    "tags",
    "Everything of the layer that can have tags has the default tags of the stack file (aws:defaultTags).",
    actions=(
        "acm:DescribeCertificate",
        "acm:ListTagsForCertificate",
        "ec2:DescribeAddresses",
        "ec2:DescribeEgressOnlyInternetGateways",
        "ec2:DescribeFlowLogs",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeNatGateways",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcEndpoints",
        "ec2:DescribeVpcs",
        "ecr:DescribeRepositories",
        "ecr:ListTagsForResource",
        "ecs:DescribeClusters",
        "iam:ListRoleTags",
        "kms:DescribeKey",
        "kms:ListResourceTags",
        "logs:DescribeLogGroups",
        "logs:ListTagsForResource",
        "s3:GetBucketLocation",
        "s3:GetBucketTagging",
    ),
)
def tags(deployment: Deployment) -> Iterable[Difference]:
    expected = deployment.stack_file.default_tags
    for resource, found in (*_of_network(deployment), *_of_data(deployment), *_of_logging(deployment)):
        wrong = {key: found.get(key) for key, value in expected.items() if found.get(key) != value}
        if wrong:
            yield Difference(resource, _shown(wrong), _shown({key: expected[key] for key in wrong}))


def _of_network(deployment: Deployment) -> Tagged:
    for id_key, resources in _network_resources(deployment).items():
        for resource in resources:
            yield resource[id_key], _by_name(resource.get("Tags", []))


def _network_resources(deployment: Deployment) -> dict[str, list[Any]]:
    """The layer's own EC2 resources that are there, by the key under which AWS gives their id."""
    subnets = deployment.planned_subnets()
    table_ids = {deployment.route_table_id(plan) for plan in deployment.settings.network.addresses.subnets}
    nat_gateways = [deployment.nat_gateway_with(address) for address in deployment.outputs["natPublicIps"]]
    endpoints = [deployment.endpoint(service) for service in deployment.settings.endpoints.vpc_endpoints]
    group = deployment.endpoint_security_group if deployment.interface_services else None
    flow_log = None if deployment.settings.network.flow_logs == "none" else deployment.layer_flow_log
    if not deployment.vpc:
        return {"AllocationId": deployment.elastic_ips}
    return {
        "VpcId": [deployment.vpc],
        "SubnetId": [deployment.subnets[subnet_id] for _, subnet_id in subnets],
        "RouteTableId": [table for table in deployment.route_tables if table["RouteTableId"] in table_ids],
        "InternetGatewayId": deployment.internet_gateways,
        "EgressOnlyInternetGatewayId": deployment.egress_only_gateways,
        "NatGatewayId": list(filter(None, nat_gateways)),
        "AllocationId": deployment.elastic_ips,
        "GroupId": [deployment.default_security_group, *filter(None, [group])],
        "VpcEndpointId": list(filter(None, endpoints)),
        "FlowLogId": list(filter(None, [flow_log])),
    }


def _of_data(deployment: Deployment) -> Tagged:
    if deployment.exists("key"):
        answer = deployment.aws.ask("kms", "list_resource_tags", KeyId=deployment.key_arn)
        yield deployment.key_arn, {tag["TagKey"]: tag["TagValue"] for tag in answer["Tags"]}
    if deployment.exists("bucket"):
        answer = deployment.bucket("get_bucket_tagging", absent="NoSuchTagSet")
        yield deployment.bucket_name, _by_name(answer.get("TagSet", []))
    if deployment.exists("repository"):
        arn = deployment.outputs["ecrRepositoryArn"]
        answer = deployment.aws.ask("ecr", "list_tags_for_resource", resourceArn=arn)
        yield deployment.repository_name, _by_name(answer["tags"])
    for name in deployment.further_bucket_names:
        answer = deployment.bucket("get_bucket_tagging", absent="NoSuchTagSet", name=name)
        yield name, _by_name(answer.get("TagSet", []))
    for repository in map(deployment.further_repository_name, deployment.settings.compute.repositories):
        if found := deployment.repository_called(repository):
            answer = deployment.aws.ask("ecr", "list_tags_for_resource", resourceArn=found["repositoryArn"])
            yield repository, _by_name(answer["tags"])
    if deployment.settings.dns.hosted_zone_name and deployment.certificate:
        arn = deployment.outputs["certificateArn"]
        answer = deployment.aws.ask("acm", "list_tags_for_certificate", CertificateArn=arn)
        yield arn, _by_name(answer["Tags"])
    if deployment.exists("cluster"):
        yield deployment.cluster_name, {tag["key"]: tag["value"] for tag in deployment.cluster.get("tags", [])}


def _of_logging(deployment: Deployment) -> Tagged:
    for name in deployment.log_group_names:
        if deployment.log_group(name):
            arn = deployment.log_group_arn(name)
            yield name, deployment.aws.ask("logs", "list_tags_for_resource", resourceArn=arn)["tags"]
    flow_log = None if deployment.settings.network.flow_logs == "none" else deployment.layer_flow_log
    if flow_log:
        role = flow_log["DeliverLogsPermissionArn"].rsplit("/", 1)[-1]
        answer = deployment.aws.ask("iam", "list_role_tags", absent=["NoSuchEntity"], RoleName=role)
        yield role, _by_name(answer.get("Tags", []))


def _by_name(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def _shown(tags: Mapping[str, str | None]) -> str:
    return ", ".join(f"{key}={'(none)' if value is None else value}" for key, value in tags.items())
