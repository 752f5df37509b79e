"""Workers take keys, failures come back by themselves, and the end is clean."""

import asyncio
import random

import pytest

from upgraph.errors import RemoteError, UserError
from upgraph.errors.problems import kube as problems
from upgraph.kube import queue as queue_module
from upgraph.kube.backoff import BackOff
from upgraph.kube.queue import Queue
from upgraph.kube.schedule import Pace, Schedule

SOON = BackOff(first=0.001, most=0.01)


def quietly(key: str, error: Exception, wait: float) -> None:
    """Failures that a test expects."""


async def test_a_key_is_worked_on_by_one_at_a_time_and_once_more_if_added_meanwhile() -> None:
    queue: Queue[str] = Queue()
    at_once, most, runs = 0, 0, 0

    async def work(_: str) -> None:
        nonlocal at_once, most, runs
        at_once, runs = at_once + 1, runs + 1
        most = max(most, at_once)
        if runs == 1:
            queue.add("a")
            queue.add("a")
        else:
            queue.close()
        await asyncio.sleep(0)
        at_once -= 1

    queue.add("a")
    await queue.run(work, workers=3, on_failure=quietly)
    assert (most, runs) == (1, 2)


async def test_several_keys_are_worked_on_at_a_time() -> None:
    queue: Queue[str] = Queue()
    together = asyncio.Barrier(2)

    async def work(_: str) -> None:
        await together.wait()
        queue.close()

    queue.add("a")
    queue.add("b")
    async with asyncio.timeout(180):
        await queue.run(work, workers=2, on_failure=quietly)


async def test_a_failure_is_told_and_tried_again() -> None:
    queue: Queue[str] = Queue(backoff=SOON)
    told: list[tuple[str, str]] = []
    runs = 0

    async def work(_: str) -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise ValueError(f"try {runs}")
        queue.close()

    queue.add("a")
    async with asyncio.timeout(180):
        await queue.run(work, workers=1, on_failure=lambda key, error, _: told.append((key, str(error))))
    assert told == [("a", "try 1"), ("a", "try 2")]


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        pytest.param(RemoteError(problems.KUBE_FAULT, "", retryable=True), 0, 1, id="passing"),
        pytest.param(
            RemoteError(problems.KUBE_THROTTLED, "", retryable=True, retry_after=7), 7, 7, id="asked to wait"
        ),
        pytest.param(RemoteError(problems.KUBE_REFUSED, ""), 60, 60, id="permanent"),
        pytest.param(RemoteError(problems.KUBE_UNAUTHORIZED, ""), 5, 5, id="login"),
        pytest.param(RemoteError(problems.KUBE_UNTRUSTED, ""), 5, 5, id="authority"),
        pytest.param(UserError(problems.KUBE_REFUSED, ""), 60, 60, id="of the user"),
        pytest.param(KeyError("a fault of ours"), 0, 1, id="ours"),
    ],
)
async def test_what_cannot_pass_is_tried_again_slowly(error: Exception, least: float, most: float) -> None:
    queue: Queue[str] = Queue()
    waits: list[float] = []

    async def work(_: str) -> None:
        queue.close()
        raise error

    queue.add("a")
    await queue.run(work, workers=1, on_failure=lambda _key, _error, wait: waits.append(wait))
    assert least <= waits[0] <= most
    assert len(queue) == 1


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        pytest.param(RemoteError(problems.KUBE_UNAUTHORIZED, ""), 15, 30, id="login"),
        pytest.param(UserError(problems.KUBECONFIG, ""), 15, 30, id="file of the login"),
        pytest.param(RemoteError(problems.KUBE_UNTRUSTED, ""), 15, 30, id="authority"),
        pytest.param(RemoteError(problems.KUBE_UNREACHABLE, "", retryable=True), 15, 30, id="away"),
        pytest.param(
            RemoteError(problems.KUBE_FAULT, "", status=503, retryable=True),
            15,
            30,
            id="no server behind a proxy",
        ),
        pytest.param(
            RemoteError(problems.KUBE_FAULT, "", status=503, retryable=True, retry_after=60),
            60,
            60,
            id="asked to wait",
        ),
        pytest.param(
            RemoteError(problems.KUBE_FAULT, "", status=500, retryable=True), 150, 300, id="of the server"
        ),
    ],
)
async def test_the_end_of_what_keeps_us_from_the_cluster_is_noticed_soon(
    error: Exception, least: float, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue: Queue[str] = Queue()
    waits: list[float] = []

    async def work(_: str) -> None:
        queue.add("a")
        if len(waits) == 11:
            queue.close()
        raise error

    def failed(_key: str, _error: Exception, wait: float) -> None:
        waits.append(wait)

    monkeypatch.setattr(queue, "_schedule", Schedule(queue_module.RETRY, Pace(burst=100), random.Random(0)))
    queue.add("a")
    await queue.run(work, workers=1, on_failure=failed)
    assert least <= waits[11] <= most


async def test_work_that_never_ends_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_module, "WORK_SECONDS", 0.001)
    queue: Queue[str] = Queue()
    told: list[Exception] = []

    async def work(_: str) -> None:
        queue.close()
        await asyncio.Event().wait()

    queue.add("a")
    await queue.run(work, workers=1, on_failure=lambda _key, error, _wait: told.append(error))
    assert [type(error) for error in told] == [TimeoutError]


async def test_work_can_ask_to_see_its_key_again() -> None:
    queue: Queue[str] = Queue()
    runs = 0

    async def work(_: str) -> float:
        nonlocal runs
        runs += 1
        if runs == 3:
            queue.close()
        return 0.001

    queue.add("a")
    async with asyncio.timeout(180):
        await queue.run(work, workers=2, on_failure=quietly)
    assert runs == 3


async def test_closing_lets_work_end_and_begins_no_other() -> None:
    queue: Queue[str] = Queue()
    began, done = asyncio.Event(), []

    async def work(key: str) -> None:
        began.set()
        await asyncio.sleep(0)
        done.append(key)

    queue.add("a")
    running = asyncio.create_task(queue.run(work, workers=1, on_failure=quietly))
    await began.wait()
    queue.add("b")
    queue.close()
    await running
    assert done == ["a"]


async def test_cancelling_cancels_the_work() -> None:
    queue: Queue[str] = Queue()
    began, ended = asyncio.Event(), []

    async def work(key: str) -> None:
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            ended.append(key)

    queue.add("a")
    running = asyncio.create_task(queue.run(work, workers=2, on_failure=quietly))
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended == ["a"]


async def test_a_failure_that_comes_with_the_end_does_not_outlive_it() -> None:
    queue: Queue[str] = Queue()
    working = asyncio.Event()

    async def work(_: str) -> None:
        working.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise OSError("the connection broke when it was closed") from None

    queue.add("a")
    running = asyncio.create_task(queue.run(work, workers=1, on_failure=quietly))
    await working.wait()
    running.cancel()
    done, _ = await asyncio.wait({running}, timeout=180)
    assert done
    assert running.cancelled()
