"""The files of a release are unpacked all or not at all, and over nothing that nobody asked to replace."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from upgraph.errors import UserError
from upgraph.payload import PayloadFile, unpack, unpack_over

FILES: Mapping[str, PayloadFile] = {
    "a.yaml": PayloadFile(b"a", 1000),
    "below/b.yaml": PayloadFile(b"b", 2000),
}
CLASH: Mapping[str, PayloadFile] = {"a": PayloadFile(b"a"), "a/b": PayloadFile(b"b")}


def _found(place: Path) -> dict[str, bytes]:
    files = (path for path in place.rglob("*") if path.is_file())
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("is_there", [False, True], ids=["new", "empty"])
def test_all_files_are_written_with_their_times(tmp_path: Path, *, is_there: bool) -> None:
    target = tmp_path / "above" / "out"
    if is_there:
        target.mkdir(parents=True)
    unpack(FILES, target)
    assert _found(target) == {"a.yaml": b"a", "below/b.yaml": b"b"}
    assert (target / "below/b.yaml").stat().st_mtime == 2000
    assert [path.name for path in target.parent.iterdir()] == ["out"]


def test_nothing_is_written_over_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"m")
    with pytest.raises(UserError, match="not an empty directory"):
        unpack(FILES, tmp_path)
    assert _found(tmp_path) == {"mine": b"m"}


def test_a_link_is_no_place_to_unpack_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(UserError, match="not an empty directory"):
        unpack(FILES, tmp_path / "link")


def test_files_of_the_same_name_are_replaced_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"m")
    (tmp_path / "a.yaml").write_bytes(b"old")
    unpack_over(FILES, tmp_path)
    assert _found(tmp_path) == {"a.yaml": b"a", "below/b.yaml": b"b", "mine": b"m"}


def test_a_link_that_is_there_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"o")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.yaml").symlink_to("../outside")
    unpack_over(FILES, tmp_path / "in")
    assert (tmp_path / "outside").read_bytes() == b"o"
    assert (tmp_path / "in" / "a.yaml").read_bytes() == b"a"


def test_a_directory_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "below").symlink_to("../outside")
    with pytest.raises(UserError, match="is a symbolic link"):
        unpack_over(FILES, tmp_path / "in")
    assert _found(tmp_path / "outside") == {}


@pytest.mark.parametrize("write", [unpack, unpack_over])
def test_what_cannot_be_written_whole_leaves_nothing(
    tmp_path: Path, write: Callable[[Mapping[str, PayloadFile], Path], None]
) -> None:
    with pytest.raises(UserError) as caught:
        write(CLASH, tmp_path / "out")
    assert caught.value.reference == "extract-target-unwritable"
    assert _found(tmp_path) == {}
