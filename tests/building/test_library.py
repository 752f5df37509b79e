"""The memory of images: what goes in comes out, and no state of its file stops a scrape."""

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import DataError, Finding, Problem, Severity
from upgraph.errors.problems.payload import LAYER_UNREADABLE, METADATA_MISSING
from upgraph.graph import Version
from upgraph.oci import Digest, digest_of
from upgraph.payload import OtherImage, ReleaseImage, ReleaseMetadata, UnverifiedMetadata
from upgraph.payload.metadata import verified
from upgraph.service.building import library as room
from upgraph.service.building.library import Library

VERSIONS = st.builds(
    "{}.{}.{}{}".format, *[st.integers(0, 9)] * 3, st.sampled_from(["", "-rc.1", "-ec.2"])
).map(Version.parse)
METADATA = st.dictionaries(st.text(), st.text(), max_size=3)


def _digest(number: int) -> Digest:
    return digest_of(str(number).encode())


def _release(number: int, version: str = "4.1.0") -> ReleaseImage:
    document = ReleaseMetadata(
        Version.parse(version), (Version.parse("4.0.9"),), (), {"url": "https://x.example"}
    )
    return ReleaseImage(_digest(number), "amd64", UnverifiedMetadata(document))


@contextmanager
def _full_disk(size: int) -> Iterator[None]:
    """No file of this process can grow beyond ``size`` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@given(
    version=VERSIONS,
    before=st.lists(VERSIONS, max_size=3),
    after=st.lists(VERSIONS, max_size=3),
    metadata=METADATA,
    is_verified=st.booleans(),
)
def test_a_release_comes_back_as_it_was(
    *,
    version: Version,
    before: list[Version],
    after: list[Version],
    metadata: dict[str, str],
    is_verified: bool,
) -> None:
    document = ReleaseMetadata(version, tuple(before), tuple(after), metadata)
    proof = verified(document) if is_verified else UnverifiedMetadata(document)
    image = ReleaseImage(_digest(1), "arm64", proof)
    with Library.open(None) as library:
        library.remember(image)
        assert library.image(image.digest) == image


@pytest.mark.parametrize("problem", [METADATA_MISSING, LAYER_UNREADABLE], ids=["no release", "broken"])
def test_an_image_that_is_no_release_is_remembered_with_its_reason(tmp_path: Path, problem: Problem) -> None:
    image = OtherImage(_digest(1), Finding(Severity.ERROR, problem, "seen"))
    with Library.open(tmp_path / "images.db") as library:
        library.remember(image)
    with Library.open(tmp_path / "images.db") as again:
        assert again.image(image.digest) == image


def test_what_is_not_known_is_none() -> None:
    with Library.open(None) as library:
        assert library.image(_digest(1)) is None
        assert library.listing("docker://x.example/y") == {}


def test_listings_survive_a_restart(tmp_path: Path) -> None:
    with Library.open(tmp_path / "images.db") as library:
        library.end_round("a", {"t1": "d1", "t2": "d2"})
        library.end_round("b", {"t1": "d3"})
        library.end_round("a", {"t2": "d2"})
    with Library.open(tmp_path / "images.db") as again:
        assert (again.listing("a"), again.listing("b")) == ({"t2": "d2"}, {"t1": "d3"})


def test_a_file_that_is_no_database_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "images.db").write_bytes(b"never a database" * 1000)
    with Library.open(tmp_path / "images.db") as library:
        library.end_round("a", {"t": "d"})
        assert library.listing("a") == {"t": "d"}


@pytest.mark.parametrize("cut", [0, 100, 5000, 20_000], ids=str)
def test_a_file_that_was_cut_off_is_made_anew(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "images.db"
    with Library.open(path) as library:
        for number in range(500):
            library.remember(_release(number))
    path.write_bytes(path.read_bytes()[:cut])
    with Library.open(path) as again:
        again.remember(_release(1))
        assert again.image(_digest(1)) == _release(1)


def test_a_page_that_is_damaged_is_found_before_it_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "images.db"
    with Library.open(path) as library:
        for number in range(500):
            library.remember(_release(number))
    content = bytearray(path.read_bytes())
    content[8192:12288] = bytes(4096)
    path.write_bytes(content)
    with Library.open(path) as again:
        assert [again.image(_digest(number)) for number in range(500)] == [None] * 500


def test_a_file_of_another_layout_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Library.open(tmp_path / "images.db") as library:
        library.remember(_release(1))
    monkeypatch.setattr(room, "LAYOUT", room.LAYOUT + 1)
    for _ in range(2):
        with Library.open(tmp_path / "images.db") as later:
            assert later.image(_digest(1)) is None


def test_a_record_that_cannot_be_read_is_not_known(tmp_path: Path) -> None:
    with Library.open(tmp_path / "images.db"):
        pass
    with sqlite3.connect(tmp_path / "images.db") as database:
        database.execute("INSERT INTO image VALUES (?, ?, 0)", (_digest(1), b"\xc1"))
    database.close()
    with Library.open(tmp_path / "images.db") as library:
        assert library.image(_digest(1)) is None


def test_beyond_the_limit_the_images_not_met_for_longest_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "MAX_IMAGES", 3)
    with Library.open(None) as library:
        for number in range(6):
            library.remember(_release(number))
            library.end_round("a", {"t": _digest(0)})
        kept = {number for number in range(6) if library.image(_digest(number))}
    assert kept == {0, 4, 5}


def test_two_may_have_it_open(tmp_path: Path) -> None:
    with Library.open(tmp_path / "images.db") as one, Library.open(tmp_path / "images.db") as other:
        one.remember(_release(1))
        other.remember(_release(2))
        other.end_round("a", {"t": _digest(2)})
        one.end_round("a", {"t": _digest(1)})
        assert one.image(_digest(2)) == _release(2)
        assert other.listing("a") == {"t": _digest(1)}


def test_a_place_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere") as caught:
        Library.open(tmp_path / "nowhere" / "images.db")
    assert caught.value.reference == "state-unwritable"


def test_a_full_disk_at_the_start_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "images.db"
    with _full_disk(0), pytest.raises(DataError):
        Library.open(path)
    assert path.exists()


def test_a_disk_that_fills_up_moves_everything_to_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Library.open(tmp_path / "images.db") as library:
        library.remember(_release(0))
        library.end_round("a", {"t": _digest(0)})
        with _full_disk(64 * 1024):
            for number in range(1, 1000):
                library.remember(_release(number))
            library.end_round("a", {"t": _digest(999)})
        assert all(library.image(_digest(number)) for number in range(1000))
        assert library.listing("a") == {"t": _digest(999)}
    assert [getattr(record, "reference", None) for record in caplog.records] == ["state-unwritable"]


def test_what_was_kept_before_a_disk_filled_up_is_there_after_a_restart(tmp_path: Path) -> None:
    with Library.open(tmp_path / "images.db") as library:
        library.remember(_release(0))
        with _full_disk(0):
            library.remember(_release(1))
    with Library.open(tmp_path / "images.db") as again:
        assert (again.image(_digest(0)), again.image(_digest(1))) == (_release(0), None)
