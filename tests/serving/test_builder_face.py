"""What policy engines and mirrors get from a graph builder."""

import json

import pytest

from upgraph.graph import decode
from upgraph.service.answering.edge import InForce
from upgraph.service.snapshot import Snapshot
from upgraph.testing.http_client import HttpClient

JSON = "application/json"


@pytest.mark.parametrize("path", ["/graph?channel=x", "/v1/graph?channel=x"])
@pytest.mark.parametrize("accept", [None, JSON, "*/*", "application/*", "*"])
async def test_the_whole_graph_comes_as_json(builder: HttpClient, path: str, accept: str | None) -> None:
    answer = await builder.get(path, *[("Accept", value) for value in [accept] if value])
    assert (answer.status, answer.header("content-type")) == (200, JSON)
    assert list(json.loads(answer.body)) == ["nodes", "edges", "conditionalEdges"]


async def test_a_policy_engine_can_read_the_whole_graph(builder: HttpClient) -> None:
    graph, findings = decode((await builder.get("/graph?channel=x")).body)
    assert (len(graph.nodes), findings) == (12, ())
    assert {node.version.build for node in graph.nodes} == {"amd64", "arm64", "multi"}


async def test_the_type_of_clusters_is_refused(builder: HttpClient) -> None:
    answer = await builder.get("/graph?channel=x", ("Accept", "application/vnd.redhat.cincinnati.v1+json"))
    assert (answer.status, json.loads(answer.body)["kind"]) == (406, "invalid_content_type")


async def test_mandatory_parameters_are_asked_for_and_not_read(builder: HttpClient) -> None:
    missing = await builder.get("/graph")
    assert (missing.status, json.loads(missing.body)["kind"]) == (400, "missing_params")
    assert (await builder.get("/graph?channel=NOT~A~CHANNEL")).status == 200


@pytest.mark.parametrize("path", ["/openapi", "/v1/openapi"])
async def test_there_is_no_description(builder: HttpClient, path: str) -> None:
    assert (await builder.get(path)).status == 404


async def test_browsers_of_other_sites_are_not_let_in(builder: HttpClient) -> None:
    answer = await builder.get("/graph?channel=x", ("Origin", "https://console.example"))
    assert answer.header("access-control-allow-origin") is None
    assert answer.header("vary") == "Accept, Accept-Encoding"


async def test_every_face_has_the_graph_data(
    cluster: HttpClient, builder: HttpClient, data_only: HttpClient
) -> None:
    for face in (cluster, builder, data_only):
        answer = await face.get("/graph-data", ("Accept", "text/html"), ("Accept-Encoding", "gzip"))
        assert (answer.status, answer.header("content-type")) == (200, "application/gzip")
        assert answer.header("content-disposition") == 'attachment; filename="graph-data.tar.gz"'
        assert (answer.header("content-encoding"), answer.body) == (None, b"not really an archive")


async def test_the_graph_data_are_given_whole_whatever_range_is_asked_for(cluster: HttpClient) -> None:
    answer = await cluster.get("/graph-data", ("Range", "bytes=0-3"))
    assert (answer.status, answer.body) == (200, b"not really an archive")
    assert (answer.header("accept-ranges"), answer.header("last-modified")) == (None, None)
    assert answer.header("etag")


async def test_the_public_face_has_nothing_but_the_graph_data(data_only: HttpClient) -> None:
    assert (await data_only.get("/graph?channel=stable-4.9")).status == 404


async def test_a_graph_from_an_upstream_server_has_no_graph_data(
    cluster: HttpClient, in_force: InForce, newer_snapshot: Snapshot
) -> None:
    in_force.snapshot = newer_snapshot
    answer = await cluster.get("/graph-data")
    assert (answer.status, json.loads(answer.body)["kind"]) == (404, "does_not_exist")
