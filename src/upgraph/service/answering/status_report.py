"""The status of the service as a document: what ``/status`` gives, the page shows and ``upgraph status`` reads.

It explains itself: every reference that stands in it is explained in it, because whoever reads it may have
neither the documentation nor the version of the program that wrote it. Fields are only ever added.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from upgraph import __version__
from upgraph.errors.problems import problem
from upgraph.errors.problems.service import CERTIFICATE_ENDING
from upgraph.service.answering.clients import Traffic
from upgraph.service.answering.health import Scrape, StatusSource, Unready, age, finding_counts
from upgraph.service.answering.own_certificate import ENDING_SECONDS, shown_by
from upgraph.service.answering.spans import span
from upgraph.service.answering.tls import Certificate
from upgraph.service.snapshot import Facts, FindingFact
from upgraph.service.source_report import FindingCount, SourceReport
from upgraph.syntax.certificate import day


class Reason(msgspec.Struct, frozen=True):
    """Why the service is not ready."""

    reference: str
    seen: str
    remedy: str


class Explanation(msgspec.Struct, frozen=True):
    """A problem as the documentation describes it."""

    title: str
    why: str
    remedy: str


class GraphReport(msgspec.Struct, frozen=True, kw_only=True):
    """The graph in force."""

    digest: str
    """The identity of the graph: replicas with the same inputs show the same."""
    age_seconds: float
    """Seconds since all inputs were last known to be current."""
    releases: int
    nodes: int
    nodes_by_arch: Mapping[str, int]
    edges_by_arch: Mapping[str, int]
    conditional_edges_by_arch: Mapping[str, int]
    releases_digest: str = ""
    graph_data_digest: str = ""
    refreshed_at: float = 0.0
    """Unix time in seconds at which all inputs were last known to be current; 0: never until now."""
    channels: Mapping[str, Mapping[str, int]] = {}
    """Nodes that clusters get, by channel and architecture."""
    promoted_digest: str = ""
    """Identity of the lists of promoted versions; empty if there are none and every update is offered."""
    withheld_by_arch: Mapping[str, int] = {}
    """Updates that are not offered because their target is not promoted."""


class CertificateReport(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that the service shows."""

    file: str
    subject: str = ""
    names: tuple[str, ...] = ()
    not_before: str = ""
    """In the form of RFC 3339, in UTC."""
    not_after: str = ""
    fault: Reason | None = None
    """Why the files as they are now cannot be used, or that it ends soon or has ended."""


class ListenerReport(msgspec.Struct, frozen=True):
    """What has happened to the connections of a listener since the service started."""

    open: int
    accepted: int
    turned_away: int
    made_room: int
    failed_handshakes: int
    timed_out: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that the status port tells."""

    ready: bool
    reason: Reason | None = None
    version: str = ""
    """Of the program that wrote this."""
    time: float = 0.0
    """Unix time in seconds at which this was written, by the clock of the service."""
    graph: GraphReport | None = None
    sources: tuple[SourceReport, ...] = ()
    findings: tuple[FindingCount, ...] = ()
    details: tuple[FindingFact, ...] = ()
    """What was found, the gravest first, as far as it is kept."""
    last_scrape: Scrape | None = None
    certificates: tuple[CertificateReport, ...] = ()
    connections: Mapping[str, ListenerReport] = {}
    """By the name of the listener."""
    problems: Mapping[str, Explanation] = {}
    """What every reference in this document means."""


class ReportSource(StatusSource, Protocol):
    """What a report is made of."""

    @property
    def sources(self) -> Sequence[SourceReport]:
        """How the readings of the sources went."""
        ...

    @property
    def certificates(self) -> Sequence[Certificate]:
        """The certificates of the listeners, none where there is no TLS."""
        ...

    @property
    def traffic(self) -> Mapping[str, Traffic]:
        """What has happened on each listener."""
        ...


def report_of(source: ReportSource, reason: Unready | None, now: float) -> Report:
    """The report at a Unix time in seconds.

    Args:
        source: what is reported on.
        reason: why the service is not ready; none if it is.
        now: the time.
    """
    facts = source.facts
    report = Report(
        ready=reason is None,
        reason=Reason(reason.problem.reference, reason.seen, reason.problem.remedy) if reason else None,
        version=__version__,
        time=now,
        graph=_graph(facts, age(facts, now)) if facts else None,
        sources=tuple(source.sources),
        findings=tuple(FindingCount(*count) for count in finding_counts(facts.findings)) if facts else (),
        details=facts.findings if facts else (),
        last_scrape=source.last_scrape,
        certificates=tuple(_certificate(one, now) for one in source.certificates),
        connections={name: _listener(traffic) for name, traffic in source.traffic.items()},
    )
    return msgspec.structs.replace(report, problems=_explanations(report))


def freshness(report: Report) -> str:
    """How current the graph of a report is, for people."""
    failing = {one.kind.value: one.fault.since for one in report.sources if one.fault is not None}
    if failing:
        lasting = span(max(0.0, report.time - min(failing.values())))
        return f"but there was no good reading of {', '.join(sorted(failing))} for {lasting}"
    if report.graph is None or not report.graph.refreshed_at:
        return "and not all sources could be read since the service started"
    return f"and all sources were last read {span(report.graph.age_seconds)} ago"


def _graph(facts: Facts, age_seconds: float) -> GraphReport:
    return GraphReport(
        digest=facts.digest,
        age_seconds=round(age_seconds, 3),
        releases=facts.releases,
        nodes=facts.nodes,
        nodes_by_arch=facts.nodes_by_arch,
        edges_by_arch=facts.edges_by_arch,
        conditional_edges_by_arch=facts.conditional_edges_by_arch,
        releases_digest=facts.releases_digest,
        graph_data_digest=facts.graph_data_digest,
        refreshed_at=facts.refreshed_at,
        channels=facts.channels,
        promoted_digest=facts.promoted,
        withheld_by_arch=facts.withheld_by_arch,
    )


def _certificate(one: Certificate, now: float) -> CertificateReport:
    shown = shown_by(one.context)
    fault = None if one.fault is None else Reason(one.fault.reference, one.fault.seen, one.fault.remedy)
    if shown is None:
        return CertificateReport(file=str(one.file), fault=fault)
    if fault is None and shown.not_after is not None and shown.not_after.timestamp() - now < ENDING_SECONDS:
        seen = f"the certificate in {one.file} ends on {day(shown.not_after)}"
        fault = Reason(CERTIFICATE_ENDING.reference, seen, CERTIFICATE_ENDING.remedy)
    return CertificateReport(
        file=str(one.file),
        subject=shown.subject,
        names=shown.names,
        not_before=day(shown.not_before),
        not_after=day(shown.not_after),
        fault=fault,
    )


def _listener(traffic: Traffic) -> ListenerReport:
    return ListenerReport(*(getattr(traffic, name) for name in ListenerReport.__struct_fields__))


def _explanations(report: Report) -> dict[str, Explanation]:
    references = {count.reference for count in report.findings}
    references |= {report.reason.reference} if report.reason else set()
    references |= {one.fault.reference for one in report.sources if one.fault}
    references |= {count.reference for one in report.sources for count in one.findings}
    references |= {one.fault.reference for one in report.certificates if one.fault}
    return {reference: _explanation(reference) for reference in sorted(references)}


def _explanation(reference: str) -> Explanation:
    try:
        known = problem(reference)
    except KeyError:
        # The snapshot of another version may hold a problem that this one does not know.
        return Explanation(f"{reference} is not known to this version", "", "")
    return Explanation(known.title, known.why, known.remedy)
