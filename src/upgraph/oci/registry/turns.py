"""Turns at one registry: so many requests at a time, and none for a while when it asks for fewer."""

import asyncio
from types import TracebackType

from upgraph.errors import RemoteError
from upgraph.errors.problems.oci import THROTTLED
from upgraph.oci.http.timing import Timing, is_look


class Rest:
    """Until when a registry is left alone."""

    def __init__(self) -> None:
        self.until = 0.0
        """In seconds of the monotonic clock of those who share it."""


class Turns:
    """What all clients of one registry in one run share. An async context manager around each request.

    Args:
        count: most requests at a time.
        timing: the clock, and how long a registry may let us wait.
        rest: shared with other turns at the same registry: who is asked to wait, is asked as a whole.
    """

    def __init__(self, count: int, timing: Timing, *, rest: Rest | None = None) -> None:
        self.count = count
        self._timing = timing
        self._slots = asyncio.Semaphore(count)
        self._rest = rest or Rest()

    def rest(self, seconds: float) -> None:
        """Begin no request for so long; those that are on their way go on."""
        until = self._timing.monotonic() + min(seconds, self._timing.retry.longest_asked)
        self._rest.until = max(self._rest.until, until)

    async def __aenter__(self) -> None:
        await self._slots.acquire()
        try:
            while (left := self._rest.until - self._timing.monotonic()) > 0:
                await self._wait(left)
        except BaseException:
            self._slots.release()
            raise

    async def _wait(self, seconds: float) -> None:
        if is_look():
            raise RemoteError(THROTTLED, f"the registry wants to be left alone for {seconds:.0f} s")
        await self._timing.sleep(seconds)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._slots.release()
