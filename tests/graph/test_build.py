"""How releases become nodes and edges."""

from upgraph.graph import Encoder, Version, build
from upgraph.testing.sample_graphs import GraphBench, graph_data

REF = "io.openshift.upgrades.graph.release.manifestref"
ARCH = "io.openshift.upgrades.graph.release.arch"


def test_a_release_is_a_node_with_its_metadata_digest_and_architecture(bench: GraphBench) -> None:
    bench.release("4.8.1+s390x", digest="sha256:1", metadata={"url": "https://example.com", ARCH: "lies"})
    assert bench.graph().nodes["4.8.1+s390x"] == {
        "version": "4.8.1+s390x",
        "payload": "registry.example/release@sha256:1",
        "metadata": {"url": "https://example.com", ARCH: "s390x", REF: "sha256:1"},
    }


def test_previous_and_next_become_edges_and_unknown_versions_abstract_nodes(bench: GraphBench) -> None:
    bench.release("4.8.2", "4.8.1", following=["4.8.3"])
    graph = bench.graph()
    assert sorted(map(tuple, graph.edges)) == [("4.8.1+amd64", "4.8.2+amd64"), ("4.8.2+amd64", "4.8.3+amd64")]
    assert graph.nodes["4.8.1+amd64"] == {"version": "4.8.1+amd64"}
    assert graph.nodes["4.8.3+amd64"] == {"version": "4.8.3+amd64"}


def test_edges_do_not_cross_architectures_whatever_the_release_names(bench: GraphBench) -> None:
    bench.release("4.8.1+arm64")
    bench.release("4.8.2+amd64", "4.8.1+arm64")
    assert bench.graph().edges == {("4.8.1+amd64", "4.8.2+amd64")}


def test_an_edge_that_both_releases_name_is_one(bench: GraphBench) -> None:
    bench.release("4.8.1", following=["4.8.2", "4.8.2"])
    bench.release("4.8.2", "4.8.1", "4.8.1")
    assert len(list(bench.built().graph.edges())) == 1


def test_nodes_are_sorted_by_version(bench: GraphBench) -> None:
    for version in ("4.10.0", "4.9.0", "4.9.0-rc.10", "4.9.0-rc.9", "4.9.0+arm64"):
        bench.release(version)
    names = [str(node.version) for node in bench.built().graph.nodes]
    expected = ["4.9.0-rc.9+amd64", "4.9.0-rc.10+amd64", "4.9.0+amd64", "4.9.0+arm64", "4.10.0+amd64"]
    assert names == expected


def test_no_releases_make_an_empty_graph() -> None:
    built = build([], graph_data(channels={"stable-4.9": ["4.9.0"]}, raw={"4.9.0": {"a": "b"}}))
    assert Encoder().for_builder_clients(built.graph) == b'{"nodes":[],"edges":[],"conditionalEdges":[]}'
    assert built.findings == ()


def test_a_release_that_names_the_longest_version_costs_nobody_anything(bench: GraphBench) -> None:
    longest = "4.8.1-" + "a" * 250
    bench.release("4.8.2", longest)
    assert bench.graph().edges == {(f"{longest}+amd64", "4.8.2+amd64")}
    assert Version.parse(longest).text == longest
