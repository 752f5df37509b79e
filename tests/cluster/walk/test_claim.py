"""A claim that stays: what one pod has learnt is there for the next one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.walk.conftest import Site
from tests.cluster.walk.test_wishes import volume_in


@pytest.fixture
def claim(operated: Site, tmp_path: Path) -> Iterator[str]:
    """A claim of the administrator, with a volume that nobody else takes."""
    volume = volume_in(tmp_path / "kept")
    volume["spec"]["storageClassName"] = "kept"
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "kept",
        "resources": {"requests": {"storage": "16Mi"}},
    }
    metadata = {"name": "state", "namespace": operated.namespace}
    wanted = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
    operated.apply(volume, wanted)
    yield "state"
    operated.oc("-n", operated.namespace, "delete", "persistentvolumeclaim", "state", "--wait=false")
    operated.oc("delete", "persistentvolume", volume["metadata"]["name"], "--wait=false")


def test_the_next_pod_begins_with_what_the_last_one_knew(operated: Site, claim: str) -> None:
    operated.create("claimed", volume={"claimName": claim})
    operated.uri("claimed")
    operated.settled("claimed")
    (first,) = operated.pods("claimed")
    operated.patch("claimed", resources={"requests": {"cpu": "110m"}})
    operated.until(lambda: other_than(operated, first["metadata"]["name"]), "another pod")
    operated.settled("claimed")
    (second,) = operated.pods("claimed")
    said = operated.nodes.log(operated.namespace, second["metadata"]["name"], "update-service")
    assert "that was saved before" in said


def other_than(site: Site, name: str) -> bool:
    return [one["metadata"]["name"] != name for one in site.pods("claimed")] == [True]
