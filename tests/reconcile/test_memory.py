"""An operator that has just begun says of what it does not know yet what was said before, and of the rest what is."""

import asyncio

import pytest

from tests.reconcile.conftest import Start
from upgraph.kube.kinds import DEPLOYMENT
from upgraph.operator.observing import replicas
from upgraph.testing.operated_cluster import OperatedCluster


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at services do not come to an end."""

    async def asked(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(replicas, "ask_all", asked)


async def test_what_the_registry_says_does_not_wait_for_the_replicas(
    quick: None, blind: None, cluster: OperatedCluster, start: Start
) -> None:
    async with start():
        cluster.begin()
        await cluster.until(lambda: cluster.condition("GraphDataReady").get("reason") == "Resolved")
        await cluster.registry.halt()
        await cluster.until(lambda: cluster.condition("GraphDataReady")["reason"] == "LastKnown")
        await cluster.until(lambda: cluster.condition("Degraded")["status"] == "True")


async def test_a_deployment_that_is_there_is_not_said_to_be_missing(
    blind: None, cluster: OperatedCluster, start: Start
) -> None:
    async with start():
        cluster.begin()
        await cluster.until(lambda: cluster.condition("Available").get("reason") == "NotDeployed")
        await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample"))
        cluster.run_pods()
        await cluster.until(lambda: cluster.condition("Available")["reason"] != "NotDeployed")


async def test_what_was_seen_of_the_releases_is_said_on(
    blind: None, cluster: OperatedCluster, start: Start
) -> None:
    async with start():
        await cluster.settle()
    said = {"type": "ReleasesReachable", "status": "True", "reason": "Reachable", "message": "91 releases"}
    kept = [one for one in cluster.status()["conditions"] if one["type"] != said["type"]]
    cluster.put(cluster.resource, "sample", status=cluster.status() | {"conditions": [*kept, said]})
    async with start():
        cluster.update_service(replicas=3)
        await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample")["spec"]["replicas"] == 3)
        await cluster.until(lambda: cluster.status()["observedGeneration"] > 1)
    assert cluster.condition("ReleasesReachable")["reason"] == "Reachable"
