"""The exact bytes of the Cincinnati document."""

from upgraph.graph import Encoder, MatchingRule, Node, Risk, UpdateGraph, Version
from upgraph.graph.model import Edges

FIRST = Risk(
    "https://example.com/1",
    "R1",
    "Fährt nicht <b>",
    (MatchingRule("PromQL", 'up{job="a"}'), MatchingRule("Always")),
)
SECOND = Risk("https://example.com/2", "R2", "two")


def _graph(edges: Edges, *versions: str) -> UpdateGraph:
    return UpdateGraph.of([Node(Version.parse(version), f"r@{version}", {}) for version in versions], edges)


def test_an_empty_graph_has_all_keys() -> None:
    assert (
        Encoder().for_clients(UpdateGraph()) == b'{"version":1,"nodes":[],"edges":[],"conditionalEdges":[]}'
    )
    assert Encoder().for_builder_clients(UpdateGraph()) == b'{"nodes":[],"edges":[],"conditionalEdges":[]}'


def test_metadata_are_sorted_and_an_abstract_version_has_a_version_alone() -> None:
    edges = Edges()
    edges.add(0, 1)
    nodes = [
        Node(Version.parse("1.0.0")),
        Node(Version.parse("1.0.1"), "image@sha256:1", {"url": "u", "a": '"ü\u2028\\'}),
    ]
    assert Encoder().for_builder_clients(UpdateGraph.of(nodes, edges)).decode() == (
        '{"nodes":[{"version":"1.0.0"},'
        '{"version":"1.0.1","payload":"image@sha256:1","metadata":{"a":"\\"ü\u2028\\\\","url":"u"}}],'
        '"edges":[[0,1]],"conditionalEdges":[]}'
    )


def test_a_release_without_metadata_keeps_the_key() -> None:
    document = Encoder().for_clients(_graph(Edges(), "1.0.0"))
    assert b'{"version":"1.0.0","payload":"r@1.0.0","metadata":{}}' in document


def test_an_always_rule_has_no_query_and_a_promql_rule_has_one() -> None:
    edges = Edges()
    edges.add_conditional(0, 1, edges.number_of((FIRST, SECOND)))
    document = Encoder().for_clients(_graph(edges, "1.0.0", "1.0.1")).decode()
    assert document.endswith(
        '"edges":[],"conditionalEdges":[{"edges":[{"from":"1.0.0","to":"1.0.1"}],"risks":['
        '{"url":"https://example.com/1","name":"R1","message":"Fährt nicht <b>","matchingRules":'
        '[{"type":"PromQL","promql":{"promql":"up{job=\\"a\\"}"}},{"type":"Always"}]},'
        '{"url":"https://example.com/2","name":"R2","message":"two","matchingRules":[]}]}]}'
    )


def test_edges_with_the_same_risks_share_a_group_and_other_orders_are_other_groups() -> None:
    edges = Edges()
    edges.add_conditional(1, 2, edges.number_of((SECOND, FIRST)))
    edges.add_conditional(0, 2, edges.number_of((FIRST, SECOND)))
    edges.add_conditional(0, 1, edges.number_of((FIRST, SECOND)))
    document = Encoder().for_clients(_graph(edges, "1.0.0", "1.0.1", "1.0.2")).decode()
    shared = '{"edges":[{"from":"1.0.0","to":"1.0.1"},{"from":"1.0.0","to":"1.0.2"}],"risks":['
    alone = '{"edges":[{"from":"1.0.1","to":"1.0.2"}],"risks":['
    assert document.count('"risks":') == 2
    assert 0 < document.find(shared) < document.find(alone)


def test_an_encoder_gives_the_same_bytes_when_it_remembers() -> None:
    edges = Edges()
    edges.add_conditional(0, 1, edges.number_of((FIRST,)))
    graph, encoder = _graph(edges, "1.0.0", "1.0.1"), Encoder()
    assert encoder.for_clients(graph) == encoder.for_clients(graph) == Encoder().for_clients(graph)
