"""The components of a stack with their resources, as `tak-base plan` and `tak-base simulate` print them."""

from collections import defaultdict

from rich.tree import Tree

from tak_tools.formatting import short_type
from tak_tools.program import Recording, Registration


def resource_tree(recording: Recording, label: str, *, with_ids: bool = False) -> Tree:
    """Each resource with its options, the resources in awsx's components, and, if asked, physical IDs."""
    children: dict[str, list[Registration]] = defaultdict(list)
    for item in recording.registrations:
        children[item.parent].append(item)
    tree = Tree(label)

    def grow(branch: Tree, items: list[Registration]) -> None:
        for item in sorted(items, key=lambda item: (item.type, item.name)):
            if item.is_component:
                kind = item.type.rsplit(":", 1)[-1]
                text = f"[bold]{kind}[/bold]" + ("" if children[item.urn] else " (nothing in this stack)")
            else:
                text = _leaf(item) + (f" {item.id}" if with_ids else "")
            leaf = branch.add(text)
            for part in () if item.is_component else item.row.parts:
                leaf.add(f"{short_type(part.token)} [cyan]{item.name}[/cyan]")
            grow(leaf, children[item.urn])

    urns = {item.urn for item in recording.registrations}
    grow(tree, [item for item in recording.registrations if item.parent not in urns])
    return tree


def _leaf(item: Registration) -> str:
    options = [word for word, given in (("protected", item.protect), ("retained", item.retain_on_delete)) if given]
    return f"{short_type(item.type)} [cyan]{item.name}[/cyan]" + (f" ({', '.join(options)})" if options else "")
