"""The picture: it has everything recorded, nothing else, and nothing overlaps."""

import dataclasses
import itertools
import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tak_tools.diagram import command
from tak_tools.diagram.layout import Box, Text, lay_out, text_width
from tak_tools.diagram.mermaid import mermaid
from tak_tools.diagram.model import FRAMES, Edge, Picture, read_picture
from tak_tools.diagram.svg import svg
from tak_tools.errors import InputError
from tak_tools.program import Recording, Registration
from tests.options import EVERY_NETWORK_EXTRA, EVERY_OPTION, Evaluate
from tests.unit.test_program import PROD_ONLY_NAMES

pytestmark = pytest.mark.slow

Rectangle = tuple[float, float, float, float]

MANY_ENDPOINTS = ["s3", "dynamodb", "ecr.api", "ecr.dkr", "kms", "secretsmanager", "logs", "sts", "ssmmessages"]
MANY_ENDPOINTS += ["ec2messages", "monitoring", "bedrock-data-automation-runtime-fips"]
CONFIGURATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "prod": ("prod", {}),
    "dev-test": ("dev-test", {}),
    "twelve endpoints, /24, flow log": (
        "prod",
        {"vpcEndpoints": MANY_ENDPOINTS, "privateSubnetPrefix": 24, "flowLogs": "all"},
    ),
    "one NAT gateway with endpoints": ("prod", {"natGateways": 1, "containerInsights": "disabled"}),
    "gateway endpoint only": ("dev-test", {"vpcEndpoints": ["s3"], "flowLogs": "reject", "natGateways": 2}),
    "interface endpoint only": ("dev-test", {"vpcEndpoints": ["kms"], "flowLogs": "reject"}),
    "every optional part": ("prod", EVERY_OPTION),
    "every extra of the network": ("prod", EVERY_NETWORK_EXTRA),
    "no NAT gateway": ("prod", {"natGateways": 0}),
    "NAT64 through one NAT gateway": ("dev-test", {"nat64": True}),
    "long names": (
        "prod",
        {"imageTagPrefixes": [f"component-with-a-rather-long-name-{n}-" for n in range(4)], "vpcEndpoints": ["s3"]},
    ),
}


@pytest.fixture(scope="module", params=CONFIGURATIONS.values(), ids=list(CONFIGURATIONS))
def recording(request: pytest.FixtureRequest, evaluate: Evaluate) -> Recording:
    stack, overrides = request.param
    return evaluate(stack, **overrides)


@pytest.fixture
def strange(prod: Recording) -> Recording:
    """prod with resources of types that the picture does not know, and names that are hard to draw."""
    cluster, vpc = prod.named("tak-cluster"), prod.named("tak-vpc")
    key_arn = prod.named("tak-key").outputs["arn"]
    queue = dataclasses.replace(
        _like(cluster, "aws:sqs/queue:Queue", "end"), inputs={"kmsMasterKeyId": key_arn}, property_dependencies={}
    )
    table = _like(cluster, "aws:dynamodb/table:Table", 'a "quoted" <name> & #1; `x`')
    twin = _like(cluster, "aws:rds/cluster:Cluster", "tak-cluster")
    orphan = _like(cluster, "aws:ec2/eip:Eip", "tak-eip-c")
    second_vpc = _like(vpc, vpc.type, "tak-vpc-two")
    local = [
        dataclasses.replace(
            item, inputs={**item.inputs, "availabilityZone": f"us-west-2-zone-with-a-long-name-{item.name[-1]}"}
        )
        for item in prod.of_type("Subnet")
    ]
    return _with(prod, queue, table, twin, orphan, second_vpc, *local)


def _like(item: Registration, type_: str, name: str) -> Registration:
    urn = f"{item.urn.removesuffix(f'{item.type}::{item.name}')}{type_}::{name}"
    return dataclasses.replace(item, urn=urn, type=type_, name=name, id=f"{name}-id", outputs={})


def _with(recording: Recording, *items: Registration) -> Recording:
    """`recording` with `items` added, or in the place of what has their URNs."""
    registrations = {item.urn: item for item in (*recording.registrations, *items)}
    return dataclasses.replace(recording, registrations=tuple(registrations[urn] for urn in sorted(registrations)))


def _edges(picture: Picture, *kinds: str) -> set[str]:
    return {
        f"{_short(edge.source)} > {_short(edge.target)} {edge.label}".rstrip()
        for edge in picture.edges
        if edge.kind in kinds
    }


def _short(id_: str) -> str:
    return id_.removeprefix("tak-")


# --- the model


def test_every_recorded_resource_is_in_exactly_one_node(recording: Recording) -> None:
    drawn = Counter(urn for node in read_picture(recording, "").nodes for urn in node.resources)

    assert drawn == Counter(item.urn for item in recording.resources)


def test_only_helpers_are_folded_into_other_nodes(prod: Recording) -> None:
    folded = {
        _short(node.id): sorted(_short(urn.rsplit("::", 1)[1]) for urn in node.resources[1:])
        for node in read_picture(prod, "").nodes
        if len(node.resources) > 1
    }

    private = {
        f"route-table-private-{zone}": [
            f"route-private-{zone}-ipv4",
            f"route-private-{zone}-ipv6",
            f"route-table-association-private-{zone}",
        ]
        for zone in "ab"
    }
    assert folded == private | {
        "vpc": ["default-security-group"],
        "route-table-public": [
            "route-public-ipv4",
            "route-public-ipv6",
            "route-table-association-public-a",
            "route-table-association-public-b",
        ],
        "flow-log": ["flow-log-role", "flow-log-role-policy"],
        "cluster": ["capacity-providers"],
        "config": [
            f"config-{setting}"
            for setting in ("encryption", "lifecycle", "ownership", "policy", "public-access-block", "versioning")
        ],
        "images": ["images-lifecycle"],
        "key": ["key-alias"],
    }


def test_edges_of_prod(prod: Recording) -> None:
    picture = read_picture(prod, "")

    assert _edges(picture, "route") == {
        "route-table-public > internet-gateway 0.0.0.0/0",
        "route-table-public > internet-gateway ::/0",
        "route-table-private-a > nat-gateway-a 0.0.0.0/0",
        "route-table-private-a > egress-only-gateway ::/0",
        "route-table-private-b > nat-gateway-b 0.0.0.0/0",
        "route-table-private-b > egress-only-gateway ::/0",
    }
    assert _edges(picture, "association") == {
        "subnet-public-a > route-table-public",
        "subnet-public-b > route-table-public",
        "subnet-private-a > route-table-private-a",
        "subnet-private-b > route-table-private-b",
    }
    planned = PROD_ONLY_NAMES["PrivateEndpoints"] - {"tak-endpoint-s3", "tak-endpoints-security-group"}
    interfaces = {name.removeprefix("tak-endpoint-") for name in planned}
    assert _edges(picture, "attachment") == {
        *(f"subnet-private-{zone} > endpoint-{service}" for zone in "ab" for service in interfaces),
        *(f"route-table-private-{zone} > endpoint-s3" for zone in "ab"),
    }
    assert _edges(picture, "guard") == {f"endpoint-{service} > endpoints-security-group" for service in interfaces}
    assert _edges(picture, "inside", "address") == {
        f"{end}-{zone} > nat-gateway-{zone}" for zone in "ab" for end in ("subnet-public", "eip")
    }
    assert _edges(picture, "encryption") == {
        f"{source} > key"
        for source in ("cluster", "images", "config", "exec-log-group", "insights-log-group", "flow-log-group")
    }
    assert _edges(picture, "logs") == {
        "cluster > exec-log-group",
        "cluster > insights-log-group",
        "flow-log > flow-log-group",
    }
    assert _edges(picture, "images") == {"cluster > images"}
    assert _edges(picture, "internet") == {"internet-gateway > internet", "egress-only-gateway > internet"}
    assert [edge.source for edge in picture.edges if edge.both_ways] == ["tak-internet-gateway"]
    assert _edges(picture, "uses") == set()


def test_edges_of_dev_test(dev_test: Recording) -> None:
    picture = read_picture(dev_test, "")

    assert {edge for edge in _edges(picture, "route") if "private" in edge} == {
        "route-table-private-a > nat-gateway-a 0.0.0.0/0",
        "route-table-private-a > egress-only-gateway ::/0",
        "route-table-private-b > nat-gateway-a 0.0.0.0/0",
        "route-table-private-b > egress-only-gateway ::/0",
    }
    assert _edges(picture, "inside", "address") == {"subnet-public-a > nat-gateway-a", "eip-a > nat-gateway-a"}
    assert _edges(picture, "attachment", "guard", "uses") == set()
    assert _edges(picture, "encryption") == {
        f"{source} > key" for source in ("cluster", "images", "config", "exec-log-group")
    }


def test_the_optional_parts_are_drawn_with_their_helpers_in_them(evaluate: Evaluate) -> None:
    picture = read_picture(evaluate("prod", **EVERY_OPTION), "")
    settings = ("encryption", "lifecycle", "ownership", "policy", "public-access-block", "versioning")

    def helpers(id_: str) -> list[str]:
        return sorted(urn.rsplit("::", 1)[1].removeprefix(f"{id_}-") for urn in picture.node(id_).resources[1:])

    assert helpers("tak-elb-logs") == helpers("tak-app-images") == list(settings)
    assert helpers("tak-images-etl-tasks") == ["lifecycle", "policy"]
    assert helpers("tak-certificate") == ["validation", "validation-record"]
    assert picture.node("tak-certificate").lines == (
        "tak.example.org, *.tak.example.org",
        "Validated by DNS, in an existing zone",
    )
    assert {"Encrypted by S3", "Objects expire"} <= set(picture.node("tak-elb-logs").lines)
    assert picture.node("tak-images-etl-tasks").lines[0] == "tak-images-etl-tasks"
    assert [node.id for node in picture.nodes if "Lambda may pull" in node.lines] == ["tak-images-etl-tasks"]
    assert not [node.id for node in picture.nodes if node.group == "other"]


def test_an_edge_follows_the_recorded_input(prod: Recording) -> None:
    route, gateway = prod.named("tak-route-private-b-ipv4"), prod.named("tak-nat-gateway-a")
    moved = dataclasses.replace(
        route,
        inputs={**route.inputs, "natGatewayId": gateway.id},
        property_dependencies={**route.property_dependencies, "natGatewayId": frozenset({gateway.urn})},
    )

    edges = read_picture(_with(prod, moved), "").edges

    assert Edge("tak-route-table-private-b", "tak-nat-gateway-a", "route", "0.0.0.0/0") in edges
    assert "tak-nat-gateway-b" not in {edge.target for edge in edges if edge.kind == "route"}


def test_text_that_happens_to_equal_an_id_is_no_connection(prod: Recording) -> None:
    key, cluster = prod.named("tak-key"), prod.named("tak-cluster")
    tagged = dataclasses.replace(key, inputs={**key.inputs, "tags": {"Name": cluster.id}})

    assert read_picture(_with(prod, tagged), "").edges == read_picture(prod, "").edges


def test_a_subnet_is_public_because_of_its_routes(prod: Recording) -> None:
    route = prod.named("tak-route-public-ipv4")
    other = prod.named("tak-route-public-ipv6")
    without = [
        dataclasses.replace(item, inputs={"routeTableId": item.inputs["routeTableId"]}) for item in (route, other)
    ]

    assert {node.title for node in read_picture(prod, "").of_kind("subnet")} == {
        "Public Subnet A",
        "Public Subnet B",
        "Private Subnet A",
        "Private Subnet B",
    }
    assert not any(node.public for node in read_picture(_with(prod, *without), "").nodes)


@pytest.mark.parametrize(("stack", "third"), [("prod", 16), ("dev-test", 32)])
def test_addresses_and_zones_are_those_of_the_stack(evaluate: Evaluate, stack: str, third: int) -> None:
    picture = read_picture(evaluate(stack), "")

    subnets = {node.title: (node.zone, *node.lines) for node in picture.of_kind("subnet")}
    assert picture.of_kind("vpc")[0].title == f"VPC 10.1.{third}.0/20"
    assert picture.zones == ("ap-southeast-2a", "ap-southeast-2b")
    assert subnets == {
        "Public Subnet A": ("ap-southeast-2a", f"10.1.{third}.0/24", "IPv6 /64 number 0"),
        "Public Subnet B": ("ap-southeast-2b", f"10.1.{third + 1}.0/24", "IPv6 /64 number 1"),
        "Private Subnet A": ("ap-southeast-2a", f"10.1.{third + 4}.0/26", "IPv6 /64 number 2"),
        "Private Subnet B": ("ap-southeast-2b", f"10.1.{third + 5}.0/26", "IPv6 /64 number 3"),
    }


def test_unknown_types_are_drawn_under_other(strange: Recording) -> None:
    picture = read_picture(strange, "")

    others = {node.id for node in picture.nodes if node.group == "other"}
    assert others == {
        "end",
        'a "quoted" <name> & #1; `x`',
        "tak-cluster aws:rds/cluster:Cluster",
        "tak-eip-c",
        "tak-vpc-two",
    }
    assert Edge("end", "tak-key", "encryption") in picture.edges
    assert Counter(urn for node in picture.nodes for urn in node.resources) == Counter(
        item.urn for item in strange.resources
    )


def test_a_network_resource_without_a_place_in_the_grid_stays_in_the_vpc(prod: Recording) -> None:
    second = _like(prod.named("tak-internet-gateway"), "aws:ec2/internetGateway:InternetGateway", "tak-second-gateway")
    drawing = lay_out(read_picture(_with(prod, second), ""))

    boxes = {box.id: _box(box) for box in (*drawing.frames, *drawing.boxes)}
    assert contains(boxes["tak-vpc"], boxes["tak-second-gateway"])
    _assert_clean(_with(prod, second))


# --- mermaid


@pytest.mark.parametrize("which", ["prod", "dev_test", "strange"])
def test_mermaid_draws_every_node_and_connection_once(which: str, request: pytest.FixtureRequest) -> None:
    recording = request.getfixturevalue(which)
    picture = read_picture(recording, "")
    lines = mermaid(recording).splitlines()

    declared = [match[1] for line in lines if (match := re.match(r" *(?:subgraph )?(\w+)(?:\[|\(\()\"", line))]
    frames = [id_ for id_ in declared if id_.startswith("frame_")]
    links = [
        match.groups() for line in lines if (match := re.match(r" +(\w+) [-.<>]+(?:\|\"[^\"]+\"\|)? (\w+)$", line))
    ]
    assert len(declared) == len(set(declared)) == len(picture.nodes) + len(frames) + 1
    assert {end for link in links for end in link} <= set(declared)
    assert len(links) == len(set(links))
    assert sum(line.strip().startswith("subgraph ") for line in lines) == sum(line.strip() == "end" for line in lines)
    for node in picture.nodes:
        assert any(re.sub(r"[^\w.]", "", node.title) in re.sub(r"#\w+;|[^\w.]", "", line) for line in lines)


def test_mermaid_quotes_what_it_would_read_as_syntax(strange: Recording) -> None:
    text = mermaid(strange, "two\nlines")

    assert text.startswith("%% two lines\ngraph TB\n")
    assert 'node_end["end<br/>aws:sqs/queue:Queue' in text
    assert "a #quot;quoted#quot; #lt;name#gt; & #35;1; #96;x#96;" in text


def test_mermaid_routes_of_the_two_stacks(prod: Recording, dev_test: Recording) -> None:
    for recording, gateway in ((prod, "b"), (dev_test, "a")):
        assert f'tak_route_table_private_b -->|"0.0.0.0/0"| tak_nat_gateway_{gateway}\n' in mermaid(recording)


def test_mermaid_joins_the_lines_of_endpoints_only_where_they_are_alike(prod: Recording) -> None:
    endpoint = prod.named("tak-endpoint-kms")
    half = dataclasses.replace(endpoint, inputs={**endpoint.inputs, "subnetIds": endpoint.inputs["subnetIds"][:1]})
    in_one_zone = mermaid(_with(prod, half))

    assert "tak_subnet_private_b ----- tak_endpoints_security_group\n" in mermaid(prod)
    assert "tak_subnet_private_a ----- tak_endpoint_kms\n" in in_one_zone
    assert "tak_subnet_private_b ----- tak_endpoint_logs\n" in in_one_zone
    assert "tak_subnet_private_b ----- tak_endpoint_kms\n" not in in_one_zone
    assert "tak_endpoint_kms --- tak_endpoints_security_group\n" in in_one_zone


# --- the two renderings


def _mermaid_colours(text: str) -> dict[str, tuple[str, str]]:
    """Fill and outline by the id of a box."""
    classes = dict(re.findall(r"classDef (\w+) fill:(#\w+,stroke:#\w+),", text))
    colours = {name: tuple(value.split(",stroke:")) for name, value in classes.items()}
    return {
        id_: colours[name] for ids, name in re.findall(r"^    class (\S+) (\w+)$", text, re.M) for id_ in ids.split(",")
    }


def _mermaid_lines(text: str) -> dict[tuple[str, str], tuple[str, str]]:
    """Colour and dashes by the ids at the ends of a line."""
    ends = re.findall(r"^    (\w+) [-<>]+(?:\|\"[^\"]+\"\|)? (\w+)$", text, re.M)
    styles = re.findall(r"linkStyle (\S+) stroke:(#\w+)(?:,stroke-dasharray:(.+))?$", text, re.M)
    return {ends[int(number)]: (colour, dashes) for numbers, colour, dashes in styles for number in numbers.split(",")}


def test_mermaid_and_svg_draw_boxes_and_lines_alike(recording: Recording) -> None:
    picture = read_picture(recording, "")
    text, root = mermaid(recording), ElementTree.fromstring(svg(recording))  # noqa: S314, our own document
    boxes = {
        item.attrib["data-box"]: (item.attrib["fill"], item.attrib["stroke"])
        for item in root.findall(".//{*}rect")
        if "data-box" in item.attrib
    }
    frames = {"frame_region": f"frame AWS Region {picture.region}"}
    frames |= {f"frame_zone_{number}": f"frame AZ {zone}" for number, zone in enumerate(picture.zones)}
    frames |= {f"frame_{group}": f"frame {title}" for group, title in FRAMES.items() if f"frame {title}" in boxes}
    same = {node.id.replace("-", "_"): node.id for node in picture.nodes} | frames | {"node_internet": "internet"}

    colours = _mermaid_colours(text)
    assert {id_: colours[id_] for id_ in same} == {id_: boxes[other] for id_, other in same.items()}

    drawn: dict[tuple[str, ...], set[tuple[str, str]]] = defaultdict(set)
    polylines = (item.attrib for item in root.findall(".//{*}polyline"))
    for line, item in zip(lay_out(picture).lines, polylines, strict=False):
        ends = tuple({other: id_ for id_, other in same.items()}[end] for end in (line.source, line.target))
        drawn[ends].add((item["stroke"], item.get("stroke-dasharray", "")))
    lines = _mermaid_lines(text)
    assert lines.keys() & drawn.keys()
    for ends in lines.keys() & drawn.keys():
        # Mermaid writes the two routes from a table to a gateway on one line.
        assert lines[ends] in drawn[ends], ends


@pytest.mark.parametrize("stack", ["prod", "dev-test"])
def test_pictures_are_the_same_bytes_for_the_same_stack(evaluate: Evaluate, stack: str) -> None:
    first, second = evaluate(stack), evaluate(stack)

    assert mermaid(first) == mermaid(second)
    assert svg(first) == svg(second)


# --- SVG


def _box(box: Box) -> Rectangle:
    return box.x, box.y, box.right, box.bottom


def _text(text: Text) -> Rectangle:
    width = text_width(text.value, text.size, text.bold)
    return text.x, text.y - text.size, text.x + width, text.y + text.size * 0.3


def apart(one: Sequence[float], other: Sequence[float]) -> bool:
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def contains(outer: Sequence[float], inner: Sequence[float]) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and outer[2] >= inner[2] and outer[3] >= inner[3]


def _assert_clean(recording: Recording) -> None:
    picture = read_picture(recording, "TAK base layer")
    drawing = lay_out(picture)
    shapes = [*drawing.frames, *drawing.boxes]
    texts = [(box, text) for box in shapes for text in box.texts]
    assert {node.id for node in picture.nodes} | {"internet"} <= {box.id for box in shapes}
    assert len({box.id for box in shapes}) == len(shapes)
    for box in shapes:
        assert contains((0, 0, drawing.width, drawing.height), _box(box)), box
    for one, other in itertools.combinations(drawing.boxes, 2):
        assert apart(_box(one), _box(other)), (one, other)
    for frame, other in itertools.permutations(drawing.frames, 2):
        nested = contains(_box(frame), _box(other)) or contains(_box(other), _box(frame))
        assert nested or apart(_box(frame), _box(other)), (frame, other)
    for frame, box in itertools.product(drawing.frames, drawing.boxes):
        assert contains(_box(frame), _box(box)) or apart(_box(frame), _box(box)), (frame, box)
    for box, text in texts:
        assert contains(_box(box), _text(text)), (box, text)
        for other in shapes:
            assert apart(_text(text), _box(other)) or contains(_box(other), _text(text)), (text, other)
    loose = [(None, text) for text in drawing.texts]
    for (_, one), (_, other) in itertools.combinations([*texts, *loose], 2):
        assert apart(_text(one), _text(other)), (one, other)
    for line in drawing.lines:
        for (x1, y1), (x2, y2) in itertools.pairwise(line.points):
            assert (x1 == x2) != (y1 == y2), line
            segment = min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)
            assert contains((0, 0, drawing.width, drawing.height), segment)
            for box in drawing.boxes:
                assert apart(segment, _box(box)), (line, box)
            for _, text in [*texts, *loose]:
                assert apart(segment, _text(text)), (line, text)


def test_nothing_in_the_svg_lies_on_anything_else(recording: Recording) -> None:
    _assert_clean(recording)


def test_strange_resources_leave_the_svg_clean(strange: Recording) -> None:
    _assert_clean(strange)


def test_every_connection_of_the_stacks_is_shown_in_the_svg(recording: Recording) -> None:
    picture = read_picture(recording, "")
    drawing = lay_out(picture)

    drawn = {(line.source, line.target) for line in drawing.lines}
    boxes = {box.id: box for box in drawing.boxes}
    for edge in picture.edges:
        if edge.kind == "attachment":
            # A line to the frame of the endpoints stands for all of them.
            ends = [line.points[-1] for line in drawing.lines if (line.source, line.kind) == (edge.source, edge.kind)]
            around = [frame for frame in drawing.frames if contains(_box(frame), _box(boxes[edge.target]))]
            assert any(_on_border(end, _box(frame)) for end in ends for frame in around if frame.kind == "group"), edge
        elif edge.kind == "images" and len(picture.of_kind("repository")) > 1:
            assert f"images → {picture.node(edge.target).title}" in boxes[edge.source].text
        elif edge.kind == "uses":
            assert f"uses → {picture.node(edge.target).title}" in boxes[edge.source].text, edge
        elif edge.kind not in ("inside", "guard"):
            assert (edge.source, edge.target) in drawn, edge


def test_a_connection_without_a_line_is_said_in_words(strange: Recording) -> None:
    (box,) = [box for box in lay_out(read_picture(strange, "")).boxes if box.id == "end"]

    assert "encryption → KMS Key" in box.text


def test_lines_end_at_what_they_connect(recording: Recording) -> None:
    drawing = lay_out(read_picture(recording, ""))
    shapes = {box.id: _box(box) for box in (*drawing.frames, *drawing.boxes)}

    for line in drawing.lines:
        assert _on_border(line.points[0], shapes[line.source]), line
        if line.arrows:
            assert _on_border(line.points[-1], shapes[line.target]), line


def _on_border(point: tuple[float, float], box: Rectangle) -> bool:
    inside = box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]
    return inside and (point[0] in (box[0], box[2]) or point[1] in (box[1], box[3]))


def test_the_svg_is_valid_xml_and_refers_to_nothing_outside(strange: Recording) -> None:
    document = svg(strange, "a <title> & more")
    root = ElementTree.fromstring(document)  # noqa: S314, our own document

    names = Counter(element.tag.removeprefix("{http://www.w3.org/2000/svg}") for element in root.iter())
    assert set(names) == {"svg", "title", "desc", "rect", "polyline", "polygon", "text"}
    assert document.count("http") == 1
    assert not re.search(r"href|url\(|@import|style=|\bon\w+=", document)
    assert root.findtext("{*}title") == "a <title> & more"
    assert "nat gateway: 2" in str(root.findtext("{*}desc"))
    assert root.attrib["viewBox"] == f"0 0 {root.attrib['width']} {root.attrib['height']}"
    assert all(int(text.attrib["font-size"]) >= 12 for text in root.findall(".//{*}text"))


# --- the command


def test_the_command_prints_mermaid_and_writes_the_svg(
    project: Any, prod: Recording, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command.run(project.folder, "prod", svg_file=tmp_path / "prod.svg", as_json=False)

    title = "TAK base layer: tak-base-prod"
    assert capsys.readouterr().out == mermaid(prod, title)
    assert (tmp_path / "prod.svg").read_text(encoding="utf-8") == svg(prod, title)


def test_the_command_prints_the_model_as_json(
    project: Any, prod: Recording, capsys: pytest.CaptureFixture[str]
) -> None:
    command.run(project.folder, "prod", svg_file=None, as_json=True)

    document = json.loads(capsys.readouterr().out)
    assert {"id", "kind", "zone", "title", "lines", "resources"} <= document["nodes"][0].keys()
    assert len(document["edges"]) == len(read_picture(prod, "").edges)


def test_an_svg_file_that_cannot_be_written_is_one_line(project: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        command.run(project.folder, "prod", svg_file=tmp_path / "missing" / "prod.svg", as_json=False)

    (problem,) = caught.value.problems
    assert "--svg: found " in problem
    assert "No such file or directory" in problem
