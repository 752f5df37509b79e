"""A forward proxy on the loopback: CONNECT for https, absolute addresses for http, with a login if wanted.

It is a real one, so that tests show what passes on the wire. Names that do not resolve here can be given an
address, as a proxy knows names that its clients do not.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

MAX_HEADER_BYTES = 64 * 1024
"""Most of a request that is read before it is passed on."""
_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that came in."""

    method: str
    target: str
    """``host:port`` of CONNECT, or an address."""
    headers: Mapping[str, str]
    """Names in lower case."""


@dataclass(slots=True)
class SimulatedProxy:
    """A proxy. An async context manager; it listens on a free port of 127.0.0.1."""

    tls: ssl.SSLContext | None = None
    """The context of the proxy itself; None: clients speak to it in plain text."""
    authorization: str = ""
    """The value of Proxy-Authorization that it wants; empty: none."""
    refusal: int | None = None
    """The status with which it refuses everything."""
    names: dict[str, int] = field(default_factory=dict)
    """Ports of the loopback behind ``host:port`` that only the proxy knows."""
    asked: list[Asked] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def port(self) -> int:
        """Where it listens."""
        if self._server is None:
            raise RuntimeError("the proxy is not running")
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """Its address, as a variable names it."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=self.tls, limit=MAX_HEADER_BYTES
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._open):
                writer.transport.abort()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            await self._answer(head, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = _parsed(head)
        self.asked.append(asked)
        if self.authorization and asked.headers.get("proxy-authorization") != self.authorization:
            challenge = b'Proxy-Authenticate: Basic realm="proxy"\r\nContent-Length: 0\r\n\r\n'
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n" + challenge)
        elif self.refusal is not None:
            writer.write(f"HTTP/1.1 {self.refusal} Refused\r\nContent-Length: 0\r\n\r\n".encode())
        else:
            await self._pass_on(asked, head, reader, writer)
            return
        await writer.drain()
        # Until the client has read it and leaves.
        await reader.read()

    async def _pass_on(
        self, asked: Asked, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        tunnel = asked.method == "CONNECT"
        place = asked.target if tunnel else urlsplit(asked.target).netloc
        host, _, port = place.rpartition(":")
        known = self.names.get(place)
        there, back = await asyncio.open_connection("127.0.0.1" if known else host, known or int(port))
        self._open.add(back)
        try:
            if tunnel:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                back.write(_direct(asked, head))
            async with asyncio.TaskGroup() as group:
                group.create_task(_pipe(reader, back))
                group.create_task(_pipe(there, writer))
        finally:
            self._open.discard(back)
            back.transport.abort()


def _parsed(head: bytes) -> Asked:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines if line)
    return Asked(method, target, {name.lower(): value.strip() for name, _, value in pairs})


def _direct(asked: Asked, head: bytes) -> bytes:
    """The request as the server itself is asked, for one answer."""
    parts = urlsplit(asked.target)
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    kept = [line for line in head.split(b"\r\n")[1:] if line and not line.lower().startswith(b"proxy-")]
    first = f"{asked.method} {path} HTTP/1.1".encode("latin-1")
    return b"\r\n".join([first, *kept, b"Connection: close", b"", b""])


async def _pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while chunk := await source.read(_CHUNK_BYTES):
        sink.write(chunk)
        await sink.drain()
    # One side has ended; what the other still waits for will not come.
    sink.close()
