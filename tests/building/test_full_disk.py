"""A state directory that cannot be written, now or ever: answers come before keeping."""

from pathlib import Path
from typing import BinaryIO

import pytest

from tests.building.conftest import VERSIONS, Desk, files
from upgraph.errors import UserError
from upgraph.graph import Release
from upgraph.service.building.shelf import Shelf, check_directory, claim, last_snapshot
from upgraph.service.snapshot import Coding
from upgraph.testing.answers import read_answer


class _FullDisk(Shelf):
    """A shelf on a disk without any room left."""

    def new(self) -> BinaryIO:
        super().new().close()
        return Path("/dev/full").open("r+b")


def test_a_full_disk_is_no_reason_not_to_serve(
    tmp_path: Path, chain: list[Release], caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(_FullDisk(tmp_path))
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain)
    assert set(desk.answer().nodes) == set(VERSIONS)
    assert "No space left on device" in caplog.text


def test_what_could_not_be_written_takes_no_room(tmp_path: Path, chain: list[Release]) -> None:
    desk = Desk(_FullDisk(tmp_path))
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_became_a_file_is_no_reason_not_to_serve(
    tmp_path: Path, chain: list[Release]
) -> None:
    (tmp_path / "state").write_text("")
    desk = Desk(Shelf(tmp_path / "state"))
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain)
    assert set(desk.answer().nodes) == set(VERSIONS)


def test_the_next_snapshot_is_kept_when_there_is_room_again(tmp_path: Path, chain: list[Release]) -> None:
    desk = Desk(Shelf(tmp_path))
    (tmp_path / ".snapshot.unfinished").mkdir()
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain)
    (tmp_path / ".snapshot.unfinished").rmdir()
    desk.take_releases(*chain[:2], refreshed_at=7000.0)
    found = last_snapshot(tmp_path)
    assert found is not None
    assert found[0].facts.digest == desk.snapshots[-1].facts.digest
    assert found[1] == 7000.0


def test_a_directory_is_made_where_there_is_none(tmp_path: Path) -> None:
    check_directory(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


@pytest.mark.parametrize("place", ["file", "below a file"])
def test_a_directory_that_cannot_be_used_is_an_error_of_the_user(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    wanted = tmp_path / "file" if place == "file" else tmp_path / "file" / "state"
    with pytest.raises(UserError, match=f"--state-dir {wanted}: ") as caught:
        check_directory(wanted)
    assert caught.value.reference == "state-unwritable"


def test_without_a_directory_all_is_kept_in_memory(desk: Desk, chain: list[Release]) -> None:
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain)
    assert set(desk.answer().nodes) == set(VERSIONS)
    assert Shelf(None).library is None


def test_a_snapshot_that_could_not_be_kept_is_never_written_over(
    tmp_path: Path, chain: list[Release], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "snapshot").mkdir()
    desk = Desk(Shelf(tmp_path))
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain)
    served = desk.snapshots[-1]
    desk.take_releases(*chain[:2])
    # The bodies were not looked at before: they are read from the mapped file only now.
    assert set(
        read_answer(served.answer("stable-4.1", "amd64").body(Coding.IDENTITY).tobytes()).nodes
    ) == set(VERSIONS)
    assert "cannot be written" in caplog.text


def test_only_one_service_at_a_time_has_a_state_directory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert claim(tmp_path) == tmp_path
    assert claim(tmp_path) is None
    assert "another service" in caplog.text


def test_what_a_dead_service_left_unfinished_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".snapshot.unfinished").write_bytes(b"half")
    claim(tmp_path)
    assert not (tmp_path / ".snapshot.unfinished").exists()
