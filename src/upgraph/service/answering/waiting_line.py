"""Those who wait for their turn: in the order in which they came, not too many, and not for too long.

A burst may wait for seconds, since it is worked off and every one of it gets an answer. Where somebody has been
waiting ever since, more come than can be served; then a long wait helps nobody, and only a short one is granted.
Pure: time is told.
"""

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

MOST = 4096
"""How many may wait."""
WAIT_SECONDS = 5.0
"""Longest wait in a burst."""
BUSY_WAIT_SECONDS = 1.0
"""Longest wait once there was always somebody waiting for :data:`WAIT_SECONDS`."""

T = TypeVar("T")


class WaitingLine(Generic[T]):
    """A line of those who wait.

    Args:
        now: seconds on a clock that never goes back, as in all methods.
    """

    def __init__(self, now: float) -> None:
        self._line: deque[tuple[float, T]] = deque()
        self._was_empty = now

    def __len__(self) -> int:
        return len(self._line)

    def join(self, one: T, now: float) -> bool:
        """Wait behind the others; false: there are too many."""
        if not self._line:
            self._was_empty = now
        if len(self._line) >= MOST:
            return False
        self._line.append((now, one))
        return True

    def first(self) -> T:
        """Whose turn it is, and who waits no longer; somebody has to."""
        return self._line.popleft()[1]

    def overdue(self, now: float) -> Iterator[T]:
        """Those who have waited too long, and wait no longer."""
        is_burst = now - self._was_empty < WAIT_SECONDS
        longest = WAIT_SECONDS if is_burst else BUSY_WAIT_SECONDS
        while self._line and now - self._line[0][0] >= longest:
            yield self.first()
