"""The status says when the graph was refreshed, without a write for every scrape."""

import time
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from upgraph.kube.objects import Object
from upgraph.operator.controller import Controller
from upgraph.operator.inputs.values import Inputs
from upgraph.operator.observing.exposed import Exposed
from upgraph.operator.observing.replicas import ServiceSeen
from upgraph.operator.observing.service_report import Graph, ServiceReport
from upgraph.operator.observing.statuses import ReplicasSeen
from upgraph.operator.reporting.conclusions import Known
from upgraph.operator.reporting.status import status_of
from upgraph.operator.resource.update_service import parse_update_service
from upgraph.testing.operated_cluster import OperatedCluster
from upgraph.testing.simulated_replica import SimulatedReplica

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
FIRST = datetime(2026, 11, 23, 11, 30, tzinfo=UTC).timestamp()
SPEC = {"replicas": 1, "releases": "r.example/a", "graphDataImage": "r.example/g:1"}


def status_after(refreshed: float, before: Object | None = None, **graph: Any) -> Object:
    """The status after a look at a service, from the one of before."""
    metadata = {"name": "service", "namespace": "n", "uid": "7"}
    obj = {"metadata": metadata, "spec": SPEC} | ({"status": before} if before else {})
    report = ServiceReport(ready=True, graph=Graph("1", 91, **graph))
    known = Known(
        inputs=Inputs(service=parse_update_service(obj), operand="r.example/upgraph:1"),
        troubles=(),
        exposed=Exposed("http://service-policy-engine.n.svc"),
        seen=ServiceSeen(ReplicasSeen(report, refreshed=refreshed)),
    )
    return status_of(known, obj, NOW).content


def test_the_moment_is_told_in_the_words_of_the_api() -> None:
    assert status_after(FIRST)["graph"]["refreshedAt"] == "2026-11-23T11:30:00Z"


def test_a_graph_that_was_never_refreshed_has_none() -> None:
    assert "refreshedAt" not in status_after(0.0)["graph"]


@pytest.mark.parametrize("later", [0.4, 300.0, 3599.0, -300.0])
def test_a_scrape_alone_changes_nothing(later: float) -> None:
    before = status_after(FIRST)
    assert status_after(FIRST + later, before) is before


@pytest.mark.parametrize(
    ("later", "told"),
    [(3600.0, "2026-11-23T12:30:00Z"), (-86_400.0, "2026-11-22T11:30:00Z")],
    ids=["an hour later", "after a clock that was wrong"],
)
def test_after_an_hour_it_is_told_anew(later: float, told: str) -> None:
    before = status_after(FIRST)
    after = status_after(FIRST + later, before)
    assert after["graph"].pop("refreshedAt") == told
    before["graph"].pop("refreshedAt")
    assert after == before


def test_what_is_told_anyway_has_the_latest_moment() -> None:
    before = status_after(FIRST)
    after = status_after(FIRST + 60, before, edges_by_arch={"amd64": 7})
    assert after["graph"]["refreshedAt"] == "2026-11-23T11:31:00Z"


def test_a_replica_that_is_behind_takes_nothing_back() -> None:
    before = status_after(FIRST)
    after = status_after(FIRST - 60, before, edges_by_arch={"amd64": 7})
    assert after["graph"]["refreshedAt"] == "2026-11-23T11:30:00Z"


def test_a_status_without_it_gets_it() -> None:
    before = msgspec.json.decode(msgspec.json.encode(status_after(FIRST)))
    del before["graph"]["refreshedAt"]
    assert status_after(FIRST, before)["graph"]["refreshedAt"] == "2026-11-23T11:30:00Z"


async def test_it_is_told_from_time_to_time(
    quick: None, cluster: OperatedCluster, operator: Controller, replica: SimulatedReplica
) -> None:
    first = time.time() - 1200

    def told() -> float:
        moment = cluster.status().get("graph", {}).get("refreshedAt")
        return datetime.fromisoformat(moment).timestamp() if moment else 0.0

    replica.graph(refreshed_at=first)
    await cluster.begin_with(replica)
    await cluster.until(lambda: told() == int(first))
    # Whatever else is written has the latest moment, so nothing else may be left to be told.
    await cluster.until(lambda: cluster.condition("Degraded").get("status") == "False")
    status, looks = cluster.status(), replica.looks
    await cluster.until(lambda: replica.looks > looks + 3)
    assert cluster.status() == status
    replica.graph(refreshed_at=first + 60)
    looks = replica.looks
    await cluster.until(lambda: replica.looks > looks + 3)
    assert told() == int(first)
    replica.graph(refreshed_at=first + 4000)
    await cluster.until(lambda: told() == int(first + 4000))
