"""What rules of graph data take away and what they make conditional, one rule at a time."""

import pytest

from upgraph.graph import Precedence
from upgraph.testing.answers import Edge
from upgraph.testing.sample_graphs import GraphBench, block, graph_data, risk

ALL = [("4.8.1", "4.8.2"), ("4.8.1", "4.9.0"), ("4.8.2", "4.9.0")]


@pytest.fixture
def three(bench: GraphBench) -> GraphBench:
    bench.chain("4.8.1", "4.8.2", "4.9.0")
    return bench


BLOCKS = [
    pytest.param("4.9.0", ".*", ALL[:1], id="all"),
    pytest.param("4.9.0", "", ALL[:1], id="empty"),
    pytest.param("4.9.0", "8[.]1", [ALL[0], ALL[2]], id="anywhere in the version"),
    pytest.param("4.9.0", "1[+]amd64$", [ALL[0], ALL[2]], id="with the architecture"),
    pytest.param("4.9.0", "^8", ALL, id="anchored"),
    pytest.param("4.9.0+amd64", ".*", ALL[:1], id="this architecture"),
    pytest.param("4.9.0+arm64", ".*", ALL, id="another architecture"),
    pytest.param("4.9.0-rc.1", ".*", ALL, id="another version"),
    pytest.param("4.7.0", ".*", ALL, id="no such version"),
]


@pytest.mark.parametrize(("to", "source", "expected"), BLOCKS)
def test_a_block_takes_away_the_edges_it_names(
    three: GraphBench, to: str, source: str, expected: list[Edge]
) -> None:
    assert three.edges(graph_data(block(to, source))) == expected


def test_all_blocks_of_one_target_hold(three: GraphBench) -> None:
    data = graph_data(block("4.9.0", "8[.]1"), block("4.9.0", "8[.]2"))
    assert three.edges(data) == ALL[:1]
    assert three.label("previous.remove_regex", "4.9.0+amd64", data) == "8[.]1|8[.]2"


def test_a_release_brings_a_pattern_of_its_own_which_stands_first(bench: GraphBench) -> None:
    bench.chain("4.8.1", "4.8.2")
    bench.release("4.9.0", "4.8.1", "4.8.2", labels={"previous.remove_regex": "8[.]2"})
    data = graph_data(block("4.9.0", "nothing"))
    assert bench.edges(data) == ALL[:2]
    assert bench.label("previous.remove_regex", "4.9.0+amd64", data) == "8[.]2|nothing"


def test_a_broken_pattern_of_a_release_withholds_all_updates_into_it(bench: GraphBench) -> None:
    bench.release("4.8.1")
    bench.release("4.9.0", "4.8.1", labels={"previous.remove_regex": "4(?=x)"})
    assert bench.edges() == []
    assert bench.label("previous.remove_regex", "4.9.0+amd64") == ".*"
    assert bench.references() == ["pattern-invalid"]
    assert "4.9.0+amd64" in bench.findings[0].seen


def test_a_pre_release_named_s390x_is_an_architecture(bench: GraphBench) -> None:
    bench.chain("4.2.10-s390x+s390x", "4.2.11-s390x+s390x")
    bench.chain("4.2.10-s390x", "4.2.11-s390x")
    graph = bench.graph(graph_data(block("4.2.11-s390x", ".*")))
    assert graph.edges == {("4.2.10-s390x+amd64", "4.2.11-s390x+amd64")}


def test_a_risk_makes_edges_conditional(three: GraphBench) -> None:
    data = graph_data(risk("4.9.0", "8[.]1", "R1"))
    assert three.risks(data) == {ALL[1]: ["R1"]}
    assert three.edges(data) == [ALL[0], ALL[2]]


def test_all_risks_of_an_edge_stand_together_in_the_order_of_their_files(three: GraphBench) -> None:
    data = graph_data(risk("4.9.0", "8[.]1", "Z"), risk("4.9.0", ".*", "A"), risk("4.9.0", ".*", "Z"))
    assert three.risks(data) == {ALL[1]: ["Z", "A"], ALL[2]: ["A", "Z"]}


def test_a_block_wins_over_a_risk_of_the_same_edge(three: GraphBench) -> None:
    data = graph_data(risk("4.9.0", ".*", "R"), block("4.9.0", "8[.]1"))
    assert three.risks(data) == {ALL[2]: ["R"]}
    assert three.edges(data) == ALL[:1]
    assert three.label("previous.remove_regex", "4.9.0+amd64", data) == "8[.]1|.*"


def test_a_risk_wins_over_a_block_in_the_way_of_cincinnati(three: GraphBench) -> None:
    data = graph_data(risk("4.9.0", ".*", "R"), block("4.9.0", "8[.]1"))
    graph = three.built(data, precedence=Precedence.CINCINNATI).graph
    assert len(list(graph.conditional_edges())) == 2


@pytest.mark.parametrize("label", ["previous.remove", "next.remove"])
def test_an_edge_that_a_label_removes_is_not_offered_with_risks(bench: GraphBench, label: str) -> None:
    removes_next = label.startswith("next")
    bench.release("4.8.1", labels={label: "4.9.0"} if removes_next else {})
    bench.release("4.9.0", "4.8.1", labels={} if removes_next else {label: "4.8.1"})
    data = graph_data(risk("4.9.0", ".*", "R"))
    assert (bench.edges(data), bench.risks(data)) == ([], {})


def test_a_risk_for_one_architecture_leaves_the_others_alone(bench: GraphBench) -> None:
    bench.chain("4.8.1", "4.9.0")
    bench.chain("4.8.1+arm64", "4.9.0+arm64")
    graph = bench.graph(graph_data(risk("4.9.0+arm64", ".*", "R")))
    assert graph.edges == {("4.8.1+amd64", "4.9.0+amd64")}


def test_edges_that_labels_add_are_blocked_and_conditional_like_others(bench: GraphBench) -> None:
    bench.chain("4.8.1", "4.8.2")
    bench.release("4.9.0", labels={"previous.add": "4.8.1, 4.8.2"})
    data = graph_data(risk("4.9.0", "8[.]1", "R"), block("4.9.0", "8[.]2"))
    assert bench.risks(data) == {ALL[1]: ["R"]}
    assert bench.edges(data) == ALL[:1]


def test_two_edges_with_the_same_risks_share_a_group(three: GraphBench) -> None:
    built = three.built(graph_data(risk("4.9.0", ".*", "R"), risk("4.8.2", ".*", "R")))
    assert len(built.graph.risk_sets) == 1
