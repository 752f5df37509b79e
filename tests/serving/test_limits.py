"""What a client may cost: sizes, times, and what one client can do to another."""

import json

import pytest

from upgraph.testing.http_client import Answer, HttpClient

GRAPH = "/graph?channel=stable-4.9"
LONGEST_QUERY = 8 * 1024


def of_length(length: int) -> str:
    query = GRAPH.partition("?")[2]
    return "/graph?" + f"{query}&x=".ljust(length, "y")


async def test_the_longest_query_is_answered(cluster: HttpClient) -> None:
    assert (await cluster.get(of_length(LONGEST_QUERY))).status == 200


async def test_a_longer_query_is_refused(cluster: HttpClient) -> None:
    answer = await cluster.get(of_length(LONGEST_QUERY + 1))
    assert (answer.status, json.loads(answer.body)["kind"]) == (414, "invalid_params")


async def test_a_header_beyond_the_limit_is_refused(cluster: HttpClient) -> None:
    assert (await cluster.get(GRAPH, ("X-Long", "y" * 20_000))).status == 431


@pytest.mark.parametrize(
    ("more", "status"), [pytest.param(0, 200, id="hundred"), pytest.param(1, 431, id="one more")]
)
async def test_a_request_may_have_a_hundred_header_lines(cluster: HttpClient, more: int, status: int) -> None:
    lines = [(f"X-{number}", "y") for number in range(99 + more)]
    assert (await cluster.get(GRAPH, *lines)).status == status


async def test_a_client_that_does_not_read_does_not_delay_another(cluster: HttpClient) -> None:
    flood = cluster.request("GET", "/openapi") * 200
    async with cluster.connected() as deaf:
        await deaf.send(flood)
        assert (await cluster.get(GRAPH)).status == 200


async def test_requests_sent_at_once_are_answered_in_order(cluster: HttpClient) -> None:
    targets = [GRAPH, "/graph", "/nothing", "/openapi", GRAPH]
    async with cluster.connected() as connection:
        await connection.send(b"".join(cluster.request("GET", target) for target in targets))
        answers = [await connection.receive() for _ in targets]
    assert [answer.status for answer in answers] == [200, 400, 404, 200, 200]
    assert answers[0].body == answers[-1].body


async def send(client: HttpClient, request: bytes) -> Answer:
    async with client.connected() as connection:
        await connection.send(request)
        return await connection.receive()


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(b"nonsense\r\n\r\n", id="no request"),
        pytest.param(b"GET / HTTP/1.1\r\nNo colon\r\n\r\n", id="no header"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", id="length is no number"),
        pytest.param(b"GET /x?y=\xff HTTP/1.1\r\nHost: a\r\n\r\n", id="query is not UTF-8"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", id="null byte"),
    ],
)
async def test_what_is_no_request_is_refused(cluster: HttpClient, request_bytes: bytes) -> None:
    assert (await send(cluster, request_bytes)).status == 400


@pytest.mark.parametrize("field", ["Accept", "Accept-Encoding", "If-None-Match", "Origin", "User-Agent"])
@pytest.mark.parametrize("value", [b"caf\xc3\xa9", b"\xff\xfe", b"\t \t", b'a, b;q=,,;;"\\'], ids=repr)
async def test_no_header_value_makes_the_service_fail(cluster: HttpClient, field: str, value: bytes) -> None:
    request = cluster.request("GET", GRAPH, (field, value.decode("latin-1")), (field, "twice"))
    assert (await send(cluster, request)).status in {200, 406}


async def test_a_path_that_is_not_utf8_does_not_exist(cluster: HttpClient) -> None:
    assert (await cluster.get("/gr%ffph")).status == 404
