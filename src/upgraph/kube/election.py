"""One of several processes works, the others wait to take over: a Lease of the cluster says who.

The rules are those of :mod:`upgraph.kube.candidacy`. The version of the object decides between two who write at once. Who
cannot renew in time stops its work before anybody else begins; who ends in good order releases the Lease, so that the next
one need not wait.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

from upgraph.errors import RemoteError, UpgraphError
from upgraph.errors.problems import kube as problems
from upgraph.kube.api import Api
from upgraph.kube.candidacy import Candidate, Record, Terms
from upgraph.kube.kinds import LEASE
from upgraph.kube.objects import Key, Object

RELEASE_SECONDS = 5.0
"""Longest time for releasing the Lease on the way out."""

Report = Callable[[UpgraphError], None]
"""Is told why an attempt to take or renew the Lease failed."""


class Election:
    """A candidate for one Lease.

    Args:
        api: the cluster.
        lease: which object; it is made if it is not there.
        identity: our name, which nobody else has or had.
        terms: the times.
        report: is told why attempts fail.
    """

    def __init__(
        self,
        api: Api,
        lease: Key,
        identity: str,
        *,
        terms: Terms = Terms(),  # noqa: B008  # it is frozen
        report: Report = lambda _: None,
    ) -> None:
        self.leading = asyncio.Event()
        """Set while the work runs."""
        self.fault: UpgraphError | None = None
        """Why the last attempt to take or renew the Lease failed; None where it was taken, or another one has it."""
        self._api = api
        self._key = lease
        self._candidate = Candidate(identity, terms)
        self._report = report
        self._held: Object | None = None
        """The object as we wrote it last: while nobody else writes, a renewal is one request."""

    async def lead(self, work: Callable[[], Awaitable[None]]) -> None:
        """Wait for the Lease, then work until the work ends or the Lease is lost.

        Args:
            work: is cancelled when the Lease is lost, and has to end soon then.

        Raises:
            RemoteError: the Lease was lost; the work has ended. Other errors are those of the work.
        """
        while not await self._attempt():  # noqa: ASYNC110  # nothing here could be told of what another one writes
            await asyncio.sleep(self._candidate.terms.interval * random.uniform(0.8, 1.2))  # noqa: S311  # no secret
        self.leading.set()
        task = asyncio.ensure_future(work())
        try:
            await self._hold(task)
            await task
        finally:
            await _ended(task)
            self.leading.clear()
            await self._release()

    async def _hold(self, task: asyncio.Future[None]) -> None:
        while True:
            await asyncio.wait({task}, timeout=min(self._candidate.terms.interval, self._left()))
            if task.done():
                return
            if self._left() > 0:
                await self._attempt()
            if self._left() <= 0:
                seen = f"Lease {self._key}: {self._candidate.identity} could not renew it in time, or another one has it"
                raise RemoteError(problems.KUBE_LEASE_LOST, seen, retryable=True)

    def _left(self) -> float:
        until = self._candidate.until()
        return 0.0 if until is None else max(0.0, until - _now())

    async def _attempt(self) -> bool:
        """Take or renew the Lease; whether it is ours now."""
        begun = _now()
        try:
            async with asyncio.timeout(self._left() or self._candidate.terms.deadline):
                is_ours = await self._written(begun)
        except UpgraphError as error:
            self._failed(error)
        except TimeoutError:
            seen = f"Lease {self._key}: no answer in time"
            self._failed(RemoteError(problems.KUBE_UNREACHABLE, seen, retryable=True))
        else:
            self.fault = None
            return is_ours
        return False

    def _failed(self, error: UpgraphError) -> None:
        self._held = None
        self.fault = error
        self._report(error)

    async def _written(self, begun: float) -> bool:
        found = self._held or await self._found()
        if found is None:
            self._held = await self._api.create(self._object({}, self._candidate.ours(None, _moment())))
        else:
            record = record_of(found)
            if not self._candidate.may_take(record, _now()):
                self._candidate.lost()
                return False
            self._held = await self._api.replace(self._object(found, self._candidate.ours(record, _moment())))
        self._candidate.wrote(begun)
        return True

    async def _found(self) -> Object | None:
        try:
            return await self._api.get(LEASE, self._key)
        except RemoteError as error:
            if error.problem is problems.KUBE_NOT_FOUND:
                return None
            raise

    async def _release(self) -> None:
        """Let the next one begin at once. If that fails it has to wait, which is no harm."""
        if self._candidate.until() is None:
            return
        self._candidate.lost()
        with suppress(UpgraphError, TimeoutError):
            async with asyncio.timeout(RELEASE_SECONDS):
                # Read anew: a renewal that was cut short may have been written.
                found = await self._api.get(LEASE, self._key)
                record = record_of(found)
                if record.holder == self._candidate.identity:
                    free = Record("", _moment(), record.transitions, 1.0)
                    await self._api.replace(self._object(found, free))

    def _object(self, before: Object, record: Record) -> Object:
        old = before.get("spec") or {}
        acquired = old.get("acquireTime") if old.get("holderIdentity") == record.holder else None
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": before.get("metadata") or {"namespace": self._key.namespace, "name": self._key.name},
            "spec": {
                "holderIdentity": record.holder,
                "leaseDurationSeconds": max(1, round(record.lease)),
                "acquireTime": acquired or record.renewed,
                "renewTime": record.renewed,
                "leaseTransitions": record.transitions,
            },
        }


def record_of(lease: Object) -> Record:
    """What a Lease says. What is missing or of a wrong type, others may write too, says nothing."""
    spec = lease.get("spec") or {}
    transitions, seconds = spec.get("leaseTransitions"), spec.get("leaseDurationSeconds")
    return Record(
        str(spec.get("holderIdentity") or ""),
        str(spec.get("renewTime") or ""),
        transitions if isinstance(transitions, int) else 0,
        float(seconds) if isinstance(seconds, int | float) else 0.0,
    )


async def _ended(task: asyncio.Future[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _moment() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
