"""A service that has answered and does not any more is an outage: it is told as one, and its end as well."""

import pytest

from tests.reconcile.conftest import Start
from upgraph.kube.kinds import EVENT
from upgraph.operator.controller import Controller
from upgraph.testing.operated_cluster import NAMESPACE, OperatedCluster
from upgraph.testing.simulated_replica import SimulatedReplica


async def answer(cluster: OperatedCluster, replica: SimulatedReplica) -> None:
    await cluster.begin_with(replica)
    await cluster.until(lambda: cluster.condition("Available").get("status") == "True")
    await cluster.until(lambda: cluster.condition("Degraded").get("status") == "False")


async def recover(cluster: OperatedCluster) -> None:
    cluster.run_pods()
    await cluster.until(lambda: cluster.condition("Available")["status"] == "True")
    await cluster.until(lambda: cluster.condition("Degraded")["status"] == "False")


async def test_all_replicas_that_are_down_are_told_until_one_answers(
    quick: None, cluster: OperatedCluster, operator: Controller, replica: SimulatedReplica
) -> None:
    await answer(cluster, replica)
    first = cluster.status()["firstAnswered"]
    cluster.run_pods(ready=0)
    await cluster.until(lambda: cluster.condition("Degraded")["reason"] == "NoReplicaReady")
    assert cluster.condition("Degraded")["status"] == "True"
    assert "0 of 2 replicas are ready" in cluster.condition("Degraded")["message"]
    told = cluster.condition("Available")
    assert (told["status"], told["reason"]) == ("False", "NoReplicaReady")
    # The command can be pasted.
    assert f"kubectl get pods -n {NAMESPACE} -l app=sample and" in told["message"]
    await cluster.until(
        lambda: any(
            one["type"] == "Warning" and one["note"].startswith("Degraded is True: Available: 0 of 2")
            for one in cluster.server.state.all(EVENT)
        )
    )
    await recover(cluster)
    assert cluster.status()["firstAnswered"] == first


async def test_an_outage_outlives_the_operator(
    quick: None, cluster: OperatedCluster, start: Start, replica: SimulatedReplica
) -> None:
    async with start():
        await answer(cluster, replica)
        cluster.run_pods(ready=0)
        await cluster.until(lambda: cluster.condition("Degraded")["reason"] == "NoReplicaReady")
    async with start():
        cluster.update_service(replicas=3)
        await cluster.until(lambda: "of 3 replicas" in cluster.condition("Available")["message"])
        assert cluster.condition("Degraded")["status"] == "True"
        await recover(cluster)


async def test_an_outage_that_is_met_by_a_new_operator_is_one(
    quick: None, cluster: OperatedCluster, start: Start, replica: SimulatedReplica
) -> None:
    async with start():
        await answer(cluster, replica)
    cluster.run_pods(ready=0)
    async with start():
        await cluster.until(lambda: cluster.condition("Degraded")["reason"] == "NoReplicaReady")
        assert cluster.condition("Available")["status"] == "False"


async def test_an_outage_goes_on_while_its_reasons_change(
    quick: None, cluster: OperatedCluster, operator: Controller, replica: SimulatedReplica
) -> None:
    await answer(cluster, replica)
    replica.answer = 503
    await cluster.until(lambda: cluster.condition("Degraded")["reason"] == "AddressNotAnswering")
    assert cluster.condition("Available")["status"] == "False"
    cluster.run_pods(ready=0)
    await cluster.until(lambda: cluster.condition("Available")["reason"] == "NoReplicaReady")
    assert cluster.condition("Degraded")["status"] == "True"
    replica.answer = 200
    await recover(cluster)


@pytest.mark.usefixtures("quick", "operator")
async def test_replicas_that_refuse_to_answer_say_why(
    cluster: OperatedCluster, replica: SimulatedReplica
) -> None:
    await answer(cluster, replica)
    reason = {"reference": "releases-empty", "seen": "the sources hold no release", "remedy": "Mirror some."}
    replica.report = {"ready": False, "reason": reason}
    cluster.run_pods(ready=0)
    await cluster.until(lambda: "hold no release" in cluster.condition("Available")["message"])
    await cluster.until(lambda: "hold no release" in cluster.condition("Degraded")["message"])
    replica.graph()
    await recover(cluster)


async def test_an_outage_comes_before_all_else_that_is_wrong(
    quick: None, cluster: OperatedCluster, operator: Controller, replica: SimulatedReplica
) -> None:
    await answer(cluster, replica)
    await cluster.registry.halt()
    await cluster.until(lambda: cluster.condition("Degraded")["reason"] == "GraphDataUnresolved")
    cluster.run_pods(ready=0)
    await cluster.until(lambda: cluster.condition("Degraded")["reason"] == "NoReplicaReady")
    outage, registry = cluster.condition("Degraded")["message"].splitlines()
    assert outage.startswith("Available: 0 of 2 replicas are ready")
    assert cluster.registry.repository.name.partition("/")[0] in registry
    await cluster.registry.resume()
    await recover(cluster)


async def test_a_service_that_never_answered_is_starting(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    cluster.run_pods(ready=0)
    await cluster.until(lambda: cluster.status()["replicas"] == 2)
    assert cluster.condition("Available")["reason"] == "NoReplicaReady"
    assert cluster.condition("Degraded")["status"] == "False"
    assert "firstAnswered" not in cluster.status()
