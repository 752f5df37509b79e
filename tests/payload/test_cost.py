"""How many bytes of layers it costs to find out what an image is."""

import gzip
import io
import os
import tarfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from upgraph.oci import OCI_LAYER_GZIP, Access, LayoutWriter, Platform, RegistryClient
from upgraph.oci.registry.pouring import MAX_REST_BYTES
from upgraph.payload import (
    Reading,
    ReleaseContent,
    ReleaseImage,
    Verification,
    add_release,
    read_release,
    release_layer,
)
from upgraph.payload.metadata import METADATA_PATH
from upgraph.payload.probe import FIRST_BYTES
from upgraph.testing.registry import SimulatedRegistry

Read = Callable[..., Awaitable[Reading]]
COMPONENT: dict[str, object] = {"architecture": "amd64", "os": "linux"}
LABELLED = COMPONENT | {"config": {"Labels": {"io.openshift.release": "4.8.1"}}}
MOST_OF_A_COMPONENT = 64 * 1024
DOCUMENT = b'{"kind":"cincinnati-metadata-v0","version":"4.8.1"}'
BIG = ReleaseContent("4.8.1", manifests={"image.bin": os.urandom(300_000)})


def _layer(*files: tuple[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(archive.getvalue(), mtime=0)


@pytest.fixture
def read_without_ranges(path: Path) -> Read:
    """Reads the image with a tag from a registry that ignores Range."""

    async def read(tag: str = "r") -> Reading:
        async with SimulatedRegistry() as registry:
            registry.load(path)
            registry.ranges = False
            async with RegistryClient(registry.repository, access=Access()) as source:
                return await read_release(source, await source.manifest(tag), Verification.PREFIX)

    return read


def _files(size: int) -> tuple[str, bytes]:
    """Something that does not shrink, as the programs of a component."""
    return "usr/bin/component", os.urandom(size)


@pytest.mark.parametrize("layers", [1, 2, 3, 4, 5, 12])
async def test_a_component_costs_at_most_64_kib_of_layers(
    layout: LayoutWriter, read: Read, layers: int
) -> None:
    with layout:
        blobs = [layout.blob(_layer(_files(400_000)), OCI_LAYER_GZIP) for _ in range(layers)]
        layout.image(config=COMPONENT, layers=blobs, tag="r")
    assert 0 < (await read()).layer_bytes <= MOST_OF_A_COMPONENT


@pytest.mark.parametrize("layers", [1, 6])
async def test_an_index_of_components_costs_no_more(layout: LayoutWriter, read: Read, layers: int) -> None:
    with layout:
        blobs = [layout.blob(_layer(_files(400_000)), OCI_LAYER_GZIP) for _ in range(layers)]
        image = layout.image(config=COMPONENT, layers=blobs)
        layout.index([(image, Platform("amd64")), (image, Platform("arm64"))], "r")
    assert 0 < (await read()).layer_bytes <= MOST_OF_A_COMPONENT


@pytest.mark.parametrize(
    ("size", "most"),
    [(24_400, MOST_OF_A_COMPONENT + MAX_REST_BYTES), (900 * 1024, MOST_OF_A_COMPONENT)],
    ids=["short-rests", "large-layers"],
)
@pytest.mark.parametrize("layers", [1, 4, 12])
async def test_a_component_costs_no_more_where_the_registry_knows_no_ranges(
    layout: LayoutWriter, read_without_ranges: Read, layers: int, size: int, most: int
) -> None:
    with layout:
        blobs = [layout.blob(_layer(_files(size)), OCI_LAYER_GZIP) for _ in range(layers)]
        layout.image(config=COMPONENT, layers=blobs, tag="r")
    assert 0 < (await read_without_ranges()).layer_bytes <= most


@pytest.mark.parametrize("small", [1, 3, 5])
async def test_small_layers_on_top_do_not_raise_the_cost(
    layout: LayoutWriter, read: Read, small: int
) -> None:
    with layout:
        large = [layout.blob(_layer(_files(400_000)), OCI_LAYER_GZIP) for _ in range(4)]
        tops = [layout.blob(_layer(_files(9_000)), OCI_LAYER_GZIP) for _ in range(small)]
        layout.image(config=COMPONENT, layers=large + tops, tag="r")
    assert 0 < (await read()).layer_bytes <= MOST_OF_A_COMPONENT


async def test_a_release_costs_the_same_where_the_registry_knows_no_ranges(
    layout: LayoutWriter, read_without_ranges: Read
) -> None:
    with layout:
        add_release(layout, BIG, "amd64", "r")
    reading = await read_without_ranges()
    assert isinstance(reading.image, ReleaseImage)
    assert reading.layer_bytes == FIRST_BYTES


async def test_a_release_costs_the_beginning_of_its_layer(layout: LayoutWriter, read: Read) -> None:
    with layout:
        add_release(layout, BIG, "amd64", "r")
    reading = await read()
    assert isinstance(reading.image, ReleaseImage)
    assert reading.layer_bytes == FIRST_BYTES


async def test_verification_reads_the_whole_layer_once_more(layout: LayoutWriter, read: Read) -> None:
    with layout:
        add_release(layout, BIG, "amd64", "r")
    reading = await read("r", Verification.WHOLE_LAYER)
    assert reading.layer_bytes == FIRST_BYTES + len(release_layer(BIG))


DEEP: dict[str, tuple[dict[str, object], list[bytes]]] = {
    "labelled": (LABELLED, [_layer(_files(200_000), (METADATA_PATH, DOCUMENT))]),
    "in the folder": (
        COMPONENT,
        [_layer(("release-manifests/a", os.urandom(200_000)), (METADATA_PATH, DOCUMENT))],
    ),
    "under many layers": (LABELLED, [_layer((METADATA_PATH, DOCUMENT)), *[_layer(_files(100_000))] * 6]),
}


@pytest.mark.parametrize("name", DEEP)
async def test_a_sign_of_a_release_makes_the_search_go_on(
    layout: LayoutWriter, read: Read, name: str
) -> None:
    config, layers = DEEP[name]
    with layout:
        layout.image(config=config, layers=[layout.blob(layer, OCI_LAYER_GZIP) for layer in layers], tag="r")
    assert isinstance((await read()).image, ReleaseImage)


async def test_a_labelled_image_of_an_index_is_searched_to_the_end(layout: LayoutWriter, read: Read) -> None:
    _, layers = DEEP["labelled"]
    with layout:
        blobs = [layout.blob(layer, OCI_LAYER_GZIP) for layer in layers]
        image = layout.image(config=LABELLED, layers=blobs)
        layout.index([(image, Platform("amd64")), (image, Platform("arm64"))], "r")
    assert isinstance((await read()).image, ReleaseImage)


async def test_an_unlabelled_release_behind_other_files_is_not_searched_for(
    layout: LayoutWriter, read: Read
) -> None:
    _, layers = DEEP["labelled"]
    with layout:
        blobs = [layout.blob(layer, OCI_LAYER_GZIP) for layer in layers]
        layout.image(config=COMPONENT, layers=blobs, tag="r")
    assert not isinstance((await read()).image, ReleaseImage)
