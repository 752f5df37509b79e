"""The building process: it watches the sources, builds, and hands snapshots over.

It has a process of its own, at low priority, so that building never takes a turn from an answer, and so
that whatever kills it leaves the answers alone. It ends when the serving process does.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from upgraph.errors import DataError, Finding, RemoteError, UserError, VerificationError
from upgraph.graph import Precedence
from upgraph.graphdata import Files, GraphDataSource, RemoteGraphData, digest_of
from upgraph.graphdata.files import unreadable_reason
from upgraph.oci import Access
from upgraph.service import handover
from upgraph.service.building.bundled import BundleFollower
from upgraph.service.building.gatherer import Gatherer, SourceOutcome
from upgraph.service.building.ledger import Entry, Ledger
from upgraph.service.building.library import Library
from upgraph.service.building.lookout import Lookout, Rhythm
from upgraph.service.building.pauses import Pauses, pause, wake
from upgraph.service.building.promoted import PromotionFollower
from upgraph.service.building.releases import digest_of as digest_of_releases
from upgraph.service.building.shelf import LIBRARY, last_snapshot, open_shelf
from upgraph.service.building.siblings import inherit
from upgraph.service.building.signed import Gate, admit, open_gate
from upgraph.service.building.sources import (
    acceptance,
    access_of,
    open_graph_data,
    open_releases,
    scrape_settings,
)
from upgraph.service.building.upstream import Fetched, Upstream
from upgraph.service.building.workshop import Workshop
from upgraph.service.configuration import Configuration, from_json
from upgraph.service.handover import SCRAPE_NOW, Built, Inherited, Message, Refused, Scraped
from upgraph.service.log import start_logging
from upgraph.service.snapshot import Snapshot
from upgraph.service.source_report import SourceKind
from upgraph.service.trust import required_trust, unfit

_NICENESS = 10

_log = logging.getLogger(__name__)

ARGUMENTS = 2
"""Arguments of a building process that has a state directory, its name among them."""


def give_way() -> None:
    """Leave the processor first to others. There may be nothing to answer with yet, so this is not all of it."""
    os.nice(_NICENESS)
    _schedule("SCHED_BATCH", 0)


def stand_back() -> None:
    """Work only while nobody else wants the processor, now that there is something to answer with.

    A process that is merely nice keeps its turn for some milliseconds when a request comes in (EEVDF, Linux 6.6
    and later); an idle one loses it at once.
    """
    for thread in Path("/proc/self/task").glob("*"):
        _schedule("SCHED_IDLE", int(thread.name))


def _schedule(policy: str, thread: int) -> None:
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setscheduler(thread, getattr(os, policy), os.sched_param(0))


class Builder:
    """Everything that the building process does, until it is told to stop.

    Args:
        configuration: what to build from.
        connection: to the serving process.
        memory: a directory for what the next building process should know, where there is no state directory.
        on_built: called whenever there is a new graph to answer with.
    """

    def __init__(
        self,
        configuration: Configuration,
        connection: socket.socket,
        memory: Path | None,
        *,
        on_built: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_built = on_built
        self._configuration = configuration
        self._connection = connection
        self._releases_wanted = asyncio.Event()
        self._graph_data_wanted = asyncio.Event()
        self._promotion_wanted = asyncio.Event()
        self._shelf = open_shelf(configuration.state_dir)
        self._library = self._shelf.library or (memory / LIBRARY if memory else None)
        self._trust = required_trust(configuration)
        self._workshop = Workshop(
            self._shelf,
            self._say,
            Precedence(configuration.block_precedence),
            trust=self._trust,
            awaits_promotion=bool(configuration.promoted),
        )
        self._ledger = Ledger(self._say)
        self._promotion = PromotionFollower(configuration.promoted, self._workshop, self._ledger)

    def _say(self, message: Message, file: BinaryIO | None = None) -> None:
        handover.send(self._connection, message, file)
        if isinstance(message, Built):
            self._on_built()

    async def run(self) -> None:
        """Work until the serving process ends the connection.

        What is wrong with the configuration is told to the serving process, which ends over it.
        """
        work = [asyncio.ensure_future(self._work())]
        if self._configuration.promoted:
            following = self._promotion.follow(self._promotion_wanted, self._pauses())
            work.append(asyncio.ensure_future(following))
        listening = asyncio.ensure_future(self._listen())
        try:
            done, _ = await asyncio.wait([*work, listening], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {listening}:
                await task
        except UserError as error:
            self._say(Refused(reference=error.reference, seen=error.seen, remedy=error.remedy))
        finally:
            for task in (*work, listening):
                task.cancel()
            await asyncio.gather(*work, listening, return_exceptions=True)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._connection.setblocking(False)  # noqa: FBT003 - the standard library has it so
        while content := await loop.sock_recv(self._connection, len(SCRAPE_NOW)):
            if content == SCRAPE_NOW:
                self._releases_wanted.set()
                self._graph_data_wanted.set()
                self._promotion_wanted.set()

    async def _work(self) -> None:
        if self._configuration.bundle:
            await self._follow_bundle(self._configuration.bundle)
            return
        access = access_of(self._configuration, os.environ)
        for finding in access.findings:
            _log.warning("%s", finding, extra={"reference": finding.reference})
        inherited = await self._inherit(access)
        async with contextlib.AsyncExitStack() as stack:
            if self._configuration.upstream:
                upstream = Upstream(self._configuration.upstream, access)
                stack.push_async_callback(upstream.close)
                await self._follow_upstream(upstream, access)
                return
            data = open_graph_data(self._configuration, access)
            if isinstance(data, RemoteGraphData):
                await stack.enter_async_context(data)
            sources = [
                open_releases(text, self._configuration, access) for text in self._configuration.releases
            ]
            for source in sources:
                stack.push_async_callback(source.close)
            library = stack.enter_context(_open_library(self._library))
            timeout = self._configuration.scrape_timeout
            gatherer = Gatherer(sources, library, scrape_settings(self._configuration), timeout)
            gate = await stack.enter_async_context(open_gate(self._configuration, access, library))
            self._resume(gatherer, gate, inherited)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow_graph_data(data))
                group.create_task(self._follow_releases(gatherer, gate, access))
                # Who rotates a login or an authority wants to see now whether it is the right one.
                group.create_task(wake(access, self._releases_wanted, self._graph_data_wanted))

    async def _inherit(self, access: Access) -> tuple[Snapshot, float] | None:
        """The last good snapshot: of this service, or else of another replica, which is then served."""
        last = last_snapshot(self._configuration.state_dir)
        if last is not None or not self._configuration.siblings:
            return last
        inherited = await inherit(self._configuration.siblings, access, time.time())
        if inherited is None:
            return None
        reason = unfit(inherited.snapshot.facts, self._configuration, self._trust)
        if reason:
            inherited.file.close()
            _log.warning("the graph of another replica is not served: %s", reason)
            return None
        with inherited.file:
            self._say(Inherited(refreshed_at=inherited.refreshed_at), inherited.file)
        return inherited.snapshot, inherited.refreshed_at

    def _resume(self, gatherer: Gatherer, gate: Gate, last: tuple[Snapshot, float] | None) -> None:
        # Its graph data would be in force before any was verified.
        is_strange = last is not None and last[0].facts.trust != self._trust
        if not (is_strange and self._configuration.require_graph_data_signature):
            self._workshop.resume(last)
        known = gate.known(gatherer.known())
        if known:
            self._workshop.recall_releases(known)

    async def _follow_graph_data(self, data: GraphDataSource | RemoteGraphData) -> None:
        entry = self._ledger.enter(SourceKind.GRAPH_DATA, data.name)
        if isinstance(data, RemoteGraphData):
            await self._poll_graph_data(data, entry)
        else:
            await self._follow_local_graph_data(data, entry)

    async def _poll_graph_data(self, data: RemoteGraphData, entry: Entry) -> None:
        pauses = self._pauses()
        while True:
            succeeded = await self._fetch_graph_data(data, entry)
            self._workshop.note_graph_data_place(data.take_findings())
            self._ledger.tell()
            await pause(self._graph_data_wanted, pauses.after(succeeded=succeeded))

    async def _fetch_graph_data(self, data: RemoteGraphData, entry: Entry) -> bool:
        """Ask for the set; false if it could not be had."""
        try:
            files = await data.fetch()
        except (RemoteError, DataError, VerificationError) as error:
            self._workshop.graph_data_failed(error)
            entry.failed(Finding.of(error))
            return False
        if files is None:
            self._workshop.graph_data_is_current()
            entry.unchanged()
        else:
            self._take_graph_data(files, entry, data.origin)
        return True

    def _take_graph_data(self, files: Files, entry: Entry, origin: str = "") -> None:
        loaded = self._workshop.take_graph_data(files)
        entry.left_out(loaded.findings)
        if loaded.data is None:
            entry.refused(loaded.findings[0])
        else:
            rules = len(loaded.data.blocks) + len(loaded.data.conditional_blocks)
            entry.good(digest_of(files), {"channels": len(loaded.data.channels), "rules": rules}, origin)

    async def _follow_local_graph_data(self, data: GraphDataSource, entry: Entry) -> None:
        seen = await asyncio.to_thread(data.fingerprint)
        pauses = self._pauses()
        async with asyncio.TaskGroup() as group:
            group.create_task(wake(data, self._graph_data_wanted, since=seen))
            while True:
                is_whole = await self._read_graph_data(data, entry)
                self._ledger.tell()
                # A disk that failed shows no change when it works again, so only another look can tell.
                seconds = None if is_whole else pauses.after(succeeded=False)
                await pause(self._graph_data_wanted, seconds)

    async def _read_graph_data(self, data: GraphDataSource, entry: Entry) -> bool:
        """Read the set; false if it, or a file of it, could not be read."""
        try:
            files = await asyncio.to_thread(data.read)
        except DataError as error:
            self._workshop.graph_data_failed(error)
            entry.failed(Finding.of(error))
            return False
        self._take_graph_data(files, entry)
        return not any(map(unreadable_reason, files.values()))

    async def _follow_releases(self, gatherer: Gatherer, gate: Gate, access: Access) -> None:
        pauses = self._pauses()
        settings = self._configuration
        rhythm = Rhythm(settings.registry_check_interval, settings.scrape_interval)
        lookout = Lookout(gatherer.followed, rhythm, self._note_look)
        while True:
            gathered = await admit(await gatherer.gather(), gate)
            findings = (*gathered.findings, *access.findings)
            _log.log(logging.INFO if gathered.is_current else logging.ERROR, "%s", gathered.report.message)
            if gathered.is_current:
                self._workshop.take_releases(gathered.releases, findings, refreshed_at=time.time())
            else:
                self._workshop.take_stale_releases(gathered.releases, findings)
            # After the graph, so that the metrics of the scrape are those of what it gave.
            self._say(gathered.report)
            self._note_releases(gathered.asked)
            seconds = pauses.after(succeeded=gathered.is_current)
            await lookout.pause(self._releases_wanted, seconds, gathered.asked)

    def _note_releases(self, asked: tuple[SourceOutcome, ...]) -> None:
        for outcome in asked:
            entry = self._ledger.enter(SourceKind.RELEASES, outcome.name)
            entry.left_out(outcome.findings)
            if outcome.fault is None:
                entry.good(digest_of_releases(outcome.releases), {"releases": len(outcome.releases)})
            else:
                entry.failed(outcome.fault)
        self._ledger.tell()

    def _note_look(self, name: str, fault: Finding | None) -> None:
        self._ledger.enter(SourceKind.RELEASES, name).looked_at(fault)
        self._ledger.tell()

    async def _follow_bundle(self, path: Path) -> None:
        self._workshop.resume(last_snapshot(self._configuration.state_dir))
        access = access_of(self._configuration, os.environ)
        async with open_gate(self._configuration, access, None) as gate:
            await self._keep_bundle(
                BundleFollower(path, acceptance(self._configuration), self._workshop, gate)
            )

    async def _keep_bundle(self, follower: BundleFollower) -> None:
        pauses = self._pauses()
        entry = self._ledger.enter(SourceKind.BUNDLE, follower.source.name)
        seen = await asyncio.to_thread(follower.source.fingerprint)
        async with asyncio.TaskGroup() as group:
            group.create_task(wake(follower.source, self._releases_wanted, since=seen))
            while True:
                report = await follower.look()
                self._say(report)
                follower.note_in(entry)
                self._ledger.tell()
                await pause(self._releases_wanted, pauses.after(succeeded=report.succeeded))

    async def _follow_upstream(self, upstream: Upstream, access: Access) -> None:
        etag = None
        pauses = self._pauses()
        entry = self._ledger.enter(SourceKind.UPSTREAM, upstream.name)
        while True:
            started = time.perf_counter()
            try:
                fetched = await self._fetch_upstream(upstream, access, etag)
                if fetched is not None:
                    self._workshop.take_graph(fetched.document)
                    etag = fetched.etag
                    entry.good(sha256(fetched.document).hexdigest(), {"bytes": len(fetched.document)})
                else:
                    entry.unchanged()
                self._workshop.graph_is_current(time.time())
                outcome = "the graph has changed" if fetched else "the graph is still current"
                succeeded = True
            except (RemoteError, DataError) as error:
                outcome, succeeded = error.seen, False
                _log.error("%s", error.seen, extra={"reference": error.reference})
                self._workshop.graph_failed(error)
                entry.failed(Finding.of(error))
            seconds = time.perf_counter() - started
            self._say(Scraped(succeeded=succeeded, seconds=seconds, message=f"{upstream.name}: {outcome}"))
            self._ledger.tell()
            await pause(self._releases_wanted, pauses.after(succeeded=succeeded))

    async def _fetch_upstream(self, upstream: Upstream, access: Access, etag: str | None) -> Fetched | None:
        try:
            return await upstream.fetch(etag)
        finally:
            # Certificates and proxies are looked at again with each connection.
            self._workshop.note_access(access.findings)

    def _pauses(self) -> Pauses:
        return Pauses(self._configuration.scrape_interval)


def _open_library(path: Path | None) -> Library:
    """The library in the state directory, or one in memory if that cannot be used now."""
    try:
        return Library.open(path)
    except DataError as error:
        _log.error("%s; images are remembered in memory", error.seen, extra={"reference": error.reference})
        return Library.open(None)


def main() -> None:
    """Run the building process.

    Its arguments are the number of the connection and, where there is no state directory, a directory for
    what the next building process should know. The configuration comes as JSON on standard input.
    """
    # They go to the whole group of processes; the serving one decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    connection = socket.socket(fileno=int(sys.argv[1]))
    memory = Path(sys.argv[2]) if len(sys.argv) > ARGUMENTS else None
    configuration = from_json(sys.stdin.buffer.read())
    start_logging(configuration.log_format, configuration.log_level)
    give_way()
    try:
        asyncio.run(Builder(configuration, connection, memory, on_built=stand_back).run())
    except* (BrokenPipeError, ConnectionResetError):
        _log.debug("the serving process has gone: there is nobody left to tell")


if __name__ == "__main__":
    main()
