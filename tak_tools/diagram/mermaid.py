"""The picture as a mermaid flowchart, in the form of the architecture page; GitHub draws it."""

import re
from collections.abc import Iterator
from dataclasses import replace

from tak_tools.diagram.model import FRAMES, INTERNET, Edge, Node, Picture, read_picture
from tak_tools.diagram.palette import BOXES, INK, LINES, Frame
from tak_tools.program import Recording
from tak_tools.resource_types import Style

# A longer line stands the endpoints below the gateways instead of beside them: GitHub's column is narrow.
_LONG = "attachment"


def mermaid(recording: Recording, title: str = "TAK base layer") -> str:
    """The flowchart's source, which ends in a newline: the same bytes for the same recording."""
    return "\n".join(_Flowchart(read_picture(recording, title)).lines()) + "\n"


class _Flowchart:
    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._ids: dict[str, str] = {}
        for name in (INTERNET, *(node.id for node in picture.nodes)):
            self._ids[name] = self._identifier(name)
        self._guard = {
            edge.source: edge.target for edge in picture.edges if edge.kind == "guard" and self._alike(edge.target)
        }

    def lines(self) -> Iterator[str]:
        picture = self._picture
        yield f"%% {' '.join(picture.title.split())}"
        yield "graph TB"
        yield f"    {self._ids[INTERNET]}(({_quoted('Internet')}))"
        yield f"    subgraph frame_region[{_quoted(f'AWS Region {picture.region}')}]"
        vpcs = [node for node in picture.of_kind("vpc") if node.group == "vpc"]
        yield from self._vpc(vpcs[0] if vpcs else None)
        for group, title in FRAMES.items():
            members = [node for node in picture.nodes if node.group == group and node.id not in self._guard]
            yield from self._frame(f"frame_{group}", title, members, 2)
        yield "    end"
        yield from self._edges()
        yield from self._styles()

    def _identifier(self, name: str) -> str:
        # Two words at least, so that no logical name is a keyword such as `end`.
        base = re.sub(r"\W", "_", name, flags=re.ASCII)
        base = base if "_" in base else f"node_{base}"
        taken = set(self._ids.values())
        return next(
            candidate
            for number in range(1, len(taken) + 2)
            if (candidate := base if number == 1 else f"{base}_{number}") not in taken
        )

    def _vpc(self, vpc: Node | None) -> Iterator[str]:
        nodes = [node for node in self._picture.nodes if node.group in ("vpc", "zone") and node.kind != "vpc"]
        if vpc:
            # A frame's title has room for one line.
            yield f"        subgraph {self._ids[vpc.id]}[{_quoted(', '.join((vpc.title, *vpc.lines[:1])))}]"
            yield "            direction TB"
        yield from (self._node(node, 3) for node in nodes if not node.zone)
        for index, zone in enumerate(self._picture.zones):
            yield from self._frame(f"frame_zone_{index}", f"AZ {zone}", [n for n in nodes if n.zone == zone], 3)
        if vpc:
            yield "        end"

    def _frame(self, id_: str, title: str, nodes: list[Node], depth: int) -> Iterator[str]:
        if nodes:
            indent = "    " * depth
            yield f"{indent}subgraph {id_}[{_quoted(title)}]"
            for node in nodes:
                guarded = [member for member in self._picture.nodes if self._guard.get(member.id) == node.id]
                if guarded:
                    yield from self._guard_frame(node, guarded, depth + 1)
                else:
                    yield self._node(node, depth + 1)
            yield f"{indent}end"

    def _guard_frame(self, guard: Node, members: list[Node], depth: int) -> Iterator[str]:
        indent = "    " * depth
        yield f"{indent}subgraph {self._ids[guard.id]}[{_quoted(': '.join((guard.title, *guard.lines)))}]"
        yield f"{indent}    direction TB"
        yield from (self._node(member, depth + 1) for member in members)
        yield f"{indent}end"

    def _alike(self, guard: str) -> bool:
        """Whether a security group's endpoints have the same subnets: one line then stands for all of them."""
        places: dict[str, set[str]] = {
            edge.source: set() for edge in self._picture.edges if (edge.target, edge.kind) == (guard, "guard")
        }
        for edge in self._picture.edges:
            if edge.kind == "attachment" and edge.target in places:
                places[edge.target].add(edge.source)
        return len(set(map(frozenset, places.values()))) == 1

    def _node(self, node: Node, depth: int) -> str:
        return f"{'    ' * depth}{self._ids[node.id]}[{_label(node)}]"

    def _edges(self) -> Iterator[str]:
        labels: dict[Edge, list[str]] = {}
        for edge in self._picture.edges:
            if edge.kind == "guard" and edge.source in self._guard:
                continue
            target = self._guard.get(edge.target, edge.target)
            key = Edge(edge.source, target, edge.kind, both_ways=edge.both_ways)
            labels.setdefault(key, []).append(edge.label)
        drawn: dict[str, list[int]] = {}
        for number, (edge, destinations) in enumerate(labels.items()):
            text = ", ".join(filter(None, destinations))
            label = f"|{_quoted(text)}|" if text else ""
            yield f"    {self._ids[edge.source]} {_arrow(edge)}{label} {self._ids[edge.target]}"
            drawn.setdefault(replace(edge, label=destinations[0]).line, []).append(number)
        for kind, style in LINES.items():
            if kind in drawn:
                dashes = f",stroke-dasharray:{style.dashes}" if style.dashes else ""
                yield f"    linkStyle {','.join(map(str, drawn[kind]))} stroke:{style.colour}{dashes}"

    def _styles(self) -> Iterator[str]:
        members: dict[Style | Frame, list[str]] = {name: [] for name in BOXES}
        groups = {node.group for node in self._picture.nodes}
        members["internet"] = [self._ids[INTERNET]]
        members["region"] = ["frame_region"]
        members["group"] = [f"frame_{group}" for group in FRAMES if group in groups]
        members["zone"] = [f"frame_zone_{index}" for index in range(len(self._picture.zones))]
        for node in self._picture.nodes:
            members[node.style].append(self._ids[node.id])
        for name, ids in members.items():
            if ids:
                yield f"    classDef {name} fill:{BOXES[name].fill},stroke:{BOXES[name].stroke},color:{INK}"
                yield f"    class {','.join(ids)} {name}"


def _arrow(edge: Edge) -> str:
    if edge.both_ways:
        return "<-->"
    line = "----" if edge.kind == _LONG else "--"
    return line + (">" if LINES[edge.line].arrow else "-")


def _label(node: Node) -> str:
    # A route table's lines are its routes, which the labels of its edges show.
    return _quoted("\n".join((node.title, *(() if node.kind == "route table" else node.lines))))


def _quoted(text: str) -> str:
    # Between quotes mermaid reads Markdown and entities; `#quot;` is how it spells a quotation mark.
    for sign, spelling in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("`", "#96;")):
        text = text.replace(sign, spelling)
    return f'"{text.replace(chr(10), "<br/>")}"'
