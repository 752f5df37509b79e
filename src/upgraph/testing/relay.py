"""Stands between a client and a server and passes on what they say, until it is told to be a bad network.

What a server cannot be made to do by itself happens on the way to it: connections are refused, break, or stay open while
nothing comes through any more. It lives in the event loop of the test.
"""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

_CHUNK_BYTES = 64 * 1024


class _Line:
    """One connection of the client, with the one to the server that belongs to it."""

    def __init__(self, *ends: asyncio.StreamWriter) -> None:
        self.is_silent = False
        self._ends = ends
        self._broken = asyncio.Event()

    def break_off(self) -> None:
        """End it with a reset at both sides."""
        self._broken.set()
        for end in self._ends:
            end.transport.abort()

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes from one side to the other."""
        with suppress(OSError):
            while (part := await reader.read(_CHUNK_BYTES)) and not self.is_silent:
                writer.write(part)
                await writer.drain()
            if self.is_silent:
                await self._broken.wait()
            elif writer.can_write_eof():
                writer.write_eof()


class Relay:
    """A port of 127.0.0.1 that leads to a server. An async context manager.

    Args:
        host: of the server.
        port: of the server.
    """

    def __init__(self, host: str, port: int) -> None:
        self.port = 0
        """Where it listens, for all its life."""
        self._target = (host, port)
        self._lines: set[_Line] = set()
        self._listener: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.refuse()

    async def listen(self) -> None:
        """Take connections (again)."""
        if self._listener is None:
            self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._listener.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Refuse connections, and break those that are open."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for line in list(self._lines):
            line.break_off()
        while self._lines:  # noqa: ASYNC110  # they end by themselves, one by one
            await asyncio.sleep(0.01)

    def fall_silent(self) -> None:
        """Let nothing more through on the connections that are open, and leave them open. New ones work."""
        for line in self._lines:
            line.is_silent = True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            behind, there = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        line = _Line(writer, there)
        self._lines.add(line)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(line.pass_on(reader, there))
                group.create_task(line.pass_on(behind, writer))
        finally:
            self._lines.discard(line)
            line.break_off()
