"""A report as SARIF 2.1.0, which code hosts show beside the lines that are meant.

Source: Static Analysis Results Interchange Format 2.1.0, OASIS standard.
"""

from collections.abc import Iterable, Mapping
from urllib.parse import quote

from upgraph.errors import Finding, Problem, Severity
from upgraph.graphdata.checking.baseline import Acceptance, Baseline
from upgraph.graphdata.checking.checks import Report

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}

_Document = dict[str, object]


def as_sarif(report: Report, baseline: Baseline, version: str) -> Mapping[str, object]:
    """The document.

    Args:
        report: what was found.
        baseline: accepted warnings become suppressed results, entries without effect become results.
        version: that of this program.
    """
    findings = (*report.findings, *baseline.stale(report))
    rules = sorted({finding.problem for finding in findings}, key=lambda problem: problem.reference)
    numbers = {problem: number for number, problem in enumerate(rules)}
    driver: _Document = {"name": "upgraph", "version": version, "rules": [_rule(one) for one in rules]}
    run: _Document = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": list(_notes(report))}],
        "results": [
            _result(finding, numbers[finding.problem], baseline.acceptance_of(finding))
            for finding in findings
        ],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(problem: Problem) -> _Document:
    return {
        "id": problem.reference,
        "shortDescription": {"text": problem.title},
        "fullDescription": {"text": problem.why},
        "help": {"text": problem.remedy},
    }


def _notes(report: Report) -> Iterable[_Document]:
    for one in report.not_run:
        text = f"{one.problem.reference} did not run: {one.reason}"
        yield {"level": "note", "message": {"text": text}, "descriptor": {"id": one.problem.reference}}


def _result(finding: Finding, rule: int, accepted: Acceptance | None) -> _Document:
    result: _Document = {
        "ruleId": finding.reference,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.seen},
    }
    if finding.file is not None:
        place: _Document = {"artifactLocation": {"uri": quote(finding.file)}}
        if finding.line is not None:
            place["region"] = {"startLine": finding.line}
        result["locations"] = [{"physicalLocation": place}]
    if accepted is not None:
        result["suppressions"] = [{"kind": "external", "justification": accepted.reason}]
    return result
