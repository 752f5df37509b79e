"""A real control plane with many UpdateServices on it, and an operator of which CPU, memory and requests are read.

Nodes are simulated, and a stand-in answers for the pods on them. The operator has the rights of its installation and finds
the addresses of Routes by their names, as in a cluster.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.catalogue import BrokenMeasurementError
from benchmarks.processes import Resident, command_line, cpu_seconds, family, resident, wait_until
from tools.cluster import build, nodes
from tools.cluster.audit import Request
from tools.cluster.control_plane import DOMAIN, ControlPlane, running
from tools.cluster.operating import configure, install, start_operator
from upgraph.kube.kinds import LEASE
from upgraph.operator.installation.parameters import OPERATOR
from upgraph.operator.resource.names import Names

NAMESPACE = "crowd"
SETTLE_SECONDS = 240.0
"""Longest wait until a crowd has settled."""
POLL_SECONDS = 0.5
QUIET_SECONDS = 5.0
"""An operator that has asked for nothing for so long is at rest."""
APPLIERS = 8
"""Connections over which UpdateServices are applied."""
COMMAND_SECONDS = 30.0

_PODS_OF_A_NODE = 24
"""As many as fit, by the CPU that they request."""
_SERVICES = f"/apis/updateservice.operator.openshift.io/v1/namespaces/{NAMESPACE}/updateservices"
_DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
_LEASE = f"{LEASE.plural}.{LEASE.group}"
_WITH_HOSTS = 'mount --bind "$0" /etc/hosts && exec "$@"'


@dataclass(frozen=True, slots=True)
class Registry:
    """What UpdateServices name, and how it is reached."""

    place: str
    """``HOST:PORT``."""
    authority: str
    """In PEM."""
    logins: str
    """The JSON of a pull secret."""


OpenRegistry = Callable[[str, Path], AbstractContextManager[Registry]]
"""Runs a registry at an address of this machine, with an empty directory for what it keeps."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the operator has used since it was started."""

    cpu_seconds: float
    memory: Resident
    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class CrowdedCluster:
    """A cluster with an operator at work."""

    cluster: ControlPlane
    registry: Registry
    names: tuple[str, ...]
    """Of the UpdateServices that it may have."""
    pid: int
    """Of the operator."""

    def apply(self) -> None:
        """Have all UpdateServices, as fast as the API server takes them."""
        spec = {
            "replicas": 1,
            "releases": f"{self.registry.place}/ocp/release",
            "graphDataImage": f"{self.registry.place}/openshift/graph-data:latest",
        }

        def one(name: str) -> None:
            head = {"apiVersion": "updateservice.operator.openshift.io/v1", "kind": "UpdateService"}
            self.cluster.client.create(_SERVICES, head | {"metadata": {"name": name}, "spec": spec})

        with ThreadPoolExecutor(APPLIERS) as pool:
            list(pool.map(one, self.names))

    def read(self) -> Reading:
        """Read what the operator has used.

        Raises:
            BrokenMeasurementError: it has ended.
        """
        memory = resident(self.pid)
        if not memory.now:
            said = self.cluster.processes.last_words(OPERATOR)
            raise BrokenMeasurementError(f"the operator has ended: {said}")
        requests = self.cluster.requests(NAMESPACE, OPERATOR)
        return Reading(cpu_seconds([self.pid]), memory, tuple(requests))

    def wait_deployed(self) -> None:
        """Wait until there is a Deployment for each of them."""
        wait_until(
            lambda: len(self.cluster.client.get(_DEPLOYMENTS)["items"]) == len(self.names),
            seconds=SETTLE_SECONDS,
            every=POLL_SECONDS,
            what="a Deployment for each UpdateService",
        )

    def wait_told(self, conditions: Mapping[str, str]) -> None:
        """Wait until the status of all of them says this: words by the types of conditions."""
        wait_until(
            lambda: all(_says(one, conditions) for one in self.cluster.client.get(_SERVICES)["items"]),
            seconds=SETTLE_SECONDS,
            every=POLL_SECONDS,
            what=f"all UpdateServices to be {dict(conditions)}",
        )

    def wait_quiet(self) -> None:
        """Wait until the operator asks for nothing any more."""
        wait_until(
            self._is_quiet, seconds=SETTLE_SECONDS, every=0.0, what="an operator that asks for nothing"
        )

    def _is_quiet(self) -> bool:
        before = len(beside_rest(self.read().requests))
        time.sleep(QUIET_SECONDS)
        return len(beside_rest(self.read().requests)) == before


def beside_rest(requests: Sequence[Request]) -> list[Request]:
    """Requests that an operator at rest does not make: all but watches and those about its Lease."""
    return [one for one in requests if one.verb != "watch" and one.resource != _LEASE]


def _says(service: Mapping[str, Any], conditions: Mapping[str, str]) -> bool:
    said = {one["type"]: one["status"] for one in service.get("status", {}).get("conditions", ())}
    return all(said.get(kind) == status for kind, status in conditions.items())


@contextmanager
def crowded_cluster(folder: Path, services: int, open_registry: OpenRegistry) -> Iterator[CrowdedCluster]:
    """A cluster with an operator that has nothing to do yet, for as long as the block lasts.

    Args:
        folder: an empty one, for its files.
        services: how many UpdateServices it may have.
        open_registry: what they name.

    Raises:
        BrokenMeasurementError: a part of it is not built, or does not start.
    """
    try:
        programs = build.find(os.environ)
    except build.BuildError as error:
        raise BrokenMeasurementError(str(error)) from error
    names = tuple(f"service-{number:03}" for number in range(services))
    (folder / "registry").mkdir()
    with (
        running(folder / "run", programs) as cluster,
        open_registry(str(cluster.addresses.host), folder / "registry") as registry,
    ):
        _prepare(cluster, registry, names)
        yield CrowdedCluster(cluster, registry, names, _operator(cluster))


def _prepare(cluster: ControlPlane, registry: Registry, names: Sequence[str]) -> None:
    for number in range(-(-len(names) // _PODS_OF_A_NODE)):
        zone = "ab"[number % 2]
        cluster.client.create("/api/v1/nodes", nodes.simulated_node(f"crowd-{number}", zone=zone))
    # All addresses of simulated pods become addresses of the cluster's network, so that one program answers at them.
    route = ["ip", "route", "add", "local", str(cluster.addresses.simulated_pods), "dev", "lo"]
    subprocess.run([*cluster.enter, *route], check=True, timeout=COMMAND_SECONDS)
    cluster.start("standin", [sys.executable, "-m", "benchmarks.standin"], {"PYTHONPATH": str(build.ROOT)})
    cluster.client.create("/api/v1/namespaces", nodes.namespace(NAMESPACE))
    configure(cluster, authority=registry.authority, logins=registry.logins)
    install(cluster, NAMESPACE)
    hosts = (f"{Names(NAMESPACE, name).route_label}.{DOMAIN}" for name in names)
    lines = [f"{cluster.addresses.cluster} {host}\n" for host in hosts]
    (cluster.folder / "hosts").write_text("127.0.0.1 localhost\n" + "".join(lines))


def _operator(cluster: ControlPlane) -> int:
    """Start an operator that knows the names of all Routes; gives its process id."""
    wrapper = ["unshare", "--mount", "sh", "-c", _WITH_HOSTS, str(cluster.folder / "hosts")]
    start_operator(cluster, NAMESPACE, OPERATOR, "--status-listen=127.0.0.1:0", wrapper=wrapper)
    return cluster.wait(lambda: _named(cluster), what="the process of the operator")


def _named(cluster: ControlPlane) -> int:
    for pid in family(cluster.processes.pid):
        if command_line(pid)[2:4] == ["operator", "run"]:
            return pid
    return 0
