"""The picture as a self-contained SVG file: without scripts, fonts or links to other files."""

from collections import Counter
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from tak_tools.diagram.layout import Box, Drawing, Line, Text, lay_out
from tak_tools.diagram.model import Picture, read_picture
from tak_tools.diagram.palette import BOXES, INK, LINES
from tak_tools.program import Recording


def svg(recording: Recording, title: str = "TAK base layer") -> str:
    """The SVG document: the same bytes for the same recording."""
    picture = read_picture(recording, title)
    return _document(picture, lay_out(picture))


def _document(picture: Picture, drawing: Drawing) -> str:
    width, height = _number(drawing.width), _number(drawing.height)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" font-family="sans-serif" fill="{INK}">',
            f"<title>{escape(picture.title)}</title>",
            f"<desc>{escape(_description(picture))}</desc>",
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            *map(_rectangle, drawing.frames),
            *(part for line in (*drawing.lines, *drawing.legend) for part in _line(line)),
            *(part for frame in drawing.frames for part in _label(frame)),
            *(part for box in drawing.boxes for part in (_rectangle(box), *_label(box))),
            *map(_text, drawing.texts),
            "</svg>",
            "",
        ]
    )


def _description(picture: Picture) -> str:
    counts = Counter(node.kind for node in picture.nodes)
    parts = ", ".join(f"{kind}: {count}" for kind, count in counts.items())
    connections = Counter(edge.kind for edge in picture.edges)
    lines = ", ".join(f"{kind}: {count}" for kind, count in sorted(connections.items()))
    return f"Architecture in the AWS region {picture.region}. Parts: {parts}. Connections: {lines}."


def _rectangle(box: Box) -> str:
    colours = BOXES[box.style]
    size = " ".join(
        f'{name}="{_number(value)}"'
        for name, value in (("x", box.x), ("y", box.y), ("width", box.width), ("height", box.height))
    )
    radius = 16 if box.kind == "internet" else 4
    return f'<rect data-box={quoteattr(box.id)} {size} rx="{radius}" fill="{colours.fill}" stroke="{colours.stroke}"/>'


def _label(box: Box) -> Iterable[str]:
    return (_text(text, box.id) for text in box.texts)


def _text(text: Text, box: str = "") -> str:
    weight = ' font-weight="bold"' if text.bold else ""
    owner = f" data-in={quoteattr(box)}" if box else ""
    place = f'x="{_number(text.x)}" y="{_number(text.y)}" font-size="{text.size}"'
    return f"<text{owner} {place}{weight}>{escape(text.value)}</text>"


def _line(line: Line) -> Iterable[str]:
    style = LINES[line.kind]
    points = " ".join(f"{_number(x)},{_number(y)}" for x, y in line.points)
    dash = f' stroke-dasharray="{style.dashes}"' if style.dashes else ""
    yield f'<polyline points="{points}" fill="none" stroke="{style.colour}" stroke-width="1.6"{dash}/>'
    if line.arrows:
        yield _arrow_head(line.points[-2], line.points[-1], style.colour)
    if line.arrows == "both":
        yield _arrow_head(line.points[1], line.points[0], style.colour)


def _arrow_head(start: tuple[float, float], tip: tuple[float, float], colour: str) -> str:
    x, y = tip
    # The direction of a horizontal or vertical part: one of the two is 0.
    dx, dy = (x > start[0]) - (x < start[0]), (y > start[1]) - (y < start[1])
    corners = ((x, y), (x - 9 * dx - 4 * dy, y - 9 * dy - 4 * dx), (x - 9 * dx + 4 * dy, y - 9 * dy + 4 * dx))
    return f'<polygon points="{" ".join(f"{_number(a)},{_number(b)}" for a, b in corners)}" fill="{colour}"/>'


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
