"""Copying images into registries: what is moved, in which order, and what becomes of those that fail."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.oci.conftest import LARGE, asked_from, config, orders
from upgraph.errors import RemoteError, UserError
from upgraph.oci import (
    DOCKER_MANIFEST_LIST,
    Access,
    Choice,
    Composition,
    CopyRun,
    Descriptor,
    Index,
    LayoutDestination,
    LayoutSource,
    Order,
    RegistryClient,
    RegistryDestination,
    Watch,
    copy_image,
    parse_manifest,
)
from upgraph.testing.image_source import Sample
from upgraph.testing.registry import Fault, SimulatedRegistry


@pytest.fixture
async def empty() -> AsyncIterator[SimulatedRegistry]:
    async with SimulatedRegistry() as registry:
        yield registry


@pytest.fixture
async def destination(empty: SimulatedRegistry, clock: Any) -> AsyncIterator[RegistryDestination]:
    async with RegistryDestination(empty.repository, access=Access(), timing=clock.timing()) as opened:
        yield opened


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
