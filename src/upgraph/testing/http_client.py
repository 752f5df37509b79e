"""An HTTP/1.1 client that sends exactly what it is told and shows exactly what came back.

Clients of libraries repair, retry, decode and reuse; a check of a server wants none of that.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.client import parse_headers
from io import BytesIO

PATIENCE = 20.0
"""Seconds after which an answer is not waited for any longer."""
_MAX_HEADER = 256 * 1024
"""Bytes of the longest header of an answer that is read."""
_EMPTY_STATUSES = (204, 304)


@dataclass(frozen=True, slots=True)
class Answer:
    """One response as it came over the wire."""

    status: int
    fields: tuple[tuple[str, str], ...]
    """Header fields in their order, names in lower case."""
    body: bytes

    def header(self, name: str) -> str | None:
        """The only field of this name.

        Raises:
            ValueError: the field came more than once.
        """
        values = [value for field, value in self.fields if field == name]
        if len(values) > 1:
            raise ValueError(f"{name} came {len(values)} times")
        return values[0] if values else None


class Connection:
    """One open connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)
        await self._writer.drain()

    def end(self) -> None:
        """Send nothing more; the other side can still be read."""
        self._writer.write_eof()

    async def receive(self, method: str = "GET") -> Answer:
        """Read one response to a request of ``method``.

        Raises:
            EOFError: the server closed the connection first.
            TimeoutError: nothing came within :data:`PATIENCE`.
        """
        async with asyncio.timeout(PATIENCE):
            head = await self._reader.readuntil(b"\r\n\r\n")
            line, _, rest = head.partition(b"\r\n")
            fields = tuple((name.lower(), value) for name, value in parse_headers(BytesIO(rest)).items())
            status = int(line.split()[1])
            has_body = method != "HEAD" and status not in _EMPTY_STATUSES
            length = int(dict(fields).get("content-length", "0")) if has_body else 0
            return Answer(status, fields, await self._reader.readexactly(length))

    async def receive_bytes(self, count: int) -> bytes:
        """Read exactly ``count`` bytes.

        Raises:
            EOFError: the server closed the connection first.
            TimeoutError: they did not come within :data:`PATIENCE`.
        """
        async with asyncio.timeout(PATIENCE):
            return await self._reader.readexactly(count)

    async def is_closed_by_server(self) -> bool:
        """Wait until the server closes the connection; false if it sends something or does not close it."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._reader.read(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False


@dataclass(frozen=True, slots=True)
class HttpClient:
    """Talks to one server, with one connection a request unless told otherwise."""

    address: str
    port: int
    prefix: str = ""
    """Goes before every target."""
    tls: ssl.SSLContext | None = None
    """For a server that speaks TLS."""

    @asynccontextmanager
    async def connected(self, *, buffer: int = _MAX_HEADER) -> AsyncIterator[Connection]:
        """An open connection, closed at the end. More than twice ``buffer`` bytes are not read unasked."""
        reader, writer = await asyncio.open_connection(self.address, self.port, limit=buffer, ssl=self.tls)
        try:
            yield Connection(reader, writer)
        finally:
            writer.transport.abort()

    def request(self, method: str, target: str, *fields: tuple[str, str]) -> bytes:
        """The bytes of a request."""
        lines = [f"{method} {self.prefix}{target} HTTP/1.1", f"Host: {self.address}:{self.port}"]
        lines += [f"{name}: {value}" for name, value in fields]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    async def ask(self, method: str, target: str, *fields: tuple[str, str]) -> Answer:
        """Send one request and read its response."""
        async with self.connected() as connection:
            await connection.send(self.request(method, target, *fields))
            return await connection.receive(method)

    async def get(self, target: str, *fields: tuple[str, str]) -> Answer:
        """Ask with GET."""
        return await self.ask("GET", target, *fields)
