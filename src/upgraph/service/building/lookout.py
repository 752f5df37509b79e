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
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from upgraph.errors import Finding, RemoteError, UpgraphError
from upgraph.errors.problems.oci import THROTTLED
from upgraph.oci import ImageMissing
from upgraph.service.building.gatherer import SourceOutcome, found_at
from upgraph.service.building.pauses import JITTER, pause

LOOK_SECONDS = 10.0
"""Longest wait for an answer, and of each mirror; later counts as none."""
AGAIN_SECONDS = 1.0
"""After which a source that fails is asked once more. Once is no sign: a connection may have ended just then."""
SECOND_LOOK_SECONDS = 20.0
"""The same wait for that question: over a line that is slow, a new connection alone may take more than the first wait."""
DOUBTED_SECONDS = 300.0
"""How long looks tell nothing of a source after a round has found that they were wrong. It doubles each time, as a registry
may refuse this question alone, and must not look broken between rounds that are good."""
MOST_DOUBTED_SECONDS = 3600.0

_log = logging.getLogger(__name__)


class Touchable(Protocol):
    """A source that can be asked for a trifle."""

    @property
    def name(self) -> str:
        """What the administrator called it."""
        ...

    async def touch(self, seconds: float) -> None:
        """See :meth:`~upgraph.service.building.following.Followed.touch`."""
        ...


@dataclass(slots=True)
class _Watched:
    """A source, and what looks have found of it."""

    source: Touchable
    is_failing: bool = False
    """Whether it failed when a look last could tell."""
    is_told: bool = False
    """Whether it is told now that it fails, because of a look."""
    was_told: bool = False
    """Whether that was told since the last round. It is told once between two rounds."""
    doubted_until: float = -math.inf
    """Moment until which looks tell nothing of it."""
    doubted_seconds: float = DOUBTED_SECONDS
    """How long they tell nothing when they are wrong the next time."""


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
    """Seconds in which at most one round comes early for a failure, and one for the end of one, over all sources."""
    chance: Callable[[], float] = random.random
    """Gives a random number from 0 to 1."""
    clock: Callable[[], float] = time.monotonic
    """Gives seconds that only grow."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits so many seconds."""


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
        # Not by what looks at them, as it may be ended before it has begun.
        for watched, last in zip(self._watched, asked, strict=True):
            self._judge(watched, is_good=last.fault is None)
        # Each by itself, so that one that does not answer delays no other.
        async with asyncio.TaskGroup() as group:
            looks = [
                group.create_task(self._follow(watched, last, wanted))
                for watched, last in zip(self._watched, asked, strict=True)
            ]
            await pause(wanted, seconds)
            for look in looks:
                look.cancel()

    def _judge(self, watched: _Watched, *, is_good: bool) -> None:
        """Hold what looks have told against the round that came after."""
        if is_good:
            watched.is_failing = False
        if is_good and watched.was_told:
            watched.doubted_until = self._rhythm.clock() + watched.doubted_seconds
            watched.doubted_seconds = min(2 * watched.doubted_seconds, MOST_DOUBTED_SECONDS)
        elif not is_good:
            watched.doubted_seconds = DOUBTED_SECONDS
        watched.is_told = watched.was_told = False

    async def _follow(self, watched: _Watched, last: SourceOutcome, wanted: asyncio.Event) -> None:
        rhythm = self._rhythm
        while rhythm.interval is not None:
            # Replicas that started together should not ask in step.
            await rhythm.sleep(rhythm.interval * (1 - JITTER * rhythm.chance()))
            seen = await _look(watched.source, LOOK_SECONDS)
            if seen.failure is not None:
                await rhythm.sleep(AGAIN_SECONDS)
                seen = await _look(watched.source, SECOND_LOOK_SECONDS)
            if last.fault is None:
                self._tell_change(watched, seen)
            if self._has_changed(watched, last, seen):
                wanted.set()

    def _tell_change(self, watched: _Watched, seen: _Seen) -> None:
        """Tell of a source that the last round could read that it fails, or does no longer."""
        name = watched.source.name
        if watched.is_told and seen.answers:
            watched.is_told = False
            _log.info("%s answers again", name)
            self._tell(name, None)
        elif seen.failure and self._is_to_be_told(watched, seen.failure):
            watched.is_told = watched.was_told = True
            fault = found_at(name, seen.failure)
            _log.warning("%s", fault, extra={"reference": fault.reference})
            self._tell(name, fault)

    def _is_to_be_told(self, watched: _Watched, failure: RemoteError) -> bool:
        # That an image has left says nothing about the others; a round finds out.
        is_of_all = not isinstance(failure, ImageMissing)
        return is_of_all and not watched.was_told and self._rhythm.clock() >= watched.doubted_until

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


async def _look(source: Touchable, seconds: float) -> _Seen:
    try:
        await source.touch(seconds)
    except RemoteError as error:
        # Who has too much to do must not be asked for more.
        is_busy = error.problem is THROTTLED or bool(error.retry_after)
        return _Seen() if is_busy else _Seen(failure=error)
    except UpgraphError:
        return _Seen()
    return _Seen(answers=True)
