"""Layouts into which images are written, and in which somebody has left traps before: on a stick, or below /tmp."""

import asyncio
import os
from pathlib import Path

import pytest

from upgraph.errors import DataError
from upgraph.oci import (
    OCI_LAYER_GZIP,
    Composition,
    Descriptor,
    LayoutDestination,
    Order,
    copy_image,
    digest_of,
)
from upgraph.testing.image_destination import Bytes

CONTENT = b"layer" * 1000
BLOB = Descriptor(OCI_LAYER_GZIP, digest_of(CONTENT), len(CONTENT))
NAME = BLOB.digest.partition(":")[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the blobs of a layout lie."""
    made = tmp_path / "layout" / "blobs" / "sha256"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    file = tmp_path / "victim"
    file.write_bytes(b"x" * (len(CONTENT) + 1))
    return file


def put(layout: Path) -> None:
    async def run() -> None:
        async with LayoutDestination(layout) as destination:
            await destination.put_blob(BLOB, Bytes(CONTENT).read)

    asyncio.run(run())


def publish(layout: Path) -> None:
    images = Composition("made")
    images.tag("v1", images.image(config={"architecture": "amd64", "os": "linux"}, layers=[]))

    async def run() -> None:
        async with LayoutDestination(layout) as destination:
            await copy_image(Order(images, "v1", destination, "v1"))

    asyncio.run(run())


def test_nothing_is_written_through_a_link_in_the_place_of_an_unfinished_blob(
    tmp_path: Path, folder: Path, victim: Path
) -> None:
    (folder / f".{NAME}.partial").symlink_to(victim)
    with pytest.raises(DataError, match="is a link"):
        put(tmp_path / "layout")
    assert victim.read_bytes() == b"x" * (len(CONTENT) + 1)


def test_an_unfinished_blob_that_is_a_pipe_holds_up_nobody(tmp_path: Path, folder: Path) -> None:
    os.mkfifo(folder / f".{NAME}.partial")
    with pytest.raises(DataError, match="is no plain file"):
        put(tmp_path / "layout")


def test_a_link_in_the_place_of_a_blob_is_replaced(tmp_path: Path, folder: Path, victim: Path) -> None:
    victim.write_bytes(b"y" * len(CONTENT))
    (folder / NAME).symlink_to(victim)
    put(tmp_path / "layout")
    assert (folder / NAME).read_bytes() == CONTENT
    assert victim.read_bytes() == b"y" * len(CONTENT)


def test_blobs_are_not_written_into_a_directory_elsewhere(tmp_path: Path, folder: Path) -> None:
    folder.rmdir()
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="leads out of the directory"):
        put(tmp_path / "layout")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_the_index_is_not_written_through_a_link(tmp_path: Path, folder: Path, victim: Path) -> None:
    (folder.parents[1] / f".index.json.{os.getpid()}").symlink_to(victim)
    publish(tmp_path / "layout")
    assert victim.read_bytes() == b"x" * (len(CONTENT) + 1)
    assert (tmp_path / "layout" / "index.json").is_file()


def test_an_index_that_is_a_pipe_holds_up_nobody(tmp_path: Path, folder: Path) -> None:
    os.mkfifo(folder.parents[1] / "index.json")
    with pytest.raises(DataError, match=r"index\.json: it is not a plain file"):
        publish(tmp_path / "layout")
