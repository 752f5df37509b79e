"""What looks between two rounds see is told, once, and not where rounds have found that looks are wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.building.looks import (
    BUSY,
    DOWN,
    FAULTY,
    GOOD,
    LOST,
    MANY_LOOKS,
    NEVER_SECONDS,
    Clock,
    Notes,
    Source,
    brought_forward,
    is_left_alone,
    lookout,
    until,
)
from upgraph.errors import Finding
from upgraph.service.building.gatherer import SourceOutcome
from upgraph.service.building.lookout import (
    AGAIN_SECONDS,
    LOOK_SECONDS,
    SECOND_LOOK_SECONDS,
    Lookout,
)

FAILS = DOWN.reference
ANSWERS = ""


@asynccontextmanager
async def looking(look: Lookout, *asked: SourceOutcome) -> AsyncIterator[None]:
    """Look for as long as the block lasts, in which no round begins."""
    waiting = asyncio.ensure_future(look.pause(asyncio.Event(), NEVER_SECONDS, asked))
    yield
    assert not waiting.done()
    waiting.cancel()
    await asyncio.wait([waiting])


async def many_looks(source: Source) -> None:
    source.begin_anew()

    async def are_made() -> bool:
        return source.asked >= MANY_LOOKS

    await until(are_made)


async def spent(look: Lookout, source: Source) -> None:
    """Let no further round come early, by a fault that a round has found as well."""
    await brought_forward(look, GOOD)
    assert await is_left_alone(look, source, FAULTY)


async def test_that_a_registry_fails_is_told_before_it_is_read_with_its_name() -> None:
    notes = Notes()
    await brought_forward(lookout(Source(DOWN), tell=notes), GOOD)
    assert notes.all == [FAILS]
    assert notes.words == [f"a: {Finding.of(DOWN, 'a')}"]
    assert str(Finding.of(DOWN, "a")) != str(Finding.of(DOWN))


async def test_one_failure_is_no_sign() -> None:
    class Blinking(Source):
        async def touch(self, seconds: float) -> None:
            self.failure = DOWN if self.asked % 2 == 0 else None
            await super().touch(seconds)

    source, clock, notes = Blinking(), Clock(), Notes()
    assert await is_left_alone(lookout(source, clock=clock, tell=notes), source, GOOD)
    assert notes.all == []
    # The second question comes a little later, and is given more time.
    assert set(source.waits[::2]) == {LOOK_SECONDS}
    assert set(source.waits[1::2]) == {SECOND_LOOK_SECONDS}
    assert set(clock.waited[1::2]) == {AGAIN_SECONDS}


async def test_a_failure_and_its_end_are_told_once_between_two_rounds() -> None:
    source, notes = Source(DOWN), Notes()
    look = lookout(source, tell=notes)
    await spent(look, source)
    async with looking(look, GOOD):
        await many_looks(source)
        assert notes.all == [FAILS, FAILS]
        source.failure = BUSY
        await many_looks(source)
        assert notes.all == [FAILS, FAILS]
        source.failure = None
        await many_looks(source)
        assert notes.all == [FAILS, FAILS, ANSWERS]
        source.failure = DOWN
        await many_looks(source)
        assert notes.all == [FAILS, FAILS, ANSWERS]


async def test_what_a_round_has_told_is_not_told_again() -> None:
    source, notes = Source(DOWN), Notes()
    look = lookout(source, tell=notes)
    assert await is_left_alone(look, source, FAULTY)
    source.failure = None
    await brought_forward(look, FAULTY)
    assert notes.all == []


async def test_an_image_that_has_left_is_no_failure_of_its_registry() -> None:
    source, notes = Source(LOST), Notes()
    await brought_forward(lookout(source, tell=notes), GOOD)
    assert notes.all == []


async def told(look: Lookout, source: Source, notes: Notes, last: SourceOutcome) -> list[str]:
    """What is told after a round."""
    notes.all.clear()
    await is_left_alone(look, source, last)
    return list(notes.all)


async def test_looks_that_a_round_found_wrong_are_doubted_for_longer_each_time() -> None:
    source, clock, notes = Source(DOWN), Clock(), Notes()
    look = lookout(source, clock=clock, tell=notes)
    assert await told(look, source, notes, GOOD) == [FAILS]
    for doubted in (300.0, 600.0, 1200.0, 2400.0, 3600.0, 3600.0):
        assert await told(look, source, notes, GOOD) == []
        clock.now += doubted - 1
        assert await told(look, source, notes, GOOD) == []
        clock.now += 1
        assert await told(look, source, notes, GOOD) == [FAILS]


async def test_looks_are_doubted_too_where_they_saw_the_end_of_what_they_had_told() -> None:
    class Ending(Source):
        failures = MANY_LOOKS

        async def touch(self, seconds: float) -> None:
            self.failure = DOWN if self.asked < self.failures else None
            await super().touch(seconds)

    source, notes = Ending(), Notes()
    look = lookout(source, tell=notes)
    await spent(look, source)
    source.failures = 2
    assert await told(look, source, notes, GOOD) == [FAILS, ANSWERS]
    assert await told(look, source, notes, GOOD) == []


async def test_looks_that_a_round_confirmed_are_believed_at_once_also_where_it_ended_at_once() -> None:
    source, notes = Source(DOWN), Notes()
    look = lookout(source, tell=notes)
    assert await told(look, source, notes, GOOD) == [FAILS]
    wanted = asyncio.Event()
    wanted.set()
    await look.pause(wanted, NEVER_SECONDS, [FAULTY])
    assert await told(look, source, notes, GOOD) == [FAILS]
