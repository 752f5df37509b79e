"""The Cincinnati v1 document: how a graph is written for clients and read from an upstream server.

Compact JSON, UTF-8 not escaped, keys in a fixed order, nodes sorted by version, so that equal graphs are
equal bytes. Conditional edges that carry the same risks share one group, and one edge stands in one
group only: a cluster drops a target that it finds in two (its Cluster Version Operator, cincinnati.go).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from upgraph.errors import DataError, Finding, Severity
from upgraph.errors.problems.graph import WIRE_EDGE, WIRE_INVALID
from upgraph.graph.cycles import backward_edges_in_cycles, finding_of
from upgraph.graph.model import Edges, Node, UpdateGraph
from upgraph.graph.release import MatchingRule, Risk
from upgraph.graph.version import Version

PROTOCOL_VERSION = 1
"""Value of ``version`` in answers to clients. Graph builders send none, and their clients refuse one."""
MAX_TOLD = 1_000
"""Most findings of one kind that are made of a document, which comes from outside and may have a million."""

T = TypeVar("T")


class _Promql(msgspec.Struct):
    promql: str = ""


class _Rule(msgspec.Struct, omit_defaults=True):
    type: str = ""
    promql: _Promql | None = None


class _Risk(msgspec.Struct, rename={"matching_rules": "matchingRules"}):
    url: str = ""
    name: str = ""
    message: str = ""
    matching_rules: list[_Rule] = []


class _ConditionalEdge(msgspec.Struct):
    source: str = msgspec.field(name="from", default="")
    target: str = msgspec.field(name="to", default="")


class _Group(msgspec.Struct):
    edges: list[_ConditionalEdge] = []
    risks: list[_Risk] = []


class _Node(msgspec.Struct, omit_defaults=True):
    version: str
    payload: str | None = None
    metadata: dict[str, str] | None = None


class _VersionOnly(msgspec.Struct):
    version: str


class _RawGroup(msgspec.Struct):
    edges: list[_ConditionalEdge]
    risks: msgspec.Raw


class _BuilderDocument(msgspec.Struct, rename={"conditional": "conditionalEdges"}):
    nodes: list[msgspec.Raw]
    edges: list[tuple[int, int]]
    conditional: list[_RawGroup]


class _ClientDocument(msgspec.Struct, rename={"conditional": "conditionalEdges"}):
    version: int
    nodes: list[msgspec.Raw]
    edges: list[tuple[int, int]]
    conditional: list[_RawGroup]


class _Upstream(msgspec.Struct, rename={"conditional": "conditionalEdges"}):
    nodes: list[msgspec.Raw]
    edges: list[tuple[int, int]]
    conditional: list[_Group] = []


_SHOWN = 80
"""Characters of a foreign text that a finding repeats."""

_encode = msgspec.json.Encoder(order=None).encode
_decode_node = msgspec.json.Decoder(_Node).decode


class Encoder:
    """Writes graphs that share nodes and risks, encoding each node and each list of risks once."""

    def __init__(self) -> None:
        self._nodes: dict[int, tuple[Node, msgspec.Raw]] = {}
        self._risks: dict[tuple[Risk, ...], msgspec.Raw] = {}

    def for_clients(self, graph: UpdateGraph) -> bytes:
        """The document that clusters get."""
        nodes, edges, groups = self._parts(graph)
        return _encode(_ClientDocument(PROTOCOL_VERSION, nodes, edges, groups))

    def for_builder_clients(self, graph: UpdateGraph) -> bytes:
        """The document that policy engines get from a graph builder."""
        nodes, edges, groups = self._parts(graph)
        return _encode(_BuilderDocument(nodes, edges, groups))

    def _parts(self, graph: UpdateGraph) -> tuple[list[msgspec.Raw], list[tuple[int, int]], list[_RawGroup]]:
        edges = [(source, target) for source, targets in enumerate(graph.children) for target in targets]
        return [self._node(node) for node in graph.nodes], edges, self._groups(graph)

    def _node(self, node: Node) -> msgspec.Raw:
        known = self._nodes.get(id(node))
        if known is None:
            metadata = None if node.is_abstract else dict(sorted(node.metadata.items()))
            encoded = msgspec.Raw(_encode(_Node(node.version.text, node.payload, metadata)))
            # The node is kept beside its encoding: an id is only an identity while its object lives.
            known = self._nodes[id(node)] = (node, encoded)
        return known[1]

    def _groups(self, graph: UpdateGraph) -> list[_RawGroup]:
        edges: defaultdict[int, list[_ConditionalEdge]] = defaultdict(list)
        names = [node.version.text for node in graph.nodes]
        for name, targets in zip(names, graph.risky, strict=True):
            for target, risks in targets:
                edges[risks].append(_ConditionalEdge(name, names[target]))
        return [_RawGroup(edges[index], self._risk_list(graph.risk_sets[index])) for index in sorted(edges)]

    def _risk_list(self, risks: tuple[Risk, ...]) -> msgspec.Raw:
        known = self._risks.get(risks)
        if known is None:
            known = self._risks[risks] = msgspec.Raw(_encode([_to_wire(risk) for risk in risks]))
        return known


def _to_wire(risk: Risk) -> _Risk:
    rules = [_Rule(rule.type, _Promql(rule.promql) if rule.promql else None) for rule in risk.matching_rules]
    return _Risk(risk.url, risk.name, risk.message, rules)


def _from_wire(risk: _Risk) -> Risk:
    rules = tuple(
        MatchingRule(rule.type, rule.promql.promql if rule.promql else "") for rule in risk.matching_rules
    )
    return Risk(risk.url, risk.name, risk.message, rules)


def decode(document: bytes | memoryview) -> tuple[UpdateGraph, tuple[Finding, ...]]:
    """Read the document of a graph builder or of an update service.

    An unknown top-level key is no error, and neither is ``version``. In an answer to clusters no release
    names its architecture, so nothing can be selected from it. Conditional edges that name a version which is
    no node are left out with a finding, because a cluster drops an answer that has one. So are edges to a
    lower version that close a circle.

    Raises:
        DataError: the document is no update graph.
    """
    try:
        upstream = msgspec.json.decode(document, type=_Upstream)
        nodes = [_read_node(raw) for raw in upstream.nodes]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(WIRE_INVALID, f"not an update graph: {error}") from error
    order = sorted(range(len(nodes)), key=lambda position: nodes[position].version.key)
    number = {nodes[position].version: place for place, position in enumerate(order)}
    if len(number) != len(nodes):
        raise DataError(WIRE_INVALID, "not an update graph: two nodes have the same version")
    plain = {_numbers(edge, nodes, number) for edge in upstream.edges}
    risky, lost = _read_conditional(upstream.conditional, number)
    cut = _edges_to_cut(plain | risky.keys(), len(nodes))
    edges = Edges()
    for ends, risks in risky.items():
        if ends not in cut:
            edges.add_conditional(*ends, edges.number_of(risks))
    for ends in plain - risky.keys() - cut:
        edges.add(*ends)
    graph = UpdateGraph.of([nodes[position] for position in order], edges)
    versions = [node.version for node in graph.nodes]
    circles = _first(sorted(cut), lambda ends: finding_of(versions[ends[0]], versions[ends[1]]))
    return graph, (*_first(lost, _lost_edge), *circles)


def _first(found: Sequence[T], tell: Callable[[T], Finding]) -> tuple[Finding, ...]:
    """A finding for each of the first, and one for how many more there are."""
    told = tuple(map(tell, found[:MAX_TOLD]))
    if len(found) <= MAX_TOLD:
        return told
    last = told[-1]
    more = f"{len(found) - MAX_TOLD} more edges are left out for the same reason as: {last.seen}"
    return (*told, Finding(last.severity, last.problem, more))


def _lost_edge(edge: _ConditionalEdge) -> Finding:
    names = f"{edge.source[:_SHOWN]!r} to {edge.target[:_SHOWN]!r}"
    return Finding(
        Severity.WARNING, WIRE_EDGE, f"a conditional edge from {names} names a version that is no node"
    )


def _edges_to_cut(edges: Iterable[tuple[int, int]], nodes: int) -> set[tuple[int, int]]:
    parents: list[set[int]] = [set() for _ in range(nodes)]
    for source, target in edges:
        parents[target].add(source)
    return set(backward_edges_in_cycles(parents))


def _read_node(raw: msgspec.Raw) -> Node:
    # A node that is not of the full shape is an abstract version to Cincinnati, if it has a version at all.
    try:
        node = _decode_node(raw)
    except msgspec.ValidationError:
        node = _Node(msgspec.json.decode(raw, type=_VersionOnly).version)
    complete = node.payload is not None and node.metadata is not None
    return Node(Version.parse(node.version), node.payload if complete else None, node.metadata or {})


def _numbers(edge: tuple[int, int], nodes: Sequence[Node], number: Mapping[Version, int]) -> tuple[int, int]:
    source, target = edge
    if not (0 <= source < len(nodes) and 0 <= target < len(nodes)):
        raise DataError(WIRE_INVALID, f"not an update graph: the edge [{source},{target}] leads to no node")
    return number[nodes[source].version], number[nodes[target].version]


def _read_conditional(
    groups: Iterable[_Group], number: Mapping[Version, int]
) -> tuple[dict[tuple[int, int], tuple[Risk, ...]], list[_ConditionalEdge]]:
    """The risks of each edge, and the edges of which an end is no node."""
    risks: defaultdict[tuple[int, int], dict[Risk, None]] = defaultdict(dict)
    lost = []
    for group in groups:
        carried = dict.fromkeys(map(_from_wire, group.risks))
        for edge in group.edges:
            ends = _known(edge.source, number), _known(edge.target, number)
            if ends[0] is not None and ends[1] is not None:
                risks[ends[0], ends[1]].update(carried)
            else:
                lost.append(edge)
    return {ends: tuple(found) for ends, found in risks.items()}, lost


def _known(text: str, number: Mapping[Version, int]) -> int | None:
    """The number of the node with this version; none if it is no version, or that of no node."""
    try:
        return number.get(Version.parse(text))
    except DataError:
        return None
