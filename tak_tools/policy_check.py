"""Judges what the program registers by the rules of the policy pack, without the Pulumi CLI."""

from collections.abc import Mapping, Sequence

from tak_tools.policy.model import Resource, stack_of
from tak_tools.policy.rules import Violation
from tak_tools.policy.rules import violations_of as judge
from tak_tools.program import Recording, Registration
from tak_tools.stack_file import StackFile


def violations_of(recording: Recording, stack_file: StackFile) -> list[Violation]:
    """Every violation of a rule by the stack, mandatory ones first."""
    made = {item.urn: [f"{item.urn}/{part.token}" for part in item.row.parts] for item in recording.resources}
    resources = [part for item in recording.resources for part in _parts(item, stack_file.default_tags, made)]
    return judge(resources, stack_of(stack_file.stack, stack_file.settings))


def _parts(item: Registration, provider_tags: dict[str, str], made: Mapping[str, Sequence[str]]) -> list[Resource]:
    """The resource; and as the engine knows them, those that awsx makes in it from its inputs.

    `made` has the URNs of those by the URN of the component. What uses an output of the component uses them.
    """
    used = frozenset().union(*item.property_dependencies.values())
    whole = Resource(
        type=item.type,
        # Rules for the whole stack see what AWS adds, and inputs win where both have a name.
        properties={**item.outputs, **item.inputs},
        name=item.name,
        urn=item.urn,
        protected=item.protect,
        provider_tags=provider_tags,
        uses=used.union(*(made.get(urn, ()) for urn in used)),
    )
    return [
        whole,
        *(
            Resource(
                type=part.token,
                properties=item.inputs,
                name=item.name,
                urn=f"{item.urn}/{part.token}",
                protected=item.protect,
                provider_tags=provider_tags,
            )
            for part in item.row.parts
        ),
    ]
