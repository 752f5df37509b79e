"""The file of accepted warnings: which ones, where, and why somebody decided that they are no fault.

An entry names a reference and a file, not a line, so that it survives edits. One that accepts nothing any more is
reported: it would accept the next fault of its kind unseen. Errors are never accepted.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

import yaml

from upgraph.errors import DataError, Finding, Severity
from upgraph.errors.problems.checking import BASELINE, BASELINE_STALE
from upgraph.graphdata.checking.checks import Report
from upgraph.syntax import SyntaxFault
from upgraph.syntax.yaml import Items, Table, Value, parse

FILE_NAME = ".upgraph-check.yaml"
"""Where the file of a set is looked for: in its directory."""
MAX_BASELINE_BYTES = 1024 * 1024
"""Largest file of accepted warnings; an entry has about 150 bytes."""

_KEYS = ("reference", "file", "reason")
_REFERENCE = re.compile(r"[a-z][a-z0-9-]*")
_HEAD = "# Warnings that were looked at and accepted; `upgraph graph-data check` does not count them.\n"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """One accepted kind of warning in one place."""

    reference: str
    file: str
    """Path inside the set; ``*`` stands for any characters. Empty for warnings that are about no file."""
    reason: str
    line: int | None = None
    """Line of the entry."""

    def accepts(self, finding: Finding) -> bool:
        """Whether it is about this finding."""
        is_warning = finding.severity is Severity.WARNING and finding.reference == self.reference
        return is_warning and fnmatchcase(finding.file or "", self.file)


@dataclass(frozen=True, slots=True)
class Baseline:
    """All accepted warnings."""

    entries: tuple[Acceptance, ...] = ()
    name: str = FILE_NAME

    def acceptance_of(self, finding: Finding) -> Acceptance | None:
        """The first entry that accepts a finding."""
        return next((entry for entry in self.entries if entry.accepts(finding)), None)

    def stale(self, report: Report) -> tuple[Finding, ...]:
        """Entries that accept nothing, unless their check did not run."""
        idle = {one.problem.reference for one in report.not_run}
        return tuple(
            Finding(Severity.WARNING, BASELINE_STALE, _shown(entry), self.name, entry.line)
            for entry in self.entries
            if entry.reference not in idle and not any(map(entry.accepts, report.findings))
        )


def read_baseline(content: bytes, name: str = FILE_NAME) -> Baseline:
    """Read a file of accepted warnings.

    Raises:
        DataError: it is not valid; the message names the line.
    """
    if len(content) > MAX_BASELINE_BYTES:
        raise DataError(BASELINE, f"{name} has more than {MAX_BASELINE_BYTES} bytes")
    try:
        return Baseline(tuple(_entries(parse(content))), name)
    except SyntaxFault as error:
        where = f"{name}:{error.line}" if error.line else name
        raise DataError(BASELINE, f"{where}: {error.seen}") from error


def write_baseline(report: Report, baseline: Baseline, reason: str) -> bytes:
    """A file that accepts all warnings of a report; entries of ``baseline`` that still hold keep their reasons."""
    stale = {finding.line for finding in baseline.stale(report)}
    kept = [entry for entry in baseline.entries if entry.line not in stale]
    new = {
        (finding.reference, finding.file or "")
        for finding in report.findings
        if finding.severity is Severity.WARNING and baseline.acceptance_of(finding) is None
    }
    entries = [*kept, *(Acceptance(reference, file, reason) for reference, file in sorted(new))]
    document = {"accepted": [{key: getattr(entry, key) for key in _KEYS} for entry in entries]}
    return (_HEAD + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)).encode()


def _shown(entry: Acceptance) -> str:
    return f"no warning {entry.reference} in {entry.file or 'the set as a whole'} any more"


def _entries(document: Value) -> Iterator[Acceptance]:
    if not isinstance(document, Table) or set(document.values) != {"accepted"}:
        raise SyntaxFault("the file is not a mapping with the key accepted alone", 1)
    items = document.values["accepted"]
    if not isinstance(items, Items):
        raise SyntaxFault("accepted is not a list", document.lines["accepted"])
    for value, line in zip(items.values, items.lines, strict=True):
        yield _entry(value, line)


def _entry(value: Value, line: int) -> Acceptance:
    if not isinstance(value, Table) or set(value.values) != set(_KEYS):
        raise SyntaxFault(f"an entry has not exactly the keys {', '.join(_KEYS)}", line)
    texts = [text for key in _KEYS if isinstance(text := value.values[key], str)]
    if len(texts) != len(_KEYS):
        raise SyntaxFault("a value of an entry is not a text", line)
    reference, file, reason = texts
    if not _REFERENCE.fullmatch(reference):
        raise SyntaxFault(f"{reference[:40]!r} is no reference", line)
    if not reason.strip():
        raise SyntaxFault(f"the entry for {reference} has no reason", line)
    return Acceptance(reference, file, reason, line)
