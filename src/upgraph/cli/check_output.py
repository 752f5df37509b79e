"""How a report on graph data is printed: for people by file, for programs as JSON, YAML or SARIF."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import click

from upgraph import __version__
from upgraph.cli.output import Format, emit_document, printable
from upgraph.errors import Finding, Severity
from upgraph.graphdata.checking import Baseline, Report, as_sarif

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_WHOLE = "the set as a whole"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A report, read with the file of accepted warnings."""

    report: Report
    baseline: Baseline

    @property
    def open(self) -> tuple[Finding, ...]:
        """What was not accepted, with entries that accept nothing."""
        kept = (one for one in self.report.findings if self.baseline.acceptance_of(one) is None)
        return *kept, *self.baseline.stale(self.report)

    @property
    def accepted(self) -> int:
        """How many findings were accepted."""
        return len(self.report.findings) + len(self.baseline.stale(self.report)) - len(self.open)

    def fails(self, limit: Severity) -> bool:
        """Whether something is open that is at least as grave as ``limit``."""
        return any(finding.severity >= limit for finding in self.open)


def print_outcome(outcome: Outcome, form: Format) -> None:
    """Print it on standard output."""
    if form is Format.SARIF:
        emit_document(as_sarif(outcome.report, outcome.baseline, __version__), Format.JSON)
    elif form in (Format.JSON, Format.YAML):
        emit_document(_document(outcome), form)
    else:
        for line in _text(outcome):
            click.echo(line)


def _document(outcome: Outcome) -> dict[str, object]:
    return {
        "findings": [
            {
                "reference": finding.reference,
                "severity": finding.severity.name.lower(),
                "file": finding.file,
                "line": finding.line,
                "message": finding.seen,
                "remedy": finding.problem.remedy,
                "accepted": entry.reason if (entry := outcome.baseline.acceptance_of(finding)) else None,
            }
            for finding in (*outcome.report.findings, *outcome.baseline.stale(outcome.report))
        ],
        "notRun": [
            {"reference": one.problem.reference, "reason": one.reason} for one in outcome.report.not_run
        ],
    }


def _text(outcome: Outcome) -> Iterator[str]:
    found = sorted(
        outcome.open, key=lambda one: (one.file or "", one.line or 0, -one.severity, one.reference)
    )
    for file, findings in groupby(found, key=lambda one: one.file):
        yield click.style(printable(file) if file else _WHOLE, bold=True)
        yield from map(_line, findings)
        yield ""
    yield from _remedies(found)
    yield from _idle(outcome.report)
    yield _summary(outcome)


def _line(finding: Finding) -> str:
    name = finding.severity.name.lower()
    severity = click.style(f"{name:7}", fg=_COLOURS[finding.severity])
    return f"  {finding.line or '-':>4}  {severity}  {printable(finding.seen)} [{finding.reference}]"


def _remedies(findings: Iterable[Finding]) -> Iterator[str]:
    problems = {finding.reference: finding.problem for finding in findings}
    if problems:
        yield click.style("what to do", bold=True)
        yield from (f"  {reference}: {problems[reference].remedy}" for reference in sorted(problems))
        yield ""


def _idle(report: Report) -> Iterator[str]:
    by_reason = sorted(report.not_run, key=lambda one: one.reason)
    for reason, checks in groupby(by_reason, key=lambda one: one.reason):
        yield f"not run, because {reason}: {', '.join(one.problem.reference for one in checks)}"


def _summary(outcome: Outcome) -> str:
    counts = ", ".join(_counted(outcome.open, severity) for severity in (Severity.ERROR, Severity.WARNING))
    return f"{counts}, {outcome.accepted} accepted" if outcome.accepted else counts


def _counted(findings: Sequence[Finding], severity: Severity) -> str:
    number = sum(finding.severity is severity for finding in findings)
    name = severity.name.lower()
    return f"{number} {name}" if number == 1 else f"{number} {name}s"
