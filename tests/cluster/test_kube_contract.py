"""A real API server keeps the contract of the simulated one, and what watches and leads survives its restart."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tools.cluster.control_plane import ControlPlane
from upgraph.kube import find_cluster
from upgraph.kube.api import Scope
from upgraph.kube.candidacy import Terms
from upgraph.kube.client import open_api
from upgraph.kube.election import Election
from upgraph.kube.informer import Informer
from upgraph.kube.kinds import CONFIG_MAP
from upgraph.testing.api_contract import CHECKS, check_a_version_of_long_ago_has_expired
from upgraph.testing.api_place import WIDGET, Place
from upgraph.testing.handshakes import cancelled_handshakes

TERMS = Terms(lease=120.0, deadline=90.0, interval=0.5)


async def until_cancelled() -> None:
    await asyncio.Event().wait()


@pytest.fixture
async def place(cluster: ControlPlane, namespace: str) -> AsyncIterator[Place]:
    address = find_cluster({}, kubeconfig=cluster.kubeconfig)
    with cancelled_handshakes():
        async with (
            open_api(address, manager="ours", kinds=[WIDGET]) as api,
            open_api(address, manager="other", kinds=[WIDGET]) as other,
        ):
            yield Place(api, other, namespace)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_a_real_server_keeps_the_contract(
    check: Callable[[Place], Awaitable[None]], place: Place
) -> None:
    await check(place)


async def test_a_restart_of_the_api_server_is_survived(place: Place, cluster: ControlPlane) -> None:
    informer = Informer(place.api, CONFIG_MAP, Scope(place.namespace))
    election = Election(place.api, place.key("lease"), "pilot", terms=TERMS)
    following = asyncio.create_task(informer.run())
    leading = asyncio.create_task(election.lead(until_cancelled))
    await election.leading.wait()
    await informer.synced.wait()
    await asyncio.to_thread(cluster.stop, "kube-apiserver", seconds=0)
    await asyncio.to_thread(cluster.start_api_server)
    await place.other.create(place.config_map("a", {}))
    async with asyncio.timeout(180):
        while informer.store.get(place.key("a")) is None:  # noqa: ASYNC110  # nobody tells of it
            await asyncio.sleep(0.1)
    assert election.leading.is_set()
    await check_a_version_of_long_ago_has_expired(place)
    for task in (leading, following):
        task.cancel()
    await asyncio.wait({leading, following})
