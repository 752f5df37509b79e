"""How findings are told in a line of the log."""

import logging

from upgraph.errors import Finding, Severity

_LEVELS = {Severity.INFO: logging.INFO, Severity.WARNING: logging.WARNING, Severity.ERROR: logging.ERROR}


def level_of(findings: tuple[Finding, ...]) -> int:
    """How gravely to log what has these findings."""
    return max((_LEVELS[finding.severity] for finding in findings), default=logging.INFO)


def summary_of(findings: tuple[Finding, ...]) -> str:
    """How often each problem was found, and the gravest finding in full."""
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.reference] = counts.get(finding.reference, 0) + 1
    listed = ", ".join(f"{count} {reference}" for reference, count in sorted(counts.items()))
    return f"{listed}; first: {findings[0]}" if findings else ""
