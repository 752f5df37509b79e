"""A cluster of OpenShift with nodes that run pods, and a site around it: registries, authorities, an image of this package."""

import base64
import json
import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Ground
from tests.image.conftest import Image, build_image
from tools.cluster import nodes as kinds_of_nodes
from tools.cluster.control_plane import ControlPlane
from tools.cluster.procedure import GRAPH, configure_registry_access, install_operator
from tools.cluster.site import GRAPH_DATA, VERSIONS, push_releases
from tools.cluster.site import Site as AdministratorsSite
from upgraph.testing.real_registry import (
    USERNAME,
    RealRegistry,
    real_registry,
    skopeo_copy,
)

__all__ = [
    "GRAPH_DATA",
    "VERSIONS",
    "build_image",
    "configure_registry_access",
    "install_operator",
    "push_releases",
]


class Site(AdministratorsSite):
    """The site, and what tests do at it."""

    def apply(self, *objects: Any) -> None:
        """Have objects be so, whoever has made them."""
        listed = {"apiVersion": "v1", "kind": "List", "items": objects}
        self.oc("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(listed))

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

    def told(self) -> str:
        """What is known, for a test that waits in vain."""
        kinds = ("updateservices", "deployments", "pods")
        found = [one for kind in kinds for one in self.get(kind)["items"]]
        told = [[one["kind"], one["metadata"]["name"], one.get("status")] for one in found]
        return json.dumps(told, indent=1)[-9000:]


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


def logins_of(registry: RealRegistry) -> str:
    """The content of a pull secret for a registry."""
    auth = base64.b64encode(f"{USERNAME}:{registry.password}".encode()).decode()
    return json.dumps({"auths": {f"{registry.host}:{registry.port}": {"auth": auth}}})
