"""Start nodes that run pods, from tests: beside a control plane, or on their own with a directory of objects.

::

    with real_nodes(cluster, folder / "nodes") as nodes:
        ...                          # pods of namespaces that choose nodes with the label type=real run
        nodes.lose("real-a")
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Protocol, TypeVar

from upgraph.kube.objects import Object

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 60.0
"""Longest wait until pods are taken."""
END_SECONDS = 30.0
COMMAND_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_ALONE = "10.89.0.0/24"
"""Addresses of pods where there is no cluster; nobody else can see them."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setup:
    """What the administrator of the nodes sets up."""

    nodes: Sequence[str] = ("real-a",)
    """``NAME`` or ``NAME=ZONE``."""
    hosts: Sequence[str] = ()
    """Further names in DNS: ``NAME=ADDRESS``; ``*.DOMAIN`` for all below."""
    authorities: Sequence[Path] = ()
    """Authorities that pulls trust."""
    without_tls: Sequence[str] = ()
    """Registries that speak plain HTTP: ``HOST:PORT``."""
    logins: Path | None = None
    """Logins of the nodes themselves, for pulls of all pods, as nodes of OpenShift have the pull secret of the cluster."""

    def arguments(self, directory: Path, pods: str) -> list[str]:
        """The command of the node without its cluster."""
        command = [sys.executable, "-m", "tools.cluster.node", f"--directory={directory}", f"--pods={pods}"]
        command += [f"--node={one}" for one in self.nodes]
        command += [f"--host={one}" for one in self.hosts]
        command += [f"--registry-ca={one}" for one in self.authorities]
        command += [] if self.logins is None else [f"--logins={self.logins}"]
        return [*command, *(f"--registry-without-tls={one}" for one in self.without_tls)]


@dataclass(frozen=True, slots=True)
class RealNodes:
    """Nodes that run."""

    directory: Path

    def lose(self, name: str) -> None:
        """Let a node be gone: its containers are killed, it falls silent, nobody is told."""
        self._say(f"lose {name}")

    def find(self, name: str) -> None:
        """Bring a lost node back; its pods start anew."""
        self._say(f"find {name}")

    def log(self, namespace: str, pod: str, container: str) -> str:
        """What the runs of a container have printed."""
        path = self.directory / "logs" / f"{namespace}_{pod}_{container}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def is_there(self) -> bool:
        """Whether pods are taken."""
        try:
            self._say("hello")
        except OSError:
            return False
        return True

    def _say(self, line: str) -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(COMMAND_SECONDS)
            connection.connect(str(self.directory / "control"))
            connection.sendall(f"{line}\n".encode())
            while connection.recv(64):
                pass


_USUAL = Setup()
_PROGRAM = "nodes"


class Addresses(Protocol):
    """The addresses of a control plane."""

    @property
    def cluster(self) -> IPv4Address:
        """Its own, where routers answer too."""
        ...

    @property
    def pods(self) -> IPv4Network:
        """For pods that really run."""
        ...


class ControlPlane(Protocol):
    """What is needed of a control plane (:class:`tools.cluster.control_plane.ControlPlane`)."""

    @property
    def kubeconfig(self) -> Path:
        """Of an administrator."""
        ...

    @property
    def folder(self) -> Path:
        """All its files."""
        ...

    @property
    def addresses(self) -> Addresses:
        """Where it is reached."""
        ...

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start a program in the network of the cluster."""
        ...

    def stop(self, name: str) -> int:
        """End it."""
        ...


@contextmanager
def real_nodes(cluster: ControlPlane, setup: Setup = _USUAL) -> Iterator[RealNodes]:
    """Nodes of a control plane that run pods, for as long as the block lasts.

    Pods come to them whose namespace chooses nodes with the label ``type=real``.

    Args:
        cluster: where they are nodes; it is on this machine.
        setup: what their administrator sets up.

    Raises:
        RuntimeError: they do not start; the text has their log.
    """
    nodes, log = RealNodes(cluster.folder / "nodes"), cluster.folder / "logs" / f"{_PROGRAM}.log"
    nodes.directory.mkdir(exist_ok=True)
    command = setup.arguments(nodes.directory, str(cluster.addresses.pods))
    routes = f"--host=*.apps.example={cluster.addresses.cluster}"
    cluster.start(
        _PROGRAM, [*command, routes, f"--kubeconfig={cluster.kubeconfig}"], {"PYTHONPATH": str(ROOT)}
    )
    try:
        _wait(lambda: nodes.is_there, log)
        yield nodes
    finally:
        cluster.stop(_PROGRAM)


@dataclass(frozen=True, slots=True)
class LonelyNode:
    """A node without a control plane: objects are files."""

    nodes: RealNodes
    folder: Path
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def network(self) -> tuple[str, ...]:
        """What comes before a command that belongs to the network of the cluster."""
        return ("nsenter", f"--target={self.process.pid}", "--net", "--")

    def put(self, obj: Object) -> None:
        """Have an object be so."""
        beside = self._file(obj).with_suffix(".part")
        beside.write_text(json.dumps(obj))
        beside.replace(self._file(obj))

    def remove(self, obj: Object) -> None:
        """Have an object be no more, without waiting for anybody."""
        self._file(obj).unlink()

    def is_gone(self, obj: Object) -> bool:
        """Whether an object is no more."""
        return not self._file(obj).exists()

    def _file(self, obj: Object) -> Path:
        metadata = obj["metadata"]
        name = f"{obj['kind']}.{metadata.get('namespace', '')}.{metadata['name']}.json"
        return self.folder / "objects" / name

    def status(self, pod: Object) -> Object:
        """What the node says of a pod; empty while it has said nothing."""
        metadata = pod["metadata"]
        path = self.folder / "status" / f"{metadata['namespace']}_{metadata['name']}.json"
        found: Object = json.loads(path.read_text()) if path.exists() else {}
        return found


@contextmanager
def lonely_node(directory: Path, setup: Setup, *, wrapper: Sequence[str] = ()) -> Iterator[LonelyNode]:
    """A node in a network of its own, without a control plane, for as long as the block lasts.

    Args:
        directory: an existing empty one; it has a short path, because a socket is put there.
        setup: what its administrator sets up.
        wrapper: what comes before the command: how it gets its network.

    Raises:
        RuntimeError: it does not start; the text has its log.
    """
    folder, log = directory / "cluster", directory / "node.log"
    nodes = RealNodes(directory / "node")
    # It ends with us, also where we are killed.
    command = [*wrapper, "setpriv", "--pdeathsig=TERM", *setup.arguments(nodes.directory, _ALONE)]
    command.append(f"--folder={folder}")
    for path in (folder / "objects", nodes.directory):
        path.mkdir(parents=True)
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=ROOT)
    try:
        _wait(lambda: nodes.is_there or process.poll() is not None, log)
        if process.poll() is not None:
            raise RuntimeError(f"the node has ended: {log.read_text()}")
        yield LonelyNode(nodes, folder, process, log)
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(look: Callable[[], T], log: Path) -> T:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if seen := look():
            return seen
        time.sleep(_LOOK_SECONDS)
    raise RuntimeError(f"waited {START_SECONDS:g} s in vain for a node: {log.read_text()}")
