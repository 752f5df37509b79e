"""Behind the proxy of the cluster: the operator asks for the tag of the graph data as its pods would."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from upgraph.kube.kinds import CONFIG_MAP, DEPLOYMENT, PROXY_CONFIG
from upgraph.operator.controller import Controller
from upgraph.testing.certificates import Authority, make_authority
from upgraph.testing.operated_cluster import OperatedCluster, put_image
from upgraph.testing.proxy import SimulatedProxy
from upgraph.testing.registry import SimulatedRegistry

HOST, PORT = "registry.outside.example", 5000
"""The proxy alone knows where that is."""
IMAGE = f"{HOST}:{PORT}/openshift/graph-data"


@dataclass(frozen=True)
class Outside:
    """What is beyond the cluster."""

    registry: SimulatedRegistry
    authority: Authority
    """Has signed what the registry shows."""
    proxy: SimulatedProxy
    """Before the registry."""


@pytest.fixture
async def outside(tmp_path: Path) -> AsyncIterator[Outside]:
    (tmp_path / "company").mkdir()
    authority = make_authority(tmp_path / "company", name="company")
    shown = authority.issue(tmp_path, names=f"DNS:{HOST}")
    async with SimulatedRegistry("openshift/graph-data", tls=shown.server_context()) as registry:
        port = int(registry.repository.host.rpartition(":")[2])
        async with SimulatedProxy(names={f"{HOST}:{PORT}": port}) as proxy:
            yield Outside(registry, authority, proxy)


async def test_the_tag_is_asked_for_through_the_proxy_with_the_authorities_of_the_cluster(
    quick: None, outside: Outside, cluster: OperatedCluster, operator: Controller
) -> None:
    digest = put_image(outside.registry, "latest", "/copier")
    cluster.trust_registry()
    cluster.put(PROXY_CONFIG, "cluster", status={"httpsProxy": outside.proxy.url, "noProxy": ".svc"})
    cluster.update_service(graphDataImage=f"{IMAGE}:latest")
    # Nobody has given the authorities of the cluster yet, and this one is nowhere else.
    await cluster.until(lambda: "certificate" in cluster.condition("GraphDataReady").get("message", ""))
    assert cluster.condition("GraphDataReady")["status"] == "False"
    assert outside.registry.requests == []
    await cluster.until(lambda: cluster.find(CONFIG_MAP, "sample-cluster-ca"))
    injected = {"ca-bundle.crt": outside.authority.certificate.read_text()}
    cluster.edit(CONFIG_MAP, "sample-cluster-ca", data=injected)
    await cluster.until(lambda: cluster.condition("GraphDataReady")["reason"] == "Resolved")
    assert cluster.status()["graphData"]["digest"] == str(digest)
    assert {(one.method, one.target) for one in outside.proxy.asked} == {("CONNECT", f"{HOST}:{PORT}")}
    # The pods take the same way.
    await cluster.until(lambda: copier_of(cluster) == f"{IMAGE}@{digest}")
    assert cluster.variables()["HTTPS_PROXY"] == outside.proxy.url
    assert "--ca=/etc/upgraph/cluster-ca/ca-bundle.crt" in cluster.arguments()


def copier_of(cluster: OperatedCluster) -> str:
    """The image whose command brings the graph data; empty without one."""
    pod = cluster.find(DEPLOYMENT, "sample").get("spec", {}).get("template", {}).get("spec", {})
    return next((str(one["image"]) for one in pod.get("initContainers") or ()), "")
