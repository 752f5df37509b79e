"""Clients that are slow, deaf, gone, or speak something else: each costs itself, and nobody else notices.

As in the rows of requests, clusters get the same answer throughout and the log says nothing.
"""

import asyncio
import contextlib
import os
import resource
import socket
import ssl
import time
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pytest

from tests.faults.outside import essence, memory_bytes
from tests.faults.requests.conftest import (
    ARCHIVE,
    ARCHIVE_BYTES,
    GRAPH,
    TARGET,
    Service,
    asking,
    kind_of,
    until_closed,
)
from tests.faults.told import told
from upgraph.service.answering import accepting, clients
from upgraph.service.answering.clients import Limits
from upgraph.service.answering.requests import MAX_AT_ONCE
from upgraph.testing.http_client import PATIENCE, HttpClient

FAMILY = "Connections of clients"
ASKED_BYTES = 60_000_000
"""Requests on one connection: more than the buffers of the system hold of them."""


@told(
    fault="A client sends more than 100 requests without reading an answer.",
    seen="Nothing, so that no client can fill the log; the metric `upgraph_connections_malformed_total`.",
    clients="That client: 100 answers, then a refusal. All others the answers of before.",
    heals="The end of its connection.",
)
async def test_requests_in_a_row_are_answered_up_to_a_bound(service: Service, quiet: None) -> None:
    before = await service.graph()
    async with service.cluster.connected() as connection:
        await connection.send(asking(TARGET) * (MAX_AT_ONCE + 50))
        *good, refused = await until_closed(connection)
    assert [essence(answer) for answer in good] == [before] * MAX_AT_ONCE
    assert (refused.status, b"more than 100 requests" in refused.body) == (400, True)


@told(
    fault="The header of a request has no end.",
    seen="Nothing, so that no client can fill the log; the metric `upgraph_connections_malformed_total`.",
    clients="That client: 431. All others the answers of before.",
    heals="The end of its connection.",
)
@pytest.mark.parametrize("begun", [b"GET /", b"GET / HTTP/1.1\r\nX: "], ids=["target", "header"])
async def test_what_has_no_end_is_refused_before_it_ends(service: Service, quiet: None, begun: bytes) -> None:
    async with service.cluster.connected() as connection:
        await connection.send(begun + b"y" * 200_000)
        [answer] = await until_closed(connection)
    assert (answer.status, b"the header has more" in answer.body) == (431, True)
    assert (await service.graph())[0] == 200


@told(
    fault="A client speaks plain HTTP where TLS is spoken.",
    seen="The metric `upgraph_connections_failed_handshakes_total`.",
    clients="That client: the end of its connection. All others the answers of before.",
    heals="The end of its connection.",
)
async def test_plain_http_on_the_tls_port_ends_that_connection_alone(service: Service, quiet: None) -> None:
    async with HttpClient("127.0.0.1", service.secure.port).connected() as plain:
        await plain.send(asking(TARGET))
        await until_closed(plain)
    assert essence(await service.secure.get(GRAPH)) == await service.graph()
    assert service.secure_traffic.failed_handshakes == 1


@told(
    fault="A client speaks TLS where plain HTTP is spoken.",
    seen="Nothing, so that no client can fill the log; the metric `upgraph_connections_malformed_total`.",
    clients="That client: 400, which no TLS client can read. All others the answers of before.",
    heals="The end of its connection.",
)
async def test_tls_on_the_plain_port_ends_that_connection_alone(service: Service, quiet: None) -> None:
    confused = HttpClient("127.0.0.1", service.cluster.port, tls=service.secure.tls)
    with pytest.raises(ssl.SSLError):
        await confused.get("/")
    assert (await service.graph())[0] == 200
    assert service.traffic.malformed == 1


@told(
    fault="A connection is reset, at any point.",
    seen="Nothing.",
    clients="The answers of before.",
    heals="The end of its connection.",
)
@pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "TLS"])
async def test_a_connection_that_is_reset_at_any_point_is_nothing_to_tell(
    service: Service, quiet: None, *, is_secure: bool
) -> None:
    before, request = await service.graph(), asking(TARGET)
    face = service.secure if is_secure else service.cluster
    for sent in (b"", request[:1], request[:60], request[:-1], request, request + request[:30], request * 50):
        async with face.connected() as connection:
            await connection.send(sent)
    assert await service.graph() == before


@pytest.mark.parametrize("sent", [b"", b"GET /gr", asking(TARGET)[:-2]], ids=["nothing", "line", "header"])
async def test_who_ends_its_side_in_the_middle_is_closed(service: Service, sent: bytes, quiet: None) -> None:
    async with service.cluster.connected() as connection:
        await connection.send(sent)
        connection.end()
        assert await connection.is_closed_by_server()
    assert (await service.graph())[0] == 200


@told(
    fault="A client ends its side of the connection after it has asked.",
    seen="Nothing: it is no fault.",
    clients="Every answer that was asked for.",
    heals="The end of its connection.",
)
@pytest.mark.parametrize("count", [1, 3], ids=["one", "several"])
async def test_who_ends_its_side_after_asking_gets_every_answer_and_is_closed(
    service: Service, quiet: None, count: int
) -> None:
    async with service.cluster.connected() as connection:
        await connection.send(asking(ARCHIVE) * count)
        connection.end()
        async with asyncio.timeout(Limits().header_seconds / 2):
            sizes = [len(answer.body) for answer in await until_closed(connection)]
    assert sizes == [ARCHIVE_BYTES] * count


@told(
    fault="Clients read nothing of their answers.",
    seen="The metric `upgraph_connections_timed_out_total`.",
    clients="Those clients: the end of the connection after 60 s. All others the answers of before.",
    heals="The end of its connection.",
)
async def test_clients_that_read_nothing_cost_no_memory_and_are_cut_off(
    service: Service, quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "UNREAD_SECONDS", 1.0)
    before, deaf = await service.graph(), 40
    async with AsyncExitStack() as stack:
        resident = memory_bytes(os.getpid())
        for _ in range(deaf):
            connection = await stack.enter_async_context(service.cluster.connected(buffer=1024))
            await connection.send(asking(ARCHIVE) * 20)
        assert await service.graph() == before
        assert memory_bytes(os.getpid()) - resident < deaf * ARCHIVE_BYTES / 10
        async with asyncio.timeout(PATIENCE):
            while service.traffic.timed_out < deaf:
                assert await service.graph() == before


async def test_who_reads_no_answer_cannot_go_on_asking(service: Service, quiet: None) -> None:
    before, long = await service.graph(), asking(ARCHIVE, b"X-Long: " + b"y" * 4000)
    async with service.cluster.connected(buffer=1024) as deaf:
        asked = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                while asked < ASKED_BYTES:
                    await deaf.send(long * 10)
                    asked += len(long) * 10
        assert asked < ASKED_BYTES
        assert await service.graph() == before


@told(
    fault="The system gives the process no more connections (over TLS).",
    seen="`no connection can be taken` in the log, once a minute.",
    clients="Who is connected, the answers of before. Others wait.",
    heals="Connections that end.",
)
async def test_connections_that_cannot_be_opened_do_not_fill_the_log(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as waiting:
        taken = max(map(int, os.listdir("/proc/self/fd")))  # noqa: PTH208 - numbers, not paths
        with ExitStack() as held:
            for _ in range(taken - len(os.listdir("/proc/self/fd")) + 2):  # noqa: PTH208
                held.enter_context(Path("/dev/null").open("rb"))  # noqa: ASYNC230 - fills the gaps
            resource.setrlimit(resource.RLIMIT_NOFILE, (taken + 1, hard))
            try:
                waiting.connect(("127.0.0.1", service.secure.port))
                began = time.process_time()
                await asyncio.sleep(10 * accepting.BREATH_SECONDS)
                spent = time.process_time() - began
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        # Asking the system again and again would take the processor from those who are connected.
        assert spent < accepting.BREATH_SECONDS / 2
        assert [line.message for line in caplog.records] == [
            "no connection can be taken: Too many open files"
        ]
        assert essence(await service.secure.get(GRAPH)) == await service.graph()


class TestSlowClients:
    """Time is limited for the whole of a request, so sending slowly gives no more of it."""

    @pytest.fixture
    def limits(self, monkeypatch: pytest.MonkeyPatch) -> Limits:
        monkeypatch.setattr(clients, "LOOK_SECONDS", 0.1)
        return Limits(header_seconds=1)

    @pytest.mark.parametrize(
        ("begun", "piece"),
        [
            pytest.param(b"GET /", b"a", id="request line"),
            pytest.param(b"GET / HTTP/1.1\r\n", b"X: y\r\n", id="header lines"),
            pytest.param(b"GET / HTTP/1.1\r\nX: ", b"y", id="header value"),
            pytest.param(b"POST / HTTP/1.1\r\nContent-Length: 9999\r\n\r\n", b"z", id="body"),
            pytest.param(
                b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nz\r\n", id="chunks"
            ),
        ],
    )
    @told(
        fault="A request comes in drops.",
        seen="The metric `upgraph_connections_timed_out_total`.",
        clients="That client: 408 after 30 s. All others the answers of before.",
        heals="The end of its connection.",
    )
    async def test_a_request_in_drops_is_ended(
        self, service: Service, begun: bytes, piece: bytes, quiet: None
    ) -> None:
        async with service.cluster.connected() as connection:
            await connection.send(begun)
            ended = asyncio.create_task(until_closed(connection))
            while not ended.done():
                with contextlib.suppress(ConnectionError):
                    await connection.send(piece)
                assert (await service.graph())[0] == 200
                await asyncio.sleep(0.1)
            [answer] = await ended
        assert (answer.status, kind_of(answer), service.traffic.timed_out) == (408, "invalid_request", 1)

    @told(
        fault="A TLS handshake does not go on.",
        seen="The metric `upgraph_connections_failed_handshakes_total`.",
        clients="That client: the end of its connection after 10 s, or after one if others wait. All others the answers of before.",
        heals="The end of its connection.",
    )
    async def test_a_handshake_that_does_not_go_on_is_ended(
        self, service: Service, monkeypatch: pytest.MonkeyPatch, quiet: None
    ) -> None:
        monkeypatch.setattr(accepting, "HANDSHAKE_SECONDS", 1.0)
        async with HttpClient("127.0.0.1", service.secure.port).connected() as silent:
            assert await silent.is_closed_by_server()
        assert essence(await service.secure.get(GRAPH)) == await service.graph()
        assert service.secure_traffic.failed_handshakes == 1
