"""How long the building process waits between two rounds: the interval, or less after a failure."""

import asyncio
import contextlib
import random

from upgraph.graphdata import Watched, changes

FIRST_RETRY_SECONDS = 2.0
"""Pause after a first failed round; it doubles with every further one, up to the interval."""
JITTER = 0.25
"""Share of a pause after a failure that is left to chance."""


async def pause(wanted: asyncio.Event, seconds: float | None) -> None:
    """Wait for the next round, or until somebody asks for it; without a time, until somebody asks."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await wanted.wait()
    wanted.clear()


async def wake(place: Watched, *wanted: asyncio.Event, since: str | None = None) -> None:
    """Ask for a round whenever a place has changed, until cancelled.

    Args:
        place: what is looked at.
        wanted: of the rounds that read it.
        since: the fingerprint of what the last round has read; without it that of the first look.
    """
    async for _ in changes(place, since=since):
        for one in wanted:
            one.set()


class Pauses:
    """How long to wait between two rounds: the interval, or less after a failure, growing up to it."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._next = FIRST_RETRY_SECONDS

    def after(self, *, succeeded: bool) -> float:
        """Seconds to wait after a round."""
        if succeeded:
            self._next = FIRST_RETRY_SECONDS
            return self._interval
        # A fleet of services that lost the same registry should not come back to it in step.
        least = min(self._next, self._interval) * (1 - JITTER * random.random())  # noqa: S311 - chance, no secret
        self._next *= 2
        return least
