"""No key is in two hands, no add is lost, failures come back later and later, and no key takes the place of all."""

import random

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from upgraph.kube import schedule
from upgraph.kube.backoff import BackOff
from upgraph.kube.schedule import Pace, Schedule

BACKOFF = BackOff(first=1.0, most=60.0)
KEYS = st.sampled_from("abc")
SECONDS = st.floats(0, 100)


def a_schedule(pace: Pace = Pace(burst=1000)) -> Schedule[str]:  # noqa: B008  # it is frozen
    return Schedule(BACKOFF, pace, random.Random(0))


class Workers(RuleBasedStateMachine):
    """Any number of workers, and adds at any time. ``owed`` has the keys that must still be taken."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule = a_schedule(Pace(burst=3, seconds=1.0))
        self.now = 0.0
        self.held: set[str] = set()
        self.owed: set[str] = set()

    @rule(key=KEYS, seconds=st.one_of(st.just(0.0), SECONDS))
    def add(self, key: str, seconds: float) -> None:
        self.schedule.add(key, self.now + seconds)
        self.owed.add(key)

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def take(self) -> None:
        key = self.schedule.take(self.now)
        if key is None:
            moment = self.schedule.next_moment()
            assert moment is None or moment > self.now
        else:
            assert key not in self.held
            assert key in self.owed
            self.held.add(key)
            self.owed.discard(key)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), fails=st.booleans())
    def finish(self, data: st.DataObject, fails: bool) -> None:  # noqa: FBT001  # drawn
        key = data.draw(st.sampled_from(sorted(self.held)))
        self.held.discard(key)
        if fails:
            self.schedule.failed(key, self.now)
            self.owed.add(key)
        else:
            self.schedule.done(key)

    @invariant()
    def what_is_held_is_known(self) -> None:
        assert self.schedule.busy == self.held
        assert len(self.schedule) == len(self.owed)

    def teardown(self) -> None:
        for key in sorted(self.held):
            self.schedule.done(key)
        while (moment := self.schedule.next_moment()) is not None:
            self.now = max(self.now, moment)
            taken = self.schedule.take(self.now)
            assert taken in self.owed
            self.owed.discard(taken)
            self.schedule.done(taken)
        assert not self.owed


TestWorkers = Workers.TestCase


def test_an_earlier_moment_wins() -> None:
    line = a_schedule()
    for moment in (5.0, 2.0, 9.0):
        line.add("a", moment)
    assert (line.take(1.0), line.take(2.0), line.take(9.0)) == (None, "a", None)


def test_those_who_came_first_are_taken_first() -> None:
    line = a_schedule()
    for key in "cab":
        line.add(key, 0.0)
    assert [line.take(0.0) for _ in range(4)] == ["c", "a", "b", None]


@given(st.integers(1, 200))
def test_the_wait_after_failures_grows_to_its_limit(failures: int) -> None:
    wait = BACKOFF.wait(failures, random.Random(failures))
    reached = min(60.0, 2.0 ** min(failures - 1, 10))
    assert reached / 2 <= wait <= reached


def test_failures_are_forgotten_after_a_success() -> None:
    line = a_schedule()
    for _ in range(5):
        line.add("a", 0.0)
        line.take(0.0)
        line.failed("a", 0.0)
    line.add("a", 0.0)
    line.take(0.0)
    line.done("a")
    line.add("a", 0.0)
    line.take(0.0)
    assert line.failed("a", 0.0) <= 1.0


def test_a_wait_that_was_asked_for_is_kept() -> None:
    line = a_schedule()
    line.add("a", 0.0)
    line.take(0.0)
    assert line.failed("a", 0.0, at_least=40.0) == 40.0
    assert line.next_moment() == 40.0


def test_a_key_without_rest_leaves_room_for_others() -> None:
    line = a_schedule(Pace(burst=3, seconds=10.0))
    taken = []
    for second in range(40):
        line.add("a", second)
        if line.take(second) == "a":
            taken.append(second)
            line.done("a")
    assert taken == [0, 1, 2, 10, 20, 30]


def test_it_does_not_grow_with_what_it_has_done() -> None:
    line = a_schedule(Pace(burst=1, seconds=0.001))
    for number in range(5 * schedule.FORGET_AT):
        line.add(f"key {number}", float(number))
        line.add("again", number + 1e6)
        line.add("again", float(number))
        for _ in range(2):
            line.done(line.take(number + 0.5) or "")
    assert len(line._heap) <= 2 * schedule.FORGET_AT
    assert len(line._paced) <= 2 * schedule.FORGET_AT
