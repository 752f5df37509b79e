"""Nothing grows faster than its input. The limits are wide: they tell linear from quadratic, not fast from slow."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from upgraph.graph import Encoder, Pattern, decode, select
from upgraph.graph.cycles import backward_edges_in_cycles
from upgraph.testing.sample_graphs import GraphBench, block, graph_data, risk


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Limit of processor time, so that a busy machine fails no test."""
    before = time.process_time()
    yield
    assert time.process_time() - before < seconds


def test_a_release_may_name_thirty_thousand_versions(bench: GraphBench) -> None:
    bench.release("5.0.0", *(f"4.{number // 1000}.{number % 1000}" for number in range(30_000)))
    with _at_most(20):
        graph = bench.built(graph_data(block("5.0.0", "4[.]1[.]"), risk("5.0.0", "4[.]2[.]", "R"))).graph
    assert len(graph.nodes) == 30_001
    assert len(list(graph.edges())) == 30_000 - 2_000
    assert len(list(graph.conditional_edges())) == 1_000


def test_a_chain_of_five_thousand_releases_is_built_and_answered(bench: GraphBench) -> None:
    for number in range(5_000):
        bench.release(f"1.0.{number + 1}", f"1.0.{number}", labels={"release.channels": "stable-1.0"})
    with _at_most(10):
        graph = bench.built().graph
        document = Encoder().for_clients(select(graph, "stable-1.0", "amd64"))
        assert len(list(decode(document)[0].edges())) == 4_999


def test_a_circle_through_a_hundred_thousand_nodes_is_cut_without_recursion() -> None:
    parents = [[(number - 1) % 100_000] for number in range(100_000)]
    with _at_most(10):
        assert backward_edges_in_cycles(parents) == [(99_999, 0)]


def test_many_rules_on_one_target_are_one_pass_over_its_edges(bench: GraphBench) -> None:
    bench.release("2.0.0", *(f"1.0.{number}" for number in range(2_000)))
    rules = [risk("2.0.0", f"[.]{number % 10}$", f"R{number}") for number in range(200)]
    with _at_most(20):
        assert len(bench.edges(graph_data(*rules))) == 2_000


def test_a_long_pattern_is_looked_through_once() -> None:
    with _at_most(10):
        assert Pattern.compile("[a-c]{1}" * 1000).differences == ()
