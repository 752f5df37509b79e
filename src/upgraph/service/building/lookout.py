"""Notices between two rounds that a registry of releases has failed, or answers again.

A round is dear in a large repository, so there are minutes between two of them. Meanwhile each source is asked for a trifle:
what one known tag points to. That only ever brings the next round forward, which then tells the fault or its end as every
round does. A source that answers and does not fail costs nothing beyond that.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from typing import Protocol

from upgraph.errors import RemoteError, UpgraphError
from upgraph.errors.problems.oci import THROTTLED
from upgraph.service.building.gatherer import SourceOutcome
from upgraph.service.building.pauses import JITTER, pause

ANSWER_SECONDS = 15.0
"""Longest wait for the answer of a source, with all attempts; later counts as none."""

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
        chance: a random number from 0 to 1.
    """

    def __init__(
        self,
        sources: Sequence[Touchable],
        interval: float | None,
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._sources = tuple(sources)
        self._interval = interval
        self._chance = chance
        self._failing = [False] * len(self._sources)

    async def pause(self, wanted: asyncio.Event, seconds: float, asked: Sequence[SourceOutcome]) -> None:
        """Wait for the next round, as :func:`~upgraph.service.building.pauses.pause` does.

        Args:
            wanted: is set when the next round should begin at once.
            seconds: until it begins anyway.
            asked: how it went with each source in the last round.
        """
        looking = asyncio.ensure_future(self._look(wanted, asked))
        try:
            await pause(wanted, seconds)
        finally:
            looking.cancel()
            await asyncio.wait([looking])

    async def _look(self, wanted: asyncio.Event, asked: Sequence[SourceOutcome]) -> None:
        if self._interval is None:
            return
        while True:
            # Replicas that started together should not ask in step.
            await asyncio.sleep(self._interval * (1 - JITTER * self._chance()))
            places = range(len(self._sources))
            changed = await asyncio.gather(*(self._has_changed(place, asked[place]) for place in places))
            if any(changed):
                wanted.set()

    async def _has_changed(self, place: int, last: SourceOutcome) -> bool:
        """Whether a source does now what it did not do in the last round, and has not since."""
        source, before = self._sources[place], self._failing[place]
        seen = await _failure(source)
        if seen is None:
            return False
        self._failing[place] = bool(seen)
        # Only a change counts: a source that fails this question alone would be read again and again.
        if seen and not before and last.fault is None:
            _log.info("releases are read now, as %s fails: %s", source.name, seen)
            return True
        if before and not seen and last.fault is not None:
            _log.info("releases are read now, as %s answers again", source.name)
            return True
        return False


async def _failure(source: Touchable) -> str | None:
    """Why a source does not answer; empty if it does, None if nobody can tell."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await source.touch()
    except TimeoutError:
        return f"no answer within {ANSWER_SECONDS:g} s"
    except RemoteError as error:
        # Who has too much to do must not be asked for more.
        return None if error.problem is THROTTLED else error.seen
    except UpgraphError:
        return None
    return ""
