"""What the OpenShift Update Service Operator has left is used on and made ours."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from upgraph.kube.kinds import CONFIG_MAP, DEPLOYMENT, POD, ROUTE, SECRET, SERVICE
from upgraph.kube.objects import Kind, Object
from upgraph.operator.controller import Controller
from upgraph.operator.resource.names import ASKING_POD
from upgraph.testing.operated_cluster import OperatedCluster
from upgraph.testing.reference_operator import MANAGER, Reference

LOGINS = {".dockerconfigjson": "e30="}


def _names(kind: Kind, obj: Object) -> bool:
    return (kind.api_version, kind.kind) == (obj["apiVersion"], obj["kind"])


def pod_of(cluster: OperatedCluster) -> Object:
    return dict(cluster.find(DEPLOYMENT, "sample")["spec"]["template"]["spec"])


async def taken_over(cluster: OperatedCluster) -> None:
    """Wait until the pods are ours, and what nobody needs any more is gone."""
    await cluster.until(lambda: cluster.arguments()[:1] == ["serve"])
    await cluster.until(lambda: not cluster.find(CONFIG_MAP, "sample-env"))


@pytest.fixture
def left(cluster: OperatedCluster) -> None:
    """Have all that the operator before ours has made of an UpdateService."""
    cluster.begin()
    text = cluster.authority.certificate.read_text()
    authorities = {"updateservice-registry": text, "retired..5000": text}
    service = cluster.find(cluster.resource, "sample")
    old = Reference(service=service, operand="cincinnati:1", logins=LOGINS, authorities=authorities)
    for obj in old.objects():
        kind = next(one for one in cluster.server.state.kinds if _names(one, obj))
        cluster.server.state.create(kind, obj, MANAGER)


async def test_nothing_of_the_old_pods_is_left_in_the_new_ones(
    left: None, cluster: OperatedCluster, operator: Controller
) -> None:
    await taken_over(cluster)
    pod = pod_of(cluster)
    assert [one["name"] for one in pod["containers"]] == ["update-service"]
    assert "configs" not in {one["name"] for one in pod["volumes"]}


async def test_selectors_stay_and_pods_that_answer_stay_until_new_ones_do(
    left: None, cluster: OperatedCluster, operator: Controller
) -> None:
    await taken_over(cluster)
    spec = cluster.find(DEPLOYMENT, "sample")["spec"]
    assert spec["selector"] == {"matchLabels": {"app": "sample"}}
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert cluster.find(SERVICE, "sample-policy-engine")["spec"]["selector"] == {"deployment": "sample"}


def roll_out(cluster: OperatedCluster) -> None:
    """Have all pods be as they are wanted now."""
    found = cluster.find(DEPLOYMENT, "sample")
    status = {"replicas": 2, "updatedReplicas": 2, "observedGeneration": found["metadata"]["generation"]}
    cluster.server.state.put(DEPLOYMENT, found | {"status": status})


async def test_what_only_the_old_pods_read_goes_when_they_are_gone(
    left: None, cluster: OperatedCluster, start: Callable[[], AbstractAsyncContextManager[Controller]]
) -> None:
    roll_out(cluster)
    async with start():
        await cluster.until(lambda: cluster.arguments()[:1] == ["serve"])
        await cluster.until(lambda: cluster.status().get("conditions"))
        assert cluster.find(CONFIG_MAP, "sample-env")
        roll_out(cluster)
        await cluster.until(lambda: not cluster.find(CONFIG_MAP, "sample-env"))


async def test_an_authority_that_was_retired_goes_from_the_copy(
    left: None, cluster: OperatedCluster, operator: Controller
) -> None:
    await taken_over(cluster)
    assert set(cluster.find(CONFIG_MAP, "sample-trusted-ca")["data"]) == {"updateservice-registry"}


async def test_the_copy_of_the_pull_secret_keeps_its_type(
    left: None, cluster: OperatedCluster, operator: Controller
) -> None:
    await taken_over(cluster)
    assert cluster.find(SECRET, "sample-pull-secret")["type"] == "Opaque"
    assert cluster.condition("ReconcileCompleted")["status"] == "True"


async def test_the_pod_that_asked_for_a_digest_is_ended(
    left: None, cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.until(lambda: not cluster.find(POD, ASKING_POD))


async def test_a_pod_of_the_same_name_that_belongs_to_nobody_stays(
    left: None, cluster: OperatedCluster, start: Callable[[], AbstractAsyncContextManager[Controller]]
) -> None:
    cluster.edit(POD, ASKING_POD, metadata={"ownerReferences": None})
    async with start():
        await taken_over(cluster)
    assert cluster.find(POD, ASKING_POD)


async def test_what_an_administrator_has_added_stays(
    left: None, cluster: OperatedCluster, start: Callable[[], AbstractAsyncContextManager[Controller]]
) -> None:
    cluster.edit(
        ROUTE, "sample-route", metadata={"annotations": {"haproxy.router.openshift.io/timeout": "5s"}}
    )
    cluster.edit(DEPLOYMENT, "sample", spec={"template": {"spec": {"priorityClassName": "high"}}})
    async with start():
        await taken_over(cluster)
    assert pod_of(cluster)["priorityClassName"] == "high"
    assert cluster.find(ROUTE, "sample-route")["metadata"]["annotations"][
        "haproxy.router.openshift.io/timeout"
    ]


def say(cluster: OperatedCluster, conditions: list[Object]) -> None:
    """Let the operator before ours have written these conditions."""
    found = cluster.find(cluster.resource, "sample")
    status = found["status"] | {"conditions": conditions}
    cluster.server.state.replace(cluster.resource, found | {"status": status}, MANAGER, status=True)


async def test_a_status_of_the_old_operator_is_no_reason_to_write_for_ever(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    moment = "2026-01-01T00:00:00Z"
    old = [
        {"type": kind, "status": "True", "lastTransitionTime": moment, "lastHeartbeatTime": moment}
        for kind in ("ReconcileCompleted", "ReconcileError")
    ]
    say(cluster, old)
    await cluster.until(lambda: cluster.condition("ReconcileError")["status"] == "False")
    before = cluster.writes()
    # Moments in a status have whole seconds.
    await asyncio.sleep(2.5)
    assert cluster.writes() == before


async def test_an_error_of_the_old_operator_does_not_stay(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    error = {
        "type": "ReconcileError",
        "status": "True",
        "reason": "Unable to create UpdateService route",
        "message": "host must conform to DNS 1123 naming convention",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    say(cluster, [*cluster.status()["conditions"], error])
    await cluster.until(lambda: cluster.condition("ReconcileError")["status"] == "False")
    assert "ReconcileCompleted" in cluster.condition("ReconcileError")["message"]
