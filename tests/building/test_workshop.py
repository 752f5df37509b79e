"""From inputs that come and go to snapshots: only something better replaces what is good."""

from collections.abc import Callable

import pytest

from tests.building.conftest import VERSIONS, Desk, files, release
from upgraph.errors import DataError, Finding, RemoteError, Severity
from upgraph.errors.problems.graphdata import DOWNLOAD, SOURCE
from upgraph.errors.problems.oci import UNREACHABLE
from upgraph.errors.problems.service import TAGS_WITHOUT_MANIFEST
from upgraph.graph import Precedence, Release
from upgraph.service.building.shelf import Shelf
from upgraph.service.handover import Built, Current
from upgraph.service.snapshot import Coding
from upgraph.testing.answers import CHANNELS_KEY

DEAD = Finding(Severity.ERROR, UNREACHABLE, "registry.example cannot be reached")
BROKEN_RULE = "to: 4.1.2\nfrom: (\n"
BLOCK = "to: 4.1.2\nfrom: 4[.]1[.]0.*\n"


def test_the_first_snapshot_comes_when_both_inputs_are_there(desk: Desk, chain: list[Release]) -> None:
    desk.workshop.take_graph_data(files())
    assert desk.waits_for() == ("graph-not-ready", "the first scrape has not ended yet")
    desk.take_releases(*chain)
    assert [type(message) for message in desk.said[-2:]] == [Built, Current]
    assert set(desk.answer().nodes) == set(VERSIONS)


def test_the_order_of_the_inputs_does_not_matter(desk: Desk, chain: list[Release]) -> None:
    desk.take_releases(*chain)
    assert desk.waits_for() == ("graph-not-ready", "the graph data has not been read yet")
    desk.workshop.take_graph_data(files())
    assert desk.answer().edges == {("4.1.0", "4.1.1"), ("4.1.0", "4.1.2"), ("4.1.1", "4.1.2")}


def test_unchanged_inputs_make_no_snapshot(desk: Desk, chain: list[Release]) -> None:
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain, refreshed_at=1.0)
    desk.take_releases(*chain, refreshed_at=2.0)
    desk.workshop.take_graph_data(files())
    assert len(desk.snapshots) == 1
    assert desk.said[-1] == Current(refreshed_at=2.0, findings=())


@pytest.mark.parametrize("change", ["releases", "graph data"])
def test_a_changed_input_makes_a_snapshot(desk: Desk, chain: list[Release], change: str) -> None:
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain)
    if change == "releases":
        desk.take_releases(*chain[:2])
    else:
        desk.workshop.take_graph_data(files(*VERSIONS[:2]))
    assert len(desk.snapshots) == 2
    assert set(desk.answer().nodes) == {"4.1.0", "4.1.1"}


def test_refused_graph_data_keep_the_last_good_set(desk: Desk, chain: list[Release]) -> None:
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain)
    desk.workshop.take_graph_data({**files(), "version": b"2.0.0\n"})
    assert len(desk.snapshots) == 1
    assert desk.findings() == ["graph-data-version"]
    desk.take_releases(*chain[:2])
    assert set(desk.answer().nodes) == {"4.1.0", "4.1.1"}


def test_mended_graph_data_are_taken_and_their_finding_goes(desk: Desk, chain: list[Release]) -> None:
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain)
    desk.workshop.take_graph_data({**files(), "version": b"2.0.0\n"})
    desk.workshop.take_graph_data(files("4.1.0"))
    assert desk.findings() == []
    assert set(desk.answer().nodes) == {"4.1.0"}


def test_graph_data_refused_at_the_first_start_are_the_reason_to_wait(
    desk: Desk, chain: list[Release]
) -> None:
    desk.take_releases(*chain)
    desk.workshop.take_graph_data({**files(), "version": b"2.0.0\n"})
    reference, seen = desk.waits_for()
    assert reference == "graph-data-version"
    assert seen.startswith("version")
    assert desk.snapshots == []


def test_graph_data_that_cannot_be_read_keep_the_last_good_set(desk: Desk, chain: list[Release]) -> None:
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain)
    desk.workshop.graph_data_failed(DataError(SOURCE, "the directory is gone"))
    assert len(desk.snapshots) == 1
    assert desk.findings() == [SOURCE.reference]


def test_what_was_found_in_the_set_in_force_stays_while_its_source_is_away(
    desk: Desk, chain: list[Release]
) -> None:
    desk.workshop.take_graph_data(files(**{"4.1.2-broken": BROKEN_RULE}))
    desk.take_releases(*chain)
    broken = desk.findings()
    desk.workshop.graph_data_failed(RemoteError(DOWNLOAD, "the server is away"))
    assert set(desk.findings()) == {*broken, DOWNLOAD.reference}
    desk.workshop.graph_data_is_current()
    assert desk.findings() == broken


def test_a_source_that_is_away_at_the_first_start_is_the_reason_to_wait(
    desk: Desk, chain: list[Release]
) -> None:
    desk.take_releases(*chain)
    desk.workshop.graph_data_failed(RemoteError(DOWNLOAD, "the server is away"))
    assert desk.waits_for() == (DOWNLOAD.reference, "the server is away")
    desk.workshop.take_graph_data(files())
    assert desk.findings() == []


def test_a_broken_rule_withholds_the_updates_to_its_target(desk: Desk, chain: list[Release]) -> None:
    desk.workshop.take_graph_data(files(**{"4.1.2-broken": BROKEN_RULE}))
    desk.take_releases(*chain)
    assert desk.answer().edges == {("4.1.0", "4.1.1")}
    assert desk.findings()


def test_a_source_without_releases_is_the_reason_to_wait(desk: Desk) -> None:
    desk.workshop.take_graph_data(files())
    desk.take_releases()
    assert desk.waits_for()[0] == "releases-empty"
    assert desk.snapshots == []


def test_tags_that_lead_nowhere_are_the_reason_that_a_source_has_no_releases(desk: Desk) -> None:
    desk.workshop.take_graph_data(files())
    lost = Finding(Severity.WARNING, TAGS_WITHOUT_MANIFEST, "no manifest for 3 of 3 tags")
    desk.workshop.take_releases((), (lost,), refreshed_at=1.0)
    assert desk.waits_for() == ("tags-without-manifest", "no manifest for 3 of 3 tags")
    desk.workshop.take_releases((), (lost, DEAD), refreshed_at=1.0)
    assert desk.waits_for() == ("registry-unreachable", DEAD.seen)


def test_releases_that_all_vanish_never_make_an_empty_graph(desk: Desk, chain: list[Release]) -> None:
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain)
    desk.take_releases()
    assert len(desk.snapshots) == 1
    desk.workshop.take_graph_data(files(*VERSIONS[:2]))
    assert set(desk.answer().nodes) == {"4.1.0", "4.1.1"}


def test_a_dead_registry_at_the_first_start_is_the_reason_to_wait(desk: Desk) -> None:
    desk.workshop.take_graph_data(files())
    desk.workshop.take_stale_releases((), (DEAD,))
    assert desk.waits_for() == ("registry-unreachable", "registry.example cannot be reached")


def test_a_failed_scrape_changes_the_findings_and_not_the_age(desk: Desk, chain: list[Release]) -> None:
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain, refreshed_at=5.0)
    desk.workshop.take_stale_releases(tuple(chain), (DEAD,))
    last = desk.said[-1]
    assert isinstance(last, Current)
    assert last.refreshed_at == 5.0
    assert desk.findings() == ["registry-unreachable"]
    assert len(desk.snapshots) == 1


def test_of_two_rivals_the_one_that_was_offered_stays(desk: Desk, chain: list[Release]) -> None:
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain)
    payload = desk.answer().nodes["4.1.2"]["payload"]
    desk.take_releases(*chain, release("4.1.2", *VERSIONS[:2], content="another"))
    assert desk.answer().nodes["4.1.2"]["payload"] == payload
    assert desk.findings() == ["release-conflict"]


def test_of_two_new_rivals_none_is_offered(desk: Desk, chain: list[Release]) -> None:
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain, release("4.1.2", *VERSIONS[:2], content="another"))
    assert set(desk.answer().nodes) == {"4.1.0", "4.1.1"}


@pytest.mark.parametrize(
    ("precedence", "edges"),
    [(Precedence.BLOCK_WINS, 0), (Precedence.CINCINNATI, 1)],
    ids=["a block wins", "as Cincinnati"],
)
def test_what_a_block_does_to_a_conditional_edge_is_configured(
    chain: list[Release], precedence: Precedence, edges: int
) -> None:
    desk = Desk(Shelf(None), precedence)
    risk = "url: https://x.example\nname: Slow\nmessage: It is slow.\nmatchingRules: [{type: Always}]\n"
    desk.workshop.take_graph_data(files(a=BLOCK, b=BLOCK + risk))
    desk.take_releases(*chain)
    assert len(desk.answer().conditional) == edges


def test_the_graph_of_another_builder_is_served_as_it_is(desk: Desk, chain: list[Release]) -> None:
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain)
    other = Desk(Shelf(None))
    other.workshop.take_graph(_document(chain))
    other.workshop.graph_is_current(7.0)
    assert other.answer() == desk.answer()
    assert other.said[-1] == Current(refreshed_at=7.0, findings=())


def test_the_same_graph_of_another_builder_makes_no_snapshot(desk: Desk, chain: list[Release]) -> None:
    desk.workshop.take_graph(_document(chain))
    desk.workshop.take_graph(_document(chain))
    assert len(desk.snapshots) == 1


def test_an_upstream_that_fails_first_is_the_reason_to_wait(desk: Desk) -> None:
    desk.workshop.graph_failed(RemoteError(UNREACHABLE, "no route"))
    assert desk.waits_for() == ("registry-unreachable", "no route")


def test_an_upstream_that_fails_later_keeps_the_graph(desk: Desk, chain: list[Release]) -> None:
    desk.workshop.take_graph(_document(chain))
    desk.workshop.graph_is_current(7.0)
    desk.workshop.graph_failed(RemoteError(UNREACHABLE, "no route"))
    last = desk.said[-1]
    assert isinstance(last, Current)
    assert (last.refreshed_at, desk.findings()) == (7.0, ["registry-unreachable"])
    desk.workshop.graph_is_current(9.0)
    assert desk.findings() == []


@pytest.mark.parametrize("document", [b"", b"{", b"[]", b'{"nodes": 7, "edges": []}'], ids=repr)
def test_what_is_no_graph_is_refused(desk: Desk, document: bytes) -> None:
    with pytest.raises(DataError):
        desk.workshop.take_graph(document)
    assert desk.said == []


def _document(chain: list[Release]) -> bytes:
    desk = Desk(Shelf(None))
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain)
    return desk.snapshots[0].builder_graph.body(Coding.IDENTITY).tobytes()


def test_an_empty_graph_of_an_upstream_server_is_held_back(desk: Desk) -> None:
    with pytest.raises(DataError, match="no release") as caught:
        desk.workshop.take_graph(b'{"nodes":[{"version":"4.1.0+amd64"}],"edges":[]}')
    assert caught.value.reference == "releases-empty"
    assert desk.snapshots == []


def _answer_for_clusters(chain: list[Release]) -> bytes:
    desk = Desk(Shelf(None))
    desk.workshop.take_graph(_document(chain))
    return desk.snapshots[0].answer("stable-4.1", "amd64").body(Coding.IDENTITY).tobytes()


def _of_no_channel(chain: list[Release]) -> bytes:
    return _document(chain).replace(CHANNELS_KEY.encode(), b"example.com/other")


@pytest.mark.parametrize(
    ("given", "why"),
    [(_answer_for_clusters, "its architecture"), (_of_no_channel, "both an architecture and a channel")],
)
def test_a_graph_of_an_upstream_server_that_answers_no_cluster_is_held_back(
    desk: Desk, chain: list[Release], given: Callable[[list[Release]], bytes], why: str
) -> None:
    desk.workshop.take_graph(_document(chain))
    with pytest.raises(DataError, match=f"none of the 3 releases .* {why}") as caught:
        desk.workshop.take_graph(given(chain))
    desk.workshop.graph_failed(caught.value)
    assert desk.findings() == ["graph-without-answers"]
    assert (len(desk.snapshots), set(desk.answer().nodes)) == (1, set(VERSIONS))


def test_a_graph_that_answers_no_cluster_is_the_reason_to_wait_at_the_first_start(
    desk: Desk, chain: list[Release]
) -> None:
    with pytest.raises(DataError) as caught:
        desk.workshop.take_graph(_answer_for_clusters(chain))
    desk.workshop.graph_failed(caught.value)
    assert desk.waits_for() == ("graph-without-answers", caught.value.seen)


def test_sources_that_hold_nothing_any_more_are_told_and_make_nobody_younger(
    desk: Desk, chain: list[Release]
) -> None:
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain, refreshed_at=5000.0)
    desk.take_releases(refreshed_at=9000.0)
    assert desk.findings() == ["releases-empty"]
    assert isinstance(desk.said[-1], Current)
    assert desk.said[-1].refreshed_at == 5000.0
