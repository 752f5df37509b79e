"""Starting and stopping: ports, addresses that are taken, requests in flight."""

import asyncio
import logging
import socket

import pytest

from upgraph.errors import UserError
from upgraph.service.answering import server
from upgraph.service.answering.message import Request, Response
from upgraph.service.answering.server import Bound, Listener, serve
from upgraph.testing.http_client import HttpClient

LONG = b"x" * 20_000_000
"""More than the buffers of a connection hold."""


class Fixed:
    """Answers everything with one body."""

    def __init__(self, body: bytes = b"hello") -> None:
        self.body = body

    def respond(self, request: Request) -> Response:
        return Response(200, [("content-length", str(len(self.body)))], self.body)


class Running:
    """A server in this event loop, with its address."""

    def __init__(self, *listeners: Listener) -> None:
        self.stop = asyncio.Event()
        self._started: asyncio.Future[tuple[Bound, ...]] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(serve(listeners, self.stop, self._started.set_result))

    async def clients(self) -> list[HttpClient]:
        # A server that cannot start ends its task, and nobody would set the addresses.
        self.task.add_done_callback(lambda _: self._started.cancel())
        return [HttpClient(bound.address, bound.port) for bound in await self._started]

    async def end(self) -> None:
        self.stop.set()
        await self.task


async def test_free_ports_are_taken_and_reported() -> None:
    running = Running(Listener("127.0.0.1", 0, Fixed(b"one")), Listener("127.0.0.1", 0, Fixed(b"two")))
    answers = [await client.get("/") for client in await running.clients()]
    await running.end()
    assert [answer.body for answer in answers] == [b"one", b"two"]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost"])
async def test_addresses_may_be_of_either_family_or_names(address: str) -> None:
    running = Running(Listener(address, 0, Fixed()))
    [client] = await running.clients()
    answer = await client.get("/")
    await running.end()
    assert answer.status == 200


def test_an_address_is_written_as_in_a_url() -> None:
    assert (str(Bound("::1", 80)), str(Bound("127.0.0.1", 80))) == ("[::1]:80", "127.0.0.1:80")


async def test_a_port_that_is_taken_is_named_and_nothing_is_left_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder, socket.create_server(("127.0.0.1", 0)) as reserved:
        taken, free = holder.getsockname()[1], reserved.getsockname()[1]
        reserved.close()
        listeners = [Listener("127.0.0.1", free, Fixed()), Listener("127.0.0.1", taken, Fixed())]
        with pytest.raises(UserError, match=f"127.0.0.1 port {taken}: another process holds") as caught:
            await serve(listeners, asyncio.Event())
        assert caught.value.reference == "listen-failed"
        socket.create_server(("127.0.0.1", free)).close()


async def test_all_interfaces_of_both_families_may_be_listened_on() -> None:
    running = Running(Listener("::", 0, Fixed()))
    [client] = await running.clients()
    answers = [await HttpClient(address, client.port).get("/") for address in ("127.0.0.1", "::1")]
    await running.end()
    assert [answer.status for answer in answers] == [200, 200]


async def test_a_stopped_server_takes_no_connection() -> None:
    running = Running(Listener("127.0.0.1", 0, Fixed()))
    [client] = await running.clients()
    await running.end()
    with pytest.raises(ConnectionRefusedError):
        await client.get("/")


async def test_an_idle_connection_is_closed_by_stopping() -> None:
    running = Running(Listener("127.0.0.1", 0, Fixed()))
    [client] = await running.clients()
    async with client.connected() as connection:
        await connection.send(client.request("GET", "/"))
        await connection.receive()
        await running.end()
        assert await connection.is_closed_by_server()


async def test_an_answer_that_has_begun_is_finished() -> None:
    running = Running(Listener("127.0.0.1", 0, Fixed(LONG)))
    [client] = await running.clients()
    async with client.connected() as connection:
        await connection.send(client.request("GET", "/"))
        first = await connection.receive("HEAD")
        running.stop.set()
        rest = await connection.receive_bytes(len(LONG))
        await running.task
    assert (first.status, rest) == (200, LONG)


async def test_who_never_reads_does_not_hold_the_end_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "STOP_GRACE", 0.1)
    running = Running(Listener("127.0.0.1", 0, Fixed(LONG)))
    [client] = await running.clients()
    async with client.connected() as connection:
        await connection.send(client.request("GET", "/"))
        await connection.receive("HEAD")
        await running.end()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


async def test_cancelling_stops_the_server() -> None:
    running = Running(Listener("127.0.0.1", 0, Fixed()))
    [client] = await running.clients()
    running.task.cancel()
    await asyncio.wait({running.task})
    assert running.task.cancelled()
    with pytest.raises(ConnectionRefusedError):
        await client.get("/")


async def test_starting_and_stopping_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        running = Running(Listener("127.0.0.1", 0, Fixed()))
        await running.clients()
        await running.end()
    assert not caplog.records
