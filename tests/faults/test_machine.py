"""A machine that fails: processes that are killed, no room, no memory, no descriptors, a clock that jumps.

The program runs as users run it. Clusters get the answer of before throughout, the status port and the log say
what is wrong, and the service recovers by itself.
"""

import asyncio
import contextlib
import os
import random
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.conftest import ROOT_REASON
from tests.faults.conftest import NEW, VERSIONS, Site, as_users_run_it, until
from tests.faults.outside import (
    REQUEST,
    essence,
    requests_in_flight,
)
from tests.faults.told import told
from upgraph.testing.answers import read_answer

FAMILY = "The machine"
KILLS = 8
SEED = 4711
IN_FLIGHT = 200
"""Requests that are being sent when the service is told to end."""
READY = b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"
_IMPATIENT = """
from upgraph.cli.main import main
from upgraph.service import child
child.FIRST_RESTART_SECONDS = child.LAST_RESTART_SECONDS = 0.05
main()
"""
IMPATIENT = (sys.executable, "-c", _IMPATIENT)
"""The program, with short pauses before the building process is started again."""


def builder_of(pid: int) -> int:
    """The building process; 0 if there is none now."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else 0


async def running_builder(pid: int, *, after: int = 0) -> int:
    """The building process, once it is another one than ``after``, which may have ended and not be gone."""

    async def look() -> int:
        return builder_of(pid) if builder_of(pid) != after else 0

    return await until(look, what="a building process")


def size_of(pid: int) -> int:
    """Bytes of all that a process has mapped, which the limit of its memory counts."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


async def reported(site: Site, reference: str, seen: str) -> None:
    """Wait until the status port and the log name a fault and what was seen of it."""

    async def look() -> bool:
        details = (await site.state())["details"]
        return any(fact["reference"] == reference and re.search(seen, fact["seen"]) for fact in details)

    await until(look, what=f"{reference} on the status port")
    lines = [line for line in site.service.log().splitlines() if f"[{reference}]" in line]
    assert any(re.search(seen, line) for line in lines), site.service.log()


async def check_recovery(site: Site, reference: str) -> None:
    """What comes next arrives, and the fault is forgotten."""
    site.graph_data.fill()
    site.release(NEW, VERSIONS[-1])
    await site.serves({*VERSIONS, NEW})
    await forgotten(site, reference)
    assert (await site.service.status.get("/readyz")).status == 200


async def forgotten(site: Site, reference: str) -> None:
    """Wait until the status port does not name a fault any more."""

    async def look() -> bool:
        return all(fact["reference"] != reference for fact in (await site.state())["details"])

    await until(look, what=f"the end of {reference}")


@told(
    fault="The building process is killed, in whichever of its steps.",
    seen="builder-ended",
    clients="The answers of before.",
    heals="Another one, which is started after 1 s, growing up to 60 s, and goes on with what was kept.",
)
async def test_a_builder_that_is_killed_at_any_moment_takes_no_answer_with_it(site: Site) -> None:
    chance = random.Random(SEED)
    state = ("--state-dir", site.directory / "state")
    whole = [set(VERSIONS[:count]) for count in (1, 2, 3)]
    async with as_users_run_it(site, *state, program=IMPATIENT) as pid:
        await site.serves(VERSIONS)
        builder = 0
        for kill in range(KILLS):
            site.graph_data.channel(*VERSIONS[: 1 + kill % 3])
            builder = await running_builder(pid, after=builder)
            await asyncio.sleep(chance.uniform(0, 1))
            os.kill(builder, signal.SIGKILL)
            answer = await site.answer()
            assert (answer.status, set(read_answer(answer.body).nodes) in whole) == (200, True)
        await reported(site, "builder-ended", "started again in")

        async def are_counted() -> bool:
            metrics = (await site.service.status.get("/metrics")).body.decode()
            return f"upgraph_builder_ends_total {KILLS}.0" in metrics

        await until(are_counted, what="the count of ends")
        await check_recovery(site, "builder-ended")
        last = await site.answer()
    await site.registry.halt()
    async with as_users_run_it(site, *state):
        assert essence(await site.answer()) == essence(last)


@told(
    fault="The building process may not have more memory.",
    seen="builder-ended",
    clients="The answers of before.",
    heals="Smaller inputs, or a higher limit.",
)
async def test_a_builder_that_may_not_have_more_memory_takes_no_answer_with_it(site: Site) -> None:
    async with as_users_run_it(site, program=IMPATIENT) as pid:
        good = await site.serves(VERSIONS)
        builder = await running_builder(pid)
        limit = size_of(builder) + 2**20
        resource.prlimit(builder, resource.RLIMIT_AS, (limit, limit))
        for number in range(6):
            site.graph_data.write(
                f"blocked-edges/3.0.{number}.yaml", "#" * 3_000_000 + "\nto: 3.0.0\nfrom: a\n"
            )
        await reported(site, "builder-ended", "started again in")
        assert "MemoryError" in site.service.log()
        assert essence(await site.answer()) == essence(good)
        await check_recovery(site, "builder-ended")


STANDARD_STREAMS = 3
"""A limit counts numbers of descriptors, not how many are open: with this one, none that is closed can be used again."""
SHIFTED_CLOCK = """
import os, pathlib, time
real, place = time.time, pathlib.Path(os.environ["CLOCK_SHIFT"])
time.time = lambda: real() + float(place.read_text())
"""


class TestNoDescriptors:
    """The process may not open another file."""

    @told(
        fault="The process may not open another file when a new graph comes.",
        seen="builder-ended",
        clients="The answers of before.",
        heals="The next building process, once files can be opened.",
    )
    async def test_a_graph_that_could_not_be_handed_over_is_handed_over_later(self, site: Site) -> None:
        async with as_users_run_it(site, program=IMPATIENT) as pid:
            good = await site.serves(VERSIONS)
            async with site.service.clients.connected() as kept, site.service.status.connected() as watched:
                # A connection has its descriptor when it was answered, not when it was made.
                await kept.send(REQUEST)
                assert essence(await kept.receive()) == essence(good)
                await watched.send(READY)
                assert (await watched.receive()).status == 200
                limit = resource.prlimit(pid, resource.RLIMIT_NOFILE)
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (STANDARD_STREAMS, limit[1]))
                site.graph_data.channel("4.1.0")

                async def is_told() -> bool:
                    return "may not open more files" in site.service.log()

                await until(is_told, what="a word about the descriptors")
                await kept.send(REQUEST)
                assert essence(await kept.receive()) == essence(good)
                await watched.send(READY)
                assert (await watched.receive()).status == 200
                resource.prlimit(pid, resource.RLIMIT_NOFILE, limit)
            await site.serves({"4.1.0"})


@told(
    fault="The service is told to end (SIGTERM) under load.",
    seen="Nothing: it is no fault.",
    clients="The answers to all requests that have begun, with `Connection: close`.",
    heals="The next start.",
)
async def test_requests_in_flight_are_answered_when_the_service_is_told_to_end(site: Site) -> None:
    async with as_users_run_it(site) as pid:
        good = await site.serves(VERSIONS)
        async with AsyncExitStack() as stack:
            idle = await stack.enter_async_context(site.service.clients.connected())
            connections = await requests_in_flight(site, stack, IN_FLIGHT)
            await site.answer()
            os.kill(pid, signal.SIGTERM)
            assert await idle.is_closed_by_server()
            for connection in connections:
                await connection.send(REQUEST[40:])
            answers = [await connection.receive() for connection in connections]
        assert [essence(answer) for answer in answers] == [essence(good)] * IN_FLIGHT
        assert {answer.header("connection") for answer in answers} == {"close"}
        await until_ended(site)
        assert "Traceback" not in site.service.log()


async def test_who_has_connected_when_the_service_is_told_to_end_is_answered(site: Site) -> None:
    async with as_users_run_it(site) as pid:
        good = await site.serves(VERSIONS)
        async with AsyncExitStack() as stack:
            connected = site.service.clients.connected
            connections = [await stack.enter_async_context(connected()) for _ in range(IN_FLIGHT // 2)]
            # Under load it does not come to take those who have connected, nor to the signal.
            os.kill(pid, signal.SIGSTOP)
            try:
                connections += [await stack.enter_async_context(connected()) for _ in range(IN_FLIGHT // 2)]
                os.kill(pid, signal.SIGTERM)
                for connection in connections:
                    await connection.send(REQUEST)
            finally:
                os.kill(pid, signal.SIGCONT)
            answers = [essence(await connection.receive()) for connection in connections]
        assert answers == [essence(good)] * IN_FLIGHT
        await until_ended(site)


async def until_ended(site: Site) -> None:
    """Wait until nobody listens any more."""

    async def look() -> bool:
        try:
            await site.answer()
        except ConnectionRefusedError:
            return True
        except (EOFError, ConnectionError):
            return False
        return False

    await until(look, what="the end of the service")


class TestClockThatJumps:
    """The wall clock of both processes is set; the other clocks go on."""

    @pytest.fixture
    def clock(self, tmp_path: Path) -> Path:
        """The seconds by which programs that run with its directory are off."""
        (tmp_path / "clock").mkdir()
        (tmp_path / "clock" / "sitecustomize.py").write_text(SHIFTED_CLOCK)
        shift = tmp_path / "clock" / "shift"
        shift.write_text("0")
        return shift

    @told(
        fault="The clock is put ten years forward or back.",
        seen="[graph-stale](errors.md#graph-stale), if it was put forward and `--max-stale` is set: `/readyz` is 503 then.",
        clients="The answers of before.",
        heals="The next scrape.",
    )
    @pytest.mark.parametrize("years", [10, -10], ids=["forward", "back"])
    async def test_answers_go_on_and_the_next_reading_counts(
        self, site: Site, clock: Path, years: int
    ) -> None:
        shifted = {"PYTHONPATH": str(clock.parent), "CLOCK_SHIFT": str(clock)}
        async with as_users_run_it(site, "--max-stale", "1h", **shifted):
            good = await site.serves(VERSIONS)
            clock.write_text(str(years * 365 * 86400))  # noqa: ASYNC240 - a few bytes
            ready = await site.service.status.get("/readyz")
            # A clock that was put forward makes the graph look old until it is read again.
            assert (ready.status, b"[graph-stale]" in ready.body) == (
                (503, True) if years > 0 else (200, False)
            )
            assert essence(await site.answer()) == essence(good)
            assert (await site.state())["graph"]["age_seconds"] >= 0
            await site.scrape()
            assert (await site.service.status.get("/readyz")).status == 200
            assert (await site.state())["graph"]["age_seconds"] < 3600
            site.release(NEW, VERSIONS[-1])
            await site.serves({*VERSIONS, NEW})


@pytest.mark.skipif(os.geteuid() != 0, reason=ROOT_REASON)
class TestStateDirectory:
    """The disk of the state directory, in a place of its own (a small file system in memory)."""

    @pytest.fixture
    def state(self, tmp_path: Path) -> Iterator[Path]:
        place = tmp_path / "state"
        place.mkdir()
        mount("-t", "tmpfs", "-o", "size=4m", "none", str(place))
        yield place
        subprocess.run(["umount", "-l", place], check=True)

    @staticmethod
    def fill(state: Path) -> None:
        with (state / "fill").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))

    @told(
        fault="The disk of the state directory is full.",
        seen="state-unwritable",
        clients="New answers as ever, from memory.",
        heals="Room on the disk.",
    )
    async def test_a_full_disk_is_no_reason_not_to_serve(self, site: Site, state: Path) -> None:
        async with as_users_run_it(site, "--state-dir", state, "--scrape-interval", "1s"):
            await site.serves(VERSIONS)
            self.fill(state)
            site.graph_data.channel("4.1.0", "4.1.1")
            await site.serves({"4.1.0", "4.1.1"})
            await reported(site, "state-unwritable", "No space left on device")
            (state / "fill").unlink()
            await check_recovery(site, "state-unwritable")

    @told(
        fault="The disk of the state directory becomes read-only.",
        seen="state-unwritable",
        clients="New answers as ever, from memory.",
        heals="A disk that can be written.",
    )
    async def test_a_disk_that_becomes_read_only_is_no_reason_not_to_serve(
        self, site: Site, state: Path
    ) -> None:
        async with as_users_run_it(site, "--state-dir", state, "--scrape-interval", "1s"):
            good = await site.serves(VERSIONS)
            with read_only(state):
                assert essence(await site.answer()) == essence(good)
                await reported(site, "state-unwritable", "Read-only file system")
                site.graph_data.channel("4.1.0", "4.1.1", "4.1.3")
                site.release("4.1.3", "4.1.1")
                await site.serves({"4.1.0", "4.1.1", "4.1.3"})
                assert (await site.service.status.get("/readyz")).status == 200
            site.release(NEW, VERSIONS[-1], "4.1.3")
            site.graph_data.fill()
            await site.serves({*VERSIONS, "4.1.3", NEW})
            await forgotten(site, "state-unwritable")
            last = await site.answer()
            assert "Traceback" not in site.service.log()
        await site.registry.halt()
        async with as_users_run_it(site, "--state-dir", state):
            assert essence(await site.answer()) == essence(last)

    @told(
        fault="The disk of the state directory is read-only when the service starts.",
        seen="state-unwritable",
        clients="The saved answers, then new ones from memory.",
        heals="A disk that can be written, and a restart.",
    )
    async def test_a_read_only_disk_is_served_from_and_learnt_beside(self, site: Site, state: Path) -> None:
        async with as_users_run_it(site, "--state-dir", state):
            good = await site.serves(VERSIONS)
        mount("-o", "remount,ro", str(state))
        await site.registry.halt()
        async with as_users_run_it(site, "--state-dir", state):
            assert essence(await site.answer()) == essence(good)
            await site.registry.resume()
            site.release(NEW, VERSIONS[-1])
            await site.serves({*VERSIONS, NEW})
            await reported(site, "state-unwritable", "Read-only file system")
            assert "Traceback" not in site.service.log()


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


@contextlib.contextmanager
def read_only(place: Path) -> Iterator[None]:
    """Let nothing new be opened for writing there, as after an error of the disk under a running service.

    A file system is not made read-only while files are open for writing, so another view of it is laid over it.
    """
    mount("--bind", str(place), str(place))
    try:
        mount("-o", "remount,bind,ro", str(place))
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)
