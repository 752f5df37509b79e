"""Who has connected when a server is told to end is answered, also who is still in the queue of the system."""

import asyncio
import socket
from contextlib import ExitStack

from tests.serving.test_listeners import Fixed, Running
from upgraph.service.answering.server import Listener

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
                connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
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
