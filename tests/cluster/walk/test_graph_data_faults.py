"""Rows of the fault matrix: images of graph data that are none, with pods that really run and clusters that ask all the while."""

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.walk.conftest import VERSIONS, Site
from tools import image as building
from tools.cluster import nodes
from tools.cluster.control_plane import ControlPlane
from upgraph.oci import OCI_LAYER_GZIP, LayerFile, LayoutWriter, digest_of, gzipped, tar_layer

GRAPH = "/api/upgrades_info/v1/graph?channel=stable-4.1&arch=amd64"


@dataclass(frozen=True)
class Running:
    """An update service that answers."""

    site: Site
    uri: str

    def versions(self) -> set[str]:
        """What a cluster is offered. Fails where it gets no answer."""
        status, body = self.site.curl(f"{self.uri}{GRAPH}", "-H", "Accept: application/json")
        assert status == 200, body
        return {node["version"] for node in json.loads(body)["nodes"]}

    def point(self, image: str) -> None:
        """Ask for other graph data."""
        patch = json.dumps({"spec": {"graphDataImage": image}})
        place = ("-n", self.site.namespace, "patch", "updateservice", "service")
        self.site.oc(*place, "--type=merge", "-p", patch)

    def until(self, holds: Callable[[], object], what: str) -> None:
        """Wait for something, while a cluster asks again and again."""

        def look() -> object:
            assert self.versions() == set(VERSIONS)
            return holds()

        self.site.until(look, what)


@pytest.fixture(scope="module")
def place(cluster: ControlPlane) -> Iterator[str]:
    """A namespace for all tests of the module."""
    name = f"test-{secrets.token_hex(4)}"
    cluster.client.create("/api/v1/namespaces", nodes.namespace(name, nodes=nodes.REAL))
    yield name
    cluster.client.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="module")
def running(site_of: Callable[[str], Site], place: str) -> Running:
    site = site_of(place)
    site.pack("latest")
    image = f"{site.images.repository('upgraph/upgraph').name}:test"
    made = site.upgraph("operator", "manifests", f"--namespace={place}", f"--image={image}")
    site.oc("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=made)
    # Objects of its own: what the cluster has belongs to other tests as well.
    here = ("-n", place, "create")
    site.oc(*here, "configmap", "authorities", f"--from-file=updateservice-registry={site.ca}")
    logins = (
        f"--from-file=.dockerconfigjson={site.logins}",
        "--type=kubernetes.io/dockerconfigjson",
    )
    site.oc(*here, "secret", "generic", "logins", *logins)
    site.oc(*here, "-f", "-", stdin=json.dumps(update_service(site)))
    site.until(lambda: site.condition("Available").get("status") == "True", "a service that answers")
    found = Running(site, str(site.status()["policyEngineURI"]))
    settled(found)
    return found


def update_service(site: Site) -> Any:
    spec = {
        "replicas": 2,
        "releases": site.mirror.repository("ocp/release").name,
        "graphDataImage": good(site),
        "trust": {"configMap": "authorities"},
        "credentials": {"secret": "logins"},
    }
    head = {"apiVersion": "updateservice.operator.openshift.io/v1", "kind": "UpdateService"}
    return head | {"metadata": {"name": "service"}, "spec": spec}


def good(site: Site) -> str:
    return f"{site.mirror.repository('openshift/graph-data').name}:latest"


def missing(site: Site) -> str:
    return f"{site.mirror.repository('openshift/graph-data').name}:absent"


def program_of_another_kind(site: Site) -> str:
    """An image that is started and copies nothing."""
    return f"{site.images.repository('upgraph/upgraph').name}:test"


def without_directory(site: Site) -> str:
    """An image without a command, and with nothing where graph data has to be."""
    folder = site.folder / "without-directory"
    layer = tar_layer([LayerFile("srv/graph-data/version", b"1.1.0\n")])
    config = {
        "architecture": building.native().name,
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]},
    }
    if not folder.exists():
        with LayoutWriter(folder) as layout:
            layout.image(config=config, layers=[layout.blob(gzipped(layer), OCI_LAYER_GZIP)], tag="elsewhere")
        site.mirror.push(Path(folder), "elsewhere", "openshift/graph-data")
    return f"{site.mirror.repository('openshift/graph-data').name}:elsewhere"


def with_errors(site: Site) -> str:
    """An image whose graph data the service refuses."""
    site.pack("errors", "--no-check=graph-data-yaml", **{"channels/broken.yaml": "name: [\n"})
    return f"{site.mirror.repository('openshift/graph-data').name}:errors"


def settled(running: Running) -> None:
    """Wait until all replicas are as they are asked for, and nothing is wrong with them."""
    site = running.site

    def is_so() -> bool:
        found = site.get("deployment", "service")
        status, wanted = found["status"], found["spec"]["replicas"]
        counts = [status.get(name) for name in ("replicas", "updatedReplicas", "readyReplicas")]
        return counts == [wanted] * 3 and site.condition("GraphDataReady").get("reason") == "Resolved"

    running.until(is_so, "replicas that are as they should be")
    running.until(lambda: site.condition("Degraded")["status"] == "False", "a status without a fault")


@pytest.mark.parametrize(
    ("image", "words"),
    [
        pytest.param(missing, "absent", id="missing"),
        pytest.param(program_of_another_kind, "upgraph", id="no graph data"),
        pytest.param(without_directory, "/var/lib/cincinnati-graph-data", id="without the directory"),
        pytest.param(with_errors, "channels/broken.yaml:2: ", id="refused"),
    ],
)
def test_an_image_that_brings_no_graph_data(
    running: Running, image: Callable[[Site], str], words: str
) -> None:
    site = running.site
    running.point(image(site))

    def is_told() -> bool:
        said = site.condition("GraphDataReady")
        return said.get("status") == "False" and words in said.get("message", "")

    running.until(is_told, "a status that says so")
    assert site.condition("Available")["status"] == "True"
    running.point(good(site))
    settled(running)
