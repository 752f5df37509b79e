"""A small graph, served by the real server on free ports of this machine."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from upgraph.errors import Finding, Severity
from upgraph.errors.problems.graph import LABEL_UNKNOWN
from upgraph.graph import (
    Channel,
    ConditionalBlock,
    GraphData,
    MatchingRule,
    Pattern,
    Release,
    Risk,
    UpdateGraph,
    Version,
    build,
)
from upgraph.service.answering.clients import Limits, Traffic
from upgraph.service.answering.edge import InForce, Settings, graph_builder, graph_data, policy_engine
from upgraph.service.answering.health import Scrape, Unready
from upgraph.service.answering.message import App
from upgraph.service.answering.metrics import (
    GraphBuilderMetrics,
    GraphMetrics,
    PolicyEngineMetrics,
    TrafficMetrics,
    exposition,
    new_registry,
)
from upgraph.service.answering.server import Bound, Listener, serve
from upgraph.service.answering.status import StatusPort
from upgraph.service.answering.tls import Certificate
from upgraph.service.building.prepare import Origin, write_snapshot
from upgraph.service.snapshot import Facts, Snapshot, read_snapshot
from upgraph.service.source_report import SourceReport
from upgraph.testing.http_client import HttpClient

PREFIX = "/api/upgrades_info"
REFRESHED_AT = 1_790_000_000.0
ARCHIVE = b"not really an archive"
SETTINGS = Settings(prefix=PREFIX, mandatory=frozenset({"channel"}))
LIMITS = Limits(header_bytes=16 * 1024)


def _release(base: str, arch: str, previous: tuple[str, ...]) -> Release:
    version = f"{base}+{arch}"
    digest = f"sha256:{version.encode().hex():0<64.64}"
    return Release(
        version=Version.parse(version),
        payload=f"registry.example/releases@{digest}",
        digest=digest,
        metadata={"url": f"https://errata.example/{base}"},
        previous=tuple(Version.parse(f"{earlier}+{arch}") for earlier in previous),
    )


def make_graph(newest: int = 3) -> UpdateGraph:
    """4.9.0 to 4.9.``newest`` for three architectures, one of the edges with a risk."""
    names = [f"4.9.{patch}" for patch in range(newest + 1)]
    releases = [
        _release(name, arch, tuple(names[:index]))
        for arch in ("amd64", "arm64", "multi")
        for index, name in enumerate(names)
    ]
    risk = Risk("https://issues.example/1", "SlowNodes", "Nodes start slowly.", (MatchingRule("Always"),))
    rule = ConditionalBlock(Version.parse("4.9.2"), Pattern.compile(r"4\.9\.0"), risk, "4.9.2-slow.yaml")
    channel = Channel("stable-4.9", tuple(map(Version.parse, names)))
    data = GraphData(Version.parse("1.2.0"), (channel,), conditional_blocks=(rule,))
    return build(releases, data).graph


def make_snapshot(directory: Path, graph: UpdateGraph, archive: bytes | None = ARCHIVE) -> Snapshot:
    """A snapshot of ``graph``, written and read as the service does it."""
    findings = [Finding(Severity.WARNING, LABEL_UNKNOWN, "4.9.7 is not in the graph", "4.9.1")]
    origin = Origin(
        releases=len(graph.nodes),
        releases_digest="releases",
        graph_data_digest="data",
        graph_data=archive,
        refreshed_at=REFRESHED_AT,
    )
    file = BytesIO()
    write_snapshot(graph, origin, findings, file)
    path = directory / f"snapshot-{len(list(directory.iterdir()))}"
    path.write_bytes(file.getvalue())
    with path.open("rb") as written:
        return read_snapshot(written)


class ManualClock:
    """Time that passes only when a test turns it."""

    def __init__(self) -> None:
        self.now = REFRESHED_AT + 60

    def __call__(self) -> float:
        return self.now


@dataclass
class Reported:
    """What the status port reports on; tests set it."""

    in_force: InForce
    failure: Unready | None = None
    last_scrape: Scrape | None = None
    sources: tuple[SourceReport, ...] = ()
    certificates: list[Certificate] = field(default_factory=list)
    traffic: dict[str, Traffic] = field(default_factory=dict)

    @property
    def held(self) -> Snapshot | None:
        held = self.in_force.snapshot
        return held if isinstance(held, Snapshot) else None

    @property
    def facts(self) -> Facts | None:
        held = self.in_force.snapshot
        return held.facts if isinstance(held, Snapshot) else None


@dataclass
class Composition:
    """One process with every face."""

    in_force: InForce
    registry: CollectorRegistry = field(default_factory=new_registry)
    settings: Settings = SETTINGS
    limits: Limits = LIMITS

    def listeners(self, status: StatusPort) -> list[Listener]:
        engine = PolicyEngineMetrics(self.registry, "0123abc")
        builder = GraphBuilderMetrics(self.registry, "0123abc")
        apps: list[App] = [
            policy_engine(self.in_force, self.settings, engine),
            graph_builder(self.in_force, self.settings, builder),
            graph_data(self.in_force, self.settings, builder),
            status,
        ]
        traffic = {name: Traffic() for name in ("clients", "builder_clients", "graph_data", "status")}
        TrafficMetrics(self.registry, traffic)
        return [
            Listener("127.0.0.1", 0, app, self.limits, traffic=counts)
            for app, counts in zip(apps, traffic.values(), strict=True)
        ]


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return make_snapshot(tmp_path_factory.mktemp("snapshot"), make_graph())


@pytest.fixture(scope="session")
def newer_snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """The next graph, from an upstream server: no graph data."""
    return make_snapshot(tmp_path_factory.mktemp("snapshot"), make_graph(newest=5), archive=None)


@pytest.fixture
def in_force(snapshot: Snapshot) -> InForce:
    """What is served; a test may take the snapshot away or put in another."""
    return InForce(snapshot)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def reported(in_force: InForce) -> Reported:
    return Reported(in_force)


@pytest.fixture
def composition(in_force: InForce) -> Composition:
    return Composition(in_force)


@pytest.fixture
async def bound(
    composition: Composition, reported: Reported, clock: ManualClock
) -> AsyncIterator[tuple[Bound, ...]]:
    """Every face and the status port, listening."""
    GraphMetrics(composition.registry, reported, clock)
    status = StatusPort(reported, lambda: exposition(composition.registry), clock, max_stale=3600)
    stop = asyncio.Event()
    addresses: asyncio.Future[tuple[Bound, ...]] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        group.create_task(serve(composition.listeners(status), stop, addresses.set_result))
        try:
            yield await addresses
        finally:
            stop.set()


@pytest.fixture
def cluster(bound: tuple[Bound, ...]) -> HttpClient:
    """Asks the face that clusters see."""
    return HttpClient(bound[0].address, bound[0].port, PREFIX)


@pytest.fixture
def builder(bound: tuple[Bound, ...]) -> HttpClient:
    """Asks the face that policy engines see."""
    return HttpClient(bound[1].address, bound[1].port, PREFIX)


@pytest.fixture
def data_only(bound: tuple[Bound, ...]) -> HttpClient:
    """Asks the face that has the graph data alone."""
    return HttpClient(bound[2].address, bound[2].port, PREFIX)


@pytest.fixture
def probe(bound: tuple[Bound, ...]) -> HttpClient:
    """Asks the status port."""
    return HttpClient(bound[3].address, bound[3].port)
