"""Which releases enter the graph when two claim one place."""

import itertools

import pytest

from upgraph.testing.sample_graphs import GraphBench

SHARD = {"release.openshift.io/architecture": "multi"}


@pytest.fixture
def rivals(bench: GraphBench) -> GraphBench:
    bench.chain("4.8.0", "4.8.1")
    bench.release("4.8.1", digest="sha256:rival")
    return bench


def test_two_images_of_one_version_are_both_left_out(rivals: GraphBench) -> None:
    assert list(rivals.graph().nodes) == ["4.8.0+amd64"]
    assert rivals.references() == ["release-conflict"]
    seen = rivals.findings[0].seen
    assert all(word in seen for word in ("4.8.1+amd64", "sha256:rival", "sha256:4.8.1+amd64"))


@pytest.mark.parametrize("digest", ["sha256:rival", "sha256:4.8.1+amd64"])
def test_the_image_that_was_offered_before_stays(rivals: GraphBench, digest: str) -> None:
    nodes = rivals.graph(served={"4.8.1+amd64": digest}).nodes
    assert nodes["4.8.1+amd64"]["payload"].endswith(f"@{digest}")
    assert rivals.references() == ["release-conflict"]


def test_an_image_that_was_offered_but_is_gone_decides_nothing(rivals: GraphBench) -> None:
    assert list(rivals.graph(served={"4.8.1+amd64": "sha256:gone"}).nodes) == ["4.8.0+amd64"]


def test_what_was_offered_does_not_keep_out_the_only_image(bench: GraphBench) -> None:
    bench.release("4.8.1")
    assert list(bench.graph(served={"4.8.1+amd64": "sha256:gone"}).nodes) == ["4.8.1+amd64"]
    assert bench.findings == ()


def test_one_image_under_two_tags_is_one_release(bench: GraphBench) -> None:
    bench.release("4.8.1")
    bench.release("4.8.1")
    assert len(bench.graph().nodes) == 1
    assert bench.findings == ()


def test_the_same_version_for_two_architectures_is_no_conflict(bench: GraphBench) -> None:
    bench.release("4.8.1+amd64")
    bench.release("4.8.1+arm64")
    assert len(bench.graph().nodes) == 2


def test_a_shard_of_a_multi_architecture_release_is_not_offered_and_claims_nothing(bench: GraphBench) -> None:
    bench.release("4.11.0+multi", digest="sha256:multi", metadata=SHARD)
    bench.release("4.11.0+amd64", digest="sha256:shard", metadata=SHARD)
    bench.release("4.11.0+amd64")
    assert sorted(bench.graph().nodes) == ["4.11.0+amd64", "4.11.0+multi"]
    assert bench.findings == ()


def test_edges_of_rivals_are_left_out_with_them_and_those_into_them_lead_to_an_abstract_version(
    rivals: GraphBench,
) -> None:
    rivals.release("4.8.2", "4.8.1")
    graph = rivals.graph()
    assert graph.edges == {("4.8.1+amd64", "4.8.2+amd64")}
    assert graph.nodes["4.8.1+amd64"] == {"version": "4.8.1+amd64"}


def test_the_order_of_releases_decides_nothing(rivals: GraphBench) -> None:
    graphs = []
    for order in itertools.permutations(rivals.releases):
        rivals.releases = list(order)
        graphs.append((rivals.graph(), rivals.findings))
    assert all(graph == graphs[0] for graph in graphs)


def test_two_readings_of_one_digest_are_one_release_whatever_their_order(bench: GraphBench) -> None:
    bench.release("4.8.1", "4.8.0", metadata={"url": "a"})
    bench.release("4.8.1", "4.7.0", metadata={"url": "b"})
    graph = bench.graph()
    bench.releases.reverse()
    assert bench.graph() == graph
    assert bench.findings == ()
