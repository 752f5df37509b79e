"""A real control plane for all tests of a run, and a namespace of its own for each of them."""

import os
import secrets
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import PROGRAM_REASON, ROOT_REASON
from tools.cluster import build, nodes
from tools.cluster.control_plane import PLAIN, ControlPlane, running
from tools.cluster.node.launching import RealNodes, Setup, real_nodes
from upgraph.testing.certificates import Authority, make_authority

# Read before the tests get a home of their own: the programs lie in that of the person.
ENVIRONMENT = dict(os.environ)
LOG_LINES = 15
"""How much of each log is shown for a test that failed."""


@pytest.fixture(scope="session")
def programs() -> build.Programs:
    if os.geteuid():
        pytest.skip(ROOT_REASON)
    try:
        return build.find(ENVIRONMENT)
    except build.BuildError as error:
        pytest.fail(str(error))


@pytest.fixture(scope="session")
def cluster(programs: build.Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A cluster with the APIs of OpenShift and the Gateway API, shared by all tests of the run."""
    with running(tmp_path_factory.mktemp("cluster") / "run", programs) as started:
        yield started


@pytest.fixture(scope="session")
def plain_cluster(
    programs: build.Programs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlPlane]:
    """A cluster of Kubernetes alone, shared by all tests of the run that ask for it."""
    with running(tmp_path_factory.mktemp("plain") / "run", programs, apis=PLAIN) as started:
        yield started


@dataclass(frozen=True)
class Ground:
    """Nodes that run pods."""

    nodes: RealNodes
    """``real-a`` and ``real-b``, in two zones."""
    authority: Authority
    """Of the registries that they trust."""
    logins: Path
    """Theirs, read for each pull; as nodes of OpenShift have the pull secret of the cluster."""


@pytest.fixture(scope="session")
def ground(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Nodes that run pods, shared by all tests of the run: one cluster has room for one program of them."""
    folder = tmp_path_factory.mktemp("ground")
    authority, logins = make_authority(folder), folder / "logins.json"
    logins.write_text("{}")
    setup = Setup(nodes=("real-a=a", "real-b=b"), authorities=[authority.certificate], logins=logins)
    with real_nodes(cluster, setup) as started:
        yield Ground(started, authority, logins)


@pytest.fixture
def new_namespace(cluster: ControlPlane) -> Iterator[Callable[..., str]]:
    """Makes namespaces of the shared cluster; ``nodes=nodes.REAL`` wants nodes that really run pods."""
    made = []

    def make(**options: str) -> str:
        name = f"test-{secrets.token_hex(4)}"
        cluster.client.create("/api/v1/namespaces", nodes.namespace(name, **options))
        made.append(name)
        return name

    yield make
    for name in made:
        cluster.client.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def namespace(new_namespace: Callable[..., str]) -> str:
    """The name of a fresh namespace, whose pods go to simulated nodes."""
    return new_namespace()


@pytest.fixture
def needs(programs: build.Programs) -> Callable[[str], None]:
    """Leaves the test out where the cluster is made without a program."""

    def need(program: str) -> None:
        if programs.find(program) is None:
            pytest.skip(f"{PROGRAM_REASON}: {program}")

    return need


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the ends of the logs of the cluster with a test that failed."""
    report = yield
    started = getattr(item, "funcargs", {}).get("cluster")
    if report.when == "call" and report.failed and isinstance(started, ControlPlane):
        for log in sorted((started.folder / "logs").glob("*.log")):
            report.sections.append((f"log of {log.stem}", _end(log)))
    return report


def _end(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])
