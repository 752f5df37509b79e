"""How many requests a registry and how many blobs a run has at a time, and who waits when a registry asks for it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.oci.conftest import config, orders
from upgraph.errors import RemoteError
from upgraph.oci import (
    OCI_LAYER_GZIP,
    Access,
    Composition,
    CopyRun,
    Descriptor,
    Digest,
    Gateway,
    LayoutDestination,
    digest_of,
    parse_image_name,
    read_mirrors,
)
from upgraph.oci.http.retry import Retry
from upgraph.oci.images.destination import BlobReader
from upgraph.oci.registry.turns import Turns
from upgraph.testing.image_destination import Bytes
from upgraph.testing.registry import Fault, SimulatedRegistry

ASKED_SECONDS = 17.0
_PATIENCE_SECONDS = 180


async def others_had_their_chance() -> None:
    """Let everything run that can run now."""
    for _ in range(200):
        await asyncio.sleep(0)


@pytest.fixture
async def registry() -> AsyncIterator[SimulatedRegistry]:
    async with SimulatedRegistry() as running:
        yield running


def gateway(timing: Any, concurrency: int = 4) -> Gateway:
    return Gateway(Access(), mirrors=read_mirrors([]), concurrency=concurrency, timing=timing)


async def test_so_many_requests_are_made_at_a_time_and_no_more(clock: Any) -> None:
    turns = Turns(2, clock.timing())
    begun: list[int] = []
    go_on = asyncio.Event()

    async def request(number: int) -> None:
        async with turns:
            begun.append(number)
            await go_on.wait()

    async with asyncio.TaskGroup() as tasks:
        for number in range(5):
            tasks.create_task(request(number))
        await others_had_their_chance()
        assert begun == [0, 1]
        go_on.set()
    assert begun == [0, 1, 2, 3, 4]


async def test_repositories_of_one_registry_share_its_turns(registry: SimulatedRegistry, clock: Any) -> None:
    registry.faults = [Fault("manifest", stall=True)]
    came = asyncio.Event()
    registry.watch = lambda _: came.set()
    host = registry.repository.host
    async with gateway(clock.timing(), concurrency=1) as opened:
        source = await opened.source(parse_image_name(f"docker+http://{host}/{registry.path}"))
        neighbour = await opened.source(parse_image_name(f"docker+http://{host}/other"))
        first = asyncio.create_task(source.resolve("v1"))
        await asyncio.wait_for(came.wait(), _PATIENCE_SECONDS)
        second = asyncio.create_task(neighbour.resolve("v1"))
        await others_had_their_chance()
        assert len(registry.requests) == 1
        first.cancel()
        await asyncio.wait([second], timeout=_PATIENCE_SECONDS)
        assert len(registry.requests) > 1
        await asyncio.gather(first, second, return_exceptions=True)


async def test_a_registry_that_asks_for_a_pause_gets_it_from_readers_and_writers(
    registry: SimulatedRegistry, clock: Any
) -> None:
    content = b"layer"
    manifest = registry.add(b'{"schemaVersion":2}', tag="v1")
    registry.faults = [
        Fault("upload", method="POST", status=429, headers={"Retry-After": f"{ASKED_SECONDS:.0f}"})
    ]
    once = replace(clock.timing(), retry=Retry(attempts=1))
    async with gateway(once) as opened:
        name = parse_image_name(f"docker+http://{registry.repository.host}/{registry.path}")
        source, destination = await opened.source(name), await opened.destination(name)
        blob = Descriptor(OCI_LAYER_GZIP, digest_of(content), len(content))
        with pytest.raises(RemoteError):
            await destination.put_blob(blob, Bytes(content).read)
        assert clock.slept == [], "who does not try again does not wait"
        assert await source.resolve("v1") == manifest
    assert clock.slept == [ASKED_SECONDS]


class Crowded(LayoutDestination):
    """A layout that counts who uses it at the same time, and lets them wait for each other."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.busy: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    async def tagged(self, tag: str) -> Digest | None:
        async with self._counted("images"):
            return await super().tagged(tag)

    async def put_blob(self, blob: Descriptor, read: BlobReader) -> None:
        async with self._counted("blobs"):
            await super().put_blob(blob, read)

    @asynccontextmanager
    async def _counted(self, what: str) -> AsyncIterator[None]:
        self.busy[what] += 1
        self.most[what] = max(self.most[what], self.busy[what])
        await others_had_their_chance()
        yield
        self.busy[what] -= 1


async def test_so_many_images_and_blobs_are_on_their_way_at_a_time_and_no_more(tmp_path: Path) -> None:
    images, tags = Composition("made"), [f"v{number}" for number in range(6)]
    for tag in tags:
        layers = [images.blob(f"{tag} {one}".encode(), OCI_LAYER_GZIP) for one in range(2)]
        images.tag(tag, images.image(config=config("amd64"), layers=layers))
    async with Crowded(tmp_path / "layout") as destination:
        run = CopyRun(orders(images, destination, *tags), images=2, blobs=3)
        assert await run.carry_out(await run.plan()) == []
    assert destination.most == {"images": 2, "blobs": 3}
