"""A simulated cluster, and connections to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from upgraph.kube import Cluster, find_cluster
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
