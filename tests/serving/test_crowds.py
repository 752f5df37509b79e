"""More clients than there may be, and clients that take their time."""

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import pytest

from upgraph.service.answering import clients
from upgraph.service.answering.clients import Limits
from upgraph.service.answering.message import Request, Response
from upgraph.service.answering.metrics import exposition
from upgraph.service.answering.server import Bound, Listener, serve
from upgraph.testing.http_client import PATIENCE, Connection, HttpClient

GRAPH = "/graph?channel=stable-4.9"
LIMIT = 8
LONG = memoryview(bytes(20_000_000))
"""More than the buffers of a connection hold."""


@pytest.fixture
def composition(composition: Any) -> Any:
    composition.limits = Limits(connections=LIMIT)
    return composition


async def asked(client: HttpClient, connection: Connection) -> int:
    await connection.send(client.request("GET", GRAPH))
    return (await connection.receive()).status


async def busy(stack: AsyncExitStack, client: HttpClient, count: int) -> list[Connection]:
    """Connections that have begun to ask and not ended."""
    connections = [await stack.enter_async_context(client.connected()) for _ in range(count)]
    for connection in connections:
        await connection.send(b"GET /gr")
    return connections


async def is_answered_again(client: HttpClient) -> None:
    """The service notices soon that a client has gone."""
    async with asyncio.timeout(PATIENCE):
        while (await client.get(GRAPH)).status != 200:
            pass


async def test_who_comes_when_all_are_busy_is_told_to_come_again(cluster: HttpClient) -> None:
    async with AsyncExitStack() as stack:
        await busy(stack, cluster, LIMIT)
        async with cluster.connected() as late:
            await late.send(cluster.request("GET", GRAPH))
            answer = await late.receive()
            assert await late.is_closed_by_server()
    assert (answer.status, json.loads(answer.body)["kind"]) == (503, "overloaded")
    assert (answer.header("retry-after"), answer.header("cache-control")) == ("5", "no-store")


async def test_a_place_that_is_given_back_is_taken_again(cluster: HttpClient) -> None:
    async with AsyncExitStack() as stack:
        await busy(stack, cluster, LIMIT)
    await is_answered_again(cluster)


async def test_idle_connections_make_room_for_new_ones(cluster: HttpClient) -> None:
    async with AsyncExitStack() as stack:
        idle = [await stack.enter_async_context(cluster.connected()) for _ in range(LIMIT)]
        assert [await asked(cluster, connection) for connection in idle] == [200] * LIMIT
        await asyncio.sleep(2 * clients.LOOK_SECONDS)
        late = [await stack.enter_async_context(cluster.connected()) for _ in range(2)]
        assert [await asked(cluster, connection) for connection in late] == [200, 200]
        closed = [asyncio.create_task(connection.is_closed_by_server()) for connection in idle]
        await asyncio.wait(closed, return_when=asyncio.FIRST_COMPLETED)
        for task in closed:
            task.cancel()
        await asyncio.wait(closed)


async def test_a_crowd_far_beyond_the_limit_leaves_the_service_healthy(cluster: HttpClient) -> None:
    async def ask() -> int:
        try:
            return (await cluster.get(GRAPH)).status
        except (OSError, EOFError):
            return 0

    statuses = set(await asyncio.gather(*(ask() for _ in range(50 * LIMIT))))
    assert statuses <= {0, 200, 503}
    await is_answered_again(cluster)


class Fixed:
    """Answers everything with one body."""

    def respond(self, request: Request) -> Response:
        return Response(200, [("content-length", str(len(LONG)))], LONG)


async def serving(stack: AsyncExitStack) -> HttpClient:
    """A server of long answers, stopped with the stack."""
    stop = asyncio.Event()
    started: asyncio.Future[tuple[Bound, ...]] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve([Listener("127.0.0.1", 0, Fixed())], stop, started.set_result))
    stack.push_async_callback(lambda: asyncio.wait({task}))
    stack.callback(stop.set)
    [bound] = await started
    return HttpClient(bound.address, bound.port)


async def test_who_takes_nothing_of_an_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "UNREAD_SECONDS", 1.0)
    async with AsyncExitStack() as stack:
        client = await serving(stack)
        deaf = await stack.enter_async_context(client.connected(buffer=1024))
        await deaf.send(client.request("GET", "/"))
        await asyncio.sleep(4 * clients.LOOK_SECONDS)
        with pytest.raises((EOFError, ConnectionError)):
            await deaf.receive()


async def test_who_reads_slowly_gets_the_whole_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "UNREAD_SECONDS", 1.5)
    async with AsyncExitStack() as stack:
        client = await serving(stack)
        slow = await stack.enter_async_context(client.connected())
        await slow.send(client.request("GET", "/"))
        await slow.receive("HEAD")
        for _ in range(8):
            await slow.receive_bytes(len(LONG) // 8)
            await asyncio.sleep(0.5)


async def test_an_answer_reaches_a_client_that_has_ended_its_side(cluster: HttpClient) -> None:
    async with cluster.connected() as connection:
        await connection.send(cluster.request("GET", GRAPH) * 2)
        connection.end()
        assert [(await connection.receive()).status for _ in range(2)] == [200, 200]
        assert await connection.is_closed_by_server()


async def test_a_refusal_reaches_a_client_that_goes_on_sending(cluster: HttpClient) -> None:
    async with cluster.connected() as connection:
        await connection.send(cluster.request("GET", "/graph", ("X-Long", "y" * 100_000)) + b"z" * 200_000)
        assert (await connection.receive()).status == 431
        assert await connection.is_closed_by_server()


async def test_what_happens_to_connections_is_counted(cluster: HttpClient, composition: Any) -> None:
    async with AsyncExitStack() as stack:
        await busy(stack, cluster, LIMIT)
        assert (await cluster.get(GRAPH)).status == 503
    text = exposition(composition.registry).decode()
    assert 'upgraph_connections_total{listener="clients"} 9.0' in text
    assert 'upgraph_connections_turned_away_total{listener="clients"} 1.0' in text
