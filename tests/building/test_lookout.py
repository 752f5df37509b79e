"""Between two rounds a registry that fails, or answers again, brings the next round forward; nothing else does."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from upgraph.errors import DataError, Finding, RemoteError, Severity, UpgraphError
from upgraph.errors.problems.oci import LAYOUT_ENTRY, THROTTLED, UNREACHABLE
from upgraph.oci import Access, LayoutSource, LayoutWriter, RegistryClient, Retry, Timing
from upgraph.payload import ReleaseContent, add_release
from upgraph.service.building import following
from upgraph.service.building import lookout as lookout_module
from upgraph.service.building.following import Followed, ReleaseSource
from upgraph.service.building.gatherer import Gatherer, SourceOutcome
from upgraph.service.building.library import Library
from upgraph.service.building.lookout import Lookout
from upgraph.service.building.saved_source import SavedSource
from upgraph.service.building.scrape import ScrapeSettings
from upgraph.testing.registry import Fault, SimulatedRegistry

PATIENCE_SECONDS = 180.0
SOON_SECONDS = 0.01
NEVER_SECONDS = 10_000.0
MANY_LOOKS = 20
DOWN = RemoteError(UNREACHABLE, "registry.example: nobody listens")
BUSY = RemoteError(THROTTLED, "registry.example: status 429")
GOOD = SourceOutcome("a", (), None, ())
FAULTY = SourceOutcome("a", (), Finding(Severity.ERROR, UNREACHABLE, "registry.example"), ())


class Source:
    """Answers as it is told, and counts."""

    name = "a"

    def __init__(self, failure: UpgraphError | None = None) -> None:
        self.failure = failure
        self.hangs = False
        self.begin_anew()

    def begin_anew(self) -> None:
        self.asked = 0
        self.asked_often = asyncio.Event()

    async def touch(self) -> None:
        self.asked += 1
        if self.asked == MANY_LOOKS:
            self.asked_often.set()
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure


def lookout(*sources: Source) -> Lookout:
    return Lookout(sources, SOON_SECONDS, chance=lambda: 0.0)


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


async def test_a_registry_that_begins_to_fail_is_read_at_once() -> None:
    await brought_forward(lookout(Source(DOWN)), GOOD)


async def test_a_registry_that_hangs_is_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookout_module, "ANSWER_SECONDS", 0.05)
    source = Source()
    source.hangs = True
    await brought_forward(lookout(source), GOOD)


async def test_a_registry_that_answers_again_is_read_at_once() -> None:
    source = Source(DOWN)
    look = lookout(source)
    assert await is_left_alone(look, source, FAULTY)
    source.failure = None
    await brought_forward(look, FAULTY)


@pytest.mark.parametrize(
    "failure", [None, BUSY, DataError(LAYOUT_ENTRY, "odd")], ids=["well", "busy", "unknown"]
)
async def test_a_registry_that_does_not_fail_is_left_alone(failure: UpgraphError | None) -> None:
    source = Source(failure)
    assert await is_left_alone(lookout(source), source, GOOD)


async def test_a_registry_that_fails_this_question_alone_is_read_once_for_it() -> None:
    source = Source(DOWN)
    look = lookout(source)
    await brought_forward(look, GOOD)
    assert await is_left_alone(look, source, GOOD)


async def test_a_registry_that_was_back_before_it_was_read_is_not_read_again() -> None:
    source = Source(DOWN)
    look = lookout(source)
    await brought_forward(look, GOOD)
    source.failure = None
    assert await is_left_alone(look, source, GOOD)


async def test_a_fault_that_is_not_of_the_registry_is_not_read_again_and_again() -> None:
    source = Source()
    assert await is_left_alone(lookout(source), source, FAULTY)


async def test_of_several_registries_each_is_judged_by_itself() -> None:
    well, down = Source(), Source(DOWN)
    look = lookout(well, down)
    assert await is_left_alone(look, well, GOOD, FAULTY)
    well.failure = DOWN
    await brought_forward(look, GOOD, FAULTY)


async def test_without_an_interval_nobody_is_asked() -> None:
    source = Source(DOWN)
    await Lookout([source], None).pause(asyncio.Event(), SOON_SECONDS, [GOOD])
    assert source.asked == 0


async def test_whoever_asks_for_a_round_gets_it_and_nobody_is_asked_on() -> None:
    source, wanted = Source(), asyncio.Event()
    look = lookout(source)
    asyncio.get_running_loop().call_later(SOON_SECONDS, wanted.set)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await look.pause(wanted, NEVER_SECONDS, [GOOD])
    asked = source.asked
    await asyncio.sleep(5 * SOON_SECONDS)
    assert (source.asked, wanted.is_set()) == (asked, False)


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[SimulatedRegistry]:
    with LayoutWriter(tmp_path / "layout") as layout:
        add_release(layout, ReleaseContent("4.1.0"), "amd64", "4.1.0-x86_64")
    async with SimulatedRegistry() as running:
        running.load(tmp_path / "layout")
        yield running


@pytest.fixture
async def followed(registry: SimulatedRegistry) -> AsyncIterator[Followed]:
    timing = Timing(retry=Retry(attempts=1))
    with Library.open(None) as library:
        async with RegistryClient(registry.repository, access=Access(), timing=timing) as client:
            source = ReleaseSource(client, registry.repository.name, is_remote=True)
            (one,) = Gatherer([source], library, ScrapeSettings(), None).followed
            yield one


async def test_a_registry_is_asked_for_one_small_answer(
    registry: SimulatedRegistry, followed: Followed
) -> None:
    await followed.ask()
    registry.requests.clear()
    await followed.touch()
    assert [(one.method, one.step) for one in registry.requests] == [("HEAD", "manifest")]


async def test_a_registry_of_which_nothing_is_known_is_asked_as_well(
    registry: SimulatedRegistry, followed: Followed
) -> None:
    await followed.touch()
    await registry.halt()
    with pytest.raises(RemoteError):
        await followed.touch()


@pytest.mark.parametrize("status", [401, 403, 500])
async def test_a_registry_that_refuses_has_failed(
    registry: SimulatedRegistry, followed: Followed, status: int
) -> None:
    await followed.ask()
    registry.faults.append(Fault("manifest", 99, status=status))
    with pytest.raises(RemoteError):
        await followed.touch()


async def test_what_was_known_and_is_gone_counts_as_a_failure(
    registry: SimulatedRegistry, followed: Followed
) -> None:
    await followed.ask()
    registry.tags.clear()
    with pytest.raises(RemoteError):
        await followed.touch()


async def test_what_lies_on_a_disk_is_not_asked(tmp_path: Path) -> None:
    sources: list[following.Source] = [
        ReleaseSource(LayoutSource(tmp_path / "no"), "registry.example/no"),
        SavedSource(tmp_path / "no.json"),
    ]
    with Library.open(None) as library:
        for one in Gatherer(sources, library, ScrapeSettings(), None).followed:
            await one.touch()
