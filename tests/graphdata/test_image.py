"""Graph data in images: layers as tools write them, layers that are broken, and images that are not there."""

import gzip
import io
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
import zstandard

from upgraph.errors import DataError, VerificationError
from upgraph.graphdata import Files, load
from upgraph.graphdata.image import ImageDataSource
from upgraph.oci import (
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    DOCKER_MANIFEST_LIST,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Descriptor,
    LayoutSource,
    LayoutWriter,
    Platform,
    digest_of,
)

Make = Callable[[Mapping[str, bytes | None]], Files]
Content = Mapping[str, bytes | tuple[bytes, str]]
"""What a layer holds: files, or kinds with the target of a link. A name with a slash at its end is a directory."""

PLACE = "var/lib/cincinnati-graph-data"
CONFIG = {"architecture": "amd64", "os": "linux"}
SYMBOLIC = tarfile.SYMTYPE
HARD = tarfile.LNKTYPE
RULE = f"{PLACE}/blocked-edges/4.18.2.yaml"
EXTRA = f"{PLACE}/blocked-edges/4.18.1.yaml"


def plain(content: Content) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, what in content.items():
            entry = tarfile.TarInfo(name)
            if isinstance(what, tuple):
                entry.type, entry.linkname = what
                archive.addfile(entry)
            elif name.endswith("/"):
                entry.type = tarfile.DIRTYPE
                archive.addfile(entry)
            else:
                entry.size = len(what)
                archive.addfile(entry, io.BytesIO(what))
    return packed.getvalue()


def packed(content: Content) -> bytes:
    return zipped(plain(content))


def zipped(content: bytes) -> bytes:
    return gzip.compress(content, 1, mtime=0)


def at_place(files: Files, place: str = PLACE) -> Content:
    return {f"{place}/{path}": content for path, content in files.items()}


def write(path: Path, *layers: bytes, tag: str = "v1", media_type: str = OCI_MANIFEST) -> Path:
    """A layout with one image of these layers."""
    with LayoutWriter(path) as layout:
        blobs = [layout.blob(content, OCI_LAYER_GZIP) for content in layers]
        layout.image(config=CONFIG, layers=blobs, tag=tag, media_type=media_type)
    return path


async def fetch(path: Path, reference: str | None = "v1", place: str = f"/{PLACE}") -> Files:
    async with ImageDataSource(LayoutSource(path), reference, path=place, architecture="arm64") as source:
        files = await source.fetch()
        assert files is not None
        return files


@pytest.mark.parametrize("pack", [zipped, zstandard.compress, bytes], ids=["gzip", "zstd", "uncompressed"])
@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST], ids=["oci", "docker"])
async def test_an_image_is_read(
    tmp_path: Path, a_set: Make, pack: Callable[[bytes], bytes], media_type: str
) -> None:
    base: Content = {"etc/": b"", "etc/os-release": b"x", "var/": b"", "dev/null": (tarfile.CHRTYPE, "")}
    layers = [pack(plain(base)), pack(plain(at_place(a_set({}))))]
    assert await fetch(write(tmp_path, *layers, media_type=media_type)) == a_set({})


@pytest.mark.parametrize("place", ["/data", "/data/", "/var/lib/cincinnati/graph-data", "/"])
async def test_the_place_can_be_another(tmp_path: Path, a_set: Make, place: str) -> None:
    layout = write(tmp_path, packed(at_place(a_set({}), place.strip("/")) if place != "/" else a_set({})))
    assert await fetch(layout, place=place) == a_set({})


@pytest.mark.parametrize("prefix", ["./", "", ".//"])
async def test_names_may_begin_with_a_dot(tmp_path: Path, a_set: Make, prefix: str) -> None:
    files = {f"{prefix}{name}": content for name, content in at_place(a_set({})).items()}
    assert await fetch(write(tmp_path, packed(files))) == a_set({})


async def test_a_checkout_with_its_history_is_read(tmp_path: Path, a_set: Make) -> None:
    beside = {
        "top/.git/objects/pack/big": bytes(5_000_000),
        "top/README.md": b"x",
        "top/big": bytes(5_000_000),
    }
    files = {f"top/{path}": content for path, content in a_set({}).items()}
    assert await fetch(write(tmp_path, packed(at_place({**beside, **files})))) == a_set({})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({RULE: b"new"}, {"blocked-edges/4.18.2.yaml": b"new"}, id="replaced"),
        pytest.param(
            {f"{PLACE}/blocked-edges/.wh.4.18.2.yaml": b""},
            {"blocked-edges/4.18.2.yaml": None},
            id="whiteout",
        ),
        pytest.param(
            {EXTRA: b"new", f"{PLACE}/blocked-edges/.wh..wh..opq": b""},
            {"blocked-edges/4.18.2.yaml": None, "blocked-edges/4.18.1.yaml": b"new"},
            id="opaque-after-what-its-own-layer-adds",
        ),
        pytest.param(
            {RULE: b"new", f"{PLACE}/blocked-edges/.wh.4.18.2.yaml": b""},
            {"blocked-edges/4.18.2.yaml": b"new"},
            id="whiteout-of-what-its-own-layer-adds",
        ),
        pytest.param(
            {f"{PLACE}/.wh.blocked-edges": b""},
            {"blocked-edges/4.18.2.yaml": None},
            id="whiteout-of-a-directory",
        ),
        pytest.param(
            {EXTRA: (HARD, RULE)},
            {"blocked-edges/4.18.1.yaml": b"to: 4.18.2\nfrom: 4[.]18[.]1\n"},
            id="hard-link",
        ),
        pytest.param(
            {EXTRA: (SYMBOLIC, "4.18.2.yaml")},
            {"blocked-edges/4.18.1.yaml": b"to: 4.18.2\nfrom: 4[.]18[.]1\n"},
            id="symbolic-link",
        ),
        pytest.param(
            {EXTRA: (SYMBOLIC, f"/{RULE}")},
            {"blocked-edges/4.18.1.yaml": b"to: 4.18.2\nfrom: 4[.]18[.]1\n"},
            id="absolute-symbolic-link",
        ),
        pytest.param({f"{PLACE}/blocked-edges/": b""}, {}, id="directory-again"),
        pytest.param({"etc/.wh.os-release": b"", "etc/.wh..wh..opq": b""}, {}, id="whiteouts-elsewhere"),
        pytest.param({".wh..wh.plnk/7.9": b"", f"{PLACE}/.wh..wh.aufs": b""}, {}, id="marks-of-aufs"),
    ],
)
async def test_a_layer_changes_those_below(
    tmp_path: Path, a_set: Make, changes: Content, expected: Mapping[str, bytes | None]
) -> None:
    layout = write(tmp_path, packed(at_place(a_set({}))), packed(changes))
    assert await fetch(layout) == a_set(expected)


@pytest.mark.parametrize("whiteout", ["var/.wh.lib", f"{PLACE}/.wh..wh..opq", ".wh.var", ".wh..wh..opq"])
async def test_what_is_above_the_place_can_be_taken_away(tmp_path: Path, a_set: Make, whiteout: str) -> None:
    old, new = at_place(a_set({"LICENSE": b"old"})), at_place(a_set({}))
    assert await fetch(write(tmp_path, packed(old), packed({whiteout: b""}), packed(new))) == a_set({})


async def test_a_link_that_was_replaced_by_a_directory_is_gone(tmp_path: Path, a_set: Make) -> None:
    first = {f"{PLACE}/blocked-edges": (SYMBOLIC, "/etc")}
    files = {f"{PLACE}/blocked-edges/": b"", **at_place(a_set({}))}
    assert await fetch(write(tmp_path, packed(first), packed(files))) == a_set({})


async def test_directories_may_be_links(tmp_path: Path, a_set: Make) -> None:
    files = {
        f"{PLACE}/{path.replace('channels/', '..data/channels/')}": content
        for path, content in a_set({}).items()
    }
    assert await fetch(
        write(tmp_path, packed({**files, f"{PLACE}/channels": (SYMBOLIC, "..data/channels")}))
    ) == (a_set({}))


@pytest.mark.parametrize(
    "what",
    [
        pytest.param((SYMBOLIC, "/etc/passwd"), id="absolute"),
        pytest.param((SYMBOLIC, "../../../../../etc/passwd"), id="upwards"),
        pytest.param((SYMBOLIC, "gone.yaml"), id="to-nothing"),
        pytest.param((SYMBOLIC, "4.18.1.yaml"), id="to-itself"),
        pytest.param((SYMBOLIC, "x/" * 3000), id="without-end"),
        pytest.param((HARD, "etc/passwd"), id="hard"),
        pytest.param((HARD, "../etc/passwd"), id="hard-upwards"),
        pytest.param((tarfile.CHRTYPE, ""), id="device"),
        pytest.param((tarfile.FIFOTYPE, ""), id="pipe"),
    ],
)
async def test_a_rule_that_is_no_file_of_the_set_withholds_its_target(
    tmp_path: Path, a_set: Make, what: tuple[bytes, str]
) -> None:
    files: Content = {"etc/passwd": b"to: 4.18.1\nfrom: 1[.]1[.]1\n", **at_place(a_set({})), EXTRA: what}
    loaded = load(await fetch(write(tmp_path, packed(files))))
    assert loaded.data is not None
    assert [finding.reference for finding in loaded.findings] == ["graph-data-unreadable"]
    assert (".*", "4.18.1") in [(block.source.text, str(block.to)) for block in loaded.data.blocks]


@pytest.mark.parametrize(
    ("entries", "seen"),
    [
        pytest.param({f"{PLACE}/channels/x.yaml": (SYMBOLIC, "/etc/x")}, "channels/x.yaml", id="channel"),
        pytest.param({f"{PLACE}/blocked-edges": (SYMBOLIC, "/etc")}, "blocked-edges", id="directory-out"),
        pytest.param(
            {f"{PLACE}/blocked-edges": (SYMBOLIC, "gone")}, "blocked-edges", id="directory-to-nothing"
        ),
        pytest.param({f"{PLACE}/blocked-edges": b""}, "blocked-edges is no directory", id="file"),
        pytest.param({PLACE: (SYMBOLIC, "/data")}, "is a symbolic link to /data", id="place-is-a-link"),
        pytest.param({"var/lib": (SYMBOLIC, "/data")}, "nothing at /var/lib/cinc", id="way-is-a-link"),
        pytest.param({PLACE: b""}, "is no directory", id="place-is-a-file"),
    ],
)
async def test_a_part_that_is_no_file_of_the_set_refuses_it(
    tmp_path: Path, a_set: Make, entries: Content, seen: str
) -> None:
    with pytest.raises(DataError, match=seen):
        await fetch(write(tmp_path, packed(at_place(a_set({}))), packed(entries)))


async def test_an_entry_below_a_link_is_refused(tmp_path: Path, a_set: Make) -> None:
    layers = packed({f"{PLACE}/channels": (SYMBOLIC, "other")}), packed(at_place(a_set({})))
    with pytest.raises(DataError, match="leads through a symbolic link to 'other'"):
        await fetch(write(tmp_path, *layers))


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "var/lib/../../../x", "x" * 5000, f"{PLACE}/.wh.."])
async def test_a_name_that_leads_out_is_refused(tmp_path: Path, a_set: Make, name: str) -> None:
    with pytest.raises(DataError, match=r"leads out|names nothing") as caught:
        await fetch(write(tmp_path, packed({**at_place(a_set({})), name: b""})))
    assert caught.value.reference == "graph-data-image"


async def test_a_file_name_that_is_no_utf8_is_refused(tmp_path: Path, a_set: Make) -> None:
    files = at_place(a_set({"blocked-edges/\udcff.yaml": b"to: 4.18.1\nfrom: .*\n"}))
    with pytest.raises(DataError, match="cannot be printed"):
        await fetch(write(tmp_path, packed(files)))


async def test_an_image_without_the_place_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing at /var/lib/cincinnati-graph-data") as caught:
        await fetch(write(tmp_path, packed({"etc/passwd": b""})))
    assert caught.value.reference == "graph-data-image-path"


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda whole: zipped(whole)[:-9], id="gzip-cut-off"),
        pytest.param(lambda whole: zstandard.compress(whole)[:-9], id="zstd-cut-off"),
        pytest.param(lambda whole: zipped(whole[:1500]), id="archive-cut-off"),
        pytest.param(lambda whole: zipped(whole[:2048]), id="cut-between-entries"),
        pytest.param(lambda whole: whole[:2048], id="uncompressed-cut-off"),
        pytest.param(lambda whole: zipped(b"no archive" * 100), id="no-archive"),
        pytest.param(lambda whole: b"no archive" * 100, id="text"),
        pytest.param(lambda whole: zipped(whole) + b"more", id="something-behind"),
        pytest.param(lambda whole: b"", id="empty"),
    ],
)
async def test_a_damaged_layer_is_refused(
    tmp_path: Path, a_set: Make, damage: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(DataError) as caught:
        await fetch(write(tmp_path, damage(plain(at_place(a_set({}))))))
    assert caught.value.reference == "graph-data-image"


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("layer.MAX_INFLATED_BYTES", 5000),
        ("layer.MAX_ENTRIES", 3),
        ("layer.MAX_NODES", 3),
        ("layer.MAX_TOTAL_BYTES", 20),
        ("tree.MAX_NODES", 5),
        ("tree.MAX_STEPS", 10),
        ("image.MAX_TOTAL_BYTES", 20),
        ("image.MAX_IMAGE_BYTES", 20),
        ("image.MAX_INFLATED_IMAGE_BYTES", 5000),
    ],
)
async def test_what_is_too_large_is_refused(
    tmp_path: Path, a_set: Make, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(f"upgraph.graphdata.{limit}", value)
    with pytest.raises(DataError) as caught:
        await fetch(write(tmp_path, packed(at_place(a_set({})))))
    assert caught.value.reference == "graph-data-too-large"


async def test_hard_links_do_not_multiply_what_is_held(
    tmp_path: Path, a_set: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("upgraph.graphdata.files.MAX_TOTAL_BYTES", 10_000_000)
    rule = {**at_place(a_set({})), RULE: bytes(4_000_000)}
    links: Content = {f"{PLACE}/blocked-edges/{number}.yaml": (HARD, RULE) for number in range(9)}
    with pytest.raises(DataError) as caught:
        await fetch(write(tmp_path, packed({**rule, **links})))
    assert caught.value.reference == "graph-data-too-large"


async def test_a_layer_with_another_content_is_no_data_at_all(tmp_path: Path, a_set: Make) -> None:
    content = packed(at_place(a_set({})))
    layout = write(tmp_path, content)
    blob = layout / "blobs/sha256" / digest_of(content).partition(":")[2]
    blob.write_bytes(content[:-1] + b"x")
    with pytest.raises(VerificationError, match="has the digest"):
        await fetch(layout)


def index(path: Path, *entries: tuple[bytes, Platform], media_type: str = OCI_INDEX) -> Path:
    """A layout with an index of images of one layer each."""
    with LayoutWriter(path) as layout:
        images: list[tuple[Descriptor, Platform]] = []
        kind = DOCKER_MANIFEST if media_type == DOCKER_MANIFEST_LIST else OCI_MANIFEST
        for content, platform in entries:
            blob = layout.blob(content, DOCKER_LAYER_GZIP)
            config = {"architecture": platform.architecture, "os": platform.os}
            images.append((layout.image(config=config, layers=[blob], media_type=kind), platform))
        layout.index(images, "v1", media_type=media_type)
    return path


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_MANIFEST_LIST], ids=["oci", "docker"])
@pytest.mark.parametrize(
    ("platforms", "chosen"),
    [
        pytest.param([Platform("amd64"), Platform("arm64")], 1, id="of-this-machine"),
        pytest.param([Platform("amd64"), Platform("s390x")], 0, id="the-first"),
        pytest.param([Platform("arm64", "windows"), Platform("amd64")], 1, id="the-first-for-linux"),
        pytest.param([Platform("arm64", "windows")], 0, id="any"),
    ],
)
async def test_of_an_index_the_image_for_this_machine_is_taken(  # noqa: PLR0917 - cases and fixtures
    tmp_path: Path,
    a_set: Make,
    caplog: pytest.LogCaptureFixture,
    platforms: Sequence[Platform],
    chosen: int,
    media_type: str,
) -> None:
    caplog.set_level("INFO")
    sets = [a_set({"LICENSE": b"%d" % number}) for number in range(len(platforms))]
    images = [(packed(at_place(files)), platform) for files, platform in zip(sets, platforms, strict=True)]
    assert await fetch(index(tmp_path, *images, media_type=media_type)) == sets[chosen]
    assert f"the image for {platforms[chosen].os}/{platforms[chosen].architecture}" in caplog.text


async def test_an_index_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has 0 entries and no image"):
        await fetch(index(tmp_path))


async def test_without_a_reference_the_only_image_is_meant(tmp_path: Path, a_set: Make) -> None:
    write(tmp_path, packed(at_place(a_set({}))))
    assert await fetch(tmp_path, None) == a_set({})
    write(tmp_path, packed({}), tag="v2")
    with pytest.raises(DataError, match="has 2 images: v1, v2") as caught:
        await fetch(tmp_path, None)
    assert caught.value.remedy == f"Name one of them: oci:{tmp_path}:TAG."
