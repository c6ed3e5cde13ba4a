"""What expires of a repository, as AWS documents it.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_examples.html
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tak_tools.verify.image_lifecycle import Image, expiries

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def image(digest: str, days_ago: int, *tags: str, manifests: tuple[str, ...] = ()) -> Image:
    return Image(digest, NOW - timedelta(days=days_ago), frozenset(tags), frozenset(manifests))


def rule(priority: int, keep: int, **selection: Any) -> dict[str, Any]:
    count = {"countType": "imageCountMoreThan", "countNumber": keep}
    selection = {"tagStatus": "tagged" if selection else "any", **selection, **count}
    return {"rulePriority": priority, "selection": selection, "action": {"type": "expire"}}


def expired(images: list[Image], *rules: dict[str, Any], pushes: int = 0) -> str:
    return "".join(sorted(expiries(images, {"rules": list(rules)}, pushes)))


BETA, PROD = {"tagPrefixList": ["beta"]}, {"tagPrefixList": ["prod"]}
BOTH = [image("A", 10, "beta-1", "prod-1"), image("B", 9, "beta-2", "prod-2"), image("C", 8, "beta-3")]


@pytest.mark.parametrize(
    ("rules", "gone"),
    [
        # Rule 2 would expire B, which rule 1 keeps.
        ([rule(1, 1, **PROD), rule(2, 1, **BETA)], "A"),
        ([rule(1, 1, **BETA), rule(2, 1, **PROD)], "AB"),
        # The order of the text does not matter, the priority does.
        ([rule(2, 1, **BETA), rule(1, 1, **PROD)], "A"),
    ],
)
def test_an_image_that_a_rule_selects_is_left_alone_by_rules_of_lower_priority(
    rules: list[dict[str, Any]], gone: str
) -> None:
    assert expired(BOTH, *rules) == gone


def test_rules_for_any_tag_count_what_other_rules_select_too() -> None:
    images = [image("A", 4, "old"), image("B", 3, "prod-1"), image("C", 2, "prod-2"), image("D", 1)]
    assert expired(images, rule(1, 2, **PROD), rule(2, 3)) == "A"


def test_a_rule_selects_images_that_have_a_tag_for_each_prefix_or_pattern() -> None:
    images = [image("A", 3, "prod-web"), image("B", 2, "prod-1", "stable"), image("C", 1, "xprod-web", "stable")]
    assert expired(images, rule(1, 0, tagPrefixList=["prod", "stable"])) == "B"
    assert expired(images, rule(1, 0, tagPatternList=["prod*web"])) == "A"
    assert expired(images, rule(1, 0, tagPatternList=["*prod-*"])) == "ABC"


def test_pushes_count_for_every_rule() -> None:
    images = [
        *(image(digest, age, f"beta-{age}") for digest, age in (("A", 3), ("B", 2), ("C", 1))),
        image("P", 90, "prod-1"),
    ]
    rules = rule(1, 4, **BETA), rule(2, 2, **PROD)
    assert [expired(images, *rules, pushes=pushes) for pushes in range(5)] == ["", "", "AP", "ABP", "ABCP"]


def test_the_reason_names_the_rule_and_the_place_or_the_day() -> None:
    age = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}
    images = [image("A", 3), image("B", 2, "prod-1"), image("C", 1, "prod-2")]
    by_age = {"rulePriority": 1, "selection": age, "action": {"type": "expire"}}
    assert expiries(images, {"rules": [by_age, rule(2, 3, **PROD)]}, 2) == {
        "A": "lifecycle rule 1 expires it on 2026-12-01, 14 days after its push",
        "B": "lifecycle rule 2 expires it after 2 more pushes: it keeps the newest 3",
    }


def test_what_the_rules_expire_already_is_said_to_expire_now() -> None:
    assert expiries([image("A", 2), image("B", 1)], {"rules": [rule(1, 1)]}, 0) == {
        "A": "lifecycle rule 1 expires it now: it keeps the newest 1"
    }


@pytest.mark.parametrize(("keep", "stay"), [(1, 1), (5, 3), (20, 10), (100, 90)])
def test_without_a_number_an_image_has_to_stay_through_10_pushes_or_half_of_what_the_rule_keeps(
    keep: int, stay: int
) -> None:
    images = [image(str(number), number, "prod-1") for number in range(100)]
    assert len(images) - len(expiries(images, {"rules": [rule(1, keep, **PROD)]})) == stay


def test_a_rule_of_another_kind_is_taken_to_apply() -> None:
    selection = {"tagStatus": "any", "countType": "sinceImagePulled", "countUnit": "days", "countNumber": 90}
    archive = {"rulePriority": 1, "selection": selection, "action": {"type": "transition"}}
    assert expiries([image("A", 1, "prod-1")], {"rules": [archive]}, 0) == {
        "A": "lifecycle rule 1 archives it: 90 days sinceImagePulled"
    }


def test_what_an_index_refers_to_stays_as_long_as_the_index() -> None:
    untagged = rule(1, 0, tagStatus="untagged")
    images = [image("M", 3), image("N", 3), image("I", 2, "prod-1", manifests=("M",)), image("J", 1, "prod-2")]
    assert expired(images, untagged, rule(2, 2, **PROD)) == "N"
    assert expired(images, untagged, rule(2, 1, **PROD)) == "IMN"


def test_what_an_index_within_an_index_refers_to_stays() -> None:
    images = [image("A", 3), image("B", 2, manifests=("A",)), image("C", 1, "prod-1", manifests=("B",))]
    assert expired(images, rule(1, 0, tagStatus="untagged")) == ""


def test_without_a_policy_nothing_expires() -> None:
    assert expiries(BOTH, {}, 1000) == {}
