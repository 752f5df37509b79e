"""Copying images onto disks: layouts that are gone on with and repaired, archives that appear whole."""

import json
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.oci.conftest import LARGE, asked_from, orders
from upgraph.errors import DataError, UpgraphError, UserError
from upgraph.oci import (
    OCI_LAYER_GZIP,
    Access,
    ArchiveDestination,
    ArchiveSource,
    Composition,
    CopyRun,
    Index,
    LayoutDestination,
    LayoutSource,
    Order,
    RegistryClient,
    copy_image,
    parse_manifest,
    publish,
)
from upgraph.testing.image_source import Sample
from upgraph.testing.registry import Fault, SimulatedRegistry


@pytest.mark.parametrize("what", ["blob", "child", "shorter"])
async def test_a_layout_that_lost_a_part_gets_it_again(
    images: Composition, tmp_path: Path, what: str
) -> None:
    order = Order(images, "multi", LayoutDestination(tmp_path), "v1")
    async with order.destination:
        await copy_image(order)
    index = parse_manifest((await images.manifest("multi")).content, "")
    assert isinstance(index, Index)
    digest = (
        index.entries[0].descriptor.digest if what == "child" else images.blob(LARGE, OCI_LAYER_GZIP).digest
    )
    file = tmp_path / "blobs/sha256" / digest.partition(":")[2]
    before = file.read_bytes()
    file.write_bytes(before[:10]) if what == "shorter" else file.unlink()
    async with LayoutDestination(tmp_path) as again:
        await copy_image(replace(order, destination=again))
    assert file.read_bytes() == before


async def test_a_layout_that_has_an_image_does_not_ask_the_source_what_it_consists_of(
    registry: SimulatedRegistry, client: RegistryClient, tmp_path: Path
) -> None:
    async with LayoutDestination(tmp_path) as destination:
        await copy_image(Order(client, "4.18.1-multi", destination, "v1"))
    registry.requests.clear()
    async with LayoutDestination(tmp_path) as destination:
        await copy_image(Order(client, "4.18.1-multi", destination, "v1"))
    assert [(seen.method, seen.step) for seen in registry.requests] == [("HEAD", "manifest")]


async def test_a_layout_goes_on_with_what_an_earlier_copy_left(
    registry: SimulatedRegistry, client: RegistryClient, sample: Sample, tmp_path: Path
) -> None:
    name = sample.large.digest
    registry.faults = [Fault("blob", name=name, cut_after=1_000_000), Fault("blob", name=name, status=404)]
    order = Order(client, "4.18.1-x86_64", LayoutDestination(tmp_path), "v1")
    async with order.destination:
        with pytest.raises(UpgraphError):
            await copy_image(order)
    registry.requests.clear()
    async with LayoutDestination(tmp_path) as again:
        await copy_image(replace(order, destination=again))
    (start,) = asked_from(registry, sample)
    assert start > 0


async def test_what_an_earlier_copy_left_is_not_believed(images: Composition, tmp_path: Path) -> None:
    blob = images.blob(LARGE, OCI_LAYER_GZIP)
    place = tmp_path / "blobs" / "sha256" / f".{blob.digest[7:]}.partial"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"damaged" * 1000)
    async with LayoutDestination(tmp_path) as destination:
        await copy_image(Order(images, "4.18.0", destination, "v1"))
    assert b"".join([piece async for piece in LayoutSource(tmp_path).read(blob)]) == LARGE
    assert not place.exists()


async def test_two_copies_into_one_layout_do_not_lose_each_others_tags(
    images: Composition, tmp_path: Path
) -> None:
    async with LayoutDestination(tmp_path) as first:
        await copy_image(Order(images, "4.18.0", first, "v1"))
        async with LayoutDestination(tmp_path) as second:
            with pytest.raises(UserError, match=f"oci:{tmp_path}"):
                await copy_image(Order(images, "4.18.1", second, "v2"))
    assert await LayoutSource(tmp_path).tags() == ["v1"]


async def test_a_full_disk_is_said_with_the_room_that_is_left(images: Composition) -> None:
    full = Path("/dev/full")
    async with LayoutDestination(full / "layout") as destination:
        with pytest.raises(DataError, match="oci:/dev/full/layout: Not a directory") as raised:
            await copy_image(Order(images, "4.18.0", destination, "v1"))
    assert raised.value.reference == "image-disk"


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


async def test_an_archive_appears_whole_or_not_at_all(images: Composition, tmp_path: Path) -> None:
    file = tmp_path / "images.tar"
    broken = ArchiveDestination(file)
    async with AsyncExitStack() as stack:
        stack.push_async_exit(lambda *_: broken.__aexit__(KeyError, KeyError(), None))
        await copy_image(Order(images, "4.18.0", broken, "v1"))
    assert names_in(tmp_path) == ["images.tar.partial"]
    async with ArchiveDestination(file) as destination:
        run = CopyRun(orders(images, destination, "4.18.1"))
        plan = await run.plan()
        assert plan.amounts.bytes_there == len(LARGE) + len(b'{"architecture":"amd64","os":"linux"}')
        await run.carry_out(plan)
    assert await ArchiveSource(file).tags() == ["4.18.1"]
    assert names_in(tmp_path) == ["images.tar"]


async def test_the_same_images_give_the_same_archive(images: Composition, tmp_path: Path) -> None:
    for name, tags in (("a", ("multi", "4.18.0")), ("b", ("4.18.0", "multi"))):
        async with ArchiveDestination(tmp_path / name) as destination:
            for order in orders(images, destination, *tags):
                await copy_image(order)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


async def test_an_archive_that_is_there_is_not_replaced_unless_it_may(
    images: Composition, tmp_path: Path
) -> None:
    where = f"oci-archive:{tmp_path}/images.tar:v1"
    await publish(images, "4.18.0", where, Access())
    with pytest.raises(UserError, match=r"images\.tar is there already and has \d+ bytes"):
        await publish(images, "4.18.1", where, Access())
    digest = await publish(images, "4.18.1", where, Access(), overwrite=True)
    assert await ArchiveSource(tmp_path / "images.tar").resolve("v1") == digest


@pytest.mark.parametrize("name", ["dir:/somewhere", "oci:/l:sha256:" + "0" * 64])
async def test_what_cannot_be_written_to_is_refused(images: Composition, name: str) -> None:
    with pytest.raises(UserError) as raised:
        await publish(images, "4.18.0", name, Access())
    assert raised.value.reference == "image-destination"


async def test_an_entry_of_others_stays_in_a_layout(images: Composition, tmp_path: Path) -> None:
    image = await images.manifest("4.18.0")
    other = {"mediaType": "a/b", "digest": image.digest, "size": 5, "annotations": {"x": "y"}, "platform": {}}
    (tmp_path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [other]}))
    async with LayoutDestination(tmp_path) as destination:
        await copy_image(Order(images, "4.18.1", destination, "v1"))
    entries = json.loads((tmp_path / "index.json").read_text())["manifests"]
    assert other in entries
    assert len(entries) == 2
