"""OCI layouts on disk: reading what others wrote, and writing what others can read."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from upgraph.errors import DataError, UpgraphError, VerificationError
from upgraph.oci import (
    DOCKER_MANIFEST,
    OCI_LAYER_GZIP,
    Descriptor,
    Image,
    Index,
    LayoutSource,
    LayoutWriter,
    digest_of,
    parse_manifest,
)
from upgraph.testing.image_source import Collected, write_sample
from upgraph.testing.real_registry import program

CONFIG = {"architecture": "amd64", "os": "linux"}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A layout with one image, tagged ``one``."""
    path = tmp_path / "layout"
    with LayoutWriter(path) as layout:
        layout.image(config=CONFIG, layers=[layout.blob(b"layer", OCI_LAYER_GZIP)], tag="one")
    return path


def files(path: Path) -> dict[str, bytes]:
    return {str(f.relative_to(path)): f.read_bytes() for f in sorted(path.rglob("*")) if f.is_file()}


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    index = json.loads((path / "index.json").read_bytes())
    change(index)
    (path / "index.json").write_text(json.dumps(index))


def blob_file(path: Path, digest: str) -> Path:
    return path / "blobs" / digest.replace(":", "/")


def test_the_same_content_makes_the_same_bytes(tmp_path: Path) -> None:
    write_sample(tmp_path / "a")
    write_sample(tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_nothing_temporary_is_left(made: Path) -> None:
    assert not [name for name in files(made) if "/." in name or name.startswith(".")]


async def test_an_existing_layout_keeps_its_images_and_a_tag_moves(made: Path) -> None:
    with LayoutWriter(made) as layout:
        layout.image(config=CONFIG, layers=[], tag="two")
        moved = layout.image(config=CONFIG | {"variant": "v8"}, layers=[], tag="one")
    source = LayoutSource(made)
    assert await source.tags() == ["one", "two"]
    assert await source.resolve("one") == moved.digest


def test_a_failure_while_writing_leaves_the_old_index(made: Path) -> None:
    def write_and_fail() -> None:
        with LayoutWriter(made) as layout:
            layout.image(config=CONFIG, layers=[], tag="two")
            raise ZeroDivisionError

    before = (made / "index.json").read_bytes()
    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert (made / "index.json").read_bytes() == before


@pytest.mark.parametrize("tag", ["4.18.1-x86_64", "4.18.1-multi"])
def test_skopeo_reads_what_we_write(layout: Path, tag: str) -> None:
    command = [program("skopeo"), "inspect", "--raw", f"oci:{layout}:{tag}"]
    done = subprocess.run(command, capture_output=True, timeout=180, check=True)
    assert digest_of(done.stdout) in (layout / "index.json").read_text()


@pytest.fixture
def copied(layout: Path, tmp_path: Path) -> Path:
    """A layout that skopeo wrote."""
    target = tmp_path / "copied"
    for tag in ("4.18.1-x86_64", "4.18.1-multi"):
        command = [
            program("skopeo"),
            "--insecure-policy",
            "copy",
            "--all",
            f"oci:{layout}:{tag}",
            f"oci:{target}:{tag}",
        ]
        subprocess.run(command, capture_output=True, timeout=180, check=True)
    return target


async def test_we_read_what_skopeo_writes(copied: Path) -> None:
    source = LayoutSource(copied)
    assert await source.tags() == ["4.18.1-multi", "4.18.1-x86_64"]
    found = await source.manifest("4.18.1-multi")
    index = parse_manifest(found.content, found.media_type)
    assert isinstance(index, Index)
    for entry in index.entries:
        assert isinstance(parse_manifest((await source.manifest(entry.descriptor.digest)).content, ""), Image)


async def test_a_docker_image_keeps_its_types(tmp_path: Path) -> None:
    with LayoutWriter(tmp_path) as layout:
        layout.image(config=CONFIG, layers=[], tag="d", media_type=DOCKER_MANIFEST)
    found = await LayoutSource(tmp_path).manifest("d")
    image = parse_manifest(found.content, found.media_type)
    assert isinstance(image, Image)
    assert image.config.media_type == "application/vnd.docker.container.image.v1+json"


async def test_an_image_without_a_tag_is_listed_under_its_digest(made: Path) -> None:
    edit(made, lambda index: index["manifests"][0].pop("annotations"))
    source = LayoutSource(made)
    (name,) = await source.tags()
    assert (await source.manifest(name)).digest == name


async def test_a_changed_index_is_read_again(made: Path) -> None:
    source = LayoutSource(made)
    assert await source.tags() == ["one"]
    with LayoutWriter(made) as layout:
        layout.image(config=CONFIG, layers=[], tag="two")
    assert await source.tags() == ["one", "two"]


@pytest.mark.parametrize(
    ("breakage", "said"),
    [
        (lambda p: (p / "index.json").unlink(), "index.json is not there"),
        (lambda p: (p / "oci-layout").unlink(), "oci-layout is not there"),
        (lambda p: (p / "oci-layout").write_text('{"imageLayoutVersion": "2.0.0"}'), "version '2.0.0'"),
        (lambda p: (p / "index.json").write_text("{"), "cannot be read"),
        (lambda p: (p / "index.json").write_text("[]"), "cannot be read"),
        (lambda p: edit(p, lambda i: i.update(manifests={})), "cannot be read"),
    ],
    ids=["no-index", "no-marker", "version", "half", "list", "no-list"],
)
async def test_an_index_that_cannot_be_trusted_gives_no_listing(
    made: Path, breakage: Callable[[Path], object], said: str
) -> None:
    breakage(made)
    with pytest.raises(DataError) as refused:
        await LayoutSource(made).tags()
    assert said in refused.value.seen


async def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="absent"):
        await LayoutSource(tmp_path / "absent").tags()


def _other_bytes(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b" ")


def _link_outside(file: Path) -> None:
    outside = file.parents[3] / "outside"
    outside.write_bytes(file.read_bytes())
    file.unlink()
    file.symlink_to(outside)


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("breakage", "expected"),
    [
        (_other_bytes, VerificationError),
        (Path.unlink, DataError),
        (_link_outside, DataError),
        (_pipe, DataError),
        (_directory, DataError),
        (lambda f: f.write_bytes(b" " * (4 * 1024 * 1024 + 1)), DataError),
    ],
    ids=["other-bytes", "not-copied-yet", "link-outside", "pipe", "directory", "too-large"],
)
async def test_a_manifest_that_is_not_what_it_should_be_is_refused(
    made: Path, breakage: Callable[[Path], object], expected: type[UpgraphError]
) -> None:
    source = LayoutSource(made)
    digest = await source.resolve("one")
    assert digest is not None
    breakage(blob_file(made, digest))
    with pytest.raises(expected):
        await source.manifest("one")


async def test_a_link_inside_the_layout_is_followed(made: Path) -> None:
    digest = digest_of(b"layer")
    file = blob_file(made, digest)
    file.rename(made / "kept-elsewhere")
    file.symlink_to(made / "kept-elsewhere")
    sink = Collected()
    await LayoutSource(made).pour(Descriptor("x", digest, 5), sink)
    assert sink.content == b"layer"


async def test_a_link_that_leads_outside_is_not_poured(made: Path) -> None:
    digest = digest_of(b"layer")
    _link_outside(blob_file(made, digest))
    with pytest.raises(DataError, match="leads out of the directory"):
        await LayoutSource(made).pour(Descriptor("x", digest, 5), Collected())


async def test_a_manifest_of_another_size_than_the_index_says_is_refused(made: Path) -> None:
    edit(made, lambda index: index["manifests"][0].update(size=1))
    with pytest.raises(DataError, match=r"index\.json says 1"):
        await LayoutSource(made).manifest("one")


@pytest.mark.parametrize("size", [4, 6])
async def test_a_blob_of_another_size_than_its_descriptor_feeds_nothing(made: Path, size: int) -> None:
    sink = Collected()
    with pytest.raises(DataError, match="has 5 bytes, its descriptor says"):
        await LayoutSource(made).pour(Descriptor("x", digest_of(b"layer"), size), sink)
    assert not sink.content
