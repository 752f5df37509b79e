"""Checks as values: what is looked at, what came of it, and what a person can do about it.

A step is one look at one thing. It says what it saw or raises the error that the service would have met, and it
names the steps without which it makes no sense. Running them is the work of :mod:`upgraph.service.doctor.running`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from upgraph.errors import Finding, Problem, Severity, UpgraphError

STEP_SECONDS = 20.0
"""Longest time for one step, unless it says otherwise."""


class Result(StrEnum):
    """What came of a step."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step saw."""

    seen: str
    result: Result = Result.OK
    problem: Problem | None = None
    """None: all is well."""
    remedy: str = ""
    """What to do in this case, where that is known better than the problem says."""
    topic: str = ""
    """Which of the repairs fit; by default those of the reference of the problem."""

    @classmethod
    def of(cls, error: UpgraphError, topic: str = "") -> "Outcome":
        """The outcome of a step that met an error."""
        return cls(error.seen, Result.ERROR, error.problem, error.remedy, topic)

    @classmethod
    def of_finding(cls, finding: Finding) -> "Outcome":
        """The outcome that reports a finding; what is for information only is well."""
        result = {Severity.WARNING: Result.WARNING, Severity.ERROR: Result.ERROR}.get(finding.severity)
        if result is None:
            return cls(str(finding))
        return cls(str(finding), result, finding.problem)


Outcomes = tuple[Outcome, ...]
"""At least one. A step may see several things."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One look at one thing. Two steps are the same only if they are one object."""

    name: str
    """A word, by which it can be chosen: ``dns``, ``tls``."""
    subject: str
    """What is looked at: the name of a source, a host, an address, a file."""
    run: Callable[[], Awaitable[Outcomes]]
    """Raises UpgraphError for what the service would fail with."""
    needs: tuple["Step", ...] = ()
    """Steps that must not have failed."""
    any_of: tuple["Step", ...] = ()
    """Steps of which one at least must not have failed."""
    seconds: float = STEP_SECONDS
    """Longest time for it."""
    words: Mapping[str, str] = field(default_factory=dict)
    """What stands for ``$host`` and the like in the commands of a repair, quoted for a shell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the result."""

    name: str
    subject: str
    result: Result
    seen: str
    """What was seen; of a step that was skipped, why."""
    reference: str = ""
    title: str = ""
    why: str = ""
    remedy: str = ""
    repair: tuple[str, ...] = ()
    """Commands, or lines of a file, that mend it. What is in capitals has to be filled in."""
    verify: tuple[str, ...] = ()
    """Commands that show whether it is mended."""
    blocked_by: str = ""
    """The first step on the way that has to be mended, as ``name subject``; empty unless this one was skipped."""
