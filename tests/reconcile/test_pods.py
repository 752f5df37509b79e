"""What Kubernetes knows of the pods of a service reaches whoever reads its conditions."""

import pytest

from upgraph.kube.kinds import DEPLOYMENT, POD
from upgraph.kube.objects import Object
from upgraph.operator.controller import Controller
from upgraph.operator.observing.pods import PodAddress, addresses, troubles_of
from upgraph.testing.operated_cluster import NAMESPACE, OperatedCluster, of_deployment

QUOTA = (
    'pods "sample-5f" is forbidden: exceeded quota: bank, requested: pods=1, used: pods=4, limited: pods=4'
)


def waiting(container: str, reason: str, message: str = "") -> Object:
    """The status of a container that does not run."""
    return {"name": container, "state": {"waiting": {"reason": reason, "message": message}}}


def pod(name: str, **status: object) -> Object:
    metadata = {"name": name, "namespace": NAMESPACE} | of_deployment("sample")
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status}


def refuse_pods(cluster: OperatedCluster, ready: int, reason: str = "FailedCreate") -> None:
    """Let the cluster make no more pods than are ready."""
    said = {"type": "ReplicaFailure", "status": "True", "reason": reason, "message": QUOTA}
    counts = {"replicas": ready, "readyReplicas": ready, "conditions": [said]}
    cluster.put(DEPLOYMENT, "sample", status=counts)


@pytest.mark.parametrize("ready", [0, 1])
async def test_pods_that_a_quota_refuses_are_told_in_its_words(
    cluster: OperatedCluster, operator: Controller, ready: int
) -> None:
    await cluster.settle()
    assert cluster.condition("Degraded")["status"] == "False"
    refuse_pods(cluster, ready)
    await cluster.until(lambda: cluster.condition("Degraded")["reason"] == "PodsRefused")
    told = cluster.condition("Degraded")["message"]
    assert f"{ready} of 2 replicas are ready; {QUOTA}." in told
    assert "ResourceQuota" in told


async def test_a_service_without_any_pod_says_why_there_is_none(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    refuse_pods(cluster, ready=0)
    await cluster.until(lambda: cluster.condition("Available")["reason"] == "PodsRefused")
    assert QUOTA in cluster.condition("Available")["message"]
    cluster.put(DEPLOYMENT, "sample", status={"replicas": 2, "readyReplicas": 0})
    await cluster.until(lambda: cluster.condition("Available")["reason"] == "NoReplicaReady")
    assert cluster.condition("Degraded")["status"] == "False"


async def test_pods_that_cannot_be_taken_away_are_no_refusal(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    refuse_pods(cluster, ready=0, reason="FailedDelete")
    cluster.update_service(replicas=3)
    await cluster.until(lambda: "of 3 replicas" in cluster.condition("Available")["message"])
    assert cluster.condition("Degraded")["status"] == "False"


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(
            {"containerStatuses": [waiting("update-service", "CrashLoopBackOff", "no such option")]},
            id="it ends",
        ),
        pytest.param(
            {
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "no such option",
                    }
                ]
            },
            id="there is no room",
        ),
    ],
)
async def test_a_new_pod_that_fails_is_told_while_others_answer(
    cluster: OperatedCluster, operator: Controller, status: Object
) -> None:
    await cluster.settle()
    cluster.run_pods()
    cluster.server.state.put(POD, pod("sample-new", **status))
    await cluster.until(lambda: cluster.condition("Degraded")["reason"] == "PodsFailing")
    assert "2 of 2 replicas are ready; pod sample-new" in cluster.condition("Degraded")["message"]
    assert "no such option" in cluster.condition("Degraded")["message"]


@pytest.mark.parametrize(
    ("reason", "repair"),
    [
        ("ErrImagePull", "the nodes trust the registry"),
        ("ImagePullBackOff", "the nodes trust the registry"),
        ("CrashLoopBackOff", "has to copy its data"),
    ],
)
async def test_the_repair_of_the_graph_data_is_that_of_what_is_wrong(
    cluster: OperatedCluster, operator: Controller, reason: str, repair: str
) -> None:
    await cluster.settle()
    cluster.server.state.put(POD, pod("sample-new", initContainerStatuses=[waiting("graph-data", reason)]))
    await cluster.until(lambda: cluster.condition("GraphDataReady")["reason"] == "GraphDataContainerFailed")
    assert repair in cluster.condition("GraphDataReady")["message"]


def test_an_evicted_pod_is_no_trouble_and_is_not_asked() -> None:
    ended = {"name": "graph-data", "state": {"terminated": {"reason": "Error", "exitCode": 137}}}
    evicted = pod("a", phase="Failed", reason="Evicted", podIP="10.0.0.9", initContainerStatuses=[ended])
    running = pod("b", phase="Running", podIP="10.0.0.8")
    assert troubles_of([evicted, running]) == ()
    assert addresses([evicted, running]) == (PodAddress("10.0.0.8", "b", is_ready=False),)


@pytest.mark.parametrize(
    ("more", "told"), [({}, ["Error"]), ({"ready": True}, [])], ids=["starting", "ready"]
)
def test_what_ends_again_and_again_has_not_recovered_until_it_is_ready(more: Object, told: list[str]) -> None:
    last = {"terminated": {"reason": "Error", "exitCode": 2, "message": "no such option"}}
    started = {"name": "update-service", "state": {"running": {}}, "lastState": last} | more
    assert [one.reason for one in troubles_of([pod("a", containerStatuses=[started])])] == told
