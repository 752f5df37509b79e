"""Images that are put together in memory are a source like others."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from upgraph.oci import Composition, ImageSource, LayoutSource, Platform
from upgraph.testing.image_source import CHECKS, Sample, write_sample


async def composed(sample: Sample, base: ImageSource) -> Composition:
    """The sample, made anew out of its bytes; its large layer stays in the base."""
    images = Composition("composition", base)
    low = images.blob(sample.small_content, "application/vnd.oci.image.layer.v1.tar+gzip")
    high = sample.large
    rootfs = {"type": "layers", "diff_ids": [low.digest, high.digest]}
    oci = images.image(config={"architecture": "amd64", "os": "linux", "rootfs": rootfs}, layers=[low, high])
    docker_layer = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    docker = images.image(
        config={"architecture": "arm64", "os": "linux", "rootfs": rootfs},
        layers=[type(low)(docker_layer, layer.digest, layer.size) for layer in (low, high)],
        media_type="application/vnd.docker.distribution.manifest.v2+json",
    )
    index = images.index([(oci, Platform("amd64")), (docker, Platform("arm64"))])
    made = {"4.18.1-x86_64": oci, "4.18.1-aarch64": docker, "4.18.1-multi": index, "latest": index}
    for tag, image in made.items():
        images.tag(tag, image)
    return images


@pytest.mark.parametrize("check", CHECKS)
async def test_the_contract_is_kept(
    check: Callable[[ImageSource, Sample], Awaitable[None]], tmp_path: Path
) -> None:
    sample = write_sample(tmp_path)
    async with await composed(sample, LayoutSource(tmp_path)) as images:
        await check(images, sample)


async def test_it_makes_the_bytes_that_the_writer_of_layouts_makes(tmp_path: Path) -> None:
    sample = write_sample(tmp_path)
    images = await composed(sample, LayoutSource(tmp_path))
    assert {tag: await images.resolve(tag) for tag in await images.tags()} == dict(sample.digests)
