"""A registry without TLS behind something that has it: it names its own addresses as it sees them, with http."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from upgraph.oci import Access, Composition, RegistryClient, Repository, Trust, publish
from upgraph.testing.certificates import Certificates
from upgraph.testing.real_registry import RealRegistry, real_registry


@dataclass
class Terminator:
    """Speaks TLS, and hands on what comes out of it. Headers stay as they are: nobody told it to add any."""

    behind: int
    port: int = 0
    seen: bytes = b""
    """What the registry has answered."""

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.behind)
        with suppress(OSError):
            await asyncio.gather(self._pipe(reader, back), self._pipe(there, writer, is_told=True))

    async def _pipe(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_told: bool = False
    ) -> None:
        try:
            while piece := await source.read(64 * 1024):
                self.seen += piece if is_told else b""
                sink.write(piece)
                await sink.drain()
        finally:
            sink.close()
            with suppress(OSError):
                await sink.wait_closed()


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[RealRegistry]:
    (tmp_path / "registry").mkdir()
    with real_registry(tmp_path / "registry") as running:
        yield running


@pytest.fixture
async def terminator(plain: RealRegistry, certificates: Certificates) -> AsyncIterator[Terminator]:
    made = Terminator(plain.port)
    server = await asyncio.start_server(made.pass_on, "127.0.0.1", 0, ssl=certificates.server_context())
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made


async def test_images_are_pushed_and_read_through_it(
    terminator: Terminator, images: Composition, certificates: Certificates
) -> None:
    access = Access(trust=Trust([certificates.certificate]))
    place = Repository(f"127.0.0.1:{terminator.port}", "site/app")
    digest = await publish(images, "multi", f"{place}:v1", access)
    # So it names uploads: who followed that would send blobs and logins in plain text, to a port that speaks TLS.
    assert (
        f"Location: http://127.0.0.1:{terminator.port}/v2/site/app/blobs/uploads/".encode() in terminator.seen
    )
    async with RegistryClient(place, access=access) as client:
        assert await client.tags() == ["v1"]
        assert (await client.manifest("v1")).digest == digest
