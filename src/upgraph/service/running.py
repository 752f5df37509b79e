"""The serving process: listeners, the snapshot in force, and the building process beside it.

It opens the last good snapshot and answers from it at once. The building process is started next to it,
restarted with growing pauses if it ends, and never waited for.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import msgspec

from upgraph import __version__
from upgraph.errors import DataError, Finding, Severity, UserError
from upgraph.errors.problems import problem
from upgraph.errors.problems.service import BUILDER_ENDED
from upgraph.service import child, handover
from upgraph.service.answering import edge
from upgraph.service.answering.clients import Traffic
from upgraph.service.answering.edge import InForce
from upgraph.service.answering.face import certificate_of, clients_listener, edge_settings, limits
from upgraph.service.answering.health import Scrape, Unready, age
from upgraph.service.answering.metrics import (
    GraphBuilderMetrics,
    GraphMetrics,
    PolicyEngineMetrics,
    TrafficMetrics,
    exposition,
    new_registry,
)
from upgraph.service.answering.server import Bound, Listener, Sharing, serve
from upgraph.service.answering.spans import span
from upgraph.service.answering.status import StatusPort
from upgraph.service.answering.tls import Certificate
from upgraph.service.building.shelf import (
    check_directory,
    last_snapshot,
    memory_of_builders,
    snapshot_path,
)
from upgraph.service.configuration import Configuration, address
from upgraph.service.crew import Crew
from upgraph.service.handover import SCRAPE_NOW, Built, Current, Inherited, Refused, Scraped, Sources, Waiting
from upgraph.service.snapshot import Facts, Snapshot, as_facts, read_snapshot
from upgraph.service.source_report import SourceReport, joined
from upgraph.service.trust import required_trust, unfit

STOP_SECONDS = 5.0
"""Time that the building process gets to end."""
_BUILDING = "upgraph.service.building"

_log = logging.getLogger(__name__)


CLIENTS = "clients"
"""Name of the listener for clusters."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the service listens, with the real ports."""

    clients: Bound | None
    builder_clients: Bound | None
    graph_data: Bound | None
    status: Bound


class Service:
    """What the serving process holds and reports on."""

    def __init__(self, configuration: Configuration, ready: Callable[[], None], memory: Path | None) -> None:
        self.configuration = configuration
        self._memory = memory
        self._ready = ready
        self.in_force = InForce()
        self.facts: Facts | None = None
        self.last_scrape: Scrape | None = None
        self.failure: Unready | None = None
        self.sources: tuple[SourceReport, ...] = ()
        self.certificates: list[Certificate] = []
        registry = new_registry()
        self._policy_metrics = PolicyEngineMetrics(registry, __version__)
        self._builder_metrics = GraphBuilderMetrics(registry, __version__)
        self._graph_metrics = GraphMetrics(registry, self, time.time)
        self.traffic: dict[str, Traffic] = {}
        self._traffic_metrics = TrafficMetrics(registry, self.traffic)
        self._exposition = lambda: exposition(registry)
        self._client_traffic = Traffic()
        self.crew = Crew(configuration.serving_processes - 1, self._policy_metrics, self._client_traffic)
        self._connection: socket.socket | None = None
        self._refused: UserError | None = None
        self._was_heard = False

    def take(self, snapshot: Snapshot, facts: Facts) -> None:
        """Serve another snapshot. Requests that are being answered end with the one they began with."""
        self._was_heard = True
        is_first = self.facts is None
        self.in_force.snapshot = snapshot
        self.facts = facts
        if is_first:
            self._ready()

    @property
    def held(self) -> Snapshot | None:
        """The snapshot in force."""
        snapshot = self.in_force.snapshot
        return snapshot if isinstance(snapshot, Snapshot) else None

    def scrape_now(self) -> None:
        """Have the sources read without waiting for the timer."""
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.send(SCRAPE_NOW)

    def listeners(self) -> Iterator[tuple[str, Listener]]:
        """Every listener by the name of its place in :class:`Addresses`."""
        configuration, settings = self.configuration, edge_settings(self.configuration)
        if configuration.listen:
            sharing = Sharing.FIRST if configuration.serving_processes > 1 else Sharing.ALONE
            self.traffic[CLIENTS] = traffic = self._client_traffic
            yield (
                CLIENTS,
                self._watched(
                    clients_listener(configuration, self.in_force, self._policy_metrics, sharing, traffic)
                ),
            )
        faces = (
            ("builder_clients", configuration.builder_listen, edge.graph_builder),
            ("graph_data", configuration.graph_data_listen, edge.graph_data),
        )
        for name, where, face in faces:
            if where:
                app = face(self.in_force, settings, self._builder_metrics)
                traffic = self.traffic[name] = Traffic()
                certificate = certificate_of(configuration)
                listener = Listener(*address(where), app, limits(), certificate, traffic)
                yield name, self._watched(listener)
        status = StatusPort(self, self._exposition, time.time, max_stale=configuration.max_stale)
        traffic = self.traffic["status"] = Traffic()
        yield "status", Listener(*address(configuration.status_listen), status, limits(), None, traffic)

    def _watched(self, listener: Listener) -> Listener:
        """The same; the status port tells how its certificate is."""
        if listener.certificate is not None:
            self.certificates.append(listener.certificate)
        return listener

    async def build(self) -> None:
        """Keep a building process running, and take what it makes, until cancelled.

        Raises:
            UserError: the building process refused the configuration.
        """
        restarts = child.Restarts()
        while True:
            started = time.monotonic()
            try:
                await self._build_once()
            except OSError as error:
                _log.error("the building process cannot be started: %s", error)
            if self._refused is not None and not self._was_heard:
                raise self._refused
            pause = restarts.pause(time.monotonic() - started)
            seen = f"the building process ended; it is started again in {pause:g} s"
            _log.error("%s", seen, extra={"reference": BUILDER_ENDED.reference})
            self.failure = Unready(BUILDER_ENDED, f"{self._refused.seen}; {seen}" if self._refused else seen)
            self._note_end(self.failure.seen)
            self._refused = None
            self._builder_metrics.builder_ended()
            await asyncio.sleep(pause)

    def _note_end(self, seen: str) -> None:
        """Report that nothing new arrives, until the next building process says what it finds."""
        if self.facts is not None:
            end = as_facts((Finding(Severity.ERROR, BUILDER_ENDED, seen),))
            others = (fact for fact in self.facts.findings if fact.reference != BUILDER_ENDED.reference)
            self.facts = msgspec.structs.replace(self.facts, findings=(*end, *others))

    async def _build_once(self) -> None:
        arguments = [str(self._memory)] if self._memory else []
        async with child.running(_BUILDING, self.configuration, *arguments, grace=STOP_SECONDS) as connection:
            self._connection = connection
            try:
                await self._receive_all(connection)
            finally:
                self._connection = None

    async def _receive_all(self, connection: socket.socket) -> None:
        """Take messages until the building process has ended."""
        connection.setblocking(False)  # noqa: FBT003 - the standard library has it so
        loop = asyncio.get_running_loop()
        ended = loop.create_future()

        def readable() -> None:
            try:
                if not self._receive(connection) and not ended.done():
                    ended.set_result(None)
            except BlockingIOError:
                pass
            except (OSError, DataError, msgspec.DecodeError) as error:
                # It is started again, and makes its snapshot again.
                _log.error("what the building process says cannot be used: %s", error)
                if not ended.done():
                    ended.set_result(None)

        loop.add_reader(connection.fileno(), readable)
        try:
            await ended
        finally:
            loop.remove_reader(connection.fileno())

    def _receive(self, connection: socket.socket) -> bool:
        received = handover.receive(connection)
        if received is None:
            return False
        message, file = received
        self._was_heard = self._was_heard or not isinstance(message, Refused)
        match message:
            case Built() if file is not None:
                with file:
                    self._take_built(message, read_snapshot(file))
                    self.crew.hand_on(file)
            case Inherited() if file is not None:
                with file:
                    self._take_inherited(message, file)
            case Current():
                self._take_current(message)
            case Scraped():
                self._take_scraped(message)
            case Sources():
                self.sources = joined(self.sources, message.reports)
            case Waiting():
                self.failure = Unready(problem(message.reference), message.seen)
            case Refused():
                self._refused = UserError(problem(message.reference), message.seen, remedy=message.remedy)
                _log.error("%s", message.seen, extra={"reference": message.reference})
        return True

    def _take_built(self, message: Built, snapshot: Snapshot) -> None:
        self.take(snapshot, snapshot.facts)
        self._builder_metrics.built(message.seconds)

    def _take_inherited(self, message: Inherited, file: BinaryIO) -> None:
        # What this service has built itself, or held before, is nearer to its own sources.
        if self.facts is None:
            snapshot = read_snapshot(file)
            self.take(snapshot, msgspec.structs.replace(snapshot.facts, refreshed_at=message.refreshed_at))
            self.crew.hand_on(file)

    def _take_current(self, message: Current) -> None:
        if self.facts is not None:
            self.facts = msgspec.structs.replace(
                self.facts, refreshed_at=message.refreshed_at, findings=message.findings
            )
            self._builder_metrics.graph_is(self.facts)

    def _take_scraped(self, message: Scraped) -> None:
        self.last_scrape = Scrape(
            ended_at=time.time(),
            seconds=message.seconds,
            succeeded=message.succeeded,
            message=message.message,
        )
        if not message.succeeded and self.facts is not None:
            _log.warning(
                "the graph in force stays; all sources were last read %s ago",
                span(age(self.facts, time.time())),
            )
        if self.configuration.upstream:
            self._policy_metrics.upstream_fetched()
            if not message.succeeded:
                self._policy_metrics.upstream_failed()
        else:
            self._count_scrape(message)

    def _count_scrape(self, message: Scraped) -> None:
        self._builder_metrics.images_met(cache_hits=message.cache_hits, layer_bytes=message.layer_bytes)
        self._builder_metrics.unsigned_met(message.unsigned)
        if message.succeeded:
            self._builder_metrics.scrape_succeeded(message.seconds, message.releases)
        else:
            self._builder_metrics.scrape_failed(message.seconds)


async def run(
    configuration: Configuration,
    started: Callable[[Addresses], None],
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP has the sources read at once.

    Args:
        configuration: what to serve, and how.
        started: gets the addresses once connections are taken.
        ready: is called once there is a graph to answer with.

    Raises:
        UserError: the configuration cannot be used.
    """
    if configuration.state_dir is not None:
        check_directory(configuration.state_dir)
    with memory_of_builders(configuration.state_dir) as memory:
        service = Service(configuration, ready, memory)
        _resume(service, configuration)
        await _serve(service, started)


async def _serve(service: Service, started: Callable[[Addresses], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, service.scrape_now)
    names, listeners = zip(*service.listeners(), strict=True)

    building: list[asyncio.Task[None]] = []
    answering: list[asyncio.Task[None]] = []

    def tell(bound: tuple[Bound, ...]) -> None:
        # Only now: a port that is taken ends the service before anything is built.
        building.append(asyncio.create_task(service.build()))
        building[0].add_done_callback(lambda _: stop.set())
        places = dict(zip(names, bound, strict=True))
        if CLIENTS in places:
            beside = replace(service.configuration, listen=str(places[CLIENTS]))
            answering.append(asyncio.create_task(service.crew.work(beside, stop)))
        started(
            Addresses(
                clients=places.get(CLIENTS),
                builder_clients=places.get("builder_clients"),
                graph_data=places.get("graph_data"),
                status=places["status"],
            )
        )

    try:
        await serve(listeners, stop, tell)
    finally:
        for task in building:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await asyncio.gather(*answering)


def _resume(service: Service, configuration: Configuration) -> None:
    directory, wanted = configuration.state_dir, required_trust(configuration)
    if directory is not None and (last := last_snapshot(directory)) is not None:
        snapshot, refreshed_at = last
        reason = unfit(snapshot.facts, configuration, wanted)
        if reason:
            _log.warning("the graph that was saved before is not served: %s", reason)
            return
        # If it has gone just now, the next graph reaches the crew, and until then this process answers alone.
        with contextlib.suppress(OSError), snapshot_path(directory).open("rb") as file:
            service.crew.hand_on(file)
        facts = msgspec.structs.replace(snapshot.facts, refreshed_at=refreshed_at)
        service.take(snapshot, facts)
        seen = "serving the graph of %d releases that was saved before; all sources were last read %s ago"
        _log.info(seen, facts.releases, span(age(facts, time.time())))
