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

import msgspec

from benchmarks.beside import GRAPH_PATH, QUERY
from benchmarks.catalogue import BrokenMeasurementError
from benchmarks.fresh_connections import Seen
from benchmarks.generate import AMD64_REPOSITORY
from benchmarks.processes import cpu_seconds, family, output_of
from benchmarks.result import Bench, Row
from benchmarks.serve import Service, generated_registry, service, setup_for
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


@dataclass(frozen=True, slots=True)
class _Carried:
    rate: int
    seen: Seen
    cpu_microseconds: float
    """Processor time of all processes of the service for a connection."""


def fleet(bench: Bench) -> Sequence[Row]:
    """The highest rate of fresh connections that is carried, with full answers and with 304."""
    rows: list[Row] = []
    certificates = make_certificates(bench.directory("tls"))
    for tls in (False, True):
        with generated_registry(bench.content) as registry:
            setup = setup_for(
                registry,
                AMD64_REPOSITORY,
                graph_data=bench.content.graph_data,
                state=bench.directory("state"),
            )
            with service(replace(setup, tls=certificates if tls else None)) as ours:
                ours.wait_ready()
                ours.wait_scraped()
                etag = _etag(ours, certificates if tls else None)
                scheme = "TLS" if tls else "HTTP"
                ways = (_Way(f"{scheme}, full answers", tls), _Way(f"{scheme}, 304", tls, etag))
                rows += [_row(way, _carried(bench, ours, way)) for way in ways]
    return rows


def _etag(ours: Service, certificates: Certificates | None) -> str:
    context = certificates.client_context() if certificates else None
    client = HttpClient("127.0.0.1", ours.port, tls=context)
    answer = asyncio.run(
        client.get(f"{GRAPH_PATH}?{QUERY}", ("Accept", "application/json"), ("Accept-Encoding", "gzip"))
    )
    etag = answer.header("etag")
    if etag is None:
        raise BrokenMeasurementError(f"the answer {answer.status} has no entity tag")
    return etag


def _carried(bench: Bench, ours: Service, way: _Way) -> _Carried:
    run = partial(_run, bench, ours, way)
    run(RATES[-1])
    for rate in RATES:
        carried = run(rate)
        wanted = "304" if way.etag else "200"
        is_whole = carried.seen.statuses == {wanted: carried.seen.requests}
        if is_whole and carried.seen.p99 <= P99_LIMIT:
            return carried
    raise BrokenMeasurementError(f"{way.name}: not even {RATES[-1]} a second are carried: {carried.seen}")


def _run(bench: Bench, ours: Service, way: _Way, rate: int) -> _Carried:
    command = [sys.executable, "-m", "benchmarks.fresh_connections", str(ours.port), f"{GRAPH_PATH}?{QUERY}"]
    command += [f"--rate={rate}", f"--seconds={bench.load_seconds}"]
    command += ["--tls"] if way.tls else []
    command += [f"--etag={way.etag}"] if way.etag else []
    members = family(ours.pid)
    before = cpu_seconds(members)
    seen = msgspec.json.decode(output_of(command, seconds=bench.load_seconds + 60), type=Seen)
    used = cpu_seconds(members) - before
    return _Carried(rate, seen, 1e6 * used / max(seen.answered, 1))


def _row(way: _Way, carried: _Carried) -> Row:
    return Row(
        measure=f"fresh connections per second, {way.name}",
        ours=f"{carried.rate:,} (p99 {carried.seen.p99:.0f} ms, {carried.cpu_microseconds:.0f} µs of CPU each)",
        beside=f"a million clusters: {GOAL_RATE:,}",
        result=f"{carried.rate / GOAL_RATE:.0%}; one core could carry {1e6 / carried.cpu_microseconds:,.0f}",
        goal="100%",
        reached=carried.rate >= GOAL_RATE,
    )
