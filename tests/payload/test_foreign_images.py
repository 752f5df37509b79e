"""Images that skopeo wrote: other forms and other compressions of the same release."""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from upgraph.oci import LayoutSource, LayoutWriter, Platform
from upgraph.payload import (
    ReleaseContent,
    ReleaseImage,
    Verification,
    VerifiedMetadata,
    add_release,
    read_release,
)

CONTENT = ReleaseContent("4.8.1", previous=["4.8.0"], metadata={"url": "https://example.com"})
COPY_SECONDS = 60


def _skopeo(*words: str, home: Path) -> None:
    policy = home / "policy.json"
    policy.write_text('{"default":[{"type":"insecureAcceptAnything"}]}')
    command = ["skopeo", f"--policy={policy}", f"--tmpdir={home}", "copy", "--quiet", *words]
    subprocess.run(command, check=True, timeout=COPY_SECONDS, capture_output=True)


Repack = Callable[[Sequence[str]], Path]


@pytest.fixture
def repack(path: Path, tmp_path: Path) -> Repack:
    """Copies the tag ``r`` with skopeo into another layout; its layers are packed anew on the way."""

    def repack(options: Sequence[str]) -> Path:
        unpacked, target = tmp_path / "unpacked", tmp_path / "copy"
        _skopeo("--dest-decompress", f"oci:{path}:r", f"dir:{unpacked}", home=tmp_path)
        _skopeo(*options, f"dir:{unpacked}", f"oci:{target}:r", home=tmp_path)
        return target

    return repack


async def _read(layout: Path) -> ReleaseImage:
    async with LayoutSource(layout) as source:
        reading = await read_release(source, await source.manifest("r"), Verification.WHOLE_LAYER)
    assert isinstance(reading.image, ReleaseImage), reading.image
    return reading.image


WAYS = {
    "gzip": (["--dest-compress-format", "gzip", "--dest-compress-level", "1"], b"\x1f\x8b"),
    "zstd": (["--dest-compress-format", "zstd"], b"\x28\xb5\x2f\xfd"),
    "not compressed": (["--dest-oci-accept-uncompressed-layers"], b"release-manifests\0"),
}


@pytest.mark.parametrize(("options", "start"), WAYS.values(), ids=WAYS.keys())
async def test_a_release_is_read_however_skopeo_packed_it(
    layout: LayoutWriter, repack: Repack, options: list[str], start: bytes
) -> None:
    with layout:
        add_release(layout, CONTENT, "s390x", "r")
    copy = repack(options)
    assert any(blob.read_bytes().startswith(start) for blob in (copy / "blobs" / "sha256").iterdir())
    image = await _read(copy)
    assert (image.arch, type(image.metadata)) == ("s390x", VerifiedMetadata)
    assert image.metadata.document.metadata == {"url": "https://example.com"}
    assert [str(version) for version in image.metadata.document.previous] == ["4.8.0"]


async def test_an_index_is_read_after_a_copy_of_all_its_images(
    layout: LayoutWriter, path: Path, tmp_path: Path
) -> None:
    with layout:
        arches = ("amd64", "arm64")
        layout.index([(add_release(layout, CONTENT, arch), Platform(arch)) for arch in arches], "r")
    _skopeo("--all", f"oci:{path}:r", f"oci:{tmp_path / 'copy'}:r", home=tmp_path)
    assert (await _read(tmp_path / "copy")).arch == "multi"


async def test_a_release_is_read_after_a_way_through_a_docker_archive(
    layout: LayoutWriter, path: Path, tmp_path: Path
) -> None:
    archive, back = tmp_path / "archive.tar", tmp_path / "copy"
    with layout:
        add_release(layout, CONTENT, "arm64", "r")
    _skopeo("--format", "v2s2", f"oci:{path}:r", f"docker-archive:{archive}:example.com/r:r", home=tmp_path)
    _skopeo(f"docker-archive:{archive}", f"oci:{back}:r", home=tmp_path)
    image = await _read(back)
    assert (image.arch, image.metadata.document.version.text) == ("arm64", "4.8.1")
