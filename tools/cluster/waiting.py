"""Wait for something that a cluster will do, no longer than is reasonable, and not for one that has ended."""

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_SECONDS = 180.0
"""Longest wait for anything; on an idle machine a whole cluster is ready in ten."""
LOOK_SECONDS = 0.05

T = TypeVar("T")


def until(look: Callable[[], T], *, what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """Look again and again until there is something to see. Whatever ``look`` raises ends the wait.

    Raises:
        TimeoutError: nothing was seen in time.
    """
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s in vain for {what}; seen last: {seen!r}")
        time.sleep(LOOK_SECONDS)
    return seen
