"""What one client sees of the graph."""

import pytest

from upgraph.graph import GraphData
from upgraph.testing.answers import ARCH_KEY, PlainGraph
from upgraph.testing.sample_graphs import GraphBench, graph_data, risk

CHANNELS = {
    "stable-4.9": ["4.8.1", "4.8.2", "4.9.0"],
    "fast-4.9": ["4.8.2", "4.9.0"],
    "candidate-4.9": ["4.9.0"],
}


@pytest.fixture
def data() -> GraphData:
    return graph_data(risk("4.9.0", "8[.]2", "R"), channels=CHANNELS)


@pytest.fixture
def fleet(bench: GraphBench) -> GraphBench:
    for arch in ("amd64", "arm64", "multi"):
        bench.chain(*(f"{version}+{arch}" for version in ("4.8.1", "4.8.2", "4.9.0")))
    return bench


@pytest.mark.parametrize("arch", ["amd64", "arm64", "multi"])
def test_a_client_sees_its_architecture_without_a_word_of_it(
    fleet: GraphBench, data: GraphData, arch: str
) -> None:
    answer = fleet.answer("stable-4.9", arch, data)
    assert list(answer.nodes) == ["4.8.1", "4.8.2", "4.9.0"]
    assert answer.edges == {("4.8.1", "4.8.2"), ("4.8.1", "4.9.0")}
    assert [risk["name"] for risk in answer.conditional["4.8.2", "4.9.0"]] == ["R"]
    assert answer.nodes["4.9.0"]["payload"].endswith(f"4.9.0+{arch}")
    assert not any(ARCH_KEY in node["metadata"] for node in answer.nodes.values())


@pytest.mark.parametrize(
    ("channel", "nodes"), [("fast-4.9", ["4.8.2", "4.9.0"]), ("candidate-4.9", ["4.9.0"])]
)
def test_edges_leave_with_the_releases_of_other_channels(
    fleet: GraphBench, data: GraphData, channel: str, nodes: list[str]
) -> None:
    answer = fleet.answer(channel, "amd64", data)
    assert list(answer.nodes) == nodes
    assert answer.edges == set()
    assert set(answer.conditional) == ({("4.8.2", "4.9.0")} if len(nodes) > 1 else set())


@pytest.mark.parametrize("arch", ["arm", "64", "amd644", "AMD64", "riscv64", "", "amd64,arm64"])
def test_another_text_than_an_architecture_gives_an_empty_graph(
    fleet: GraphBench, data: GraphData, arch: str
) -> None:
    assert fleet.answer("stable-4.9", arch, data) == PlainGraph()


@pytest.mark.parametrize("channel", ["stable-4", "stable-4.99", "", "stable-4.9,fast-4.9", "Stable-4.9"])
def test_an_unknown_channel_gives_an_empty_graph(fleet: GraphBench, data: GraphData, channel: str) -> None:
    assert fleet.answer(channel, "amd64", data) == PlainGraph()


def test_abstract_versions_are_not_shown(bench: GraphBench) -> None:
    bench.release("4.9.0", "4.8.1")
    answer = bench.answer("stable-4.9", "amd64", graph_data(channels=CHANNELS))
    assert list(answer.nodes) == ["4.9.0"]
    assert answer.edges == set()


def test_another_build_part_than_the_architecture_stays(bench: GraphBench) -> None:
    bench.release("4.9.0+arm64", labels={"release.channels": "stable-4.9"})
    answer = bench.answer("stable-4.9", "amd64", graph_data(raw={"4.9.0": {ARCH_KEY: "amd64"}}))
    assert list(answer.nodes) == ["4.9.0+arm64"]


def test_a_release_of_no_channel_is_shown_to_nobody(bench: GraphBench) -> None:
    bench.release("4.9.0")
    graph = bench.built().graph
    assert (graph.channels, graph.arches, graph.members("", "amd64")) == ((), ("amd64",), ())
