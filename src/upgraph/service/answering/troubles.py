"""What is wrong, out of a status report, in the order in which an administrator should mend it. Pure.

First what keeps clusters from being served, then sources and certificates, then what is left out. One trouble
stands for all faults of one reference, so that a thousand bad tags are one line.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from upgraph.service.answering.status_report import Explanation, Report
from upgraph.service.snapshot import FindingFact
from upgraph.service.source_report import FindingCount

_RANKS = {"error": 0, "warning": 1}


@dataclass(frozen=True, slots=True)
class Trouble:
    """A problem, and everything that was seen of it."""

    severity: str
    """``error``, ``warning`` or ``info``."""
    reference: str
    title: str
    why: str
    remedy: str
    seen: tuple[str, ...]
    count: int
    """How often it was found, which may be more than was kept of it."""


def troubles(report: Report) -> tuple[Trouble, ...]:
    """All that is wrong, the gravest first; nothing if all is well."""
    found = (*_of_the_service(report), *_of_the_inputs(report))
    return tuple(sorted(found, key=lambda one: _rank(one.severity)))


def _rank(severity: str) -> int:
    return _RANKS.get(severity, 2)


def _of_the_service(report: Report) -> Iterator[Trouble]:
    reason = report.reason
    if reason is not None:
        yield _trouble(report, _once("error", reason.reference), (reason.seen,), reason.remedy)
    for source in report.sources:
        # What keeps the first graph from being made was told as the reason already.
        if source.fault is not None and not (reason and source.fault.seen in reason.seen):
            seen = source.fault.seen
            named = seen if source.name in seen else f"{source.name}: {seen}"
            yield _trouble(report, _once("error", source.fault.reference), (named,))
    for certificate in report.certificates:
        if certificate.fault is not None:
            fault = certificate.fault
            yield _trouble(report, _once("warning", fault.reference), (fault.seen,), fault.remedy)


def _of_the_inputs(report: Report) -> Iterator[Trouble]:
    told = {one.fault.seen for one in report.sources if one.fault}
    kept: dict[tuple[str, str], list[str]] = {}
    for finding in report.details:
        kept.setdefault((finding.severity, finding.reference), []).append(_line(finding))
    counts = sorted(report.findings, key=lambda one: (_rank(one.severity), one.reference))
    for count in counts:
        lines = kept.get((count.severity, count.reference), [])
        seen = tuple(line for line in lines if line not in told)
        # What a source was blamed for above is not told a second time.
        if seen or not lines:
            yield _trouble(report, count, seen)


def _line(finding: FindingFact) -> str:
    if finding.file is None:
        return finding.seen
    where = finding.file if finding.line is None else f"{finding.file}:{finding.line}"
    return f"{where}: {finding.seen}"


def _once(severity: str, reference: str) -> FindingCount:
    return FindingCount(reference, severity, 1)


def _trouble(report: Report, found: FindingCount, seen: tuple[str, ...], remedy: str = "") -> Trouble:
    known = report.problems.get(found.reference) or Explanation(found.reference, "", "")
    told = remedy or known.remedy
    return Trouble(found.severity, found.reference, known.title, known.why, told, seen, found.count)
