"""A graph leads forward: what is cut so that it does, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from upgraph.graph.cycles import backward_edges_in_cycles
from upgraph.testing.answers import has_cycle
from upgraph.testing.sample_graphs import GraphBench

Edges = set[tuple[int, int]]
_edges = st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)))


def _cut(edges: Edges, *, backwards: bool = False) -> Edges:
    parents: list[list[int]] = [[] for _ in range(8)]
    for source, target in sorted(edges, reverse=backwards):
        parents[target].append(source)
    return set(backward_edges_in_cycles(parents))


def _has_cycle(edges: Edges) -> bool:
    return has_cycle([(str(source), str(target)) for source, target in edges])


def _leads_back(edges: Edges, edge: tuple[int, int]) -> bool:
    reached = {edge[1]}
    for _ in range(8):
        reached |= {target for source, target in edges if source in reached}
    return edge[0] in reached


@given(_edges)
def test_what_is_left_has_no_cycle(edges: Edges) -> None:
    assert not _has_cycle(edges - _cut(edges))


@given(_edges)
def test_exactly_the_backward_edges_on_a_cycle_are_cut(edges: Edges) -> None:
    assert _cut(edges) == {edge for edge in edges if edge[0] >= edge[1] and _leads_back(edges, edge)}


@given(_edges)
def test_nothing_is_cut_without_a_cycle(edges: Edges) -> None:
    assert bool(_cut(edges)) == _has_cycle(edges)


@given(_edges)
def test_the_order_of_edges_decides_nothing(edges: Edges) -> None:
    assert _cut(edges) == _cut(edges, backwards=True)


def test_a_cycle_of_releases_loses_the_edge_to_the_lower_version(bench: GraphBench) -> None:
    bench.release("0.0.1")
    bench.release("0.0.2", "0.0.1", following=["0.0.1"])
    assert bench.edges() == [("0.0.1", "0.0.2")]
    assert bench.references() == ["release-cycle"]
    assert "from 0.0.2+amd64 to 0.0.1+amd64" in bench.findings[0].seen


def test_a_release_that_names_itself_loses_that_edge(bench: GraphBench) -> None:
    bench.release("0.0.1", "0.0.1")
    assert bench.edges() == []
    assert bench.references() == ["release-cycle"]


def test_an_edge_to_a_lower_version_stays_where_it_closes_no_circle(bench: GraphBench) -> None:
    bench.release("0.0.1", "0.0.2")
    bench.release("0.0.2")
    assert bench.edges() == [("0.0.2", "0.0.1")]
    assert bench.findings == ()


def test_an_edge_that_a_label_adds_can_close_a_circle_too(bench: GraphBench) -> None:
    bench.chain("0.0.1", "0.0.2")
    bench.release("0.0.3", "0.0.2", labels={"next.add": "0.0.1"})
    assert bench.edges() == [("0.0.1", "0.0.2"), ("0.0.2", "0.0.3")]
    assert bench.references() == ["release-cycle"]
