"""The check that no image in use is missing, or about to expire."""

import json
from collections.abc import Iterable, Iterator

from tak_tools.verify.checks import Difference, check
from tak_tools.verify.deployment import Deployment, in_batches
from tak_tools.verify.image_lifecycle import Image, expiries

_INDEXES = frozenset(
    {"application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.oci.image.index.v1+json"}
)

Use = tuple[str, str]
"""A reference to an image or to a task definition, and what has it."""


@check(
    "images-in-use",
    "Every image of the repositories that a service, a task or a schedule of the cluster or a Lambda function refers to"
    " is there, and stays there through the next pushes (--image-pushes).",
    actions=(
        "ecr:BatchGetImage",
        "ecr:DescribeImages",
        "ecr:GetLifecyclePolicy",
        "ecs:DescribeServices",
        "ecs:DescribeTaskDefinition",
        "ecs:DescribeTasks",
        "ecs:ListServices",
        "ecs:ListTasks",
        "events:ListRuleNamesByTarget",
        "events:ListTargetsByRule",
        "lambda:GetFunction",
        "lambda:ListFunctions",
        "scheduler:GetSchedule",
        "scheduler:ListSchedules",
    ),
)
def images_in_use(deployment: Deployment) -> Iterable[Difference]:
    urls = [deployment.outputs["ecrRepositoryUrl"], *deployment.outputs.get("ecrRepositoryUrls", {}).values()]
    users: dict[str, dict[str, set[str]]] = {url: {} for url in urls}
    for reference, user in (*_of_cluster(deployment), *_of_functions(deployment)):
        url, image = _split(reference)
        if url in users:
            users[url].setdefault(image, set()).add(user)
    for url, references in users.items():
        if references:
            yield from _judge(deployment, url.split("/", 1)[1], references)


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


def _of_cluster(deployment: Deployment) -> Iterator[Use]:
    """What runs on the cluster, or would be started there."""
    definitions = {*_of_services(deployment), *_of_rules(deployment), *_of_schedules(deployment)}
    for definition, user in sorted(definitions):
        answer = deployment.aws.ask("ecs", "describe_task_definition", taskDefinition=definition.rsplit("/", 1)[-1])
        for container in answer["taskDefinition"]["containerDefinitions"]:
            yield container["image"], user
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
    cluster = deployment.outputs["ecsClusterArn"]
    names = deployment.aws.ask("events", "list_rule_names_by_target", TargetArn=cluster)["RuleNames"]
    for name in names:
        for target in deployment.aws.ask("events", "list_targets_by_rule", Rule=name)["Targets"]:
            if target["Arn"] == cluster and "EcsParameters" in target:
                yield target["EcsParameters"]["TaskDefinitionArn"], f"rule {name}"


def _of_schedules(deployment: Deployment) -> Iterator[Use]:
    for item in deployment.aws.ask("scheduler", "list_schedules")["Schedules"]:
        if item["Target"]["Arn"] == deployment.outputs["ecsClusterArn"]:
            names = {"Name": item["Name"], "GroupName": item["GroupName"]}
            target = deployment.aws.ask("scheduler", "get_schedule", **names)["Target"]
            yield target["EcsParameters"]["TaskDefinitionArn"], f"schedule {item['Name']}"


def _of_functions(deployment: Deployment) -> Iterator[Use]:
    for function in deployment.aws.ask("lambda", "list_functions")["Functions"]:
        if function.get("PackageType") == "Image":
            name = function["FunctionName"]
            code = deployment.aws.ask("lambda", "get_function", FunctionName=name)["Code"]
            # Lambda pulls the digest that the tag had when the function was last updated.
            for key in ("ImageUri", "ResolvedImageUri"):
                if key in code:
                    yield code[key], f"Lambda function {name}"


def _split(reference: str) -> tuple[str, str]:
    """The URL of the repository, and `:TAG` or `@DIGEST`, which decides where both are given."""
    tagged, _, digest = reference.partition("@")
    # A registry's host name may have a port.
    head, slash, last = tagged.rpartition("/")
    name, _, tag = last.partition(":")
    return f"{head}{slash}{name}", f"@{digest}" if digest else f":{tag or 'latest'}"


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
