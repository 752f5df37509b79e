"""Real graph data with a release image for every version that it names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from upgraph.graph import Encoder, GraphData, UpdateGraph, Version, build, select
from upgraph.testing.answers import client_violations, read_answer, violations
from upgraph.testing.cincinnati_model import PRODUCT, model_build, model_select
from upgraph.testing.plain import PlainGraphData, PlainRelease, release_of

ARCHES = ("amd64", "arm64", "s390x")
MODELLED_MINORS = {(4, 11), (4, 12)}
"""The model is slow, so it gets the minors that have the most risks."""
MODELLED_ARCHES = {"amd64", "s390x"}
ASKED = [("stable-4.12", "amd64"), ("eus-4.12", "s390x"), ("candidate-4.12", "s390x"), ("fast-4.11", "amd64")]


@dataclass(frozen=True)
class Sample:
    """Releases with graph data, once as plain values and once as values of the product."""

    releases: Sequence[PlainRelease]
    data: GraphData
    plain: PlainGraphData

    def graph(self) -> UpdateGraph:
        return build(map(release_of, self.releases), self.data).graph

    def modelled(self) -> "Sample":
        """The part that the model is fast enough for."""
        releases = [
            release
            for release in self.releases
            if (version := Version.parse(release["version"])).minor in MODELLED_MINORS
            and version.build in MODELLED_ARCHES
        ]
        return Sample(releases, self.data, self.plain)


@pytest.fixture(scope="module")
def sample(
    real_data: Path,
    generate: Callable[[Path, tuple[str, ...]], list[PlainRelease]],
    read_ours: Callable[[Path], GraphData],
    read_plain: Callable[[Path], PlainGraphData],
) -> Sample:
    folder = real_data / "graph-data"
    return Sample(generate(folder, ARCHES), read_ours(folder), read_plain(folder))


@pytest.fixture(scope="module")
def graph(sample: Sample) -> UpdateGraph:
    return sample.graph()


def test_every_version_of_the_channels_is_in_the_graph(sample: Sample, graph: UpdateGraph) -> None:
    assert len(graph.nodes) == len(sample.releases) > 4_000
    assert {channel["name"] for channel in sample.plain["channels"]} == set(graph.channels)


def test_the_whole_graph_keeps_every_guarantee_of_the_protocol(graph: UpdateGraph) -> None:
    assert violations(Encoder().for_builder_clients(graph)) == []


@pytest.mark.parametrize("arch", ARCHES)
def test_the_answer_for_every_channel_keeps_every_guarantee_of_the_protocol(
    graph: UpdateGraph, arch: str
) -> None:
    encoder = Encoder()
    for channel in graph.channels:
        answer = encoder.for_clients(select(graph, channel, arch))
        assert client_violations(answer, channel, arch) == [], channel


def test_the_graph_and_the_answers_are_those_of_the_model(sample: Sample) -> None:
    part = sample.modelled()
    graph = part.graph()
    model = model_build(part.releases, part.plain, PRODUCT)
    assert read_answer(Encoder().for_builder_clients(graph)) == model
    for channel, arch in ASKED:
        answer = read_answer(Encoder().for_clients(select(graph, channel, arch)))
        assert answer == model_select(model, channel, arch, PRODUCT), (channel, arch)
        assert all((answer.nodes, answer.edges, answer.conditional)), (channel, arch)


def test_the_metadata_of_a_release_pass_through_unchanged(graph: UpdateGraph) -> None:
    nodes = select(graph, "stable-4.18", "amd64").nodes
    assert all(node.metadata["url"] == f"https://example.com/errata/{node.version}" for node in nodes)
