"""What is known of the cluster, kept current by watches: everything that an UpdateService depends on or becomes.

What OpenShift has and other clusters lack is looked for now and then rather than watched in vain. The ConfigMap with the
authorities of registries is the one whose name is only known from another object, so its watch follows that name.
"""

import asyncio
import logging
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping

from upgraph.errors import UpgraphError
from upgraph.errors.problems.kube import KUBE_FORBIDDEN
from upgraph.kube.api import EVERYWHERE, Api, Scope
from upgraph.kube.backoff import BackOff
from upgraph.kube.informer import Informer, Listener, without_managed_fields
from upgraph.kube.kinds import (
    CONFIG_MAP,
    GATEWAY,
    HTTP_ROUTE,
    IMAGE_CONFIG,
    POD,
    PROXY_CONFIG,
    ROUTE,
    SECRET,
    SECURITY_CONTEXT_CONSTRAINTS,
)
from upgraph.kube.objects import Key, Kind, Object
from upgraph.kube.ownership import controller_of, controller_uid
from upgraph.kube.store import Change, Store
from upgraph.operator.applying.writing import OWNER_INDEX
from upgraph.operator.desired.plan import ALWAYS_THERE, SOMETIMES_THERE
from upgraph.operator.inputs.access import authorities_of_cluster
from upgraph.operator.inputs.values import Platform
from upgraph.operator.inputs.view import at
from upgraph.operator.installation.parameters import (
    CLUSTER_PULL_SECRET,
    CONFIG_NAMESPACE,
    INGRESS_CA,
    MANAGED_NAMESPACE,
)
from upgraph.operator.resource.update_service import UPDATE_SERVICE

SEARCH_SECONDS = 600.0
"""How often kinds are looked for that the cluster does not have."""
SEARCH_AGAIN = BackOff(first=0.5, most=30.0)
"""When it is asked again whether the cluster has a kind, in seconds, after nobody could say it."""
SHARED_CHARACTERS = 256
"""From this length on equal texts of different objects are kept once: bundles of authorities, pull secrets."""
HELM_RELEASE = "helm.sh/release.v1"
"""Type of the Secrets in which Helm notes what it has installed."""
POD_INDEX = "deployment"
"""Name of the index of pods by their Deployment, and of the label that says it."""

Place = tuple[Kind, str]
"""A kind and the namespace in which it is watched; empty for all that is not in one namespace."""
_NEEDED = frozenset({UPDATE_SERVICE, *ALWAYS_THERE, IMAGE_CONFIG, PROXY_CONFIG})
"""What has to be read before anything is done. Of all other kinds, and in other namespaces, it is enough to know that they
cannot be read. Taken for absent, an unreadable Secret or proxy would have pods replaced by others without it."""

_log = logging.getLogger(__name__)


def kept(obj: Object) -> Object:
    """An object as it is kept: without the notes of managers, and with long texts that many objects share.

    Of what Helm notes in Secrets, a megabyte for each revision of whatever it has installed, nothing but the name is kept.
    """
    without_managed_fields(obj)
    if obj.get("type") == HELM_RELEASE:
        obj.pop("data", None)
    data = obj.get("data")
    if isinstance(data, dict):
        for key, value in data.items():
            if isinstance(value, str) and len(value) >= SHARED_CHARACTERS:
                data[key] = sys.intern(value)
    return obj


class World:
    """The cluster as far as the operator looks at it.

    Args:
        api: the cluster.
        namespace: whose UpdateServices are looked after.
        changed: is told which UpdateService is to be looked at again.
    """

    def __init__(self, api: Api, namespace: str, changed: Callable[[Key], None]) -> None:
        self.chooses_users = False
        self._api = api
        self._namespace = namespace
        self._changed = changed
        self._informers: dict[Place, Informer] = {}
        self._authorities: tuple[str, Informer, asyncio.Task[None]] | None = None
        self._group: asyncio.TaskGroup | None = None
        self._is_searched = False
        self._search_fault: UpgraphError | None = None
        """Why it is not known whether the cluster has a kind."""
        self._chance = random.Random()  # noqa: S311  # no secret

    @property
    def platform(self) -> Platform:
        """What the cluster has."""
        return Platform(
            routes=self._has(ROUTE, self._namespace),
            http_routes=self._has(HTTP_ROUTE, self._namespace),
            image_config=self._has(IMAGE_CONFIG, ""),
            proxy_config=self._has(PROXY_CONFIG, ""),
            chooses_users=self.chooses_users,
        )

    @property
    def is_settled(self) -> bool:
        """Whether all that is needed has been read once, and the rest too or may not be read."""
        return self._is_searched and not any(self._unread())

    @property
    def waits(self) -> tuple[str, ...]:
        """What keeps it from being settled, each with what was seen; none where it is."""
        found: list[str] = []
        if not self._is_searched:
            searching = "it is being asked which kinds the cluster has"
            found.append(searching if self._search_fault is None else self._search_fault.seen)
        unread = list(self._unread())
        found += dict.fromkeys(one.hindrance.seen for _, one in unread if one.hindrance is not None)
        begun = sorted(_named_place(place) for place, one in unread if one.hindrance is None)
        return (*found, f"still being read: {', '.join(begun)}") if begun else tuple(found)

    @property
    def stores(self) -> Mapping[Kind, Store]:
        """What is known of the objects that UpdateServices become."""
        kinds = (*ALWAYS_THERE, *SOMETIMES_THERE)
        return {
            kind: self._informers[kind, self._namespace].store
            for kind in kinds
            if (kind, self._namespace) in self._informers
        }

    @property
    def faults(self) -> tuple[UpgraphError, ...]:
        """What cannot be looked for or watched now."""
        found = (self._search_fault, *(one.fault for _, one in self._all()))
        return tuple(fault for fault in found if fault is not None)

    def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """See :class:`~upgraph.operator.inputs.view.View`."""
        if kind == CONFIG_MAP and namespace == CONFIG_NAMESPACE and namespace != self._namespace:
            informer = None if self._authorities is None else self._authorities[1]
        else:
            informer = self._informers.get((kind, namespace)) or self._informers.get((kind, ""))
        return None if informer is None else informer.store.get(Key(namespace, name))

    def services(self) -> tuple[Object, ...]:
        """All UpdateServices."""
        return self._informers[UPDATE_SERVICE, self._namespace].store.all()

    def pods_of(self, deployment: str) -> tuple[Object, ...]:
        """The pods of a Deployment."""
        return self._informers[POD, self._namespace].store.by(POD_INDEX, deployment)

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for kind in (UPDATE_SERVICE, *ALWAYS_THERE):
                self._watch(kind, Scope(self._namespace), self._on_object)
            self._watch(POD, Scope(self._namespace, labels=POD_INDEX), self._on_pod)
            while True:
                await self._search()
                self._is_searched = True
                await asyncio.sleep(SEARCH_SECONDS)

    async def _search(self) -> None:
        """Begin to watch what the cluster has come to have."""
        before = self.platform
        # Once for all: while the kind is away for a moment, pods that name a user would be made, and let in by nobody.
        self.chooses_users = self.chooses_users or await self._serves(SECURITY_CONTEXT_CONSTRAINTS)
        for kind in SOMETIMES_THERE:
            if (kind, self._namespace) not in self._informers and await self._serves(kind):
                self._watch(kind, Scope(self._namespace), self._on_object)
        if (GATEWAY, "") not in self._informers and await self._serves(GATEWAY):
            self._watch(GATEWAY, EVERYWHERE, self._on_surroundings)
        if (PROXY_CONFIG, "") not in self._informers and await self._serves(PROXY_CONFIG):
            self._watch(PROXY_CONFIG, Scope(name="cluster"), self._on_surroundings)
        if (IMAGE_CONFIG, "") not in self._informers and await self._serves(IMAGE_CONFIG):
            self._watch(SECRET, Scope(CONFIG_NAMESPACE, name=CLUSTER_PULL_SECRET), self._on_surroundings)
            self._watch(CONFIG_MAP, Scope(MANAGED_NAMESPACE, name=INGRESS_CA), self._on_surroundings)
            self._watch(IMAGE_CONFIG, Scope(name="cluster"), self._on_image_config)
        if self.platform != before:
            self._on_turn()

    async def _serves(self, kind: Kind) -> bool:
        """Whether the cluster has a kind. Who cannot say it has not said no: pods would be made otherwise by mistake."""
        failures = 0
        while True:
            try:
                served = await self._api.serves(kind)
            except UpgraphError as error:
                failures += 1
                if self._search_fault is None or self._search_fault.problem is not error.problem:
                    _log.warning("%s", error.seen, extra={"reference": error.reference})
                self._search_fault = error
                await asyncio.sleep(SEARCH_AGAIN.wait(failures, self._chance))
            else:
                self._search_fault = None
                return served

    def _watch(self, kind: Kind, scope: Scope, listener: Listener) -> None:
        place = (kind, scope.namespace or "")
        if place in self._informers:
            return
        indexes = {POD_INDEX: _deployment_of} if kind == POD else {OWNER_INDEX: controller_uid}
        informer = Informer(self._api, kind, scope, indexes=indexes, keep=kept)
        informer.listen(listener)
        informer.on_turn(self._on_turn)
        self._informers[place] = informer
        if self._group is not None:
            self._group.create_task(self._run(informer))

    async def _run(self, informer: Informer) -> None:
        await informer.run()

    def _has(self, kind: Kind, namespace: str) -> bool:
        informer = self._informers.get((kind, namespace))
        return informer is not None and informer.served

    def _all(self) -> Iterator[tuple[Place, Informer]]:
        yield from self._informers.items()
        if self._authorities is not None:
            yield (CONFIG_MAP, CONFIG_NAMESPACE), self._authorities[1]

    def _unread(self) -> Iterator[tuple[Place, Informer]]:
        """What has to be read, or may be, and was not yet."""
        for place, informer in self._all():
            if not informer.synced.is_set() and (self._is_needed(place) or not _is_forbidden(informer)):
                yield place, informer

    def _is_needed(self, place: Place) -> bool:
        kind, namespace = place
        return kind in _NEEDED and namespace in ("", self._namespace)

    def _on_object(self, change: Change) -> None:
        for name in self._concerned(change):
            self._changed(Key(self._namespace, name))

    def _on_pod(self, change: Change) -> None:
        for obj in (change.old, change.new):
            for name in () if obj is None else _deployment_of(obj):
                self._changed(Key(self._namespace, name))

    def _on_surroundings(self, change: Change) -> None:  # noqa: ARG002  # all are concerned by each
        self._on_turn()

    def _on_turn(self) -> None:
        """The cluster has something for all of them, or has it no more."""
        for service in self.services():
            self._changed(Key(self._namespace, service["metadata"]["name"]))

    def _on_image_config(self, change: Change) -> None:
        self._follow(authorities_of_cluster(self))
        self._on_surroundings(change)

    def _follow(self, name: str) -> None:
        """Watch the ConfigMap with the authorities under its present name."""
        if self._authorities is not None:
            if self._authorities[0] == name:
                return
            self._authorities[2].cancel()
            self._authorities = None
        if name and self._group is not None:
            informer = Informer(self._api, CONFIG_MAP, Scope(CONFIG_NAMESPACE, name=name), keep=kept)
            informer.listen(self._on_surroundings)
            task = self._group.create_task(self._run(informer))
            self._authorities = (name, informer, task)

    def _concerned(self, change: Change) -> set[str]:
        """The UpdateServices that a change in the namespace is about."""
        names: set[str] = set()
        for obj in (change.old, change.new):
            owner = None if obj is None else controller_of(obj)
            if obj is not None and obj.get("kind") == UPDATE_SERVICE.kind:
                names.add(change.key.name)
            elif owner is not None and owner.get("kind") == UPDATE_SERVICE.kind:
                names.add(str(owner.get("name")))
            elif obj is not None:
                names |= self._referring(change.key.name)
        return names

    def _referring(self, name: str) -> set[str]:
        """The UpdateServices that name an object, or that something of this name stands in the way of."""
        return {
            own
            for service in self.services()
            if (own := service["metadata"]["name"]) and (name.startswith(own) or name in _named(service))
        }


def _named_place(place: Place) -> str:
    kind, namespace = place
    return f"{kind.kind} in {namespace}" if namespace else kind.kind


def _is_forbidden(informer: Informer) -> bool:
    # Only a right that is missing may be missing for ever. A login or an authority that is being replaced is back soon.
    return informer.hindrance is not None and informer.hindrance.problem is KUBE_FORBIDDEN


def _deployment_of(pod: Object) -> Iterable[str]:
    """The Deployment that a pod belongs to; none if it only has its label, as any pod may.

    A ReplicaSet has the name of its Deployment and the hash that its pods have as a label, so no right to read ReplicaSets is
    needed.
    """
    labels, owner = at(pod, "metadata", "labels"), controller_of(pod) or {}
    name, revision = labels.get(POD_INDEX), labels.get("pod-template-hash")
    is_its = owner.get("kind") == "ReplicaSet" and owner.get("name") == f"{name}-{revision}"
    return (str(name),) if name and revision and is_its else ()


def _named(service: Object) -> set[str]:
    """The ConfigMaps and Secrets that an UpdateService names."""
    spec = at(service, "spec")
    paths = (
        ("trust", "configMap"),
        ("credentials", "secret"),
        ("exposure", "tlsSecret"),
        ("versions", "configMap"),
        ("signatures", "keyringSecret"),
        ("signatures", "keyringConfigMap"),
    )
    return {str(at(spec, part).get(field)) for part, field in paths if at(spec, part).get(field)}
