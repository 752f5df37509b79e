"""The same version in two places: one release if it is one image, a finding that names both if it is not."""

import tarfile
from pathlib import Path

import pytest

from tests.building.conftest import Desk, files
from upgraph.oci import ArchiveSource, Digest, LayoutSource, LayoutWriter
from upgraph.payload import ReleaseContent, add_release
from upgraph.service.building.following import ReleaseSource
from upgraph.service.building.gatherer import Gathered, Gatherer
from upgraph.service.building.library import Library
from upgraph.service.building.scrape import ScrapeSettings
from upgraph.service.handover import Current


def release(layout: Path, version: str, note: str = "") -> Digest:
    """Add a release to a layout; another note makes another image of the same version."""
    with LayoutWriter(layout) as writer:
        return add_release(writer, ReleaseContent(version, metadata={"note": note}), "amd64", version).digest


def archive(layout: Path) -> Path:
    """The archive of a layout, beside it."""
    path = layout.with_suffix(".tar")
    with tarfile.open(path, "w") as packed:
        packed.add(layout, ".")
    return path


def told(desk: Desk) -> str:
    """What was last said to be found."""
    last = desk.said[-1]
    assert isinstance(last, Current)
    return "\n".join(fact.seen for fact in last.findings)


async def gather(layout: Path, archived: Path) -> Gathered:
    sources = [
        ReleaseSource(LayoutSource(layout), "z.example/ocp"),
        ReleaseSource(ArchiveSource(archive(archived)), "a.example/ocp"),
    ]
    with Library.open(None) as library:
        return await Gatherer(sources, library, ScrapeSettings(), None).gather()


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """A layout, and another one that becomes an archive."""
    release(tmp_path / "layout", "4.1.0")
    release(tmp_path / "other", "4.1.1")
    return tmp_path / "layout", tmp_path / "other"


async def test_releases_of_a_layout_and_an_archive_are_joined(places: tuple[Path, Path]) -> None:
    gathered = await gather(*places)
    assert [release.version.text for release in gathered.releases] == ["4.1.0+amd64", "4.1.1+amd64"]
    assert [release.source.partition(":")[0] for release in gathered.releases] == ["oci", "oci-archive"]


async def test_one_image_in_two_places_is_one_release_with_the_pull_spec_that_sorts_first(
    places: tuple[Path, Path], desk: Desk
) -> None:
    digest = release(places[1], "4.1.0")
    gathered = await gather(*places)
    desk.take_releases(*gathered.releases)
    desk.workshop.take_graph_data(files())
    answer = desk.answer()
    assert answer.nodes["4.1.0"]["payload"] == f"a.example/ocp@{digest}"
    assert desk.findings() == []


async def test_two_images_of_one_version_are_told_with_both_places(
    places: tuple[Path, Path], desk: Desk
) -> None:
    digest = release(places[1], "4.1.0", note="other")
    gathered = await gather(*places)
    desk.take_releases(*gathered.releases)
    desk.workshop.take_graph_data(files())
    assert list(desk.answer().nodes) == ["4.1.1"]
    assert desk.findings() == ["release-conflict"]
    seen = told(desk)
    assert f"{digest} in oci-archive:{places[1]}.tar" in seen
    assert f"in oci:{places[0]}" in seen
    assert seen.endswith("none of them is offered")
