"""Notices that graph data changed, by looking again and again.

The kernel reports no changes for what another machine writes (network shares), for the links that
Kubernetes turns in ConfigMap volumes, or through some overlay file systems.
Looking at the 1,800 files of the real set takes about 30 ms and sees all of them. While the disk hangs there is nothing
to report, and whoever waits here keeps the set it has.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Protocol

INTERVAL_SECONDS = 1.0
"""Time between two looks."""
SETTLE_SECONDS = 0.2
"""How long a change must rest before it counts: copies of many files end long after they begin."""
MAX_SETTLE_LOOKS = 25
"""After so many looks a change counts although it does not rest; reading will say that it keeps changing."""


class Watched(Protocol):
    """A place that may change at any time."""

    def fingerprint(self) -> str:
        """A text that changes when the place may have changed; cheap enough to ask every second, never failing."""
        ...


async def changes(
    source: Watched,
    *,
    since: str | None = None,
    interval: float = INTERVAL_SECONDS,
    settle: float = SETTLE_SECONDS,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> AsyncGenerator[str, None]:
    """Yield the new fingerprint once for each change that came to rest.

    Args:
        source: what to look at; it is asked in a thread.
        since: the fingerprint before the set was read, so that no change in between is missed; without
            it the first look counts as known.
        interval: seconds between looks.
        settle: seconds that a change must rest.
        sleep: waits that many seconds.
    """
    known = since if since is not None else await asyncio.to_thread(source.fingerprint)
    while True:
        seen = await asyncio.to_thread(source.fingerprint)
        if seen != known:
            seen = await _settled(source, seen, settle, sleep)
        if seen != known:
            known = seen
            yield seen
        await sleep(interval)


async def _settled(
    source: Watched, seen: str, settle: float, sleep: Callable[[float], Awaitable[object]]
) -> str:
    for _ in range(MAX_SETTLE_LOOKS):
        await sleep(settle)
        before, seen = seen, await asyncio.to_thread(source.fingerprint)
        if seen == before:
            break
    return seen
