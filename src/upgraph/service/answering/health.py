"""Is the service as it should be, judged from what it holds: pure, with the time as a parameter."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from upgraph.errors import Problem
from upgraph.errors.problems.service import GRAPH_NOT_READY, GRAPH_STALE
from upgraph.service.snapshot import Facts, FindingFact, Snapshot


@dataclass(frozen=True, slots=True)
class Unready:
    """Why clusters cannot be served as they should be."""

    problem: Problem
    seen: str


class Scrape(msgspec.Struct, frozen=True, kw_only=True):
    """How the last scrape went."""

    ended_at: float
    """Unix time in seconds."""
    seconds: float
    succeeded: bool
    message: str
    """One line: counts, or what went wrong."""


class StatusSource(Protocol):
    """What the status port reports on."""

    @property
    def facts(self) -> Facts | None:
        """The graph in force; none before the first."""
        ...

    @property
    def held(self) -> Snapshot | None:
        """The snapshot in force, with its answers."""
        ...

    @property
    def last_scrape(self) -> Scrape | None:
        """None before the first scrape has ended."""
        ...

    @property
    def failure(self) -> Unready | None:
        """What keeps the first graph from being made, where it is known."""
        ...


def age(facts: Facts, now: float) -> float:
    """Seconds since the inputs of the graph were last known to be current; 0 if the clock went back."""
    return max(0.0, now - facts.refreshed_at)


def unready(source: StatusSource, now: float, max_stale: float | None) -> Unready | None:
    """Why the service is not ready; none if it is.

    Args:
        source: what is held.
        now: Unix time in seconds.
        max_stale: seconds of age above which a graph is too old; none if any age will do.
    """
    facts = source.facts
    if facts is None:
        return source.failure or Unready(GRAPH_NOT_READY, "the first scrape has not ended yet")
    if max_stale is not None and age(facts, now) > max_stale:
        return Unready(GRAPH_STALE, f"the graph is {age(facts, now):.0f} s old, {max_stale:g} s are allowed")
    return None


def finding_counts(findings: Iterable[FindingFact]) -> list[tuple[str, str, int]]:
    """How often each problem was found: reference, severity, count; sorted."""
    counts = Counter((finding.reference, finding.severity) for finding in findings)
    return sorted((reference, severity, count) for (reference, severity), count in counts.items())
