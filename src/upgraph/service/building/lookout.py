"""Notices between two rounds that a registry of releases has failed, or answers again.

A round is dear in a large repository, so there are minutes between two of them, and one with a registry that takes connections
and says nothing takes minutes itself. Meanwhile each source is asked for a trifle: what one known tag points to. That it fails
is told at once, and brings the next round forward; so does its end. A source that answers and does not fail costs nothing
beyond that, and one that comes and goes not more than two rounds in each interval of scrapes.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from upgraph.errors import Finding, RemoteError, UpgraphError
from upgraph.errors.problems.oci import THROTTLED
from upgraph.service.building.gatherer import SourceOutcome, found_at
from upgraph.service.building.pauses import JITTER, pause

AGAIN_SECONDS = 1.0
"""After which a source that fails is asked once more. Once is no sign: a connection may have ended just then."""

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


@dataclass(slots=True)
class _Watched:
    """A source, and what looks have found of it."""

    source: Touchable
    is_failing: bool = False
    """Whether it failed when a look last could tell."""
    is_told: bool = False
    """Whether looks have told that it fails, and no round has said anything since."""
    believed_from: float = -math.inf
    """Moment until which looks tell nothing of it, as a round has found that they were wrong."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a look has found. Where the source neither answers nor fails, nobody can tell."""

    answers: bool = False
    failure: RemoteError | None = None


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When sources are asked."""

    interval: float | None
    """Seconds between two questions to a source, of which a part is left to chance; None: nothing is asked."""
    scrape_interval: float
    """Seconds in which at most one round comes early for a failure, and one for the end of one, over all sources. So
    long, too, looks are not believed after a round has found that they were wrong."""
    chance: Callable[[], float] = random.random
    """Gives a random number from 0 to 1."""
    clock: Callable[[], float] = time.monotonic
    """Gives seconds that only grow."""


class Lookout:
    """Tells that a source fails, and brings the next round forward when it begins to, or answers again.

    Args:
        sources: in the order of the outcomes of a round.
        rhythm: when they are asked.
        tell: is given the name of a source that the last round could read, and why it fails now; None once it does not.
    """

    def __init__(
        self, sources: Sequence[Touchable], rhythm: Rhythm, tell: Callable[[str, Finding | None], None]
    ) -> None:
        self._watched = [_Watched(source) for source in sources]
        self._rhythm = rhythm
        self._tell = tell
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
            looks = [
                group.create_task(self._follow(watched, last, wanted))
                for watched, last in zip(self._watched, asked, strict=True)
            ]
            await pause(wanted, seconds)
            for look in looks:
                look.cancel()

    async def _follow(self, watched: _Watched, last: SourceOutcome, wanted: asyncio.Event) -> None:
        if last.fault is None:
            self._begin_well(watched)
        watched.is_told = False
        rhythm = self._rhythm
        while rhythm.interval is not None:
            # Replicas that started together should not ask in step.
            await asyncio.sleep(rhythm.interval * (1 - JITTER * rhythm.chance()))
            seen = await _look(watched.source)
            if seen.failure is not None:
                await asyncio.sleep(min(AGAIN_SECONDS, rhythm.interval))
                seen = await _look(watched.source)
            if last.fault is None:
                self._tell_change(watched, seen)
            if self._has_changed(watched, last, seen):
                wanted.set()

    def _begin_well(self, watched: _Watched) -> None:
        watched.is_failing = False
        if watched.is_told:
            # A registry may refuse this question alone. It must not look broken between good rounds for ever.
            watched.believed_from = self._rhythm.clock() + self._rhythm.scrape_interval

    def _tell_change(self, watched: _Watched, seen: _Seen) -> None:
        """Tell of a source that the last round could read that it fails, or does no longer."""
        name = watched.source.name
        if watched.is_told and seen.answers:
            watched.is_told = False
            _log.info("%s answers again", name)
            self._tell(name, None)
        elif seen.failure and not watched.is_told and self._rhythm.clock() >= watched.believed_from:
            watched.is_told = True
            fault = found_at(name, seen.failure)
            _log.warning("%s", fault, extra={"reference": fault.reference})
            self._tell(name, fault)

    def _has_changed(self, watched: _Watched, last: SourceOutcome, seen: _Seen) -> bool:
        """Whether a source does now what it did not do in the last round, and a round may come early for it."""
        if seen.failure is not None:
            watched.is_failing = True
            is_new = last.fault is None
        else:
            # A fault of rounds alone, such as one of a listing, has not ended because this answers.
            is_new = seen.answers and last.fault is not None and watched.is_failing
        if not is_new or not self._may_come_early(is_failure=seen.failure is not None):
            return False
        watched.is_failing = seen.failure is not None
        _log.info(
            "releases are read now, as %s %s",
            watched.source.name,
            f"fails: {seen.failure.seen}" if seen.failure else "answers again",
        )
        return True

    def _may_come_early(self, *, is_failure: bool) -> bool:
        now = self._rhythm.clock()
        if now < self._not_before[is_failure]:
            return False
        self._not_before[is_failure] = now + self._rhythm.scrape_interval
        return True


async def _look(source: Touchable) -> _Seen:
    try:
        await source.touch()
    except RemoteError as error:
        # Who has too much to do must not be asked for more.
        is_busy = error.problem is THROTTLED or bool(error.retry_after)
        return _Seen() if is_busy else _Seen(failure=error)
    except UpgraphError:
        return _Seen()
    return _Seen(answers=True)
