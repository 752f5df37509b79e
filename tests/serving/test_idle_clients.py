"""Who keeps a connection and says nothing loses it."""

from typing import Any

import pytest

from upgraph.service.answering.server import Limits
from upgraph.testing.http_client import HttpClient


@pytest.fixture
def composition(composition: Any) -> Any:
    composition.limits = Limits(header_seconds=1)
    return composition


@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param(b"", id="silent"),
        pytest.param(b"GET /graph HTTP/1.1\r\nHost: a\r\nX-Slow: ", id="in the middle of the header"),
    ],
)
async def test_who_does_not_finish_a_header_is_cut_off(cluster: HttpClient, beginning: bytes) -> None:
    async with cluster.connected() as connection:
        await connection.send(beginning)
        assert await connection.is_closed_by_server()


async def test_who_says_nothing_after_an_answer_is_cut_off(cluster: HttpClient) -> None:
    async with cluster.connected() as connection:
        await connection.send(cluster.request("GET", "/graph?channel=stable-4.9"))
        assert (await connection.receive()).status == 200
        assert await connection.is_closed_by_server()
