"""OCI archives: what skopeo writes is read where it lies, and what could be read in two ways is refused."""

import io
import os
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import DataError, VerificationError
from upgraph.oci import OCI_LAYER_GZIP, ArchiveSource, Descriptor, ImageMissing, LayoutWriter, digest_of
from upgraph.oci.disk import archive_index
from upgraph.oci.disk.archive_index import Member, read_index
from upgraph.syntax import SyntaxFault
from upgraph.syntax.pax import MAX_HEADER_BYTES
from upgraph.testing.image_source import Collected, Sample
from upgraph.testing.real_registry import skopeo_copy

CONFIG = {"architecture": "amd64", "os": "linux"}
LAYER = digest_of(b"layer")
LAYER_FILE = f"blobs/{LAYER.replace(':', '/')}"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A layout with one image, tagged ``one``."""
    with LayoutWriter(tmp_path / "layout") as layout:
        layout.image(config=CONFIG, layers=[layout.blob(b"layer", OCI_LAYER_GZIP)], tag="one")
    return tmp_path / "layout"


def pack(layout: Path, *, form: int = tarfile.PAX_FORMAT, compression: str = "") -> Path:
    """The archive of a layout, beside it."""
    path = layout.with_name("layout.tar")
    with tarfile.open(path, f"w:{compression}", format=form) as archive:  # type: ignore[call-overload]  # the mode is no literal
        archive.add(layout, ".")
    return path


def add(path: Path, name: str, content: bytes = b"", **fields: object) -> Path:
    """Append a member."""
    with tarfile.open(path, "a") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        for key, value in fields.items():
            setattr(entry, key, value)
        archive.addfile(entry, io.BytesIO(content))
    return path


def pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


async def refusal(path: Path) -> str:
    """What is seen when the archive is refused as a whole."""
    with pytest.raises(DataError) as refused:
        await ArchiveSource(path).tags()
    assert refused.value.reference == "oci-archive"
    return refused.value.seen


async def poured(source: ArchiveSource) -> bytes:
    sink = Collected()
    await source.pour(Descriptor("x", LAYER, 5), sink)
    return bytes(sink.content)


async def test_we_read_what_skopeo_writes(layout: Path, sample: Sample, tmp_path: Path) -> None:
    archive = tmp_path / "release.tar"
    skopeo_copy(f"oci:{layout}:4.18.1-multi", f"oci-archive:{archive}:4.18.1-multi")
    source = ArchiveSource(archive)
    assert await source.tags() == ["4.18.1-multi"]
    assert await source.resolve("4.18.1-multi") == sample.digests["4.18.1-multi"]
    sink = Collected()
    await source.pour(sample.large, sink)
    assert sink.content == sample.large_content


@pytest.mark.parametrize(
    "form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["ustar", "gnu", "pax"]
)
async def test_every_form_of_tar_is_read(made: Path, form: int) -> None:
    # A path that needs a header of its own in some forms.
    further = made / ("long" * 20) / ("long" * 20)
    further.parent.mkdir()
    further.write_bytes(b"")
    source = ArchiveSource(pack(made, form=form))
    assert await source.tags() == ["one"]
    assert await poured(source) == b"layer"


async def test_other_files_and_directories_that_stand_twice_do_not_matter(made: Path) -> None:
    archive = add(add(pack(made), "blobs", type=tarfile.DIRTYPE), "README", b"twice")
    assert await ArchiveSource(add(archive, "README", b"twice")).tags() == ["one"]


async def test_a_replaced_archive_is_read_anew(made: Path) -> None:
    source = ArchiveSource(pack(made))
    assert await source.tags() == ["one"]
    with LayoutWriter(made) as layout:
        layout.image(config=CONFIG, layers=[], tag="two")
    pack(made)
    assert await source.tags() == ["one", "two"]


@pytest.mark.parametrize("name", ["/oci-layout", "../outside", "blobs/../../outside"])
async def test_a_name_that_leads_out_refuses_the_archive(made: Path, name: str) -> None:
    assert "leads out of it" in await refusal(add(pack(made), name, b"x"))


@pytest.mark.parametrize("name", ["index.json", "./index.json", LAYER_FILE])
async def test_a_file_that_stands_twice_refuses_the_archive(made: Path, name: str) -> None:
    assert "twice" in await refusal(add(pack(made), name, b"other"))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (tarfile.SYMTYPE, "a symbolic link"),
        (tarfile.LNKTYPE, "a hard link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.FIFOTYPE, "a pipe"),
        (b"Z", "unknown type"),
    ],
    ids=["symbolic-link", "hard-link", "device", "pipe", "unknown"],
)
async def test_what_is_no_file_is_not_read_and_spoils_nothing_else(
    made: Path, kind: bytes, said: str
) -> None:
    (made / LAYER_FILE).unlink()
    source = ArchiveSource(add(pack(made), LAYER_FILE, type=kind, linkname="/etc/hostname"))
    assert (await source.manifest("one")).digest
    with pytest.raises(DataError, match=said):
        await poured(source)


async def test_a_sparse_file_refuses_the_archive(made: Path) -> None:
    assert "sparse" in await refusal(add(pack(made), "x", pax_headers={"GNU.sparse.major": "1"}))


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
async def test_a_compressed_archive_is_named_as_such(made: Path, compression: str) -> None:
    assert "it is compressed with" in await refusal(pack(made, compression=compression))


@pytest.mark.parametrize(
    ("breakage", "said"),
    [
        (lambda p: p.write_bytes(b""), "cut off"),
        (lambda p: p.write_bytes(b"no tar" * 1000), "no tar archive"),
        (lambda p: p.write_bytes(bytes(10_240)), "oci-layout is not there"),
        (lambda p: os.truncate(p, p.stat().st_size // 1024 * 512), "cut off"),
        (lambda p: p.unlink(), "cannot be looked at: No such file"),
        (pipe, "no regular file"),
        (directory, "no regular file"),
    ],
    ids=["empty", "rubbish", "zeros", "half", "absent", "pipe", "directory"],
)
async def test_what_is_no_whole_archive_gives_no_listing(
    made: Path, breakage: Callable[[Path], object], said: str
) -> None:
    archive = pack(made)
    breakage(archive)
    assert said in await refusal(archive)


async def test_every_cut_of_an_archive_is_noticed(made: Path) -> None:
    whole = pack(made).read_bytes().rstrip(b"\0")
    cut = made.with_name("cut.tar")
    for size in range(0, len(whole), 509):
        cut.write_bytes(whole[:size])
        assert "cut off" in await refusal(cut)


class _WritesOver(Collected):
    """Writes to the archive after the first piece."""

    def __init__(self, archive: Path) -> None:
        super().__init__()
        self._archive = archive

    def feed(self, chunk: bytes) -> bool:
        with self._archive.open("r+b") as file:
            file.seek(-512, os.SEEK_END)
            file.write(b"x")
        return super().feed(chunk)


async def test_an_archive_that_is_written_over_gives_no_further_byte(made: Path) -> None:
    content = bytes(range(256)) * 400
    with LayoutWriter(made) as layout:
        blob = layout.blob(content, OCI_LAYER_GZIP)
    archive = pack(made)
    sink = _WritesOver(archive)
    with pytest.raises(DataError, match="was replaced or written to"):
        await ArchiveSource(archive).pour(blob, sink, first=1000)
    assert sink.content == content[:1000]


async def test_a_manifest_that_is_not_what_its_name_says_is_refused(made: Path) -> None:
    digest = await ArchiveSource(pack(made)).resolve("one")
    assert digest is not None
    file = made / "blobs" / digest.replace(":", "/")
    file.write_bytes(file.read_bytes()[:-1] + b" ")
    with pytest.raises(VerificationError):
        await ArchiveSource(pack(made)).manifest("one")


async def test_a_blob_that_is_not_in_the_archive_is_missing(made: Path) -> None:
    source = ArchiveSource(pack(made))
    with pytest.raises(ImageMissing):
        await source.manifest(digest_of(b"absent"))


def headers(*entries: tarfile.TarInfo) -> bytes:
    return b"".join(entry.tobuf(tarfile.PAX_FORMAT) for entry in entries)


def indexed(content: bytes) -> Iterable[str]:
    return read_index(lambda offset, size: content[offset : offset + size], len(content))


def test_too_many_members_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_index, "MAX_MEMBERS", 100)
    header = headers(tarfile.TarInfo("x"))

    def endless(_offset: int, _size: int) -> bytes:
        return header

    with pytest.raises(SyntaxFault, match="more than 100"):
        read_index(endless, 2**60)


def test_a_header_that_wants_all_memory_is_refused() -> None:
    entry = tarfile.TarInfo("x")
    entry.type, entry.size = tarfile.XHDTYPE, MAX_HEADER_BYTES + 1
    with pytest.raises(SyntaxFault, match="are accepted"):
        indexed(entry.tobuf(tarfile.USTAR_FORMAT) + bytes(2 * MAX_HEADER_BYTES))


def test_a_size_below_zero_is_refused() -> None:
    entry = tarfile.TarInfo("x")
    entry.size = -1
    with pytest.raises(SyntaxFault, match="negative"):
        indexed(entry.tobuf(tarfile.GNU_FORMAT) + bytes(1024))


def test_an_archive_that_takes_too_long_is_given_up() -> None:
    content = headers(tarfile.TarInfo("x")) + bytes(1024)
    with pytest.raises(SyntaxFault, match="in time"):
        read_index(lambda offset, size: content[offset : offset + size], len(content), in_time=lambda: False)


@given(
    st.dictionaries(
        st.text("ab/é", min_size=1, max_size=200).filter(lambda name: name.strip("/")),
        st.binary(max_size=1100),
    ),
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_what_was_packed_lies_where_the_index_says(files: dict[str, bytes], form: int) -> None:
    packed = io.BytesIO()
    names = {
        f"blobs/{number}/" + name.strip("/"): content for number, (name, content) in enumerate(files.items())
    }
    with tarfile.open(fileobj=packed, mode="w", format=form) as archive:
        for name, content in names.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    whole = packed.getvalue()
    found = read_index(lambda offset, size: whole[offset : offset + size], len(whole))
    read = {
        name: whole[place.offset : place.offset + place.size]
        for name, place in found.items()
        if isinstance(place, Member)
    }
    assert sorted(read.values()) == sorted(names.values())


@given(st.binary(max_size=2000), st.integers(0, 1500))
def test_rubbish_in_an_archive_is_read_or_refused(rubbish: bytes, at: int) -> None:
    good = headers(tarfile.TarInfo("oci-layout"), tarfile.TarInfo("index.json")) + bytes(1024)
    content = good[:at] + rubbish + good[at + len(rubbish) :]
    try:
        found = read_index(lambda offset, size: content[offset : offset + size], len(content))
    except SyntaxFault:
        return
    assert all(
        not isinstance(place, Member) or place.offset + place.size <= len(content) for place in found.values()
    )
