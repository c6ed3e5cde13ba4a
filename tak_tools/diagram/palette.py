"""The colours and lines of the picture. Mermaid and SVG both draw with these, so that a colour is changed once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tak_tools.resource_types import Style

Frame = Literal["region", "zone", "group", "internet"]

# Text has a colour too: GitHub's dark theme would write light text on these light boxes.
INK = "#1b2733"


@dataclass(frozen=True)
class Colours:
    """The inside and the outline of a box."""

    fill: str
    stroke: str


@dataclass(frozen=True)
class LineStyle:
    """How the connections of one kind are drawn."""

    colour: str
    meaning: str
    """For the legend."""
    dashes: str = ""
    """The lengths of dash and gap; empty for a solid line."""
    arrow: bool = True
    """Whether it has a head at its target."""


BOXES: Mapping[Style | Frame, Colours] = {
    "region": Colours("#ffffff", "#8a9aa3"),
    "vpc": Colours("#e1f5fe", "#4f9fc4"),
    "zone": Colours("#f7fbfd", "#9dbccb"),
    "group": Colours("#fbfbfb", "#b0bec5"),
    "internet": Colours("#ffffff", "#37474f"),
    "subnet": Colours("#f3e5f5", "#a678ae"),
    "gateway": Colours("#e8f5e8", "#5e9c5e"),
    "routes": Colours("#eceff1", "#78909c"),
    "endpoint": Colours("#fff3e0", "#d19a4a"),
    "guard": Colours("#ffe0b2", "#c17f22"),
    "service": Colours("#fce4ec", "#cf7d98"),
    "storage": Colours("#f1f8e9", "#8fb263"),
    "key": Colours("#fff9c4", "#b39b1e"),
    "other": Colours("#fafafa", "#8a8a8a"),
}

# By the kind of the edge (model.py), routes by their protocol; in the order of the legend.
LINES: Mapping[str, LineStyle] = {
    "ipv4": LineStyle("#c75b12", "IPv4 route"),
    "ipv6": LineStyle("#00796b", "IPv6 route"),
    "internet": LineStyle("#37474f", "Internet"),
    "association": LineStyle("#78909c", "Subnet's route table", arrow=False),
    "attachment": LineStyle("#b7791f", "Endpoint attachment", dashes="2 4", arrow=False),
    "guard": LineStyle("#c17f22", "Endpoint's security group", dashes="2 4", arrow=False),
    "inside": LineStyle("#a678ae", "In the subnet"),
    "address": LineStyle("#5e9c5e", "Elastic IP address"),
    "images": LineStyle("#b3476b", "Runs images of"),
    "logs": LineStyle("#4e7d2b", "Writes logs to"),
    "encryption": LineStyle("#8a6d00", "Encrypted with the key", dashes="6 4"),
    "uses": LineStyle("#8a8a8a", "Uses", dashes="6 4"),
}
