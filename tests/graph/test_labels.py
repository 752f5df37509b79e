"""What the labels of releases and raw metadata do to edges and channels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.graph.labels import CHANNELS, channels_sorted
from upgraph.testing.answers import Edge
from upgraph.testing.sample_graphs import GraphBench, graph_data

AB, AC, BC = ("1.0.0", "1.0.1"), ("1.0.0", "1.0.2"), ("1.0.1", "1.0.2")

LABELS = [
    pytest.param("1.0.2", {"previous.add": "1.0.0"}, [AB, AC], id="previous.add"),
    pytest.param("1.0.0", {"next.add": "1.0.2"}, [AB, AC], id="next.add"),
    pytest.param("1.0.2", {"previous.add": " 1.0.0 ,, 1.0.1,"}, [AB, AC, BC], id="list with spaces"),
    pytest.param("1.0.1", {"previous.add": "1.0.0"}, [AB], id="existing edge"),
    pytest.param("1.0.2", {"previous.add": "1.0.0+arm64"}, [AB, AC], id="architecture replaced"),
    pytest.param("1.0.1", {"previous.remove": "1.0.0"}, [], id="previous.remove"),
    pytest.param("1.0.1", {"previous.remove": "*"}, [], id="previous.remove all"),
    pytest.param("1.0.1", {"previous.remove": " * "}, [], id="previous.remove all with spaces"),
    pytest.param("1.0.1", {"previous.remove": "1.0.2, 9.9.9"}, [AB], id="previous.remove of nothing"),
    pytest.param("1.0.0", {"next.remove": "1.0.1"}, [], id="next.remove"),
    pytest.param("1.0.2", {"previous.add": "1.0.0", "previous.remove": "1.0.0"}, [AB], id="remove beats add"),
    pytest.param("1.0.2", {"previous.add": "1.0.0", "previous.remove": "*"}, [AB], id="remove all beats add"),
    pytest.param(
        "1.0.0", {"next.add": "1.0.2", "next.remove": "1.0.2"}, [AB], id="next.remove beats next.add"
    ),
]


def _labelled(bench: GraphBench, version: str, labels: dict[str, str]) -> GraphBench:
    for name, previous in (("1.0.0", ()), ("1.0.1", ("1.0.0",)), ("1.0.2", ())):
        bench.release(name, *previous, labels=labels if name == version else {})
    return bench


@pytest.mark.parametrize(("version", "labels", "expected"), LABELS)
def test_a_label_of_a_release_changes_edges(
    bench: GraphBench, version: str, labels: dict[str, str], expected: list[Edge]
) -> None:
    assert _labelled(bench, version, labels).edges() == expected
    assert bench.findings == ()


@pytest.mark.parametrize(("version", "labels", "expected"), LABELS)
def test_a_label_in_raw_metadata_does_the_same(
    bench: GraphBench, version: str, labels: dict[str, str], expected: list[Edge]
) -> None:
    prefixed = {f"io.openshift.upgrades.graph.{key}": value for key, value in labels.items()}
    assert _labelled(bench, "", {}).edges(graph_data(raw={version: prefixed})) == expected


FAULTS = [
    pytest.param({"previous.add": "1.0.0, x"}, "label-invalid", [AB, AC], id="no version"),
    pytest.param({"previous.add": "*"}, "label-invalid", [AB], id="nothing adds all"),
    pytest.param({"previous.add": "9.9.9,1.0.0"}, "label-unknown", [AB, AC], id="unknown version"),
]


@pytest.mark.parametrize(("labels", "reference", "expected"), FAULTS)
def test_a_bad_item_of_a_label_is_found_and_the_others_hold(
    bench: GraphBench, labels: dict[str, str], reference: str, expected: list[Edge]
) -> None:
    assert _labelled(bench, "1.0.2", labels).edges() == expected
    assert bench.references() == [reference]
    assert "1.0.2+amd64" in bench.findings[0].seen


@pytest.mark.parametrize(
    ("version", "labels", "expected"),
    [
        pytest.param("1.0.1", {"previous.remove": "1.0.9,x"}, [], id="into it"),
        pytest.param("1.0.1", {"previous.remove": "1.0.9,*"}, [], id="into it, all as an item"),
        pytest.param("1.0.0", {"next.remove": "*"}, [], id="out of it"),
        pytest.param("1.0.2", {"next.remove": "x"}, [AB], id="only its own"),
    ],
)
def test_a_label_that_removes_and_cannot_be_read_removes_all_it_could(
    bench: GraphBench, version: str, labels: dict[str, str], expected: list[Edge]
) -> None:
    assert _labelled(bench, version, labels).edges() == expected
    assert bench.references() == ["label-invalid"]
    assert "withheld" in bench.findings[0].seen


def test_raw_metadata_are_appended_to_what_the_release_says(bench: GraphBench) -> None:
    bench.release("1.0.0", metadata={"note": "a"})
    bench.release("1.0.0+arm64")
    nodes = bench.graph(graph_data(raw={"1.0.0": {"note": "b"}})).nodes
    assert [nodes[name]["metadata"]["note"] for name in sorted(nodes)] == ["a,b", "b"]


def test_a_release_joins_the_channels_that_list_its_version(bench: GraphBench) -> None:
    bench.chain("4.9.0", "4.9.0-rc.1")
    bench.release("4.9.0+arm64")
    data = graph_data(
        channels={
            "stable-4.9": ["4.9.0"],
            "fast-4.9": ["4.9.0+arm64"],
            "other-4.9": ["4.9.0-rc.2", "4.9" + ".1"],
        }
    )
    nodes = bench.graph(data).nodes
    joined = {name: node["metadata"].get(CHANNELS) for name, node in nodes.items()}
    assert joined == {
        "4.9.0+amd64": "stable-4.9",
        "4.9.0+arm64": "fast-4.9,stable-4.9",
        "4.9.0-rc.1+amd64": None,
    }


def test_channels_of_the_release_itself_are_kept_and_none_stands_twice(bench: GraphBench) -> None:
    bench.release("4.9.0", labels={"release.channels": "own, stable-4.9,,stable-4.9"})
    data = graph_data(channels={"stable-4.9": ["4.9.0", "4.9.0"]})
    assert bench.label("release.channels", "4.9.0+amd64", data) == "own,stable-4.9"


def test_channels_are_sorted_by_what_follows_the_hyphen_as_text() -> None:
    names = {
        "candidate-4.9",
        "stable-4.10",
        "fast-4.10",
        "candidate-4.10",
        "stable-4.9",
        "plain",
        "eus-4.10-x",
    }
    expected = "plain,candidate-4.10,fast-4.10,stable-4.10,eus-4.10-x,candidate-4.9,stable-4.9"
    assert channels_sorted(names) == expected


@given(st.sets(st.text("ab-.1", min_size=1)))
def test_sorting_channels_loses_none(names: set[str]) -> None:
    assert sorted(channels_sorted(names).split(",")) == sorted(names or {""})
