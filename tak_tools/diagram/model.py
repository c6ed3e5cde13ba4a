"""The picture of a recorded deployment: its boxes, what is in them, and the lines between them.

Every resource of the recording is in exactly one node. A node has the resource it is named for and the helpers
folded into it: routes are in their route table, a bucket's settings in the bucket. The row of a type says which it
is (resource_types.py); what has no place of its own is in the group `other`, under its own name.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Network
from typing import Any

from tak_tools.layer_outputs import LayerOutputs
from tak_tools.program import Recording, Registration
from tak_tools.resource_types import OTHER, ROWS, Box, Group, PartOf, Style

INTERNET = "internet"

# The titles of the frames for what is not in a zone; layout.py parts the endpoints by their type.
FRAMES: Mapping[Group, str] = {
    "endpoints": "VPC Endpoints",
    "compute": "Compute Services",
    "storage": "Storage & Security",
    "other": "Other",
}

# What a reference from one kind to another means; a reversed edge points at the resource that has the input.
_MEANINGS: dict[tuple[str, str], tuple[str, bool]] = {
    ("nat gateway", "subnet"): ("inside", True),
    ("nat gateway", "elastic ip"): ("address", True),
    ("route table", "subnet"): ("association", True),
    ("route table", "internet gateway"): ("route", False),
    ("route table", "egress-only gateway"): ("route", False),
    ("route table", "nat gateway"): ("route", False),
    ("endpoint", "subnet"): ("attachment", True),
    ("endpoint", "route table"): ("attachment", True),
    ("endpoint", "security group"): ("guard", False),
}


@dataclass(frozen=True)
class Node:
    """One box of the picture."""

    id: str
    """The logical name of its resource; made longer where another type has a resource of that name."""
    kind: str
    """Such as `nat gateway`; `other` where the type has no box of its own."""
    group: Group
    style: Style
    """Its colours: palette.py."""
    zone: str
    """The availability zone; empty outside of zones."""
    public: bool
    """Whether it is a subnet or route table with a route to an internet gateway."""
    title: str
    lines: tuple[str, ...]
    resources: tuple[str, ...]
    """URNs: its own resource's first, then those of the helpers folded into it."""


@dataclass(frozen=True)
class Edge:
    """A connection of two nodes, or of a gateway and the internet."""

    source: str
    target: str
    kind: str
    """inside, address, association, route, attachment, guard, encryption, logs, images, internet or uses"""
    label: str = ""
    """A route's destination."""
    both_ways: bool = False

    @property
    def line(self) -> str:
        """How it is drawn: its row in palette.LINES."""
        if self.kind == "route":
            return "ipv6" if ":" in self.label else "ipv4"
        return self.kind


@dataclass(frozen=True)
class Picture:
    """Everything that is drawn, in drawing order."""

    title: str
    region: str
    zones: tuple[str, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def of_kind(self, *kinds: str) -> list[Node]:
        """The nodes of some kinds."""
        return [node for node in self.nodes if node.kind in kinds]

    def node(self, id_: str) -> Node:
        """The node of an id."""
        (found,) = [node for node in self.nodes if node.id == id_]
        return found

    def targets(self, source: str, kind: str) -> list[str]:
        """The ids to which the edges of one kind lead from `source`."""
        return [edge.target for edge in self.edges if (edge.source, edge.kind) == (source, kind)]


def read_picture(recording: Recording, title: str) -> Picture:
    """The picture of everything that `recording` registered."""
    return _Reader(recording).picture(title)


class _Reader:
    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._resources = {item.urn: item for item in recording.resources}
        self._known_as: dict[str, set[str]] = defaultdict(set)
        for item in recording.resources:
            if arn := item.outputs.get("arn"):
                self._known_as[arn].add(item.urn)
        owners = {urn: self._owner(item) for urn, item in self._resources.items()}
        self._members: dict[str, list[Registration]] = defaultdict(list)
        for urn, owner in owners.items():
            self._members[owner].append(self._resources[urn])
        for owner, members in self._members.items():
            members.sort(key=lambda item: (item.urn != owner, item.urn))
        names = [self._resources[owner].name for owner in self._members]
        self._ids = {owner: self._id(self._resources[owner], names) for owner in self._members}
        self._node_ids = {urn: self._ids[owner] for urn, owner in owners.items()}
        self._main = {self._ids[owner]: self._resources[owner] for owner in self._members}

    def picture(self, title: str) -> Picture:
        edges = self._edges()
        public = self._public(edges)
        zones = self._zones(edges)
        titles = {id_: self._title(id_, id_ in public) for id_ in self._main}
        nodes = [
            Node(
                id=id_,
                kind=self._kind(id_),
                group=self._group(id_, zones),
                style=self._box(id_).style,
                zone=zones.get(id_, ""),
                public=id_ in public,
                title=titles[id_],
                lines=tuple(line for line in self._lines(id_, titles, edges) if line),
                resources=tuple(member.urn for member in self._members[main.urn]),
            )
            for id_, main in self._main.items()
        ]
        kinds = [row.drawn.kind for row in ROWS.values() if isinstance(row.drawn, Box)]
        nodes.sort(key=lambda node: (node.kind == OTHER.kind, kinds.index(node.kind), not node.public, node.id))
        order = {node.id: index for index, node in enumerate(nodes)}
        edges.sort(key=lambda edge: (order[edge.source], order.get(edge.target, -1), edge.kind, edge.label))
        zone_names = dict.fromkeys(zones[id_] for id_ in sorted(zones))
        return Picture(
            title,
            LayerOutputs.published_region.get(self._recording.outputs, ""),
            (*zone_names,),
            (*nodes,),
            (*edges,),
        )

    def _owner(self, item: Registration) -> str:
        """The URN of the resource in whose node `item` is; its own URN where it has its own node."""
        part = item.row.drawn
        found: list[Registration] = []
        if isinstance(part, PartOf) and part.of_user:
            users = [user for user in self._resources.values() if user.type == part.of_user]
            name = part.property
            found = [user for user in users if item.urn in self._referenced(user, name, user.inputs.get(name))]
        elif isinstance(part, PartOf):
            owners = self._referenced(item, part.property, item.inputs.get(part.property))
            # A bucket's settings have the bucket's ID: only a resource that is not such a helper counts.
            found = [owner for urn in owners if (owner := self._resources[urn]).row.drawn != part]
        return self._owner(found[0]) if found else item.urn

    def _referenced(self, item: Registration, name: str, value: Any) -> Iterator[str]:
        """URNs of the resources that `value`, the input `name` of `item` or a part of it, names."""
        if isinstance(value, Mapping):
            value = [value[key] for key in sorted(value)]
        if isinstance(value, list | tuple):
            for part in value:
                yield from self._referenced(item, name, part)
        elif isinstance(value, str):
            used = item.property_dependencies.get(name, frozenset())
            # A string that comes from no output refers to a resource only by an ARN: a tag may equal a cluster's name.
            candidates = used or self._known_as.get(value, set())
            for urn in sorted(candidates - {item.urn}):
                other = self._resources.get(urn)
                if other and (value == other.id or value in other.outputs.values()):
                    yield urn

    def _edges(self) -> list[Edge]:
        edges = dict.fromkeys(
            edge
            for source, main in self._main.items()
            for member in self._members[main.urn]
            for edge in self._member_edges(source, member)
        )
        for kind, both_ways in (("internet gateway", True), ("egress-only gateway", False)):
            for id_ in self._of_kind(kind):
                edges[Edge(id_, INTERNET, "internet", both_ways=both_ways)] = None
        for cluster in self._of_kind("cluster"):
            for repository in self._of_kind("repository"):
                # No input says so: a cluster runs the images of the repository in its own component.
                if self._main[cluster].parent == self._main[repository].parent:
                    edges[Edge(cluster, repository, "images")] = None
        return list(edges)

    def _member_edges(self, source: str, member: Registration) -> Iterator[Edge]:
        for name, value in member.inputs.items():
            for urn in self._referenced(member, name, value):
                target = self._node_ids[urn]
                kinds = (self._kind(source), self._kind(target))
                if target == source or (kinds[1] == "vpc" and kinds[0] != "other"):
                    continue  # standing inside the VPC's frame says it
                fallback = {"key": "encryption", "log group": "logs"}.get(kinds[1], "uses")
                meaning, reverse = _MEANINGS.get(kinds, (fallback, False))
                label = _destination(member) if meaning == "route" else ""
                yield Edge(target, source, meaning, label) if reverse else Edge(source, target, meaning, label)
        for urn in sorted(member.explicit_dependencies & self._node_ids.keys()):
            # ECS writes to Container Insights' log group by its name; only the dependency shows it.
            if (self._kind(source), self._kind(self._node_ids[urn])) == ("cluster", "log group"):
                yield Edge(source, self._node_ids[urn], "logs")

    def _public(self, edges: list[Edge]) -> set[str]:
        gateways = self._of_kind("internet gateway")
        tables = {edge.source for edge in edges if edge.kind == "route" and edge.target in gateways}
        return tables | {edge.source for edge in edges if edge.kind == "association" and edge.target in tables}

    def _zones(self, edges: list[Edge]) -> dict[str, str]:
        """The zone of each subnet, and of what is in a subnet or is the address of that."""
        zones = {id_: str(self._main[id_].inputs["availabilityZone"]) for id_ in self._of_kind("subnet")}
        zones |= {edge.target: zones[edge.source] for edge in edges if edge.kind == "inside"}
        return zones | {edge.source: zones[edge.target] for edge in edges if edge.kind == "address"}

    def _of_kind(self, kind: str) -> list[str]:
        return [id_ for id_ in self._main if self._kind(id_) == kind]

    def _box(self, id_: str) -> Box:
        drawn = self._main[id_].row.drawn
        return drawn if isinstance(drawn, Box) else OTHER

    def _kind(self, id_: str) -> str:
        return self._box(id_).kind

    def _group(self, id_: str, zones: Mapping[str, str]) -> Group:
        group = self._box(id_).group
        no_place = (group == "zone" and id_ not in zones) or id_ in self._of_kind("vpc")[1:]
        return "other" if no_place else group

    def _id(self, item: Registration, names: list[str]) -> str:
        return item.name if names.count(item.name) == 1 else f"{item.name} {item.type}"

    def _title(self, id_: str, public: bool) -> str:
        main = self._main[id_]
        letter = re.search(r"-[a-z]$", main.name)
        suffix = f" {letter[0][1:].upper()}" if letter else ""
        tier = "Public" if public else "Private"
        match self._kind(id_):
            case "vpc":
                return f"VPC {main.inputs['cidrBlock']}"
            case "subnet" | "route table" as kind:
                return f"{tier} {kind.title()}{suffix}"
            case "nat gateway":
                return f"NAT Gateway{suffix}"
            case "elastic ip":
                return f"Elastic IP{suffix}"
            case "endpoint":
                return re.sub(r"^com\.amazonaws\.[^.]+\.", "", str(main.inputs["serviceName"]))
            case _:
                return self._box(id_).title or main.name

    def _lines(self, id_: str, titles: Mapping[str, str], edges: list[Edge]) -> Iterator[str]:
        main = self._main[id_]
        inputs = main.inputs
        members = {member.type.rsplit(":", 1)[-1]: member for member in self._members[main.urn]}
        match self._kind(id_):
            case "vpc":
                yield "IPv6: a /56 from Amazon" if inputs.get("assignGeneratedIpv6CidrBlock") else ""
                default = members.get("DefaultSecurityGroup")
                closed = default and not default.inputs.get("ingress") and not default.inputs.get("egress")
                yield "Default security group: closed" if closed else ""
            case "internet gateway" | "egress-only gateway":
                routes = [edge.label for edge in edges if edge.kind == "route" and edge.target == id_]
                yield " and ".join(sorted({"IPv6" if ":" in destination else "IPv4" for destination in routes}))
            case "subnet":
                yield str(inputs.get("cidrBlock", ""))
                if block := inputs.get("ipv6CidrBlock"):
                    # The /56 is Amazon's choice; the last byte of a /64's prefix is its number in the /56.
                    yield f"IPv6 /64 number {int(IPv6Network(block).network_address) >> 64 & 0xFF}"
                yield "DNS64" if inputs.get("enableDns64") else ""
            case "route table":
                yield from self._routes(self._members[main.urn], titles)
            case "flow log":
                yield f"{inputs.get('trafficType')} traffic"
            case "endpoint":
                yield f"{inputs.get('vpcEndpointType')} endpoint"
                yield "IPv4 and IPv6" if inputs.get("ipAddressType") == "dualstack" else ""
                yield "Own principals only" if "aws:Principal" in str(inputs.get("policy")) else ""
            case "security group":
                yield from (_rule(rule) for rule in inputs.get("ingress") or [])
            case "cluster":
                yield str(inputs.get("name", ""))
                yield from _cluster_lines(inputs, members.get("ClusterCapacityProviders"))
            case "repository":
                yield main.name if len(self._of_kind("repository")) > 1 else ""
                yield f"Tags {inputs['imageTagMutability']}" if inputs.get("imageTagMutability") else ""
                yield from _lifecycle_lines(inputs, members.get("LifecyclePolicy"))
                yield "Lambda may pull" if "RepositoryPolicy" in members else ""
            case "bucket":
                yield str((inputs.get("tags") or {}).get("Name", ""))
                yield from _bucket_lines(members)
            case "certificate":
                yield ", ".join([str(inputs.get("domainName")), *(inputs.get("subjectAlternativeNames") or ())])
                yield "Validated by DNS, in an existing zone" if "Record" in members else ""
            case "key":
                yield str(members["Alias"].inputs.get("name", "")) if "Alias" in members else ""
                yield "Rotates" if inputs.get("enableKeyRotation") else ""
            case "log group":
                yield str(inputs.get("name", ""))
                yield f"{inputs['retentionInDays']} days" if inputs.get("retentionInDays") else ""
            case "parameter" | "cloudformation stack":
                yield str(inputs.get("name", ""))
            case "other":
                yield main.type
        yield "Protected" if main.protect else ""

    def _routes(self, members: list[Registration], titles: Mapping[str, str]) -> Iterator[str]:
        for route in members:
            if destination := _destination(route):
                targets = [
                    titles[self._node_ids[urn]]
                    for name, value in sorted(route.inputs.items())
                    if name != "routeTableId"
                    for urn in self._referenced(route, name, value)
                ]
                yield f"{destination} → {', '.join(targets) or 'unknown'}"


def _destination(route: Registration) -> str:
    names = ("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId")
    return next((str(route.inputs[name]) for name in names if name in route.inputs), "")


def _rule(rule: Mapping[str, Any]) -> str:
    ports = "-".join(dict.fromkeys(str(rule[name]) for name in ("fromPort", "toPort") if name in rule))
    sources = [*(rule.get("cidrBlocks") or ()), *(["IPv6 of the VPC"] if rule.get("ipv6CidrBlocks") else ())]
    return f"{str(rule.get('protocol')).upper()} {ports} from {', '.join(sources)}"


def _lifecycle_lines(repository: Mapping[str, Any], policy: Registration | None) -> Iterator[str]:
    """The descriptions of a lifecycle policy's rules, whether awsx or the program creates the policy."""
    by_awsx = repository.get("lifecyclePolicy") or {}
    document = json.loads(policy.inputs["policy"]) if policy else by_awsx
    yield from (str(rule.get("description", "")) for rule in document.get("rules") or [])


def _bucket_lines(settings: Mapping[str, Registration]) -> Iterator[str]:
    for type_, sign, line in (
        ("BucketServerSideEncryptionConfiguration", "'aws:kms'", "KMS-encrypted"),
        ("BucketServerSideEncryptionConfiguration", "'AES256'", "Encrypted by S3"),
        ("BucketLifecycleConfiguration", "'expire-objects'", "Objects expire"),
        ("BucketVersioning", "'Enabled'", "Versioned"),
        ("BucketPublicAccessBlock", "True", "No public access"),
        ("BucketPolicy", "aws:SecureTransport", "TLS only"),
    ):
        yield line if type_ in settings and sign in str(settings[type_].inputs) else ""


def _cluster_lines(inputs: Mapping[str, Any], providers: Registration | None) -> Iterator[str]:
    if providers:
        strategies = providers.inputs.get("defaultCapacityProviderStrategies") or []
        defaults = {strategy.get("capacityProvider") for strategy in strategies}
        names = providers.inputs.get("capacityProviders") or []
        yield ", ".join(f"{name} (default)" if name in defaults else name for name in names)
    for setting in inputs.get("settings") or []:
        if setting.get("name") == "containerInsights":
            yield f"Container Insights {setting.get('value')}"
