"""The faces of the service that clients reach, in this process, with a small graph and a long archive."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from tests.faults.outside import essence
from tests.serving.conftest import (
    PREFIX,
    SETTINGS,
    ManualClock,
    Reported,
    make_graph,
    make_snapshot,
)
from upgraph.service.answering.clients import Limits, Traffic
from upgraph.service.answering.edge import InForce, policy_engine
from upgraph.service.answering.metrics import (
    GraphMetrics,
    PolicyEngineMetrics,
    TrafficMetrics,
    exposition,
    new_registry,
)
from upgraph.service.answering.server import Bound, Listener, serve
from upgraph.service.answering.status import StatusPort
from upgraph.service.answering.tls import Certificate
from upgraph.service.snapshot import Snapshot
from upgraph.testing.certificates import Certificates, make_certificates
from upgraph.testing.http_client import Answer, Connection, HttpClient

GRAPH = "/graph?channel=stable-4.9"
TARGET = f"{PREFIX}{GRAPH}".encode()
ARCHIVE = f"{PREFIX}/graph-data".encode()
MALFORMED = "upgraph_connections_malformed_total"
ARCHIVE_BYTES = 8_000_000
"""Size of the longest answer: more than the buffers of a connection hold."""


def asking(target: bytes, *lines: bytes) -> bytes:
    return b"\r\n".join([b"GET %s HTTP/1.1" % target, b"Host: a", *lines, b"", b""])


@dataclass(frozen=True, slots=True)
class Service:
    """The service as it runs, seen from its clients."""

    cluster: HttpClient
    secure: HttpClient
    """The same over TLS."""
    status: HttpClient
    traffic: Traffic
    secure_traffic: Traffic

    async def graph(self) -> tuple[int, bytes, str | None]:
        """What a cluster gets: status, document, entity tag."""
        return essence(await self.cluster.get(GRAPH))

    async def is_ready(self) -> bool:
        """Whether the probe of readiness succeeds."""
        return (await self.status.get("/readyz")).status == 200

    async def metrics(self) -> str:
        """What the status port counts."""
        return (await self.status.get("/metrics")).body.decode()


def kind_of(answer: Answer) -> str:
    """The kind in the error document of a refusal, which nothing on the way may keep; empty without a document."""
    assert answer.header("cache-control") == "no-store"
    if not answer.body:
        return ""
    assert answer.header("content-type") == "application/json"
    return str(json.loads(answer.body)["kind"])


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return make_snapshot(tmp_path_factory.mktemp("snapshot"), make_graph(), bytes(ARCHIVE_BYTES))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture
async def service(snapshot: Snapshot, certificates: Certificates, limits: Limits) -> AsyncIterator[Service]:
    registry, in_force = new_registry(), InForce(snapshot)
    reported, clock = Reported(in_force), ManualClock()
    GraphMetrics(registry, reported, clock)
    app = policy_engine(in_force, SETTINGS, PolicyEngineMetrics(registry, "0123abc"))
    plain, secure = Traffic(), Traffic()
    TrafficMetrics(registry, {"clients": plain, "secure": secure})
    listeners = [
        Listener("127.0.0.1", 0, app, limits, traffic=plain),
        Listener(
            "127.0.0.1",
            0,
            app,
            limits,
            Certificate(certificates.certificate, certificates.key),
            secure,
        ),
        Listener("127.0.0.1", 0, StatusPort(reported, lambda: exposition(registry), clock)),
    ]
    stop = asyncio.Event()
    started: asyncio.Future[tuple[Bound, ...]] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        group.create_task(serve(listeners, stop, started.set_result))
        try:
            ports = [bound.port for bound in await started]
            yield Service(
                HttpClient("127.0.0.1", ports[0], PREFIX),
                HttpClient("127.0.0.1", ports[1], PREFIX, certificates.client_context()),
                HttpClient("127.0.0.1", ports[2]),
                plain,
                secure,
            )
        finally:
            stop.set()


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The log says nothing, so that no client can fill it."""
    caplog.set_level(logging.INFO)
    yield
    # Of the test: what caplog shows by itself here is what was logged since the test ended.
    assert [record.getMessage() for record in caplog.get_records("call")] == []


async def until_closed(connection: Connection) -> list[Answer]:
    """Every answer until the service closes the connection."""
    found = []
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            found.append(await connection.receive())
    return found
