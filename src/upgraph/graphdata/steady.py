"""Reading something that others may be writing: what is read counts only if nothing moved meanwhile."""

import time
from collections.abc import Callable

from upgraph.errors import DataError
from upgraph.errors.problems.graphdata import CHANGING
from upgraph.graphdata.files import Files

ATTEMPTS = 5
"""How often a set is read before it counts as never at rest."""
PAUSE_SECONDS = 0.1
"""Wait between attempts."""


def read_steadily(
    name: str,
    fingerprint: Callable[[], str],
    read: Callable[[], Files],
    *,
    pause: Callable[[float], None] = time.sleep,
) -> Files:
    """What ``read`` returns while ``fingerprint`` stays the same.

    Raises:
        DataError: the fingerprint changed in every attempt, or ``read`` failed while it did not change.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            pause(PAUSE_SECONDS)
        before = fingerprint()
        try:
            files = read()
        except DataError:
            # A file that vanished or was cut off in the middle is a fault only if nobody is at work there.
            if fingerprint() == before:
                raise
            continue
        if fingerprint() == before:
            return files
    raise DataError(
        CHANGING, f"{name} keeps changing: it was never the same before and after {ATTEMPTS} readings"
    )
