"""What carries the label of a service, or answers in its place, neither ends the operator nor writes its status."""

import pytest

from upgraph.kube.kinds import POD
from upgraph.kube.objects import Object
from upgraph.operator.observing.pods import PodAddress
from upgraph.operator.observing.service_report import MAX_DETAILS, MAX_PARTS, MAX_REPORT_BYTES, ServiceReport
from upgraph.operator.observing.statuses import ask_all
from upgraph.testing.operated_cluster import NAMESPACE, OperatedCluster, of_deployment
from upgraph.testing.simulated_replica import OTHER_POD_ADDRESS, POD_ADDRESS, SimulatedReplica


def owned(**other: object) -> Object:
    """Metadata as of a pod of the service, but for something in its owner."""
    found = of_deployment("sample")
    return found | {"ownerReferences": [found["ownerReferences"][0] | other]}


async def said_by(replica: SimulatedReplica, **report: object) -> ServiceReport | None:
    replica.report = report
    return (await ask_all([PodAddress(POD_ADDRESS, "a")])).report


@pytest.mark.parametrize(
    "metadata",
    [
        {"labels": {"deployment": "sample"}},
        {"labels": of_deployment("sample")["labels"]},
        owned(name="another-5f"),
        owned(kind="Job"),
        owned(controller=False),
    ],
    ids=["a label", "labels", "of another service", "of a job", "not controlled"],
)
@pytest.mark.usefixtures("quick", "operator")
async def test_a_pod_that_is_not_of_the_deployment_is_not_asked(
    cluster: OperatedCluster, replica: SimulatedReplica, other: SimulatedReplica, metadata: Object
) -> None:
    other.graph("of nobody")
    named = {"name": "a-stranger", "namespace": NAMESPACE}
    status = {"podIP": OTHER_POD_ADDRESS, "conditions": [{"type": "Ready", "status": "True"}]}
    stranger = {"apiVersion": "v1", "kind": "Pod", "metadata": named | metadata, "status": status}
    cluster.server.state.put(POD, stranger)
    await cluster.begin_with(replica)
    await cluster.until(lambda: cluster.condition("Available").get("status") == "True")
    looks = replica.looks
    await cluster.until(lambda: replica.looks > looks + 3)
    assert other.looks == 0
    assert cluster.status()["graph"]["digest"] == "1"


async def test_of_a_report_only_so_much_is_kept(replica: SimulatedReplica) -> None:
    many = MAX_DETAILS + 1
    findings = [{"reference": "a-b", "severity": "error", "count": 1}] * many
    edges = {f"arch{one}": 1 for one in range(many)}
    said = await said_by(
        replica,
        ready=True,
        graph={"digest": "1" * many, "edges_by_arch": edges, "conditional_edges_by_arch": edges},
        sources=[{"kind": "releases", "name": "a", "findings": findings}, *[{}] * many],
        details=[{}] * many,
        problems={str(one): {} for one in range(many)},
    )
    assert said is not None
    assert said.graph is not None
    assert (len(said.graph.digest), said.graph.updates) == (128, 2 * MAX_PARTS)
    assert (len(said.sources), len(said.sources[0].findings)) == (MAX_PARTS, MAX_PARTS)
    assert (len(said.details), len(said.problems)) == (MAX_DETAILS, MAX_DETAILS)


@pytest.mark.parametrize(
    "report",
    [
        {"reason": {"seen": "x" * MAX_REPORT_BYTES}},
        {"graph": {"releases": 10**30}},
        {"graph": {"releases": -1}},
        {"sources": [{"left_out": 2**63}]},
    ],
    ids=["too large", "a number of no status", "less than none", "left out"],
)
async def test_a_report_that_no_service_makes_is_not_taken(
    replica: SimulatedReplica, report: dict[str, object]
) -> None:
    assert await said_by(replica, **report) is None


@pytest.mark.usefixtures("quick", "operator")
@pytest.mark.parametrize("moment", [1e20, -1e20, 253_402_300_800.0, -1.0])
async def test_a_graph_that_was_refreshed_at_no_moment_is_told_without_it(
    cluster: OperatedCluster, replica: SimulatedReplica, moment: float
) -> None:
    replica.graph(refreshed_at=moment)
    await cluster.begin_with(replica)
    await cluster.until(lambda: cluster.condition("Available").get("status") == "True")
    await cluster.until(lambda: cluster.status().get("graph", {}).get("digest") == "1")
    assert "refreshedAt" not in cluster.status()["graph"]
    assert cluster.condition("Degraded")["status"] == "False"
