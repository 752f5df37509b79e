"""A release read whole: which image of an index speaks for it, and what is no release."""

import tarfile
from collections.abc import Awaitable, Callable

import pytest

from upgraph.errors import DataError, UserError
from upgraph.oci import DOCKER_MANIFEST, OCI_LAYER_GZIP, OCI_MANIFEST, LayoutWriter, Platform
from upgraph.payload import Payload, ReleaseContent, VerifiedMetadata, add_release, release_layer

Whole = Callable[..., Awaitable[Payload]]
CONTENT = ReleaseContent(
    "4.8.1",
    previous=["4.8.0"],
    images={"cli": "x.example/cli@sha256:" + "1" * 64},
    manifests={"0000_50_a.yaml": b"a", "notes.txt": b"n"},
    times={"0000_50_a.yaml": 1_700_000_000},
)
CONFIG = {"architecture": "amd64", "os": "linux"}


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
async def test_all_that_a_release_holds_is_found(layout: LayoutWriter, whole: Whole, media_type: str) -> None:
    with layout:
        add_release(layout, CONTENT, "s390x", "r", media_type=media_type)
    found = await whole()
    assert (found.version, type(found.metadata)) == ("4.8.1", VerifiedMetadata)
    assert list(found.files) == ["image-references", "release-metadata", "0000_50_a.yaml", "notes.txt"]
    assert list(found.manifests) == ["0000_50_a.yaml"]
    assert found.files["0000_50_a.yaml"].modified == 1_700_000_000
    assert found.member.config.created == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize(
    ("asked", "arches", "read"),
    [
        (None, ["arm64", "amd64", "s390x"], "amd64"),
        (None, ["arm64", "s390x"], "arm64"),
        ("s390x", ["arm64", "amd64", "s390x"], "s390x"),
    ],
)
async def test_one_image_of_an_index_is_read(
    layout: LayoutWriter, whole: Whole, asked: str | None, arches: list[str], read: str
) -> None:
    with layout:
        layout.index([(add_release(layout, CONTENT, arch), Platform(arch)) for arch in arches], "r")
    assert (await whole("r", asked)).member.config.architecture == read


async def test_an_architecture_that_is_not_there_is_told(layout: LayoutWriter, whole: Whole) -> None:
    with layout:
        add_release(layout, CONTENT, "amd64", "r")
    with pytest.raises(UserError, match="is for amd64; 'arm64' was asked for"):
        await whole("r", "arm64")


async def test_an_image_that_is_no_release_is_told(layout: LayoutWriter, whole: Whole) -> None:
    with layout:
        layout.image(config=CONFIG, layers=[layout.blob(b"chart", OCI_LAYER_GZIP)], tag="r")
    with pytest.raises(DataError) as caught:
        await whole()
    assert caught.value.reference == "release-metadata-missing"


async def test_an_index_without_images_is_told(layout: LayoutWriter, whole: Whole) -> None:
    with layout:
        layout.index([], "r")
    with pytest.raises(DataError) as caught:
        await whole()
    assert caught.value.reference == "release-index-empty"


async def test_a_release_without_a_list_of_components_is_told(
    layout: LayoutWriter, whole: Whole, pack: Callable[..., bytes]
) -> None:
    metadata = b'{"kind":"cincinnati-metadata-v0","version":"4.8.1"}'
    layer = pack(tarfile.TarInfo("release-manifests/release-metadata"), content=metadata)
    with layout:
        layout.image(config=CONFIG, layers=[layout.blob(layer, OCI_LAYER_GZIP)], tag="r")
    with pytest.raises(DataError) as caught:
        await whole()
    assert caught.value.reference == "release-references-invalid"


@pytest.mark.parametrize("config", [b"[]", b"{", b'{"architecture": 7}'])
async def test_a_configuration_that_is_none_is_told(
    layout: LayoutWriter, whole: Whole, config: bytes
) -> None:
    with layout:
        add_release(layout, CONTENT, "amd64", "r")
        stored = layout.blob(config, "application/vnd.oci.image.config.v1+json")
        layer = layout.blob(release_layer(CONTENT), OCI_LAYER_GZIP)
        document = (
            f'{{"schemaVersion":2,"config":{{"mediaType":"a","digest":"{stored.digest}","size":{stored.size}}},'
            f'"layers":[{{"mediaType":"b","digest":"{layer.digest}","size":{layer.size}}}]}}'
        )
        layout._manifest(document.encode(), OCI_MANIFEST, "r")
    with pytest.raises(DataError) as caught:
        await whole()
    assert caught.value.reference == "image-config-invalid"
