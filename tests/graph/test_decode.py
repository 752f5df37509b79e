"""Reading the document of an upstream server: tolerant of what may come, refusing what is no graph."""

import json
from collections import Counter

import pytest
from hypothesis import given, settings

from upgraph.errors import DataError
from upgraph.graph import Encoder, build, decode
from upgraph.graph.wire import MAX_TOLD
from upgraph.testing.answers import read_answer, violations
from upgraph.testing.plain import graph_data_of, release_of
from upgraph.testing.strategies import Platform, platforms

RISK = {"url": "u", "name": "N", "message": "m", "matchingRules": [{"type": "Always"}]}


def _node(version: str) -> dict[str, object]:
    return {"version": version, "payload": f"image@{version}", "metadata": {}}


def _document(**parts: object) -> bytes:
    nodes = [_node("1.0.2"), _node("1.0.0"), _node("1.0.1")]
    return json.dumps({"nodes": nodes, "edges": [], "conditionalEdges": [], **parts}).encode()


def _group(*edges: tuple[str, str], name: str = "N") -> dict[str, object]:
    ends = [{"from": source, "to": target} for source, target in edges]
    return {"edges": ends, "risks": [{**RISK, "name": name}]}


@settings(max_examples=50)
@given(platforms())
def test_a_written_graph_is_read_back_as_it_was(platform: Platform) -> None:
    built = build(map(release_of, platform.releases), graph_data_of(platform.data))
    document = Encoder().for_builder_clients(built.graph)
    graph, findings = decode(document)
    assert Encoder().for_builder_clients(graph) == document
    assert findings == ()


def test_nodes_may_come_in_any_order_with_the_numbers_of_edges_in_theirs() -> None:
    graph, _ = decode(_document(edges=[[1, 2], [2, 0], [1, 2]]))
    assert [str(node.version) for node in graph.nodes] == ["1.0.0", "1.0.1", "1.0.2"]
    assert list(graph.edges()) == [(0, 1), (1, 2)]


TOLERATED = {
    "protocol version": {"version": 1},
    "unknown key": {"more": [{"a": None}]},
    "keys of a node": {"nodes": [{**_node("1.0.0"), "more": 1}]},
    "no groups": {"conditionalEdges": []},
    "empty group": {"conditionalEdges": [{"edges": [], "risks": []}]},
    "abstract node": {"nodes": [{"version": "1.0.0"}]},
    "unknown rule": {
        "conditionalEdges": [{"edges": [], "risks": [{**RISK, "matchingRules": [{"type": "X", "y": 1}]}]}]
    },
}


@pytest.mark.parametrize("parts", TOLERATED.values(), ids=TOLERATED.keys())
def test_what_may_come_is_read_without_findings(parts: dict[str, object]) -> None:
    graph, findings = decode(_document(**parts))
    assert findings == ()
    assert graph.nodes


def test_a_document_without_conditional_edges_is_of_an_old_server_and_is_read() -> None:
    graph, _ = decode(b'{"nodes":[{"version":"1.0.0"}],"edges":[]}')
    assert graph.nodes[0].is_abstract


INCOMPLETE = {
    "payload": {"version": "1.0.0", "metadata": {}},
    "metadata": {"version": "1.0.0", "payload": "p"},
}


@pytest.mark.parametrize("node", INCOMPLETE.values(), ids=INCOMPLETE.keys())
def test_a_node_that_lacks_something_is_an_abstract_version(node: dict[str, object]) -> None:
    graph, _ = decode(_document(nodes=[node]))
    assert graph.nodes[0].is_abstract


def test_a_node_with_metadata_of_another_type_is_an_abstract_version() -> None:
    graph, _ = decode(_document(nodes=[{**_node("1.0.0"), "metadata": {"a": 1}}]))
    assert graph.nodes[0].is_abstract


def test_an_edge_in_two_groups_gets_all_risks_in_one() -> None:
    groups = [_group(("1.0.0", "1.0.1"), name="A"), _group(("1.0.0", "1.0.1"), ("1.0.0", "1.0.2"), name="B")]
    graph, _ = decode(_document(conditionalEdges=groups))
    document = Encoder().for_clients(graph)
    names = {
        edge: [risk["name"] for risk in risks] for edge, risks in read_answer(document).conditional.items()
    }
    assert names == {("1.0.0", "1.0.1"): ["A", "B"], ("1.0.0", "1.0.2"): ["B"]}
    assert violations(document) == []


def test_an_edge_with_and_without_risks_is_one_with_risks() -> None:
    graph, _ = decode(_document(edges=[[1, 2]], conditionalEdges=[_group(("1.0.0", "1.0.1"))]))
    assert (list(graph.edges()), len(list(graph.conditional_edges()))) == ([], 1)


def test_a_conditional_edge_to_no_node_is_left_out_and_found() -> None:
    graph, findings = decode(_document(conditionalEdges=[_group(("1.0.0", "9.9.9"), ("1.0.0", "1.0.1"))]))
    assert len(list(graph.conditional_edges())) == 1
    assert [finding.reference for finding in findings] == ["graph-edge"]
    assert "9.9.9" in findings[0].seen


# Nodes of _document: 0 is 1.0.2, 1 is 1.0.0, 2 is 1.0.1.
CIRCLES = {
    "two": ({"edges": [[1, 2], [2, 1]]}, [(0, 1)], ["1.0.1 to 1.0.0"]),
    "itself": ({"edges": [[1, 2], [2, 2]]}, [(0, 1)], ["1.0.1 to 1.0.1"]),
    "three": ({"edges": [[1, 2], [2, 0], [0, 1]]}, [(0, 1), (1, 2)], ["1.0.2 to 1.0.0"]),
    "with a risk": (
        {"edges": [[1, 2]], "conditionalEdges": [_group(("1.0.1", "1.0.0"))]},
        [(0, 1)],
        ["1.0.1 to 1.0.0"],
    ),
    "a way back that closes none": ({"edges": [[2, 1]]}, [(1, 0)], []),
}


@pytest.mark.parametrize(("parts", "edges", "left_out"), CIRCLES.values(), ids=CIRCLES.keys())
def test_a_circle_loses_the_edge_to_the_lower_version(
    parts: dict[str, object], edges: list[tuple[int, int]], left_out: list[str]
) -> None:
    graph, findings = decode(_document(**parts))
    assert (list(graph.edges()), list(graph.conditional_edges())) == (edges, [])
    assert [finding.reference for finding in findings] == ["release-cycle"] * len(left_out)
    assert all(f"from {ends} closes" in str(found) for ends, found in zip(left_out, findings, strict=True))
    assert violations(Encoder().for_clients(graph)) == []


def test_of_many_faults_the_first_are_told_and_how_many_more_there_are() -> None:
    """A document comes from outside, and each of its edges may be a fault."""
    size = 60
    nodes = [_node(f"1.0.{number}") for number in range(size)]
    every = [[source, to] for source in range(size) for to in range(size) if source != to]
    lost = [{"from": "1.0.0", "to": f"9.0.{number}"} for number in range(MAX_TOLD + 5)]
    _, findings = decode(_document(nodes=nodes, edges=every, conditionalEdges=[{"edges": lost, "risks": []}]))
    circles = size * (size - 1) // 2
    counted = Counter(finding.reference for finding in findings)
    assert counted == {"release-cycle": MAX_TOLD + 1, "graph-edge": MAX_TOLD + 1}
    more = [finding.seen for finding in findings if "more edges" in finding.seen]
    assert [one.split()[0] for one in more] == ["5", str(circles - MAX_TOLD)]


DEEP = b"[" * 100_000 + b"]" * 100_000
REFUSED = {
    "empty": b"",
    "no json": b"<html>",
    "no object": b"[]",
    "null": b"null",
    "truncated": _document()[:-1],
    "not utf-8": b'{"nodes":[{"version":"1.0.0\xff"}],"edges":[]}',
    "no nodes": b'{"edges":[]}',
    "no edges": b'{"nodes":[]}',
    "node without version": _document(nodes=[{"payload": "p"}]),
    "version twice": _document(nodes=[_node("1.0.0"), _node("1.0.0")]),
    "version of another type": _document(nodes=[{"version": 1}]),
    "edge to nowhere": _document(edges=[[0, 3]]),
    "edge from nowhere": _document(edges=[[-1, 0]]),
    "edge of three": _document(edges=[[0, 1, 2]]),
    "edge of texts": _document(edges=[["0", "1"]]),
    "deeply nested nodes": b'{"edges":[],"nodes":[' + DEEP + b"]}",
    "deeply nested elsewhere": b'{"nodes":[],"edges":[],"more":' + DEEP + b"}",
}


@pytest.mark.parametrize("document", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_graph_is_refused(document: bytes) -> None:
    with pytest.raises(DataError) as caught:
        decode(document)
    assert caught.value.reference == "graph-invalid"
    assert len(caught.value.seen) < 1_000


def test_a_node_whose_version_is_none_refuses_the_document() -> None:
    with pytest.raises(DataError, match="'one'"):
        decode(_document(nodes=[_node("one")]))


def test_a_conditional_edge_to_what_is_no_version_costs_that_edge_alone() -> None:
    graph, findings = decode(_document(conditionalEdges=[_group(("1.0.0", "one"), ("1.0.0", "1.0.1"))]))
    assert len(list(graph.conditional_edges())) == 1
    assert [finding.reference for finding in findings] == ["graph-edge"]
