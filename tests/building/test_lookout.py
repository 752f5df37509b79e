"""Between two rounds a registry that fails, or answers again, brings the next round forward; nothing else does."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from upgraph.errors import DataError, Finding, RemoteError, Severity, UpgraphError
from upgraph.errors.problems.oci import LAYOUT_ENTRY, THROTTLED, UNAUTHORIZED, UNREACHABLE
from upgraph.oci import Access, LayoutSource, LayoutWriter, Repository
from upgraph.oci.registry import authorization
from upgraph.payload import ReleaseContent, add_release
from upgraph.service.building import following
from upgraph.service.building.following import Followed, ReleaseSource
from upgraph.service.building.gatherer import Gatherer, SourceOutcome
from upgraph.service.building.library import Library
from upgraph.service.building.lookout import Lookout, Rhythm, Touchable
from upgraph.service.building.saved_source import SavedSource
from upgraph.service.building.scrape import ScrapeSettings
from upgraph.service.building.sources import open_releases
from upgraph.service.configuration import Configuration
from upgraph.testing.registry import Fault, Login, SimulatedRegistry

PATIENCE_SECONDS = 180.0
SOON_SECONDS = 0.01
NEVER_SECONDS = 10_000.0
SCRAPE_SECONDS = 300.0
MANY_LOOKS = 20
DOWN = RemoteError(UNREACHABLE, "registry.example: nobody listens")
BUSY = RemoteError(THROTTLED, "registry.example: status 429")
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
        self.asked_often = asyncio.Event()

    async def touch(self) -> None:
        self.asked += 1
        if self.asked == MANY_LOOKS:
            self.asked_often.set()
        if self.failure is not None:
            raise self.failure


class Clock:
    """Stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def nobody(*_: object) -> None:
    """Is told in vain."""


def lookout(
    *sources: Touchable, clock: Clock | None = None, tell: Callable[[str, Finding | None], None] = nobody
) -> Lookout:
    return Lookout(sources, Rhythm(SOON_SECONDS, SCRAPE_SECONDS, lambda: 0.0, clock or Clock()), tell)


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


async def test_a_registry_that_answers_again_is_read_at_once() -> None:
    source = Source(DOWN)
    look = lookout(source)
    assert await is_left_alone(look, source, FAULTY)
    source.failure = None
    await brought_forward(look, FAULTY)


@pytest.mark.parametrize(
    "failure",
    [None, BUSY, RESTING, DataError(LAYOUT_ENTRY, "odd")],
    ids=["well", "busy", "resting", "unknown"],
)
async def test_a_registry_that_does_not_fail_is_left_alone(failure: UpgraphError | None) -> None:
    source = Source(failure)
    assert await is_left_alone(lookout(source), source, GOOD)


async def test_a_registry_that_fails_this_question_alone_is_read_for_it_once_in_an_interval() -> None:
    source, clock = Source(DOWN), Clock()
    look = lookout(source, clock=clock)
    await brought_forward(look, GOOD)
    assert await is_left_alone(look, source, GOOD)
    clock.now += SCRAPE_SECONDS
    await brought_forward(look, GOOD)


async def test_a_registry_that_comes_and_goes_is_read_early_twice_in_an_interval() -> None:
    source, clock = Source(DOWN), Clock()
    look = lookout(source, clock=clock)
    await brought_forward(look, GOOD)
    source.failure = None
    await brought_forward(look, FAULTY)
    source.failure = DOWN
    assert await is_left_alone(look, source, GOOD)
    assert await is_left_alone(look, source, FAULTY)
    source.failure = None
    assert await is_left_alone(look, source, FAULTY)
    clock.now += SCRAPE_SECONDS
    await brought_forward(look, FAULTY)


async def test_several_registries_together_are_not_read_early_more_often_than_one() -> None:
    first, second = Source(DOWN), Source()
    look = lookout(first, second)
    await brought_forward(look, GOOD, GOOD)
    second.failure = DOWN
    assert await is_left_alone(look, second, FAULTY, GOOD)


async def test_what_was_seen_before_a_good_round_is_forgotten() -> None:
    source = Source(DOWN)
    look = lookout(source)
    await brought_forward(look, GOOD)
    source.failure = None
    assert await is_left_alone(look, source, GOOD)
    assert await is_left_alone(look, source, FAULTY)


async def test_a_registry_that_does_not_answer_delays_no_other() -> None:
    class Silent(Source):
        async def touch(self) -> None:
            await asyncio.Event().wait()

    await brought_forward(lookout(Silent(), Source(DOWN)), GOOD, GOOD)


async def test_a_fault_of_the_program_is_not_hidden() -> None:
    class Odd(Source):
        async def touch(self) -> None:
            raise ValueError("a fault of the program")

    with pytest.raises(ExceptionGroup) as caught:
        await brought_forward(lookout(Odd()), GOOD)
    assert caught.group_contains(ValueError, match="a fault of the program")


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
    await Lookout([source], Rhythm(None, SCRAPE_SECONDS), nobody).pause(asyncio.Event(), SOON_SECONDS, [GOOD])
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


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if await is_so():
                return
            await asyncio.sleep(SOON_SECONDS)


class Notes:
    """What was told of sources."""

    def __init__(self) -> None:
        self.all: list[tuple[str, str]] = []

    def __call__(self, name: str, fault: Finding | None) -> None:
        self.all.append((name, fault.reference if fault else ""))


FAILS = ("a", UNREACHABLE.reference)
ANSWERS = ("a", "")


async def test_that_a_registry_fails_is_told_before_it_is_read() -> None:
    notes = Notes()
    await brought_forward(lookout(Source(DOWN), tell=notes), GOOD)
    assert notes.all == [FAILS]


async def test_the_end_of_what_was_told_is_told_where_no_round_may_come_early() -> None:
    source, notes = Source(DOWN), Notes()
    look = lookout(source, tell=notes)
    await brought_forward(look, GOOD)
    assert await is_left_alone(look, source, FAULTY)
    waiting = asyncio.ensure_future(look.pause(asyncio.Event(), NEVER_SECONDS, [GOOD]))

    async def are(*expected: tuple[str, str]) -> bool:
        return notes.all == list(expected)

    await until(lambda: are(FAILS, FAILS))
    source.failure = None
    await until(lambda: are(FAILS, FAILS, ANSWERS))
    assert not waiting.done()
    waiting.cancel()
    await asyncio.wait([waiting])


async def test_what_a_round_has_told_is_not_told_again() -> None:
    source, notes = Source(DOWN), Notes()
    look = lookout(source, tell=notes)
    assert await is_left_alone(look, source, FAULTY)
    source.failure = None
    await brought_forward(look, FAULTY)
    assert notes.all == []


async def test_a_registry_that_fails_this_question_alone_does_not_look_broken_again_and_again() -> None:
    source, clock, notes = Source(DOWN), Clock(), Notes()
    look = lookout(source, clock=clock, tell=notes)
    await brought_forward(look, GOOD)
    assert await is_left_alone(look, source, GOOD)
    assert notes.all == [FAILS]
    clock.now += SCRAPE_SECONDS
    await brought_forward(look, GOOD)
    assert notes.all == [FAILS, FAILS]


async def test_one_failure_is_no_sign() -> None:
    class Blinking(Source):
        async def touch(self) -> None:
            self.failure = DOWN if self.asked % 2 == 0 else None
            await super().touch()

    source, notes = Blinking(), Notes()
    assert await is_left_alone(lookout(source, tell=notes), source, GOOD)
    assert notes.all == []


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[SimulatedRegistry]:
    with LayoutWriter(tmp_path / "layout") as layout:
        for version in ("4.1.0", "4.1.1"):
            add_release(layout, ReleaseContent(version), "amd64", f"{version}-x86_64")
    async with SimulatedRegistry() as running:
        running.load(tmp_path / "layout")
        yield running


@asynccontextmanager
async def following_of(source: following.Source) -> AsyncIterator[Followed]:
    with Library.open(None) as library:
        (one,) = Gatherer([source], library, ScrapeSettings(), None).followed
        try:
            yield one
        finally:
            await source.close()


def plain(repository: Repository) -> str:
    return f"docker+http://{repository.name}"


@pytest.fixture
async def followed(registry: SimulatedRegistry) -> AsyncIterator[Followed]:
    """A registry as a service reads it, with all its patience."""
    source = open_releases(plain(registry.repository), Configuration(), Access())
    async with following_of(source) as one:
        yield one


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "LOOK_SECONDS", 0.5)


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


@pytest.mark.parametrize("status", [401, 403, 500, 503])
async def test_a_registry_that_refuses_has_failed(
    registry: SimulatedRegistry, followed: Followed, status: int
) -> None:
    await followed.ask()
    registry.faults.append(Fault("manifest", 99, status=status))
    with pytest.raises(RemoteError):
        await followed.touch()


@pytest.mark.parametrize("status", [429, 503])
async def test_a_registry_that_wants_a_pause_is_asked_once_and_then_left_alone(
    registry: SimulatedRegistry, followed: Followed, status: int
) -> None:
    await followed.ask()
    registry.requests.clear()
    registry.faults.append(Fault("manifest", 99, status=status, headers={"Retry-After": "10000"}))
    with pytest.raises(RemoteError) as first:
        await followed.touch()
    assert first.value.retry_after == 10_000
    with pytest.raises(RemoteError) as second:
        await followed.touch()
    assert (second.value.problem, len(registry.requests)) == (THROTTLED, 1)


async def test_a_registry_that_hangs_is_asked_once(
    registry: SimulatedRegistry, followed: Followed, impatient: None
) -> None:
    await followed.ask()
    registry.requests.clear()
    registry.faults.append(Fault("manifest", 99, stall=True))
    with pytest.raises(RemoteError, match="no complete answer in time"):
        await followed.touch()

    async def has_come() -> bool:
        return bool(registry.requests)

    await until(has_come)
    assert [(one.method, one.step) for one in registry.requests] == [("HEAD", "manifest")]


async def test_a_mirror_that_hangs_is_no_failure_while_another_place_answers(
    registry: SimulatedRegistry, impatient: None, tmp_path: Path
) -> None:
    async with SimulatedRegistry("mirror/ocp") as mirror:
        mirror.load(tmp_path / "layout")
        conf = tmp_path / "registries.conf"
        mirrors = "".join(
            f'[[registry.mirror]]\nlocation = "{one.repository.name}"\ninsecure = true\n'
            for one in (mirror, registry)
        )
        conf.write_text(f'[[registry]]\nlocation = "quay.example/ocp"\nblocked = true\n{mirrors}')
        chosen = Configuration(mirrors=(str(conf),))
        async with following_of(open_releases("docker://quay.example/ocp", chosen, Access())) as one:
            await one.ask()
            mirror.faults.append(Fault("manifest", 99, stall=True))

            async def answers() -> bool:
                with suppress(RemoteError):
                    await one.touch()
                    return True
                return False

            await until(answers)
            await registry.halt()
            with pytest.raises(RemoteError):
                await one.touch()


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
async def test_a_login_that_was_refused_is_not_tried_by_looks(
    registry: SimulatedRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setattr(authorization, "REFUSAL_SECONDS", 0.0)
    auth = tmp_path / "auth.json"

    def write(password: str) -> None:
        shown = base64.b64encode(f"reader:{password}".encode()).decode()
        auth.write_text(json.dumps({"auths": {registry.repository.host: {"auth": shown}}}))

    write("withdrawn")
    registry.login = Login("basic" if scheme == "basic" else "bearer", "reader", "of today")
    access = Access.of({}, authfile=auth)
    async with following_of(open_releases(plain(registry.repository), Configuration(), access)) as one:
        with pytest.raises(RemoteError):
            await one.ask()
        registry.requests.clear()
        for _ in range(MANY_LOOKS):
            with pytest.raises(RemoteError) as caught:
                await one.touch()
        assert (caught.value.problem, registry.requests) == (UNAUTHORIZED, [])
        write("of today")
        await one.touch()


async def test_a_login_is_tried_again_by_each_round(
    registry: SimulatedRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authorization, "REFUSAL_SECONDS", 0.0)
    shown = base64.b64encode(b"reader:word").decode()
    auth = tmp_path / "auth.json"
    auth.write_text(json.dumps({"auths": {registry.repository.host: {"auth": shown}}}))
    registry.login = Login("basic", "reader", "another word")
    source = open_releases(plain(registry.repository), Configuration(), Access.of({}, authfile=auth))
    async with following_of(source) as one:
        with pytest.raises(RemoteError):
            await one.ask()
        registry.login = None
        await one.ask()
        await one.touch()


async def test_the_tag_that_is_asked_for_is_one_that_can_be_read(
    registry: SimulatedRegistry, followed: Followed
) -> None:
    await followed.ask()
    registry.faults.append(Fault("manifest", 99, name="4.1.1-x86_64", status=403))
    await followed.ask()
    await followed.touch()
    await registry.halt()
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
    for source in sources:
        async with following_of(source) as one:
            await one.touch()
