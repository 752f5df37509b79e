"""A node that runs pods, a registry beside it, and an image whose program says what a container sees.

The node has no control plane here: the objects of a test are files, and so are the statuses of its pods. What a control
plane adds is tested with one, in ``test_node_in_a_cluster.py``.
"""

import gzip
import itertools
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.conftest import ROOT_REASON
from tests.image.conftest import Image, build_image
from tools import image as building
from tools.cluster.node.launching import LonelyNode, Setup, lonely_node
from upgraph.kube.objects import Object
from upgraph.oci import OCI_LAYER_GZIP, LayerFile, LayerFolder, LayoutWriter, digest_of, gzipped, tar_layer
from upgraph.testing.certificates import make_certificates
from upgraph.testing.real_registry import (
    PASSWORD,
    USERNAME,
    RealRegistry,
    program,
    real_registry,
    skopeo_copy,
)

PATIENCE_SECONDS = 180.0
"""Longest wait for something that must happen; what decides a test is never how long it took."""
LOOK_SECONDS = 0.05
COMMAND_SECONDS = 30
__all__ = ["build_image"]
PYTHON = "/usr/bin/python3.11"
WITNESS = ("/usr/bin/python3.11", "-I", "-S", "/witness.py")
"""The program of the image: it serves what it is asked about itself."""

HEALTHY = {"httpGet": {"port": 8080, "path": "/health"}, "periodSeconds": 1}
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "runAsUser": 1000650000,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""The rights that the restricted profile of pod security leaves, with a user that has no name in any image."""

T = TypeVar("T")


def until(look: Callable[[], T], *, what: Callable[[], str]) -> T:
    """Look again and again until there is something to see."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if seen := look():
            return seen
        time.sleep(LOOK_SECONDS)
    raise AssertionError(f"waited {PATIENCE_SECONDS:g} s in vain: {what()}")


def witness_image(directory: Path) -> Path:
    """An OCI layout with the image ``witness``: Python, and a program that tells what it sees."""
    tar = building.Parts(building.native()).tar
    if not tar.exists():
        pytest.fail("what images are made of is not there: run `make parts`")
    base = tar.read_bytes()
    script = (Path(__file__).parent / "witness.py").read_bytes()
    own = tar_layer(
        [
            LayerFile("witness.py", script),
            LayerFile("etc/passwd", b"root:x:0:0:root:/root:/\nwitness:x:1234:1235:witness:/:/\n"),
            LayerFolder("scratch", 0o1777),
        ]
    )
    config = {
        "architecture": building.native().name,
        "os": "linux",
        "config": {"Entrypoint": list(WITNESS), "Env": ["WHO=image", "WHAT=image"], "User": "1001:0"},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(base), digest_of(own)]},
    }
    with LayoutWriter(directory) as layout:
        layers = [
            layout.blob(gzip.compress(base, 1, mtime=0), OCI_LAYER_GZIP),
            layout.blob(gzipped(own), OCI_LAYER_GZIP),
        ]
        layout.image(config=config, layers=layers, tag="witness")
    return directory


@contextmanager
def private_network() -> Iterator[tuple[str, ...]]:
    """What comes before a command that belongs to a network that only has a loopback."""
    script = "ip link set lo up && echo settled && exec cat"
    with subprocess.Popen(
        ["unshare", "--net", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "settled\n"
        yield ("nsenter", f"--target={holder.pid}", "--net", "--")
        holder.communicate(timeout=COMMAND_SECONDS)


@dataclass(frozen=True)
class Site:
    """A registry and a node in one network."""

    network: tuple[str, ...]
    registry: RealRegistry
    closed_registry: RealRegistry
    """One that wants a login, over TLS."""
    node: LonelyNode

    @property
    def image(self) -> str:
        """The name of the image with the witness."""
        return f"127.0.0.1:{self.registry.port}/test/witness:witness"

    @property
    def closed_image(self) -> str:
        """The same behind a login."""
        return f"127.0.0.1:{self.closed_registry.port}/test/witness:witness"


@pytest.fixture(scope="session")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return witness_image(tmp_path_factory.mktemp("witness") / "layout")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, layout: Path) -> Iterator[Site]:
    """A node for the tests of a run; each test has a namespace of its own."""
    if os.geteuid():
        pytest.skip(ROOT_REASON)
    make = tmp_path_factory.mktemp
    with ExitStack() as stack:
        network = stack.enter_context(private_network())
        registry = stack.enter_context(real_registry(make("open"), wrapper=network))
        shown = make_certificates(make("certificates"))
        closed = stack.enter_context(
            real_registry(make("closed"), wrapper=network, certificates=shown, login=True)
        )
        for one in (registry, closed):
            one.push(layout, "witness", "test/witness")
        setup = Setup(
            without_tls=[f"127.0.0.1:{registry.port}"],
            authorities=[shown.certificate],
            hosts=["registry.example=10.89.0.1"],
        )
        node = stack.enter_context(lonely_node(make("node"), setup, wrapper=network))
        yield Site(network, registry, closed, node)


@dataclass(frozen=True)
class Got:
    """What the witness answered; status 0 if nobody did."""

    status: int
    body: str

    @property
    def json(self) -> Any:
        """What it told."""
        return json.loads(self.body)


def curl(url: str, network: tuple[str, ...]) -> Got:
    """Ask from inside a network."""
    command = [*network, program("curl"), "-s", "-g", "--max-time", "10", "-w", "\n%{http_code}", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS)
    body, _, status = done.stdout.rpartition("\n")
    return Got(int(status or 0), body)


@dataclass
class Pod:
    """A pod of a test."""

    site: Site
    object: Object

    @property
    def status(self) -> Object:
        """What the node says."""
        return self.site.node.status(self.object)

    @property
    def container(self) -> Object:
        """What the node says of its only container."""
        found = self.status.get("containerStatuses") or [{"state": {}, "lastState": {}, "restartCount": 0}]
        return dict(found[0])

    @property
    def waiting(self) -> Object:
        """Why its container does not run; empty if it does."""
        return dict(self.container["state"].get("waiting") or {})

    def condition(self, kind: str) -> bool:
        """Whether a condition is true."""
        conditions = self.status.get("conditions") or ()
        return any((one["type"], one["status"]) == (kind, "True") for one in conditions)

    def until(self, look: Callable[["Pod"], T]) -> T:
        """Wait for something to be seen of it."""
        return until(lambda: look(self), what=lambda: f"{json.dumps(self.status, indent=1)}\n{self.text()}")

    def ready(self) -> "Pod":
        """Wait until it is ready."""
        self.until(lambda pod: pod.condition("Ready"))
        return self

    def text(self, container: str = "main") -> str:
        """What a container has printed."""
        metadata = self.object["metadata"]
        return self.site.node.nodes.log(metadata["namespace"], metadata["name"], container)

    def ask(self, path: str, address: str = "") -> Got:
        """Ask the witness, or whoever listens at another address."""
        return curl(f"http://{address or self.status['podIP'] + ':8080'}{path}", self.site.network)

    def delete(self, grace_seconds: int = 5) -> None:
        """Have it end."""
        deletion = {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": grace_seconds}
        self.object = {**self.object, "metadata": {**self.object["metadata"], **deletion}}
        self.site.node.put(self.object)

    def gone(self) -> "Pod":
        """Wait until the node has let it go."""
        until(lambda: self.site.node.is_gone(self.object), what=lambda: "the pod to be gone")
        return self


@dataclass
class Bench:
    """Makes the objects of a test, in a namespace of its own, and takes them away."""

    site: Site
    namespace: str
    _made: list[Object] = field(default_factory=list)

    def put(self, kind: str, name: str, **content: Any) -> Object:
        """Have an object be so."""
        version = "discovery.k8s.io/v1" if kind == "EndpointSlice" else "v1"
        metadata = {"name": name, "namespace": self.namespace, **content.pop("metadata", {})}
        obj = {"apiVersion": version, "kind": kind, "metadata": metadata, **content}
        self.site.node.put(obj)
        self._made.append(obj)
        return obj

    def pod(self, spec: Mapping[str, Any] | None = None, *, name: str = "pod", **main: Any) -> Pod:
        """A pod whose container ``main`` is the witness, with these further fields."""
        container = {"name": "main", "image": self.site.image, "readinessProbe": HEALTHY, **main}
        whole = {"nodeName": "real-a", "containers": [container], **(spec or {})}
        metadata = {"uid": f"{self.namespace}-{name}", "labels": {"app": "witness"}}
        return Pod(self.site, self.put("Pod", name, metadata=metadata, spec=whole))

    def close(self) -> None:
        """Take everything away, pods first."""
        pods = [obj for obj in self._made if obj["kind"] == "Pod" and not self.site.node.is_gone(obj)]
        for obj in pods:
            Pod(self.site, obj).delete(0)
        for obj in pods:
            Pod(self.site, obj).gone()
        for obj in self._made:
            if not self.site.node.is_gone(obj):
                self.site.node.remove(obj)


_numbers = itertools.count()


@pytest.fixture
def bench(site: Site) -> Iterator[Bench]:
    made = Bench(site, f"test-{next(_numbers)}")
    yield made
    made.close()


@pytest.fixture(scope="session")
def operand(site: Site, build_image: Callable[[], Image]) -> str:
    """The name of the image of the update service, in the registry of the node."""
    archive = build_image().store.with_name("image.tar")
    name = f"127.0.0.1:{site.registry.port}/test/upgraph:test"
    skopeo_copy(f"oci-archive:{archive}", f"docker://{name}", wrapper=site.network)
    return name


@pytest.fixture(scope="session")
def login(site: Site) -> str:
    """The content of a pull secret for the registry that wants a login."""
    entry = {"username": USERNAME, "password": PASSWORD}
    return json.dumps({"auths": {f"127.0.0.1:{site.closed_registry.port}": entry}})
