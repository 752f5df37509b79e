"""Pods name a user where the cluster chooses none, and only there."""

import pytest

from tests.reconcile.conftest import Start
from upgraph.kube.kinds import DEPLOYMENT, HTTP_ROUTE, SECURITY_CONTEXT_CONSTRAINTS
from upgraph.kube.objects import Object
from upgraph.operator.controller import Controller
from upgraph.testing.operated_cluster import OperatedCluster

NAMED = {"runAsUser": 1001, "runAsGroup": 0, "fsGroup": 1001}


@pytest.fixture
def searching(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the cluster lacks is looked for all the time."""
    monkeypatch.setattr("upgraph.operator.world.SEARCH_SECONDS", 0.1)


def named(cluster: OperatedCluster) -> Object | None:
    """What the pods name; None while there is no Deployment."""
    found = cluster.find(DEPLOYMENT, "sample")
    context: Object = found["spec"]["template"]["spec"]["securityContext"] if found else {}
    return {name: context[name] for name in NAMED if name in context} if found else None


async def test_nothing_is_named_where_the_cluster_chooses(
    cluster: OperatedCluster, operator: Controller
) -> None:
    cluster.begin()
    await cluster.until(lambda: named(cluster) is not None)
    assert named(cluster) == {}


async def test_the_user_of_the_image_is_named_where_nobody_chooses(
    plain: None, cluster: OperatedCluster, operator: Controller
) -> None:
    cluster.begin()
    await cluster.until(lambda: named(cluster) is not None)
    assert named(cluster) == NAMED


async def test_a_cluster_that_comes_to_choose_is_left_to_choose(
    searching: None, plain: None, cluster: OperatedCluster, operator: Controller
) -> None:
    cluster.begin()
    await cluster.until(lambda: named(cluster) == NAMED)
    cluster.server.state.kinds.append(SECURITY_CONTEXT_CONSTRAINTS)
    await cluster.until(lambda: named(cluster) == {})


async def test_a_moment_without_the_kind_rolls_no_pods(
    searching: None, cluster: OperatedCluster, start: Start
) -> None:
    kinds = cluster.server.state.kinds
    kinds.remove(HTTP_ROUTE)
    async with start() as operator:
        cluster.begin()
        await cluster.until(lambda: named(cluster) == {})
        kinds.remove(SECURITY_CONTEXT_CONSTRAINTS)
        # Who has seen this one come has looked for all kinds.
        kinds.append(HTTP_ROUTE)
        await cluster.until(lambda: operator.world.platform.http_routes)
        cluster.update_service(replicas=3)
        await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample")["spec"]["replicas"] == 3)
        assert named(cluster) == {}
