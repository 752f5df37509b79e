"""Notices between two rounds that a registry of releases has failed, or answers again.

A round is dear in a large repository, so there are minutes between two of them. Meanwhile each source is asked for a trifle:
what one known tag points to. That only ever brings the next round forward, which then tells the fault or its end as every
round does. A source that answers and does not fail costs nothing beyond that, and one that comes and goes not more than
two rounds in each interval of scrapes.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from upgraph.errors import RemoteError, UpgraphError
from upgraph.errors.problems.oci import THROTTLED
from upgraph.service.building.gatherer import SourceOutcome
from upgraph.service.building.pauses import JITTER, pause

_log = logging.getLogger(__name__)


class Touchable(Protocol):
    """A source that can be asked for a trifle."""

    @property
    def name(self) -> str:
        """What the administrator called it."""
        ...

    async def touch(self) -> None:
        """See :meth:`~upgraph.service.building.following.Followed.touch`."""
        ...


class Lookout:
    """Brings the next round forward when a source begins to fail, or answers again.

    Args:
        sources: in the order of the outcomes of a round.
        interval: seconds between two questions to a source, of which a part is left to chance; None: nothing is asked.
        scrape_interval: seconds in which at most one round comes early for a failure, and one for the end of one,
            over all sources.
        chance: a random number from 0 to 1.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        sources: Sequence[Touchable],
        interval: float | None,
        scrape_interval: float,
        *,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sources = tuple(sources)
        self._interval = interval
        self._scrape_interval = scrape_interval
        self._chance = chance
        self._clock = clock
        self._failing = [False] * len(self._sources)
        self._not_before = {True: -math.inf, False: -math.inf}

    async def pause(self, wanted: asyncio.Event, seconds: float, asked: Sequence[SourceOutcome]) -> None:
        """Wait for the next round, as :func:`~upgraph.service.building.pauses.pause` does.

        Args:
            wanted: is set when the next round should begin at once.
            seconds: until it begins anyway.
            asked: how it went with each source in the last round.
        """
        # Each by itself, so that one that does not answer delays no other.
        async with asyncio.TaskGroup() as group:
            looks = [group.create_task(self._look(place, last, wanted)) for place, last in enumerate(asked)]
            await pause(wanted, seconds)
            for look in looks:
                look.cancel()

    async def _look(self, place: int, last: SourceOutcome, wanted: asyncio.Event) -> None:
        if last.fault is None:
            self._failing[place] = False
        while self._interval is not None:
            # Replicas that started together should not ask in step.
            await asyncio.sleep(self._interval * (1 - JITTER * self._chance()))
            if await self._has_changed(place, last):
                wanted.set()

    async def _has_changed(self, place: int, last: SourceOutcome) -> bool:
        """Whether a source does now what it did not do in the last round, and a round may come early for it."""
        source = self._sources[place]
        seen = await _failure(source)
        if seen is None:
            return False
        if seen:
            self._failing[place] = True
        # A fault of rounds alone, such as one of a listing, has not ended because this answers.
        is_new = last.fault is None if seen else last.fault is not None and self._failing[place]
        if not is_new or not self._may_come_early(is_failure=bool(seen)):
            return False
        self._failing[place] = bool(seen)
        _log.info(
            "releases are read now, as %s %s", source.name, f"fails: {seen}" if seen else "answers again"
        )
        return True

    def _may_come_early(self, *, is_failure: bool) -> bool:
        now = self._clock()
        if now < self._not_before[is_failure]:
            return False
        self._not_before[is_failure] = now + self._scrape_interval
        return True


async def _failure(source: Touchable) -> str | None:
    """Why a source does not answer; empty if it does, None if nobody can tell."""
    try:
        await source.touch()
    except RemoteError as error:
        # Who has too much to do must not be asked for more.
        is_busy = error.problem is THROTTLED or bool(error.retry_after)
        return None if is_busy else error.seen
    except UpgraphError:
        return None
    return ""
