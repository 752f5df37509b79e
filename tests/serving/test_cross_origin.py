"""Browsers of other sites may read what clusters read."""

import pytest

from upgraph.testing.http_client import HttpClient

ORIGIN = ("Origin", "https://console.example")
ASKED = "access-control-request-method"
VARY = "Accept, Accept-Encoding, Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


@pytest.mark.parametrize(
    "target",
    ["/graph?channel=stable-4.9", "/graph", "/graph?channel=A", "/openapi", "/graph-data", "/nothing"],
)
async def test_every_answer_lets_the_page_read_it(cluster: HttpClient, target: str) -> None:
    answer = await cluster.get(target, ORIGIN)
    assert (answer.header("access-control-allow-origin"), answer.header("vary")) == (ORIGIN[1], VARY)


async def test_a_client_that_is_no_page_is_told_nothing(cluster: HttpClient) -> None:
    answer = await cluster.get("/graph?channel=stable-4.9")
    assert (answer.header("access-control-allow-origin"), answer.header("vary")) == (None, VARY)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("target", ["/graph", "/nothing"])
async def test_a_page_may_ask_with_get_and_head(cluster: HttpClient, target: str, method: str) -> None:
    answer = await cluster.ask("OPTIONS", target, ORIGIN, (ASKED, method))
    assert (answer.status, answer.body) == (200, b"")
    assert answer.header("access-control-allow-methods") == "GET, HEAD"
    assert answer.header("access-control-allow-origin") == ORIGIN[1]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        pytest.param([(ASKED, "POST")], b"Requested method is not allowed", id="method"),
        pytest.param(
            [(ASKED, "GET"), ("access-control-request-headers", "x-mine")],
            b"One or more request headers are not allowed",
            id="header",
        ),
    ],
)
async def test_a_page_may_ask_for_nothing_more(
    cluster: HttpClient, fields: list[tuple[str, str]], text: bytes
) -> None:
    answer = await cluster.ask("OPTIONS", "/graph", ORIGIN, *fields)
    assert (answer.status, answer.body) == (400, text)


@pytest.mark.parametrize("asked", [[], [(ASKED, "not a method")], [(ASKED, "")]], ids=["no", "bad", "empty"])
async def test_options_without_a_method_to_ask_for_is_no_preflight(
    cluster: HttpClient, asked: list[tuple[str, str]]
) -> None:
    assert (await cluster.ask("OPTIONS", "/graph", ORIGIN, *asked)).status == 405
