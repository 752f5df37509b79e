"""The conformance cases of the reference: raw graph and graph data in, the graph with metadata out.

Input, settings and comparison are those of the test ``compare_quay_result_fixture`` of Cincinnati's
openshift-secondary-metadata-parse plugin. Conditional edges, which it never compares, are compared with
the model.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from upgraph.graph import Encoder, GraphData, build
from upgraph.testing.answers import ARCH_KEY, CHANNELS_KEY, PlainGraph, PlainNode, read_answer, violations
from upgraph.testing.cincinnati_model import CINCINNATI, PRODUCT, Switches, model_build, model_labels
from upgraph.testing.plain import PlainGraphData, PlainRelease, release_of

PREFIX = "io.openshift.upgrades.graph."
REGEX = PREFIX + "previous.remove_regex"
NOT_COMPARED = {REGEX, PREFIX + "previous.remove"}


@dataclass(frozen=True)
class Case:
    """One case with what is known of its result."""

    name: str
    nodes: int
    abstract: int
    arches: dict[str, int]
    edges_before: int
    edges: int
    with_channels: int
    with_regex: int


CASES = [
    Case("20200220.104838", 112, 8, {"amd64": 94, "s390x": 18}, 489, 466, 72, 11),
    Case("20200319.204124", 132, 12, {"amd64": 108, "s390x": 24}, 616, 559, 85, 16),
]


@dataclass(frozen=True)
class Platform:
    """The input of a case, and what the reference makes of it."""

    case: Case
    releases: list[PlainRelease]
    plain: PlainGraphData
    data: GraphData
    raw: PlainGraph
    expected: PlainGraph


def _graph(path: Path) -> PlainGraph:
    return read_answer(json.dumps({"conditionalEdges": [], **json.loads(path.read_text())}).encode())


def _releases(raw: PlainGraph) -> list[PlainRelease]:
    """Each node with an image as a release; an edge from it is its ``next`` only where the target has no image."""
    return [
        PlainRelease(
            version=name,
            payload=node["payload"],
            digest=node["metadata"][PREFIX + "release.manifestref"],
            metadata={key: value for key, value in node["metadata"].items() if not key.startswith(PREFIX)},
            previous=sorted(source for source, target in raw.edges if target == name),
            next=sorted(to for source, to in raw.edges if source == name and "payload" not in raw.nodes[to]),
        )
        for name, node in raw.nodes.items()
        if "payload" in node
    ]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def platform(
    request: pytest.FixtureRequest,
    real_data: Path,
    read_plain: Callable[[Path], PlainGraphData],
    read_ours: Callable[[Path], GraphData],
) -> Platform:
    case: Case = request.param
    folder = real_data / "conformance" / case.name
    data = folder / "cincinnati-graph-data"
    raw = _graph(folder / "graph-gb-raw.json")
    expected = _graph(folder / "graph-gb-with-quay-metadata.json")
    model_labels(expected)
    return Platform(case, _releases(raw), read_plain(data), read_ours(data), raw, expected)


@pytest.fixture(scope="module")
def ours(platform: Platform) -> PlainGraph:
    built = build(map(release_of, platform.releases), platform.data)
    document = Encoder().for_builder_clients(built.graph)
    assert violations(document) == []
    return read_answer(document)


def _compared(graph: PlainGraph) -> dict[str, PlainNode]:
    nodes = {name: PlainNode(**node) for name, node in graph.nodes.items()}
    for node in nodes.values():
        if "metadata" in node:
            node["metadata"] = {
                key: text for key, text in node["metadata"].items() if key not in NOT_COMPARED
            }
    return nodes


def _having(graph: PlainGraph, key: str) -> list[str]:
    return [node["metadata"][key] for node in graph.nodes.values() if key in node.get("metadata", {})]


def test_nodes_and_their_metadata_are_those_of_the_reference(platform: Platform, ours: PlainGraph) -> None:
    assert _compared(ours) == _compared(platform.expected)


def test_edges_are_those_of_the_reference(platform: Platform, ours: PlainGraph) -> None:
    assert ours.edges == platform.expected.edges


def test_the_numbers_are_those_that_are_known_of_the_case(platform: Platform, ours: PlainGraph) -> None:
    case = platform.case
    assert len(ours.nodes) == case.nodes
    assert len([node for node in ours.nodes.values() if "payload" not in node]) == case.abstract
    assert Counter(name.partition("+")[2] for name in ours.nodes) == case.arches
    assert (len(platform.raw.edges), len(ours.edges)) == (case.edges_before, case.edges)
    assert len(_having(ours, CHANNELS_KEY)) == case.with_channels
    assert len(_having(ours, REGEX)) == case.with_regex
    assert len(_having(ours, ARCH_KEY)) == case.nodes - case.abstract


@pytest.mark.parametrize("switches", [CINCINNATI, PRODUCT], ids=["cincinnati", "product"])
def test_the_model_agrees_with_the_reference(platform: Platform, switches: Switches) -> None:
    model = model_build(platform.releases, platform.plain, switches)
    assert _compared(model) == _compared(platform.expected)
    assert model.edges == platform.expected.edges


def test_conditional_edges_are_those_of_the_model_which_has_none_here(
    platform: Platform, ours: PlainGraph
) -> None:
    assert ours.conditional == model_build(platform.releases, platform.plain, CINCINNATI).conditional == {}
