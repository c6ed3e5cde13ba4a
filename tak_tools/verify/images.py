"""The check that no image in use is missing, or about to expire."""

import json
import re
from collections.abc import Iterable, Iterator

from tak_tools.verify.checks import Difference, check
from tak_tools.verify.deployment import Deployment, in_batches
from tak_tools.verify.image_lifecycle import Image, expiries

_INDEXES = frozenset(
    {"application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.oci.image.index.v1+json"}
)

# AWS documents two host names of a registry, each with and without FIPS:
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-requests.html
_REGISTRY = re.compile(r"^(\d+)\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com|on\.aws)/")

Use = tuple[str, str]
"""A reference to an image or to a task definition, and what has it."""


@check(
    "images-in-use",
    "Every image of the repositories that a service, a task, a rule or a schedule of the cluster or a Lambda function"
    " refers to is there, and stays there through the next pushes (--image-pushes).",
    actions=(
        "ecr:BatchGetImage",
        "ecr:DescribeImages",
        "ecr:GetLifecyclePolicy",
        "ecs:DescribeServices",
        "ecs:DescribeTaskDefinition",
        "ecs:DescribeTasks",
        "ecs:ListServices",
        "ecs:ListTasks",
        "events:ListEventBuses",
        "events:ListRuleNamesByTarget",
        "events:ListTargetsByRule",
        "lambda:GetFunction",
        "lambda:ListFunctions",
        "scheduler:GetSchedule",
        "scheduler:ListSchedules",
    ),
)
def images_in_use(deployment: Deployment) -> Iterable[Difference]:
    users: dict[str, dict[str, set[str]]] = {_repository(url): {} for url in deployment.repository_urls}
    uses = [*_of_tasks(deployment), *_of_functions(deployment)]
    for definition, user in sorted({*_of_services(deployment), *_of_rules(deployment), *_of_schedules(deployment)}):
        name = definition.rsplit("/", 1)[-1]
        answer = deployment.aws.ask("ecs", "describe_task_definition", absent=["ClientException"], taskDefinition=name)
        if not answer:
            yield Difference(name, f"no such task definition, used by {user}", "the task definition")
            continue
        uses += [(container["image"], user) for container in answer["taskDefinition"]["containerDefinitions"]]
    for reference, user in uses:
        repository, image = _split(reference)
        if repository in users:
            users[repository].setdefault(image, set()).add(user)
    for repository, references in users.items():
        if references:
            yield from _judge(deployment, repository.split("/", 1)[1], references)


def _judge(deployment: Deployment, repository: str, references: dict[str, set[str]]) -> Iterator[Difference]:
    images = _images(deployment, repository)
    answer = deployment.aws.ask(
        "ecr", "get_lifecycle_policy", absent=["LifecyclePolicyNotFoundException"], repositoryName=repository
    )
    leaving = expiries(images, json.loads(answer.get("lifecyclePolicyText", "{}")), deployment.image_pushes)
    digests = {f"@{image.digest}": image.digest for image in images}
    digests |= {f":{tag}": image.digest for image in images for tag in image.tags}
    used: dict[str, tuple[str, set[str]]] = {}
    for reference, users in references.items():
        if reference in digests:
            # What runs names the digest of the image that its task definition names by a tag: one finding is enough.
            used.setdefault(digests[reference], (reference, set()))[1].update(users)
        else:
            yield Difference(f"{repository}{reference}", f"no such image, used by {_shown(users)}", "the image")
    for digest, (reference, users) in used.items():
        if digest in leaving:
            found = f"{leaving[digest]}; it is used by {_shown(users)}"
            yield Difference(
                f"{repository}{reference}", found, "an image that stays through the next pushes (--image-pushes)"
            )


def _shown(users: set[str]) -> str:
    return ", ".join(sorted(users))


def _of_tasks(deployment: Deployment) -> Iterator[Use]:
    for task in deployment.tasks:
        group, task_id = task.get("group", ""), task["taskArn"].rsplit("/", 1)[-1]
        user = f"service {group.removeprefix('service:')}" if group.startswith("service:") else f"task {task_id}"
        for container in task["containers"]:
            # There is no digest before the image is pulled.
            if image := container.get("image"):
                yield image, user
                if digest := container.get("imageDigest"):
                    yield f"{image.partition('@')[0]}@{digest}", user


def _of_services(deployment: Deployment) -> Iterator[Use]:
    for service in deployment.services:
        # While it deploys a new task definition, it starts tasks of the old one too. So does a rollback.
        for item in (service, *service.get("deployments", []), *service.get("taskSets", [])):
            if "taskDefinition" in item and item["status"] != "INACTIVE":
                yield item["taskDefinition"], f"service {service['serviceName']}"


def _of_rules(deployment: Deployment) -> Iterator[Use]:
    aws, cluster = deployment.aws, deployment.cluster_arn
    for bus in (item["Name"] for item in aws.ask("events", "list_event_buses")["EventBuses"]):
        names = aws.ask("events", "list_rule_names_by_target", TargetArn=cluster, EventBusName=bus)["RuleNames"]
        for name in names:
            for target in aws.ask("events", "list_targets_by_rule", Rule=name, EventBusName=bus)["Targets"]:
                if target["Arn"] == cluster and "EcsParameters" in target:
                    yield target["EcsParameters"]["TaskDefinitionArn"], f"rule {name}"


def _of_schedules(deployment: Deployment) -> Iterator[Use]:
    for item in deployment.aws.ask("scheduler", "list_schedules")["Schedules"]:
        if item["Target"]["Arn"] == deployment.cluster_arn:
            names = {"Name": item["Name"], "GroupName": item["GroupName"]}
            target = deployment.aws.ask("scheduler", "get_schedule", **names)["Target"]
            yield target["EcsParameters"]["TaskDefinitionArn"], f"schedule {item['Name']}"


def _of_functions(deployment: Deployment) -> Iterator[Use]:
    # Aliases point to published versions, and each of these keeps its image.
    for function in deployment.aws.ask("lambda", "list_functions", FunctionVersion="ALL")["Functions"]:
        if function.get("PackageType") != "Image":
            continue
        name, version = function["FunctionName"], function["Version"]
        answer = deployment.aws.ask(
            "lambda", "get_function", absent=["ResourceNotFoundException"], FunctionName=name, Qualifier=version
        )
        code = answer.get("Code", {})
        # Lambda pulls the digest that the tag had when the function was last updated.
        if image := code.get("ResolvedImageUri") or code.get("ImageUri"):
            yield image, f"Lambda function {name}" + ("" if version == "$LATEST" else f" version {version}")


def _split(reference: str) -> tuple[str, str]:
    """The repository, and `:TAG` or `@DIGEST`, which decides where both are given."""
    tagged, _, digest = reference.partition("@")
    # A registry's host name may have a port.
    head, slash, last = tagged.rpartition("/")
    name, _, tag = last.partition(":")
    return _repository(f"{head}{slash}{name}"), f"@{digest}" if digest else f":{tag or 'latest'}"


def _repository(url: str) -> str:
    """The same text for every URL of a repository."""
    return _REGISTRY.sub(r"\1.\2/", url)


def _images(deployment: Deployment, repository: str) -> list[Image]:
    absent = ["RepositoryNotFoundException"]
    answer = deployment.aws.ask("ecr", "describe_images", absent=absent, repositoryName=repository)
    details = answer.get("imageDetails", [])
    indexes = [item["imageDigest"] for item in details if item.get("imageManifestMediaType") in _INDEXES]
    manifests = _manifests(deployment, repository, indexes)
    return [
        Image(
            item["imageDigest"],
            item["imagePushedAt"],
            frozenset(item.get("imageTags", [])),
            manifests.get(item["imageDigest"], frozenset()),
        )
        for item in details
    ]


def _manifests(deployment: Deployment, repository: str, indexes: list[str]) -> dict[str, frozenset[str]]:
    """The digests that each index refers to."""
    found = {}
    for digests in in_batches(indexes, 100):
        answer = deployment.aws.ask(
            "ecr",
            "batch_get_image",
            repositoryName=repository,
            imageIds=[{"imageDigest": digest} for digest in digests],
            acceptedMediaTypes=sorted(_INDEXES),
        )
        for item in answer["images"]:
            manifests = json.loads(item["imageManifest"]).get("manifests", [])
            found[item["imageId"]["imageDigest"]] = frozenset(manifest["digest"] for manifest in manifests)
    return found
