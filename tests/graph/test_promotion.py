"""Only updates into promoted versions are offered; what is not promoted stays in the graph."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import DataError
from upgraph.graph import Encoder, Version, decode
from upgraph.graph.promotion import (
    MAX_LINE_FAULTS,
    MAX_PATTERNS,
    Line,
    Promotion,
    Restricted,
    read_list,
    recommended,
    restrict,
)
from upgraph.testing.answers import Edge, read_answer
from upgraph.testing.sample_graphs import GraphBench, graph_data, risk
from upgraph.testing.strategies import version_texts


def promotion(*lines: str) -> Promotion:
    """The lines as one list, which has to be good."""
    listed = read_list("\n".join(lines).encode(), "list")
    assert listed.findings == ()
    return Promotion.of(listed.lines)


@pytest.fixture
def three(bench: GraphBench) -> GraphBench:
    """Three releases; the update from the second to the last carries a risk."""
    bench.chain("4.8.1", "4.8.2", "4.9.0")
    return bench


def restricted(bench: GraphBench, *lines: str) -> Restricted:
    return restrict(bench.built(graph_data(risk("4.9.0", "8[.]2", "R"))).graph, promotion(*lines))


def edges(result: Restricted) -> tuple[list[Edge], list[Edge]]:
    """Unconditional and conditional edges as clients read them."""
    answer = read_answer(Encoder().for_builder_clients(result.graph))
    return sorted(answer.edges), sorted(answer.conditional)


def test_updates_into_what_is_not_promoted_are_not_offered_with_or_without_risks(three: GraphBench) -> None:
    result = restricted(three, "4.8.2")
    assert edges(result) == ([("4.8.1+amd64", "4.8.2+amd64")], [])
    assert result.withheld == {"amd64": 2}


def test_what_is_not_promoted_stays_in_the_graph_with_its_way_out(three: GraphBench) -> None:
    result = restricted(three, "4.9.0")
    assert [node.version.base for node in result.graph.nodes] == ["4.8.1", "4.8.2", "4.9.0"]
    assert edges(result) == ([("4.8.1+amd64", "4.9.0+amd64")], [("4.8.2+amd64", "4.9.0+amd64")])


def test_a_list_that_names_everything_changes_no_byte(three: GraphBench) -> None:
    whole = three.built(graph_data(risk("4.9.0", "8[.]2", "R"))).graph
    result = restrict(whole, promotion("*"))
    assert Encoder().for_builder_clients(result.graph) == Encoder().for_builder_clients(whole)
    assert (result.withheld, result.findings) == ({}, ())


def test_an_empty_list_offers_nothing_and_is_told(three: GraphBench) -> None:
    result = restricted(three, "# nothing yet")
    assert edges(result) == ([], [])
    assert [finding.reference for finding in result.findings] == ["promotion-empty"]


def test_lines_that_name_nothing_are_told_together_with_the_first(three: GraphBench) -> None:
    (finding,) = restricted(three, "4.9.0", "4.9.1", "5.*").findings
    assert finding.seen == "2 of 3 lines name no release that is here, first 4.9.1"
    assert (finding.reference, finding.file, finding.line) == ("promotion-unknown", "list", 2)


def test_versions_that_no_release_provides_are_not_counted(bench: GraphBench) -> None:
    bench.release("4.8.2", "4.8.1", following=("4.8.3",))
    result = restrict(bench.built().graph, promotion())
    assert (edges(result), result.withheld) == (([], []), {})


def test_a_graph_that_was_read_from_a_server_is_restricted_as_well(three: GraphBench) -> None:
    graph, _ = decode(Encoder().for_builder_clients(three.built().graph))
    assert edges(restrict(graph, promotion("4.8.2")))[0] == [("4.8.1+amd64", "4.8.2+amd64")]


NAMES = [
    pytest.param("4.18.3", "4.18.3+amd64", True, id="every architecture"),
    pytest.param("4.18.3+amd64", "4.18.3+amd64", True, id="this architecture"),
    pytest.param("4.18.3+arm64", "4.18.3+amd64", False, id="another architecture"),
    pytest.param("4.18.3+amd64", "4.18.3", False, id="an architecture nobody told"),
    pytest.param("4.18.3", "4.18.30+amd64", False, id="not the beginning of a version"),
    pytest.param("4.18.*", "4.18.30+amd64", True, id="any patch"),
    pytest.param("4.18.*", "4.1.8+amd64", False, id="another minor"),
    pytest.param("4.18.*", "4.18.0-rc.1+amd64", False, id="no pre-release unasked"),
    pytest.param("4.18.0-rc.*", "4.18.0-rc.10+amd64", True, id="pre-releases"),
    pytest.param("4.18.0-rc.*", "4.18.0+amd64", False, id="pre-releases alone"),
    pytest.param("4.18.*-*", "4.18.2-0.nightly-2026-01-02-030405+amd64", True, id="any pre-release"),
    pytest.param("4.15.0-0.okd-*", "4.15.0-0.okd-2024-03-10-010116+amd64", True, id="names of OKD"),
    pytest.param("4.*", "4.18.3+arm64", True, id="a major"),
    pytest.param("4.*+arm64", "4.18.3+amd64", False, id="a major of another architecture"),
    pytest.param("4.*.3", "4.18.3+arm64", True, id="any minor"),
    pytest.param("*", "5.0.0+amd64", True, id="all"),
    pytest.param("4.18.0-*a*b", "4.18.0-1a2a3b+amd64", True, id="pieces in their order"),
    pytest.param("4.18.0-*a*b", "4.18.0-ba+amd64", False, id="pieces in another order"),
    pytest.param("4.18.0-ab*ba", "4.18.0-aba+amd64", False, id="pieces that overlap"),
]


@pytest.mark.parametrize(("line", "version", "is_promoted"), NAMES)
def test_a_line_names_versions(line: str, version: str, *, is_promoted: bool) -> None:
    assert promotion(line).names(Version.parse(version)) is is_promoted


def test_comments_empty_lines_and_white_space_count_for_nothing() -> None:
    content = b"\xef\xbb\xbf# passed\r\n\r\n  4.18.3\t# on Monday\r\n4.18.*#all\n"
    listed = read_list(content, "list")
    assert [(line.text, line.number) for line in listed.lines] == [("4.18.3", 3), ("4.18.*", 4)]
    assert listed.findings == ()


@pytest.mark.parametrize(
    "line",
    [
        "4.18",
        "v4.18.3",
        "4.18*",
        "4.1*.3",
        "stable-4.18",
        "4.18.3 4.18.4",
        "4.18.*+*",
        "4.18.[0-9]*",
        "*.",
        "04.*",
    ],
)
def test_what_is_neither_version_nor_pattern_is_told_with_its_line(line: str) -> None:
    (finding,) = read_list(f"4.18.1\n{line}\n".encode(), "list").findings
    assert (finding.reference, finding.file, finding.line) == ("promotion-invalid", "list", 2)
    assert line in finding.seen


def test_what_is_no_text_is_told_with_its_line() -> None:
    listed = read_list(b"4.18.1\n4.18.2\n\xff\xfe\n", "list")
    assert (listed.lines, listed.findings[0].line) == ((), 3)


def test_a_file_that_is_no_list_is_not_reported_line_by_line_for_ever() -> None:
    assert len(read_list(b"nonsense\n" * 1000, "list").findings) == MAX_LINE_FAULTS


def test_too_many_patterns_are_refused() -> None:
    with pytest.raises(DataError, match="more than 1000"):
        Promotion.of(Line(f"4.{minor}.*") for minor in range(MAX_PATTERNS + 1))


def test_the_identity_of_lists_is_what_they_name() -> None:
    assert promotion("4.18.3", "4.18.*").digest == promotion("4.18.* # all", "", "4.18.3", "4.18.3").digest
    assert promotion("4.18.3").digest != promotion("4.18.4").digest


def test_what_a_graph_offers_is_a_list_that_changes_nothing(three: GraphBench) -> None:
    versions = recommended(three.built(graph_data(risk("4.9.0", "8[.]2", "R"))).graph)
    assert [version.text for version in versions] == ["4.8.2+amd64", "4.9.0+amd64"]
    assert restricted(three, *map(str, versions)).withheld == {}


@given(st.lists(version_texts(), max_size=5), version_texts())
def test_versions_are_promoted_if_and_only_if_they_are_listed(listed: list[str], asked: str) -> None:
    version = Version.parse(asked)
    bases = {line for line in listed if "+" not in line}
    assert promotion(*listed).names(version) is (asked in listed or version.base in bases)


@given(st.lists(version_texts() | st.sampled_from(["4.*", "*-rc.*", "1.2.*+amd64"]), max_size=5))
def test_a_list_says_the_same_when_it_is_written_and_read_again(lines: list[str]) -> None:
    first = promotion(*lines)
    again = read_list(first.document, "again")
    assert Promotion.of(again.lines) == first


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_told(content: bytes) -> None:
    listed = read_list(content, "list")
    Promotion.of(listed.lines).names(Version.parse("4.18.3+amd64"))
    assert all(finding.line for finding in listed.findings)
