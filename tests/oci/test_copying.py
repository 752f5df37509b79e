"""Copying images: what is moved, in which order, and what becomes of those that fail."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from upgraph.errors import DataError, RemoteError, UpgraphError, UserError
from upgraph.oci import (
    DOCKER_MANIFEST_LIST,
    OCI_LAYER_GZIP,
    Access,
    ArchiveDestination,
    ArchiveSource,
    Choice,
    Composition,
    CopyRun,
    Descriptor,
    ImageDestination,
    Index,
    LayoutDestination,
    LayoutSource,
    Order,
    Platform,
    RegistryClient,
    RegistryDestination,
    Watch,
    copy_image,
    parse_manifest,
    publish,
)
from upgraph.testing.image_source import Sample
from upgraph.testing.registry import Fault, SimulatedRegistry

LARGE = bytes(range(256)) * 20_000


@pytest.fixture
async def empty() -> AsyncIterator[SimulatedRegistry]:
    async with SimulatedRegistry() as registry:
        yield registry


@pytest.fixture
async def destination(empty: SimulatedRegistry, clock: Any) -> AsyncIterator[RegistryDestination]:
    async with RegistryDestination(empty.repository, access=Access(), timing=clock.timing()) as opened:
        yield opened


@pytest.fixture
def images() -> Composition:
    """Images that share a layer: two releases, and an index of four architectures with an attestation."""
    made = Composition("made")
    shared = made.blob(LARGE, OCI_LAYER_GZIP)
    for number in range(2):
        own = made.blob(f"release {number}".encode(), OCI_LAYER_GZIP)
        made.tag(f"4.18.{number}", made.image(config=config("amd64"), layers=[shared, own]))
    parts = [(made.image(config=config(one), layers=[shared]), Platform(one)) for one in ("amd64", "arm64")]
    made.tag("multi", made.index(parts))
    return made


def config(architecture: str) -> dict[str, object]:
    return {"architecture": architecture, "os": "linux"}


def orders(images: Composition, destination: ImageDestination, *tags: str) -> list[Order]:
    return [Order(images, tag, destination, tag) for tag in tags]


async def test_a_reader_never_sees_a_part(
    images: Composition, destination: RegistryDestination, empty: SimulatedRegistry
) -> None:
    await copy_image(Order(images, "multi", destination, "v1"))
    written = [(seen.step, seen.path.rpartition("/")[2]) for seen in empty.requests if seen.method == "PUT"]
    steps = [step for step, _ in written]
    assert steps == sorted(steps, reverse=True), "blobs (uploads) come before manifests"
    parts = [name for step, name in written if step == "manifest"]
    assert [name.partition(":")[0] for name in parts] == ["sha256", "sha256", "v1"]


async def test_a_blob_of_several_images_is_asked_for_and_sent_once(
    images: Composition, destination: RegistryDestination, empty: SimulatedRegistry
) -> None:
    run = CopyRun(orders(images, destination, "4.18.0", "4.18.1", "multi"))
    assert await run.carry_out(await run.plan()) == []
    assert set(empty.uploads.finished.values()) == {1}
    assert empty.counts["blob"] == len(empty.uploads.finished)


async def test_an_image_that_is_there_is_not_written_again(
    images: Composition, destination: RegistryDestination, empty: SimulatedRegistry
) -> None:
    await copy_image(Order(images, "multi", destination, "v1"))
    empty.requests.clear()
    await copy_image(Order(images, "multi", destination, "v1"))
    assert {seen.method for seen in empty.requests} == {"HEAD"}


async def test_what_is_there_costs_a_request_at_each_end(
    registry: SimulatedRegistry,
    client: RegistryClient,
    destination: RegistryDestination,
    empty: SimulatedRegistry,
) -> None:
    order = Order(client, "4.18.1-multi", destination, "v1")
    digest = await copy_image(order)
    for simulated in (registry, empty):
        simulated.requests.clear()
    assert await copy_image(order) == digest
    assert [(seen.method, seen.step) for seen in registry.requests] == [("HEAD", "manifest")]
    assert [(seen.method, seen.step) for seen in empty.requests] == [("HEAD", "manifest")]


async def test_an_image_named_by_its_digest_is_not_asked_for_at_the_source(
    registry: SimulatedRegistry, client: RegistryClient, destination: RegistryDestination
) -> None:
    order = Order(client, registry.tags["4.18.1-multi"], destination, "v1")
    await copy_image(order)
    registry.requests.clear()
    await copy_image(order)
    assert registry.requests == []


async def test_what_is_there_of_a_single_image_costs_its_manifest_where_nobody_chose_an_index(
    images: Composition, destination: RegistryDestination, empty: SimulatedRegistry
) -> None:
    order = Order(images, "4.18.0", destination, "v1", Choice())
    await copy_image(order)
    empty.requests.clear()
    await copy_image(order)
    assert [(seen.method, seen.step) for seen in empty.requests] == [("HEAD", "manifest")]


async def test_every_blob_is_looked_for_where_that_is_asked(
    images: Composition, destination: RegistryDestination, empty: SimulatedRegistry
) -> None:
    order = Order(images, "4.18.0", destination, "v1")
    await copy_image(order)
    lost = next(name for name, content in empty.blobs.items() if content == LARGE)
    del empty.blobs[lost]
    await copy_image(order)
    assert lost not in empty.blobs
    await copy_image(replace(order, recheck=True))
    assert empty.blobs[lost] == LARGE


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


async def test_what_it_takes_is_known_before_it_begins(
    images: Composition, destination: RegistryDestination, empty: SimulatedRegistry
) -> None:
    await copy_image(Order(images, "4.18.0", destination, "4.18.0"))
    before = len(empty.blobs)
    plan = await CopyRun(orders(images, destination, "4.18.0", "4.18.1")).plan()
    amounts = plan.amounts
    assert (amounts.images, amounts.images_there, amounts.blobs) == (2, 1, 1)
    assert amounts.bytes_to_move == len(b"release 1")
    assert amounts.bytes_there == len(LARGE) + len(b'{"architecture":"amd64","os":"linux"}')
    assert len(empty.blobs) == before


async def test_each_byte_that_is_moved_is_told_once(
    images: Composition, destination: RegistryDestination, empty: SimulatedRegistry
) -> None:
    empty.uploads.offsets = False
    empty.faults = [Fault("upload", method="PATCH", take=1_000_000)]
    told: list[int] = []
    run = CopyRun(orders(images, destination, "4.18.0"))
    plan = await run.plan()
    await run.carry_out(plan, Watch(told.append))
    assert sum(told) == plan.amounts.bytes_to_move


async def test_a_tag_of_another_image_is_left_alone_before_anything_is_sent(
    images: Composition, destination: RegistryDestination, empty: SimulatedRegistry
) -> None:
    await copy_image(Order(images, "4.18.0", destination, "stable"))
    empty.requests.clear()
    with pytest.raises(UserError, match=r"stable is sha256:.*, not sha256:") as raised:
        await copy_image(Order(images, "4.18.1", destination, "stable"))
    assert raised.value.reference == "image-tag-taken"
    assert {seen.method for seen in empty.requests} <= {"GET", "HEAD"}


async def test_a_tag_moves_when_it_may(images: Composition, destination: RegistryDestination) -> None:
    await copy_image(Order(images, "4.18.0", destination, "stable"))
    digest = await copy_image(Order(images, "4.18.1", destination, "stable", overwrite=True))
    assert await destination.tagged("stable") == digest


async def test_two_images_for_one_tag_are_not_copied_over_each_other(
    images: Composition, destination: RegistryDestination
) -> None:
    both = [Order(images, tag, destination, "stable") for tag in ("4.18.0", "4.18.1")]
    plan = await CopyRun(both).plan()
    assert [planned.order.reference for planned in plan.images] == ["4.18.0"]
    assert [failure.error.reference for failure in plan.failures] == ["image-tag-taken"]


async def test_an_image_that_fails_holds_up_no_other(
    images: Composition, destination: RegistryDestination, empty: SimulatedRegistry
) -> None:
    empty.faults = [Fault("manifest", method="PUT", name="4.18.0", status=400, times=9)]
    run = CopyRun(orders(images, destination, "4.18.0", "absent", "4.18.1"))
    failures = await run.carry_out(await run.plan())
    assert {failure.order.reference: failure.error.reference for failure in failures} == {
        "absent": "oci-image-missing",
        "4.18.0": "registry-manifest-refused",
    }
    assert set(empty.tags) == {"4.18.1"}


async def test_an_index_is_not_copied_unless_it_was_said_what_of_it(
    images: Composition, destination: RegistryDestination
) -> None:
    with pytest.raises(UserError, match="an index of images for amd64, arm64"):
        await copy_image(Order(images, "multi", destination, "v1", Choice()))


async def test_an_architecture_that_is_not_there_is_named(
    images: Composition, destination: RegistryDestination
) -> None:
    with pytest.raises(UserError, match="no image for s390x; it has amd64, arm64"):
        await copy_image(Order(images, "multi", destination, "v1", Choice(frozenset({"s390x", "amd64"}))))


async def test_one_architecture_is_the_image_itself(
    images: Composition, destination: RegistryDestination
) -> None:
    run = CopyRun([Order(images, "multi", destination, "v1", Choice(frozenset({"arm64"})))])
    (planned,) = (await run.plan()).images
    index = parse_manifest((await images.manifest("multi")).content, "")
    assert isinstance(index, Index)
    assert planned.cargo.image.digest == index.entries[1].descriptor.digest
    assert planned.cargo.changed_from == (await images.manifest("multi")).digest


async def test_all_architectures_by_name_are_the_whole_index(
    images: Composition, destination: RegistryDestination
) -> None:
    every = Choice(frozenset({"arm64", "amd64"}))
    digest = await copy_image(Order(images, "multi", destination, "v1", every))
    assert digest == (await images.manifest("multi")).digest


async def test_a_part_of_an_index_keeps_its_entries_as_they_are(tmp_path: Path) -> None:
    made = Composition("made")
    parts = {one: made.image(config=config(one), layers=[]) for one in ("amd64", "arm64", "s390x")}
    entries = [entry(image, one) for one, image in parts.items()]
    proof = made.image(config={"architecture": "unknown", "os": "unknown"}, layers=[])
    about = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": parts["arm64"].digest,
    }
    entries.append(entry(proof, "unknown") | {"annotations": about})
    document = {"schemaVersion": 2, "mediaType": DOCKER_MANIFEST_LIST, "manifests": entries, "x-kept": 7}
    top = made._manifest(json.dumps(document).encode(), DOCKER_MANIFEST_LIST)
    made.tag("multi", top)
    chosen = Choice(frozenset({"arm64", "s390x"}))
    async with LayoutDestination(tmp_path) as destination:
        digest = await copy_image(Order(made, "multi", destination, "part", chosen))
    copied = json.loads((await LayoutSource(tmp_path).manifest(digest)).content)
    assert copied == document | {"manifests": entries[1:]}


def entry(image: Descriptor, architecture: str) -> dict[str, object]:
    platform = {"architecture": architecture, "os": "linux", "variant": "v8"}
    named = {"mediaType": image.media_type, "digest": image.digest, "size": image.size}
    return named | {"platform": platform, "x-unknown": [1]}


async def test_a_source_that_breaks_off_is_gone_on_with_where_it_was(
    destination: RegistryDestination, registry: SimulatedRegistry, client: RegistryClient, sample: Sample
) -> None:
    lost = Fault("blob", method="GET", name=sample.large.digest, cut_after=1_000_000, times=2)
    registry.faults = [lost]
    await copy_image(Order(client, "4.18.1-multi", destination, "v1"))
    first, second, third = asked_from(registry, sample)
    assert 0 == first < second < third


def asked_from(registry: SimulatedRegistry, sample: Sample) -> list[int]:
    """From which byte on the large blob was asked for, each time."""
    asked = [seen for seen in registry.requests if seen.path.endswith(sample.large.digest)]
    ranges = [re.match(r"bytes=(\d+)-", seen.headers.get("Range", "bytes=0-")) for seen in asked]
    return [int(found[1]) for found in ranges if found]


async def test_a_source_without_a_blob_fails_its_image_alone(
    registry: SimulatedRegistry, client: RegistryClient, tmp_path: Path
) -> None:
    image = parse_manifest(registry.blobs[registry.tags["4.18.1-x86_64"]], "")
    assert not isinstance(image, Index)
    del registry.blobs[image.layers[1].digest]
    async with LayoutDestination(tmp_path) as destination:
        with pytest.raises(RemoteError, match="404"):
            await copy_image(Order(client, "4.18.1-x86_64", destination, "v1"))
        assert await destination.tagged("v1") is None


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
