"""Things outside of the cluster are looked at again and again, and less often where nothing comes of it."""

import asyncio
from collections.abc import Callable

from upgraph.errors import UserError
from upgraph.errors.problems.oci import UNREACHABLE
from upgraph.kube.objects import Key
from upgraph.oci import parse_image_name
from upgraph.operator.observing import graph_data_watch, replicas
from upgraph.operator.observing.graph_data_watch import GraphDataSeen
from upgraph.operator.observing.replicas import ServiceSeen, ServiceWish, UriSeen
from upgraph.operator.observing.rounds import Rounds
from upgraph.operator.observing.service_report import ServiceReport
from upgraph.operator.observing.statuses import ReplicasSeen

KEY = Key("site", "example")
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
    pauses = [replicas.pause_after(stuck, repeats) for repeats in range(100)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (replicas.UNSETTLED_SECONDS, replicas.STUCK_SECONDS)


def test_a_service_that_answers_is_looked_at_within_seconds_unless_there_are_many() -> None:
    settled = ServiceSeen(ReplicasSeen(ServiceReport(ready=True)), UriSeen(WISH.uri, answers=True), WISH)
    pauses = [replicas.pause_after(settled, 0, among) for among in (1, 60, 200)]
    assert pauses == [10.0, 10.0, 30.0]


def test_a_registry_is_asked_every_ten_seconds_unless_there_are_many_images() -> None:
    image = parse_image_name("docker://registry.example/graph-data:latest")
    well, faulty = GraphDataSeen(image, None), GraphDataSeen(image, None, UserError(UNREACHABLE, "gone"))
    pauses = [
        [graph_data_watch.pause_after(seen, 0, among) for among in (1, 30, 200)] for seen in (well, faulty)
    ]
    assert pauses == [[10.0, 10.0, 60.0], [10.0, 10.0, 20.0]]


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
