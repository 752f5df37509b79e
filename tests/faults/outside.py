"""What can be seen of the running program from outside: its process, and what clients get."""

import os
from contextlib import AsyncExitStack
from pathlib import Path

from tests.faults.conftest import ASK, CHANNEL, Site, until
from upgraph.testing.http_client import Answer, Connection

REQUEST = f"GET {ASK.format(*CHANNEL)} HTTP/1.1\r\nHost: a\r\n\r\n".encode()


def essence(answer: Answer) -> tuple[int, bytes, str | None]:
    return answer.status, answer.body, answer.header("etag")


def memory_bytes(pid: int) -> int:
    """Memory of a process that belongs to no file."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) * 1024


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - numbers, not paths


async def served_again(site: Site, good: Answer) -> None:
    """Wait until a cluster that asks gets the answer of before."""

    async def look() -> bool:
        try:
            return essence(await site.answer()) == essence(good)
        except (EOFError, ConnectionError):
            return False

    await until(look, what="an answer after the crowd")


async def requests_in_flight(site: Site, stack: AsyncExitStack, count: int) -> list[Connection]:
    """Connections, each with half a request sent."""
    clients = site.service.clients
    connections = [await stack.enter_async_context(clients.connected()) for _ in range(count)]
    for connection in connections:
        await connection.send(REQUEST[:40])
    return connections
