"""Registries that fail, and come back, long before the next scrape is due, and without anybody asking for one."""

from dataclasses import replace

import pytest

from tests.faults.conftest import LAST_GOOD, NEW, VERSIONS, Row, Site, each, found, in_one_process, until
from tests.faults.test_registry import CERTIFICATES, NETWORK, STATUSES
from tests.faults.told import told
from upgraph.service.building import lookout, pauses
from upgraph.testing.answers import read_answer
from upgraph.testing.registry import Fault

FAMILY = "Registries, minutes before the next scrape"
NEVER_SECONDS = 36_000.0
SOON_SECONDS = 0.2
MANY_LOOKS = 20
TRIED = ("unreachable", "slow to connect", "401 to manifests", "403 to manifests", "expired certificate")
# The request that is refused may be another one here.
FAULTS = [replace(row, seen="") for row in (*NETWORK, *STATUSES, *CERTIFICATES) if row.name in TRIED]


@pytest.fixture
def patient(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """No scrape comes by itself, not even after one that failed."""
    monkeypatch.setattr(pauses, "FIRST_RETRY_SECONDS", NEVER_SECONDS)
    site.settings |= {"scrape_interval": NEVER_SECONDS, "registry_check_interval": SOON_SECONDS}


async def first_answer(site: Site) -> bytes:
    async def look() -> bytes | None:
        got = await site.answer()
        return got.body if got.status == 200 else None

    return await until(look, what="the first graph")


def test_what_is_tried_is_there() -> None:
    assert sorted(row.name for row in FAULTS) == sorted(TRIED)


@told(
    fault="A registry goes, hangs, refuses the login, or shows another certificate.",
    seen="The reference of the section above, after about ten seconds (`--registry-check-interval`), or forty if it hangs. A"
    " withdrawn login as soon as the token that was had for it ends.",
    clients=f"{LAST_GOOD[:1].upper()}{LAST_GOOD[1:]}.",
    heals="A scrape that begins by itself within seconds of the end of the fault; after a login that was refused, when its"
    " file changes, or with the next scrape.",
)
@each(FAULTS)
async def test_a_fault_and_its_end_are_noticed(prepared: tuple[Site, Row], patient: None) -> None:
    site, row = prepared
    async with in_one_process(site):
        good = await first_answer(site)
        await row.make(site)

        async def is_told() -> bool:
            assert (await site.answer()).body == good
            return bool(found(await site.state(), row))

        await until(is_told, what=row.reference)
        site.release(NEW, VERSIONS[-1])
        await row.mend(site)

        async def is_over() -> bool:
            nodes = set(read_answer((await site.answer()).body).nodes)
            return nodes == {*VERSIONS, NEW} and not found(await site.state(), row)

        await until(is_over, what="its end")


async def test_a_registry_that_hangs_is_told_before_the_scrape_ends_that_it_holds_up(
    site: Site, patient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOOK_SECONDS", "SECOND_LOOK_SECONDS"):
        monkeypatch.setattr(lookout, name, 0.5)
    async with in_one_process(site):
        good = await first_answer(site)
        before = (await site.state())["last_scrape"]
        site.registry.faults += [Fault(step, 10_000, stall=True) for step in ("tags", "manifest")]

        async def is_told() -> bool:
            state = await site.state()
            assert (state["last_scrape"], (await site.answer()).body) == (before, good)
            (releases,) = (one for one in state["sources"] if one["kind"] == "releases")
            return (releases.get("fault") or {}).get("reference") == "registry-timeout"

        await until(is_told, what="the fault of the source")


async def test_a_registry_that_is_well_is_asked_for_one_small_answer_at_a_time(
    site: Site, patient: None
) -> None:
    async with in_one_process(site):
        await first_answer(site)
        before = (await site.state())["last_scrape"]
        asked = len(site.registry.requests)

        async def look() -> bool:
            return len(site.registry.requests) >= asked + MANY_LOOKS

        await until(look, what="questions to the registry")
        seen = {(one.method, one.step) for one in site.registry.requests[asked:]}
        assert (seen, (await site.state())["last_scrape"]) == ({("HEAD", "manifest")}, before)
