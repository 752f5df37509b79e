"""Who waits for a TLS handshake, and for how long; the clock is told."""

import pytest

from upgraph.service.answering.waiting_line import BUSY_WAIT_SECONDS, MOST, WAIT_SECONDS, WaitingLine

JUST_BEFORE = 0.001


def line_of(*came: float) -> WaitingLine[float]:
    line: WaitingLine[float] = WaitingLine(0.0)
    for moment in came:
        assert line.join(moment, moment)
    return line


def test_who_came_first_is_first() -> None:
    line = line_of(1.0, 2.0, 3.0)
    assert [line.first() for _ in range(3)] == [1.0, 2.0, 3.0]


def test_no_more_wait_than_may() -> None:
    line = line_of(*([1.0] * MOST))
    assert not line.join(2.0, 2.0)
    line.first()
    assert line.join(3.0, 3.0)


def test_a_burst_may_wait_for_the_longer_time() -> None:
    line = line_of(1.0, 1.5)
    assert list(line.overdue(1.0 + WAIT_SECONDS - JUST_BEFORE)) == []
    assert line.first() == 1.0


def test_where_somebody_always_waited_only_a_short_wait_is_granted() -> None:
    end = 1.0 + WAIT_SECONDS
    line = line_of(1.0, end - BUSY_WAIT_SECONDS - JUST_BEFORE, end - BUSY_WAIT_SECONDS + JUST_BEFORE)
    assert list(line.overdue(end)) == [1.0, end - BUSY_WAIT_SECONDS - JUST_BEFORE]
    assert len(line) == 1


def test_a_line_that_was_worked_off_is_a_burst_again() -> None:
    line = line_of(1.0)
    line.first()
    assert line.join(99.0, 99.0)
    assert list(line.overdue(99.0 + WAIT_SECONDS - JUST_BEFORE)) == []


@pytest.mark.parametrize("waited", [0.0, 2 * WAIT_SECONDS])
def test_of_nobody_nobody_is_overdue(waited: float) -> None:
    assert list(WaitingLine[int](5.0).overdue(5.0 + waited)) == []
