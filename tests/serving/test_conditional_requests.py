"""Entity tags, not-modified answers, HEAD and what caches are told."""

from itertools import product

import pytest

from upgraph.service.answering.edge import InForce
from upgraph.service.snapshot import Snapshot
from upgraph.testing.http_client import HttpClient

GRAPH = "/graph?channel=stable-4.9"
JSON = ("Accept", "application/json")


async def tag_of(client: HttpClient, target: str = GRAPH) -> str:
    return (await client.get(target, JSON)).header("etag") or ""


async def test_every_type_and_coding_has_a_strong_tag_of_its_own(cluster: HttpClient) -> None:
    types, codings = ["application/json", "application/vnd.redhat.cincinnati.v1+json"], ["", "gzip", "zstd"]
    tags = [
        (await cluster.get(GRAPH, ("Accept", kind), ("Accept-Encoding", coding))).header("etag") or ""
        for kind, coding in product(types, codings)
    ]
    assert len(set(tags)) == 6
    assert all(tag[0] == tag[-1] == '"' for tag in tags)


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param("{tag}", id="the tag"),
        pytest.param("W/{tag}", id="weakened by a proxy"),
        pytest.param('"other", {tag}', id="second of a list"),
        pytest.param('W/"a,b",W/{tag}', id="list without space"),
        pytest.param("*", id="anything"),
    ],
)
async def test_a_client_that_has_the_graph_gets_no_body(cluster: HttpClient, condition: str) -> None:
    tag = await tag_of(cluster)
    answer = await cluster.get(GRAPH, JSON, ("If-None-Match", condition.format(tag=tag)))
    assert (answer.status, answer.body, answer.header("etag")) == (304, b"", tag)
    assert (answer.header("content-type"), answer.header("content-length")) == (None, None)
    assert answer.header("cache-control") == "max-age=30"
    assert "Accept-Encoding" in (answer.header("vary") or "")


@pytest.mark.parametrize("condition", ['"other"', "", "{bare}", '"{bare}', "W/", '"'])
async def test_a_client_that_has_something_else_gets_the_graph(cluster: HttpClient, condition: str) -> None:
    bare = (await tag_of(cluster)).strip('"')
    answer = await cluster.get(GRAPH, JSON, ("If-None-Match", condition.format(bare=bare)))
    assert (answer.status, answer.body[:12]) == (200, b'{"version":1')


async def test_a_tag_of_another_coding_does_not_count(cluster: HttpClient) -> None:
    condition = ("If-None-Match", await tag_of(cluster))
    assert (await cluster.get(GRAPH, JSON, condition, ("Accept-Encoding", "gzip"))).status == 200


async def test_the_tag_changes_with_the_graph(
    cluster: HttpClient, in_force: InForce, newer_snapshot: Snapshot
) -> None:
    tag = await tag_of(cluster)
    in_force.snapshot = newer_snapshot
    assert (await cluster.get(GRAPH, JSON, ("If-None-Match", tag))).status == 200
    assert await tag_of(cluster) != tag


@pytest.mark.parametrize("target", ["/openapi", "/graph-data"])
async def test_other_documents_are_conditional_too(cluster: HttpClient, target: str) -> None:
    tag = await tag_of(cluster, target)
    assert (await cluster.get(target, ("If-None-Match", tag))).status == 304


@pytest.mark.parametrize(
    "target",
    [GRAPH, "/graph", "/graph?channel=nope", "/openapi", "/graph-data", "/nothing"],
)
@pytest.mark.parametrize("coding", ["gzip", ""])
async def test_head_tells_what_get_would(cluster: HttpClient, target: str, coding: str) -> None:
    fields = [JSON, ("Accept-Encoding", coding), ("Origin", "https://console.example")]
    got, headed = await cluster.get(target, *fields), await cluster.ask("HEAD", target, *fields)
    assert headed.status == got.status
    assert {field for field in headed.fields if field[0] != "date"} == {
        field for field in got.fields if field[0] != "date"
    }
    assert headed.header("content-length") == str(len(got.body))


async def test_a_connection_is_usable_after_head_and_not_modified(cluster: HttpClient) -> None:
    condition = ("If-None-Match", await tag_of(cluster))
    async with cluster.connected() as connection:
        for method, fields in [("HEAD", [JSON]), ("GET", [JSON, condition]), ("GET", [JSON])]:
            await connection.send(cluster.request(method, GRAPH, *fields))
            answer = await connection.receive(method)
    assert (answer.status, len(answer.body)) == (200, int(answer.header("content-length") or 0))


async def test_no_cache_keeps_a_graph_for_more_than_a_minute(cluster: HttpClient) -> None:
    lifetime = (await cluster.get(GRAPH)).header("cache-control") or ""
    assert 0 < int(lifetime.removeprefix("max-age=")) <= 60
