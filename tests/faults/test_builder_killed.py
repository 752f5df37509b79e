"""The building process is killed in the middle of each of its steps: SIGKILL, at a call that is named.

What kills it sits in the process itself (``sitecustomize``, as tools for profiling do) and watches its calls, so
each step is hit for certain and not by the luck of a pause. A moment is a row of calls that have to come one
after the other; the last one is the end. ``c_call`` is before a function of the system, ``c_return`` behind it.
"""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.conftest import VERSIONS, Site, as_users_run_it, until
from tests.faults.outside import essence
from tests.faults.test_machine import IMPATIENT, builder_of, forgotten
from upgraph.service.building.shelf import last_snapshot
from upgraph.testing.answers import read_answer

KILLER = """
import os, pathlib, signal, sys, threading, time

place = pathlib.Path(os.environ["KILL_PLACE"])
left = []

def watch(frame, event, argument):
    name = argument.__name__ if event.startswith("c_") else frame.f_code.co_qualname
    if left and left[0] == f"{event} {name}":
        del left[0]
        if not left:
            (place / "hit").write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)

def arm(file):
    left[:] = file.read_text().splitlines()
    file.unlink()
    sys.setprofile(watch)
    (place / "armed").touch()

def look():
    while True:
        if (place / "next").exists():
            os.kill(os.getpid(), signal.SIGUSR1)
            return
        time.sleep(0.01)

if "upgraph.service.building" in sys.orig_argv:
    if (place / "start").exists():
        arm(place / "start")
    else:
        # Only the thread that has the work can be watched, and only it takes signals.
        signal.signal(signal.SIGUSR1, lambda *_: arm(place / "next"))
        threading.Thread(target=look, daemon=True).start()
"""
BUILT = "call Workshop._make"
WRITTEN = "c_call fsync"
NAMED = "c_return replace"
STEPS = {
    "scrape": (
        ("call Gatherer.gather",),
        ("call _Round.take_listing",),
        ("call _Round._read",),
        ("return _Round._read",),
        ("call Library.remember", "c_call execute"),
        ("call Library.remember", "c_return execute"),
        ("call Library._end_round", "c_call executemany"),
        ("return Library.end_round",),
    ),
    "graph data": (
        ("call Builder._read_graph_data",),
        ("call Workshop.take_graph_data",),
        ("return Workshop.take_graph_data",),
    ),
    "build": ((BUILT,), (BUILT, "call build"), (BUILT, "return build")),
    "snapshot": (
        ("call Shelf.new",),
        ("return Shelf.new",),
        ("return Shelf.new", "c_call write"),
        ("return Shelf.new", "c_return write", "c_return write", "c_return write"),
        ("return write_snapshot",),
    ),
    "state": (
        (WRITTEN,),
        ("c_return fsync",),
        ("c_return fsync", "c_call replace"),
        (NAMED,),
        (NAMED, WRITTEN),
        ("return Shelf.keep",),
    ),
    "handing over": (
        ("return Shelf.keep", "call send"),
        ("return Shelf.keep", "c_call sendmsg"),
        ("return Shelf.keep", "c_return sendmsg"),
        ("call Shelf.confirm", "c_call utime"),
        ("call Shelf.confirm", "c_return utime"),
    ),
}
"""Moments of a process that has worked already, and gets work."""
BEGINNINGS = (
    ("call main",),
    ("c_call flock",),
    ("call Library.open",),
    ("return Library.open",),
    ("call last_snapshot",),
    ("return last_snapshot",),
    ("call Workshop.resume",),
    ("return Workshop.resume",),
    ("call Workshop.recall_releases",),
    ("call Gatherer.gather",),
)
"""Moments of a process that has just been started."""


@dataclass
class Killed:
    """A service whose building process can be killed at moments."""

    site: Site
    pid: int
    place: Path
    state: Path
    served: list[str]
    kills: int = 0

    async def kill_in(self, moment: tuple[str, ...]) -> None:
        """Give it new work and have it killed there, then see that the work is done all the same."""
        await self._arm("next", moment)

        async def is_armed() -> bool:
            return (self.place / "armed").exists()

        await until(is_armed, what=f"a building process that is watched for {moment}")
        before = list(self.served)
        self._give_work()
        await self._check_hit(moment, before)

    async def kill_beginning(self, moment: tuple[str, ...]) -> None:
        """Have a new one killed there, and see that the next one does its work."""
        await self._arm("start", moment)
        builder = await until(self._builder, what="a building process")
        before = list(self.served)
        self._give_work()
        os.kill(builder, signal.SIGKILL)
        self.kills += 1
        await self._check_hit(moment, before)

    async def _builder(self) -> int:
        return builder_of(self.pid)

    async def _arm(self, when: str, moment: tuple[str, ...]) -> None:
        for name in ("hit", "armed"):
            (self.place / name).unlink(missing_ok=True)
        unfinished = self.place / "moment"
        unfinished.write_text("\n".join(moment))
        unfinished.replace(self.place / when)

    def _give_work(self) -> None:
        version = f"4.1.{100 + len(self.served)}"
        self.site.release(version, self.served[-1])
        self.served.append(version)
        self.site.graph_data.channel(*self.served)
        self.site.service.scrape_now()

    async def _check_hit(self, moment: tuple[str, ...], before: list[str]) -> None:
        async def is_hit() -> int:
            file = self.place / "hit"
            return int(file.read_text() or "0") if file.exists() else 0

        killed = await until(is_hit, what=f"the end at {moment}; the log: {self.site.service.log()}")
        self.kills += 1
        answer = await self.site.answer()
        assert answer.status == 200
        assert set(read_answer(answer.body).nodes) in (set(before), set(self.served)), moment
        assert (await self.site.service.status.get("/readyz")).status == 200
        kept = last_snapshot(self.state)
        assert kept is not None, moment
        await self.site.serves(self.served)

        async def is_another() -> bool:
            return await self._builder() not in {0, killed}

        await until(is_another, what="another building process")

    async def check_all_counted(self) -> None:
        """Each end was counted and named, and is forgotten."""
        await reported_in_log(self.site)
        await forgotten(self.site, "builder-ended")

        async def are_counted() -> bool:
            metrics = (await self.site.service.status.get("/metrics")).body.decode()
            return f"upgraph_builder_ends_total {self.kills}.0" in metrics

        await until(are_counted, what=f"the count of {self.kills} ends")


async def reported_in_log(site: Site) -> None:
    lines = [line for line in site.service.log().splitlines() if "[builder-ended]" in line]
    assert any("started again in" in line for line in lines)


@asynccontextmanager
async def killable(site: Site) -> AsyncIterator[Killed]:
    """The program with a state directory; at the end another one begins with what is left there."""
    place = site.directory / "killer"
    place.mkdir()
    (place / "sitecustomize.py").write_text(KILLER)
    state = site.directory / "state"
    variables = {"PYTHONPATH": str(place), "KILL_PLACE": str(place)}
    site.graph_data.channel(*VERSIONS)
    async with as_users_run_it(site, "--state-dir", state, program=IMPATIENT, **variables) as pid:
        await site.serves(VERSIONS)
        killed = Killed(site, pid, place, state, list(VERSIONS))
        yield killed
        await killed.check_all_counted()
        last = await site.answer()
    await site.registry.halt()
    async with as_users_run_it(site, "--state-dir", state):
        assert essence(await site.answer()) == essence(last)


@pytest.mark.parametrize("step", STEPS)
async def test_a_builder_that_is_killed_in_a_step_takes_neither_answer_nor_state_with_it(
    site: Site, step: str
) -> None:
    async with killable(site) as killed:
        for moment in STEPS[step]:
            await killed.kill_in(moment)


async def test_a_builder_that_is_killed_while_it_begins_is_begun_again(site: Site) -> None:
    async with killable(site) as killed:
        for moment in BEGINNINGS:
            await killed.kill_beginning(moment)
