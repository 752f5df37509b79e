"""What the cluster comes to have, loses for a moment or loses for good is noticed without a hand."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.reconcile.conftest import Start
from upgraph.kube.kinds import DEPLOYMENT, HTTP_ROUTE, INGRESS, ROUTE
from upgraph.kube.objects import Kind
from upgraph.operator.controller import Controller
from upgraph.testing.operated_cluster import QUIET_SECONDS, OperatedCluster

GATEWAY = {"host": "localhost", "gateway": {"name": "edge"}}


@pytest.fixture
def searching(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the cluster lacks is looked for all the time."""
    monkeypatch.setattr("upgraph.operator.world.SEARCH_SECONDS", 0.1)
    monkeypatch.setattr("upgraph.kube.informer.ABSENT_SECONDS", 0.1)


@contextmanager
def without(kind: Kind, cluster: OperatedCluster) -> Iterator[None]:
    """A cluster whose definition of a kind is deleted, and applied again at the end."""
    state = cluster.server.state
    state.kinds.remove(kind)
    state.delete(kind, cluster.key("sample-route"))
    try:
        yield
    finally:
        state.kinds.append(kind)


def accept(cluster: OperatedCluster) -> None:
    """Let the gateway take the HTTPRoute."""
    parents = [{"conditions": [{"type": "Accepted", "status": "True"}]}]
    route = cluster.find(HTTP_ROUTE, "sample-route") | {"status": {"parents": parents}}
    cluster.server.state.put(HTTP_ROUTE, route)


async def test_a_kind_that_comes_is_used(
    searching: None, plain: None, cluster: OperatedCluster, operator: Controller
) -> None:
    cluster.begin(exposure={"type": "HTTPRoute", **GATEWAY})
    await cluster.until(
        lambda: cluster.condition("ReconcileCompleted").get("reason") == "ExposureUnavailable"
    )
    await cluster.until(lambda: not len(operator.queue))
    cluster.server.state.kinds.append(HTTP_ROUTE)
    await cluster.until(lambda: cluster.find(HTTP_ROUTE, "sample-route"))


async def test_a_route_through_a_gateway_comes_back_with_its_kind(
    searching: None, plain: None, cluster: OperatedCluster, operator: Controller
) -> None:
    cluster.server.state.kinds.append(HTTP_ROUTE)
    cluster.begin(exposure=GATEWAY)
    await cluster.until(lambda: cluster.find(HTTP_ROUTE, "sample-route"))
    accept(cluster)
    await cluster.until(lambda: cluster.status().get("policyEngineURI") == "https://localhost")
    with without(HTTP_ROUTE, cluster):
        await cluster.until(lambda: cluster.condition("ReconcileCompleted")["status"] != "True")
        await asyncio.sleep(QUIET_SECONDS)
        assert cluster.status()["policyEngineURI"] == "https://localhost"
    await cluster.until(lambda: cluster.find(HTTP_ROUTE, "sample-route"))
    assert cluster.find(INGRESS, "sample-route") == {}
    assert cluster.status()["policyEngineURI"] == "https://localhost"


async def test_a_gateway_is_not_left_by_an_operator_that_begins_while_the_kind_is_away(
    searching: None, plain: None, cluster: OperatedCluster, start: Start
) -> None:
    cluster.server.state.kinds.append(HTTP_ROUTE)
    cluster.begin(exposure=GATEWAY)
    async with start():
        await cluster.until(lambda: cluster.find(HTTP_ROUTE, "sample-route"))
        accept(cluster)
        await cluster.until(lambda: cluster.status().get("policyEngineURI") == "https://localhost")
    with without(HTTP_ROUTE, cluster):
        async with start():
            await cluster.until(
                lambda: cluster.condition("ReconcileCompleted")["reason"] == "ExposureUnavailable"
            )
    assert cluster.find(INGRESS, "sample-route") == {}
    assert cluster.status()["policyEngineURI"] == "https://localhost"


async def test_a_moment_without_routes_does_not_change_the_way(
    searching: None, cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    with without(ROUTE, cluster):
        cluster.update_service(replicas=3)
        await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample")["spec"]["replicas"] == 3)
        await cluster.until(lambda: cluster.condition("ReconcileCompleted")["reason"] == "CreateRouteFailed")
        await asyncio.sleep(QUIET_SECONDS)
        cluster.update_service(replicas=4)
        await cluster.until(lambda: cluster.condition("ReconcileCompleted")["observedGeneration"] == 3)
        assert cluster.status()["policyEngineURI"] == "https://localhost"
    await cluster.until(lambda: cluster.find(ROUTE, "sample-route"))


async def test_a_kind_that_stays_away_is_no_longer_counted_on(
    searching: None, cluster: OperatedCluster, operator: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("upgraph.kube.informer.GONE_SECONDS", 0.5)
    await cluster.settle()
    with without(ROUTE, cluster):
        await cluster.until(lambda: cluster.status()["policyEngineURI"].endswith(".svc"))
