"""A saved scrape beside other sources: read when it changes, and never lost by a bad copy."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.building.conftest import release
from upgraph.graph import Provenance, Release
from upgraph.oci import LayoutSource, LayoutWriter
from upgraph.payload import ReleaseContent, Verification, add_release
from upgraph.service.building.following import ReleaseSource, Source
from upgraph.service.building.gatherer import Gathered, Gatherer
from upgraph.service.building.library import Library
from upgraph.service.building.saved import write_saved
from upgraph.service.building.saved_source import SavedSource
from upgraph.service.building.scrape import ScrapeSettings

CHAIN = [release("4.1.0"), release("4.1.1", "4.1.0"), release("4.1.2", "4.1.0", "4.1.1")]


@pytest.fixture
def library() -> Iterator[Library]:
    with Library.open(None) as opened:
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "releases.json"
    path.write_bytes(write_saved(CHAIN))
    return path


def _write(file: Path, *releases: Release) -> None:
    file.write_bytes(write_saved(releases))


def _gatherer(library: Library, *sources: Source, settings: ScrapeSettings | None = None) -> Gatherer:
    return Gatherer(sources, library, settings or ScrapeSettings(), None)


def _versions(gathered: Gathered) -> list[str]:
    return [one.version.base for one in gathered.releases]


async def test_pull_specs_stay_as_they_were_saved(library: Library, file: Path) -> None:
    gathered = await _gatherer(library, SavedSource(file)).gather()
    assert gathered.releases == tuple(CHAIN)
    assert (gathered.is_current, gathered.is_complete) == (True, True)


async def test_a_repository_that_is_named_replaces_them(library: Library, file: Path) -> None:
    gathered = await _gatherer(library, SavedSource(file, "mirror.example/ocp")).gather()
    assert {one.payload.partition("@")[0] for one in gathered.releases} == {"mirror.example/ocp"}


async def test_a_file_that_changed_is_read_again(library: Library, file: Path) -> None:
    gatherer = _gatherer(library, SavedSource(file))
    first = await gatherer.gather()
    _write(file, *CHAIN[:2])
    second, third = await gatherer.gather(), await gatherer.gather()
    assert [_versions(one) for one in (first, second, third)] == [
        ["4.1.0", "4.1.1", "4.1.2"],
        ["4.1.0", "4.1.1"],
        ["4.1.0", "4.1.1"],
    ]
    assert (second.counts.read, third.counts.known) == (2, 2)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])


def _make_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize("spoil", [_cut, _make_pipe, Path.unlink], ids=["cut off", "a pipe", "gone"])
async def test_a_bad_copy_leaves_the_last_good_one_in_force(
    library: Library, file: Path, spoil: Callable[[Path], None]
) -> None:
    gatherer = _gatherer(library, SavedSource(file))
    await gatherer.gather()
    spoil(file)
    spoilt = await gatherer.gather()
    assert (_versions(spoilt), spoilt.is_current) == (["4.1.0", "4.1.1", "4.1.2"], False)
    assert [finding.reference for finding in spoilt.findings] == ["scrape-invalid"]


async def test_after_a_restart_beside_a_bad_copy_the_last_good_one_is_known(
    library: Library, file: Path
) -> None:
    await _gatherer(library, SavedSource(file)).gather()
    _cut(file)
    again = _gatherer(library, SavedSource(file))
    assert _versions(await again.gather()) == ["4.1.0", "4.1.1", "4.1.2"]
    assert again.known() == tuple(CHAIN)


async def test_releases_of_a_file_and_of_images_are_joined(
    library: Library, file: Path, tmp_path: Path
) -> None:
    with LayoutWriter(tmp_path / "layout") as layout:
        add_release(layout, ReleaseContent("4.1.3"), "amd64", "4.1.3")
    images = ReleaseSource(LayoutSource(tmp_path / "layout"), "registry.example/layout")
    gathered = await _gatherer(library, SavedSource(file), images).gather()
    assert _versions(gathered) == ["4.1.0", "4.1.1", "4.1.2", "4.1.3"]


async def test_what_a_file_says_of_a_digest_is_no_knowledge_of_the_image(
    library: Library, file: Path
) -> None:
    await _gatherer(library, SavedSource(file)).gather()
    assert [library.image(one.digest) for one in CHAIN] == [None, None, None]


async def test_where_proof_is_wanted_releases_without_it_are_left_out(library: Library, file: Path) -> None:
    proven = replace(CHAIN[1], provenance=Provenance.VERIFIED)
    _write(file, CHAIN[0], proven, CHAIN[2])
    settings = ScrapeSettings(verification=Verification.WHOLE_LAYER)
    gathered = await _gatherer(library, SavedSource(file), settings=settings).gather()
    assert _versions(gathered) == ["4.1.1"]
    [finding] = gathered.findings
    assert finding.seen == "2 of 3 releases were saved without proof and are left out, first 4.1.0+amd64"
