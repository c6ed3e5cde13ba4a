"""Where everything of the picture stands: boxes sized from their text on a grid, and orthogonal lines.

The grid: the internet on top; in the VPC's frame a column for each zone, and between the first two the gateways
and route tables; endpoints below; compute and storage at the right. A node that has no place in this grid goes
to the frame "Network" within the VPC or to "Other", and a connection that has no line here becomes a line of text in
its source's box.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tak_tools.diagram.model import FRAMES, INTERNET, Edge, Node, Picture
from tak_tools.diagram.palette import LINES, Frame
from tak_tools.resource_types import Group, Style

TITLE_SIZE, TEXT_SIZE, HEADING_SIZE = 13, 12, 20
_LINE_HEIGHT = 17
_PAD = 12
_GAP = 28
_MARGIN = 24
_WRAP = 34
_WRAP_TITLE = 44
# A security group has the width of its endpoints' frame.
_LIMITS = {"security group": 100}
_TITLE_HEIGHT = 34
# The places of what has none of its own in the grid.
_LOOSE = ("network", "other")

# Widths in hundredths of the font size, those of the wide fonts (DejaVu Sans, Verdana), so that text stays in
# its box whatever font `sans-serif` is.
_WIDTH_CLASSES = {40: "iljI.,:;'|! ", 47: 'ft()[]r/-"', 64: "cszkJxvyLFT", 82: "GOQDHNUCAVRXKY&", 102: "mwM@%→W"}
_WIDTHS = {char: width for width, chars in _WIDTH_CLASSES.items() for char in chars}
_OTHER_WIDTH = 67
_NON_ASCII_WIDTH = 110
_BOLD = 1.13


@dataclass(frozen=True)
class Text:
    """One line of text; `x` is its left end, `y` its baseline."""

    x: float
    y: float
    value: str
    size: int
    bold: bool


@dataclass(frozen=True)
class Box:
    """A rectangle with text at its top left. A frame has other boxes below its text."""

    id: str
    kind: str
    """A node's kind; `region`, `zone` or `group` for a frame that is no node."""
    style: Style | Frame
    x: float
    y: float
    width: float
    height: float
    text: tuple[str, ...]
    frame: bool = False

    @property
    def right(self) -> float:
        """The x of the right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y of the bottom edge."""
        return self.y + self.height

    @property
    def centre(self) -> tuple[float, float]:
        """The middle."""
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def texts(self) -> tuple[Text, ...]:
        """Its lines of text, the first one in bold."""
        return tuple(
            Text(
                self.x + _PAD,
                self.y + _PAD + TEXT_SIZE - 1 + index * _LINE_HEIGHT,
                line,
                TEXT_SIZE if index else TITLE_SIZE,
                index == 0,
            )
            for index, line in enumerate(self.text)
        )


@dataclass(frozen=True)
class Line:
    """A line of horizontal and vertical parts; `arrows` says which ends have a head: "", "end" or "both"."""

    kind: str
    """An edge's kind; `ipv4` or `ipv6` for a route."""
    source: str
    target: str
    points: tuple[tuple[float, float], ...]
    arrows: str


@dataclass(frozen=True)
class Drawing:
    """All shapes, in drawing order: frames, lines, boxes, texts."""

    width: float
    height: float
    frames: tuple[Box, ...]
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    texts: tuple[Text, ...]
    legend: tuple[Line, ...]


def text_width(text: str, size: int, bold: bool) -> float:
    """An upper estimate of the width of `text`."""
    hundredths = sum(_WIDTHS.get(char, _OTHER_WIDTH if char.isascii() else _NON_ASCII_WIDTH) for char in text)
    return hundredths / 100 * size * (_BOLD if bold else 1)


def lay_out(picture: Picture) -> Drawing:
    """The drawing of `picture`."""
    return _Layout(picture).drawing()


class _Layout:
    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._zones = picture.zones
        # One zone at each side of the gateways and route tables; further ones at the right.
        self._sides = range(max(2, len(self._zones)))
        self._at: dict[str, list[Node]] = {}
        self._places: dict[str, str] = {}
        for node in picture.nodes:
            place = self._place(node)
            if place in self._at and not place.startswith(("side", "endpoint", *_LOOSE)):
                place = _loose_place(node)  # every other place has room for one
            self._places[node.id] = place
            self._at.setdefault(place, []).append(node)
        self._edges = [edge for edge in picture.edges if self._has_line(edge)]
        self._text = self._texts()
        self._frames: list[Box] = []
        self._shapes: dict[str, Box] = {}
        self._lines: list[Line] = []

    def _place(self, node: Node) -> str:
        match node.kind:
            case "vpc" | "internet gateway" | "egress-only gateway" | "flow log":
                return node.kind
            case "subnet" if node.zone in self._zones:
                return f"{'public' if node.public else 'private'} subnet {self._zones.index(node.zone)}"
            case "nat gateway" | "elastic ip" if node.zone in self._zones:
                around = self._sources(node, "inside") + self._sources(node, "address")
                inside = node.kind == "elastic ip" or any(source.public for source in around)
                return f"{node.kind} {self._zones.index(node.zone)}" if inside else _loose_place(node)
            case "route table":
                zones = {source.zone for source in self._sources(node, "association")}
                sides = [index for index, zone in enumerate(self._zones) if zones == {zone}]
                private = f"private table {sides[0]}" if sides else _loose_place(node)
                return "public table" if node.public else private
            case "endpoint":
                # Interface endpoints stand under the subnets, gateway endpoints under the route tables.
                tables = any(source.kind == "route table" for source in self._sources(node, "attachment"))
                return "endpoint gateway" if tables else "endpoint interface"
            case "security group":
                return "endpoint interface"
        return {"compute": "side compute", "storage": "side storage"}.get(node.group) or _loose_place(node)

    def _sources(self, node: Node, kind: str) -> list[Node]:
        edges = (edge for edge in self._picture.edges if (edge.target, edge.kind) == (node.id, kind))
        return [self._picture.node(edge.source) for edge in edges]

    def _has_line(self, edge: Edge) -> bool:
        source, target = self._places[edge.source], self._places.get(edge.target, INTERNET)
        match edge.kind:
            case "internet" | "inside" | "address" | "route":
                return not {source, target} & set(_LOOSE)
            case "association":
                if target == "public table":
                    return source in ("public subnet 0", "public subnet 1")
                return (source[:6], target[:6]) == ("privat", "privat")
            case "attachment" if target == "endpoint gateway":
                # Its frame is between the first two zones.
                return source in ("private table 0", "private table 1")
            case "attachment":
                return source.startswith("private subnet") and target == "endpoint interface"
            case "guard":
                return True  # standing in one frame says it
            case "images":
                # A straight line from box to box: there must be no other between them.
                return len(self._at["side compute"]) == 2
            case "encryption" | "logs":
                sources = ("side", "flow log") if edge.kind == "logs" else ("side",)
                return source.startswith(sources) and target.startswith("side")
        return False

    def _texts(self) -> dict[str, tuple[str, ...]]:
        """The lines of text in each node's box; what no line shows is said here."""
        titles = {node.id: node.title for node in self._picture.nodes}
        text = {node.id: [node.title, *node.lines] for node in self._picture.nodes}
        for edge in self._picture.edges:
            if edge not in self._edges and edge.kind != "route":
                text[edge.source].append(f"{edge.kind} → {titles.get(edge.target, edge.target)}")
        for type_ in ("gateway", "interface"):
            endpoints = [node for node in self._at.get(f"endpoint {type_}", []) if node.kind == "endpoint"]
            ends = {node.id: [source.title for source in self._sources(node, "attachment")] for node in endpoints}
            alike = len({tuple(sources) for sources in ends.values()}) == 1
            for id_, sources in ends.items():
                # The frame's title and lines stand for all of its endpoints, where they are alike.
                text[id_] = [line for line in text[id_] if line != f"{type_.title()} endpoint"]
                text[id_] += [] if alike else sources
        return {node.id: _wrapped(text[node.id], _LIMITS.get(node.kind, _WRAP)) for node in self._picture.nodes}

    # --- boxes

    def _width(self, *places: str) -> float:
        return max(
            (_text_block_width(self._text[n.id]) for place in places for n in self._at.get(place, [])), default=0
        )

    def _height(self, *places: str) -> float:
        return max(
            (_text_block_height(self._text[n.id]) for place in places for n in self._at.get(place, [])), default=0
        )

    def _put(self, place: str, x: float, y: float, width: float, height: float = 0, frame: bool = False) -> None:
        """Puts the node of a place that has one at most; its height is that of its text where none is given."""
        for node in self._at.get(place, []):
            self._put_node(node, x, y, width, height, frame)

    def _put_node(self, node: Node, x: float, y: float, width: float, height: float = 0, frame: bool = False) -> Box:
        text = self._text[node.id]
        box = Box(node.id, node.kind, node.style, x, y, width, height or _text_block_height(text), text, frame)
        self._shapes[node.id] = box
        if frame:
            self._frames.append(box)
        return box

    def _frame(self, kind: Frame, title: str, x: float, y: float, width: float, height: float) -> None:
        self._frames.append(Box(f"frame {title}", kind, kind, x, y, width, height, (title,), frame=True))

    # --- the grid

    def drawing(self) -> Drawing:
        top = _MARGIN + 56
        region_y = top + _text_block_height(("Internet",)) + _GAP
        x, y = _MARGIN + _PAD, region_y + _TITLE_HEIGHT + 6
        region = f"AWS Region {self._picture.region}".strip()
        right, bottom = self._place_vpc(x, y, top, region)
        right, side_bottom = self._place_side(right, y)
        bottom = self._flow_frame(FRAMES["other"], "other", x, right, max(bottom, side_bottom)) + _PAD
        self._frame("region", region, _MARGIN, region_y, right + _PAD - _MARGIN, bottom - region_y)
        # Frames are drawn from the outside to the inside.
        self._frames.sort(key=lambda frame: -frame.width * frame.height)
        kinds = {line.kind for line in self._lines}
        legend = [(kind, style.meaning) for kind, style in LINES.items() if kind in kinds]
        texts, samples, legend_right = _legend(legend, bottom + _GAP)
        heading = Text(_MARGIN, _MARGIN + HEADING_SIZE, self._picture.title, HEADING_SIZE, True)
        heading_right = _MARGIN + text_width(heading.value, HEADING_SIZE, True)
        return Drawing(
            width=max(right + _PAD, legend_right, heading_right) + _MARGIN,
            height=bottom + _GAP + _MARGIN,
            frames=tuple(self._frames),
            boxes=tuple(box for box in self._shapes.values() if not box.frame),
            lines=tuple(self._lines),
            texts=(heading, *texts),
            legend=samples,
        )

    def _place_vpc(self, x: float, y: float, internet_y: float, region: str) -> tuple[float, float]:
        """Places everything in the VPC's frame, and the internet above it; returns the frame's right and bottom."""
        lanes = [
            ("internet gateway", "public table", "private table 0"),
            ("egress-only gateway", "private table 1"),
            *((f"private table {side}",) for side in self._sides[2:]),
        ]
        lane_widths = [max(80, self._width(*lane)) for lane in lanes]
        # The lines to the internet go up past the titles of the frames, which stand over the first zone.
        titles = [_text_block_width((title,)) for title in (region, *(f"AZ {zone}" for zone in self._zones))]
        tiers = [f"{tier} subnet {side}" for tier in ("public", "private") for side in self._sides]
        nested = [f"{kind} {side}" for kind in ("elastic ip", "nat gateway") for side in self._sides]
        in_subnet = max(self._width(*tiers), self._width(*nested) + 2 * _PAD)
        zone_width = max(in_subnet + 2 * _PAD, self._width("vpc", "flow log"), *titles)
        lane_x = [x + _PAD + zone_width + 40]
        lane_x.append(lane_x[0] + lane_widths[0] + 32)
        lanes_right = lane_x[1] + lane_widths[1]
        zone_x = [x + _PAD, lanes_right + 40]
        for side in self._sides[2:]:
            lane_x.append(zone_x[-1] + zone_width + 40)
            zone_x.append(lane_x[side] + lane_widths[side] + 40)
        right = zone_x[-1] + zone_width + _PAD

        for side, gateway in enumerate(("internet gateway", "egress-only gateway")):
            self._put(gateway, lane_x[side], y + _PAD, lane_widths[side])
        flow_log_width = self._width("flow log")
        self._put("flow log", right - 2 * _PAD - flow_log_width, y + _PAD, flow_log_width)
        bottom = y + self._height("vpc", "flow log", "internet gateway", "egress-only gateway") + _PAD + _GAP
        bottom = self._place_zones(zone_x, zone_width, bottom, lane_x, lane_widths)
        bottom = self._flow_frame("Gateway endpoints", "endpoint gateway", lane_x[0], lanes_right, bottom)
        bottom = self._flow_frame("Interface endpoints", "endpoint interface", zone_x[0], right - _PAD, bottom)
        bottom = self._flow_frame("Network", "network", zone_x[0], right - _PAD, bottom) + _PAD
        self._put("vpc", x, y, right - x, bottom - y, frame=True)
        size = lanes_right - lane_x[0], _text_block_height(("Internet",))
        self._shapes[INTERNET] = Box(INTERNET, INTERNET, "internet", lane_x[0], internet_y, *size, ("Internet",))
        self._draw_vpc_lines()
        return right, bottom

    def _place_zones(
        self, zone_x: list[float], zone_width: float, y: float, lane_x: list[float], lane_widths: list[float]
    ) -> float:
        """Places the zones with their subnets, and the route tables between them; returns the bottom."""
        address, gateway = (
            self._height(*(f"{kind} {side}" for side in self._sides)) for kind in ("elastic ip", "nat gateway")
        )
        nested = address + gateway + 24 + _PAD if address or gateway else 0
        public_y = y + _TITLE_HEIGHT
        public = self._height(*(f"public subnet {side}" for side in self._sides))
        public_height = max(public + nested, self._height("public table"))
        public_bottom = public_y + public_height
        private_y = public_bottom + 60
        private = self._height(*(f"private {kind} {side}" for kind in ("subnet", "table") for side in self._sides))
        bottom = private_y + private + _PAD
        self._put("public table", lane_x[0], public_y, lane_widths[0])
        for side, zone in enumerate(self._zones):
            left, width = zone_x[side] + _PAD, zone_width - 2 * _PAD
            self._frame("zone", f"AZ {zone}", zone_x[side], y, zone_width, bottom - y)
            self._put(f"public subnet {side}", left, public_y, width, public_height, frame=True)
            inner = left + _PAD, width - 2 * _PAD
            self._put(f"elastic ip {side}", inner[0], public_bottom - nested, inner[1], address)
            self._put(f"nat gateway {side}", inner[0], public_bottom - _PAD - gateway, inner[1], gateway)
            self._put(f"private subnet {side}", left, private_y, width, private, frame=True)
            self._put(f"private table {side}", lane_x[side], private_y, lane_widths[side], private)
        return bottom

    def _flow_frame(self, title: str, place: str, x: float, right: float, y: float) -> float:
        """Places the boxes of a place in rows in a frame of their own below `y`; returns the bottom."""
        nodes = self._at.get(place, [])
        if not nodes:
            return y
        top, y, width, gap = y + _GAP, y + _GAP + _TITLE_HEIGHT, right - x - 2 * _PAD, 12
        wide = [node for node in nodes if node.kind == "security group"]
        cells = [node for node in nodes if node not in wide]
        for node in wide:
            y = self._put_node(node, x + _PAD, y, width).bottom + gap
        cell = max((_text_block_width(self._text[node.id]) for node in cells), default=width)
        height = max((_text_block_height(self._text[node.id]) for node in cells), default=0)
        columns = max(1, min(len(cells), int((width + gap) // (cell + gap))))
        cell = max(cell, (width - gap * (columns - 1)) / columns)
        for index, node in enumerate(cells):
            row, column = divmod(index, columns)
            self._put_node(node, x + _PAD + column * (cell + gap), y + row * (height + gap), cell, height)
        y += -(-len(cells) // columns) * (height + gap)
        self._frame("group", title, x, top, right - x, y - top)
        return y

    def _place_side(self, x: float, y: float) -> tuple[float, float]:
        """Places compute and storage in a column at the right of `x`; returns the right and the bottom."""
        sides: tuple[Group, ...] = ("compute", "storage")
        groups = {FRAMES[group]: f"side {group}" for group in sides if f"side {group}" in self._at}
        if not groups:
            return x, y
        writers = list(dict.fromkeys(edge.source for edge in self._edges if edge.kind == "logs"))
        left = x + _GAP + 12 * len(writers)
        width = max(self._width(*groups.values()), *(_text_block_width((title,)) - 2 * _PAD for title in groups))
        for title, place in groups.items():
            top, y = y, y + _TITLE_HEIGHT
            for node in self._at[place]:
                y = self._put_node(node, left + _PAD, y, width).bottom + 24
            self._frame("group", title, left, top, width + 2 * _PAD, y - 24 + _PAD - top)
            y += _PAD
        right = left + width + 2 * _PAD
        return self._draw_side_lines(left, right, writers), y - 24

    # --- lines

    def _draw(self, edge: Edge, *points: tuple[float, float], arrows: str | None = None) -> None:
        kept = tuple(point for index, point in enumerate(points) if index == 0 or point != points[index - 1])
        ends = ("end" if LINES[edge.line].arrow else "") if arrows is None else arrows
        self._lines.append(Line(edge.line, edge.source, edge.target, kept, ends))

    def _draw_vpc_lines(self) -> None:
        drawn: set[tuple[str, str]] = set()
        for edge in self._edges:
            source, target = self._shapes.get(edge.source), self._shapes.get(edge.target)
            if not source or not target:
                continue
            x, (target_x, target_y) = source.centre[0], target.centre
            match edge.kind:
                case "internet":
                    arrows = "both" if edge.both_ways else None
                    self._draw(edge, (x, source.y), (x, target.bottom), arrows=arrows)
                case "address":
                    self._draw(edge, (x, source.bottom), (x, target.y))
                case "association":
                    leaves, enters = (source.right, target.x) if x < target_x else (source.x, target.right)
                    self._draw(edge, (leaves, target_y), (enters, target_y))
                case "route":
                    self._draw_route(edge, source, target, second=(edge.source, edge.target) in drawn)
                case "attachment" if (edge.source, self._places[edge.target]) not in drawn:
                    # One line to the frame of the endpoints stands for all in it.
                    frame = next(box for box in self._frames if box.kind == "group" and box.y < target_y < box.bottom)
                    self._draw(edge, (x, source.bottom), (x, frame.y))
            drawn |= {(edge.source, edge.target), (edge.source, self._places.get(edge.target, ""))}

    def _draw_route(self, edge: Edge, table: Box, gateway: Box, second: bool) -> None:
        x, target_x, track = table.centre[0], gateway.centre[0], table.y - 20
        if gateway.kind == "nat gateway":
            side = 1 if target_x > x else -1
            x, track = x + 28 * side, table.y - 38
            if second:
                x, target_x, track = x - 12 * side, target_x - 12 * side, track - 8
        elif second:
            x, target_x = x + 12, target_x + 12
        self._draw(edge, (x, table.y), (x, track), (target_x, track), (target_x, gateway.bottom))

    def _draw_side_lines(self, left: float, right: float, writers: list[str]) -> float:
        """Draws the lines at both sides of the column; returns the right of the rightmost."""
        keys = list(dict.fromkeys(edge.target for edge in self._edges if edge.kind == "encryption"))
        joins = {key: [self._shapes[e.source].centre[1] for e in self._edges if e.target == key] for key in keys}
        for edge in self._edges:
            source, target = self._shapes[edge.source], self._shapes[edge.target]
            (x, y), target_y = source.centre, target.centre[1]
            match edge.kind:
                case "images":
                    self._draw(edge, (x, source.bottom), (x, target.y))
                case "encryption":
                    track = right + 16 + 12 * keys.index(edge.target)
                    # One line down to the key: each part ends where the next one joins, so no dashes lie on others.
                    if below := [join for join in joins[edge.target] if y < join < target_y]:
                        self._draw(edge, (source.right, y), (track, y), (track, min(below)), arrows="")
                    else:
                        self._draw(edge, (source.right, y), (track, y), (track, target_y), (target.right, target_y))
                case "logs":
                    track = left - 12 - 12 * writers.index(edge.source)
                    leaves = source.right if source.right < track else source.x
                    self._draw(edge, (leaves, y), (track, y), (track, target_y), (target.x, target_y))
        return right + (16 + 12 * len(keys) if keys else 0)


def _loose_place(node: Node) -> str:
    """The frame of a node that has no place of its own in the grid."""
    return "network" if node.group in ("vpc", "zone") else "other"


def _text_block_width(text: Iterable[str]) -> float:
    widths = (text_width(line, TEXT_SIZE if index else TITLE_SIZE, index == 0) for index, line in enumerate(text))
    return -(-max(widths) // 2) * 2 + 2 * _PAD


def _text_block_height(text: Sequence[str]) -> float:
    return len(text) * _LINE_HEIGHT + 2 * _PAD - 5


def _wrapped(lines: Iterable[str], wrap: int) -> tuple[str, ...]:
    """The lines, each broken after a space, `/` or `-` where it is too long, or in a word that is too long."""
    result: list[str] = []
    for line in lines:
        while len(line) > (limit := wrap if result else _WRAP_TITLE):
            cut = max(line.rfind(sign, 8, limit) for sign in " /-") + 1 or limit
            result.append(line[:cut].rstrip())
            line = line[cut:]
        result.append(line)
    return tuple(result)


def _legend(items: list[tuple[str, str]], y: float) -> tuple[list[Text], tuple[Line, ...], float]:
    texts, samples, x = [], [], float(_MARGIN)
    for kind, meaning in items:
        samples.append(Line(kind, "", "", ((x, y), (x + 32, y)), ""))
        texts.append(Text(x + 40, y + 4, meaning, TEXT_SIZE, False))
        x += 40 + text_width(meaning, TEXT_SIZE, False) + 24
    return texts, tuple(samples), x
