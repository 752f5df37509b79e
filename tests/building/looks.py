"""What looks between rounds are tried on: a source, a clock, a round that does not come by itself."""

import asyncio
from collections.abc import Awaitable, Callable

from upgraph.errors import Finding, RemoteError, Severity, UpgraphError
from upgraph.errors.problems.oci import IMAGE_MISSING, THROTTLED, UNREACHABLE
from upgraph.oci import ImageMissing
from upgraph.service.building.gatherer import SourceOutcome
from upgraph.service.building.lookout import Lookout, Rhythm, Touchable

PATIENCE_SECONDS = 180.0
SOON_SECONDS = 0.001
LOOK_INTERVAL = 10.0
NEVER_SECONDS = 10_000.0
SCRAPE_SECONDS = 300.0
MANY_LOOKS = 20
DOWN = RemoteError(UNREACHABLE, "registry.example: nobody listens")
BUSY = RemoteError(THROTTLED, "registry.example: status 429")
LOST = ImageMissing(IMAGE_MISSING, "registry.example: MANIFEST_UNKNOWN", status=404)
RESTING = RemoteError(UNREACHABLE, "registry.example: status 503", retry_after=20.0)
GOOD = SourceOutcome("a", (), None, ())
FAULTY = SourceOutcome("a", (), Finding(Severity.ERROR, UNREACHABLE, "registry.example"), ())


class Source:
    """Answers as it is told, and counts."""

    name = "a"

    def __init__(self, failure: UpgraphError | None = None) -> None:
        self.failure = failure
        self.begin_anew()

    def begin_anew(self) -> None:
        self.asked = 0
        self.waits: list[float] = []
        self.asked_often = asyncio.Event()

    async def touch(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.asked += 1
        if self.asked == MANY_LOOKS:
            self.asked_often.set()
        if self.failure is not None:
            raise self.failure


class Clock:
    """Stands still until it is moved, whatever is waited for."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waited: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        await asyncio.sleep(SOON_SECONDS)


def nobody(*_: object) -> None:
    """Is told in vain."""


def lookout(
    *sources: Touchable, clock: Clock | None = None, tell: Callable[[str, Finding | None], None] = nobody
) -> Lookout:
    clock = clock or Clock()
    rhythm = Rhythm(LOOK_INTERVAL, SCRAPE_SECONDS, chance=lambda: 0.0, clock=clock, sleep=clock.sleep)
    return Lookout(sources, rhythm, tell)


async def brought_forward(look: Lookout, *asked: SourceOutcome) -> None:
    """Wait until the next round begins, which it would not do by itself."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        await look.pause(asyncio.Event(), NEVER_SECONDS, asked)


async def is_left_alone(look: Lookout, source: Source, *asked: SourceOutcome) -> bool:
    """Whether no round begins, however often the source is asked."""
    source.begin_anew()
    waiting = asyncio.ensure_future(look.pause(asyncio.Event(), NEVER_SECONDS, asked))
    often = asyncio.ensure_future(source.asked_often.wait())
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.wait([waiting, often], return_when=asyncio.FIRST_COMPLETED)
    ended = waiting.done()
    waiting.cancel()
    often.cancel()
    await asyncio.wait([waiting, often])
    return not ended


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if await is_so():
                return
            await asyncio.sleep(SOON_SECONDS)


class Notes:
    """What was told of sources: a reference, or nothing where one answers again."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self.words: list[str] = []

    def __call__(self, name: str, fault: Finding | None) -> None:
        self.all.append(fault.reference if fault else "")
        self.words.append(f"{name}: {fault}")
