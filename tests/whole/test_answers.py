"""What clients and monitoring get from a running service."""

import os

import pytest

from tests.whole.conftest import PREFIX, Running, Starter, curl, until
from upgraph.testing.answers import client_violations

CLUSTER = "8d9d5c1f-3a3c-4a4e-9d61-6a2f1a2b3c4d"


def _metrics(service: Running) -> dict[str, float]:
    lines = curl(f"{service.status}/metrics").body.decode().splitlines()
    return {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")
    }


@pytest.mark.parametrize("path", ["/graph", "/v1/graph"])
@pytest.mark.parametrize(
    ("accept", "content_type"),
    [("application/json", "application/json"), ("*/*", "application/json")],
    ids=["operator", "curl"],
)
def test_requests_of_clients_are_answered_as_they_are(
    calm: Running, path: str, accept: str, content_type: str
) -> None:
    address = calm.clusters.removesuffix(f"{PREFIX}/graph") + PREFIX + path
    query = f"arch=arm64&channel=stable-4.1&id={CLUSTER}&version=4.1.0"
    got = curl(f"{address}?{query}", "-H", f"Accept: {accept}")
    assert (got.status, got.headers["content-type"]) == (200, content_type)
    assert client_violations(got.body, "stable-4.1", "arm64") == []
    assert len(got.graph.edges) == 3


def test_a_client_that_has_the_answer_gets_none(calm: Running) -> None:
    etag = calm.ask().headers["etag"]
    again = calm.ask("stable-4.1", "amd64", "-H", f"If-None-Match: {etag}")
    assert (again.status, again.body) == (304, b"")


def test_the_id_of_a_cluster_is_in_no_log_and_no_metric(calm: Running) -> None:
    curl(f"{calm.clusters}?channel=stable-4.1&id={CLUSTER}")
    assert CLUSTER.encode() not in curl(f"{calm.status}/metrics").body
    assert CLUSTER not in calm.text


def test_metrics_tell_of_scrapes_and_graph(calm: Running) -> None:
    def is_counted() -> bool:
        found = _metrics(calm)
        return (
            found["cincinnati_gb_graph_upstream_scrapes_total"] >= 2
            and found["upgraph_release_cache_hits_total"] >= 6
        )

    until(is_counted, what="two scrapes")
    found = _metrics(calm)
    assert found["cincinnati_gb_graph_upstream_errors_total"] == 0
    assert found["cincinnati_gb_graph_upstream_raw_releases"] == 6
    assert found["cincinnati_gb_graph_final_releases"] == 6
    assert found['upgraph_graph_nodes{arch="arm64"}'] == 3


def test_the_status_tells_what_is_in_force(calm: Running) -> None:
    state = until(lambda: calm.state() if calm.state()["last_scrape"] else None, what="the end of a scrape")
    assert state is not None
    graph, scrape = state["graph"], state["last_scrape"]
    assert state["ready"] is True
    assert isinstance(graph, dict)
    assert (graph["releases"], graph["edges_by_arch"]) == (6, {"amd64": 3, "arm64": 3})
    assert isinstance(scrape, dict)
    assert scrape["message"].startswith("6 releases in 6 tags; ")


def test_the_building_process_gives_way_to_answers(calm: Running) -> None:
    builder = calm.builder
    assert builder is not None
    usual = os.getpriority(os.PRIO_PROCESS, calm.process.pid)
    assert os.getpriority(os.PRIO_PROCESS, builder) == min(usual + 10, 19)


def test_another_service_gives_the_same_bytes(
    calm: Running, start: Starter, sources: tuple[object, ...]
) -> None:
    other = start.serve(*sources, PYTHONHASHSEED="2")
    other.answered()
    for coding in ("identity", "gzip", "zstd"):
        one, two = (
            service.ask("stable-4.1", "arm64", "-H", f"Accept-Encoding: {coding}")
            for service in (calm, other)
        )
        assert one.headers["content-length"] == str(len(one.body))
        assert (one.body, one.headers["etag"]) == (two.body, two.headers["etag"])
