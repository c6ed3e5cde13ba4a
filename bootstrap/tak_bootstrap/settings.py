"""Stack config, parsed once into a frozen dataclass: every key is one field here. Every config error is raised here."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tak_base.config_values import (
    ConfigError,
    apply_defaults,
    engine_config,
    flag,
    in_namespace,
    key,
    names,
    read_keys,
    rows_of,
    settings_from,
    shown,
    text,
)
from tak_base.settings import name_problems
from tak_bootstrap.layer import LOGICAL_NAMES

NAMESPACE = "tak-bootstrap"


def _check_stacks(stacks: tuple[str, ...]) -> None:
    # The names go into the subjects that a role trusts and into names of resources: a `*` or `:` would widen them.
    if not stacks or not all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name) for name in stacks):
        raise ValueError


_github_id = text("[1-9][0-9]*", "an ID of GitHub, in digits", example="1234567")


@dataclass(frozen=True)
class Settings:
    """Everything the stack file decides, checked."""

    repository: str = key(
        text(
            r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}",
            "a GitHub repository as OWNER/NAME",
            example="example-owner/tak-base",
        ),
        "The GitHub repository whose workflows may assume the roles.",
        required=True,
    )
    owner_id: str | None = key(
        _github_id,
        "The ID of the repository's owner on GitHub: `gh api repos/OWNER/NAME --jq .owner.id`. Set it together with"
        " `repositoryId`. The roles then trust the immutable subject `repo:OWNER@OWNER_ID/NAME@REPOSITORY_ID:...`,"
        " which GitHub sends for every repository that was created, renamed or transferred after 15 July 2026. Without"
        " the two keys they trust the subject `repo:OWNER/NAME:...` of older repositories.",
    )
    repository_id: str | None = key(
        _github_id, "The ID of the repository on GitHub: `gh api repos/OWNER/NAME --jq .id`. Set it with `ownerId`."
    )
    environments: tuple[str, ...] = key(
        names("a list of different stack names", example=("dev-test", "prod"), check=_check_stacks),
        "The GitHub environments that deploy, each named as its stack is. Each gets a deploy role.",
        default=("dev-test", "prod"),
    )
    main_branch: str = key(
        text(r"[A-Za-z0-9][A-Za-z0-9._/-]*", "the name of a branch", example="main"),
        "The branch whose scheduled workflows may assume the preview role.",
        default="main",
    )
    project_name: str = key(
        text(r"[A-Za-z][A-Za-z0-9-]{0,31}", "a project name of up to 32 letters, digits and -", example="tak-base"),
        "The Pulumi project that is deployed: the start of its physical names, and of the names made here.",
        default="tak-base",
    )
    state_bucket_name: str | None = key(
        # A dot in the name breaks the TLS certificate of virtual-hosted addresses.
        text(
            r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
            "a bucket name of 3-63 lower-case letters, digits and -",
            example="example-pulumi-state",
        ),
        "The name of the state bucket. Where it is not set, Pulumi chooses one.",
    )
    create_oidc_provider: bool = key(
        flag,
        "Set it to false where the account has an OIDC provider for GitHub: an account can have only one.",
        default=True,
    )


CONFIG_KEYS = rows_of(Settings)


def parse_settings(values: Mapping[str, Any]) -> Settings:
    """The settings of a stack, from its `tak-bootstrap:` keys without the namespace.

    Raises ConfigError with every problem, a line each.
    """
    settings, problems = read_keys(CONFIG_KEYS, values, NAMESPACE)
    for given, other in (("ownerId", "repositoryId"), ("repositoryId", "ownerId")):
        if given in settings and values.get(other) is None:
            problems.append(f"{NAMESPACE}:{other}: missing, expected together with {given}")
    if problems:
        raise ConfigError(problems)
    apply_defaults(CONFIG_KEYS, settings)
    problems = list(_names_out_of_order(settings))
    if problems:
        raise ConfigError(problems)
    return settings_from(Settings, settings)


def _names_out_of_order(settings: Mapping[str, Any]) -> Iterator[str]:
    """Names that AWS refuses in the base layer, and names by which one deploy role would reach what is another's."""
    project, stacks, bucket = (settings[name] for name in ("projectName", "environments", "stateBucketName"))
    for problem in dict.fromkeys(problem for stack in stacks for problem in name_problems(project, stack)):
        what, _, fault = problem.partition(": ")
        yield f"{NAMESPACE}:{'projectName' if what == 'project name' else 'environments'}: {fault}"
    for stack in stacks:
        start = f"{project}-{stack}-{LOGICAL_NAMES}"
        for other in (f"{project}-{other}-" for other in stacks if other != stack):
            if other.startswith(start):
                yield (
                    f"{NAMESPACE}:environments: found {shown(stacks)}, expected no name that is another one's with"
                    f" -{LOGICAL_NAMES} behind it: {stack}'s deploy role manages what is called {start}*"
                )
        if bucket and bucket.startswith(start):
            yield (
                f"{NAMESPACE}:stateBucketName: found {shown(bucket)}, expected no name that starts with {start}:"
                f" {stack}'s deploy role manages those buckets"
            )


def load_settings() -> Settings:
    """The settings of the stack that is being deployed; a mistake stops the deployment without a stack trace."""
    import pulumi

    try:
        return parse_settings(in_namespace(engine_config(), NAMESPACE))
    except ConfigError as error:
        raise pulumi.RunError(str(error)) from None
