"""How long to wait after failures: longer each time, never in step with others."""

import random
from dataclasses import dataclass

_MOST_DOUBLINGS = 30
"""Enough for any wait; more would overflow."""


@dataclass(frozen=True, slots=True)
class BackOff:
    """Waits that double up to a limit. A part of each is left to chance, so that many who failed together part."""

    first: float
    """Seconds after the first failure."""
    most: float
    """Longest wait in seconds."""

    def wait(self, failures: int, chance: random.Random) -> float:
        """Seconds to wait after so many failures in a row, between a half and the whole of what has been reached.

        Args:
            failures: at least 1.
            chance: where the rest comes from.
        """
        return self.reached(failures) * chance.uniform(0.5, 1.0)

    def reached(self, failures: int) -> float:
        """The same with nothing left to chance."""
        return min(self.most, self.first * 2.0 ** min(failures - 1, _MOST_DOUBLINGS))
