"""Graph data into a directory: the old set or the new one, and nothing of anybody else is lost."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from upgraph.errors import UserError
from upgraph.graphdata import Files, write_directory, writing
from upgraph.graphdata.directory import DirectorySource

Make = Callable[[Mapping[str, bytes | None]], Files]


def test_what_is_written_is_read_back(a_set: Make, tmp_path: Path) -> None:
    write_directory(a_set({}), tmp_path / "new")
    assert DirectorySource(tmp_path / "new").read() == a_set({})


@pytest.mark.parametrize("can_exchange", [True, False], ids=["in one step", "in two steps"])
def test_a_set_is_replaced_whole(
    a_set: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    can_exchange: bool,  # noqa: FBT001
) -> None:
    if not can_exchange:
        monkeypatch.setattr(writing, "_RENAME_EXCHANGE", 1 << 20)
    place = tmp_path / "set"
    write_directory(a_set({"channels/old.yaml": b"name: old\nversions: []\n"}), place)
    write_directory(a_set({}), place)
    assert DirectorySource(place).read() == a_set({})
    assert [child.name for child in tmp_path.iterdir()] == ["set"]


def test_a_link_leads_to_what_is_replaced(a_set: Make, tmp_path: Path) -> None:
    write_directory(a_set({}), tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    write_directory(a_set({"LICENSE": b"l"}), tmp_path / "link")
    assert (tmp_path / "real" / "LICENSE").read_bytes() == b"l"
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("foreign", [".git/HEAD", "notes.txt", "raw/other.json", "channels/deep/a.yaml"])
def test_a_directory_with_other_things_is_left_alone(a_set: Make, tmp_path: Path, foreign: str) -> None:
    write_directory(a_set({}), tmp_path / "set")
    mine = tmp_path / "set" / foreign
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    with pytest.raises(UserError, match="also holds"):
        write_directory(a_set({"LICENSE": b"l"}), tmp_path / "set")
    assert mine.read_text() == "mine"
    assert not (tmp_path / "set" / "LICENSE").exists()


def test_a_file_in_the_place_is_left_alone(a_set: Make, tmp_path: Path) -> None:
    (tmp_path / "set").write_text("mine")
    with pytest.raises(UserError, match="is a file"):
        write_directory(a_set({}), tmp_path / "set")
    assert (tmp_path / "set").read_text() == "mine"


def test_what_cannot_be_written_leaves_nothing(a_set: Make, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written: No such file"):
        write_directory(a_set({}), tmp_path / "missing" / "set")
    assert list(tmp_path.iterdir()) == []
