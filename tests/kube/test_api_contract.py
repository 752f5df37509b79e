"""The simulated API server does what real ones do; ``tests/cluster`` asks the same of a real one."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from upgraph.kube.client import KubernetesApi
from upgraph.testing.api_contract import (
    CHECKS,
    check_a_version_of_long_ago_has_expired,
    check_every_character_arrives,
)
from upgraph.testing.api_place import Place
from upgraph.testing.api_server import SimulatedApiServer


@pytest.fixture
async def place(api: KubernetesApi, other: KubernetesApi) -> Place:
    return Place(api, other, "harbour")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_the_simulated_server_keeps_the_contract(
    check: Callable[[Place], Awaitable[None]], place: Place
) -> None:
    await check(place)


async def test_a_watch_that_was_left_is_ended(place: Place, api_server: SimulatedApiServer) -> None:
    await check_every_character_arrives(place)
    async with asyncio.timeout(180):
        while api_server.open_watches:  # noqa: ASYNC110  # nobody tells of it
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("in_stream", [True, False], ids=["in the stream", "as status"])
async def test_what_was_long_ago_has_expired(
    place: Place,
    api_server: SimulatedApiServer,
    in_stream: bool,  # noqa: FBT001  # a case
) -> None:
    api_server.expired_in_stream = in_stream
    await check_a_version_of_long_ago_has_expired(place)
