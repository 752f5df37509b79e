"""Brings a cluster to a plan: writes what differs, takes away what is no longer wanted, leaves alone what is not ours.

Nothing is asked for: what is there is known from watches, and where all is as wanted nothing is sent. An object that cannot
be written is a trouble of its own, and all others are written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from upgraph.errors import RemoteError
from upgraph.errors.problems.reconcile import APPLY_FAILED, APPLY_REFUSED
from upgraph.kube.api import Api
from upgraph.kube.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    HTTP_ROUTE,
    INGRESS,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
    ROUTE,
    SECRET,
    SERVICE,
)
from upgraph.kube.objects import Key, Kind, Object, key_of, uid_of, version_of
from upgraph.kube.store import Store
from upgraph.operator.applying.agreement import agrees
from upgraph.operator.applying.rollout import has_old_pods
from upgraph.operator.applying.takeover import is_of_another, take_over
from upgraph.operator.desired import Plan
from upgraph.operator.desired.metadata import APPLIED
from upgraph.operator.inputs.own import of_another, strangeness
from upgraph.operator.resource.trouble import Trouble

OWNER_INDEX = "owner"
"""Name of the index of stores by the identity of the controlling owner."""
_BY_NAME = {
    (kind.api_version, kind.kind): kind
    for kind in (
        CONFIG_MAP,
        DEPLOYMENT,
        HORIZONTAL_POD_AUTOSCALER,
        HTTP_ROUTE,
        INGRESS,
        NETWORK_POLICY,
        POD_DISRUPTION_BUDGET,
        ROUTE,
        SECRET,
        SERVICE,
    )
}
# The words of the reference operator, which people and scripts look for. {0} is Create or Update.
_REASONS = {
    CONFIG_MAP: "EnsureConfigMapFailed",
    SECRET: "EnsureSecretFailed",
    SERVICE: "EnsureServiceFailed",
    DEPLOYMENT: "{0}DeploymentFailed",
    POD_DISRUPTION_BUDGET: "{0}PDBFailed",
    NETWORK_POLICY: "{0}NetworkPolicyFailed",
    ROUTE: "{0}RouteFailed",
}
_READ_BY_PODS = (CONFIG_MAP, SECRET)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a plan."""

    troubles: tuple[Trouble, ...] = ()
    failure: RemoteError | None = None
    """The reason to try again; that of the trouble that may pass soonest."""
    writes: int = 0
    """How many requests were sent."""


@dataclass(slots=True)
class _Work:
    troubles: list[Trouble] = field(default_factory=list)
    failures: list[RemoteError] = field(default_factory=list)
    writes: int = 0


class Applier:
    """Writes to one cluster.

    Args:
        api: the cluster.
        stores: what is known of the objects of each kind, with the index :data:`OWNER_INDEX`.
    """

    def __init__(self, api: Api, stores: Mapping[Kind, Store]) -> None:
        self._api = api
        self.stores = stores
        self._settled: dict[str, dict[tuple[Kind, Key], tuple[str, str]]] = {}
        """By owner, what was applied to which object, and the version that it got: where the server says the same in other
        words, that is not a reason to say it again."""

    async def carry_out(self, plan: Plan, owner: str) -> Outcome:
        """Bring the cluster to a plan.

        Args:
            plan: what is to be there.
            owner: the identity of the UpdateService.
        """
        work = _Work()
        for obj in plan.objects:
            await self._ensure(obj, owner, work)
        wanted = {(kind_of(obj), obj["metadata"]["name"]) for obj in plan.objects} | plan.kept
        needed = _READ_BY_PODS if self._is_rolling(plan, owner) else ()
        for kind, found in self._owned(owner):
            if (kind, found["metadata"]["name"]) not in wanted and kind not in needed:
                await self._take_away(kind, found, work)
        work.failures.sort(key=lambda error: not error.retryable)
        return Outcome(tuple(work.troubles), next(iter(work.failures), None), work.writes)

    def forget(self, owner: str) -> None:
        """Remember nothing of an UpdateService that is gone."""
        self._settled.pop(owner, None)

    def _is_rolling(self, plan: Plan, owner: str) -> bool:
        """Whether pods may be there that are not as they are wanted now, because they are held or not replaced yet."""
        wanted = {key_of(obj): _digest(obj) for obj in plan.objects if kind_of(obj) == DEPLOYMENT}
        return any(
            wanted.get(key_of(found)) != _digest(found) or has_old_pods(found)
            for kind, found in self._owned(owner)
            if kind == DEPLOYMENT
        )

    def _owned(self, owner: str) -> list[tuple[Kind, Object]]:
        return [
            (kind, found)
            for kind in sorted(self.stores)
            if kind in _BY_NAME.values()
            for found in self.stores[kind].by(OWNER_INDEX, owner)
        ]

    async def _ensure(self, obj: Object, owner: str, work: _Work) -> None:
        kind, key, settled = kind_of(obj), key_of(obj), self._settled.setdefault(owner, {})
        store = self.stores.get(kind)
        found = None if store is None else store.get(key)
        if found is not None:
            strange = strangeness(found, owner)
            if strange:
                work.troubles.append(of_another(kind, found, strange))
                return
            if agrees(obj, found) or settled.get((kind, key)) == (_digest(obj), version_of(found)):
                return
        try:
            if found is not None and is_of_another(kind, found):
                work.writes += 1
                await take_over(self._api, kind, key, owner)
            work.writes += 1
            applied = await self._api.apply(obj)
        except RemoteError as error:
            self._failed(kind, "Create" if found is None else "Update", error, work)
        else:
            settled[kind, key] = (_digest(obj), version_of(applied))

    async def _take_away(self, kind: Kind, found: Object, work: _Work) -> None:
        if found["metadata"].get("deletionTimestamp"):
            return
        try:
            work.writes += 1
            await self._api.delete(kind, key_of(found), uid=uid_of(found))
        except RemoteError as error:
            if error.status != 404:
                self._failed(kind, "Delete", error, work)

    @staticmethod
    def _failed(kind: Kind, verb: str, error: RemoteError, work: _Work) -> None:
        reason = _REASONS.get(kind, f"{{0}}{kind.kind}Failed").format(verb)
        problem = APPLY_FAILED if error.retryable else APPLY_REFUSED
        work.troubles.append(Trouble(reason, problem, error.seen))
        work.failures.append(error)


def kind_of(obj: Object) -> Kind:
    """The kind of an object that is made here."""
    return _BY_NAME[obj["apiVersion"], obj["kind"]]


def _digest(obj: Object) -> str:
    """Of what was applied; empty where nothing was."""
    return str((obj["metadata"].get("annotations") or {}).get(APPLIED, ""))
