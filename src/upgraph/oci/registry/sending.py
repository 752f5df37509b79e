"""The long body of a request: read from somewhere else while it is sent, and begun again when it has to be.

Its time is limited by its progress. The clock runs while the peer takes nothing, and stands still while the
next piece is read, since whoever is read from has limits of his own.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Self

from upgraph.errors import UpgraphError
from upgraph.oci.http.timing import Timing

LAST_SECONDS = 300.0
"""Longest wait for the answer after the last byte; some registries move a whole blob to another store then."""


class Sending(AsyncIterator[bytes]):
    """A body of ``size`` bytes.

    Args:
        read: gives the pieces of the body, from its start, each time it is called.
        size: the bytes of all pieces together.
    """

    def __init__(self, read: Callable[[], AsyncGenerator[bytes, None]], size: int) -> None:
        self.size = size
        self.failure: UpgraphError | None = None
        """Why the body could not be read; the client of HTTP would say that the connection broke."""
        self._read = read
        self._pieces: AsyncGenerator[bytes, None] | None = None
        self._is_new = True
        # The client reads in a task of its own, which may still be in a read when the request is over.
        self._reading = asyncio.Lock()
        self._limit: asyncio.Timeout | None = None
        self._idle_seconds = 0.0

    def watch(self, limit: asyncio.Timeout, timing: Timing) -> None:
        """Let ``limit`` follow the progress."""
        self._limit, self._idle_seconds = limit, timing.idle_seconds

    def unwatch(self) -> None:
        """The limit is over."""
        self._limit = None

    def begin(self) -> Self:
        """The body from its start. What was read until now is not used any more."""
        self._is_new = True
        self.failure = None
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        async with self._reading:
            self._allow(None)
            try:
                piece = await anext(await self._current(), None)
            except UpgraphError as error:
                self.failure = error
                raise
            self._allow(LAST_SECONDS if piece is None else self._idle_seconds)
            if piece is None:
                raise StopAsyncIteration
            return piece

    async def close(self) -> None:
        """Give back what the pieces are read from."""
        async with self._reading:
            if self._pieces is not None:
                await self._pieces.aclose()

    async def _current(self) -> AsyncGenerator[bytes, None]:
        if self._is_new or self._pieces is None:
            # What was begun before holds a turn at its registry, and there may be one only.
            if self._pieces is not None:
                await self._pieces.aclose()
            self._pieces, self._is_new = self._read(), False
        return self._pieces

    def _allow(self, seconds: float | None) -> None:
        if self._limit is not None and not self._limit.expired():
            now = asyncio.get_running_loop().time()
            self._limit.reschedule(None if seconds is None else now + seconds)
