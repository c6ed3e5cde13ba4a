"""What an ECR lifecycle policy does to the images of a repository, now and after further pushes.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html, "How lifecycle policies work". ECR does
not look whether an image is in use: https://github.com/aws/containers-roadmap/issues/1078
"""

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

# Through how many more pushes an image has to stay. Where a rule keeps few, half of what it keeps: a rule that keeps 10
# would otherwise make a finding of every image in use, the newest too.
_PUSHES = 10


@dataclass(frozen=True)
class Image:
    """An image of a repository: a manifest, or an index of manifests (a manifest list)."""

    digest: str
    pushed_at: datetime
    tags: frozenset[str] = frozenset()
    manifests: frozenset[str] = frozenset()
    """Of an index: the digests that it refers to."""


def expiries(images: Sequence[Image], policy: Mapping[str, Any], pushes: int | None = None) -> dict[str, str]:
    """The images that do not stay, by their digests, each with the reason.

    Worst case: every rule gets `pushes` more images; without a number 10, or half of what the rule keeps if that is
    less. Rules by age do not wait for a push, so what they select goes.
    """
    marked: dict[str, str] = {}
    claimed: set[str] = set()
    for rule in sorted(policy.get("rules", []), key=lambda item: item["rulePriority"]):
        selection = rule["selection"]
        selected = sorted(
            (image for image in images if _is_selected(image, selection)),
            key=lambda image: image.pushed_at,
            reverse=True,
        )
        leaving = selected
        if selection["countType"] == "imageCountMoreThan":
            kept = selection["countNumber"]
            leaving = selected[max(0, kept - (min(_PUSHES, kept // 2) if pushes is None else pushes)) :]
        for image in leaving:
            # A rule counts what rules of a higher priority select, and leaves it alone.
            if image.digest not in claimed:
                marked[image.digest] = f"lifecycle rule {rule['rulePriority']} {_reason(image, rule, selected)}"
        claimed |= {image.digest for image in selected}
    return _without_manifests_of_what_stays(images, marked)


def _is_selected(image: Image, selection: Mapping[str, Any]) -> bool:
    status = selection["tagStatus"]
    if status != "tagged":
        return status == "any" or not image.tags
    patterns = selection.get("tagPatternList") or [f"{prefix}*" for prefix in selection["tagPrefixList"]]
    # Each entry of the list has to match one of the tags. `*` is the only wildcard.
    escaped = [pattern.replace("[", "[[]").replace("?", "[?]") for pattern in patterns]
    return all(any(fnmatch.fnmatchcase(tag, pattern) for tag in image.tags) for pattern in escaped)


def _reason(image: Image, rule: Mapping[str, Any], selected: Sequence[Image]) -> str:
    selection = rule["selection"]
    number = selection["countNumber"]
    verb = "expires it" if rule["action"]["type"] == "expire" else "archives it"
    match selection["countType"]:
        case "imageCountMoreThan":
            left = number - selected.index(image)
            return f"{verb} {f'after {left} more pushes' if left > 0 else 'now'}: it keeps the newest {number}"
        case "sinceImagePushed":
            day = (image.pushed_at + timedelta(days=number)).date().isoformat()
            return f"{verb} on {day}, {number} days after its push"
        case other:
            return f"{verb}: {number} {selection.get('countUnit', '')} {other}"


def _without_manifests_of_what_stays(images: Sequence[Image], marked: Mapping[str, str]) -> dict[str, str]:
    """ECR expires no image to which an index refers that is there."""
    indexes = [image for image in images if image.manifests]
    kept = {digest for image in indexes if image.digest not in marked for digest in image.manifests}
    left = {digest: reason for digest, reason in marked.items() if digest not in kept}
    # What an index keeps may be an index itself.
    return left if left.keys() == marked.keys() else _without_manifests_of_what_stays(images, left)
