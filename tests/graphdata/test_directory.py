"""A directory as a source."""

import os
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

import pytest

from upgraph.errors import DataError
from upgraph.graphdata import Files, load
from upgraph.graphdata import files as limits
from upgraph.graphdata.directory import READ_SECONDS, DirectorySource
from upgraph.graphdata.steady import ATTEMPTS

Make = Callable[[Mapping[str, bytes | None]], Files]
Fill = Callable[[Path, Files], Path]

RULE = "blocked-edges/4.18.2.yaml"


@pytest.fixture
def place(tmp_path: Path, a_set: Make, fill: Fill) -> Path:
    """A directory with a valid set."""
    return fill(tmp_path / "data", a_set({}))


def publish(volume: Path, fill: Fill, files: Files, name: str) -> None:
    """As the kubelet does: a new directory, then one rename of the link that all files go through."""
    fill(volume / name, files)
    for top in sorted({path.partition("/")[0] for path in files}):
        if not (volume / top).is_symlink():
            (volume / top).symlink_to(f"..data/{top}")
    (volume / "..data_tmp").symlink_to(name)
    (volume / "..data_tmp").rename(volume / "..data")


def test_a_config_map_volume_is_read_and_its_swap_noticed(tmp_path: Path, a_set: Make, fill: Fill) -> None:
    source = DirectorySource(tmp_path)
    publish(tmp_path, fill, a_set({}), "..2026_1")
    before = source.fingerprint()
    assert source.read() == a_set({})
    changed = a_set({RULE: b"to: 4.18.2\nfrom: .*\n"})
    publish(tmp_path, fill, changed, "..2026_2")
    assert source.fingerprint() != before
    assert source.read() == changed


def test_a_link_to_the_directory_may_be_turned(tmp_path: Path, a_set: Make, fill: Fill) -> None:
    fill(tmp_path / "one", a_set({}))
    fill(tmp_path / "two", a_set({"LICENSE": b"x"}))
    (tmp_path / "current").symlink_to("one")
    source = DirectorySource(tmp_path / "current")
    before = source.fingerprint()
    assert source.read() == a_set({})
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").rename(tmp_path / "current")
    assert source.fingerprint() != before
    assert source.read() == a_set({"LICENSE": b"x"})


def test_a_single_directory_inside_is_the_set(tmp_path: Path, a_set: Make, fill: Fill) -> None:
    fill(tmp_path / "cincinnati-graph-data-731d042", a_set({}))
    assert DirectorySource(tmp_path).read() == a_set({})


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def circle(path: Path) -> None:
    path.symlink_to(path.name)


def outside(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def upwards(path: Path) -> None:
    (path.parent.parent.parent / "secret").write_text("to: 4.18.2\nfrom: none\n")
    path.symlink_to("../../secret")


def pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [dangling, circle, outside, upwards, pipe])
def test_a_rule_that_cannot_be_read_withholds_its_target(place: Path, make: Callable[[Path], None]) -> None:
    (place / RULE).unlink()
    make(place / RULE)
    loaded = load(DirectorySource(place).read())
    assert loaded.data is not None
    assert [(block.to.text, block.source.text) for block in loaded.data.blocks] == [("4.18.2", ".*")]
    assert [(f.reference, f.file) for f in loaded.findings] == [("graph-data-unreadable", RULE)]


@pytest.mark.parametrize("make", [dangling, circle, outside, upwards, pipe])
def test_a_channel_that_cannot_be_read_refuses_the_set(place: Path, make: Callable[[Path], None]) -> None:
    make(place / "channels" / "fast-4.18.yaml")
    with pytest.raises(DataError, match=r"channels/fast-4\.18\.yaml cannot be read"):
        DirectorySource(place).read()


@pytest.mark.parametrize("make", [dangling, circle, pipe], ids=lambda make: make.__name__)
def test_a_directory_that_cannot_be_listed_is_not_an_empty_one(
    tmp_path: Path, a_set: Make, fill: Fill, make: Callable[[Path], None]
) -> None:
    fill(tmp_path, a_set({RULE: None}))
    make(tmp_path / "blocked-edges")
    with pytest.raises(DataError, match="the directory blocked-edges cannot be listed"):
        DirectorySource(tmp_path).read()


@pytest.mark.parametrize("name", ["other", "data-of-another"])
def test_a_link_to_a_directory_outside_shows_nothing_of_it(
    tmp_path: Path, a_set: Make, fill: Fill, name: str
) -> None:
    fill(tmp_path / name, {"blocked-edges/4.18.1.yaml": b"to: 4.18.1\nfrom: secret\n"})
    place = fill(tmp_path / "data", a_set({RULE: None}))
    (place / "blocked-edges").symlink_to(f"../{name}/blocked-edges")
    files = DirectorySource(place).read()
    assert b"leads out" in files["blocked-edges/4.18.1.yaml"]
    assert b"secret" not in files["blocked-edges/4.18.1.yaml"]


def test_a_link_to_the_directory_itself_is_no_file(place: Path, a_set: Make) -> None:
    (place / "channels" / "archive.yaml").symlink_to("..")
    assert DirectorySource(place).read() == a_set({})


def test_a_share_that_gives_little_at_a_time_is_read_to_its_end(
    place: Path, a_set: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.read
    monkeypatch.setattr(os, "read", lambda handle, size: whole(handle, min(size, 7)))
    assert DirectorySource(place).read() == a_set({})


def test_a_file_that_grows_for_ever_is_not_followed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "read", lambda _, size: b"#" * min(size, 7))
    files = DirectorySource(place).read()
    assert {path: len(content) for path, content in files.items()} == {
        path: (place / path).stat().st_size + 1 for path in files
    }


def test_a_directory_in_the_place_of_a_file_is_passed_over(place: Path, a_set: Make) -> None:
    (place / "channels" / "archive.yaml").mkdir()
    assert DirectorySource(place).read() == a_set({})


@pytest.mark.parametrize(
    ("limit", "value"), [("MAX_FILE_BYTES", 30), ("MAX_FILES", 3), ("MAX_TOTAL_BYTES", 60)], ids=str
)
def test_a_directory_beyond_a_limit_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(limits, limit, value)
    with pytest.raises(DataError, match=f"{value}") as caught:
        DirectorySource(place).read()
    assert caught.value.reference == "graph-data-too-large"


def test_a_file_too_large_for_the_limit_is_never_read(place: Path) -> None:
    with (place / "LICENSE").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DataError, match="LICENSE has 1099511627776 bytes"):
        DirectorySource(place).read()


class Disturber:
    """A clock that a reading asks again and again, used to write into the directory meanwhile."""

    def __init__(self, path: Path, times: int) -> None:
        self.path = path
        self.left = times
        self.pauses: list[float] = []

    def clock(self) -> float:
        if self.left:
            self.left -= 1
            with self.path.open("ab") as file:
                file.write(b"#")
        return 0.0


def test_a_set_that_changes_while_it_is_read_is_read_again(place: Path) -> None:
    disturber = Disturber(place / "LICENSE", 3)
    source = DirectorySource(place, pause=disturber.pauses.append, clock=disturber.clock)
    assert source.read()["LICENSE"] == b"###"
    assert len(disturber.pauses) == 1


def test_a_set_that_never_rests_is_an_error(place: Path) -> None:
    disturber = Disturber(place / "LICENSE", 10_000)
    source = DirectorySource(place, pause=disturber.pauses.append, clock=disturber.clock)
    with pytest.raises(DataError, match="keeps changing"):
        source.read()
    assert len(disturber.pauses) == ATTEMPTS - 1


def test_a_disk_that_is_too_slow_is_an_error(place: Path) -> None:
    seconds = count(0, READ_SECONDS / 2)
    with pytest.raises(DataError, match="within 60 s"):
        DirectorySource(place, clock=lambda: next(seconds)).read()
