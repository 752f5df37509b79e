"""Clocks, chance and patience of clients: when an error ends the work, and when a request is made again."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from upgraph.errors import UpgraphError
from upgraph.oci.http.connections import IDLE_SECONDS
from upgraph.oci.http.retry import Retry

ANSWER_SECONDS = 30.0
"""Longest wait for the whole header of an answer, with connecting, login and redirects."""
SLOWEST_BYTES_PER_SECOND = 16 * 1024
"""What goes slower than this, on average over one request, is given up."""

_T = TypeVar("_T")
_looking: ContextVar[float | None] = ContextVar("looking", default=None)
"""Seconds for an answer where somebody only looks; None where work is done."""


@contextmanager
def a_look(seconds: float) -> Iterator[None]:
    """Only look whether somebody answers, in all that is asked inside the block, through mirrors as well.

    Each request is made once. A pause that a registry has asked for is not waited for but raised as
    :data:`~upgraph.errors.problems.oci.THROTTLED`, and a login that it has refused is not shown again.

    Args:
        seconds: longest wait for the header of an answer, where the client does not wait for less.
    """
    token = _looking.set(seconds)
    try:
        yield
    finally:
        _looking.reset(token)


def is_look() -> bool:
    """Whether this is asked inside :func:`a_look`."""
    return _looking.get() is not None


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Timing:
    """Clocks, chance and patience of a client; tests give their own."""

    retry: Retry = field(default_factory=Retry)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _utc_now
    answer_seconds: float = ANSWER_SECONDS
    idle_seconds: float = IDLE_SECONDS

    @property
    def patience(self) -> float:
        """Seconds for the header of an answer to what is asked now."""
        return min(self.answer_seconds, _looking.get() or self.answer_seconds)

    async def retried(self, request: Callable[[], Awaitable[_T]]) -> _T:
        """What a request gives, made again after failures that may pass.

        Raises:
            UpgraphError: how it failed in the end.
        """
        failed = 0
        while True:
            try:
                return await request()
            except UpgraphError as error:
                failed += 1
                await self.pause(failed, error)

    async def pause(self, failed: int, error: UpgraphError) -> None:
        """Wait until the next attempt.

        Args:
            failed: attempts that were made in vain.
            error: how the last one failed; it is raised if there shall be no other.
        """
        delay = self.retry.delay(failed, error, chance=self.chance())
        if delay is None or is_look():
            raise error
        await self.sleep(delay)
