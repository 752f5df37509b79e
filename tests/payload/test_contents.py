"""The files of a release are taken only from a layer that nobody could misuse or misread."""

import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from upgraph.errors import DataError, VerificationError
from upgraph.oci import OCI_LAYER_GZIP, Descriptor, LayoutSource, LayoutWriter, digest_of, gzipped
from upgraph.payload import ReleaseContent, contents, release_layer, whole_layer
from upgraph.payload.contents import read_contents

Pack = Callable[..., bytes]
PLACE = "release-manifests"


def _member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mtime = kind, target, 77
    return info


async def _read(path: Path, layout: LayoutWriter, layer: bytes) -> dict[str, bytes]:
    with layout:
        blob = layout.blob(layer, OCI_LAYER_GZIP)
    async with LayoutSource(path) as source:
        return {name: file.content for name, file in (await read_contents(source, blob)).items()}


@pytest.mark.parametrize(
    ("name", "path_inside"),
    [
        (f"{PLACE}/a.yaml", "a.yaml"),
        (f"./{PLACE}/a.yaml", "a.yaml"),
        (f"/{PLACE}/a.yaml", "a.yaml"),
        (f"{PLACE}/below/a.yaml", "below/a.yaml"),
        (f"{PLACE}/ä b.yaml", "ä b.yaml"),
    ],
)
async def test_files_of_the_directory_are_taken_however_they_are_named(
    path: Path, layout: LayoutWriter, pack: Pack, name: str, path_inside: str
) -> None:
    assert await _read(path, layout, pack(_member(name))) == {path_inside: b"x"}


@pytest.mark.parametrize("name", ["etc/passwd", f"{PLACE}-old/a", "manifests/a.yaml", f"{PLACE}/.wh.a.yaml"])
async def test_what_lies_elsewhere_is_passed_over(
    path: Path, layout: LayoutWriter, pack: Pack, name: str
) -> None:
    assert await _read(path, layout, pack(_member(name))) == {}


@pytest.mark.parametrize(
    "member",
    [
        pytest.param(_member(f"{PLACE}/../../etc/passwd"), id="leads out"),
        pytest.param(_member(f"{PLACE}//a"), id="empty part"),
        pytest.param(_member(f"{PLACE}/./a"), id="dot"),
        pytest.param(_member(f"{PLACE}/a\nb"), id="line end"),
        pytest.param(_member(f"{PLACE}/a\x1b[2J"), id="moves the cursor"),
        pytest.param(_member(f"{PLACE}/a\udcff"), id="no UTF-8"),
        pytest.param(_member(f"{PLACE}/..\\a"), id="backslash"),
        pytest.param(_member(f"{PLACE}/{'a' * 256}"), id="long"),
        pytest.param(_member(f"{PLACE}/a", tarfile.SYMTYPE, "/etc/passwd"), id="symbolic link"),
        pytest.param(_member(f"{PLACE}/a", tarfile.LNKTYPE, "etc/passwd"), id="hard link"),
        pytest.param(_member(f"{PLACE}/a", tarfile.CHRTYPE), id="device"),
        pytest.param(_member(f"{PLACE}/a", tarfile.FIFOTYPE), id="pipe"),
        pytest.param(_member(PLACE, tarfile.SYMTYPE, "/etc"), id="link in the place of the directory"),
    ],
)
async def test_an_entry_that_could_do_harm_makes_the_layer_unusable(
    path: Path, layout: LayoutWriter, pack: Pack, member: tarfile.TarInfo
) -> None:
    with pytest.raises(DataError) as caught:
        await _read(path, layout, pack(_member(f"{PLACE}/good.yaml"), member))
    assert caught.value.reference == "release-entry-refused"
    assert caught.value.seen.isprintable()


async def test_a_file_that_stands_there_twice_makes_the_layer_unusable(
    path: Path, layout: LayoutWriter, pack: Pack
) -> None:
    with pytest.raises(DataError, match="twice"):
        await _read(path, layout, pack(_member(f"{PLACE}/a"), _member(f"./{PLACE}/a")))


@pytest.mark.parametrize(
    ("limit", "value", "reference"),
    [
        ("MAX_FILE_BYTES", 2, "layer-unreadable"),
        ("MAX_FILES", 2, "layer-too-large"),
        ("MAX_TOTAL_BYTES", 8, "layer-too-large"),
    ],
)
async def test_more_than_a_release_may_have_is_refused(
    path: Path, layout: LayoutWriter, pack: Pack, *, limit: str, value: int, reference: str
) -> None:
    layer = pack(*(_member(f"{PLACE}/{number}") for number in range(3)), content=b"xyz")
    assert len(await _read(path, layout, layer)) == 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contents, limit, value)
        with pytest.raises(DataError) as caught:
            await _read(path, layout, layer)
    assert caught.value.reference == reference


async def test_a_bomb_is_cut_short(path: Path, layout: LayoutWriter, pack: Pack) -> None:
    with layout:
        blob = layout.blob(pack(_member("filler"), content=bytes(1 << 22)), OCI_LAYER_GZIP)
    assert blob.size < 10_000
    sink = whole_layer.WholeLayer(blob, contents.Collector(), limit=1 << 20)
    async with LayoutSource(path) as source:
        await source.pour(blob, sink, first=None)
    with pytest.raises(DataError, match="unpacks to more than 1048576 bytes"):
        sink.check()


async def test_a_layer_that_is_cut_off_is_refused(path: Path, layout: LayoutWriter) -> None:
    whole = release_layer(ReleaseContent("1.2.3"))
    with pytest.raises(DataError) as caught:
        await _read(path, layout, whole[:-9])
    assert caught.value.reference == "layer-unreadable"


async def test_a_layer_that_is_not_what_its_digest_says_is_refused(path: Path, layout: LayoutWriter) -> None:
    good, other = gzipped(b"good" * 300), gzipped(b"evil" * 300)
    with layout:
        layout.blob(good, OCI_LAYER_GZIP)
    file = path / "blobs" / "sha256" / digest_of(good).partition(":")[2]
    file.write_bytes(other)
    async with LayoutSource(path) as source:
        with pytest.raises(VerificationError) as caught:
            await read_contents(source, Descriptor(OCI_LAYER_GZIP, digest_of(good), len(other)))
    assert caught.value.reference == "oci-digest-mismatch"
