"""Two never believe to hold a Lease at the same moment, whatever clocks and networks do."""

from dataclasses import dataclass

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from upgraph.kube.candidacy import MAX_LEASE_SECONDS, Candidate, Record, Terms

TERMS = Terms(lease=15.0, deadline=10.0, interval=2.0)
WHO = st.integers(0, 2)
CLOCKS = ((0.0, 1.0), (1e6, 1.15), (-500.0, 0.9))
"""What each clock showed at the beginning, and how fast it goes. Their rates differ by less than lease and deadline."""


@dataclass
class Attempt:
    """A request that is under way: when it began, and the version and the record that it read."""

    begun: float
    version: int
    record: Record


class Rivals(RuleBasedStateMachine):
    """Three candidates, a server that keeps one record, and answers that may be late or lost."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0
        self.record, self.version = Record(), 0
        self.candidates = [Candidate(f"candidate {number}", TERMS) for number in range(3)]
        self.attempts: dict[int, Attempt] = {}

    def clock(self, who: int) -> float:
        begin, rate = CLOCKS[who]
        return begin + rate * self.time

    @rule(seconds=st.one_of(st.floats(0, 3), st.floats(0, 30)))
    def wait(self, seconds: float) -> None:
        self.time += seconds

    @rule(who=WHO)
    def look(self, who: int) -> None:
        self.attempts.pop(who, None)
        if self.candidates[who].may_take(self.record, self.clock(who)):
            self.attempts[who] = Attempt(self.clock(who), self.version, self.record)
        else:
            self.candidates[who].lost()

    @rule(who=WHO, is_told=st.booleans())
    def write(self, who: int, is_told: bool) -> None:  # noqa: FBT001  # drawn
        attempt = self.attempts.pop(who, None)
        if attempt is None or attempt.version != self.version:
            return
        self.version += 1
        self.record = self.candidates[who].ours(attempt.record, f"{self.version}")
        if is_told:
            self.candidates[who].wrote(attempt.begun)

    @rule(who=WHO)
    def release(self, who: int) -> None:
        if self.record.holder == self.candidates[who].identity:
            self.candidates[who].lost()
            self.attempts.pop(who, None)
            self.version += 1
            self.record = Record("", f"{self.version}", self.record.transitions, 1.0)

    @invariant()
    def one_at_most_believes_to_hold_it(self) -> None:
        holding = [
            candidate.identity
            for who, candidate in enumerate(self.candidates)
            if (until := candidate.until()) is not None and self.clock(who) < until
        ]
        assert len(holding) <= 1


TestRivals = Rivals.TestCase


def test_a_clock_of_another_is_not_believed() -> None:
    waiting = Candidate("b", TERMS)
    ancient = Record("a", "1970-01-01T00:00:00Z", 0, 15.0)
    assert not waiting.may_take(ancient, 100.0)
    assert not waiting.may_take(ancient, 114.9)
    assert waiting.may_take(ancient, 115.0)


def test_every_renewal_begins_the_wait_anew() -> None:
    waiting = Candidate("b", TERMS)
    assert not waiting.may_take(Record("a", "1", 0, 15.0), 0.0)
    assert not waiting.may_take(Record("a", "2", 0, 15.0), 14.0)
    assert not waiting.may_take(Record("a", "2", 0, 15.0), 28.0)
    assert waiting.may_take(Record("a", "2", 0, 15.0), 29.0)


def test_what_another_holder_asks_for_is_kept() -> None:
    waiting = Candidate("b", TERMS)
    slow = Record("a", "1", 0, 60.0)
    assert not waiting.may_take(slow, 0.0)
    assert not waiting.may_take(slow, 59.0)
    assert waiting.may_take(slow, 60.0)


def test_nobody_is_waited_for_longer_than_a_lease_can_be() -> None:
    waiting = Candidate("b", TERMS)
    record = Record("a", "1", 0, 2.0**31)
    assert not waiting.may_take(record, 0.0)
    assert not waiting.may_take(record, MAX_LEASE_SECONDS - 1)
    assert waiting.may_take(record, MAX_LEASE_SECONDS)


def test_a_number_of_transitions_that_the_api_would_not_take_is_not_written() -> None:
    assert Candidate("b", TERMS).ours(Record("a", "1", 2**31 - 1, 15.0), "2").transitions == 2**31 - 1


def test_a_released_lease_is_taken_at_once_and_counts_a_transition() -> None:
    record = Candidate("b", TERMS).ours(Record("", "1", 4, 1.0), "2")
    assert record == Record("b", "2", 5, 15.0)
    assert Candidate("b", TERMS).ours(record, "3").transitions == 5


@pytest.mark.parametrize("times", [(10, 10, 1), (10, 5, 3), (10, 5, 0), (301, 5, 1)])
def test_terms_that_leave_no_time_are_refused(times: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="deadline"):
        Terms(*times)
