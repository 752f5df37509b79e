"""The update service, from its real image, as a pod with the rights that platforms leave to it."""

from pathlib import Path
from typing import Any

import pytest

from tests.cluster.node.conftest import RESTRICTED, Bench, Pod
from upgraph.oci import LayoutWriter
from upgraph.payload import ReleaseContent, add_release
from upgraph.testing.answers import read_answer

VERSIONS = ("4.1.0", "4.1.1")
GRAPH_DATA = {
    "version": "1.1.0\n",
    "raw/metadata.json": "{}\n",
    "blocked-edges/4.0.0.yaml": "to: 4.0.0\nfrom: 3[.].*\n",
    "channels/stable-4.1.yaml": "name: stable-4.1\nversions:\n- 4.1.0\n- 4.1.1\n",
}
PORTS = [{"name": "graph", "containerPort": 8080}, {"name": "status", "containerPort": 9081}]
PROBES: dict[str, Any] = {
    "startupProbe": {
        "httpGet": {"port": "status", "path": "/livez"},
        "periodSeconds": 1,
        "failureThreshold": 60,
    },
    "readinessProbe": {"httpGet": {"port": "status", "path": "/readyz"}, "periodSeconds": 1},
    "livenessProbe": {
        "httpGet": {"port": "status", "path": "/livez"},
        "periodSeconds": 5,
        "timeoutSeconds": 5,
    },
}


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A directory with release images and graph data."""
    with LayoutWriter(tmp_path / "sources" / "releases") as layout:
        for at, version in enumerate(VERSIONS):
            add_release(layout, ReleaseContent(version, previous=VERSIONS[:at]), "amd64", version)
    for path, text in GRAPH_DATA.items():
        file = tmp_path / "sources" / "graph-data" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "sources"


@pytest.fixture
def service(bench: Bench, operand: str, sources: Path) -> Pod:
    """The service in a pod."""
    arguments = ["serve", "--releases=oci:/sources/releases", "--graph-data=/sources/graph-data"]
    arguments += [
        "--payload-repository=registry.example/ocp/release",
        "--listen=:8080",
        "--status-listen=:9081",
    ]
    volume = {"name": "sources", "hostPath": {"path": str(sources)}}
    mount = {"name": "sources", "mountPath": "/sources", "readOnly": True}
    return bench.pod(
        {"volumes": [volume]},
        image=operand,
        args=arguments,
        ports=PORTS,
        volumeMounts=[mount],
        securityContext=RESTRICTED,
        **PROBES,
    )


def test_it_becomes_ready_answers_and_ends_in_order(service: Pod) -> None:
    graph = service.ready().ask("/api/upgrades_info/graph?channel=stable-4.1&arch=amd64")
    assert set(read_answer(graph.body.encode()).nodes) == set(VERSIONS)
    service.delete(30)
    assert service.gone().container["state"]["terminated"]["exitCode"] == 0
    assert service.container["restartCount"] == 0
    assert "Traceback" not in service.text()
