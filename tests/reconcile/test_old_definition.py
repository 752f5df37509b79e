"""A definition of the resource that knows less of the status is told, and everything that it knows is told too."""

import pytest

from upgraph.operator.controller import Controller
from upgraph.testing.api_server import Fault
from upgraph.testing.operated_cluster import OperatedCluster

NOT_DECLARED = "failed to create typed patch object (sample): .status.graphData: field not declared in schema"


def refuse(cluster: OperatedCluster, message: str, times: int) -> None:
    cluster.server.faults.append(
        Fault("patch", cluster.resource.plural, status=500, message=message, times=times)
    )


async def test_what_every_definition_has_is_told_with_the_repair(
    cluster: OperatedCluster, operator: Controller
) -> None:
    refuse(cluster, NOT_DECLARED, 1)
    cluster.begin()
    await cluster.until(lambda: "definition-old" in cluster.condition("Degraded").get("message", ""))
    assert "upgraph operator manifests --crd-only | kubectl apply" in cluster.condition("Degraded")["message"]
    assert set(cluster.status()) <= {"conditions", "policyEngineURI"}
    assert all("observedGeneration" not in one for one in cluster.status()["conditions"])


async def test_the_whole_status_is_told_once_the_definition_is_a_new_one(
    cluster: OperatedCluster, operator: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("upgraph.operator.reporting.writing.AGAIN_SECONDS", 0.3)
    monkeypatch.setattr("upgraph.operator.controller.AGAIN_SECONDS", 0.3)
    refuse(cluster, NOT_DECLARED, 1)
    cluster.begin()
    await cluster.until(lambda: cluster.status().get("observedGeneration") is not None)
    assert "definition-old" not in cluster.condition("Degraded")["message"]


async def test_another_refusal_is_tried_again_as_it_was(
    cluster: OperatedCluster, operator: Controller
) -> None:
    refuse(cluster, "etcd is not well", 2)
    cluster.begin()
    await cluster.until(lambda: cluster.status().get("observedGeneration") is not None)
    assert "definition-old" not in cluster.condition("Degraded")["message"]
