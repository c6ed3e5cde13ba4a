"""Config of the bootstrap: what is accepted, and that all mistakes are reported together."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from tak_base.config_values import ConfigError, by_key
from tak_bootstrap.settings import CONFIG_KEYS, Settings, parse_settings
from tak_tools.stack_file import Project

pytestmark = pytest.mark.slow

VALUES: dict[str, Any] = {
    "repository": "example-owner/example.repository_1",
    "ownerId": "123",
    "repositoryId": "4567",
    "environments": ["dev-test", "prod"],
    "mainBranch": "main",
    "projectName": "tak-base",
    "createOidcProvider": True,
}


def problems_of(values: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse_settings(values)
    return caught.value.problems


def test_a_good_stack_file_becomes_settings() -> None:
    assert parse_settings(VALUES) == Settings(
        repository="example-owner/example.repository_1",
        owner_id="123",
        repository_id="4567",
        environments=("dev-test", "prod"),
        main_branch="main",
        project_name="tak-base",
        state_bucket_name=None,
        create_oidc_provider=True,
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("repository", "*/example"),
        ("repository", "example/*"),
        ("repository", "example"),
        ("repository", "example/a:b"),
        ("repository", "a/b/c"),
        ("ownerId", "*"),
        ("ownerId", ""),
        ("ownerId", "0"),
        ("ownerId", "1/x@2"),
        ("repositoryId", "-1"),
        ("repositoryId", "1:*"),
        ("repositoryId", 1.5),
        ("environments", []),
        ("environments", "prod"),
        ("environments", ["*"]),
        ("environments", ["prod", "prod"]),
        ("environments", ["prod:ref"]),
        ("environments", [1]),
        ("mainBranch", "*"),
        ("mainBranch", ""),
        ("projectName", "tak*"),
        ("stateBucketName", ""),
        ("stateBucketName", "Upper"),
        ("stateBucketName", "a.b.c"),
        # A deploy role has full power over buckets of this name.
        ("stateBucketName", "tak-base-prod-tak-config-state"),
        ("projectName", "Tak"),
        ("environments", ["Prod"]),
        ("environments", ["prod_1"]),
        ("environments", ["a-name-for-a-stack-that-is-too-long"]),
        # What prod's deploy role manages begins with tak-base-prod-tak-.
        ("environments", ["prod", "prod-tak"]),
        ("environments", ["prod-tak-2", "prod"]),
        ("createOidcProvider", "yes"),
    ],
)
def test_a_value_that_would_widen_trust_or_fail_in_aws_is_refused(key: str, value: Any) -> None:
    (problem,) = problems_of(VALUES | {key: value})

    assert problem.startswith(f"tak-bootstrap:{key}: found ")
    assert ", expected " in problem


@pytest.mark.parametrize("key", CONFIG_KEYS)
def test_a_reader_reads_its_own_values(key: str) -> None:
    reader = CONFIG_KEYS[key].reader

    assert [reader(value) for value in reader.values] == list(reader.values) != []


def test_every_mistake_is_told_at_once_a_line_each() -> None:
    wrong = {**VALUES, "environments": [], "createOidcProvider": 1, "stateBucketNam": "x"}
    del wrong["repository"]

    assert problems_of(wrong) == (
        "tak-bootstrap:stateBucketNam: unknown key, did you mean stateBucketName?",
        "tak-bootstrap:repository: missing, expected a GitHub repository as OWNER/NAME, such as example-owner/tak-base",
        "tak-bootstrap:environments: found [], expected a list of different stack names, such as [dev-test, prod]",
        "tak-bootstrap:createOidcProvider: found 1, expected true or false",
    )


def test_an_id_may_be_a_number_in_the_stack_file() -> None:
    assert parse_settings(VALUES | {"ownerId": 123, "repositoryId": 4567}) == parse_settings(VALUES)


@pytest.mark.parametrize(("given", "other"), [("ownerId", "repositoryId"), ("repositoryId", "ownerId")])
def test_one_id_without_the_other_is_one_line(given: str, other: str) -> None:
    values = {key: value for key, value in VALUES.items() if key != other}

    assert problems_of(values) == (f"tak-bootstrap:{other}: missing, expected together with {given}",)
    assert len(problems_of(values | {given: "x"})) == 1


def test_only_the_repository_has_to_be_set(bootstrap_project: Project) -> None:
    declared = yaml.safe_load((bootstrap_project.folder / "Pulumi.yaml").read_text(encoding="utf-8"))["config"]

    # The Pulumi CLI demands every key that is declared without a default.
    assert list(declared) == [key for key, row in CONFIG_KEYS.items() if row.required] == ["repository"]
    # The other values of the good stack file are the defaults.
    assert parse_settings({"repository": "a/b"}) == replace(
        parse_settings(VALUES), repository="a/b", owner_id=None, repository_id=None
    )


@pytest.mark.parametrize(
    ("key", "text", "setting"),
    [
        ("createOidcProvider", "false", False),
        ("environments", '["prod"]', ("prod",)),
        ("mainBranch", "7", "7"),
        ("mainBranch", "profile", "profile"),
        ("stateBucketName", "example-state", "example-state"),
        ("ownerId", "7", "7"),
    ],
)
def test_the_text_that_the_engine_makes_of_a_value_is_read_as_the_value(key: str, text: str, setting: Any) -> None:
    assert by_key(parse_settings(VALUES | {key: text})) == by_key(parse_settings(VALUES)) | {key: setting}
