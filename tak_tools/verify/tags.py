"""The check of the default tags, on every resource type of the base layer that can have tags."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from tak_tools import resource_types as types
from tak_tools.aws import tags_by_key
from tak_tools.aws_search import EC2_ACTIONS, LISTERS, Search
from tak_tools.resource_types import ROWS, ResourceType
from tak_tools.verify.checks import Difference, check
from tak_tools.verify.deployment import Deployment
from tak_tools.verify.leftovers import known_ids

Tagged = Iterator[tuple[str, Mapping[str, str]]]
"""The existing resources of a type, each with its tags."""

READERS: dict[str, Callable[[Deployment], Tagged]] = {}
"""By the type's token. The other types have their tags where aws_search.py lists them, whatever the tags are."""


def _reads(row: ResourceType) -> Callable[[Callable[[Deployment], Tagged]], Callable[[Deployment], Tagged]]:
    """Registers the function that reads the tags of a type."""

    def register(reader: Callable[[Deployment], Tagged]) -> Callable[[Deployment], Tagged]:
        READERS[row.token] = reader
        return reader

    return register


@check(
    "tags",
    "Everything of the layer that can have tags has the default tags of the stack file (aws:defaultTags).",
    actions=(
        "acm:DescribeCertificate",
        "acm:ListTagsForCertificate",
        "cloudformation:DescribeStacks",
        *EC2_ACTIONS,
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
        "ssm:ListTagsForResource",
    ),
)
def tags(deployment: Deployment) -> Iterable[Difference]:
    expected = deployment.stack_file.default_tags
    for row in ROWS.values():
        if not (row.base_layer and row.tags):
            continue
        for resource, found in READERS.get(row.token, _listed(row))(deployment):
            wrong = {key: found.get(key) for key, value in expected.items() if found.get(key) != value}
            if wrong:
                yield Difference(resource, _shown(wrong), _shown({key: expected[key] for key in wrong}))


def _listed(row: ResourceType) -> Callable[[Deployment], Tagged]:
    """Reads the tags of a type where AWS lists it."""

    def reader(deployment: Deployment) -> Tagged:
        known = known_ids(deployment, [row.token])
        for found in LISTERS[row.token](Search(deployment.stack_file, deployment.aws)):
            if found.id in known:
                yield found.id, found.tags

    return reader


@_reads(types.KEY)
def _key(deployment: Deployment) -> Tagged:
    if deployment.exists("key"):
        answer = deployment.aws.ask("kms", "list_resource_tags", KeyId=deployment.key_arn)
        yield deployment.key_arn, {tag["TagKey"]: tag["TagValue"] for tag in answer["Tags"]}


@_reads(types.PARAMETER)
def _parameter(deployment: Deployment) -> Tagged:
    name = deployment.settings.outputs_parameter_name
    answer = deployment.aws.ask(
        "ssm", "list_tags_for_resource", absent=["InvalidResourceId"], ResourceType="Parameter", ResourceId=name
    )
    if answer:
        yield name, tags_by_key(answer["TagList"])


@_reads(types.CLOUDFORMATION_STACK)
def _suite_stack(deployment: Deployment) -> Tagged:
    if stack := deployment.suite_stack:
        yield stack["StackName"], tags_by_key(stack["Tags"])


@_reads(types.BUCKET)
def _buckets(deployment: Deployment) -> Tagged:
    own = [deployment.bucket_name] if deployment.exists("bucket") else []
    for name in [*own, *deployment.further_bucket_names]:
        answer = deployment.bucket("get_bucket_tagging", absent="NoSuchTagSet", name=name)
        yield name, tags_by_key(answer.get("TagSet", []))


@_reads(types.REPOSITORY)
def _repositories(deployment: Deployment) -> Tagged:
    for name in deployment.repository_names:
        if found := deployment.repository_called(name):
            answer = deployment.aws.ask("ecr", "list_tags_for_resource", resourceArn=found["repositoryArn"])
            yield name, tags_by_key(answer["tags"])


@_reads(types.CERTIFICATE)
def _certificate(deployment: Deployment) -> Tagged:
    if deployment.settings.dns.hosted_zone_name and deployment.certificate:
        arn = deployment.certificate_arn
        answer = deployment.aws.ask("acm", "list_tags_for_certificate", CertificateArn=arn)
        yield arn, tags_by_key(answer["Tags"])


@_reads(types.CLUSTER)
def _cluster(deployment: Deployment) -> Tagged:
    if deployment.exists("cluster"):
        yield deployment.cluster_name, {tag["key"]: tag["value"] for tag in deployment.cluster.get("tags", [])}


@_reads(types.LOG_GROUP)
def _log_groups(deployment: Deployment) -> Tagged:
    for name in deployment.log_group_names:
        if deployment.log_group(name):
            arn = deployment.log_group_arn(name)
            yield name, deployment.aws.ask("logs", "list_tags_for_resource", resourceArn=arn)["tags"]


@_reads(types.ROLE)
def _flow_log_role(deployment: Deployment) -> Tagged:
    flow_log = deployment.layer_flow_log
    if flow_log and deployment.settings.network.flow_logs != "none":
        role = flow_log["DeliverLogsPermissionArn"].rsplit("/", 1)[-1]
        answer = deployment.aws.ask("iam", "list_role_tags", absent=["NoSuchEntity"], RoleName=role)
        yield role, tags_by_key(answer.get("Tags", []))


def _shown(tags: Mapping[str, str | None]) -> str:
    return ", ".join(f"{key}={'(none)' if value is None else value}" for key, value in tags.items())
