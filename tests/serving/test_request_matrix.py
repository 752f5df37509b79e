"""The requests that a policy engine of Cincinnati is known to answer, through the real server."""

import json

import pytest

from upgraph.testing.http_client import HttpClient

GRAPH = "/graph?channel=stable-4.9"
JSON = "application/json"
V1 = "application/vnd.redhat.cincinnati.v1+json"
EMPTY = b'{"version":1,"nodes":[],"edges":[],"conditionalEdges":[]}'
CHANNEL_REGEX = r"^[0-9a-z\-\.]+$"
ARCH_REGEX = "^[0-9a-z]+$"


def versions(body: bytes) -> list[str]:
    return [node["version"] for node in json.loads(body)["nodes"]]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        pytest.param(None, V1, id="no Accept"),
        pytest.param(JSON, JSON, id="what clusters send"),
        pytest.param("*/*", JSON, id="any"),
        pytest.param("application/*", JSON, id="any application"),
        pytest.param("*", JSON, id="a lone star"),
        pytest.param(V1, V1, id="the type of the protocol"),
        pytest.param("application/json, */*", JSON, id="a list"),
        pytest.param("application/json;q=0.9", JSON, id="a weight"),
        pytest.param("Application/JSON", JSON, id="another case"),
    ],
)
@pytest.mark.parametrize("path", ["/graph", "/v1/graph"])
async def test_a_graph_has_the_type_that_was_asked_for(
    cluster: HttpClient, path: str, accept: str | None, content_type: str
) -> None:
    fields = [] if accept is None else [("Accept", accept)]
    answer = await cluster.get(f"{path}?channel=stable-4.9", *fields)
    assert (answer.status, answer.header("content-type")) == (200, content_type)
    assert versions(answer.body) == ["4.9.0", "4.9.1", "4.9.2", "4.9.3"]


async def test_the_document_has_nodes_edges_and_risks(cluster: HttpClient) -> None:
    document = json.loads((await cluster.get(GRAPH)).body)
    assert list(document) == ["version", "nodes", "edges", "conditionalEdges"]
    assert document["edges"] == [[0, 1], [0, 3], [1, 2], [1, 3], [2, 3]]
    assert document["conditionalEdges"][0]["edges"] == [{"from": "4.9.0", "to": "4.9.2"}]


@pytest.mark.parametrize(
    ("target", "accept", "status", "error"),
    [
        pytest.param(
            GRAPH,
            "text/html",
            406,
            ("invalid_content_type", "invalid Content-Type requested"),
            id="a web page",
        ),
        pytest.param(
            "/graph",
            JSON,
            400,
            ("missing_params", "mandatory client parameters missing: channel"),
            id="no channel",
        ),
        pytest.param(
            "/graph",
            "text/html",
            406,
            ("invalid_content_type", "invalid Content-Type requested"),
            id="406 wins",
        ),
        *[
            pytest.param(
                f"/graph?channel={sent}",
                JSON,
                400,
                (
                    "invalid_params",
                    f"invalid client parameters: channel '{read}' does not match regex '{CHANNEL_REGEX}'",
                ),
                id=f"channel {sent!r}",
            )
            for sent, read in [
                ("", ""),
                ("Stable-4.9", "Stable-4.9"),
                ("stable_4.9", "stable_4.9"),
                ("fast-4+9", "fast-4 9"),
                ("stable-4.9%0a", "stable-4.9\n"),
            ]
        ],
        *[
            pytest.param(
                f"{GRAPH}&arch={sent}",
                JSON,
                400,
                (
                    "invalid_params",
                    f"invalid client parameters: arch '{sent}' does not match regex '{ARCH_REGEX}'",
                ),
                id=f"arch {sent!r}",
            )
            for sent in ["AMD64", "x86_64", ""]
        ],
    ],
)
async def test_a_wrong_request_gets_the_error_that_clients_know(
    cluster: HttpClient, target: str, accept: str, status: int, error: tuple[str, str]
) -> None:
    answer = await cluster.get(target, ("Accept", accept))
    assert (answer.status, answer.header("content-type")) == (status, JSON)
    assert answer.header("cache-control") == "no-store"
    assert list(json.loads(answer.body).items()) == [("kind", error[0]), ("value", error[1])]


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("/graph?channel=nope-1.2", id="channel"),
        pytest.param(f"{GRAPH}&arch=arrgh64", id="architecture"),
        pytest.param(f"{GRAPH}&arch=4", id="a part of versions"),
    ],
)
async def test_what_nobody_knows_is_an_empty_graph(cluster: HttpClient, target: str) -> None:
    answer = await cluster.get(target)
    assert (answer.status, answer.body) == (200, EMPTY)


@pytest.mark.parametrize("arch", ["amd64", "arm64", "multi"])
async def test_each_architecture_gets_its_payloads(cluster: HttpClient, arch: str) -> None:
    nodes = json.loads((await cluster.get(f"{GRAPH}&arch={arch}")).body)["nodes"]
    assert [node["version"] for node in nodes] == ["4.9.0", "4.9.1", "4.9.2", "4.9.3"]
    assert all(f"+{arch}".encode().hex() in node["payload"] for node in nodes)


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(f"{GRAPH}&version=garbage&id=x&foo=bar", id="what clusters add"),
        pytest.param("/graph?channel=a&channel=stable-4.9", id="the last channel counts"),
        pytest.param("/graph?ch%61nnel=st%61ble-4.9", id="escapes"),
        pytest.param(f"{GRAPH}&foo=%zz&%ff=1&&=", id="nonsense that concerns nobody"),
    ],
)
async def test_other_spellings_get_the_same_document(cluster: HttpClient, target: str) -> None:
    plain, other = await cluster.get(GRAPH), await cluster.get(target)
    assert (other.status, other.body, other.header("etag")) == (200, plain.body, plain.header("etag"))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_not_allowed(cluster: HttpClient, method: str) -> None:
    answer = await cluster.ask(method, GRAPH)
    assert (answer.status, answer.header("allow"), answer.body) == (405, "GET, HEAD", b"")


async def test_a_method_that_nobody_knows_is_not_allowed(cluster: HttpClient) -> None:
    answer = await cluster.ask("BREW", GRAPH)
    assert (answer.status, answer.header("allow")) == (405, "GET, HEAD")


@pytest.mark.parametrize("target", ["/graph/", "/graphs", "/", "", "//graph", "/v2/graph"])
async def test_other_paths_do_not_exist(cluster: HttpClient, target: str) -> None:
    answer = await cluster.get(target)
    assert (answer.status, answer.body) == (404, b"")


async def test_a_path_without_the_prefix_does_not_exist(cluster: HttpClient) -> None:
    bare = HttpClient(cluster.address, cluster.port)
    assert (await bare.get(GRAPH)).status == 404


@pytest.mark.parametrize("path", ["/openapi", "/v1/openapi"])
async def test_the_description_is_json_called_text(cluster: HttpClient, path: str) -> None:
    answer = await cluster.get(path, ("Accept", "image/png"))
    assert (answer.status, answer.header("content-type")) == (200, "text/plain; charset=utf-8")
    assert json.loads(answer.body)["openapi"] == "3.0.3"


async def test_a_body_of_a_request_changes_nothing(cluster: HttpClient) -> None:
    request = cluster.request("GET", GRAPH, ("Content-Length", "5")) + b"hello"
    async with cluster.connected() as connection:
        await connection.send(request + cluster.request("GET", GRAPH))
        first, second = await connection.receive(), await connection.receive()
    assert (first.status, first.body) == (second.status, second.body) == (200, second.body)
