"""Things outside of the cluster are looked at again and again, and less often where nothing comes of it."""

import asyncio
from collections.abc import Callable

from upgraph.errors import RemoteError
from upgraph.errors.problems.oci import THROTTLED, UNAUTHORIZED, UNREACHABLE
from upgraph.kube.objects import Key
from upgraph.oci import parse_image_name
from upgraph.operator.observing import graph_data_watch, replicas
from upgraph.operator.observing.graph_data_watch import GraphDataSeen
from upgraph.operator.observing.replicas import ServiceSeen, ServiceWish, UriSeen
from upgraph.operator.observing.rounds import Rounds
from upgraph.operator.observing.service_report import ServiceReport
from upgraph.operator.observing.statuses import ReplicasSeen

KEY = Key("site", "example")
IMAGE = parse_image_name("docker://registry.example/graph-data:latest")
WISH = ServiceWish(uri="https://example.test")


async def repeats_of(answers: str, wish_after: Callable[[int], int] = lambda look: 0) -> list[int]:
    """What each look is told of those before it, where the n-th sees the n-th answer."""
    told: list[int] = []
    done = asyncio.Event()

    async def look(wish: int, before: str | None) -> str:
        del wish, before
        return answers[len(told)]

    def pause(seen: str, repeats: int, among: int) -> float:
        del seen, among
        told.append(repeats)
        if len(told) == len(answers):
            done.set()
            return 3600.0
        rounds.want(KEY, wish_after(len(told)))
        return 0.0

    rounds: Rounds[int, str] = Rounds(look, pause, lambda key: None, concurrency=1)
    rounds.want(KEY, 0)
    running = asyncio.create_task(rounds.run())
    await done.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return told


async def test_looks_that_see_the_same_are_counted() -> None:
    assert await repeats_of("aaabba") == [0, 1, 2, 0, 1, 0]


async def test_another_wish_begins_anew() -> None:
    assert await repeats_of("aaaa", lambda look: look // 2) == [0, 1, 1, 2]


def test_a_service_that_stays_unsettled_is_looked_at_less_often_but_within_seconds() -> None:
    stuck = ServiceSeen(ReplicasSeen(fault="there is no pod that could be asked"), None, WISH)
    pauses = [replicas.pause_after(stuck, repeats, 1) for repeats in range(100)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (replicas.UNSETTLED_SECONDS, replicas.STUCK_SECONDS)
    # Those that do not answer cost the most, so where they are many they are not asked more often than others.
    assert replicas.pause_after(stuck, 99, 200) == 30.0


def test_a_service_that_answers_is_looked_at_within_seconds_unless_there_are_many() -> None:
    settled = ServiceSeen(ReplicasSeen(ServiceReport(ready=True)), UriSeen(WISH.uri, answers=True), WISH)
    pauses = [replicas.pause_after(settled, 0, among) for among in (1, 60, 200)]
    assert pauses == [10.0, 10.0, 30.0]


def test_a_registry_is_asked_every_ten_seconds_unless_there_are_many_images() -> None:
    well, faulty = GraphDataSeen(IMAGE, None), GraphDataSeen(IMAGE, None, RemoteError(UNREACHABLE, "gone"))
    pauses = [
        [graph_data_watch.pause_after(seen, 0, among) for among in (1, 30, 200)] for seen in (well, faulty)
    ]
    assert pauses == [[10.0, 10.0, 60.0], [10.0, 10.0, 20.0]]


def test_a_login_that_was_refused_is_shown_less_and_less_often() -> None:
    seen = GraphDataSeen(IMAGE, None, RemoteError(UNAUTHORIZED, "refused", status=401))
    pauses = [graph_data_watch.pause_after(seen, repeats, 1) for repeats in (0, 1, 2, 5, 10_000)]
    assert pauses == [10.0, 20.0, 40.0, 300.0, 300.0]


def test_a_pause_that_a_registry_asks_for_is_kept_up_to_a_limit() -> None:
    asked = [RemoteError(THROTTLED, "busy", retry_after=seconds) for seconds in (1.0, 25.0, 9_000.0)]
    pauses = [graph_data_watch.pause_after(GraphDataSeen(IMAGE, None, one), 0, 1) for one in asked]
    assert pauses == [10.0, 25.0, 300.0]


async def test_how_many_there_are_is_told_with_each_pause() -> None:
    told: dict[int, int] = {}
    done = asyncio.Event()

    async def look(wish: int, before: int | None) -> int:
        del before
        return wish

    def pause(seen: int, repeats: int, among: int) -> float:
        del repeats
        told[seen] = among
        if len(told) == 3:
            done.set()
        return 3600.0

    rounds: Rounds[int, int] = Rounds(look, pause, lambda key: None, concurrency=1)
    for number in range(3):
        rounds.want(Key("site", f"example-{number}"), number)
    running = asyncio.create_task(rounds.run())
    async with asyncio.timeout(180):
        await done.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert told == {0: 3, 1: 3, 2: 3}


async def test_a_fault_that_comes_with_the_end_does_not_outlive_it() -> None:
    looking = asyncio.Event()

    async def look(wish: int, before: str | None) -> str:
        del wish, before
        looking.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise OSError("the connection broke when it was closed") from None
        raise AssertionError

    rounds: Rounds[int, str] = Rounds(look, lambda *_: 3600.0, lambda key: None, concurrency=1)
    rounds.want(KEY, 0)
    running = asyncio.create_task(rounds.run())
    await looking.wait()
    running.cancel()
    async with asyncio.timeout(180):
        await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()
