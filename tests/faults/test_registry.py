"""A registry that fails, from outside: clusters go on getting what they got, and the fault is named."""

from collections.abc import Awaitable, Callable

import pytest

from tests.faults.conftest import (
    Row,
    Site,
    as_users_run_it,
    check_first_start,
    check_survives,
    in_one_process,
)
from upgraph.testing.registry import Fault

FOR_EVER = 1_000_000

AGAIN = "The next scrape that succeeds."


def faulty(*faults: Fault) -> Callable[[Site], Awaitable[None]]:
    async def make(site: Site) -> None:
        site.registry.faults[:] = faults

    return make


async def obey(site: Site) -> None:
    site.registry.faults.clear()


async def halt(site: Site) -> None:
    await site.registry.halt()


async def resume(site: Site) -> None:
    await site.registry.resume()


ROWS = (
    Row(
        name="unreachable",
        fault="The registry is down or its port is closed.",
        make=halt,
        mend=resume,
        reference="registry-unreachable",
        seen=r"tags/list.*Connect call failed",
        heals=AGAIN,
        at_start="registry-unreachable",
        in_processes=True,
    ),
    Row(
        name="listing-stalls",
        fault="The registry takes connections and does not answer.",
        make=faulty(Fault("tags", FOR_EVER, stall=True)),
        mend=obey,
        reference="registry-timeout",
        seen=r"tags/list.*no complete answer in time",
        heals=AGAIN,
        at_start="registry-timeout",
        is_hasty=True,
    ),
)


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])
async def test_what_was_served_stays_served(site: Site, row: Row, hurry: Callable[[], None]) -> None:
    if row.is_hasty:
        hurry()
    async with in_one_process(site):
        await check_survives(site, row)


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS if row.at_start])
async def test_a_first_start_says_what_it_waits_for(site: Site, row: Row, hurry: Callable[[], None]) -> None:
    if row.is_hasty:
        hurry()
    await row.make(site)
    async with in_one_process(site):
        await check_first_start(site, row)


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS if row.in_processes])
async def test_the_program_survives_it(site: Site, row: Row) -> None:
    async with as_users_run_it(site):
        await check_survives(site, row)
