"""What tests make on a deployed layer beside what the program made: images and their users, resources with its tags."""

import hashlib
import json
from typing import Any

from tests.deployed.case import Case
from tests.options import TAGS


def tagged_as(kind: str, name: str, tags: dict[str, str] = TAGS) -> list[dict[str, Any]]:
    every = [{"Key": key, "Value": value} for key, value in {"Name": f"tak-base-prod-{name}", **tags}.items()]
    return [{"ResourceType": kind, "Tags": every}]


def policy_of(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def push(case: Case, *tags: str, refers_to: str = "", repository: str = "") -> str:
    """Pushes an image with these tags, a second after the one before; returns its digest."""
    repository = repository or case.repository_name
    ecr, images = case.client("ecr"), case.moto("ecr").repositories[repository].images
    media_type = (
        "application/vnd.oci.image.index.v1+json" if refers_to else "application/vnd.oci.image.manifest.v1+json"
    )
    manifests = [{"digest": refers_to}] if refers_to else []
    content = json.dumps({"mediaType": media_type, "number": len(images), "manifests": manifests})
    for tag in tags or ("untagged",):
        ecr.put_image(repositoryName=repository, imageManifest=content, imageTag=tag)
    pushed = images[-1]
    if not tags:
        pushed.image_tags.clear()
    # Moto draws one of 101.
    pushed._image_digest = f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"
    pushed.image_pushed_at = f"2026-11-01T00:00:{len(images):02}+00:00"
    return pushed.get_image_digest()


def task_definition(case: Case, reference: str, url: str = "") -> str:
    """A task definition with a container of an image, of the layer's repository where no URL is given; its ARN."""
    container = {"name": "tak", "image": f"{url or case.repository_url}{reference}", "memory": 512}
    answer = case.client("ecs").register_task_definition(family="tak", containerDefinitions=[container])
    return answer["taskDefinition"]["taskDefinitionArn"]


def run_service(case: Case, reference: str, name: str = "tak", url: str = "") -> None:
    definition = task_definition(case, reference, url)
    case.client("ecs").create_service(
        cluster=case.cluster_name, serviceName=name, taskDefinition=definition, desiredCount=0
    )
