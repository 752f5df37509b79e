"""What is known of the graph-data image of each UpdateService, from its registry."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from upgraph.errors import RemoteError, UpgraphError
from upgraph.errors.problems.oci import TIMEOUT, UNAUTHORIZED
from upgraph.kube.backoff import BackOff
from upgraph.oci import ImageName
from upgraph.operator.inputs.values import GraphDataImage
from upgraph.operator.observing.graph_data import Looked, look
from upgraph.operator.observing.private_files import AccessPool, Means

AT_REST_SECONDS = 10.0
"""Between two questions to a registry: so long it may take until a moved tag, a fault or its end is noticed."""
AT_REST_SECONDS_EACH = 0.3
"""The same for each image where there are many, which must not keep registry and operator busy: a minute with two hundred."""
AFTER_FAULT_SECONDS_EACH = 0.1
"""The same after a fault, whose end is waited for."""
MOST_SECONDS = 300.0
"""Longest pause before a login is shown again that was refused, as each time may count towards locking the account, and longest
one that a registry may ask for. Another login is tried at once."""
LOOK_SECONDS = 30.0
"""Longest time for one question with all that belongs to it. A client of registries asks again for minutes, as it should where
a copy is at stake; here others wait for their turn, and an administrator for a word."""
TOLD_SECONDS = 3600.0
"""How often the moment of the last question is told where the answer is the same: each time is a write to the cluster."""


@dataclass(frozen=True, slots=True)
class GraphDataWish:
    """Which image, and with what its registry is asked."""

    image: ImageName
    means: Means


@dataclass(frozen=True, slots=True)
class GraphDataSeen:
    """What a registry has said of an image."""

    image: ImageName
    found: GraphDataImage | None
    """What it was when the registry last answered; None if it never did."""
    fault: UpgraphError | None = field(default=None, compare=False)
    fault_text: str = ""
    """Why it does not answer now."""
    checked: datetime | None = field(default=None, compare=False)
    """When it was asked."""
    told: datetime | None = None
    """When it was asked first since that was told: another one each :data:`TOLD_SECONDS`."""


async def look_at(pool: AccessPool, wish: GraphDataWish, before: GraphDataSeen | None) -> GraphDataSeen:
    """Ask once; what was found before holds where there is no answer."""
    known = before.found if before is not None and before.image == wish.image else None
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            with pool.access(wish.means) as access:
                looked = await look(wish.image, access, known)
    except UpgraphError as error:
        looked = Looked(fault=error)
    except TimeoutError:
        seen = f"{wish.image}: no answer in {LOOK_SECONDS:g} s"
        looked = Looked(fault=RemoteError(TIMEOUT, seen, retryable=True))
    now = datetime.now(UTC)
    told = now if before is None or before.told is None or is_overdue(before.told, now) else before.told
    if looked.fault is None:
        return GraphDataSeen(wish.image, looked.found, checked=now, told=told)
    return GraphDataSeen(wish.image, known, _by_itself(looked.fault), looked.fault.seen, now, told)


def _by_itself(error: UpgraphError) -> UpgraphError:
    """An error that can be kept: what has led to it would keep the connections of the whole look."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def is_overdue(told: datetime, now: datetime) -> bool:
    """Whether the moment of the last question has to be told again. A moment that is to come is none."""
    return not 0 <= (now - told).total_seconds() < TOLD_SECONDS


def pause_after(seen: GraphDataSeen, repeats: int, among: int) -> float:
    """Seconds until the next question, after ``repeats`` that were answered the same, ``among`` so many images."""
    fault = seen.fault
    if fault is None:
        return max(AT_REST_SECONDS, AT_REST_SECONDS_EACH * among)
    usual = max(AT_REST_SECONDS, AFTER_FAULT_SECONDS_EACH * among)
    if fault.problem is UNAUTHORIZED:
        return max(usual, BackOff(AT_REST_SECONDS, MOST_SECONDS).reached(repeats + 1))
    asked_for = fault.retry_after if isinstance(fault, RemoteError) else None
    return max(usual, min(asked_for or 0.0, MOST_SECONDS))
