"""The tar reader finds what Python's tarfile wrote, however the bytes come."""

import io
import tarfile
import time
from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import DataError
from upgraph.payload.tarwalk import BLOCK_BYTES, TarWalk
from upgraph.syntax.pax import MAX_HEADER_BYTES

WANTED = "release-manifests/release-metadata"
LIMIT = 64 * 1024
FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


@dataclass(frozen=True)
class Entry:
    """One member of an archive."""

    name: str
    content: bytes = b""
    kind: bytes = tarfile.REGTYPE


def _archive(*entries: Entry, form: int = tarfile.USTAR_FORMAT) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=form) as tar:
        for entry in entries:
            info = tarfile.TarInfo(entry.name)
            info.type, info.size = entry.kind, len(entry.content)
            info.linkname = "target" if entry.kind in {tarfile.SYMTYPE, tarfile.LNKTYPE} else ""
            tar.addfile(info, io.BytesIO(entry.content))
    return archive.getvalue()


def _walk(archive: bytes, step: int = 1 << 20) -> TarWalk:
    walk = TarWalk(WANTED, LIMIT)
    for start in range(0, len(archive), step):
        walk.feed(archive[start : start + step])
    return walk


_names = st.sampled_from(
    [
        WANTED,
        "release-manifests/",
        "release-manifests/image-references",
        "etc/release-metadata",
        f"etc/{WANTED}",
        f"{WANTED}/below",
        "d/" * 60 + "long",
        "x" * 140,
        "l/" * 130 + "longer",
        "ümlaut/fïle",
    ]
)
_kinds = st.sampled_from(
    [tarfile.REGTYPE] * 4 + [tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.AREGTYPE]
)


_CUT = 100


@st.composite
def _entries(draw: st.DrawFn) -> Entry:
    name = draw(_names)
    # An old archive may call a directory a file whose name ends with a slash; nobody gives it content.
    # tarfile applies that to the cut name of a long one too, so long names are of the usual kind here.
    kind = tarfile.DIRTYPE if name.endswith("/") else draw(_kinds)
    if kind == tarfile.AREGTYPE and len(name) >= _CUT:
        kind = tarfile.REGTYPE
    has_content = kind in {tarfile.REGTYPE, tarfile.AREGTYPE}
    return Entry(name, draw(st.binary(max_size=1200)) if has_content else b"", kind)


def _fits_ustar(entry: Entry) -> bool:
    return len(entry.name) < _CUT


def _oracle(archive: bytes) -> bytes | None:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            if member.name == WANTED and member.isreg():
                file = tar.extractfile(member)
                return file.read() if file else None
    return None


@given(st.lists(_entries(), max_size=6), st.sampled_from(list(FORMATS.values())), st.integers(1, 2000))
def test_the_same_file_is_found_as_by_tarfile(entries: list[Entry], form: int, step: int) -> None:
    kept = [entry for entry in entries if form != tarfile.USTAR_FORMAT or _fits_ustar(entry)]
    archive = _archive(*kept, form=form)
    assert _walk(archive, step).content == _oracle(archive)


@pytest.mark.parametrize("name", [WANTED, f"./{WANTED}"])
@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS.keys())
def test_the_file_is_found_with_and_without_a_dot_in_front(name: str, form: int) -> None:
    walk = _walk(_archive(Entry("first", b"x" * 700), Entry(name, b"found"), form=form))
    assert walk.content == b"found"
    assert walk.is_done


def test_the_file_is_complete_with_its_last_byte() -> None:
    archive = _archive(Entry(WANTED, b"0123456789"))
    walk = TarWalk(WANTED, LIMIT)
    walk.feed(archive[: BLOCK_BYTES + 9])
    assert walk.content is None
    walk.feed(archive[BLOCK_BYTES + 9 : 2 * BLOCK_BYTES])
    assert walk.content == b"0123456789"


def test_an_empty_file_is_found() -> None:
    assert _walk(_archive(Entry(WANTED))).content == b""


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_only_a_regular_file_counts(kind: bytes) -> None:
    walk = _walk(_archive(Entry(WANTED, kind=kind), Entry(WANTED, b"file")))
    assert walk.content == b"file"


def test_the_first_of_two_files_counts() -> None:
    assert _walk(_archive(Entry(WANTED, b"1"), Entry(WANTED, b"2"))).content == b"1"


def test_a_file_in_the_folder_is_a_sign_of_a_release() -> None:
    assert _walk(_archive(Entry("release-manifests/a"))).in_folder
    assert not _walk(_archive(Entry("release-manifests-of-others/a"))).in_folder


def test_the_end_of_the_archive_ends_the_search() -> None:
    archive = _archive(Entry("a"))
    assert _walk(archive).is_done
    assert _walk(archive + _archive(Entry(WANTED, b"behind"))).content is None


def test_a_size_beyond_what_octal_digits_hold_is_read() -> None:
    info = tarfile.TarInfo("big")
    info.size = 9 * 1024**3
    header = info.tobuf(tarfile.GNU_FORMAT)
    walk = TarWalk(WANTED, LIMIT)
    walk.feed(header + b"x" * 4096)
    assert not walk.is_done
    assert walk.content is None


def test_a_size_in_a_pax_header_wins_over_the_one_in_the_header() -> None:
    info = tarfile.TarInfo(WANTED)
    info.pax_headers = {"size": "3"}
    header = info.tobuf(tarfile.PAX_FORMAT)
    walk = TarWalk(WANTED, LIMIT)
    walk.feed(header + b"abc".ljust(BLOCK_BYTES, b"\0"))
    assert walk.content == b"abc"


def _header(size: bytes, name: str = WANTED, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A header with any bytes as its size, and a good checksum."""
    info = tarfile.TarInfo(name)
    info.type = kind
    block = bytearray(info.tobuf(tarfile.USTAR_FORMAT)[:BLOCK_BYTES])
    block[124:136] = size.ljust(12, b"\0")
    block[148:156] = b" " * 8
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    return bytes(block)


def _pax(records: bytes) -> bytes:
    padding = -len(records) % BLOCK_BYTES
    return _header(f"{len(records):011o}".encode(), "pax", tarfile.XHDTYPE) + records + b"\0" * padding


DAMAGED = {
    "text": b"this is no archive " * 100,
    "checksum": b"x" + _archive(Entry(WANTED, b"1"))[1:],
    "negative size": _header(b"-1000"),
    "underscore in the size": _header(b"1_0"),
    "decimal size": _header(b"99"),
    "wanted file too large": _header(f"{LIMIT + 1:011o}".encode()),
    "pax header too large": _header(f"{MAX_HEADER_BYTES + 1:011o}".encode(), "pax", tarfile.XHDTYPE),
    "long name too large": _header(f"{MAX_HEADER_BYTES + 1:011o}".encode(), "name", tarfile.GNUTYPE_LONGNAME),
    "pax record without length": _pax(b"path=x\n"),
    "pax record longer than its header": _pax(b"99 path=x\n"),
    "pax record without end": _pax(b"9 path=xy"),
    "pax record of length zero": _pax(b"0 path=x\n"),
    "pax size": _pax(b"11 size=-1\n"),
}


@pytest.mark.parametrize("archive", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_archive_is_an_error(archive: bytes) -> None:
    with pytest.raises(DataError) as caught:
        _walk(archive)
    assert caught.value.reference == "layer-unreadable"
    assert len(caught.value.seen) < 300


@given(st.binary(max_size=3000))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    walk = TarWalk(WANTED, LIMIT)
    with suppress(DataError):
        walk.feed(content)
    assert walk.content is None


def test_a_large_pax_header_of_short_records_takes_linear_time() -> None:
    before = time.process_time()
    _walk(_pax(b"5 a=\n" * (MAX_HEADER_BYTES // 5)))
    assert time.process_time() - before < 5


def test_bytes_one_at_a_time_take_linear_time() -> None:
    archive = _archive(Entry("a", b"x" * 50_000), Entry(WANTED, b"y" * 50_000))
    before = time.process_time()
    assert _walk(archive, 1).content == b"y" * 50_000
    assert time.process_time() - before < 5
