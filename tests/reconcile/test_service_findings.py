"""What the service finds wrong in what it reads reaches whoever reads the conditions."""

import pytest

from upgraph.operator.controller import Controller
from upgraph.testing.operated_cluster import OperatedCluster
from upgraph.testing.simulated_replica import SimulatedReplica

NAME = "/var/lib/cincinnati/graph-data"
DETAILS = [
    {
        "severity": "error",
        "reference": "channel-invalid",
        "seen": "name is missing",
        "file": "channels/a.yaml",
        "line": 2,
    },
    {
        "severity": "error",
        "reference": "rule-invalid",
        "seen": "to is missing",
        "file": "blocked-edges/b.yaml",
    },
    {"severity": "error", "reference": "payload-digest", "seen": "no metadata", "file": "4.18.1-x86_64"},
    {
        "severity": "warning",
        "reference": "pattern-meaning",
        "seen": "look-around",
        "file": "blocked-edges/c.yaml",
    },
]
COUNTS = [
    {"reference": "channel-invalid", "severity": "error", "count": 8},
    {"reference": "rule-invalid", "severity": "error", "count": 1},
    {"reference": "pattern-meaning", "severity": "warning", "count": 1},
]
PROBLEMS = {"channel-invalid": {"remedy": "Name the channel."}}
REFUSED = {"reference": "channel-invalid", "seen": "channels/a.yaml:2: name is missing", "since": 1}


def source(**more: object) -> dict[str, object]:
    return {"kind": "graph-data", "name": NAME} | more


async def test_graph_data_that_is_refused_is_told_while_the_last_good_one_is_served(
    quick: None, cluster: OperatedCluster, operator: Controller, replica: SimulatedReplica
) -> None:
    await cluster.begin_with(replica)
    await cluster.until(lambda: cluster.condition("Available").get("status") == "True")
    assert cluster.condition("GraphDataReady")["status"] == "True"
    replica.graph(sources=[source(fault=REFUSED, findings=COUNTS)], details=DETAILS, problems=PROBLEMS)
    await cluster.until(lambda: cluster.condition("GraphDataReady")["reason"] == "GraphDataErrors")
    told = cluster.condition("GraphDataReady")
    assert told["status"] == "False"
    assert told["message"].startswith(
        f"the graph data {NAME} is refused, and the last good one stays in use: channels/a.yaml:2: name is missing "
        "[channel-invalid]; blocked-edges/b.yaml: to is missing [rule-invalid]; and 7 more. Name the channel. "
    )
    assert "spec.graphDataImage" in told["message"]
    assert cluster.condition("Degraded")["reason"] == "GraphDataErrors"
    assert cluster.condition("Available")["status"] == "True"
    replica.graph()
    await cluster.until(lambda: cluster.condition("GraphDataReady")["reason"] == "Resolved")
    await cluster.until(lambda: cluster.condition("Degraded")["status"] == "False")


async def test_rules_that_withhold_updates_are_told(
    quick: None, cluster: OperatedCluster, operator: Controller, replica: SimulatedReplica
) -> None:
    replica.graph(sources=[source(findings=COUNTS[1:])], details=DETAILS)
    await cluster.begin_with(replica)
    await cluster.until(lambda: cluster.condition("GraphDataReady").get("reason") == "GraphDataErrors")
    told = cluster.condition("GraphDataReady")["message"]
    assert "updates that nobody can judge by it are withheld: blocked-edges/b.yaml: to is missing" in told
    assert "more" not in told.partition("[rule-invalid]")[2].partition("[")[0]


async def test_a_service_without_any_graph_data_says_what_is_wrong_with_it(
    quick: None, cluster: OperatedCluster, operator: Controller, replica: SimulatedReplica
) -> None:
    reason = {"reference": "channel-invalid", "seen": REFUSED["seen"], "remedy": "Name the channel."}
    replica.report = {"ready": False, "reason": reason, "sources": [source(fault=REFUSED, findings=COUNTS)]}
    await cluster.begin_with(replica)
    cluster.run_pods(ready=0)
    await cluster.until(lambda: cluster.condition("GraphDataReady").get("reason") == "GraphDataErrors")
    told = cluster.condition("GraphDataReady")["message"]
    assert (
        "is refused, and there is none of before: channels/a.yaml:2: name is missing [channel-invalid]; and 8 more"
        in told
    )


@pytest.mark.parametrize("findings", [[], COUNTS[2:], COUNTS], ids=["none", "warnings", "errors of before"])
async def test_graph_data_that_cannot_be_read_is_another_fault(
    quick: None,
    cluster: OperatedCluster,
    operator: Controller,
    replica: SimulatedReplica,
    findings: list[dict[str, object]],
) -> None:
    fault = {"reference": "graph-data-unreadable", "seen": "Permission denied", "since": 1}
    replica.graph(sources=[source(fault=fault, findings=findings)])
    await cluster.begin_with(replica)
    await cluster.until(lambda: cluster.condition("GraphDataReady").get("reason") == "GraphDataUnreadable")
    assert "Permission denied" in cluster.condition("GraphDataReady")["message"]


async def test_warnings_of_graph_data_are_no_fault(
    quick: None, cluster: OperatedCluster, operator: Controller, replica: SimulatedReplica
) -> None:
    replica.graph(sources=[source(findings=COUNTS[2:])], details=DETAILS)
    await cluster.begin_with(replica)
    await cluster.until(lambda: cluster.condition("Available").get("status") == "True")
    assert cluster.condition("GraphDataReady")["reason"] == "Resolved"


async def test_a_list_of_versions_that_the_pods_cannot_use_is_told(
    quick: None, cluster: OperatedCluster, operator: Controller, replica: SimulatedReplica
) -> None:
    fault = {"reference": "promotion-invalid", "seen": "it cannot be read: Permission denied", "since": 1}
    replica.graph(sources=[{"kind": "promoted", "name": "/etc/upgraph/versions/versions", "fault": fault}])
    await cluster.begin_with(replica, versions={"allow": ["4.18.1"]})
    await cluster.until(lambda: cluster.condition("Degraded").get("reason") == "PromotionInvalid")
    assert "it cannot be read: Permission denied" in cluster.condition("Degraded")["message"]
