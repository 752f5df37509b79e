"""The metrics that dashboards and alerts select on."""

from collections.abc import Iterable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.parser import text_string_to_metric_families

from upgraph.service.answering.edge import InForce
from upgraph.service.answering.metrics import (
    GraphBuilderMetrics,
    PolicyEngineMetrics,
    exposition,
    new_registry,
)
from upgraph.service.snapshot import Snapshot
from upgraph.testing.http_client import HttpClient

CINCINNATI = {
    "cincinnati_gb_graph_upstream_raw_releases": "gauge",
    "cincinnati_gb_graph_final_releases": "gauge",
    "cincinnati_gb_graph_last_successful_refresh_timestamp": "gauge",
    "cincinnati_gb_graph_upstream_scrapes_total": "counter",
    "cincinnati_gb_graph_upstream_errors_total": "counter",
    "cincinnati_gb_graph_initial_upstream_scrape_duration": "gauge",
    "cincinnati_gb_graph_upstream_scrapes_duration": "histogram",
    "cincinnati_gb_graph_incoming_requests_total": "counter",
    "cincinnati_gb_graph_response_errors_total": "counter",
    "cincinnati_gb_build_info": "gauge",
    "cincinnati_pe_graph_incoming_requests_total": "counter",
    "cincinnati_pe_graph_serve_duration_seconds": "histogram",
    "cincinnati_pe_graph_response_errors_total": "counter",
    "cincinnati_pe_http_upstream_requests_total": "counter",
    "cincinnati_pe_http_upstream_errors_total": "counter",
    "cincinnati_pe_build_info": "gauge",
}
OURS = {
    "upgraph_graph_age_seconds": "gauge",
    "upgraph_graph_nodes": "gauge",
    "upgraph_graph_edges": "gauge",
    "upgraph_graph_conditional_edges": "gauge",
    "upgraph_graph_withheld_edges": "gauge",
    "upgraph_findings": "gauge",
    "upgraph_unsigned_releases": "gauge",
    "upgraph_release_cache_hits_total": "counter",
    "upgraph_layer_bytes_total": "counter",
    "upgraph_builder_ends_total": "counter",
    "upgraph_answering_processes": "gauge",
    "upgraph_answering_ends_total": "counter",
    "upgraph_build_seconds": "gauge",
    "upgraph_connections_open": "gauge",
    "upgraph_connections_total": "counter",
    "upgraph_connections_turned_away_total": "counter",
    "upgraph_connections_malformed_total": "counter",
    "upgraph_connections_made_room_total": "counter",
    "upgraph_connections_timed_out_total": "counter",
    "upgraph_connections_failed_handshakes_total": "counter",
}
BUCKETS: dict[str, list[float]] = {
    "cincinnati_gb_graph_upstream_scrapes_duration": [5, 6, 7, 8, 9, 10, 15, 20, 30],
    "cincinnati_pe_graph_serve_duration_seconds": [
        0.005,
        0.01,
        0.025,
        0.05,
        0.075,
        0.1,
        0.25,
        0.5,
        0.75,
        1,
        5,
    ],
}


@pytest.fixture
def registry() -> CollectorRegistry:
    return new_registry()


async def exposed(probe: HttpClient) -> dict[str, Metric]:
    text = (await probe.get("/metrics")).body.decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(families: Iterable[Metric], sample: str, **labels: str) -> float | None:
    found = [s.value for f in families for s in f.samples if s.name == sample and s.labels == labels]
    return found[0] if found else None


def exposed_by(registry: CollectorRegistry) -> list[Metric]:
    return list(text_string_to_metric_families(exposition(registry).decode()))


async def test_names_and_types_are_the_known_ones(probe: HttpClient) -> None:
    answer = await probe.get("/metrics")
    lines = [line.split() for line in answer.body.decode().splitlines()]
    assert {line[2]: line[3] for line in lines if line[:2] == ["#", "TYPE"]} == CINCINNATI | OURS
    assert answer.header("content-type") == "text/plain; version=0.0.4; charset=utf-8"


async def test_no_creation_times_are_added(probe: HttpClient) -> None:
    assert b"_created" not in (await probe.get("/metrics")).body


@pytest.mark.parametrize("name", BUCKETS)
async def test_buckets_are_the_known_ones(probe: HttpClient, name: str) -> None:
    samples = (await exposed(probe))[name].samples
    bounds = [float(s.labels["le"]) for s in samples if s.name == f"{name}_bucket"]
    assert bounds == [*BUCKETS[name], float("inf")]


async def test_requests_are_counted_by_route(cluster: HttpClient, probe: HttpClient) -> None:
    for target in ["/graph?channel=stable-4.9", "/graph?channel=a", "/v1/graph", "/a", "/b", "/openapi"]:
        await cluster.get(target)
    samples = (await exposed(probe))["cincinnati_pe_graph_incoming_requests"].samples
    assert {s.labels["uri_path"]: s.value for s in samples} == {
        "/api/upgrades_info/graph": 2,
        "/api/upgrades_info/v1/graph": 1,
        "/api/upgrades_info/openapi": 1,
        "/api/upgrades_info/v1/openapi": 0,
        "/api/upgrades_info/graph-data": 0,
        "other": 2,
    }


async def test_errors_are_counted_by_status_and_kind(cluster: HttpClient, probe: HttpClient) -> None:
    await cluster.get("/graph")
    await cluster.get("/graph", ("Accept", "text/html"))
    families, name = (await exposed(probe)).values(), "cincinnati_pe_graph_response_errors_total"
    assert value(families, name, code="400", kind="missing_params") == 1
    assert value(families, name, code="406", kind="invalid_content_type") == 1


async def test_nothing_that_a_client_sends_becomes_a_label(cluster: HttpClient, probe: HttpClient) -> None:
    secret = "0f1e2d3c-cluster"
    for target in [f"/graph?channel=a&id={secret}", f"/{secret}", f"/graph?channel={secret}~"]:
        await cluster.get(target, ("User-Agent", secret), ("Accept", f"application/{secret}, */*"))
    assert secret.encode() not in (await probe.get("/metrics")).body


async def test_lookups_are_timed_and_refusals_before_them_are_not(
    cluster: HttpClient, probe: HttpClient
) -> None:
    for target in ["/graph?channel=a", "/graph?channel=A", "/graph"]:
        await cluster.get(target)
    name = "cincinnati_pe_graph_serve_duration_seconds_count"
    assert value((await exposed(probe)).values(), name) == 2


async def test_each_face_counts_for_itself(
    cluster: HttpClient, builder: HttpClient, probe: HttpClient
) -> None:
    await builder.get("/graph?channel=a")
    families, path = (await exposed(probe)).values(), "/api/upgrades_info/graph"
    assert value(families, "cincinnati_gb_graph_incoming_requests_total", uri_path=path) == 1
    assert value(families, "cincinnati_pe_graph_incoming_requests_total", uri_path=path) == 0


async def test_the_graph_in_force_is_described(probe: HttpClient, clock: Any) -> None:
    clock.now += 5
    families = (await exposed(probe)).values()
    assert value(families, "upgraph_graph_age_seconds") == 65
    assert value(families, "upgraph_graph_nodes", arch="multi") == 4
    assert value(families, "upgraph_graph_edges", arch="amd64") == 5
    assert value(families, "upgraph_graph_conditional_edges", arch="arm64") == 1
    assert value(families, "upgraph_findings", reference="label-unknown", severity="warning") == 1


async def test_without_a_graph_there_are_no_facts(probe: HttpClient, in_force: InForce) -> None:
    in_force.snapshot = None
    families = await exposed(probe)
    assert [families[name].samples for name in OURS if name.startswith("upgraph_graph")] == [[]] * 5


def test_the_first_good_scrape_is_told_apart(registry: CollectorRegistry, snapshot: Snapshot) -> None:
    metrics, prefix = GraphBuilderMetrics(registry, "0123abc"), "cincinnati_gb_graph"
    metrics.scrape_failed(1)
    metrics.scrape_succeeded(7, 12)
    metrics.scrape_succeeded(8, 12)
    metrics.graph_is(snapshot.facts)
    families = exposed_by(registry)
    assert value(families, f"{prefix}_initial_upstream_scrape_duration") == 7
    assert value(families, f"{prefix}_upstream_scrapes_duration_sum") == 9
    assert value(families, f"{prefix}_upstream_scrapes_total") == 3
    assert value(families, f"{prefix}_upstream_errors_total") == 1
    assert value(families, f"{prefix}_upstream_raw_releases") == 12
    assert value(families, f"{prefix}_last_successful_refresh_timestamp") == 1_790_000_000


def test_builds_and_upstream_fetches_are_counted(registry: CollectorRegistry) -> None:
    builder, engine = GraphBuilderMetrics(registry, "0123abc"), PolicyEngineMetrics(registry, "0123abc")
    builder.built(2.5)
    builder.built(1.5)
    builder.images_met(cache_hits=40, layer_bytes=1_000)
    builder.images_met(cache_hits=2, layer_bytes=24)
    engine.upstream_fetched()
    engine.upstream_failed()
    families = exposed_by(registry)
    assert value(families, "upgraph_build_seconds") == 1.5
    assert value(families, "upgraph_release_cache_hits_total") == 42
    assert value(families, "upgraph_layer_bytes_total") == 1_024
    assert value(families, "cincinnati_pe_http_upstream_requests_total") == 1
    assert value(families, "cincinnati_pe_http_upstream_errors_total") == 1
    assert value(families, "cincinnati_pe_build_info", git_commit="0123abc") == 1
