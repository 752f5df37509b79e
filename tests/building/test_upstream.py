"""Fetching the graph of another graph builder."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from upgraph.errors import RemoteError
from upgraph.oci import Access
from upgraph.service import handover
from upgraph.service.building import upstream as room
from upgraph.service.building.__main__ import Builder as BuildingProcess
from upgraph.service.building.upstream import Fetched, Upstream
from upgraph.service.configuration import Configuration
from upgraph.service.handover import Current, Message
from upgraph.testing.answers import ARCH_KEY, CHANNELS_KEY

DOCUMENT = b'{"nodes":[],"edges":[],"conditionalEdges":[]}'


@dataclass
class Builder:
    """A graph builder that answers as it is told."""

    port: int = 0
    status: int = 200
    etag: str | None = '"1"'
    document: bytes = DOCUMENT
    seen: list[dict[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.append(dict(request.headers))
        if self.status == 200 and self.etag and request.headers.get("If-None-Match") == self.etag:
            return web.Response(status=304)
        return web.Response(
            status=self.status, body=self.document, headers={"ETag": self.etag} if self.etag else {}
        )


@pytest.fixture
async def builder() -> AsyncIterator[Builder]:
    made = Builder()
    app = web.Application()
    app.router.add_get("/graph", made.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


@pytest.fixture
async def upstream(builder: Builder) -> AsyncIterator[Upstream]:
    opened = Upstream(f"http://user:s3cret@127.0.0.1:{builder.port}/graph", Access())
    yield opened
    await opened.close()


async def test_a_graph_is_fetched_with_its_tag(builder: Builder, upstream: Upstream) -> None:
    assert await upstream.fetch(None) == Fetched(DOCUMENT, '"1"')
    assert builder.seen[0]["Accept"] == "application/json"


async def test_a_graph_that_is_still_current_is_not_sent_again(builder: Builder, upstream: Upstream) -> None:
    assert await upstream.fetch('"1"') is None
    assert await upstream.fetch('"0"') == Fetched(DOCUMENT, '"1"')


async def test_a_builder_without_tags_is_asked_for_everything(builder: Builder, upstream: Upstream) -> None:
    builder.etag = None
    assert await upstream.fetch(None) == Fetched(DOCUMENT, None)


@pytest.mark.parametrize("status", [304, 404, 500, 503])
async def test_another_status_is_a_failure_that_names_it(
    builder: Builder, upstream: Upstream, status: int
) -> None:
    builder.status = status
    with pytest.raises(RemoteError, match=str(status)) as caught:
        await upstream.fetch(None)
    assert (caught.value.reference, caught.value.status) == ("upstream-failed", status)
    assert "s3cret" not in caught.value.seen


async def test_a_reason_that_is_nested_without_end_is_none(builder: Builder, upstream: Upstream) -> None:
    builder.status, builder.document = 503, b'{"kind": ' + b"[" * 4000
    with pytest.raises(RemoteError, match=r"answered 503$"):
        await upstream.fetch(None)


async def test_a_graph_beyond_the_limit_is_refused(
    builder: Builder, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MAX_DOCUMENT_BYTES", len(DOCUMENT) - 1)
    with pytest.raises(RemoteError, match="has 45 bytes; 44 are accepted"):
        await upstream.fetch(None)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/graph", "no address", "http://"])
async def test_nobody_there_is_a_failure(address: str) -> None:
    nobody = Upstream(address, Access())
    try:
        with pytest.raises(RemoteError) as caught:
            await nobody.fetch(None)
    finally:
        await nobody.close()
    assert caught.value.reference == "upstream-failed"


async def test_what_is_wrong_with_the_access_is_told_with_the_state_of_the_graph(
    builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,http://registry.example")
    url = f"http://127.0.0.1:{builder.port}/graph"
    metadata = {ARCH_KEY: "amd64", CHANNELS_KEY: "stable-4.1"}
    node = {"version": "4.1.0+amd64", "payload": "a/b@sha256:0", "metadata": metadata}
    builder.document = json.dumps({"nodes": [node], "edges": []}).encode()
    here, there = handover.pair()
    with here, there:
        building = asyncio.create_task(BuildingProcess(Configuration(upstream=url), there, None).run())
        told = [await next_message(here) for _ in range(3)]
        here.close()
        await asyncio.gather(building, return_exceptions=True)
    [current] = [message for message in told if isinstance(message, Current)]
    assert [fact.reference for fact in current.findings] == ["proxy-exemption"]


async def next_message(connection: socket.socket) -> Message:
    """What the building process says next."""
    async with asyncio.timeout(180):
        received = await asyncio.to_thread(handover.receive, connection)
    assert received is not None
    message, file = received
    if file is not None:
        file.close()
    return message
