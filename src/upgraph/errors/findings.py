"""Faults that did not stop the work."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from upgraph.errors.problem import Problem
from upgraph.errors.text import encodable
from upgraph.errors.tree import UpgraphError


class Severity(IntEnum):
    """How much a finding takes away from what clusters get."""

    INFO = 0
    """Nothing is lost; the administrator may want to know."""
    WARNING = 1
    """Probably not what was meant."""
    ERROR = 2
    """Something is left out or withheld."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One observed fault: what was seen, where, and which documented problem it is."""

    severity: Severity
    problem: Problem
    seen: str
    """What was observed, with the names and values that identify it."""
    file: str | None = None
    """Path inside the data set, or the tag or digest of an image."""
    line: int | None = None
    """Line in ``file``, counted from 1."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "seen", encodable(self.seen))
        if self.file is not None:
            object.__setattr__(self, "file", encodable(self.file))

    @property
    def reference(self) -> str:
        """The stable reference of the problem."""
        return self.problem.reference

    def __str__(self) -> str:
        where = "" if self.file is None else self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.seen}" if where else self.seen

    @classmethod
    def of(
        cls, error: UpgraphError, file: str | None = None, severity: Severity = Severity.ERROR
    ) -> "Finding":
        """The finding that reports ``error`` where it did not stop the work."""
        return cls(severity, error.problem, error.seen, file)


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings without repeats, gravest first, then by place: the order in which they are shown."""
    unique = set(findings)
    return tuple(sorted(unique, key=lambda f: (-f.severity, f.file or "", f.line or 0, f.reference, f.seen)))
