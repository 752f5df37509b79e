"""Between two rounds a registry that fails, or answers again, brings the next round forward; nothing else does."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.building.looks import (
    BUSY,
    DOWN,
    FAULTY,
    GOOD,
    MANY_LOOKS,
    NEVER_SECONDS,
    PATIENCE_SECONDS,
    RESTING,
    SCRAPE_SECONDS,
    SOON_SECONDS,
    Clock,
    Source,
    brought_forward,
    is_left_alone,
    lookout,
    nobody,
    until,
)
from upgraph.errors import DataError, RemoteError, UpgraphError
from upgraph.errors.problems.oci import LAYOUT_ENTRY, THROTTLED, UNAUTHORIZED
from upgraph.oci import Access, LayoutSource, LayoutWriter, Repository
from upgraph.oci.registry import authorization
from upgraph.payload import ReleaseContent, add_release
from upgraph.service.building import following
from upgraph.service.building.following import Followed, ReleaseSource
from upgraph.service.building.gatherer import Gatherer
from upgraph.service.building.library import Library
from upgraph.service.building.lookout import LOOK_SECONDS, Lookout, Rhythm
from upgraph.service.building.saved_source import SavedSource
from upgraph.service.building.scrape import ScrapeSettings
from upgraph.service.building.sources import open_releases
from upgraph.service.configuration import Configuration
from upgraph.testing.registry import Fault, Login, SimulatedRegistry

IMPATIENT_SECONDS = 0.5


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
        async def touch(self, seconds: float) -> None:
            await asyncio.Event().wait()

    await brought_forward(lookout(Silent(), Source(DOWN)), GOOD, GOOD)


async def test_a_fault_of_the_program_is_not_hidden() -> None:
    class Odd(Source):
        async def touch(self, seconds: float) -> None:
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


async def test_a_registry_is_asked_for_one_small_answer(
    registry: SimulatedRegistry, followed: Followed
) -> None:
    await followed.ask()
    registry.requests.clear()
    await followed.touch(LOOK_SECONDS)
    assert [(one.method, one.step) for one in registry.requests] == [("HEAD", "manifest")]


async def test_a_registry_of_which_nothing_is_known_is_asked_as_well(
    registry: SimulatedRegistry, followed: Followed
) -> None:
    await followed.touch(LOOK_SECONDS)
    await registry.halt()
    with pytest.raises(RemoteError):
        await followed.touch(LOOK_SECONDS)


@pytest.mark.parametrize("status", [401, 403, 500, 503])
async def test_a_registry_that_refuses_has_failed(
    registry: SimulatedRegistry, followed: Followed, status: int
) -> None:
    await followed.ask()
    registry.faults.append(Fault("manifest", 99, status=status))
    with pytest.raises(RemoteError):
        await followed.touch(LOOK_SECONDS)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_registry_that_wants_a_pause_is_asked_once_and_then_left_alone(
    registry: SimulatedRegistry, followed: Followed, status: int
) -> None:
    await followed.ask()
    registry.requests.clear()
    registry.faults.append(Fault("manifest", 99, status=status, headers={"Retry-After": "10000"}))
    with pytest.raises(RemoteError) as first:
        await followed.touch(LOOK_SECONDS)
    assert first.value.retry_after == 10_000
    with pytest.raises(RemoteError) as second:
        await followed.touch(LOOK_SECONDS)
    assert (second.value.problem, len(registry.requests)) == (THROTTLED, 1)


async def test_a_registry_that_hangs_is_asked_once(registry: SimulatedRegistry, followed: Followed) -> None:
    await followed.ask()
    registry.requests.clear()
    registry.faults.append(Fault("manifest", 99, stall=True))
    with pytest.raises(RemoteError, match="no complete answer in time"):
        await followed.touch(IMPATIENT_SECONDS)

    async def has_come() -> bool:
        return bool(registry.requests)

    await until(has_come)
    assert [(one.method, one.step) for one in registry.requests] == [("HEAD", "manifest")]


async def test_a_mirror_that_hangs_is_no_failure_while_another_place_answers(
    registry: SimulatedRegistry, tmp_path: Path
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
                    await one.touch(IMPATIENT_SECONDS)
                    return True
                return False

            await until(answers)
            await registry.halt()
            with pytest.raises(RemoteError):
                await one.touch(IMPATIENT_SECONDS)


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
                await one.touch(LOOK_SECONDS)
        assert (caught.value.problem, registry.requests) == (UNAUTHORIZED, [])
        write("of today")
        await one.touch(LOOK_SECONDS)


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
        await one.touch(LOOK_SECONDS)


async def test_the_tag_that_is_asked_for_is_one_that_can_be_read(
    registry: SimulatedRegistry, followed: Followed
) -> None:
    await followed.ask()
    registry.faults.append(Fault("manifest", 99, name="4.1.1-x86_64", status=403))
    await followed.ask()
    await followed.touch(LOOK_SECONDS)
    await registry.halt()
    with pytest.raises(RemoteError):
        await followed.touch(LOOK_SECONDS)


async def test_what_was_known_and_is_gone_counts_as_a_failure(
    registry: SimulatedRegistry, followed: Followed
) -> None:
    await followed.ask()
    registry.tags.clear()
    with pytest.raises(RemoteError):
        await followed.touch(LOOK_SECONDS)


async def test_what_lies_on_a_disk_is_not_asked(tmp_path: Path) -> None:
    sources: list[following.Source] = [
        ReleaseSource(LayoutSource(tmp_path / "no"), "registry.example/no"),
        SavedSource(tmp_path / "no.json"),
    ]
    for source in sources:
        async with following_of(source) as one:
            await one.touch(LOOK_SECONDS)
