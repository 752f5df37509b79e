"""The status says when the registry of the graph data was asked, without a write for every question."""

import asyncio

import pytest

from upgraph.operator.controller import Controller
from upgraph.operator.observing import graph_data_watch
from upgraph.testing.operated_cluster import OperatedCluster


def last_checked(cluster: OperatedCluster) -> str:
    return str(cluster.status()["graphData"]["lastChecked"])


async def test_it_is_told_anew_from_time_to_time(
    quick: None, cluster: OperatedCluster, operator: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cluster.settle()
    first, conditions = last_checked(cluster), cluster.status()["conditions"]
    monkeypatch.setattr(graph_data_watch, "TOLD_SECONDS", 1.0)
    await cluster.until(lambda: last_checked(cluster) > first)
    assert cluster.status()["conditions"] == conditions


async def test_it_is_not_told_for_every_question(
    quick: None, cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    asked, writes = cluster.registry.counts["manifest"], cluster.writes()
    await asyncio.sleep(1.5)
    assert cluster.registry.counts["manifest"] > asked
    assert cluster.writes() == writes
