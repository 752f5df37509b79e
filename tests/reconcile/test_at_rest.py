"""What is as it should be is left alone; what is not is put right, and nothing else."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from upgraph.kube.api import Api
from upgraph.kube.kinds import CONFIG_MAP, DEPLOYMENT, NETWORK_POLICY, ROUTE, SECRET, SERVICE
from upgraph.kube.objects import Kind
from upgraph.operator.controller import Controller
from upgraph.operator.inputs.own import MANAGED_BY, MANAGER
from upgraph.testing.operated_cluster import NAMESPACE, OperatedCluster, put_image

Start = Callable[[], AbstractAsyncContextManager[Controller]]


async def test_nothing_is_written_once_all_is_as_wanted(
    quick: None, cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    before = cluster.asked()
    await asyncio.sleep(1)
    assert cluster.asked() - before == {}


async def test_a_new_operator_writes_nothing_where_all_is_as_wanted(
    api: Api,
    cluster: OperatedCluster,
    operator: Controller,
    start: Start,
) -> None:
    await cluster.settle()
    before = cluster.writes()
    async with start() as other:
        await cluster.until(lambda: other.world.is_settled and not len(other.queue))
        await asyncio.sleep(0.5)
    assert cluster.writes() == before


async def test_a_change_by_hand_is_put_back(cluster: OperatedCluster, operator: Controller) -> None:
    await cluster.settle()
    cluster.edit(DEPLOYMENT, "sample", spec={"replicas": 7})
    await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample")["spec"]["replicas"] == 2)


async def test_a_label_more_in_the_selector_of_a_service_is_taken_away(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    wanted = cluster.find(SERVICE, "sample-policy-engine")["spec"]
    cluster.edit(SERVICE, "sample-policy-engine", spec={"selector": {"slot": "blue"}})
    await cluster.until(lambda: cluster.find(SERVICE, "sample-policy-engine")["spec"] == wanted)


async def test_an_addition_by_hand_stays(cluster: OperatedCluster, operator: Controller) -> None:
    await cluster.settle()
    cluster.edit(SERVICE, "sample-policy-engine", metadata={"labels": {"team": "harbour"}})
    cluster.edit(DEPLOYMENT, "sample", spec={"replicas": 7})
    await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample")["spec"]["replicas"] == 2)
    assert cluster.find(SERVICE, "sample-policy-engine")["metadata"]["labels"]["team"] == "harbour"


async def test_pods_that_are_restarted_by_hand_are_not_put_back(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    restarted = {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-23T06:00:00Z"}}
    cluster.edit(DEPLOYMENT, "sample", spec={"replicas": 7, "template": {"metadata": restarted}})
    await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample")["spec"]["replicas"] == 2)
    made = cluster.find(DEPLOYMENT, "sample")["spec"]["template"]["metadata"]["annotations"]
    assert restarted["annotations"].items() < made.items()


async def test_what_is_deleted_by_hand_comes_back(cluster: OperatedCluster, operator: Controller) -> None:
    await cluster.settle()
    cluster.server.state.delete(SERVICE, cluster.key("sample-siblings"))
    await cluster.until(lambda: cluster.find(SERVICE, "sample-siblings"))


async def test_what_is_no_longer_asked_for_is_taken_away(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    cluster.update_service(exposure={"type": "None"})
    await cluster.until(lambda: not cluster.find(ROUTE, "sample-route"))
    assert cluster.find(SERVICE, "sample-policy-engine")


async def test_an_object_of_somebody_else_is_left_alone_and_told(
    cluster: OperatedCluster, operator: Controller
) -> None:
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop", "uid": "1", "controller": True}
    cluster.put(SERVICE, "sample-siblings", spec={"ports": [{"port": 1}]})
    cluster.edit(SERVICE, "sample-siblings", metadata={"ownerReferences": [owner]})
    cluster.begin()
    await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample"))
    await cluster.until(lambda: cluster.condition("ReconcileCompleted").get("reason") == "ObjectOfAnother")
    assert cluster.find(SERVICE, "sample-siblings")["spec"] == {"ports": [{"port": 1}]}
    assert "Deployment shop" in cluster.condition("ReconcileCompleted")["message"]


async def test_an_update_service_with_a_name_like_a_route_of_another_takes_nothing_from_it(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    cluster.update_service("sample-policy-engine")
    await cluster.until(lambda: cluster.find(ROUTE, "sample-policy-engine-route"))
    cluster.admit("127.0.0.1", "sample-policy-engine-route")
    await cluster.until(lambda: cluster.status("sample-policy-engine").get("policyEngineURI"))
    cluster.update_service(replicas=3)
    await cluster.until(lambda: cluster.status()["observedGeneration"] == 2)
    assert cluster.find(ROUTE, "sample-route")
    assert cluster.status()["policyEngineURI"] == "https://localhost"


async def test_a_route_that_was_there_before_gives_no_address(
    cluster: OperatedCluster, operator: Controller
) -> None:
    cluster.put(ROUTE, "sample-route", spec={"host": "elsewhere.example"})
    cluster.admit("elsewhere.example")
    cluster.begin()
    await cluster.until(lambda: cluster.condition("ReconcileCompleted").get("reason") == "ObjectOfAnother")
    await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample"))
    cluster.run_pods()
    await cluster.until(lambda: cluster.condition("Available").get("reason") == "ObjectOfAnother")
    assert "policyEngineURI" not in cluster.status()


@pytest.mark.parametrize(
    ("kind", "name"),
    [(SECRET, "sample-pull-secret"), (CONFIG_MAP, "sample-trusted-ca"), (NETWORK_POLICY, "sample")],
    ids=["a Secret", "a ConfigMap", "a NetworkPolicy"],
)
async def test_an_object_that_was_there_before_is_neither_changed_nor_taken_along(
    cluster: OperatedCluster, start: Start, kind: Kind, name: str
) -> None:
    before = cluster.put(kind, name)
    cluster.begin()
    async with start():
        await cluster.until(
            lambda: cluster.condition("ReconcileCompleted").get("reason") == "ObjectOfAnother"
        )
    told = cluster.condition("ReconcileCompleted")["message"]
    assert f"{kind.kind} {NAMESPACE}/{name} was not made for an UpdateService" in told
    assert cluster.find(kind, name) == before


async def test_an_object_that_is_handed_over_is_taken(cluster: OperatedCluster, start: Start) -> None:
    cluster.put(NETWORK_POLICY, "sample", spec={"podSelector": {}})
    cluster.begin()
    async with start():
        await cluster.until(
            lambda: cluster.condition("ReconcileCompleted").get("reason") == "ObjectOfAnother"
        )
        cluster.edit(NETWORK_POLICY, "sample", metadata={"labels": {MANAGED_BY: MANAGER}})
        await cluster.until(lambda: ("NetworkPolicy", "sample") in cluster.owned())


async def test_two_update_services_do_not_disturb_each_other(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    first = cluster.find(DEPLOYMENT, "sample")
    put_image(cluster.registry, "other", "/copier", "other")
    cluster.update_service("second", graphDataImage=f"{cluster.registry.repository.name}:other")
    await cluster.until(lambda: cluster.find(DEPLOYMENT, "second"))
    cluster.server.state.delete(cluster.resource, cluster.key("second"))
    await cluster.until(lambda: not cluster.find(DEPLOYMENT, "second"))
    assert cluster.find(DEPLOYMENT, "sample") == first
    assert cluster.find(CONFIG_MAP, "sample-trusted-ca")


async def test_the_number_of_replicas_is_left_to_an_autoscaler(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    cluster.update_service(autoscaling={"maxReplicas": 6})
    await cluster.until(lambda: ("HorizontalPodAutoscaler", "sample") in cluster.owned())
    cluster.edit(DEPLOYMENT, "sample", spec={"replicas": 5})
    cluster.edit(SERVICE, "sample-siblings", metadata={"labels": {"app": "other"}})
    await cluster.until(
        lambda: cluster.find(SERVICE, "sample-siblings")["metadata"]["labels"]["app"] == "sample-siblings"
    )
    assert cluster.find(DEPLOYMENT, "sample")["spec"]["replicas"] == 5
