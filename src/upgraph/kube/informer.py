"""Keeps a store equal to what a cluster has: lists once, then watches, and lists again only where the watch lost its place.

A connection may be cut, refused, or silently dead; the place (a version of the API) survives all of them, so nothing is
read twice. A cluster that lost the place (410) is listed, and what vanished meanwhile is found by comparing. Nothing of
this ends :meth:`Informer.run`: it says in :attr:`Informer.fault` and in the log what is wrong and tries again, ever more slowly.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Never

from upgraph.errors import RemoteError, UpgraphError
from upgraph.errors.problems import kube as problems
from upgraph.kube.api import EVERYWHERE, Api, Event, EventType, ExpiredError, Keep, Scope
from upgraph.kube.backoff import BackOff
from upgraph.kube.objects import Kind, Object, key_of
from upgraph.kube.store import Change, Index, Store

RECONNECT = BackOff(first=0.2, most=30.0)
"""Between attempts to go on, in seconds."""
SETTLED_SECONDS = 10.0
"""A watch that held for so long was a good one."""
ABSENT_SECONDS = 60.0
"""How often a kind is looked for that the cluster does not have; at first, when it may just be replaced, more often."""
GONE_SECONDS = 600.0
"""How long a kind that was there has to be away until it is taken for gone: definitions are deleted and applied again."""

_ABSENT_FIRST_SECONDS = 1.0

_log = logging.getLogger(__name__)

Listener = Callable[[Change], None]
Turn = Callable[[], None]


def without_managed_fields(obj: Object) -> Object:
    """An object without the notes of who manages which field: often a half of it, and seldom what one decides by."""
    obj["metadata"].pop("managedFields", None)
    return obj


class Informer:
    """Knows the objects of one kind in one scope.

    Args:
        api: the cluster.
        kind: which objects. A cluster may lack the kind: then there are none, until it has it.
        scope: which of them.
        indexes: what they are to be found under.
        keep: what is kept of each object.
    """

    def __init__(
        self,
        api: Api,
        kind: Kind,
        scope: Scope = EVERYWHERE,
        *,
        indexes: Mapping[str, Index] | None = None,
        keep: Keep = without_managed_fields,
    ) -> None:
        self.kind = kind
        self.store = Store(indexes)
        self.synced = asyncio.Event()
        """Set when everything has been read once."""
        self.served = True
        """Whether the cluster has the kind, as far as is known; one that is away for a moment it has."""
        self.fault: UpgraphError | None = None
        """Why the last attempt failed; None while one is under way."""
        self.hindrance: UpgraphError | None = None
        """Why nothing has been read yet, as the last attempt that failed has it; None where everything was read once."""
        self._api = api
        self._scope = scope
        self._keep = keep
        self._listeners: list[Listener] = []
        self._turns: list[Turn] = []
        self._absent_since: float | None = None
        self._absences = 0
        self._version = ""
        self._failures = 0
        self._told: tuple[int, str] | None = None
        self._has_heard = False
        self._chance = random.Random()  # noqa: S311  # parts those who failed together

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with every change from now on. It must be quick and must not raise."""
        self._listeners.append(listener)

    def on_turn(self, turn: Turn) -> None:
        """Call ``turn`` when the cluster has the kind again, and when it is taken for gone. As quick as a listener."""
        self._turns.append(turn)

    async def run(self) -> Never:
        """Keep the store equal to the cluster until cancelled."""
        while True:
            wait = await self._attempt()
            await asyncio.sleep(wait)

    async def _attempt(self) -> float:
        """Follow the cluster for as long as it goes; seconds to wait before the next attempt."""
        begun = asyncio.get_running_loop().time()
        self.fault, self._has_heard = None, False
        try:
            await self._follow()
        except ExpiredError as error:
            self._version = ""
            _log.info("%s; all is read anew", error.seen, extra={"reference": error.reference})
        except UpgraphError as error:
            if error.problem is problems.KUBE_NO_KIND:
                return self._without_kind()
            if self._has_heard and asyncio.get_running_loop().time() - begun > SETTLED_SECONDS:
                self._told = None
            return self._failed(error)
        if asyncio.get_running_loop().time() - begun > SETTLED_SECONDS:
            self._failures = 0
        self._failures += 1
        return RECONNECT.wait(self._failures, self._chance)

    async def _follow(self) -> None:
        if not self._version:
            await self._list()
        async with aclosing(self._api.watch(self.kind, self._scope, self._version)) as events:
            async for event in events:
                self._failures = 0
                self._has_heard = True
                self._take(event)

    async def _list(self) -> None:
        listing = await self._api.list(self.kind, self._scope, keep=self._keep)
        self._tell(self.store.reset(listing.objects))
        self._version = listing.version
        self.synced.set()
        self.hindrance = None
        self._has_heard = True
        if self._absent_since is not None:
            self._absent_since, self._absences, self.served = None, 0, True
            self._tell_turn()

    def _take(self, event: Event) -> None:
        if event.type is EventType.DELETED:
            change = self.store.remove(key_of(event.object))
        elif event.type is EventType.BOOKMARK:
            change = None
        else:
            change = self.store.put(self._keep(event.object))
        self._version = event.version
        self._tell([] if change is None else [change])

    def _without_kind(self) -> float:
        now, was_there = asyncio.get_running_loop().time(), self.synced.is_set()
        if self._absent_since is None:
            self._absent_since = now
        self._version = ""
        self._tell(self.store.reset(()))
        self.synced.set()
        self.hindrance = None
        if self.served and (not was_there or now >= self._absent_since + GONE_SECONDS):
            self.served = False
            self._tell_turn()
        self._absences += 1
        return BackOff(_ABSENT_FIRST_SECONDS, ABSENT_SECONDS).wait(self._absences, self._chance)

    def _failed(self, error: UpgraphError) -> float:
        self.fault = error
        if not self.synced.is_set():
            self.hindrance = error
        self._failures += 1
        self._say(error)
        asked = 0.0
        if isinstance(error, RemoteError):
            asked = error.retry_after or 0.0
            if not error.retryable:
                # Whatever cannot be read now would not be read later: go around it.
                self._version = ""
        return max(asked, RECONNECT.wait(self._failures, self._chance))

    def _say(self, error: UpgraphError) -> None:
        """Log a failure: once an outage, and again when it has become another one."""
        # Who stands between often cuts a watch, and the next attempt goes on; that is no reason to look at anything.
        is_cut = self._failures == 1 and isinstance(error, RemoteError) and error.retryable
        level = logging.INFO if is_cut else logging.WARNING
        if (level, error.seen) != self._told:
            self._told = (level, error.seen)
            _log.log(level, "%s", error.seen, extra={"reference": error.reference})

    def _tell_turn(self) -> None:
        for turn in self._turns:
            turn()

    def _tell(self, changes: list[Change]) -> None:
        for change in changes:
            for listener in self._listeners:
                listener(change)
