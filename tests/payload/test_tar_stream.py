"""The tar reader shows every entry as Python's tarfile wrote it, however the bytes come."""

import io
import tarfile
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.payload.tarstream import TarStream
from upgraph.syntax.tar_stream import Entry, EntryKind

FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
KINDS = {
    tarfile.REGTYPE: EntryKind.FILE,
    tarfile.LNKTYPE: EntryKind.HARD_LINK,
    tarfile.SYMTYPE: EntryKind.SYMBOLIC_LINK,
    tarfile.DIRTYPE: EntryKind.FOLDER,
    tarfile.FIFOTYPE: EntryKind.OTHER,
}


@dataclass
class Notes:
    """A visitor that keeps everything."""

    entries: list[Entry] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)

    def begin(self, entry: Entry) -> int | None:
        self.entries.append(entry)
        return 1 << 20

    def take(self, entry: Entry, content: bytes) -> bool:
        self.contents[entry.name] = content
        return True


def archive(*members: tarfile.TarInfo, content: bytes = b"", form: int = tarfile.PAX_FORMAT) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form) as tar:
        for member in members:
            member.size = len(content) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def walk(packed: bytes, step: int = 1 << 20) -> tuple[Notes, TarStream]:
    notes = Notes()
    stream = TarStream(notes)
    for start in range(0, len(packed), step):
        stream.feed(packed[start : start + step])
    return notes, stream


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS.keys())
@pytest.mark.parametrize("target", ["t", "target/" * 40], ids=["short", "long"])
@pytest.mark.parametrize("name", ["name", "folder/" * 40 + "name"], ids=["short", "long"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: KINDS[kind].name)
def test_an_entry_is_what_was_written(kind: bytes, name: str, target: str, form: int) -> None:
    is_link = kind in {tarfile.LNKTYPE, tarfile.SYMTYPE}
    if form == tarfile.USTAR_FORMAT and (len(name) > 255 or len(target) > 100):
        form = tarfile.GNU_FORMAT
    notes, stream = walk(archive(member(name, kind, target if is_link else ""), content=b"abc", form=form))
    [entry] = notes.entries
    assert (entry.name.rstrip("/"), entry.kind) == (name, KINDS[kind])
    assert entry.target == (target if is_link else "")
    assert notes.contents == ({name: b"abc"} if kind == tarfile.REGTYPE else {})
    assert stream.has_end_mark


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), max_size=4),
    st.integers(1, 700),
)
def test_names_come_out_as_they_were_written(names: list[str], step: int) -> None:
    links = [member("link", tarfile.SYMTYPE, name) for name in names]
    notes, _ = walk(archive(*links), step)
    assert [entry.target for entry in notes.entries] == names


def test_two_names_that_are_no_utf8_stay_two() -> None:
    notes, _ = walk(archive(member("\udcfe"), member("\udcff"), form=tarfile.GNU_FORMAT))
    assert [entry.name for entry in notes.entries] == ["\udcfe", "\udcff"]


def test_a_file_with_a_slash_at_its_end_is_a_directory() -> None:
    packed = bytearray(archive(member("folder", tarfile.DIRTYPE), form=tarfile.USTAR_FORMAT))
    packed[156:157] = b"\0"
    packed[148:156] = b" " * 8
    packed[148:156] = b"%06o\0 " % sum(packed[:512])
    notes, _ = walk(bytes(packed))
    assert notes.entries[0].kind is EntryKind.FOLDER


def test_a_sparse_file_is_no_file_that_can_be_read() -> None:
    info = member("sparse")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    notes, _ = walk(archive(info, content=b"1\n0\n1\n"))
    assert [entry.kind for entry in notes.entries] == [EntryKind.OTHER]
    assert notes.contents == {}


def test_what_a_header_says_counts_for_one_entry() -> None:
    notes, _ = walk(archive(member("x" * 300), member("short")))
    assert [entry.name for entry in notes.entries] == ["x" * 300, "short"]


@pytest.mark.parametrize("kept", [0, 511, 512, 1024, 1535, 1536])
def test_an_archive_that_was_cut_off_has_no_mark_of_its_end(kept: int) -> None:
    whole = archive(member("a"), content=b"x" * 600)
    assert walk(whole)[1].has_end_mark
    assert not walk(whole[:kept])[1].has_end_mark
