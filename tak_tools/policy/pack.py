"""The rules as Pulumi policies: what `pulumi preview --policy-pack policy` runs."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyComplianceFramework,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.policy import _PolicyAnalyzerServicer
from pulumi_policy.proxy import UnknownValueError

from tak_base.config_values import in_namespace
from tak_base.settings import NAMESPACE, Settings, parse_settings
from tak_tools.controls import references
from tak_tools.policy.model import UNKNOWN, Resource, Stack, stack_of
from tak_tools.policy.rules import RULES, Rule, judge
from tak_tools.stack_file import load_project, load_stack

NAME = "tak-base"


StackOf = Callable[[str], Stack]
"""Returns the stack of a URN."""


def policies(current_stack: StackOf) -> list[Policy]:
    """A policy for every rule. `current_stack` is asked only when there is a resource to judge."""
    return [(_of_whole_stack if rule.whole_stack else _of_resource)(rule, current_stack) for rule in RULES]


def _of_resource(rule: Rule, current_stack: StackOf) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        # The engine sends the stack resource before the program has read its config: the program, not the pack,
        # reports mistakes in the config.
        if not args.resource_type.startswith("pulumi:"):
            for message in judge(rule, _resource(args), current_stack(args.urn)):
                report(message, None)

    return ResourceValidationPolicy(rule.name, rule.description, validate, **_metadata(rule))


def _of_whole_stack(rule: Rule, current_stack: StackOf) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        resources = [
            _resource(item, uses=frozenset(used.urn for group in item.property_dependencies.values() for used in group))
            for item in args.resources
            if not item.resource_type.startswith("pulumi:")
        ]
        for resource in resources:
            for message in judge(rule, resource, current_stack(resource.urn).with_resources(resources)):
                report(message, resource.urn)

    return StackValidationPolicy(rule.name, rule.description, validate, **_metadata(rule))


def _metadata(rule: Rule) -> dict[str, Any]:
    return {
        "enforcement_level": EnforcementLevel(rule.level),
        "framework": PolicyComplianceFramework(
            "AWS Security Hub, CIS AWS Foundations Benchmark 5.0.0", reference=references(rule.controls)
        ),
    }


def _resource(item: ResourceValidationArgs | PolicyResource, uses: frozenset[str] = frozenset()) -> Resource:
    return Resource(
        type=item.resource_type,
        properties=_plain(item.props),
        name=item.name,
        urn=item.urn,
        protected=item.opts.protect,
        provider_tags=_provider_tags(_plain(item.provider.props)) if item.provider else {},
        uses=uses,
    )


def _provider_tags(properties: Mapping[str, Any]) -> Mapping[str, str]:
    # The inputs of a provider are strings, whatever their type.
    given = properties.get("defaultTags") or {}
    tags = (json.loads(given) if isinstance(given, str) else given).get("tags")
    return tags or {}


def _plain(value: Any) -> Any:
    """`value` with UNKNOWN in place of every value that is not known yet."""
    if isinstance(value, Mapping):
        return {key: _item(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_item(value, index) for index in range(len(value))]
    return value


def _item(container: Any, key: Any) -> Any:
    try:
        return _plain(container[key])
    except UnknownValueError:
        return UNKNOWN


def listen_for_stack(project_folder: Path) -> StackOf:
    """Where the stack's config comes from: the engine sends it to every policy pack, before the first resource.

    pulumi_policy 1.21 takes only the stack's tags from that call, and pulumi.Config is empty in a pack.
    `pulumi policy analyze` names no stack in it (CLI 3.260): there the stack file in `project_folder` counts.
    """
    heard: dict[str, Any] = {}
    library_method = _PolicyAnalyzerServicer.ConfigureStack

    def configure_stack(self: Any, request: Any, _context: Any) -> Any:
        heard["request"] = request
        return library_method(self, request, _context)

    _PolicyAnalyzerServicer.ConfigureStack = configure_stack

    @cache
    def settings_in_file(stack: str) -> Settings:
        return load_stack(load_project(project_folder), stack).settings

    def current_stack(urn: str) -> Stack:
        if "request" in heard and heard["request"].stack:
            return stack_of(heard["request"].stack, _settings(heard["request"]))
        stack = urn.split("::")[0].removeprefix("urn:pulumi:")
        return stack_of(stack, settings_in_file(stack))

    return current_stack


def _settings(request: Any) -> Settings:
    return parse_settings(
        in_namespace(request.config, NAMESPACE),
        project=request.project,
        stack=request.stack,
        region=request.config.get("aws:region"),
    )
