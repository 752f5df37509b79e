"""The simulated API server does what real ones do; ``tests/cluster`` asks the same of a real one."""

from collections.abc import Awaitable, Callable

import pytest

from upgraph.kube.client import KubernetesApi
from upgraph.testing.api_contract import CHECKS, Place
from upgraph.testing.api_server import SimulatedApiServer


@pytest.fixture
async def place(api: KubernetesApi, other: KubernetesApi) -> Place:
    return Place(api, other, "harbour")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_the_simulated_server_keeps_the_contract(
    check: Callable[[Place], Awaitable[None]], place: Place
) -> None:
    await check(place)


async def test_it_keeps_no_watch_that_was_left(place: Place, api_server: SimulatedApiServer) -> None:
    await CHECKS[10](place)
    assert api_server.counts["watch configmaps"] == 1
