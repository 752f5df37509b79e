"""Rows of the fault matrix: several operators whose clocks disagree, and one Lease."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.cluster.faults.conftest import PATIENCE_SECONDS, Site
from upgraph.kube.api import Api
from upgraph.kube.candidacy import Terms
from upgraph.kube.election import Election
from upgraph.kube.objects import Key
from upgraph.operator.installation.parameters import OPERATOR

TERMS = Terms(lease=8.0, deadline=6.0, interval=0.5)
RENEWALS = 20
RENEWAL_SECONDS = 0.5
LEASES = "/apis/coordination.k8s.io/v1"


async def until_cancelled() -> None:
    await asyncio.Event().wait()


def renewed(hours: int) -> dict[str, object]:
    """The record of a holder whose clock is some hours ahead."""
    moment = (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "holderIdentity": "another",
        "leaseDurationSeconds": round(TERMS.lease),
        "acquireTime": moment,
        "renewTime": moment,
        "leaseTransitions": 1,
    }


@pytest.mark.parametrize("hours", [-5, 5], ids=["behind", "ahead"])
async def test_the_clock_of_the_holder_is_hours_off(site: Site, api: Api, hours: int) -> None:
    client, path = site.cluster.client, site.path("leases", OPERATOR, group=LEASES)
    site.apply("Lease", OPERATOR, version="coordination.k8s.io/v1", spec=renewed(hours))
    election = Election(api, Key(site.namespace, OPERATOR), "operator", terms=TERMS)
    waiting = asyncio.create_task(election.lead(until_cancelled))
    for _ in range(RENEWALS):
        await asyncio.sleep(RENEWAL_SECONDS)
        client.patch(path, {"spec": renewed(hours)})
        assert not election.leading.is_set()
    # The holder is gone; it counts how long nothing has been heard of it, not what it wrote.
    gone = asyncio.get_running_loop().time()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await election.leading.wait()
    assert asyncio.get_running_loop().time() - gone > TERMS.lease / 2
    waiting.cancel()
    await asyncio.wait([waiting])
