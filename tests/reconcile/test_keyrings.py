"""Keys that come, and keys that are exchanged, reach the pods without a hand."""

import base64

import pytest

from upgraph.kube.kinds import CONFIG_MAP, DEPLOYMENT, SECRET
from upgraph.kube.objects import Kind
from upgraph.operator.controller import Controller
from upgraph.testing.operated_cluster import OperatedCluster

KEYRINGS = "updateservice.operator.openshift.io/keyrings"


def content(text: str) -> dict[str, str]:
    return {"keys.asc": base64.b64encode(text.encode()).decode()}


def state(cluster: OperatedCluster) -> str:
    """What the pods say of the keyrings they were made with; empty without pods."""
    found = cluster.find(DEPLOYMENT, "sample")
    return str(found["spec"]["template"]["metadata"]["annotations"][KEYRINGS]) if found else ""


@pytest.mark.parametrize(
    ("kind", "field", "place"),
    [(SECRET, "keyringSecret", "data"), (CONFIG_MAP, "keyringConfigMap", "binaryData")],
    ids=["Secret", "ConfigMap"],
)
async def test_pods_are_made_when_the_keys_come_and_again_when_they_are_others(
    cluster: OperatedCluster, operator: Controller, kind: Kind, field: str, place: str
) -> None:
    cluster.begin(signatures={"required": True, field: "keys", "source": "https://signatures.example/"})
    await cluster.until(lambda: cluster.condition("ReconcileCompleted").get("reason") == "KeyringNotFound")
    assert not state(cluster)
    cluster.put(kind, "keys", **{place: content("first")})
    await cluster.until(lambda: state(cluster))
    first = state(cluster)
    (container,) = cluster.find(DEPLOYMENT, "sample")["spec"]["template"]["spec"]["containers"]
    assert "--require-signatures=/etc/upgraph/keyrings/keys.asc" in container["args"]
    cluster.put(kind, "keys", **{place: content("second")})
    await cluster.until(lambda: state(cluster) != first)
    second = state(cluster)
    cluster.server.state.delete(kind, cluster.key("keys"))
    await cluster.until(lambda: cluster.condition("ReconcileCompleted")["reason"] == "KeyringNotFound")
    assert state(cluster) == second
