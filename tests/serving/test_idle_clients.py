"""Who keeps a connection and says nothing loses it."""

import asyncio
from typing import Any

import pytest

from upgraph.service.answering.clients import Limits
from upgraph.testing.http_client import HttpClient


@pytest.fixture
def composition(composition: Any) -> Any:
    composition.limits = Limits(header_seconds=1)
    return composition


async def test_who_says_nothing_is_cut_off(cluster: HttpClient) -> None:
    async with cluster.connected() as connection:
        assert await connection.is_closed_by_server()


async def test_who_does_not_finish_a_header_is_told_and_cut_off(cluster: HttpClient) -> None:
    async with cluster.connected() as connection:
        await connection.send(b"GET /graph HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        assert (await connection.receive()).status == 408
        assert await connection.is_closed_by_server()


async def test_sending_slowly_gives_no_more_time(cluster: HttpClient) -> None:
    async with cluster.connected() as connection:
        answer = asyncio.create_task(connection.receive())
        await connection.send(b"GET /graph HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        while not answer.done():
            await connection.send(b"and slow ")
            await asyncio.sleep(0.1)
        assert (await answer).status == 408


async def test_who_says_nothing_after_an_answer_is_cut_off(cluster: HttpClient) -> None:
    async with cluster.connected() as connection:
        await connection.send(cluster.request("GET", "/graph?channel=stable-4.9"))
        assert (await connection.receive()).status == 200
        assert await connection.is_closed_by_server()
