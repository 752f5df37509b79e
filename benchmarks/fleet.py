"""Measure of a fleet: a million clusters that poll, each time on a fresh connection, through HTTP and TLS.

A Cluster Version Operator asks every 2 to 5 minutes, so a million of them ask about 5,500 times a second.
The load goes down from there until the service carries it. The generator runs on the same machine and takes
a core of its own, so next to the rate stands what one connection costs the service, and what follows for
two cores that have nothing else to do.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import msgspec

from benchmarks.beside import GRAPH_PATH, QUERY, fetch, nginx
from benchmarks.catalogue import BrokenMeasurementError
from benchmarks.fresh_connections import Seen
from benchmarks.generate import AMD64_REPOSITORY
from benchmarks.machine import cores
from benchmarks.processes import cpu_seconds, family, output_of
from benchmarks.result import Bench, Row
from benchmarks.serve import generated_registry, service, setup_for
from upgraph.testing.certificates import Certificates, make_certificates
from upgraph.testing.http_client import HttpClient

GOAL_RATE = 5_500
"""Connections per second of a million clusters."""
RATES = (GOAL_RATE, 4_000, 3_000, 2_000, 1_500, 1_000, 700, 500, 300)
P99_LIMIT = 1_000.0
"""Milliseconds: a Cluster Version Operator waits for minutes, but a queue that grows passes this soon."""


@dataclass(frozen=True, slots=True)
class _Way:
    name: str
    tls: bool
    etag: str | None = None

    def is_answered(self, seen: Seen) -> bool:
        """Whether all requests of a run got what was asked for."""
        return seen.statuses == {"304" if self.etag else "200": seen.requests}


@dataclass(frozen=True, slots=True)
class _Carried:
    rate: int
    seen: Seen
    cpu_microseconds: float
    """Processor time of all processes of the service for a connection."""


@dataclass(frozen=True, slots=True)
class _Server:
    """One of the two that are asked."""

    port: int
    pid: int


def fleet(bench: Bench) -> Sequence[Row]:
    """The highest rate of fresh connections that is carried, and what nginx spends on one."""
    certificates = make_certificates(bench.directory("tls"))
    return [row for tls in (None, certificates) for row in _both_ways(bench, tls, certificates)]


def _both_ways(bench: Bench, tls: Certificates | None, certificates: Certificates) -> Sequence[Row]:
    with generated_registry(bench.content) as registry:
        setup = setup_for(
            registry, AMD64_REPOSITORY, graph_data=bench.content.graph_data, state=bench.directory("state")
        )
        # The bodies are fetched without TLS, from a service that then makes way for the one that is measured.
        with service(setup) as plain:
            plain.wait_ready()
            bodies = fetch(plain.port, "identity"), fetch(plain.port, "gzip")
        with (
            service(replace(setup, tls=tls, processes=cores())) as running,
            nginx(
                bench.directory("nginx"), identity=bodies[0], gzip=bodies[1], certificates=certificates
            ) as beside,
        ):
            running.wait_scraped()
            running.wait_complete(cores())
            ours = _Server(running.port, running.pid)
            theirs = _Server(beside.tls_port or 0 if tls else beside.port, beside.pid)
            return [_compared(bench, tls, ours, theirs, what) for what in ("full answers", "304")]


def _compared(
    bench: Bench,
    tls: Certificates | None,
    ours: _Server,
    theirs: _Server,
    what: Literal["full answers", "304"],
) -> Row:
    def way(server: _Server) -> _Way:
        etag = _etag(server, tls) if what == "304" else None
        return _Way(f"{'TLS 1.3' if tls else 'HTTP'}, {what}", tls is not None, etag)

    carried = _carried(bench, ours, way(ours))
    return _row(way(ours), carried, _run(bench, theirs, way(theirs), carried.rate))


def _etag(server: _Server, certificates: Certificates | None) -> str:
    context = certificates.client_context() if certificates else None
    client = HttpClient("127.0.0.1", server.port, tls=context)
    answer = asyncio.run(
        client.get(f"{GRAPH_PATH}?{QUERY}", ("Accept", "application/json"), ("Accept-Encoding", "gzip"))
    )
    etag = answer.header("etag")
    if etag is None:
        raise BrokenMeasurementError(f"the answer {answer.status} has no entity tag")
    return etag


def _carried(bench: Bench, ours: _Server, way: _Way) -> _Carried:
    run = partial(_run, bench, ours, way)
    run(RATES[-1])
    for rate in RATES:
        carried = run(rate)
        if way.is_answered(carried.seen) and carried.seen.p99 <= P99_LIMIT:
            return carried
    raise BrokenMeasurementError(f"{way.name}: not even {RATES[-1]} a second are carried: {carried.seen}")


def _run(bench: Bench, server: _Server, way: _Way, rate: int) -> _Carried:
    command = [
        sys.executable,
        "-m",
        "benchmarks.fresh_connections",
        str(server.port),
        f"{GRAPH_PATH}?{QUERY}",
    ]
    command += [f"--rate={rate}", f"--seconds={bench.load_seconds}"]
    command += ["--tls"] if way.tls else []
    command += [f"--etag={way.etag}"] if way.etag else []
    members = family(server.pid)
    before = cpu_seconds(members)
    seen = msgspec.json.decode(output_of(command, seconds=bench.load_seconds + 60), type=Seen)
    used = cpu_seconds(members) - before
    return _Carried(rate, seen, 1e6 * used / max(seen.answered, 1))


def _row(way: _Way, carried: _Carried, beside: _Carried) -> Row:
    if not way.is_answered(beside.seen):
        raise BrokenMeasurementError(f"{way.name}: nginx did not answer all: {beside.seen}")
    ours, theirs = carried.cpu_microseconds, beside.cpu_microseconds
    return Row(
        measure=f"fresh connections per second, {way.name}",
        ours=f"{carried.rate:,} (p99 {carried.seen.p99:.0f} ms, {ours:.0f} µs of CPU each)",
        beside=f"a million clusters: {GOAL_RATE:,}; nginx: {theirs:.0f} µs each",
        result=f"{carried.rate / GOAL_RATE:.0%}; a core carries {1e6 / ours:,.0f}, with nginx {1e6 / theirs:,.0f}",
        goal="100%",
        reached=carried.rate >= GOAL_RATE,
    )
