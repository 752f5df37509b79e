"""What a running service tells of its sources, through both of its processes."""

import os
import signal
from typing import Any

from tests.whole.conftest import GraphDataPlace, Running, Starter, curl, until


def reports(service: Running) -> dict[str, Any]:
    """The reports on the sources by their kind."""
    state: Any = service.state()
    return {one["kind"]: one for one in state["sources"]}


def test_both_kinds_of_sources_are_told_with_what_they_hold(calm: Running) -> None:
    def both() -> dict[str, Any]:
        told = reports(calm)
        return told if len(told) == 2 and all("last_good" in one for one in told.values()) else {}

    found = until(both, what="a reading of both sources")
    assert found["releases"]["last_good"]["counts"] == {"releases": 6}
    assert found["graph-data"]["last_good"]["counts"] == {"channels": 1, "rules": 1}
    assert curl(f"{calm.status}/", "-H", "Accept: text/html").headers["content-type"] == "text/html"


def test_the_last_good_reading_outlives_a_fault_and_the_end_of_the_builder(
    start: Starter, sources: tuple[object, ...], graph_data: GraphDataPlace
) -> None:
    service = start.serve(*sources, "--scrape-interval", "1s")
    service.answered()
    until(lambda: reports(service).get("graph-data", {}).get("last_good"), what="the graph data")
    good = reports(service)["graph-data"]["last_good"]
    graph_data.write("version", "nonsense\n")
    until(lambda: reports(service)["graph-data"].get("fault"), what="the fault")
    killed = service.builder
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    until(lambda: service.builder not in {None, killed}, what="another builder")
    until(lambda: reports(service)["graph-data"].get("fault"), what="the fault again")
    assert reports(service)["graph-data"]["last_good"] == good
