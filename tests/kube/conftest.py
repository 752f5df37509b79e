"""A simulated cluster, and connections to it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from upgraph.kube import Cluster, find_cluster
from upgraph.kube.client import KubernetesApi, open_api
from upgraph.testing.api_place import WIDGET
from upgraph.testing.api_server import SimulatedApiServer
from upgraph.testing.certificates import Certificates, make_certificates
from upgraph.testing.cluster_contract import FIRST, KEY
from upgraph.testing.kubernetes import SimulatedKubernetes


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("api"))


@pytest.fixture
def kubernetes(certificates: Certificates) -> Iterator[SimulatedKubernetes]:
    with SimulatedKubernetes(certificates) as running:
        running.put("pull", {KEY: FIRST, "note": b"of somebody else"})
        yield running


@pytest.fixture
def kubeconfig(kubernetes: SimulatedKubernetes, tmp_path: Path) -> Path:
    return kubernetes.kubeconfig(tmp_path / "kubeconfig")


@pytest.fixture
def cluster(kubeconfig: Path) -> Iterator[Cluster]:
    with Cluster(find_cluster({}, kubeconfig=kubeconfig)) as connected:
        yield connected


@pytest.fixture
async def api_server() -> AsyncIterator[SimulatedApiServer]:
    async with SimulatedApiServer() as running:
        yield running


@pytest.fixture
async def api(api_server: SimulatedApiServer, tmp_path: Path) -> AsyncIterator[KubernetesApi]:
    address = find_cluster({}, kubeconfig=api_server.kubeconfig(tmp_path / "api"))
    async with open_api(address, manager="ours", kinds=[WIDGET]) as opened:
        yield opened


@pytest.fixture
async def other(api_server: SimulatedApiServer, tmp_path: Path) -> AsyncIterator[KubernetesApi]:
    """The same cluster under the name of another manager of fields."""
    address = find_cluster({}, kubeconfig=api_server.kubeconfig(tmp_path / "other"))
    async with open_api(address, manager="other", kinds=[WIDGET]) as opened:
        yield opened
