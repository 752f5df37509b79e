"""One works, the others wait; who loses the Lease has stopped before the next one begins."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from upgraph.errors import RemoteError, UpgraphError
from upgraph.kube import find_cluster
from upgraph.kube.api import Api
from upgraph.kube.candidacy import Terms
from upgraph.kube.client import KubernetesApi, open_api
from upgraph.kube.election import Election, record_of
from upgraph.kube.kinds import LEASE
from upgraph.kube.objects import Key
from upgraph.testing.api_server import TOKEN, Fault, SimulatedApiServer

PATIENT = Terms(lease=20.0, deadline=15.0, interval=0.05)
SHORT = Terms(lease=1.5, deadline=1.0, interval=0.1)
"""For those who have to lose a Lease."""
LEASE_KEY = Key("harbour", "operator")


class Pilot:
    """One who works until told to end, and notes when it began and ended."""

    def __init__(self, api: Api, name: str, log: list[str], terms: Terms = PATIENT) -> None:
        self.told: list[str] = []
        self.election = Election(api, LEASE_KEY, name, terms=terms, report=self.report)
        self.may_end = asyncio.Event()
        self._name = name
        self._log = log

    def report(self, error: UpgraphError) -> None:
        self.told.append(error.reference)

    async def work(self) -> None:
        self._log.append(f"{self._name} begins")
        try:
            await self.may_end.wait()
        finally:
            self._log.append(f"{self._name} ends")

    async def lead(self) -> None:
        async with asyncio.timeout(180):
            await self.election.lead(self.work)


@pytest.fixture
async def distant(api_server: SimulatedApiServer, tmp_path: Path) -> AsyncIterator[KubernetesApi]:
    """A connection that ends when the token ``distant`` is no longer known."""
    api_server.tokens.add("distant")
    file = api_server.kubeconfig(tmp_path / "distant", token="distant")
    async with open_api(find_cluster({}, kubeconfig=file), manager="distant") as opened:
        yield opened


async def test_the_next_one_begins_after_the_first_has_ended(
    api: KubernetesApi, other: KubernetesApi
) -> None:
    log: list[str] = []
    first, second = Pilot(api, "first", log), Pilot(other, "second", log)
    async with asyncio.TaskGroup() as group:
        group.create_task(first.lead())
        await first.election.leading.wait()
        group.create_task(second.lead())
        first.may_end.set()
        await second.election.leading.wait()
        second.may_end.set()
    assert log == ["first begins", "first ends", "second begins", "second ends"]


async def test_who_is_cut_off_stops_before_another_begins(
    api: KubernetesApi, distant: KubernetesApi, api_server: SimulatedApiServer
) -> None:
    log: list[str] = []
    first, second = Pilot(distant, "first", log, SHORT), Pilot(api, "second", log, SHORT)
    leading = asyncio.create_task(first.lead())
    await first.election.leading.wait()
    waiting = asyncio.create_task(second.lead())
    api_server.tokens.discard("distant")
    with pytest.raises(RemoteError) as caught:
        await leading
    await second.election.leading.wait()
    second.may_end.set()
    await waiting
    assert caught.value.reference == "kube-lease-lost"
    assert log == ["first begins", "first ends", "second begins", "second ends"]
    assert set(first.told) == {"kube-unauthorized"}


async def test_a_server_that_falls_silent_ends_the_work_in_time(
    api: KubernetesApi, api_server: SimulatedApiServer
) -> None:
    pilot = Pilot(api, "first", [], SHORT)
    leading = asyncio.create_task(pilot.lead())
    await pilot.election.leading.wait()
    began = asyncio.get_running_loop().time()
    api_server.fall_silent()
    with pytest.raises(RemoteError, match="could not renew"):
        await leading
    assert pilot.told == ["kube-unreachable"]
    assert asyncio.get_running_loop().time() - began >= SHORT.deadline - SHORT.interval - 0.1


async def test_one_whose_lease_was_taken_stops(api: KubernetesApi, other: KubernetesApi) -> None:
    log: list[str] = []
    pilot = Pilot(api, "first", log)
    leading = asyncio.create_task(pilot.lead())
    await pilot.election.leading.wait()
    await other.patch(LEASE, LEASE_KEY, {"spec": {"holderIdentity": "somebody"}})
    with pytest.raises(RemoteError, match="another one has it"):
        await leading
    assert log == ["first begins", "first ends"]
    assert record_of(await api.get(LEASE, LEASE_KEY)).holder == "somebody"


@pytest.mark.parametrize(
    "fault",
    [
        Fault(verb="update", late=True, times=2),
        Fault(verb="update", reset=True, times=2),
        Fault(status=500, times=2),
    ],
    ids=["answers lost", "requests lost", "server at fault"],
)
async def test_short_trouble_changes_nothing(
    api: KubernetesApi, api_server: SimulatedApiServer, fault: Fault
) -> None:
    pilot = Pilot(api, "first", [])
    leading = asyncio.create_task(pilot.lead())
    await pilot.election.leading.wait()
    api_server.faults.append(fault)
    await api_server.reached("update leases", api_server.counts["update leases"] + 6)
    assert not api_server.faults
    assert not leading.done()
    pilot.may_end.set()
    await leading


async def test_an_error_of_the_work_goes_on_and_the_lease_is_released(api: KubernetesApi) -> None:
    async def work() -> None:
        raise ValueError("of the work")

    with pytest.raises(ValueError, match="of the work"):
        await Election(api, LEASE_KEY, "first", terms=PATIENT).lead(work)
    assert record_of(await api.get(LEASE, LEASE_KEY)).holder == ""


async def test_cancelling_ends_the_work_and_releases(api: KubernetesApi) -> None:
    log: list[str] = []
    pilot = Pilot(api, "first", log)
    leading = asyncio.create_task(pilot.lead())
    await pilot.election.leading.wait()
    leading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leading
    assert log[-1] == "first ends"
    assert record_of(await api.get(LEASE, LEASE_KEY)).holder == ""
    assert not pilot.election.leading.is_set()


async def test_a_renewal_is_one_request(api: KubernetesApi, api_server: SimulatedApiServer) -> None:
    pilot = Pilot(api, "first", [])
    leading = asyncio.create_task(pilot.lead())
    await api_server.reached("update leases", 3)
    assert api_server.counts["get leases"] == 1
    pilot.may_end.set()
    await leading


async def test_a_lease_that_says_nonsense_is_taken_when_it_rests(
    api: KubernetesApi, api_server: SimulatedApiServer
) -> None:
    spec = {"holderIdentity": "gone", "leaseTransitions": "many", "leaseDurationSeconds": None}
    metadata = {"namespace": "harbour", "name": "operator"}
    lease = {"apiVersion": LEASE.api_version, "kind": "Lease", "metadata": metadata, "spec": spec}
    api_server.state.put(LEASE, lease)
    pilot = Pilot(api, "first", [], SHORT)
    pilot.may_end.set()
    await pilot.lead()
    assert record_of(await api.get(LEASE, LEASE_KEY)).transitions == 1
    assert api_server.tokens == {TOKEN}
