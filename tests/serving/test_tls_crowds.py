"""More clients over TLS than there may be: who cannot be served is closed before a handshake is spent on it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.serving.test_tls import Fixed, served
from upgraph.service.answering import accepting, clients, waiting_line
from upgraph.service.answering.clients import LOOK_SECONDS, Limits, Traffic
from upgraph.service.answering.connection import Connection as ServerConnection
from upgraph.service.answering.server import Bound, Listener
from upgraph.service.answering.tls import Certificate
from upgraph.testing.certificates import Certificates, make_certificates
from upgraph.testing.http_client import PATIENCE, Connection, HttpClient

LIMIT = 8
MOST = 10
"""The limit, and the reserve for answers that there are too many."""
NEVER = 10 * PATIENCE
WAIT = 180.0
"""Seconds for what must happen."""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("crowds"))


@pytest.fixture
def traffic() -> Traffic:
    return Traffic()


def over_tls(certificates: Certificates, limits: Limits, traffic: Traffic) -> Listener:
    certificate = Certificate(Path(certificates.certificate), Path(certificates.key))
    return Listener("127.0.0.1", 0, Fixed(), limits, certificate, traffic)


@pytest.fixture
async def place(certificates: Certificates, traffic: Traffic) -> AsyncIterator[Bound]:
    async with served(over_tls(certificates, Limits(), traffic)) as bound:
        yield bound


@pytest.fixture
async def small(certificates: Certificates, traffic: Traffic) -> AsyncIterator[Bound]:
    """A place for few connections."""
    async with served(over_tls(certificates, Limits(connections=LIMIT), traffic)) as bound:
        yield bound


def trusting(place: Bound, certificates: Certificates) -> HttpClient:
    return HttpClient(place.address, place.port, tls=certificates.client_context())


async def silent(stack: AsyncExitStack, place: Bound, count: int) -> list[Connection]:
    """Connections of which no handshake ever comes."""
    client = HttpClient(place.address, place.port)
    return [await stack.enter_async_context(client.connected()) for _ in range(count)]


async def begun(stack: AsyncExitStack, client: HttpClient, count: int) -> list[Connection]:
    """Connections over TLS, each in the middle of a request."""
    connections = [await stack.enter_async_context(client.connected()) for _ in range(count)]
    for connection in connections:
        await connection.send(b"GET /gr")
    return connections


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT):
        while not is_so():  # noqa: ASYNC110 - nothing tells the end of it
            await asyncio.sleep(0.01)


@pytest.fixture
def handshakes(monkeypatch: pytest.MonkeyPatch) -> list[clients.Clients]:
    """Has one for each handshake that has begun."""
    connect, begun = clients.Clients.connect, list[clients.Clients]()

    def note(host: clients.Clients, made: Callable[[], object] | None = None) -> ServerConnection:
        begun.append(host)
        return connect(host, made)

    monkeypatch.setattr(clients.Clients, "connect", note)
    return begun


async def test_who_comes_when_too_many_wait_for_a_handshake_is_closed_at_once(
    place: Bound, traffic: Traffic, handshakes: list[clients.Clients], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepting, "HANDSHAKES", 2)
    monkeypatch.setattr(accepting, "HANDSHAKE_SECONDS", NEVER)
    monkeypatch.setattr(accepting, "STALLED_SECONDS", NEVER)
    monkeypatch.setattr(waiting_line, "MOST", 3)
    monkeypatch.setattr(waiting_line, "WAIT_SECONDS", NEVER)
    async with AsyncExitStack() as stack:
        await silent(stack, place, 2)
        # The two have a place before the others come.
        await until(lambda: len(handshakes) == 2)
        crowd = await silent(stack, place, 10)
        closed = [asyncio.create_task(connection.is_closed_by_server()) for connection in crowd[3:]]
        assert await asyncio.gather(*closed) == [True] * 7
        assert (traffic.turned_away, traffic.failed_handshakes) == (7, 0)


async def test_who_has_waited_too_long_for_a_handshake_is_closed(
    place: Bound, traffic: Traffic, handshakes: list[clients.Clients], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepting, "HANDSHAKES", 1)
    monkeypatch.setattr(accepting, "HANDSHAKE_SECONDS", NEVER)
    monkeypatch.setattr(accepting, "STALLED_SECONDS", NEVER)
    async with AsyncExitStack() as stack:
        [first] = await silent(stack, place, 1)
        await until(lambda: len(handshakes) == 1)
        # At this moment the line is a burst, and none any more when the second has waited for so long.
        monkeypatch.setattr(waiting_line, "WAIT_SECONDS", 0.2)
        monkeypatch.setattr(waiting_line, "BUSY_WAIT_SECONDS", 0.2)
        [second] = await silent(stack, place, 1)
        assert await second.is_closed_by_server()
        assert (traffic.turned_away, traffic.failed_handshakes) == (1, 0)
        still = asyncio.create_task(first.is_closed_by_server())
        await asyncio.sleep(0.1)
        assert not still.done()
        still.cancel()


async def test_who_stalls_gives_way_to_all_who_wait(
    place: Bound, certificates: Certificates, traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepting, "HANDSHAKES", 4)
    monkeypatch.setattr(accepting, "HANDSHAKE_SECONDS", NEVER)
    monkeypatch.setattr(accepting, "STALLED_SECONDS", 0.1)
    monkeypatch.setattr(waiting_line, "WAIT_SECONDS", NEVER)
    async with AsyncExitStack() as stack:
        await silent(stack, place, 20)
        client = trusting(place, certificates)
        answers = await asyncio.gather(*(client.get("/") for _ in range(8)))
        assert [answer.status for answer in answers] == [200] * 8
    assert traffic.turned_away == 0


async def test_who_stalls_gives_way_also_where_few_connections_may_be_open(
    small: Bound, certificates: Certificates, traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepting, "HANDSHAKE_SECONDS", NEVER)
    monkeypatch.setattr(accepting, "STALLED_SECONDS", 0.0)
    client = trusting(small, certificates)
    async with AsyncExitStack() as stack:
        idle = await stack.enter_async_context(client.connected())
        await idle.send(client.request("GET", "/"))
        assert (await idle.receive()).status == 200
        await silent(stack, small, 2 * MOST)
        # The server knows by now who is idle, and could close that one instead.
        await asyncio.sleep(2 * LOOK_SECONDS)
        assert [(await client.get("/")).status for _ in range(MOST)] == [200] * MOST
        assert (traffic.turned_away, traffic.made_room) == (0, 0)


async def test_no_handshake_is_spent_on_who_could_not_even_be_told_to_come_again(
    small: Bound, certificates: Certificates, traffic: Traffic
) -> None:
    client = trusting(small, certificates)
    async with AsyncExitStack() as stack:
        connections = await begun(stack, client, MOST)
        told = connections[-1]
        await told.send(b"aph HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await told.receive()).status == 503
        await until(lambda: traffic.open == MOST - 1)
        await begun(stack, client, 1)
        await until(lambda: traffic.open == MOST)
        [late] = await silent(stack, small, 1)
        assert await late.is_closed_by_server()
        assert traffic.failed_handshakes == 0
    # The service notices soon that they have gone.
    await until(lambda: traffic.open == 0)
    assert (await client.get("/")).status == 200


async def test_who_has_just_ended_a_handshake_counts_once(
    small: Bound, certificates: Certificates, traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined, late, context = clients.Clients.joined, list[socket.socket](), certificates.client_context()

    def join(host: clients.Clients, connection: ServerConnection) -> bool:
        is_welcome = joined(host, connection)
        if traffic.open == LIMIT and not late:
            # They come before the event loop has told anybody that this handshake has ended.
            late.extend(
                stack.enter_context(socket.create_connection((small.address, small.port), timeout=WAIT))
                for _ in range(MOST - LIMIT)
            )
        return is_welcome

    monkeypatch.setattr(clients.Clients, "joined", join)
    async with AsyncExitStack() as stack:
        await begun(stack, trusting(small, certificates), LIMIT)
        await until(lambda: bool(late))
        for connection in late:
            stack.enter_context(
                await asyncio.to_thread(context.wrap_socket, connection, server_hostname=small.address)
            )


async def test_idle_connections_make_room_before_a_handshake(
    small: Bound, certificates: Certificates, traffic: Traffic
) -> None:
    client = trusting(small, certificates)
    async with AsyncExitStack() as stack:
        idle = [await stack.enter_async_context(client.connected()) for _ in range(LIMIT)]
        for connection in idle:
            await connection.send(client.request("GET", "/"))
            assert (await connection.receive()).status == 200
        await asyncio.sleep(2 * LOOK_SECONDS)
        await silent(stack, small, MOST - LIMIT)
        assert (await client.get("/")).status == 200
        assert (traffic.made_room > 0, traffic.turned_away) == (True, 0)


async def test_a_stop_closes_those_who_wait(
    certificates: Certificates, traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepting, "HANDSHAKES", 1)
    monkeypatch.setattr(accepting, "HANDSHAKE_SECONDS", NEVER)
    monkeypatch.setattr(accepting, "STALLED_SECONDS", NEVER)
    monkeypatch.setattr(waiting_line, "WAIT_SECONDS", NEVER)
    async with AsyncExitStack() as stack:
        async with served(over_tls(certificates, Limits(), traffic)) as bound:
            crowd = await silent(stack, bound, 5)
            await asyncio.sleep(0.3)
        assert [await connection.is_closed_by_server() for connection in crowd] == [True] * 5
