"""What is not known for a moment is not taken for what is not there: pods would be made otherwise by mistake."""

import asyncio
from typing import Any

import pytest

from tests.reconcile.conftest import Start
from upgraph.kube.kinds import DEPLOYMENT, NETWORK_POLICY, ROUTE
from upgraph.testing.api_server import Fault
from upgraph.testing.operated_cluster import OperatedCluster


def serving(cluster: OperatedCluster) -> list[Any]:
    named = ((DEPLOYMENT, "sample"), (NETWORK_POLICY, "sample"), (ROUTE, "sample-route"))
    return [cluster.find(kind, name)["spec"] for kind, name in named]


async def follows(cluster: OperatedCluster, start: Start) -> None:
    """An operator begins where another one has ended, and works."""
    async with start():
        cluster.update_service(replicas=3)
        await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample")["spec"]["replicas"] == 3)
        cluster.update_service(replicas=2)
        await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample")["spec"]["replicas"] == 2)


@pytest.mark.parametrize("plural", ["images", "proxies", "routes", "configmaps", "secrets", "deployments"])
async def test_what_cannot_be_read_yet_is_waited_for(
    cluster: OperatedCluster, start: Start, plural: str
) -> None:
    async with start():
        await cluster.settle()
    before, writes = serving(cluster), cluster.writes()
    cluster.server.faults.append(Fault("list", plural, status=401, times=3))
    async with start() as operator:
        await cluster.until(lambda: operator.world.is_settled and not cluster.server.faults)
        assert cluster.writes() == writes
    await follows(cluster, start)
    assert serving(cluster) == before


async def test_routes_that_may_not_be_read_are_not_taken_for_absent(
    cluster: OperatedCluster, start: Start
) -> None:
    async with start():
        await cluster.settle()
    before, uri = serving(cluster), cluster.status()["policyEngineURI"]
    for verb in ("list", "patch"):
        cluster.server.faults.append(Fault(verb, "routes", status=403, times=1000))
    async with start() as operator:
        await cluster.until(lambda: operator.world.is_settled)
        cluster.update_service(replicas=3)
        await cluster.until(lambda: cluster.condition("ReconcileCompleted")["reason"] == "CreateRouteFailed")
        await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample")["spec"]["replicas"] == 3)
        assert operator.world.platform.routes
    assert (serving(cluster)[1:], cluster.status()["policyEngineURI"]) == (before[1:], uri)


async def test_a_login_that_is_not_known_for_a_moment_does_not_make_another_cluster_of_it(
    cluster: OperatedCluster, start: Start
) -> None:
    async with start():
        await cluster.settle()
    before, known = serving(cluster), cluster.server.tokens
    cluster.server.tokens = set()
    async with start() as operator:
        await cluster.until(lambda: operator.world.faults)
        await asyncio.sleep(0.5)
        cluster.server.tokens = known
        await cluster.until(lambda: operator.world.is_settled)
        assert operator.world.platform.routes
        await asyncio.sleep(0.5)
    assert serving(cluster) == before


async def test_each_reason_for_which_nothing_is_done_yet_is_named(
    cluster: OperatedCluster, start: Start
) -> None:
    refused = {"secrets": 403, "deployments": 503}
    cluster.server.faults += [
        Fault("list", plural, status=code, times=1000) for plural, code in refused.items()
    ]
    async with start() as operator:
        await cluster.until(lambda: len(operator.world.waits) == len(refused))
        told = sorted(operator.world.waits)
        assert ["Deployment" in told[0], "503" in told[0]] == [True, True], told
        assert ["Secret" in told[1], "403" in told[1]] == [True, True], told
        cluster.server.faults.clear()
        await cluster.until(lambda: operator.world.is_settled)
        assert operator.world.waits == ()


async def test_what_no_answer_has_come_for_is_named(cluster: OperatedCluster, start: Start) -> None:
    gate = asyncio.Event()
    cluster.server.faults.append(Fault("list", "secrets", hold=gate, times=1000))
    async with start() as operator:
        await cluster.until(lambda: any("Secret in" in one for one in operator.world.waits))
        gate.set()
        await cluster.until(lambda: operator.world.is_settled)
