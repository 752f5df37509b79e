"""What an image is, read from a layout: architectures, layers, indexes, labels, verification."""

import gzip
import io
import os
import tarfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from upgraph.errors import RemoteError, Severity, VerificationError
from upgraph.oci import (
    DOCKER_MANIFEST,
    DOCKER_MANIFEST_LIST,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Descriptor,
    ImageMissing,
    LayoutWriter,
    Platform,
)
from upgraph.payload import (
    OtherImage,
    Reading,
    ReleaseContent,
    ReleaseImage,
    UnverifiedMetadata,
    Verification,
    VerifiedMetadata,
    add_release,
    release_layer,
)

Read = Callable[..., Awaitable[Reading]]
LABELLED = {"architecture": "amd64", "os": "linux", "config": {"Labels": {"io.openshift.release": "4.8.1"}}}
PLAIN = {"architecture": "amd64", "os": "linux"}
NOISE = bytes(range(256)) * 8


def _tar(**files: bytes) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(archive.getvalue(), mtime=0)


def _blob(layout: LayoutWriter, content: bytes) -> Descriptor:
    return layout.blob(content, OCI_LAYER_GZIP)


def _layer(layout: LayoutWriter, version: str) -> Descriptor:
    return _blob(layout, release_layer(ReleaseContent(version)))


def _image(
    layout: LayoutWriter, *layers: Descriptor, config: object = LABELLED, tag: str | None = "r"
) -> Descriptor:
    assert isinstance(config, dict)
    return layout.image(config=config, layers=layers, tag=tag)


def _release(reading: Reading) -> ReleaseImage:
    assert isinstance(reading.image, ReleaseImage), reading.image
    return reading.image


def _other(reading: Reading) -> tuple[str, Severity]:
    assert isinstance(reading.image, OtherImage), reading.image
    return reading.image.finding.reference, reading.image.finding.severity


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST], ids=["oci", "docker"])
@pytest.mark.parametrize("arch", ["amd64", "arm64", "s390x", "ppc64le"])
async def test_a_release_is_of_the_architecture_in_its_configuration(
    layout: LayoutWriter, read: Read, arch: str, media_type: str
) -> None:
    content = ReleaseContent("4.8.1", previous=["4.8.0"], next=["4.8.2"], metadata={"url": "u"})
    with layout:
        image = add_release(layout, content, arch, "r", media_type=media_type)
    release = _release(await read())
    assert (release.arch, release.digest) == (arch, image.digest)
    document = release.metadata.document
    assert (document.version.text, document.metadata) == ("4.8.1", {"url": "u"})
    assert [str(version) for version in (*document.previous, *document.next)] == ["4.8.0", "4.8.2"]


@pytest.mark.parametrize("arch", ["", "AMD64", "x86_64", "arm/v7", "a,b", "ärm", "a" * 33])
async def test_an_architecture_that_no_cluster_can_ask_for_is_an_error(
    layout: LayoutWriter, read: Read, arch: str
) -> None:
    with layout:
        _image(layout, _layer(layout, "4.8.1"), config=LABELLED | {"architecture": arch})
    assert _other(await read()) == ("release-architecture-invalid", Severity.ERROR)


async def test_an_image_without_architecture_that_is_no_release_is_no_fault(
    layout: LayoutWriter, read: Read
) -> None:
    with layout:
        _image(layout, _blob(layout, _tar(chart=b"helm")), config={})
    assert _other(await read()) == ("release-metadata-missing", Severity.INFO)


async def test_the_upper_layer_wins(layout: LayoutWriter, read: Read) -> None:
    with layout:
        _image(layout, _layer(layout, "4.8.1"), _layer(layout, "4.8.2"), _blob(layout, _tar(file=b"")))
    assert _release(await read()).metadata.document.version.text == "4.8.2"


UNUSABLE = {
    "wrong document": _tar(**{"release-manifests__release-metadata": b"{}"}),
    "no archive": b"garbage" * 100,
    "damaged gzip": gzip.compress(NOISE)[:10] + b"\x07" * 50,
    "truncated": _tar(**{"release-manifests__release-metadata": NOISE})[:60],
    "empty": b"",
    "three bytes": b"abc",
}


@pytest.mark.parametrize("upper", UNUSABLE.values(), ids=UNUSABLE.keys())
async def test_below_an_unusable_layer_the_next_one_counts(
    layout: LayoutWriter, read: Read, upper: bytes
) -> None:
    with layout:
        _image(layout, _layer(layout, "4.8.1"), _blob(layout, upper))
    assert _release(await read()).metadata.document.version.text == "4.8.1"


@pytest.mark.parametrize("name", ["wrong document", "no archive", "damaged gzip"])
async def test_if_no_layer_is_usable_the_reason_is_that_of_the_uppermost(
    layout: LayoutWriter, read: Read, name: str
) -> None:
    with layout:
        _image(layout, _blob(layout, UNUSABLE["no archive"]), _blob(layout, UNUSABLE[name]))
    reference = "release-metadata-invalid" if name == "wrong document" else "layer-unreadable"
    assert _other(await read()) == (reference, Severity.ERROR)


async def test_an_image_that_says_it_is_a_release_and_has_no_metadata_is_an_error(
    layout: LayoutWriter, read: Read
) -> None:
    with layout:
        _image(layout, _blob(layout, _tar(file=b"")))
    assert _other(await read()) == ("release-metadata-missing", Severity.ERROR)


async def test_an_image_without_layers_is_no_release(layout: LayoutWriter, read: Read) -> None:
    with layout:
        _image(layout, config=PLAIN)
    assert await read() == Reading((await read()).image, 0)
    assert _other(await read()) == ("release-metadata-missing", Severity.INFO)


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_MANIFEST_LIST], ids=["oci", "docker"])
async def test_an_index_of_several_images_is_multi_and_its_last_image_speaks(
    layout: LayoutWriter, read: Read, media_type: str
) -> None:
    with layout:
        entries = [
            (add_release(layout, ReleaseContent(f"4.8.{n}"), arch), Platform(arch))
            for n, arch in enumerate(["amd64", "arm64", "s390x"])
        ]
        index = layout.index(entries, "r", media_type=media_type)
    release = _release(await read())
    assert (release.arch, release.digest) == ("multi", index.digest)
    assert release.metadata.document.version.text == "4.8.2"


async def test_an_index_of_one_image_is_of_its_architecture(layout: LayoutWriter, read: Read) -> None:
    with layout:
        layout.index([(add_release(layout, ReleaseContent("4.8.1"), "arm64"), Platform("arm64"))], "r")
    assert _release(await read()).arch == "arm64"


async def test_attestations_in_an_index_do_not_count(layout: LayoutWriter, read: Read) -> None:
    with layout:
        image = add_release(layout, ReleaseContent("4.8.1"), "arm64")
        proof = _image(layout, config={}, tag=None)
        layout.index([(image, Platform("arm64")), (proof, Platform("unknown", "unknown"))], "r")
    assert _release(await read()).arch == "arm64"


async def test_an_empty_index_is_an_error(layout: LayoutWriter, read: Read) -> None:
    with layout:
        layout.index([], "r")
    assert _other(await read()) == ("release-index-empty", Severity.ERROR)


async def test_an_index_that_leads_to_an_index_is_an_error(layout: LayoutWriter, read: Read) -> None:
    with layout:
        inner = layout.index([(add_release(layout, ReleaseContent("4.8.1"), "amd64"), Platform("amd64"))])
        layout.index([(inner, Platform("amd64")), (inner, Platform("arm64"))], "r")
    assert _other(await read()) == ("release-metadata-invalid", Severity.ERROR)


@pytest.mark.parametrize("lost", ["layer", "configuration"], ids=["layer", "configuration"])
async def test_content_that_is_missing_is_a_fault_of_the_copy_and_not_of_the_image(
    layout: LayoutWriter, read: Read, path: Path, lost: str
) -> None:
    with layout:
        layer = _layer(layout, "4.8.1")
        _image(layout, layer)
    for blob in (path / "blobs" / "sha256").iterdir():
        is_layer = blob.name in layer.digest
        is_config = blob.read_bytes().startswith(b'{"architecture"')
        if is_layer if lost == "layer" else is_config:
            blob.unlink()
    with pytest.raises(RemoteError):
        await read()


async def test_the_configuration_is_checked_against_its_digest(
    layout: LayoutWriter, read: Read, path: Path
) -> None:
    with layout:
        _image(layout, _layer(layout, "4.8.1"))
    for blob in (path / "blobs" / "sha256").iterdir():
        content = blob.read_bytes()
        if content.startswith(b'{"architecture"'):
            blob.write_bytes(content.replace(b"amd64", b"arm64"))
    with pytest.raises(VerificationError):
        await read()


async def test_a_prefix_is_unverified_and_a_whole_layer_verified(layout: LayoutWriter, read: Read) -> None:
    with layout:
        add_release(layout, ReleaseContent("4.8.1"), "amd64", "r")
    prefix, whole = _release(await read()), _release(await read("r", Verification.WHOLE_LAYER))
    assert isinstance(prefix.metadata, UnverifiedMetadata)
    assert isinstance(whole.metadata, VerifiedMetadata)
    assert prefix.metadata.document == whole.metadata.document


async def test_a_layer_that_was_changed_behind_the_metadata_is_found_by_verification_alone(
    layout: LayoutWriter, read: Read, path: Path
) -> None:
    long = ReleaseContent("4.8.1", manifests={"behind": os.urandom(50_000)})
    with layout:
        layer = _blob(layout, release_layer(long))
        _image(layout, layer)
    blob = path / "blobs" / "sha256" / layer.digest.partition(":")[2]
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.write_bytes(content)
    _release(await read())
    with pytest.raises(VerificationError) as caught:
        await read("r", Verification.WHOLE_LAYER)
    assert caught.value.reference == "layer-mismatch"
    assert layer.digest in caught.value.seen


async def test_an_index_whose_image_is_missing_is_an_incomplete_copy_and_not_a_tag_that_is_gone(
    layout: LayoutWriter, read: Read, path: Path
) -> None:
    with layout:
        image = add_release(layout, ReleaseContent("4.8.1"), "amd64")
        layout.index([(image, Platform("amd64")), (image, Platform("arm64"))], "r")
    (path / "blobs" / "sha256" / image.digest.partition(":")[2]).unlink()
    with pytest.raises(RemoteError) as caught:
        await read()
    assert not isinstance(caught.value, ImageMissing)
    assert image.digest in caught.value.seen
