"""What one candidate may conclude from a Lease that several of them write, computed from moments of its own clock.

Clocks of machines disagree, so no moment that another one wrote is believed. A holder is taken for gone when nothing about
its record has changed for the length of the lease, counted from when *we* saw it last change. A holder counts from before
it sent what renewed the record, and gives up after a shorter time; so there is no moment at which two believe to hold it,
as long as no clock runs faster than another by more than the lease is longer than the deadline.
"""

from dataclasses import dataclass

MAX_LEASE_SECONDS = 300.0
"""Longest lease. What others write is believed up to here: whoever may write a Lease must not stop all candidates for ever."""
MAX_TRANSITIONS = 2**31 - 1
"""More the API does not take, so it is not counted further."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Times of an election in seconds.

    Raises:
        ValueError: they leave no time to give up before others take over, or to try twice, or others would not wait so long.
    """

    lease: float = 30.0
    """How long the others wait after the last renewal that they saw."""
    deadline: float = 20.0
    """How long a holder works on after its last renewal."""
    interval: float = 5.0
    """Between two renewals, and between two looks of those who wait."""

    def __post_init__(self) -> None:
        if not 0 < 2 * self.interval <= self.deadline < self.lease <= MAX_LEASE_SECONDS:
            raise ValueError(f"not interval * 2 <= deadline < lease <= {MAX_LEASE_SECONDS:g}: {self}")


@dataclass(frozen=True, slots=True)
class Record:
    """What a Lease says."""

    holder: str = ""
    """Empty where the last one has released it."""
    renewed: str = ""
    """When, by the clock of the holder. Only whether it changes matters."""
    transitions: int = 0
    """How often it has changed hands."""
    lease: float = 0.0
    """Seconds after which the holder wants to be taken for gone."""


class Candidate:
    """One who may hold a Lease.

    Args:
        identity: its name, which nobody else has or had.
        terms: the times.
    """

    def __init__(self, identity: str, terms: Terms) -> None:
        self.identity = identity
        self.terms = terms
        self._seen: Record | None = None
        self._seen_at = 0.0
        self._renewed_at: float | None = None

    def may_take(self, record: Record, now: float) -> bool:
        """Whether a record that was read now may be replaced by one of ours."""
        if record != self._seen:
            self._seen, self._seen_at = record, now
        if record.holder in {"", self.identity}:
            return True
        return now >= self._seen_at + max(min(record.lease, MAX_LEASE_SECONDS), self.terms.lease)

    def ours(self, before: Record | None, renewed: str) -> Record:
        """The record with which we take or renew what was read."""
        same = before is not None and before.holder == self.identity
        transitions = 0 if before is None else before.transitions + (0 if same else 1)
        return Record(self.identity, renewed, min(transitions, MAX_TRANSITIONS), self.terms.lease)

    def wrote(self, begun: float) -> None:
        """A record of ours has been taken, by a request that began at that moment."""
        self._renewed_at = begun

    def lost(self) -> None:
        """Somebody else holds it, or we have released it."""
        self._renewed_at = None

    def until(self) -> float | None:
        """The moment at which we have to have stopped unless we renew; None where we do not hold it."""
        return None if self._renewed_at is None else self._renewed_at + self.terms.deadline
