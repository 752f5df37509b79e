"""Who has connected when a server is told to end is answered, also who is still in the queue of the system."""

import asyncio
import socket
import ssl
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.serving.test_listeners import Fixed, Running
from upgraph.service.answering import accepting, clients
from upgraph.service.answering.server import Listener
from upgraph.service.answering.tls import Certificate
from upgraph.testing.certificates import Certificates, make_certificates

QUEUED = 20
"""Clients over TLS, each in a thread of its own."""
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
WAIT = 180.0
"""Seconds for what must happen."""
AT_A_TIME = 50
"""Connections that come in each turn of the event loop."""


class Crowd:
    """Clients that connect and ask in each turn of the event loop, ahead of the server, until nobody listens."""

    def __init__(self, stack: ExitStack, port: int) -> None:
        self.connections: list[socket.socket] = []
        self.ended = asyncio.Event()
        self._stack = stack
        self._port = port
        self._come()

    def _come(self) -> None:
        try:
            for _ in range(AT_A_TIME):
                connection = self._stack.enter_context(
                    socket.create_connection(("127.0.0.1", self._port), timeout=WAIT)
                )
                self.connections.append(connection)
                connection.sendall(REQUEST)
        except ConnectionRefusedError:
            self.ended.set()
        else:
            asyncio.get_running_loop().call_soon(self._come)


def status(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as answer:
        return answer.readline()


async def test_who_is_in_the_queue_of_the_system_when_the_server_stops_is_answered() -> None:
    running = Running(Listener("127.0.0.1", 0, Fixed()))
    [client] = await running.clients()
    with ExitStack() as stack:
        crowd = Crowd(stack, client.port)
        async with asyncio.timeout(WAIT):
            await running.end()
            await crowd.ended.wait()
        statuses = [status(connection) for connection in crowd.connections]
    assert statuses
    assert set(statuses) == {b"HTTP/1.1 200 OK\r\n"}


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path)


def asked(connection: socket.socket, context: ssl.SSLContext) -> bytes:
    with context.wrap_socket(connection, server_hostname="127.0.0.1") as secure:
        secure.sendall(REQUEST)
        return status(secure)


async def test_over_tls_who_waits_for_a_handshake_when_the_server_stops_is_answered(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Some are in the middle of a handshake, some wait for one, and some are in the queue of the system.
    monkeypatch.setattr(accepting, "HANDSHAKES", 4)
    monkeypatch.setattr(accepting, "STALLED_SECONDS", WAIT)
    monkeypatch.setattr(accepting, "LAST_SECONDS", WAIT)
    monkeypatch.setattr(clients, "NEWCOMER_SECONDS", WAIT)
    certificate = Certificate(Path(certificates.certificate), Path(certificates.key))
    running = Running(Listener("127.0.0.1", 0, Fixed(), certificate=certificate))
    [client] = await running.clients()
    place, context = ("127.0.0.1", client.port), certificates.client_context()
    with ExitStack() as stack:

        def come() -> list[socket.socket]:
            return [
                stack.enter_context(socket.create_connection(place, timeout=WAIT)) for _ in range(QUEUED // 2)
            ]

        crowd = come()
        await asyncio.sleep(0.1)
        crowd += come()
        running.stop.set()
        asking = [asyncio.create_task(asyncio.to_thread(asked, one, context)) for one in crowd]
        statuses = await asyncio.gather(*asking)
        await running.task
    assert set(statuses) == {b"HTTP/1.1 200 OK\r\n"}
