"""What is asked for in optional fields is what the pods that run have, and what clusters are told."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.walk.conftest import VERSIONS, Site
from upgraph.oci import LayoutWriter
from upgraph.payload import ReleaseContent, add_release

NEXT_VERSION = "4.1.2"
MORE = "ocp/more"
CHANNEL = "name: stable-4.1\nversions:\n- 4.1.0\n- 4.1.1\n- 4.1.2\n"
RESOURCES = {
    "requests": {"cpu": "120m", "memory": "96Mi"},
    "limits": {"cpu": "900m", "memory": "768Mi"},
}
ZONE = "topology.kubernetes.io/zone"


@pytest.fixture
def reserved_node(operated: Site) -> Iterator[str]:
    """A node that only pods take which tolerate it."""
    operated.oc("taint", "node", "real-b", "reserved=updates:NoSchedule")
    yield "real-b"
    operated.oc("taint", "node", "real-b", "reserved-")


@pytest.fixture
def storage(operated: Site, tmp_path: Path) -> Iterator[Path]:
    """The directory with the volumes that were made for the class ``by-hand``: one for each pod of a rollout, and more."""
    volumes = [volume_in(tmp_path / "volumes" / str(number)) for number in range(3)]
    operated.apply(*volumes)
    yield tmp_path / "volumes"
    operated.oc("delete", "persistentvolume", *(one["metadata"]["name"] for one in volumes), "--wait=false")


def volume_in(directory: Path) -> dict[str, Any]:
    directory.mkdir(parents=True)
    directory.chmod(0o777)
    spec = {
        "capacity": {"storage": "64Mi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "by-hand",
        "persistentVolumeReclaimPolicy": "Retain",
        "hostPath": {"path": str(directory)},
    }
    metadata = {"name": f"by-hand-{directory.name}"}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec}


def test_the_fields_of_an_update_service_are_what_its_pods_have(
    operated: Site, reserved_node: str, storage: Path, tmp_path: Path
) -> None:
    push_next(operated, tmp_path)
    operated.pack("wishes", **{"channels/stable-4.1.yaml": CHANNEL})
    operated.create(
        "wished",
        "wishes",
        additionalReleases=[operated.mirror.repository(MORE).name],
        versions={"allow": ["4.1.1"]},
        resources=RESOURCES,
        volume={"size": "16Mi", "storageClassName": "by-hand"},
        scheduling={
            "nodeSelector": {ZONE: "b"},
            "tolerations": [{"key": "reserved", "operator": "Equal", "value": "updates"}],
        },
    )
    uri = operated.uri("wished")
    operated.settled("wished")
    (pod,) = operated.pods("wished")
    assert pod["spec"]["nodeName"] == reserved_node
    (container,) = pod["spec"]["containers"]
    assert container["resources"] == RESOURCES
    assert any(storage.glob("*/*")), "nothing was kept in the volume"
    releases, updates = offered(operated, uri)
    assert releases == {*VERSIONS, NEXT_VERSION}
    assert updates == {("4.1.0", "4.1.1")}
    operated.patch("wished", versions={"allow": ["4.1.1", "4.1.2"]})
    operated.until(lambda: len(offered(operated, uri)[1]) > 1, "updates into what is promoted now")
    assert offered(operated, uri)[1] == {("4.1.0", "4.1.1"), ("4.1.0", "4.1.2"), ("4.1.1", "4.1.2")}


def push_next(site: Site, folder: Path) -> None:
    """Have a release in a repository of its own."""
    content = ReleaseContent(NEXT_VERSION, previous=VERSIONS)
    with LayoutWriter(folder / "layout") as layout:
        add_release(layout, content, "amd64", NEXT_VERSION)
    site.mirror.push(folder / "layout", NEXT_VERSION, MORE)


def offered(site: Site, uri: str) -> tuple[set[str], set[tuple[str, str]]]:
    """The releases and the updates between them that a cluster is told."""
    status, body = site.graph(uri)
    assert status == 200, body
    graph: Any = json.loads(body)
    versions = [node["version"] for node in graph["nodes"]]
    return set(versions), {(versions[old], versions[new]) for old, new in graph["edges"]}
