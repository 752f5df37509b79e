"""Keeps a store equal to what a cluster has: lists once, then watches, and lists again only where the watch lost its place.

A connection may be cut, refused, or silently dead; the place (a version of the API) survives all of them, so nothing is
read twice. A cluster that lost the place (410) is listed, and what vanished meanwhile is found by comparing. Nothing of
this ends :meth:`Informer.run`: it says in :attr:`Informer.fault` what is wrong and tries again, ever more slowly.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Never

from upgraph.errors import RemoteError, UpgraphError
from upgraph.errors.problems import kube as problems
from upgraph.kube.api import EVERYWHERE, Api, Event, EventType, ExpiredError, Scope
from upgraph.kube.backoff import BackOff
from upgraph.kube.objects import Kind, Object, key_of
from upgraph.kube.store import Change, Index, Store

RECONNECT = BackOff(first=0.2, most=30.0)
"""Between attempts to go on, in seconds."""
SETTLED_SECONDS = 10.0
"""A watch that held for so long was a good one."""
ABSENT_SECONDS = 60.0
"""How often a kind is looked for that the cluster does not have."""

Listener = Callable[[Change], None]


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
        keep: what is kept of each object; it may change what it is given.
    """

    def __init__(
        self,
        api: Api,
        kind: Kind,
        scope: Scope = EVERYWHERE,
        *,
        indexes: Mapping[str, Index] | None = None,
        keep: Callable[[Object], Object] = without_managed_fields,
    ) -> None:
        self.kind = kind
        self.store = Store(indexes)
        self.synced = asyncio.Event()
        """Set when everything has been read once."""
        self.served = True
        """Whether the cluster has the kind, as far as is known."""
        self.fault: UpgraphError | None = None
        """Why the last attempt failed; None while one is under way."""
        self._api = api
        self._scope = scope
        self._keep = keep
        self._listeners: list[Listener] = []
        self._version = ""
        self._failures = 0
        self._chance = random.Random()  # noqa: S311  # parts those who failed together

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with every change from now on. It must be quick and must not raise."""
        self._listeners.append(listener)

    async def run(self) -> Never:
        """Keep the store equal to the cluster until cancelled."""
        while True:
            wait = await self._attempt()
            await asyncio.sleep(wait)

    async def _attempt(self) -> float:
        """Follow the cluster for as long as it goes; seconds to wait before the next attempt."""
        begun = asyncio.get_running_loop().time()
        self.fault = None
        try:
            await self._follow()
        except ExpiredError:
            self._version = ""
        except UpgraphError as error:
            if error.problem is problems.KUBE_NO_KIND:
                self._without_kind()
                return ABSENT_SECONDS * self._chance.uniform(0.5, 1.0)
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
                self._take(event)

    async def _list(self) -> None:
        listing = await self._api.list(self.kind, self._scope)
        self._tell(self.store.reset(self._keep(obj) for obj in listing.objects))
        self._version = listing.version
        self.served = True
        self.synced.set()

    def _take(self, event: Event) -> None:
        if event.type is EventType.DELETED:
            change = self.store.remove(key_of(event.object))
        elif event.type is EventType.BOOKMARK:
            change = None
        else:
            change = self.store.put(self._keep(event.object))
        self._version = event.version
        self._tell([] if change is None else [change])

    def _without_kind(self) -> None:
        self.served = False
        self._version = ""
        self._tell(self.store.reset(()))
        self.synced.set()

    def _failed(self, error: UpgraphError) -> float:
        self.fault = error
        self._failures += 1
        asked = 0.0
        if isinstance(error, RemoteError):
            asked = error.retry_after or 0.0
            if not error.retryable:
                # Whatever cannot be read now would not be read later: go around it.
                self._version = ""
        return max(asked, RECONNECT.wait(self._failures, self._chance))

    def _tell(self, changes: list[Change]) -> None:
        for change in changes:
            for listener in self._listeners:
                listener(change)
