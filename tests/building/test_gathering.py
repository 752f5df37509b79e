"""Several sources, some of them dead or slow, become one set of releases."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from upgraph.oci import Access, LayoutSource, LayoutWriter, RegistryClient, Retry, Timing
from upgraph.payload import ReleaseContent, add_release
from upgraph.service.building.following import ReleaseSource
from upgraph.service.building.gatherer import Gathered, Gatherer
from upgraph.service.building.library import Library
from upgraph.service.building.scrape import ScrapeSettings
from upgraph.testing.registry import Fault, SimulatedRegistry

SETTINGS = ScrapeSettings()
HASTY = Timing(retry=Retry(attempts=1))


def _layout(path: Path, *versions: str, arch: str = "amd64") -> ReleaseSource:
    with LayoutWriter(path) as layout:
        for version in versions:
            add_release(layout, ReleaseContent(version), arch, version)
    return ReleaseSource(LayoutSource(path), f"registry.example/{path.name}")


def _versions(gathered: Gathered) -> list[str]:
    return [release.version.text for release in gathered.releases]


@pytest.fixture
async def open_registry() -> AsyncIterator[Callable[[SimulatedRegistry], ReleaseSource]]:
    async with AsyncExitStack() as stack:

        def open_one(registry: SimulatedRegistry) -> ReleaseSource:
            client = RegistryClient(
                registry.repository,
                access=Access(),
                timing=HASTY,
            )
            stack.push_async_callback(client.close)
            return ReleaseSource(client, registry.repository.name)

        yield open_one


async def test_releases_of_several_sources_are_joined(tmp_path: Path) -> None:
    sources = [_layout(tmp_path / "a", "4.1.0", "4.1.2"), _layout(tmp_path / "b", "4.1.1")]
    with Library.open(None) as library:
        gathered = await Gatherer(sources, library, SETTINGS, None).gather()
    assert _versions(gathered) == ["4.1.0+amd64", "4.1.1+amd64", "4.1.2+amd64"]
    assert [release.payload.partition("@")[0] for release in gathered.releases] == [
        "registry.example/a",
        "registry.example/b",
        "registry.example/a",
    ]
    assert gathered.is_current


async def test_a_dead_source_leaves_the_others_alone(tmp_path: Path) -> None:
    sources = [
        ReleaseSource(LayoutSource(tmp_path / "no"), "registry.example/no"),
        _layout(tmp_path / "b", "4.1.1"),
    ]
    with Library.open(None) as library:
        gathered = await Gatherer(sources, library, SETTINGS, None).gather()
    assert _versions(gathered) == ["4.1.1+amd64"]
    assert [finding.reference for finding in gathered.findings] == ["oci-layout"]
    assert not gathered.is_current
    assert not gathered.report.succeeded


async def test_a_source_that_dies_keeps_what_it_had(tmp_path: Path) -> None:
    source = _layout(tmp_path / "a", "4.1.0")
    with Library.open(None) as library:
        gatherer = Gatherer([source], library, SETTINGS, None)
        await gatherer.gather()
        (tmp_path / "a" / "index.json").unlink()
        gathered = await gatherer.gather()
    assert _versions(gathered) == ["4.1.0+amd64"]
    assert "no source could be read, 1 releases stay" in gathered.report.message


async def test_releases_are_known_after_a_restart_before_anybody_is_asked(tmp_path: Path) -> None:
    source = _layout(tmp_path / "a", "4.1.0", "4.1.1")
    with Library.open(tmp_path / "images.db") as library:
        gathered = await Gatherer([source], library, SETTINGS, None).gather()
    (tmp_path / "a" / "index.json").unlink()
    with Library.open(tmp_path / "images.db") as library:
        assert Gatherer([source], library, SETTINGS, None).known() == gathered.releases


async def test_a_scrape_that_takes_too_long_is_given_up_and_goes_on_in_the_next_round(
    tmp_path: Path, open_registry: Callable[[SimulatedRegistry], ReleaseSource]
) -> None:
    _layout(tmp_path / "a", "4.1.0", "4.1.1", "4.1.2")
    async with SimulatedRegistry() as registry:
        registry.load(tmp_path / "a")
        source = open_registry(registry)
        with Library.open(None) as library:
            gatherer = Gatherer([source], library, ScrapeSettings(concurrency=1), 2.0)
            registry.faults += [Fault("manifest", times=2), Fault("manifest", times=1, stall=True)]
            given_up = await gatherer.gather()
            registry.requests.clear()
            gathered = await gatherer.gather()
        blobs = registry.counts["blob"]
    assert [finding.reference for finding in given_up.findings] == ["scrape-cut-short"]
    assert not given_up.is_current
    assert len(gathered.releases) == 3
    # The first two were read in the round that was given up.
    assert blobs == 2


async def test_the_report_counts_what_happened(tmp_path: Path) -> None:
    source = _layout(tmp_path / "a", "4.1.0", "4.1.1")
    with Library.open(None) as library:
        gatherer = Gatherer([source], library, SETTINGS, None)
        first, second = (await gatherer.gather()).report, (await gatherer.gather()).report
    assert (first.succeeded, first.releases, first.cache_hits) == (True, 2, 0)
    assert (second.releases, second.cache_hits, second.layer_bytes) == (2, 2, 0)
    assert first.message.startswith("2 releases in 2 tags; 2 read, 0 known, 0 signatures passed over; 0.0 MB")


async def test_the_report_counts_what_is_gone(
    tmp_path: Path, open_registry: Callable[[SimulatedRegistry], ReleaseSource]
) -> None:
    _layout(tmp_path / "a", "4.1.0", "4.1.1", "4.1.2")
    async with SimulatedRegistry() as registry:
        registry.load(tmp_path / "a")
        with Library.open(None) as library:
            gatherer = Gatherer([open_registry(registry)], library, SETTINGS, None)
            await gatherer.gather()
            del registry.blobs[registry.tags["4.1.1"]]
            gathered = await gatherer.gather()
    counted = "0 signatures passed over, 1 without a manifest, 1 releases gone since the last scrape (first: 4.1.1+amd64); 0.0 MB"
    assert counted in gathered.report.message
    assert "left out or kept as before: 1 tags-without-manifest (first: " in gathered.report.message
    assert gathered.is_complete


async def test_the_report_says_why_something_was_left_out(tmp_path: Path) -> None:
    source = _layout(tmp_path / "a", "4.1.0")
    with LayoutWriter(tmp_path / "a") as layout:
        add_release(layout, ReleaseContent("not-a-version"), "amd64", "odd")
    with Library.open(None) as library:
        report = (await Gatherer([source], library, SETTINGS, None).gather()).report
    assert "left out or kept as before: 1 release-metadata-invalid (first: odd: " in report.message
