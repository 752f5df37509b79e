"""Tells in Events of the cluster what happened to an object, for whoever calls ``kubectl describe``.

An Event is a courtesy: it must neither fail the work nor burden the cluster. So :meth:`Recorder.note` only puts it into a
short queue; what is said again is counted in the Event that is there; an object that has much to say is cut short; and what
cannot be written is dropped.
"""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Never, TypeVar

from upgraph.errors import UpgraphError
from upgraph.kube.api import Api
from upgraph.kube.kinds import EVENT
from upgraph.kube.objects import Key, Object, key_of, uid_of, version_of

_K = TypeVar("_K")
_V = TypeVar("_V")

MAX_NOTE = 1024
"""Most characters of a note that the API takes."""
MAX_WAITING = 256
"""Most Events that wait to be written; more are dropped."""
MAX_REMEMBERED = 1024
"""Most Events that are remembered, to count repetitions in."""
SAME_SECONDS = 360.0
"""What is said again within this time is counted in the same Event."""
BURST = 25
"""Events of one object in a row."""
PACE_SECONDS = 60.0
"""Between two Events of one object after that."""


@dataclass(frozen=True, slots=True)
class Note:
    """What is told about an object."""

    type: Literal["Normal", "Warning"]
    reason: str
    """One word in CamelCase."""
    message: str
    action: str = "Reconcile"
    """What was being done."""


@dataclass(slots=True)
class _Told:
    """An Event that is there."""

    key: Key
    since: float
    count: int = 1


class Recorder:
    """Writes Events. Nothing is written unless :meth:`run` runs.

    Args:
        api: the cluster.
        component: who tells, for example ``example.com/operator``.
        instance: which of several.
        clock: seconds that never go back.
    """

    def __init__(self, api: Api, component: str, instance: str, clock: Callable[[], float]) -> None:
        self.dropped = 0
        """How many notes were not written."""
        self._api = api
        self._component = component
        self._instance = instance
        self._clock = clock
        self._waiting: asyncio.Queue[tuple[Object, Note]] = asyncio.Queue(MAX_WAITING)
        self._told: OrderedDict[tuple[str, Note], _Told] = OrderedDict()
        self._paced: OrderedDict[str, float] = OrderedDict()

    def note(self, obj: Object, note: Note) -> None:
        """Tell something about an object, soon. Never raises, never waits."""
        try:
            self._waiting.put_nowait((obj, note))
        except asyncio.QueueFull:
            self.dropped += 1

    async def run(self) -> Never:
        """Write what was noted, until cancelled."""
        while True:
            obj, note = await self._waiting.get()
            try:
                await self._write(obj, note)
            except UpgraphError:
                self.dropped += 1

    async def _write(self, obj: Object, note: Note) -> None:
        now = self._clock()
        told = self._told.get((uid_of(obj), note))
        if told is not None and now < told.since + SAME_SECONDS:
            told.count += 1
            if self._may(uid_of(obj), now):
                await self._count(told)
        elif self._may(uid_of(obj), now):
            key = Key(key_of(obj).namespace or "default", f"{key_of(obj).name[:200]}.{secrets.token_hex(8)}")
            await self._api.create(self._event(key, obj, note))
            self._told[uid_of(obj), note] = _Told(key, now)
            _forget(self._told)
        else:
            self.dropped += 1

    async def _count(self, told: _Told) -> None:
        series = {"count": told.count, "lastObservedTime": _moment()}
        await self._api.patch(EVENT, told.key, {"series": series})

    def _may(self, uid: str, now: float) -> bool:
        until = max(self._paced.get(uid, now), now) + PACE_SECONDS
        if until - BURST * PACE_SECONDS > now:
            return False
        self._paced[uid] = until
        self._paced.move_to_end(uid)
        _forget(self._paced)
        return True

    def _event(self, key: Key, obj: Object, note: Note) -> Object:
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {"namespace": key.namespace, "name": key.name},
            "eventTime": _moment(),
            "reportingController": self._component,
            "reportingInstance": self._instance[:128],
            "type": note.type,
            "reason": note.reason[:128],
            "action": note.action[:128],
            "note": note.message[:MAX_NOTE],
            "regarding": _reference(obj),
        }


def _reference(obj: Object) -> Object:
    key = key_of(obj)
    named = {
        "apiVersion": obj.get("apiVersion", ""),
        "kind": obj.get("kind", ""),
        "namespace": key.namespace,
        "name": key.name,
        "uid": uid_of(obj),
        "resourceVersion": version_of(obj),
    }
    return {name: value for name, value in named.items() if value}


def _forget(remembered: OrderedDict[_K, _V]) -> None:
    while len(remembered) > MAX_REMEMBERED:
        remembered.popitem(last=False)


def _moment() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
