"""Keys to be worked on, by several workers. The rules are those of :mod:`upgraph.kube.schedule`."""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic

from upgraph.errors import RemoteError, UpgraphError
from upgraph.errors.problems.kube import KUBE_UNAUTHORIZED, KUBE_UNREACHABLE, KUBE_UNTRUSTED, KUBECONFIG
from upgraph.kube.backoff import BackOff
from upgraph.kube.ending import heed_cancellation
from upgraph.kube.schedule import K, Pace, Schedule

RETRY = BackOff(first=0.5, most=300.0)
"""When a key that failed is tried again, in seconds."""
PERMANENT_SECONDS = 60.0
"""Shortest wait after a failure that the same work would meet again; a change that ends it is told by an informer."""
LOGIN_SECONDS = 5.0
"""The same where the login or the authority was refused: both are files that are replaced beside us, which nothing tells."""
AWAY_SECONDS = 30.0
"""Longest wait after a failure of the way to the cluster, of which nothing tells that it has ended. A wait that the server
asks for may be longer."""
WORK_SECONDS = 120.0
"""Longest work on one key."""

_LOGIN = (KUBE_UNAUTHORIZED, KUBE_UNTRUSTED, KUBECONFIG)
_NO_SERVER = frozenset({502, 503, 504})
"""Answered by what stands before a server that is away."""

Work = Callable[[K], Awaitable[float | None]]
"""Works on a key. Gives the seconds after which it wants to see the key again, None for never."""
Failure = Callable[[K, Exception, float], None]
"""Is told of a key whose work failed, why, and in how many seconds it is tried again."""


class Queue(Generic[K]):
    """Keys to be worked on. It lives in one event loop.

    Args:
        backoff: when a key that failed is tried again.
        pace: how often one key may be worked on.
    """

    def __init__(self, *, backoff: BackOff = RETRY, pace: Pace = Pace()) -> None:  # noqa: B008  # it is frozen
        self._schedule: Schedule[K] = Schedule(backoff, pace, random.Random())  # noqa: S311  # no secret
        self._added = asyncio.Event()
        self._closing = False

    def __len__(self) -> int:
        return len(self._schedule)

    def add(self, key: K) -> None:
        """Have a key worked on soon: once, however often it is added before that."""
        self.add_after(key, 0.0)

    def add_after(self, key: K, seconds: float) -> None:
        """Have a key worked on after some seconds, unless it is to be before."""
        self._schedule.add(key, self._now() + seconds)
        self._added.set()

    def close(self) -> None:
        """Let :meth:`run` end as soon as the work that has begun is done."""
        self._closing = True
        self._added.set()

    async def run(self, work: Work[K], *, workers: int, on_failure: Failure[K]) -> None:
        """Work on keys until closed. Cancelling it cancels the work.

        Args:
            work: what is done with a key. Any error of it is a failure of this key alone.
            workers: how many keys at a time.
            on_failure: is told of every failure.
        """
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._serve(work, on_failure))

    async def _serve(self, work: Work[K], on_failure: Failure[K]) -> None:
        while not self._closing:
            key = self._schedule.take(self._now())
            if key is None:
                await self._wait()
            else:
                await self._one(key, work, on_failure)

    async def _one(self, key: K, work: Work[K], on_failure: Failure[K]) -> None:
        try:
            async with asyncio.timeout(WORK_SECONDS):
                again = await work(key)
        except Exception as error:  # noqa: BLE001  # one key that fails must not stop the others; it is told
            heed_cancellation()
            wait = self._schedule.failed(
                key, self._now(), at_least=_shortest_wait(error), at_most=_longest_wait(error)
            )
            on_failure(key, error, wait)
        else:
            self._schedule.done(key)
            if again is not None:
                self.add_after(key, again)
        # Another worker may sleep until a moment that is later than that of this key.
        self._added.set()

    async def _wait(self) -> None:
        self._added.clear()
        moment = self._schedule.next_moment()
        wait = None if moment is None else max(0.0, moment - self._now())
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._added.wait()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _shortest_wait(error: Exception) -> float:
    if isinstance(error, RemoteError) and error.retryable:
        return error.retry_after or 0.0
    if isinstance(error, UpgraphError) and error.problem in _LOGIN:
        return LOGIN_SECONDS
    return PERMANENT_SECONDS if isinstance(error, UpgraphError) else 0.0


def _longest_wait(error: Exception) -> float:
    is_away = isinstance(error, UpgraphError) and error.problem in {*_LOGIN, KUBE_UNREACHABLE}
    is_away |= isinstance(error, RemoteError) and error.status in _NO_SERVER
    return AWAY_SECONDS if is_away else math.inf
