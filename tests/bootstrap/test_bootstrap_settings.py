"""Config of the bootstrap: what is accepted, and that every mistake is told at once."""

from typing import Any

import pytest

from tak_base.settings import ConfigError
from tak_bootstrap.settings import Settings, from_engine, parse_settings

VALUES: dict[str, Any] = {
    "repository": "example-owner/example.repository_1",
    "environments": ["dev-test", "prod"],
    "mainBranch": "main",
    "projectName": "tak-base",
    "stateBucketName": "",
    "createOidcProvider": True,
}


def test_a_good_stack_file_becomes_settings() -> None:
    assert parse_settings(VALUES) == Settings(
        repository="example-owner/example.repository_1",
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
        ("environments", []),
        ("environments", "prod"),
        ("environments", ["*"]),
        ("environments", ["prod", "prod"]),
        ("environments", ["prod:ref"]),
        ("environments", [1]),
        ("mainBranch", "*"),
        ("mainBranch", ""),
        ("projectName", "tak*"),
        ("stateBucketName", "Upper"),
        ("stateBucketName", "a.b.c"),
        # The deploy roles have full power over buckets of this name.
        ("stateBucketName", "tak-config-state"),
        ("stateBucketName", "tak-elb-logs-state"),
        ("createOidcProvider", "yes"),
    ],
)
def test_a_value_that_would_widen_trust_or_fail_in_aws_is_refused(key: str, value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_settings(VALUES | {key: value})

    (problem,) = caught.value.problems
    assert problem.startswith(f"tak-bootstrap:{key}: found ")
    assert ", expected " in problem


def test_every_mistake_is_told_at_once_a_line_each() -> None:
    wrong = {**VALUES, "environments": [], "createOidcProvider": 1, "stateBucketNam": "x"}
    del wrong["repository"]

    with pytest.raises(ConfigError) as caught:
        parse_settings(wrong)

    assert caught.value.problems == (
        "tak-bootstrap:stateBucketNam: unknown key, did you mean stateBucketName?",
        "tak-bootstrap:repository: missing, expected a GitHub repository as OWNER/NAME",
        "tak-bootstrap:environments: found [], expected a list of different stack names, such as [dev-test, prod]",
        "tak-bootstrap:createOidcProvider: found 1, expected true or false",
    )


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ('["prod"]', ["prod"]), ("main", "main"), ("7", "7"), ("", "")]
)
def test_text_of_the_engine_becomes_a_value_only_where_it_is_a_flag_or_a_list(text: str, value: Any) -> None:
    assert from_engine(text) == value
