"""Manifests are taken from a directory as clusters would read them, and what is left out is told."""

import os
from pathlib import Path

import pytest

from upgraph.errors import DataError, UserError
from upgraph.payload import PayloadFile, directory, read_directory


@pytest.fixture
def place(tmp_path: Path) -> Path:
    made = tmp_path / "manifests"
    made.mkdir()
    (made / "b.yaml").write_bytes(b"b")
    (made / "a.json").write_bytes(b"a")
    for name, time in (("a.json", 100), ("b.yaml", 300)):
        os.utime(made / name, (time, time))
    return made


def test_files_come_by_name_with_their_times(place: Path) -> None:
    found = read_directory(place)
    assert list(found.files.items()) == [
        ("a.json", PayloadFile(b"a", 100)),
        ("b.yaml", PayloadFile(b"b", 300)),
    ]
    assert found.findings == ()


def test_later_times_count_as_the_latest_that_is_allowed(place: Path) -> None:
    assert [file.modified for file in read_directory(place, latest=200).files.values()] == [100, 200]


def test_what_clusters_would_not_read_is_left_out_and_told(place: Path) -> None:
    (place / "notes.txt").touch()
    (place / "below.yaml").mkdir()
    found = read_directory(place)
    assert list(found.files) == ["a.json", "b.yaml"]
    assert [finding.file for finding in found.findings] == ["below.yaml", "notes.txt"]


def test_what_was_unpacked_from_a_release_can_be_the_directory(place: Path) -> None:
    (place / "image-references").touch()
    (place / "release-metadata").touch()
    assert (list(read_directory(place).files), read_directory(place).findings) == (["a.json", "b.yaml"], ())


def test_links_as_a_cluster_mounts_them_are_followed(place: Path) -> None:
    (place / "..data").mkdir()
    (place / "..data" / "c.yaml").write_bytes(b"c")
    (place / "c.yaml").symlink_to("..data/c.yaml")
    assert read_directory(place).files["c.yaml"].content == b"c"


def test_a_link_that_leads_out_is_refused(place: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"s")
    (place / "c.yaml").symlink_to("../secret")
    with pytest.raises(DataError, match="leads out of the directory"):
        read_directory(place)


def test_a_pipe_does_not_hold_it_up(place: Path) -> None:
    os.mkfifo(place / "c.yaml")
    with pytest.raises(DataError, match="no regular file"):
        read_directory(place)


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        read_directory(tmp_path / "nowhere")


@pytest.mark.parametrize("limit", ["MAX_FILE_BYTES", "MAX_FILES", "MAX_TOTAL_BYTES"])
def test_more_than_a_release_may_have_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(directory, limit, 0)
    with pytest.raises(UserError) as caught:
        read_directory(place)
    assert caught.value.reference == "release-manifests-unreadable"
