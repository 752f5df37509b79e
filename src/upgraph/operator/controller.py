"""Looks after the UpdateServices of one namespace: from what is known to what is to be, and back into their status.

Level-triggered: whatever has changed, the UpdateService that it concerns is looked at as a whole, with what is known then.
Nothing is remembered between two looks but what saves requests, so a new process goes on where another one ended.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Literal

from upgraph.errors import DataError, RemoteError, UpgraphError, UserError
from upgraph.errors.problems.reconcile import OPERATOR_FAULT
from upgraph.kube.api import Api
from upgraph.kube.conditions import Condition, stated
from upgraph.kube.events import Note, Recorder
from upgraph.kube.kinds import CONFIG_MAP, DEPLOYMENT, SECRET
from upgraph.kube.objects import Key, Object, key_of, uid_of
from upgraph.kube.queue import Queue
from upgraph.operator.applying.writing import Applier, Outcome
from upgraph.operator.desired import plan_of
from upgraph.operator.inputs.access import NOT_CONFIGURED
from upgraph.operator.inputs.gathering import Surroundings, gather
from upgraph.operator.inputs.own import Own
from upgraph.operator.inputs.sources import graph_data_name
from upgraph.operator.inputs.values import (
    CA_BUNDLE_KEY,
    PULL_SECRET_KEY,
    GraphDataImage,
    Inputs,
    ProxySettings,
)
from upgraph.operator.inputs.view import at, decoded_of, text_of
from upgraph.operator.installation.parameters import INGRESS_CA, MANAGED_NAMESPACE
from upgraph.operator.metrics import OperatorMetrics
from upgraph.operator.observing import graph_data_watch, replicas
from upgraph.operator.observing.exposed import exposed_of
from upgraph.operator.observing.graph_data_watch import GraphDataSeen, GraphDataWish
from upgraph.operator.observing.pods import addresses, troubles_of
from upgraph.operator.observing.private_files import AccessPool, Means
from upgraph.operator.observing.replicas import ServiceSeen, ServiceWish
from upgraph.operator.observing.rounds import Rounds
from upgraph.operator.reporting.conclusions import Known
from upgraph.operator.reporting.pasting import with_names
from upgraph.operator.reporting.status import Status, status_of
from upgraph.operator.reporting.verdicts import DEGRADED, RECONCILE_COMPLETED
from upgraph.operator.reporting.writing import AGAIN_SECONDS, StatusWriter
from upgraph.operator.resource.names import Names
from upgraph.operator.resource.trouble import Trouble
from upgraph.operator.resource.update_service import UPDATE_SERVICE, UpdateService, parse_update_service
from upgraph.operator.world import World

WORKERS = 4
"""UpdateServices that are looked at at the same time."""
LOOKS = 72
"""Registries, and services, that are asked at the same time. One that does not answer takes up to half a minute, in which the
others must not have to wait: two hundred such ones are through after three times that."""
UNSETTLED_SECONDS = 0.2
"""When an UpdateService is looked at again while not everything that matters has been read."""
GRAPH_DATA_CHANGED = "GraphDataChanged"
"""Reason of the Event that tells of another digest."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What an operator is started with."""

    namespace: str
    operand: str
    proxies: ProxySettings = ProxySettings()  # noqa: RUF009  # it is frozen


class Controller:
    """The operator of one namespace.

    Args:
        api: the cluster.
        setup: what it is started with.
        events: where transitions are told.
        metrics: where it is counted.
        clock: gives the moment.
    """

    def __init__(
        self,
        api: Api,
        setup: Setup,
        events: Recorder,
        metrics: OperatorMetrics,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.queue: Queue[Key] = Queue()
        self.world = World(api, setup.namespace, self.queue.add)
        self._api = api
        self._setup = setup
        self._events = events
        self._metrics = metrics
        self._clock = clock
        self._applier: Applier | None = None
        self._writer = StatusWriter(api)
        self._pool = AccessPool()
        self._graph_data: Rounds[GraphDataWish, GraphDataSeen] = Rounds(
            partial(graph_data_watch.look_at, self._pool),
            graph_data_watch.pause_after,
            self.queue.add,
            concurrency=LOOKS,
        )
        self._services: Rounds[ServiceWish, ServiceSeen] = Rounds(
            partial(replicas.look_at, self._pool),
            replicas.pause_after,
            self.queue.add,
            concurrency=LOOKS,
        )
        self._owners: dict[Key, str] = {}

    async def run(self) -> None:
        """Look after them until cancelled."""
        with self._pool:
            await self._run()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.world.run())
            group.create_task(self._graph_data.run())
            group.create_task(self._services.run())
            group.create_task(self._events.run())
            group.create_task(self.queue.run(self.reconcile, workers=WORKERS, on_failure=self._failed))

    async def reconcile(self, key: Key) -> float | None:
        """Look at one UpdateService. Gives the seconds after which it wants to be looked at again, if any.

        Raises:
            RemoteError: something could not be written; the status tells it, if that could be written.
        """
        if not self.world.is_settled:
            return UNSETTLED_SECONDS
        self._metrics.reconciled(len(self.world.services()))
        obj = self.world.find(UPDATE_SERVICE, key.namespace, key.name)
        if obj is None or obj["metadata"].get("deletionTimestamp"):
            self._forget(key)
            return None
        if self._owners.get(key, uid_of(obj)) != uid_of(obj):
            self._forget(key)
        self._owners[key] = uid_of(obj)
        try:
            service = parse_update_service(obj)
        except DataError as error:
            await self._tell_alone(obj, Trouble.of("InvalidSpec", error))
            return None
        outcome = await self._told(key, service, obj)
        if outcome.failure is not None:
            raise outcome.failure
        return AGAIN_SECONDS if self._writer.is_definition_old else None

    async def _told(self, key: Key, service: UpdateService, obj: Object) -> Outcome:
        """Look after it, and tell in its status also what nobody has foreseen: a log is not where its owner looks."""
        try:
            return await self._look_after(key, service, obj)
        except UpgraphError:
            raise
        except Exception as error:
            seen = f"the operator met a fault of its own: {type(error).__name__}"
            await self._tell_alone(obj, Trouble("OperatorFault", OPERATOR_FAULT, seen))
            raise

    async def _look_after(self, key: Key, service: UpdateService, obj: Object) -> Outcome:
        inputs, asked = self._inputs(key, service)
        plan = plan_of(inputs)
        if self._applier is None or len(self._applier.stores) != len(self.world.stores):
            self._applier = Applier(self._api, self.world.stores)
        outcome = await self._applier.carry_out(plan, service.metadata.uid)
        self._metrics.wrote(outcome.writes)
        known = self._known(key, inputs, asked, _all_of(plan.troubles, outcome.troubles))
        await self._write_status(
            obj, partial(self._status, known, obj), partial(self._reduced_status, known, obj)
        )
        return outcome

    def _status(self, known: Known, obj: Object) -> Status:
        return status_of(known, obj, self._clock())

    def _reduced_status(self, known: Known, obj: Object) -> Status:
        return self._status(replace(known, is_definition_old=True), obj).for_old_definition()

    async def _write_status(
        self, obj: Object, whole: Callable[[], Status], reduced: Callable[[], Status]
    ) -> None:
        written = await self._writer.write(obj, whole, reduced)
        if written is not None:
            self._metrics.wrote(1)
            self._tell(obj, written)

    def _inputs(self, key: Key, service: UpdateService) -> tuple[Inputs, GraphDataSeen | None]:
        surroundings = Surroundings(
            operand=self._setup.operand, platform=self.world.platform, proxies=self._setup.proxies
        )
        inputs = gather(service, self.world, surroundings, GraphDataImage())
        exposed = exposed_of(inputs, self.world, self._answering(key))
        inputs = replace(inputs, live=replace(inputs.live, former_ways=exposed.former_ways))
        try:
            image = graph_data_name(service.spec)
        except UserError:
            # The plan tells it.
            return inputs, None
        self._graph_data.want(key, GraphDataWish(image, means_of(inputs, self.world)))
        seen = self._graph_data.seen(key)
        asked = seen if seen is not None and seen.image == image else None
        found = None if asked is None else asked.found
        return replace(inputs, graph_data=found or self._known_before(service, asked)), asked

    def _known_before(self, service: UpdateService, asked: GraphDataSeen | None) -> GraphDataImage:
        """What another process of the operator has found, while this one knows nothing better."""
        last = service.status.graph_data
        found = Own(self.world, service).find(DEPLOYMENT, service.key.name)
        if (
            last is None
            or last.digest is None
            or last.image != service.spec.graph_data_image
            or found is None
        ):
            return GraphDataImage(is_asked=asked is not None)
        copies_itself = bool(at(found, "spec", "template", "spec").get("initContainers"))
        return GraphDataImage(last.digest, copies_itself)

    def _known(
        self, key: Key, inputs: Inputs, asked: GraphDataSeen | None, troubles: tuple[Trouble, ...]
    ) -> Known:
        exposed = exposed_of(inputs, self.world, self._answering(key))
        pods = self.world.pods_of(inputs.names.deployment)
        deployment = Own(self.world, inputs.service).find(DEPLOYMENT, inputs.names.deployment)
        ready = at(deployment, "status").get("readyReplicas") or 0
        proxies = inputs.proxies.environment
        hosts = exposed.uri, exposed.candidate
        wish = ServiceWish(addresses(pods), *hosts, ready, *self._authorities(inputs), proxies)
        self._services.want(key, wish)
        seen = self._services.seen(key)
        return Known(
            inputs=inputs,
            troubles=troubles,
            exposed=exposed,
            graph_data=asked,
            seen=None if seen is None else seen.at(wish),
            deployment=deployment,
            pods=troubles_of(pods),
        )

    def _answering(self, key: Key) -> frozenset[str]:
        """The addresses of a service that answer."""
        seen = self._services.seen(key)
        return frozenset() if seen is None else seen.answering

    def _authorities(self, inputs: Inputs) -> tuple[str, tuple[str, ...]]:
        """What the cluster trusts, and what else the certificate of the address may be signed by."""
        cluster = Own(self.world, inputs.service).find(CONFIG_MAP, inputs.names.cluster_ca)
        ingress = self.world.find(CONFIG_MAP, MANAGED_NAMESPACE, INGRESS_CA)
        trusted, signing = (text_of(one).get(CA_BUNDLE_KEY, "") if one else "" for one in (cluster, ingress))
        given = inputs.serving
        own = () if given is None else (given.authority, given.certificate)
        return trusted, tuple(one for one in (*own, signing) if one)

    async def _tell_alone(self, obj: Object, trouble: Trouble) -> None:
        """Tell what keeps an UpdateService from being looked after at all; all else stays as it was said last."""
        key = key_of(obj)
        said = [
            with_names(
                Condition(kind, status=kind == DEGRADED, reason=trouble.reason, message=trouble.message),
                Names(key.namespace, key.name),
            )
            for kind in (RECONCILE_COMPLETED, DEGRADED)
        ]
        kinds = {one.type for one in said}
        others = [one for one in at(obj, "status").get("conditions") or [] if one["type"] not in kinds]
        content = at(obj, "status") | {"conditions": [*stated(said, obj, self._clock()), *others]}
        # The resource was seen: without this its owner would be told that no operator has looked at it.
        content["observedGeneration"] = obj["metadata"].get("generation", 0)
        status = Status(content, tuple(said))
        await self._write_status(obj, lambda: status, status.for_old_definition)

    def _tell(self, obj: Object, status: Status) -> None:
        for condition in status.transitions:
            if condition.status is not None:
                is_good = (
                    condition.status is not (condition.type == DEGRADED) or condition.reason == NOT_CONFIGURED
                )
                kind: Literal["Normal", "Warning"] = "Normal" if is_good else "Warning"
                message = f"{condition.type} is {condition.status}: {condition.message}".rstrip(": ")
                self._events.note(obj, Note(kind, condition.reason, message))
        before, now = (at(one, "graphData").get("digest") for one in (at(obj, "status"), status.content))
        if before and now and before != now:
            note = Note("Normal", GRAPH_DATA_CHANGED, f"The graph-data image is {now} now, and was {before}.")
            self._events.note(obj, note)

    def _forget(self, key: Key) -> None:
        self._graph_data.drop(key)
        self._services.drop(key)
        owner = self._owners.pop(key, None)
        if owner is not None and self._applier is not None:
            self._applier.forget(owner)

    def _failed(self, key: Key, error: Exception, wait: float) -> None:
        self._metrics.failed(error.reference if isinstance(error, UpgraphError) else "unexpected")
        if isinstance(error, RemoteError | UpgraphError):
            reference = {"reference": error.reference}
            _log.warning("%s: %s; tried again in %.0f s", key, error.seen, wait, extra=reference)
        else:
            _log.error("%s: tried again in %.0f s", key, wait, exc_info=error)


def _all_of(planned: tuple[Trouble, ...], written: tuple[Trouble, ...]) -> tuple[Trouble, ...]:
    """All troubles, each once: what is in the way of an object is met again when that is written."""
    known = {(one.reason, one.seen) for one in planned}
    return (*planned, *(one for one in written if (one.reason, one.seen) not in known))


def means_of(inputs: Inputs, world: World) -> Means:
    """What registries are asked with for an UpdateService: the same as its pods have."""
    names = inputs.names
    secret = {"data": dict(inputs.pull_secret.content or {})}
    if inputs.pull_secret.content is None and inputs.pull_secret.is_mounted:
        secret = world.find(SECRET, names.namespace, names.pull_secret) or {}
    authorities = dict(inputs.authorities.content or {})
    if inputs.authorities.content is None and inputs.authorities.is_mounted:
        authorities = text_of(world.find(CONFIG_MAP, names.namespace, names.trusted_ca) or {})
    bundle = world.find(CONFIG_MAP, names.namespace, names.cluster_ca)
    if inputs.has_cluster_authorities and bundle is not None:
        authorities[CA_BUNDLE_KEY] = text_of(bundle)[CA_BUNDLE_KEY]
    return Means(decoded_of(secret, PULL_SECRET_KEY), authorities, inputs.proxies.environment)
