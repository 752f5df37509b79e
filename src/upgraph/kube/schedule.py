"""When which key is worked on: the rules of the queue, computed from moments that are given.

* A key is in the hands of one worker at most. What is added meanwhile runs once more afterwards, however often it was.
* No add is lost: after the last one, the key is taken at least once.
* A key that failed comes back by itself, ever later.
* A key that is added without end is taken in bursts and then at a steady pace, so that it leaves room for the others.
"""

import heapq
import itertools
import math
import random
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from upgraph.kube.backoff import BackOff

K = TypeVar("K", bound=Hashable)

FORGET_AT = 1024
"""Most keys at rest whose pace is remembered, and most entries of the heap that are kept although they are not true."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often one key may be taken."""

    burst: int = 10
    """Times in a row without a wait."""
    seconds: float = 1.0
    """Between two takes after that."""


class Schedule(Generic[K]):
    """Which key is due. All moments are seconds of one clock that never goes back.

    Args:
        backoff: when a key that failed is due again.
        pace: how often one key may be taken.
        chance: for the back-off.
    """

    def __init__(self, backoff: BackOff, pace: Pace, chance: random.Random) -> None:
        self._backoff = backoff
        self._pace = pace
        self._chance = chance
        self._due: dict[K, float] = {}
        """When each waiting key is due. One that is being worked on may wait too."""
        self._heap: list[tuple[float, int, K]] = []
        """The same in order; entries that are no longer true are passed over."""
        self._entry: dict[K, int] = {}
        """The true entry of each key in the heap."""
        self._busy: set[K] = set()
        self._failures: dict[K, int] = {}
        self._paced: dict[K, float] = {}
        """Until when each key has used up its pace."""
        self._counter = itertools.count()

    def __len__(self) -> int:
        return len(self._due)

    @property
    def busy(self) -> frozenset[K]:
        """The keys that are being worked on."""
        return frozenset(self._busy)

    def add(self, key: K, moment: float) -> None:
        """Let a key be due at a moment, unless it is due before."""
        if key in self._due and self._due[key] <= moment:
            return
        self._due[key] = moment
        if key not in self._busy:
            self._line_up(key)

    def take(self, now: float) -> K | None:
        """A key that is due, to be worked on until :meth:`done`; None where there is none."""
        self._pass_over()
        if not self._heap or self._heap[0][0] > now:
            return None
        _, _, key = heapq.heappop(self._heap)
        del self._entry[key], self._due[key]
        self._busy.add(key)
        self._paced[key] = max(self._paced.get(key, now), now) + self._pace.seconds
        if len(self._paced) > FORGET_AT:
            self._paced = {each: until for each, until in self._paced.items() if until > now}
        return key

    def next_moment(self) -> float | None:
        """When :meth:`take` will have a key, if nothing is added; None where nothing waits that could be taken."""
        self._pass_over()
        return self._heap[0][0] if self._heap else None

    def done(self, key: K) -> None:
        """The work on a key has succeeded."""
        self._failures.pop(key, None)
        self._free(key)

    def failed(self, key: K, now: float, *, at_least: float = 0.0, at_most: float = math.inf) -> float:
        """The work on a key has failed, so it comes back.

        Args:
            key: the key.
            now: the moment.
            at_least: seconds to wait at the least.
            at_most: seconds to wait at the most, unless ``at_least`` are more.

        Returns:
            seconds until then.
        """
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        wait = max(at_least, min(at_most, self._backoff.wait(failures, self._chance)))
        self._free(key)
        self.add(key, now + wait)
        return wait

    def _free(self, key: K) -> None:
        self._busy.remove(key)
        if key in self._due:
            self._line_up(key)

    def _line_up(self, key: K) -> None:
        number = self._entry[key] = next(self._counter)
        allowed = self._paced.get(key, 0.0) - (self._pace.burst - 1) * self._pace.seconds
        heapq.heappush(self._heap, (max(self._due[key], allowed), number, key))
        if len(self._heap) > FORGET_AT + 2 * len(self._entry):
            self._heap = [one for one in self._heap if self._entry.get(one[2]) == one[1]]
            heapq.heapify(self._heap)

    def _pass_over(self) -> None:
        while self._heap and self._entry.get(self._heap[0][2]) != self._heap[0][1]:
            heapq.heappop(self._heap)
