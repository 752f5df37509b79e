"""A cluster in memory with the operator at work in it, and a registry."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from upgraph.kube import find_cluster
from upgraph.kube.api import Api
from upgraph.kube.client import open_api
from upgraph.kube.events import Recorder
from upgraph.kube.kinds import GATEWAY, IMAGE_CONFIG, PROXY_CONFIG, SECURITY_CONTEXT_CONSTRAINTS
from upgraph.operator.controller import Controller, Setup
from upgraph.operator.desired.plan import SOMETIMES_THERE
from upgraph.operator.metrics import OperatorMetrics
from upgraph.operator.resource.update_service import UPDATE_SERVICE
from upgraph.testing.api_server import SimulatedApiServer
from upgraph.testing.certificates import Authority, Certificates, make_authority
from upgraph.testing.handshakes import cancelled_handshakes
from upgraph.testing.operated_cluster import NAMESPACE, OPERAND, OperatedCluster
from upgraph.testing.registry import SimulatedRegistry
from upgraph.testing.simulated_replica import (
    OTHER_POD_ADDRESS,
    POD_ADDRESS,
    SimulatedReplica,
    running_replica,
)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def certificates(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return authority.issue(tmp_path_factory.mktemp("shown"), names="IP:127.0.0.1,DNS:localhost")


@pytest.fixture
async def registry(certificates: Certificates) -> AsyncIterator[SimulatedRegistry]:
    async with SimulatedRegistry("openshift/graph-data", tls=certificates.server_context()) as running:
        yield running


@pytest.fixture
async def server() -> AsyncIterator[SimulatedApiServer]:
    async with SimulatedApiServer() as running:
        running.state.kinds = [*running.state.kinds, UPDATE_SERVICE]
        yield running


@pytest.fixture
async def api(server: SimulatedApiServer, tmp_path: Path) -> AsyncIterator[Api]:
    cluster = find_cluster({}, kubeconfig=server.kubeconfig(tmp_path / "kubeconfig"))
    async with open_api(cluster, manager="upgraph-operator", kinds=[UPDATE_SERVICE]) as opened:
        yield opened


@pytest.fixture
def plain(server: SimulatedApiServer) -> None:
    """The cluster has nothing of OpenShift, and no gateways."""
    gone = (IMAGE_CONFIG, PROXY_CONFIG, SECURITY_CONTEXT_CONSTRAINTS, GATEWAY, *SOMETIMES_THERE)
    server.state.kinds = [kind for kind in server.state.kinds if kind not in gone]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked every few minutes is asked at once."""
    monkeypatch.setattr("upgraph.operator.observing.graph_data_watch.AT_REST_SECONDS", 0.2)
    monkeypatch.setattr("upgraph.operator.observing.replicas.SETTLED_SECONDS", 0.2)
    monkeypatch.setattr("upgraph.operator.observing.replicas.UNSETTLED_SECONDS", 0.2)


@pytest.fixture
async def replica(certificates: Certificates) -> AsyncIterator[SimulatedReplica]:
    """A replica on the address of the pod, and the address for clusters."""
    async with running_replica(POD_ADDRESS, certificates.server_context()) as running:
        yield running


@pytest.fixture
async def other(certificates: Certificates) -> AsyncIterator[SimulatedReplica]:
    """A second replica, on the address of another pod."""
    async with running_replica(OTHER_POD_ADDRESS, certificates.server_context()) as running:
        yield running


@pytest.fixture
def cluster(server: SimulatedApiServer, registry: SimulatedRegistry, authority: Authority) -> OperatedCluster:
    made = OperatedCluster(server, registry, authority, UPDATE_SERVICE)
    server.state.listeners.add(made.changed.set)
    return made


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let connections go whose handshake was cancelled: clients and servers leave them to the garbage collector."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"))


Start = Callable[[], AbstractAsyncContextManager[Controller]]


@pytest.fixture
def start(api: Api) -> Iterator[Start]:
    """Starts an operator, for as long as a block lasts. Whatever it raises fails the test."""

    @asynccontextmanager
    async def started() -> AsyncIterator[Controller]:
        events = Recorder(api, "test", "test", asyncio.get_running_loop().time)
        controller = Controller(api, Setup(namespace=NAMESPACE, operand=OPERAND), events, OperatorMetrics())
        task = asyncio.create_task(controller.run())
        yield controller
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled() and task.exception() is not None:
            raise task.exception() or AssertionError

    with cancelled_handshakes():
        yield started


@pytest.fixture
async def operator(start: Start, cluster: OperatedCluster) -> AsyncIterator[Controller]:
    """The operator at work."""
    async with start() as running:
        yield running
