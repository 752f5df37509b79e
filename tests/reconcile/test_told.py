"""What becomes otherwise with an UpdateService is told in Events, which its owner sees with ``kubectl describe``."""

from upgraph.kube.kinds import EVENT
from upgraph.kube.objects import Object
from upgraph.operator.controller import Controller
from upgraph.testing.operated_cluster import OperatedCluster


def told(cluster: OperatedCluster) -> set[tuple[str, str, str]]:
    """Kind, reason and first words of each Event."""
    events = cluster.server.state.all(EVENT)
    return {(one["type"], one["reason"], one["note"].partition(":")[0]) for one in events}


def of_condition(condition: Object, kind: str) -> tuple[str, str, str]:
    return kind, condition["reason"], f"{condition['type']} is {condition['status']}"


async def test_each_condition_is_told_when_it_is_there_first(
    cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    known = [one for one in cluster.status()["conditions"] if one["status"] != "Unknown"]
    assert {"ReconcileCompleted", "RegistryCACertFound", "GraphDataReady", "Degraded"} <= {
        one["type"] for one in known
    }
    await cluster.until(
        lambda: all(
            {of_condition(one, "Normal"), of_condition(one, "Warning")} & told(cluster) for one in known
        )
    )


async def test_what_breaks_is_a_warning_and_its_end_is_none(
    quick: None, cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    await cluster.registry.halt()
    await cluster.until(lambda: ("Warning", "GraphDataUnresolved", "Degraded is True") in told(cluster))
    await cluster.registry.resume()
    await cluster.until(lambda: cluster.condition("GraphDataReady")["reason"] == "Resolved")
    ended = of_condition(cluster.condition("Degraded"), "Normal")
    assert ended[2] == "Degraded is False"
    await cluster.until(lambda: ended in told(cluster))


async def test_what_stays_as_it_was_is_not_told_again(
    quick: None, cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    before = told(cluster)
    cluster.update_service(replicas=3)
    await cluster.until(lambda: cluster.condition("ReconcileCompleted").get("observedGeneration", 0) > 1)
    assert told(cluster) == before
