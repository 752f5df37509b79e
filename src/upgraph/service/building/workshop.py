"""Keeps the inputs of the graph and makes a snapshot whenever they have changed.

Releases and graph data come in whenever their sources have something; neither waits for the other. What
was good stays until something better is there: a refused set of graph data or a failed scrape changes
nothing but the findings.
"""

import hashlib
import io
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import BinaryIO

from upgraph.errors import DataError, Finding, Problem, Severity, UpgraphError
from upgraph.errors.findings import ordered
from upgraph.errors.problems.service import (
    GRAPH_NOT_READY,
    RELEASES_EMPTY,
    STATE_UNWRITABLE,
    TAGS_WITHOUT_MANIFEST,
)
from upgraph.graph import GraphData, Precedence, Release, UpdateGraph, build, decode
from upgraph.graph.promotion import Promotion, Restricted, read_list, restrict
from upgraph.graphdata import Loaded, Loader, digest_of, read_tarball, write_tarball
from upgraph.graphdata.files import Files
from upgraph.service.building.prepare import Origin, write_snapshot
from upgraph.service.building.releases import digest_of as digest_of_releases
from upgraph.service.building.shelf import Shelf, in_memory
from upgraph.service.building.telling import level_of, summary_of
from upgraph.service.building.upstream import read_graph
from upgraph.service.bundle.reading import Content
from upgraph.service.handover import Built, Current, Message, Waiting
from upgraph.service.snapshot import Coding, Snapshot, as_facts

Say = Callable[[Message, BinaryIO | None], None]
"""Tells the serving process something, with the file of a snapshot."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _DataInForce:
    data: GraphData
    files: Files
    digest: str


class Workshop:
    """The inputs in force, and the graph that was last made of them.

    Args:
        shelf: where snapshots lie.
        say: tells the serving process.
        precedence: what a block does to a conditional edge.
        trust: whose signatures the releases have that it gets; empty if none are required.
        awaits_promotion: whether lists say which versions are promoted; there is no graph before they were read.
    """

    def __init__(
        self,
        shelf: Shelf,
        say: Say,
        precedence: Precedence = Precedence.BLOCK_WINS,
        *,
        trust: str = "",
        awaits_promotion: bool = False,
    ) -> None:
        self._shelf = shelf
        self._say = say
        self._precedence = precedence
        self._trust = trust
        self._awaits_promotion = awaits_promotion
        self._promotion: Promotion | None = None
        self._document: bytes | None = None
        self._loader = Loader()
        self._releases: tuple[Release, ...] | None = None
        self._data: _DataInForce | None = None
        self._findings: dict[str, tuple[Finding, ...]] = {}
        self._signatures: Mapping[str, bytes] = {}
        self._made_of: tuple[str, ...] | None = None
        self._served: Mapping[str, str] = {}
        self._refreshed_at = 0.0

    def resume(self, directory_snapshot: tuple[Snapshot, float] | None) -> None:
        """Take over what the last good snapshot knows: what was offered, and its graph data."""
        if directory_snapshot is None:
            return
        snapshot, self._refreshed_at = directory_snapshot
        try:
            graph, _ = decode(snapshot.builder_graph.body(Coding.IDENTITY))
        except DataError as error:
            _log.warning("the graph of the last snapshot cannot be used: %s", error.seen)
        else:
            self._served = _offered(graph)
        if snapshot.graph_data is not None:
            self._resume_graph_data(snapshot.graph_data.body(Coding.IDENTITY))
        if snapshot.promotion is not None and self._awaits_promotion and self._promotion is None:
            listed = read_list(bytes(snapshot.promotion.body(Coding.IDENTITY)), "the last snapshot")
            self._promotion = None if listed.findings else Promotion.of(listed.lines)

    def _resume_graph_data(self, archive: memoryview) -> None:
        try:
            files = read_tarball(io.BytesIO(archive), "the last snapshot")
        except DataError as error:
            _log.warning("the graph data of the last snapshot cannot be used: %s", error.seen)
            return
        loaded = self._loader.load(files)
        if loaded.data is not None:
            self._data = _DataInForce(loaded.data, files, digest_of(files))

    def take_graph_data(self, files: Files) -> Loaded:
        """Take a new set of graph data, if it is good; otherwise the one in force stays. Gives what it was."""
        loaded = self._loader.load(files)
        self._findings.pop("graph-data-source", None)
        self._findings["graph-data"] = loaded.findings
        if loaded.data is None:
            outcome = "the last good set stays in force" if self._data else "there is none to fall back to"
            reference = {"reference": loaded.findings[0].reference}
            _log.error(
                "the graph data is refused, %s: %s", outcome, summary_of(loaded.findings), extra=reference
            )
        else:
            self._data = _DataInForce(loaded.data, files, digest_of(files))
            _log.log(
                level_of(loaded.findings),
                "graph data %s: %d channels, %d rules%s",
                self._data.digest[:19],
                len(loaded.data.channels),
                len(loaded.data.blocks) + len(loaded.data.conditional_blocks),
                f"; {summary_of(loaded.findings)}" if loaded.findings else "",
            )
        self.publish()
        return loaded

    def graph_data_is_current(self) -> None:
        """Note that the source still holds the set that it gave last."""
        if self._findings.pop("graph-data-source", None):
            _log.info("the graph data can be read again and is as it was")
            self.publish()

    def note_graph_data_place(self, findings: tuple[Finding, ...]) -> None:
        """Note what was noticed where the graph data lies; nothing is withheld because of it."""
        known = self._findings.get("graph-data-place", ())
        if findings != known:
            self._findings["graph-data-place"] = findings
            for finding in findings:
                _log.log(level_of((finding,)), "%s", finding, extra={"reference": finding.reference})
            self.publish()

    def graph_data_failed(self, error: UpgraphError) -> None:
        """Note that the graph data could not be read. What was found in the set in force stays true."""
        self._findings["graph-data-source"] = (Finding.of(error),)
        _log.error("the graph data cannot be read: %s", error.seen, extra={"reference": error.reference})
        self.publish()

    def take_promotion(self, promotion: Promotion) -> None:
        """Take new lists of promoted versions."""
        self._promotion = promotion
        self._findings.pop("promotion", None)
        self._publish_anew()

    def promotion_failed(self, findings: tuple[Finding, ...]) -> None:
        """Note that the lists of promoted versions cannot be used; those in force stay."""
        self._findings["promotion"] = findings
        outcome = "the last good ones stay in force" if self._promotion else "there are none to fall back to"
        reference = {"reference": findings[0].reference}
        seen = summary_of(findings)
        _log.error("lists of promoted versions cannot be used, %s: %s", outcome, seen, extra=reference)
        self._publish_anew()

    def _publish_anew(self) -> None:
        """Publish, if there was anything to publish yet."""
        if self._document is not None:
            try:
                self.take_graph(self._document)
                self._say_current()
            except DataError as error:
                self.graph_failed(error)
        elif self._data is not None or self._releases is not None:
            self.publish()

    def take_bundle(self, bundle: Content, *, refreshed_at: float) -> None:
        """Take releases, graph data and signatures that belong together, as of a Unix time in seconds; all or none.

        Raises:
            DataError: the graph data is refused, or there is no release.
        """
        loaded = self._loader.load(bundle.graph_data)
        if loaded.data is None:
            raise DataError(loaded.findings[0].problem, str(loaded.findings[0]))
        if not bundle.releases.releases:
            raise DataError(RELEASES_EMPTY, "the bundle has no release")
        self._releases = bundle.releases.releases
        self._data = _DataInForce(loaded.data, bundle.graph_data, digest_of(bundle.graph_data))
        self._signatures = bundle.signatures
        kept = {kind: found for kind, found in self._findings.items() if kind == "promotion"}
        self._findings = kept | {"graph-data": loaded.findings, "releases": bundle.releases.findings}
        self.bundle_is_current(refreshed_at)

    def bundle_is_current(self, refreshed_at: float) -> None:
        """Note that the bundle in force is the one that lies there, as of a Unix time in seconds."""
        self._refreshed_at = refreshed_at
        self._findings.pop("bundle", None)
        self.publish()

    def bundle_failed(self, error: UpgraphError) -> None:
        """Note that a bundle cannot be used; the one in force stays."""
        self._findings["bundle"] = (Finding.of(error),)
        self.publish()

    def recall_releases(self, releases: tuple[Release, ...]) -> None:
        """Take the releases that were known before a restart, until their sources have been asked."""
        self._releases = releases

    def take_releases(
        self, releases: tuple[Release, ...], findings: tuple[Finding, ...], *, refreshed_at: float
    ) -> None:
        """Take what the sources hold now, as of a Unix time in seconds."""
        if releases or not self._releases:
            self._refreshed_at = refreshed_at
        else:
            seen = f"the sources hold no release any more; the {len(self._releases)} that were known stay"
            findings = (*findings, Finding(Severity.ERROR, RELEASES_EMPTY, seen))
        self.take_stale_releases(releases, findings)

    def take_stale_releases(self, releases: tuple[Release, ...], findings: tuple[Finding, ...]) -> None:
        """Take what is known of sources that could not all be read."""
        self._findings["releases"] = findings
        # An empty graph would tell every cluster that its version is unknown.
        self._releases = releases or self._releases
        self.publish()

    def take_graph(self, document: bytes) -> None:
        """Take the graph of an upstream server instead of building one.

        Raises:
            DataError: the document is no graph, or one that answers no cluster.
        """
        digest = hashlib.sha256(document).hexdigest()
        made_of = (digest, "", self._promoted_digest)
        if made_of == self._made_of:
            return
        started = time.perf_counter()
        graph, findings = read_graph(document)
        if self._awaits_promotion:
            self._document = document
        if self._missing_promotion() is None:
            origin = Origin(len(_offered(graph)), digest, "", None, time.time())
            self._hand_over(graph, origin, findings, started)
            self._made_of = made_of

    def note_access(self, findings: tuple[Finding, ...]) -> None:
        """Note what is wrong with credentials, certificates or proxies, to be told with the next state of the graph."""
        self._findings["access"] = findings

    def graph_is_current(self, refreshed_at: float) -> None:
        """Note that the graph of the upstream server is the one in force, as of a Unix time in seconds."""
        self._refreshed_at = refreshed_at
        self._findings.pop("upstream", None)
        missing = self._missing_promotion()
        if missing is None:
            self._say_current()
        else:
            self._say(Waiting(reference=missing[0].reference, seen=missing[1]), None)

    def graph_failed(self, error: UpgraphError) -> None:
        """Note that the graph of the upstream server could not be had."""
        self._findings["upstream"] = (Finding.of(error),)
        if self._made_of is None:
            self._say(Waiting(reference=error.reference, seen=error.seen), None)
        else:
            self._say_current()

    def publish(self) -> None:
        """Make a snapshot if the inputs have changed, and tell how things are."""
        missing = self._missing()
        if missing is not None:
            self._say(Waiting(reference=missing[0].reference, seen=missing[1]), None)
            return
        if self._releases is None or self._data is None:
            return
        inputs = (digest_of_releases(self._releases), self._data.digest)
        made_of = (*inputs, digest_of(self._signatures), self._promoted_digest)
        if made_of != self._made_of:
            self._made_of = made_of
            try:
                self._make(self._releases, self._data, inputs)
            except DataError as error:
                _log.error("%s", error.seen, extra={"reference": error.reference})
                self._findings["graph"] = (Finding.of(error),)
        self._say_current()

    def _say_current(self) -> None:
        self._shelf.confirm(self._refreshed_at)
        self._say(Current(refreshed_at=self._refreshed_at, findings=as_facts(self._all_findings())), None)

    @property
    def _promoted_digest(self) -> str:
        return self._promotion.digest if self._promotion else ""

    def _missing_promotion(self) -> tuple[Problem, str] | None:
        if self._promotion is not None or not self._awaits_promotion:
            return None
        found = self._findings.get("promotion")
        if found:
            return found[0].problem, str(found[0])
        return GRAPH_NOT_READY, "the lists of promoted versions have not been read yet"

    def _missing(self) -> tuple[Problem, str] | None:
        return self._missing_promotion() or self._missing_data() or self._missing_releases()

    def _missing_data(self) -> tuple[Problem, str] | None:
        if self._data is None:
            kinds = ("bundle", "graph-data-source", "graph-data")
            refused = next((found for kind in kinds if (found := self._findings.get(kind))), None)
            if refused:
                return refused[0].problem, str(refused[0])
            return GRAPH_NOT_READY, "the graph data has not been read yet"
        return None

    def _missing_releases(self) -> tuple[Problem, str] | None:
        if self._releases is None:
            known = (*self._findings.get("bundle", ()), *self._findings.get("releases", ()))
            failed = [f for f in known if f.severity is Severity.ERROR]
            # Tags that lead nowhere are no error beside others that lead to releases; here they explain it.
            failed += [f for f in known if f.problem is TAGS_WITHOUT_MANIFEST]
            if failed:
                return failed[0].problem, str(failed[0])
            if "releases" in self._findings:
                return RELEASES_EMPTY, "the sources were read to their end and hold no release"
            return GRAPH_NOT_READY, "the first scrape has not ended yet"
        return None

    def _all_findings(self) -> tuple[Finding, ...]:
        unkept = [Finding(Severity.ERROR, STATE_UNWRITABLE, self._shelf.fault)] if self._shelf.fault else []
        return ordered(chain(unkept, *self._findings.values()))

    def _make(self, releases: tuple[Release, ...], data: _DataInForce, inputs: tuple[str, str]) -> None:
        started = time.perf_counter()
        built = build(releases, data.data, served=self._served, precedence=self._precedence)
        archive = write_tarball(data.files)
        origin = Origin(
            len(releases), *inputs, archive, self._refreshed_at, self._signatures, trust=self._trust
        )
        self._hand_over(built.graph, origin, built.findings, started)

    def _hand_over(
        self, whole: UpdateGraph, origin: Origin, findings: tuple[Finding, ...], started: float
    ) -> None:
        promotion = self._promotion
        restricted = restrict(whole, promotion) if promotion else Restricted(whole, {})
        graph = restricted.graph
        origin = replace(origin, promotion=promotion, withheld=restricted.withheld)
        self._findings["graph"] = findings = ordered((*findings, *restricted.findings))
        with self._write(graph, origin) as file:
            seconds = time.perf_counter() - started
            self._served = _offered(graph)
            self._say(Built(seconds=seconds), file)
        summary = f"; {summary_of(findings)}" if findings else ""
        level = level_of(findings)
        withheld = sum(restricted.withheld.values())
        if withheld:
            summary = f"; {withheld} updates are withheld into versions that are not promoted{summary}"
        _log.log(level, "new graph of %d releases made in %.1f s%s", origin.releases, seconds, summary)

    def _write(self, graph: UpdateGraph, origin: Origin) -> BinaryIO:
        file = self._shelf.new()
        try:
            write_snapshot(graph, origin, self._all_findings(), file)
            self._shelf.keep(file)
        except DataError:
            self._shelf.drop(file)
            raise
        except OSError as error:
            self._shelf.give_up(file, error)
            file = in_memory()
            write_snapshot(graph, origin, self._all_findings(), file)
        return file


def _offered(graph: UpdateGraph) -> dict[str, str]:
    """Digest by version of every release in a graph."""
    return {
        node.version.text: node.payload.rpartition("@")[2] for node in graph.nodes if node.payload is not None
    }
