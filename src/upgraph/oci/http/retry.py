"""When to ask again, and after how long. Pure: chance and the clock are parameters."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from upgraph.errors import RemoteError, UpgraphError

MAX_RETRY_AFTER_SECONDS = 30.0
"""Longest wait that a server may ask for in ``Retry-After``; a longer one is shortened to this."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Exponential backoff with jitter, so that clients that failed together do not come back together."""

    attempts: int = 4
    """How often a request is made at most."""
    base: float = 0.25
    """Seconds of the first wait; doubled each time."""
    ceiling: float = 8.0
    """Seconds of the longest wait that is not asked for by the server."""
    longest_asked: float = MAX_RETRY_AFTER_SECONDS
    """Seconds of the longest wait that is."""

    def delay(self, failed: int, error: UpgraphError, *, chance: float) -> float | None:
        """Seconds until the next attempt, or None if there shall be none.

        Args:
            failed: attempts made until now, at least 1.
            error: how the last one failed. Only errors that say they are retryable are tried again.
            chance: a random number from 0 to 1.
        """
        if failed >= self.attempts or not isinstance(error, RemoteError) or not error.retryable:
            return None
        wait = min(self.ceiling, self.base * float(1 << (failed - 1)))
        if error.retry_after is not None:
            # Never earlier than asked for, and not all clients at the same moment.
            return min(max(error.retry_after, 0.0), self.longest_asked) + chance * self.base
        return wait * (0.5 + chance / 2)


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that ``Retry-After`` asks for (RFC 9110, section 10.2.3); None if it is absent or not valid."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
