"""Looks at things outside of the cluster's API again and again, and tells when something is otherwise.

A reconcile must never wait for a registry or a router: it reads here what was seen last and says what it wants to know. Each
key is looked at by itself, at once when what is wanted has changed, and then in a rhythm that depends on what was seen.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from upgraph.kube.ending import heed_cancellation
from upgraph.kube.objects import Key

FAILED_SECONDS = 60.0
"""Until the next look after one that failed in a way that nobody has foreseen."""

_log = logging.getLogger(__name__)

W = TypeVar("W")
S = TypeVar("S")


@dataclass(slots=True)
class _Subject(Generic[W, S]):
    wish: W
    seen: S | None = None
    repeats: int = 0
    """Looks in a row that saw the same."""
    renewed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Rounds(Generic[W, S]):
    """Looks for many keys.

    Args:
        look: looks once: from the wish and what was seen before to what is seen now. Failures are something that is seen.
        pause: seconds until the next look, after what was seen and how often in a row it was seen before, among so many keys.
        changed: is told of a key when something else is seen than before.
        concurrency: how many looks at a time.
    """

    def __init__(
        self,
        look: Callable[[W, S | None], Awaitable[S]],
        pause: Callable[[S, int, int], float],
        changed: Callable[[Key], None],
        *,
        concurrency: int,
    ) -> None:
        self._look = look
        self._pause = pause
        self._changed = changed
        self._turns = asyncio.Semaphore(concurrency)
        self._subjects: dict[Key, _Subject[W, S]] = {}
        self._group: asyncio.TaskGroup | None = None

    def want(self, key: Key, wish: W) -> None:
        """Have this looked at from now on."""
        subject = self._subjects.get(key)
        if subject is None:
            subject = self._subjects[key] = _Subject(wish)
            self._start(key, subject)
        elif subject.wish != wish:
            subject.wish = wish
            subject.repeats = 0
            subject.renewed.set()

    def seen(self, key: Key) -> S | None:
        """What was seen last; None before the first look."""
        subject = self._subjects.get(key)
        return None if subject is None else subject.seen

    def drop(self, key: Key) -> None:
        """Look no longer."""
        subject = self._subjects.pop(key, None)
        if subject is not None and subject.task is not None:
            subject.task.cancel()

    async def run(self) -> None:
        """Look until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for key, subject in self._subjects.items():
                self._start(key, subject)
            group.create_task(_forever())

    def _start(self, key: Key, subject: _Subject[W, S]) -> None:
        if self._group is not None and subject.task is None:
            subject.task = self._group.create_task(self._follow(key, subject))

    async def _follow(self, key: Key, subject: _Subject[W, S]) -> None:
        while True:
            subject.renewed.clear()
            pause = await self._once(key, subject)
            try:
                async with asyncio.timeout(pause):
                    await subject.renewed.wait()
            except TimeoutError:
                pass

    async def _once(self, key: Key, subject: _Subject[W, S]) -> float:
        try:
            async with self._turns:
                seen = await self._look(subject.wish, subject.seen)
        except Exception:  # noqa: BLE001  # a fault of ours with one subject must not stop all others
            heed_cancellation()
            _log.exception("a look for %s failed", key)
            return FAILED_SECONDS
        is_other = seen != subject.seen
        # Also where it is equal: what does not count in a comparison, such as a moment, is that of the last look.
        subject.seen = seen
        subject.repeats = 0 if is_other else subject.repeats + 1
        if is_other:
            self._changed(key)
        return self._pause(seen, subject.repeats, len(self._subjects))


async def _forever() -> None:
    await asyncio.Event().wait()
