"""Files of mirrors that change while a repository is read: the new rules count, and broken ones leave the old ones."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.oci.conftest import ManualClock
from upgraph.errors import UserError
from upgraph.oci import Access, FollowedRepository, RegistryClient, Repository
from upgraph.oci.mirrors.followed import LOOK_SECONDS
from upgraph.testing.image_source import Sample
from upgraph.testing.registry import Fault, SimulatedRegistry

NAME = Repository("quay.example", "ocp")


@dataclass
class Site:
    """A repository with two registries of which a file makes mirrors."""

    file: Path
    one: SimulatedRegistry
    other: SimulatedRegistry
    clock: ManualClock
    source: FollowedRepository

    def write(self, *mirrors: SimulatedRegistry) -> None:
        """Name other mirrors in the file; it is looked at with the next request."""
        write(self.file, *mirrors)
        self.clock.seconds += LOOK_SECONDS

    def spoil(self) -> None:
        self.file.write_text("[[registry]\n")
        self.clock.seconds += LOOK_SECONDS

    async def asked(self) -> tuple[bool, bool]:
        """Which of the registries a listing asks."""
        self.one.requests.clear()
        self.other.requests.clear()
        await self.source.tags()
        return bool(self.one.requests), bool(self.other.requests)


def write(file: Path, *mirrors: SimulatedRegistry) -> None:
    tables = "".join(
        f'[[registry.mirror]]\nlocation = "{mirror.repository.name}"\ninsecure = true\n' for mirror in mirrors
    )
    beside = file.with_suffix(".new")
    beside.write_text(f'[[registry]]\nlocation = "{NAME.name}"\nblocked = true\n{tables}')
    beside.rename(file)


@pytest.fixture
async def site(
    registry: SimulatedRegistry, origin: SimulatedRegistry, clock: ManualClock, tmp_path: Path
) -> AsyncIterator[Site]:
    file = tmp_path / "registries.conf"
    write(file, registry)

    def client(place: Repository) -> RegistryClient:
        return RegistryClient(place, access=Access(), timing=clock.timing())

    async with FollowedRepository(NAME, [file], client, clock=lambda: clock.seconds) as source:
        yield Site(file, registry, origin, clock, source)


async def test_a_changed_file_counts_with_the_next_request(site: Site) -> None:
    assert await site.asked() == (True, False)
    site.write(site.other)
    assert await site.asked() == (False, True)
    assert site.source.take_findings() == ()


async def test_a_file_is_not_looked_at_with_every_request(site: Site) -> None:
    write(site.file, site.other)
    assert await site.asked() == (True, False)


async def test_a_broken_file_keeps_the_rules_and_is_told_until_it_is_mended(site: Site) -> None:
    site.spoil()
    for _ in range(2):
        assert await site.asked() == (True, False)
        (finding,) = site.source.take_findings()
        assert (finding.reference, str(site.file) in finding.seen) == ("oci-mirrors", True)
    site.write(site.other)
    assert (await site.asked(), site.source.take_findings()) == ((False, True), ())


async def test_a_file_that_goes_away_keeps_the_rules_and_is_told(site: Site) -> None:
    site.file.unlink()
    site.clock.seconds += LOOK_SECONDS
    assert await site.asked() == (True, False)
    (finding,) = site.source.take_findings()
    assert "cannot be read" in finding.seen


async def test_rules_that_leave_no_place_keep_those_before(site: Site) -> None:
    site.write()
    assert await site.asked() == (True, False)
    assert ["is blocked and has no mirror" in one.seen for one in site.source.take_findings()] == [True]


async def test_a_file_that_was_broken_and_is_as_before_is_no_fault(site: Site) -> None:
    kept = site.file.with_suffix(".kept")
    site.file.rename(kept)
    site.clock.seconds += LOOK_SECONDS
    await site.asked()
    kept.rename(site.file)
    site.clock.seconds += LOOK_SECONDS
    assert (await site.asked(), site.source.take_findings()) == ((True, False), ())


async def test_what_is_under_way_ends_where_it_began(site: Site, sample: Sample) -> None:
    pieces = site.source.read(sample.large)
    content = await anext(pieces)
    site.write(site.other)
    assert await site.asked() == (False, True)
    content += b"".join([piece async for piece in pieces])
    assert content == sample.large_content


async def test_a_mirror_that_fails_is_told_under_new_rules_as_well(site: Site) -> None:
    site.write(site.one, site.other)
    site.one.faults.append(Fault("tags", times=9, status=403))
    await site.source.tags()
    assert [finding.reference for finding in site.source.take_findings()] == ["mirror-failed"]


def test_a_file_that_is_broken_at_the_start_is_refused(tmp_path: Path) -> None:
    (tmp_path / "registries.conf").write_text("[[registry]\n")
    with pytest.raises(UserError, match="is no TOML"):
        FollowedRepository(NAME, [tmp_path / "registries.conf"], _no_client)


def _no_client(place: Repository) -> RegistryClient:
    raise AssertionError(f"{place} was opened")
