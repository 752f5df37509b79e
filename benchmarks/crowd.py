"""Measures of an operator with many UpdateServices: what it needs to settle, and what it needs while nothing happens.

Once with a registry that answers, and once with one that takes connections and never says a word, which is the worst that a
registry can do: every look at it lasts until the patience of the operator ends.
"""

import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.crowded_cluster import (
    CrowdedCluster,
    OpenRegistry,
    Reading,
    Registry,
    beside_rest,
    crowded_cluster,
)
from benchmarks.processes import output_of
from benchmarks.result import Bench, Row
from tools.cluster.operating import UPGRAPH
from tools.cluster.site import GRAPH_DATA, pull_secret
from upgraph.testing.certificates import make_authority
from upgraph.testing.real_registry import USERNAME, real_registry

SERVICES = 200
QUICK_SERVICES = 20
REST_SECONDS = 60.0
QUICK_REST_SECONDS = 10.0
IDLE_SECONDS = 10.0
"""How long the operator is watched before it has anything to do."""
COMMAND_SECONDS = 60.0

MEMORY_BYTES = 120 * 10**6
SETTLE_CPU_SECONDS = 60.0
"""CPU time until 200 UpdateServices have settled."""
REST_CPU_SECONDS = 6.0
"""CPU time for one minute at rest: a tenth of a core."""
DEPLOYED_SECONDS = 120.0
"""Until each of 200 has its Deployment, on a machine that is the whole cluster as well."""

_ANSWERING = {"Available": "True", "Degraded": "False", "GraphDataReady": "True"}
_WITHOUT_REGISTRY = {"Available": "True", "GraphDataReady": "False"}


@dataclass(frozen=True, slots=True)
class _Case:
    """A registry, and what the operator says of UpdateServices once it has settled."""

    name: str
    open: OpenRegistry
    settled: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Course:
    """What was read in the course of a measurement, and when."""

    idle: Reading
    idle_cpu_seconds: float
    """For one minute without any UpdateService."""
    deployed_seconds: float
    """From the first UpdateService until the last Deployment."""
    settled_seconds: float
    settled: Reading
    rest: Reading
    rested: Reading
    rest_seconds: float
    """Between the last two readings."""

    @property
    def minutes(self) -> float:
        """How long the operator was watched at rest."""
        return self.rest_seconds / 60

    @property
    def rest_cpu_seconds(self) -> float:
        """For one minute at rest."""
        return (self.rested.cpu_seconds - self.rest.cpu_seconds) / self.minutes


def operator(bench: Bench) -> Sequence[Row]:
    """With a registry that answers."""
    return _measured(bench, _Case("", _live, _ANSWERING))


def operator_without_registry(bench: Bench) -> Sequence[Row]:
    """With a registry that says nothing."""
    return _measured(bench, _Case(", the registry says nothing", _silent, _WITHOUT_REGISTRY))


def _measured(bench: Bench, case: _Case) -> Sequence[Row]:
    count = QUICK_SERVICES if bench.quick else SERVICES
    with crowded_cluster(bench.directory("crowd"), count, case.open) as crowd:
        course = _course(crowd, case, QUICK_REST_SECONDS if bench.quick else REST_SECONDS)
    what = f"operator with {count} UpdateServices{case.name}"
    return [_settling(what, course), _resting(what, course), _memory(what, course), _asking(what, course)]


def _course(crowd: CrowdedCluster, case: _Case, rest_seconds: float) -> _Course:
    crowd.wait_quiet()
    before = crowd.read()
    time.sleep(IDLE_SECONDS)
    idle = crowd.read()
    started = time.monotonic()
    crowd.apply()
    crowd.wait_deployed()
    deployed = time.monotonic()
    crowd.wait_told(case.settled)
    told = time.monotonic()
    settled = crowd.read()
    crowd.wait_quiet()
    rest, rest_began = crowd.read(), time.monotonic()
    time.sleep(rest_seconds)
    return _Course(
        idle=idle,
        idle_cpu_seconds=(idle.cpu_seconds - before.cpu_seconds) * 60 / IDLE_SECONDS,
        deployed_seconds=deployed - started,
        settled_seconds=told - started,
        settled=settled,
        rest=rest,
        rested=crowd.read(),
        rest_seconds=time.monotonic() - rest_began,
    )


def _settling(what: str, course: _Course) -> Row:
    writes = len(beside_rest(course.settled.requests)) - len(beside_rest(course.idle.requests))
    cpu = course.settled.cpu_seconds - course.idle.cpu_seconds
    return Row(
        measure=f"{what}: until all Deployments are written",
        ours=f"{course.deployed_seconds:.0f} s; until each status tells all: {course.settled_seconds:.0f} s",
        beside=f"{writes:,} requests to the API server",
        result=f"{course.deployed_seconds:.0f} s, {cpu:.1f} s of CPU",
        goal=f"at most {DEPLOYED_SECONDS:g} s, {SETTLE_CPU_SECONDS:g} s of CPU",
        reached=course.deployed_seconds <= DEPLOYED_SECONDS and cpu <= SETTLE_CPU_SECONDS,
    )


def _resting(what: str, course: _Course) -> Row:
    cpu = course.rest_cpu_seconds
    return Row(
        measure=f"{what}: CPU for one minute at rest",
        ours=f"{cpu:.2f} s",
        beside=f"without any: {course.idle_cpu_seconds:.2f} s",
        result=f"{cpu:.2f} s of CPU",
        goal=f"at most {REST_CPU_SECONDS:g} s",
        reached=cpu <= REST_CPU_SECONDS,
    )


def _memory(what: str, course: _Course) -> Row:
    rested, idle = course.rested.memory, course.idle.memory
    return Row(
        measure=f"{what}: memory (RSS)",
        ours=f"at rest {rested.now / 1e6:.0f} MB, at most {rested.peak / 1e6:.0f} MB",
        beside=f"without any: {idle.now / 1e6:.0f} MB",
        result=f"{rested.peak / 1e6:.0f} MB",
        goal=f"at most {MEMORY_BYTES / 1e6:.0f} MB",
        reached=rested.peak <= MEMORY_BYTES,
    )


def _asking(what: str, course: _Course) -> Row:
    asked = course.rested.requests[len(course.rest.requests) :]
    verbs = Counter(f"{one.verb} {one.resource.partition('.')[0]}" for one in asked if one.verb != "watch")
    watches = sum(one.verb == "watch" for one in asked)
    told = ", ".join(f"{count / course.minutes:.0f} {verb}" for verb, count in sorted(verbs.items()))
    others = len(beside_rest(asked))
    return Row(
        measure=f"{what}: requests to the API server in a minute at rest",
        ours=f"{told}, {watches / course.minutes:.0f} begun watches",
        beside="",
        result=f"{others / course.minutes:.0f} beside Lease and watches",
        goal="0",
        reached=not others,
    )


@contextmanager
def _live(host: str, folder: Path) -> Iterator[Registry]:
    """The registry that Debian packages, over TLS and with a login, with graph data in it."""
    authority = make_authority(folder)
    shown = authority.issue(folder, names=f"IP:{host}")
    with real_registry(folder, certificates=shown, login=True, host=host) as running:
        place = f"{host}:{running.port}"
        logins = folder / "pull-secret.json"
        logins.write_text(pull_secret(place, USERNAME))
        for path, text in GRAPH_DATA.items():
            file = folder / "graph-data" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        target = ["-o", f"docker://{place}/openshift/graph-data:latest"]
        access = [f"--ca={authority.certificate}", f"--authfile={logins}"]
        pack = [str(UPGRAPH), "graph-data", "pack", str(folder / "graph-data"), *target, *access]
        output_of(pack, seconds=COMMAND_SECONDS)
        yield Registry(place, authority.certificate.read_text(), logins.read_text())


@contextmanager
def _silent(host: str, folder: Path) -> Iterator[Registry]:
    """Takes connections, as the kernel does it for a program that hangs."""
    with socket.create_server((host, 0), backlog=socket.SOMAXCONN) as server:
        place = f"{host}:{server.getsockname()[1]}"
        authority = make_authority(folder).certificate.read_text()
        yield Registry(place, authority, pull_secret(place, USERNAME))
