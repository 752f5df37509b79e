"""What must hold for every update graph that is served: checks on the bytes of an answer.

They read the document as a client does, with a JSON parser and nothing of the product. The rules are
those of the Cincinnati protocol and those that the Cluster Version Operator adds
(``pkg/cincinnati/cincinnati.go``).
"""

import json
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TypedDict
from urllib.parse import urlsplit

from upgraph.testing.plain import PlainRisk

ARCH_KEY = "io.openshift.upgrades.graph.release.arch"
CHANNELS_KEY = "io.openshift.upgrades.graph.release.channels"

RELEASE_ARCHITECTURE_KEY = "release.openshift.io/architecture"
URL_KEY = "url"
_NUMBER = r"(?:0|[1-9][0-9]*)"
_PRE = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_WITHOUT_BUILD = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_PRE}(?:\.{_PRE})*)?")
"""A version of SemVer 2.0 without a build part, as a cluster calls its own."""
_NO_ADDRESS = re.compile(r"[\x00-\x1f\x7f]|%(?![0-9A-Fa-f]{2})")

Edge = tuple[str, str]
"""Versions of source and target."""


class PlainNode(TypedDict, total=False):
    """A node of the document; an abstract one has a version alone."""

    version: str
    payload: str
    metadata: dict[str, str]


PlainEdge = TypedDict("PlainEdge", {"from": str, "to": str})


class PlainGroup(TypedDict):
    """Conditional edges that carry the same risks."""

    edges: list[PlainEdge]
    risks: list[PlainRisk]


class PlainDocument(TypedDict):
    """A Cincinnati v1 document."""

    nodes: list[PlainNode]
    edges: list[tuple[int, int]]
    conditionalEdges: list[PlainGroup]


@dataclass(frozen=True)
class PlainGraph:
    """What a document says, whatever the order in which it says it."""

    nodes: dict[str, PlainNode] = field(default_factory=dict)
    edges: set[Edge] = field(default_factory=set)
    conditional: dict[Edge, list[PlainRisk]] = field(default_factory=dict)
    """Risks of every conditional edge, in their order."""


def read_answer(document: bytes) -> PlainGraph:
    """The graph of a document. Where two groups have the same edge, the last one counts."""
    content: PlainDocument = json.loads(document)
    names = [node["version"] for node in content["nodes"]]
    return PlainGraph(
        nodes={node["version"]: node for node in content["nodes"]},
        edges={(names[source], names[target]) for source, target in content["edges"]},
        conditional={edge: group["risks"] for edge, group in _conditional(content)},
    )


def violations(document: bytes) -> list[str]:
    """What breaks a rule that holds for every graph, in words; empty for a good one."""
    return _violations(json.loads(document))


def _violations(content: PlainDocument) -> list[str]:
    count = len(content["nodes"])
    lost = [str(edge) for edge in content["edges"] if not all(0 <= end < count for end in edge)]
    if lost:
        return [f"edge without end: {edge}" for edge in lost]
    names = [node["version"] for node in content["nodes"]]
    plain = [(names[source], names[target]) for source, target in content["edges"]]
    risky = [edge for edge, _ in _conditional(content)]
    ends = {end for edge in risky for end in edge}
    return [
        *(f"version twice: {name}" for name in _repeated(names)),
        *(f"edge twice: {edge}" for edge in _repeated(plain)),
        *(f"conditional edge in two groups: {edge}" for edge in _repeated(risky)),
        *(f"edge with and without risks: {edge}" for edge in sorted(set(plain) & set(risky))),
        *(f"conditional edge leads to no node: {end}" for end in sorted(ends - set(names))),
        *(
            f"group without edges or risks: {group}"
            for group in content["conditionalEdges"]
            if not all(group.values())
        ),
        *(["the edges have a cycle"] if has_cycle([*plain, *risky]) else []),
    ]


def client_violations(document: bytes, channel: str, arch: str) -> list[str]:
    """The same for the answer to a cluster of one channel and architecture."""
    content = json.loads(document)
    nodes: list[PlainNode] = content["nodes"]
    channels = {node["version"]: node.get("metadata", {}).get(CHANNELS_KEY, "").split(",") for node in nodes}
    return [
        *_violations(content),
        *([] if content.get("version") == 1 else ["the protocol version is missing"]),
        *(f"abstract: {node['version']}" for node in nodes if not node.get("payload")),
        *(
            f"the architecture shows: {node['version']}"
            for node in nodes
            if ARCH_KEY in node.get("metadata", {})
        ),
        *(f"the architecture shows: {name}" for name in channels if name.endswith(f"+{arch}")),
        *(f"of another channel: {name}" for name, joined in channels.items() if channel not in joined),
        *_unlike_clusters(content),
    ]


def _unlike_clusters(content: PlainDocument) -> Iterator[str]:
    """What makes a cluster drop an update or the whole answer, beyond the rules of the protocol."""
    ends = {end for edge, _ in _conditional(content) for end in edge}
    for name in sorted(ends.union(node["version"] for node in content["nodes"])):
        if not _WITHOUT_BUILD.fullmatch(name):
            yield f"no version without a build part: {name}"
    for node in content["nodes"]:
        metadata = node.get("metadata", {})
        if not _is_address(metadata.get(URL_KEY, "")):
            yield f"no address: {metadata[URL_KEY]!r} of {node['version']}"
        if metadata.get(RELEASE_ARCHITECTURE_KEY, "multi") != "multi":
            yield f"no architecture of a release: {metadata[RELEASE_ARCHITECTURE_KEY]!r} of {node['version']}"
    for group in content["conditionalEdges"]:
        for risk in group["risks"]:
            if not risk["matchingRules"]:
                yield f"risk without rules: {risk['name']}"


def _is_address(text: str) -> bool:
    # The first are refused by net/url of Go, with which clusters read it, and not by Python.
    if _NO_ADDRESS.search(text):
        return False
    try:
        _ = urlsplit(text).port
    except ValueError:
        return False
    return True


def has_cycle(edges: Iterable[Edge]) -> bool:
    """Whether the edges lead in a circle."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for source, target in edges:
        sorter.add(target, source)
    try:
        sorter.prepare()
    except CycleError:
        return True
    return False


def _conditional(content: PlainDocument) -> list[tuple[Edge, PlainGroup]]:
    return [
        ((edge["from"], edge["to"]), group)
        for group in content["conditionalEdges"]
        for edge in group["edges"]
    ]


def _repeated(items: Iterable[Hashable]) -> list[Hashable]:
    return [item for item, times in Counter(items).items() if times > 1]
