"""Measures of the HTTP edge: answers per second beside nginx, and latency while a graph is rebuilt."""

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Self

import msgspec

from benchmarks.beside import CONNECTIONS, GRAPH_PATH, QUERY, Coding, Target, fetch, load, nginx
from benchmarks.edits import ChannelEdit, Watched
from benchmarks.generate import ALL_REPOSITORY, AMD64_REPOSITORY
from benchmarks.machine import Pairs, by_turns, cores, pairs_by_turns
from benchmarks.open_loop import Latencies
from benchmarks.processes import cpu_seconds, family, output_of
from benchmarks.result import Bench, Row
from benchmarks.serve import Service, generated_registry, service, setup_for

RATES = (80, 500)
"""Requests per second."""
NGINX_SHARE = 0.5
REBUILD_RATIO = 2.0
LOOK_SECONDS = 0.25
"""Pause between two looks whether the last edit has arrived."""


def answers_per_second(bench: Bench) -> Sequence[Row]:
    """Answers per second with and without compression, beside nginx with the same bytes."""
    return [row for processes in sorted({1, cores()}) for row in _answers_of(bench, processes)]


def _answers_of(bench: Bench, processes: int) -> Sequence[Row]:
    with _prepared(bench, AMD64_REPOSITORY, processes) as ours:
        bodies = fetch(ours.port, "identity"), fetch(ours.port, "gzip")
        with nginx(bench.directory("nginx"), identity=bodies[0], gzip=bodies[1]) as theirs:
            target = Target(ours.port, ours.pid)
            return [
                _compare(
                    bench,
                    target,
                    theirs,
                    coding,
                    f"{processes} serving process{'es' if processes > 1 else ''}",
                )
                for coding in ("gzip", "identity")
            ]


def _compare(bench: Bench, ours: Target, theirs: Target, coding: Coding, how: str) -> Row:
    run = partial(load, coding=coding, seconds=bench.load_seconds, directory=bench.directory("wrk"))
    run(ours)  # warms both, and counts for neither
    run(theirs)
    loads = by_turns(lambda: run(ours), lambda: run(theirs), bench.rounds)
    pairs = Pairs.of([(one.answers_per_second, other.answers_per_second) for one, other in loads])
    cpu = [median(load.cpu_microseconds for load in side) for side in zip(*loads, strict=True)]
    low, high = pairs.spread
    size = len(fetch(ours.port, coding))
    return Row(
        measure=f"answers per second, {how}, {coding} ({size / 1000:,.0f} KB), {CONNECTIONS} connections",
        ours=f"{median(pairs.ours):,.0f} ({cpu[0]:.0f} µs of CPU each)",
        beside=f"nginx: {median(pairs.theirs):,.0f} ({cpu[1]:.0f} µs)",
        result=f"{pairs.ratio:.2f} of nginx ({low:.2f} to {high:.2f})",
        goal=f"at least {NGINX_SHARE:g}",
        reached=pairs.ratio >= NGINX_SHARE,
    )


def latency(bench: Bench) -> Sequence[Row]:
    """p99 at fixed rates, at rest and while graphs are rebuilt one after the other."""
    with _prepared(bench, ALL_REPOSITORY) as ours:
        _run(ours, RATES[-1], bench)
        return [_rest_and_rebuild(bench, ours, rate) for rate in RATES]


def _rest_and_rebuild(bench: Bench, ours: Service, rate: int) -> Row:
    busy: list[float] = []

    def rebuilding() -> float:
        with _Rebuilding(ours, bench.content.graph_data) as rebuilds:
            found = _run(ours, rate, bench)
        busy.append(rebuilds.busy_share)
        return found

    pairs = pairs_by_turns(rebuilding, lambda: _run(ours, rate, bench), bench.rounds)
    low, high = pairs.spread
    return Row(
        measure=f"p99 at {rate} requests per second during rebuilds (builder at work {median(busy):.0%} of the time)",
        ours=f"{median(pairs.ours):.1f} ms",
        beside=f"itself at rest: {median(pairs.theirs):.1f} ms",
        result=f"{pairs.ratio:.2f} times ({low:.2f} to {high:.2f})",
        goal=f"at most {REBUILD_RATIO:g}",
        reached=pairs.ratio <= REBUILD_RATIO,
    )


def _run(ours: Service, rate: int, bench: Bench) -> float:
    """p99 in milliseconds."""
    seconds = 2 * bench.load_seconds
    command = [sys.executable, "-m", "benchmarks.open_loop", str(ours.port), f"{GRAPH_PATH}?{QUERY}"]
    command += [f"--rate={rate}", f"--seconds={seconds}"]
    return msgspec.json.decode(output_of(command, seconds=seconds + 30), type=Latencies).p99


@contextmanager
def _prepared(bench: Bench, repository: str, processes: int = 1) -> Iterator[Service]:
    """A service that has scraped once and will not do so again."""
    made = bench.content
    with generated_registry(made) as registry:
        setup = setup_for(registry, repository, graph_data=made.graph_data, state=bench.directory("state"))
        with service(replace(setup, processes=processes)) as running:
            running.wait_scraped()
            running.wait_complete(processes)
            yield running


class _Rebuilding:
    """Edits graph data for as long as the block lasts: again whenever the last edit has reached the answers."""

    def __init__(self, ours: Service, graph_data: Path) -> None:
        self._pid = ours.pid
        self._edit = ChannelEdit(graph_data)
        self._answer = Watched(ours.port)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.edits = 0
        self.busy_share = 0.0
        """Processor time of the building process per second."""

    def __enter__(self) -> Self:
        self._began = time.perf_counter(), self._builder_seconds()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        used = self._builder_seconds() - self._began[1]
        self.busy_share = used / (time.perf_counter() - self._began[0])
        self._edit.undo()
        self._answer.close()

    def _builder_seconds(self) -> float:
        return cpu_seconds([pid for pid in family(self._pid) if pid != self._pid])

    def _work(self) -> None:
        known = self._answer.etag()
        self._edit.turn()
        while not self._over.wait(LOOK_SECONDS):
            seen = self._answer.etag()
            if seen != known:
                known = seen
                self._edit.turn()
