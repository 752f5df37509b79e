"""After a restart the service knows what it knew: what was offered, its graph data, its releases, its age."""

import os
from pathlib import Path

import pytest

from tests.building.conftest import VERSIONS, Desk, files, release
from upgraph.errors import DataError, Finding, Severity
from upgraph.errors.problems.graphdata import SOURCE
from upgraph.errors.problems.oci import UNREACHABLE
from upgraph.graph import Precedence, Release
from upgraph.service.building import shelf
from upgraph.service.building.shelf import Shelf, last_snapshot
from upgraph.service.handover import Current

DEAD = Finding(Severity.ERROR, UNREACHABLE, "registry.example cannot be reached")


def _started(directory: Path, precedence: Precedence = Precedence.BLOCK_WINS) -> Desk:
    """A workshop as a builder has it after its start."""
    desk = Desk(Shelf(directory), precedence)
    desk.workshop.resume(last_snapshot(directory))
    return desk


@pytest.fixture
def before(tmp_path: Path, chain: list[Release]) -> Desk:
    """The workshop before the restart, which made one snapshot."""
    desk = _started(tmp_path)
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain, refreshed_at=5000.0)
    return desk


def test_the_last_snapshot_is_found_with_its_age(before: Desk, tmp_path: Path) -> None:
    before.take_releases(*[release(v, *VERSIONS[:at]) for at, v in enumerate(VERSIONS)], refreshed_at=6000.0)
    found = last_snapshot(tmp_path)
    assert found is not None
    assert found[1] == 6000.0
    assert found[0].facts.digest == before.snapshots[0].facts.digest


def test_the_same_inputs_give_the_same_answers_after_a_restart(
    before: Desk, tmp_path: Path, chain: list[Release]
) -> None:
    desk = _started(tmp_path)
    desk.workshop.recall_releases(tuple(chain))
    desk.workshop.take_graph_data(files())
    assert desk.snapshots[-1].facts.digest == before.snapshots[-1].facts.digest
    assert desk.said[-1] == Current(refreshed_at=5000.0, findings=())


def test_findings_of_the_graph_are_still_told_after_a_restart(tmp_path: Path, chain: list[Release]) -> None:
    rivals = [*chain, release("4.1.2", *VERSIONS[:2], content="another")]
    for _ in range(2):
        desk = _started(tmp_path)
        desk.workshop.take_graph_data(files())
        desk.take_releases(*rivals)
        assert desk.findings() == ["release-conflict"]


def test_the_longest_version_survives_a_restart(tmp_path: Path, chain: list[Release]) -> None:
    longest = "4.1.0-" + "a" * 250
    desk = _started(tmp_path)
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain, release("4.1.9", longest))
    again = _started(tmp_path)
    again.workshop.take_graph_data(files())
    again.take_releases(*chain)
    assert set(again.answer().nodes) == set(VERSIONS)


def test_an_edit_arrives_while_the_registry_is_down(
    before: Desk, tmp_path: Path, chain: list[Release]
) -> None:
    desk = _started(tmp_path)
    desk.workshop.recall_releases(tuple(chain))
    desk.workshop.take_graph_data(files(*VERSIONS[:2]))
    assert set(desk.answer().nodes) == {"4.1.0", "4.1.1"}
    desk.workshop.take_stale_releases(tuple(chain), (DEAD,))
    assert len(desk.snapshots) == 1


def test_new_releases_arrive_while_the_graph_data_is_gone(
    before: Desk, tmp_path: Path, chain: list[Release]
) -> None:
    desk = _started(tmp_path)
    desk.workshop.graph_data_failed(DataError(SOURCE, "the directory is gone"))
    desk.take_releases(*chain[:2])
    assert set(desk.answer().nodes) == {"4.1.0", "4.1.1"}
    assert desk.findings() == [SOURCE.reference]


def test_of_two_rivals_the_one_that_was_offered_before_the_restart_stays(
    before: Desk, tmp_path: Path, chain: list[Release]
) -> None:
    desk = _started(tmp_path)
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain, release("4.1.2", *VERSIONS[:2], content="another"))
    assert desk.answer().nodes["4.1.2"]["payload"] == before.answer().nodes["4.1.2"]["payload"]


def test_another_precedence_makes_a_new_snapshot(before: Desk, tmp_path: Path, chain: list[Release]) -> None:
    desk = _started(tmp_path, Precedence.CINCINNATI)
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain)
    assert len(desk.snapshots) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"UPGRAPH1", b"UPGRAPH0" + bytes(1000), b"x" * 4096],
    ids=["empty", "short", "older", "noise"],
)
def test_a_snapshot_that_cannot_be_used_is_none_and_is_replaced(
    before: Desk, tmp_path: Path, chain: list[Release], content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / shelf.SNAPSHOT).write_bytes(content)
    desk = _started(tmp_path)
    assert [getattr(record, "reference", None) for record in caplog.records] == ["snapshot-damaged"]
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain)
    assert last_snapshot(tmp_path) is not None


def test_a_cut_in_the_middle_of_writing_leaves_the_last_snapshot(before: Desk, tmp_path: Path) -> None:
    with Shelf(tmp_path).new() as unfinished:
        unfinished.write(b"half of a snapsh")
    assert last_snapshot(tmp_path) is not None


def test_without_a_directory_there_is_no_last_snapshot() -> None:
    assert last_snapshot(None) is None


def test_a_snapshot_that_cannot_be_opened_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / shelf.SNAPSHOT).mkdir()
    assert last_snapshot(tmp_path) is None
    assert "snapshot" in caplog.text


def test_an_older_snapshot_does_not_grow_young_when_a_new_one_cannot_be_kept(
    before: Desk, tmp_path: Path, chain: list[Release]
) -> None:
    os.utime(tmp_path / shelf.SNAPSHOT, (5000, 5000))
    desk = Desk(Shelf(tmp_path))
    (tmp_path / ".snapshot.unfinished").mkdir()
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain[:2], refreshed_at=9000.0)
    assert set(desk.answer().nodes) == {"4.1.0", "4.1.1"}
    assert (tmp_path / shelf.SNAPSHOT).stat().st_mtime == 5000
