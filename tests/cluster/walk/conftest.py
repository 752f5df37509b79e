"""A cluster of OpenShift with nodes that run pods, and a site around it: registries, authorities, an image of this package."""

import base64
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Ground
from tests.image.conftest import Image, build_image
from tools.cluster import nodes as kinds_of_nodes
from tools.cluster.control_plane import ControlPlane
from tools.cluster.node.launching import RealNodes
from upgraph.oci import LayoutWriter
from upgraph.payload import ReleaseContent, add_release
from upgraph.testing.real_registry import (
    USERNAME,
    RealRegistry,
    program,
    real_registry,
    skopeo_copy,
)

__all__ = ["build_image"]

UPGRAPH = Path(sys.executable).parent / "upgraph"
COMMAND_SECONDS = 120
VERSIONS = ("4.1.0", "4.1.1")
GRAPH = "/api/upgrades_info/v1/graph?channel=stable-4.1&arch=amd64"
GRAPH_DATA = {
    "version": "1.1.0\n",
    "raw/metadata.json": "{}\n",
    "blocked-edges/4.0.0.yaml": "to: 4.0.0\nfrom: 3[.].*\n",
    "channels/stable-4.1.yaml": "name: stable-4.1\nversions:\n- 4.1.0\n- 4.1.1\n",
}


@dataclass(frozen=True)
class Site:
    """Everything that an administrator has before the first command."""

    cluster: ControlPlane
    nodes: RealNodes
    namespace: str
    ca: Path
    """The authority of the registries."""
    logins: Path
    """The pull secret."""
    images: RealRegistry
    """For everybody."""
    mirror: RealRegistry
    """For those who log in: releases and graph data."""
    folder: Path

    def oc(self, *arguments: str, stdin: str = "") -> str:
        """What the documentation does with oc, done with kubectl."""
        return self.cluster.kubectl(*arguments, stdin=stdin)

    def upgraph(self, *arguments: str) -> str:
        """Run a command of this package, as the administrator would."""
        done = subprocess.run(
            [UPGRAPH, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
            env={
                "PATH": os.environ["PATH"],
                "KUBECONFIG": str(self.cluster.kubeconfig),
                "HOME": str(self.folder),
            },
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def get(self, *what: str) -> Any:
        """Objects of the namespace."""
        return json.loads(self.oc("-n", self.namespace, "get", "-o", "json", *what))

    def apply(self, *objects: Any) -> None:
        """Have objects be so, whoever has made them."""
        listed = {"apiVersion": "v1", "kind": "List", "items": objects}
        self.oc("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(listed))

    def status(self, name: str = "service") -> Any:
        return self.get("updateservice", name).get("status") or {}

    def condition(self, kind: str, name: str = "service") -> Any:
        listed = self.status(name).get("conditions") or []
        return next((one for one in listed if one["type"] == kind), {})

    def create(self, name: str, tag: str = "latest", **spec: object) -> None:
        """Have an UpdateService with graph data of this tag."""
        usual = {
            "replicas": 1,
            "releases": self.mirror.repository("ocp/release").name,
            "graphDataImage": f"{self.mirror.repository('openshift/graph-data').name}:{tag}",
        }
        made = {"apiVersion": "updateservice.operator.openshift.io/v1", "kind": "UpdateService"}
        self.apply(
            {**made, "metadata": {"name": name, "namespace": self.namespace}, "spec": {**usual, **spec}}
        )

    def patch(self, name: str, **spec: object) -> None:
        """Change an UpdateService."""
        content = json.dumps({"spec": spec})
        self.oc("-n", self.namespace, "patch", "updateservice", name, "--type=merge", "-p", content)

    def uri(self, name: str = "service") -> str:
        """Wait until the address of a service answers with 200, as the documentation polls it."""
        self.until(lambda: self.status(name).get("policyEngineURI"), "an address")
        uri = str(self.status(name)["policyEngineURI"])
        self.until(lambda: self.graph(uri)[0] == 200, "an answer")
        return uri

    def graph(self, uri: str) -> tuple[int, str]:
        """What a cluster is answered."""
        return self.curl(f"{uri}{GRAPH}", "-H", "Accept: application/json")

    def versions(self, uri: str) -> set[str]:
        """What a cluster is offered. Fails where it gets no answer."""
        status, body = self.graph(uri)
        assert status == 200, body
        return {node["version"] for node in json.loads(body)["nodes"]}

    def pods(self, name: str = "service") -> list[Any]:
        """The pods of a service, without those that end."""
        found = self.get("pods", f"--selector=deployment={name}")["items"]
        return [one for one in found if not one["metadata"].get("deletionTimestamp")]

    def is_rolled_out(self, name: str = "service") -> bool:
        """Whether all replicas, and no others, are as they are wanted now, and answer."""
        deployment = self.get("deployment", name)
        status, wanted = deployment["status"], deployment["spec"]["replicas"]
        counts = [status.get(f"{kind}eplicas") for kind in ("r", "updatedR", "readyR")]
        is_seen = status.get("observedGeneration") == deployment["metadata"]["generation"]
        return is_seen and counts == [wanted] * 3 and len(self.pods(name)) == wanted

    def settled(self, name: str = "service") -> None:
        """Wait until a service is as it should be, and its status says so."""
        self.until(lambda: self.is_rolled_out(name), "all replicas")
        self.until(lambda: self.condition("Degraded", name).get("status") == "False", "no fault")
        self.until(
            lambda: self.condition("Available", name).get("status") == "True", "a service that answers"
        )

    def hang_up(self, name: str) -> None:
        """Have the replicas read their sources at once, as the documentation says: SIGHUP to their first process."""
        mine = f"--siblings={name}-siblings.{self.namespace}.svc:9081".encode()
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                is_first = (
                    (process / "status").read_text().partition("NSpid:")[2].split("\n")[0].endswith("\t1")
                )
                if is_first and mine in (process / "cmdline").read_bytes().split(b"\0"):
                    os.kill(int(process.name), signal.SIGHUP)

    @contextmanager
    def asking(self, uri: str) -> Iterator["Clients"]:
        """Have clusters ask all the while."""
        clients = Clients(self, uri)
        thread = threading.Thread(target=clients.ask)
        thread.start()
        try:
            yield clients
        finally:
            clients.enough.set()
            thread.join()

    def curl(self, url: str, *arguments: str) -> tuple[int, str]:
        """Ask as a cluster would: by name, with the authority of the ingress."""
        host = url.partition("://")[2].partition("/")[0]
        command = [program("curl"), "-s", "--max-time", "10", "-w", "\n%{http_code}"]
        command += ["--resolve", f"{host}:443:{self.cluster.addresses.cluster}"]
        command += ["--cacert", str(self.cluster.ingress_authority), *arguments, url]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS)
        body, _, status = done.stdout.rpartition("\n")
        return int(status or 0), body

    def told(self) -> str:
        """What is known, for a test that waits in vain."""
        kinds = ("updateservices", "deployments", "pods")
        found = [one for kind in kinds for one in self.get(kind)["items"]]
        told = [[one["kind"], one["metadata"]["name"], one.get("status")] for one in found]
        return json.dumps(told, indent=1)[-9000:]

    def until(self, holds: Callable[[], object], what: str) -> None:
        try:
            self.cluster.wait(holds, what=what)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.told()}") from error

    def pack(self, tag: str, *options: str, **more: str) -> None:
        """Pack graph data into an image of the mirror."""
        folder = self.folder / f"graph-data-{tag}"
        for path, text in (GRAPH_DATA | more).items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        target = f"docker://{self.mirror.repository('openshift/graph-data').name}:{tag}"
        access = [f"--ca={self.ca}", f"--authfile={self.logins}"]
        self.upgraph("graph-data", "pack", str(folder), "-o", target, "--overwrite", *access, *options)


@dataclass
class Clients:
    """Clusters that ask one after the other, until it is enough."""

    site: Site
    uri: str
    answers: list[tuple[int, str]] = field(default_factory=list)
    enough: threading.Event = field(default_factory=threading.Event)

    def ask(self) -> None:
        while not self.enough.is_set():
            self.answers.append(self.site.graph(self.uri))

    @property
    def unanswered(self) -> list[tuple[int, str]]:
        return [answer for answer in self.answers if answer[0] != 200]

    def some_more(self) -> None:
        """Wait until several more have asked."""
        wanted = len(self.answers) + 3
        self.site.until(lambda: len(self.answers) >= wanted, "more clients")


@pytest.fixture(scope="session")
def image_archive(build_image: Callable[[], Image]) -> Path:
    return build_image().store.with_name("image.tar")


@pytest.fixture(scope="session")
def site_of(
    cluster: ControlPlane, ground: Ground, image_archive: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Site]]:
    make = tmp_path_factory.mktemp
    with ExitStack() as stack:
        host, folder = str(cluster.addresses.host), make("site")
        shown = ground.authority.issue(make("shown"), names=f"IP:{host},DNS:registry.example")
        images = stack.enter_context(real_registry(make("images"), certificates=shown, host=host))
        mirror = stack.enter_context(real_registry(make("mirror"), certificates=shown, login=True, host=host))
        skopeo_copy(
            f"oci-archive:{image_archive}", f"docker://{images.repository('upgraph/upgraph').name}:test"
        )
        push_releases(mirror, make("releases"))
        ground.logins.write_text(logins_of(mirror))
        ca = ground.authority.certificate
        yield lambda namespace: Site(
            cluster, ground.nodes, namespace, ca, ground.logins, images, mirror, folder
        )


@pytest.fixture
def site(site_of: Callable[[str], Site], new_namespace: Callable[..., str]) -> Site:
    """A site without an operator, in a namespace of its own."""
    return site_of(new_namespace(nodes=kinds_of_nodes.REAL))


@pytest.fixture(scope="session")
def installed(cluster: ControlPlane, site_of: Callable[[str], Site]) -> Site:
    """The site with an operator at work, which most tests share."""
    name = f"test-{secrets.token_hex(4)}"
    cluster.client.create("/api/v1/namespaces", kinds_of_nodes.namespace(name, nodes=kinds_of_nodes.REAL))
    made = site_of(name)
    configure_registry_access(made)
    install_operator(made)
    made.pack("latest")
    return made


@pytest.fixture
def operated(installed: Site) -> Iterator[Site]:
    """The same without any UpdateService, and configured as the documentation says, whatever others have done."""
    configure_registry_access(installed)
    yield installed
    installed.oc("-n", installed.namespace, "delete", "updateservices", "--all")
    installed.until(
        lambda: not installed.get("pods", "--selector=deployment")["items"], "the end of all services"
    )


def configure_registry_access(site: Site) -> None:
    """6.3.3 of the documentation: the authority and the logins of the registry."""
    config = ("-n", "openshift-config")
    site.oc(*config, "delete", "configmap/registry-ca", "secret/pull-secret", "--ignore-not-found")
    site.oc(*config, "create", "configmap", "registry-ca", f"--from-file=updateservice-registry={site.ca}")
    trust = json.dumps({"spec": {"additionalTrustedCA": {"name": "registry-ca"}}})
    site.oc("patch", "image.config.openshift.io/cluster", "--type=merge", "-p", trust)
    logins = f"--from-file=.dockerconfigjson={site.logins}"
    kind = "--type=kubernetes.io/dockerconfigjson"
    site.oc(*config, "create", "secret", "generic", "pull-secret", logins, kind)


def install_operator(site: Site) -> None:
    """6.3.4: the operator, from its own manifests."""
    image = f"{site.images.repository('upgraph/upgraph').name}:test"
    manifests = site.upgraph("operator", "manifests", f"--namespace={site.namespace}", f"--image={image}")
    site.oc("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifests)
    site.oc("-n", site.namespace, "rollout", "status", "deployment/upgraph-operator", "--timeout=120s")


def logins_of(registry: RealRegistry) -> str:
    """The content of a pull secret for a registry."""
    auth = base64.b64encode(f"{USERNAME}:{registry.password}".encode()).decode()
    return json.dumps({"auths": {f"{registry.host}:{registry.port}": {"auth": auth}}})


def push_releases(mirror: RealRegistry, folder: Path, versions: Sequence[str] = VERSIONS) -> None:
    """Have releases of which each updates all before it."""
    with LayoutWriter(folder / "layout") as layout:
        for at, version in enumerate(versions):
            add_release(layout, ReleaseContent(version, previous=tuple(versions[:at])), "amd64", version)
    for version in versions:
        mirror.push(folder / "layout", version, "ocp/release")
