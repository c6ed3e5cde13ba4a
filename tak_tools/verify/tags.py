"""The check of the default tags, on every resource type of the base layer that can have tags."""

from collections.abc import Iterable, Mapping

from tak_tools.aws_search import ACTIONS, LISTERS, Search
from tak_tools.resource_types import ROWS
from tak_tools.verify.checks import Difference, check
from tak_tools.verify.deployment import Deployment
from tak_tools.verify.leftovers import ids_in_outputs, known_ids


@check(
    "tags",
    "Everything of the layer that can have tags has the default tags of the stack file (aws:defaultTags).",
    # An alias has no tags.
    actions=tuple(action for action in ACTIONS if action != "kms:ListAliases"),
)
def tags(deployment: Deployment) -> Iterable[Difference]:
    expected = deployment.stack_file.default_tags
    with_tags = [row.token for row in ROWS.values() if row.base_layer and row.tags]
    known = known_ids(deployment, with_tags)
    search = Search(deployment.stack_file, deployment.aws, known | ids_in_outputs(deployment))
    for token in with_tags:
        for found in LISTERS[token](search):
            wrong = {key: found.tags.get(key) for key, value in expected.items() if found.tags.get(key) != value}
            if wrong and found.id in known:
                yield Difference(found.id, _shown(wrong), _shown({key: expected[key] for key in wrong}))


def _shown(tags: Mapping[str, str | None]) -> str:
    return ", ".join(f"{key}={'(none)' if value is None else value}" for key, value in tags.items())
