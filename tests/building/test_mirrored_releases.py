"""Releases that are read through mirrors keep the names that clusters know them by."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.building.conftest import Yard
from upgraph.oci import Access, LayoutWriter
from upgraph.oci.mirrors import followed
from upgraph.payload import ReleaseContent, add_release
from upgraph.service.building.gatherer import Gathered, Gatherer
from upgraph.service.building.scrape import ScrapeSettings
from upgraph.service.building.sources import open_releases
from upgraph.service.configuration import Configuration
from upgraph.testing.registry import Fault, SimulatedRegistry

NAME = "quay.example/openshift-release-dev/ocp-release"


@pytest.fixture
async def second(tmp_path: Path) -> AsyncIterator[SimulatedRegistry]:
    with LayoutWriter(tmp_path / "second") as layout:
        add_release(layout, ReleaseContent("4.1.0"), "amd64", "4.1.0")
    async with SimulatedRegistry("second/releases") as registry:
        registry.load(tmp_path / "second")
        yield registry


@pytest.fixture
def conf(yard: Yard, second: SimulatedRegistry, tmp_path: Path) -> str:
    """A registries.conf with two mirrors without TLS, and a source that must not be contacted."""
    mirrors = "".join(
        f'[[registry.mirror]]\nlocation = "{registry.repository.name}"\ninsecure = true\n'
        for registry in (yard.registry, second)
    )
    text = f'[[registry]]\nlocation = "{NAME}"\nblocked = true\n{mirrors}'
    (tmp_path / "registries.conf").write_text(text)
    return str(tmp_path / "registries.conf")


async def gather(yard: Yard, conf: str, payload_repository: str | None = None) -> Gathered:
    chosen = Configuration(mirrors=(conf,), payload_repository=payload_repository)
    source = open_releases(f"docker://{NAME}", chosen, Access())
    try:
        return await Gatherer([source], yard.library, ScrapeSettings(), None).gather()
    finally:
        await source.close()


async def test_releases_of_a_mirror_keep_their_canonical_name(yard: Yard, conf: str) -> None:
    digest = yard.release("4.1.0", "4.1.0")
    gathered = await gather(yard, conf)
    assert [release.payload for release in gathered.releases] == [f"{NAME}@{digest}"]
    assert gathered.findings == ()
    assert yard.library.listing(f"docker://{NAME}") == {"4.1.0": digest}


async def test_a_mirror_that_fails_is_named_once_and_the_next_one_is_read(yard: Yard, conf: str) -> None:
    yard.registry.faults.append(Fault("tags", times=9, status=403))
    gathered = await gather(yard, conf)
    assert [release.version.text for release in gathered.releases] == ["4.1.0+amd64"]
    assert gathered.is_current
    (finding,) = gathered.findings
    assert finding.reference == "mirror-failed"
    assert f"docker://{NAME} was read from " in finding.seen
    assert yard.registry.repository.name in finding.seen
    assert finding.seen in gathered.report.message


async def test_a_named_payload_repository_is_stronger_than_the_canonical_name(yard: Yard, conf: str) -> None:
    digest = yard.release("4.1.0", "4.1.0")
    gathered = await gather(yard, conf, "other.example/ocp")
    assert [release.payload for release in gathered.releases] == [f"other.example/ocp@{digest}"]


class Rounds:
    """Rounds of gathering, between which the file of mirrors is changed."""

    def __init__(self, gatherer: Gatherer, file: Path) -> None:
        self._gatherer = gatherer
        self._file = file

    async def gather_after(self, change: Callable[[str], str]) -> Gathered:
        await asyncio.to_thread(lambda: self._file.write_text(change(self._file.read_text())))
        return await self._gatherer.gather()


@pytest.fixture
async def rounds(yard: Yard, conf: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rounds]:
    monkeypatch.setattr(followed, "LOOK_SECONDS", 0.0)
    source = open_releases(f"docker://{NAME}", Configuration(mirrors=(conf,)), Access())
    settings = ScrapeSettings(shrink_limit=1.0)
    yield Rounds(Gatherer([source], yard.library, settings, None), Path(conf))
    await source.close()


async def test_a_file_of_mirrors_that_changes_counts_in_the_next_round(
    yard: Yard, rounds: Rounds, second: SimulatedRegistry
) -> None:
    yard.release("4.1.0", "4.1.0")
    yard.release("4.1.1", "4.1.1")
    assert len((await rounds.gather_after(lambda text: text)).releases) == 2
    names = yard.registry.repository.name, second.repository.name
    moved = await rounds.gather_after(lambda text: text.replace(*names))
    assert (len(moved.releases), moved.findings) == (1, ())


async def test_a_file_of_mirrors_that_breaks_is_told_and_the_releases_are_read_as_before(
    yard: Yard, rounds: Rounds
) -> None:
    yard.release("4.1.0", "4.1.0")
    await rounds.gather_after(lambda text: text)
    yard.release("4.1.1", "4.1.1")
    broken = await rounds.gather_after(lambda text: f"{text}[[registry]")
    assert [finding.reference for finding in broken.findings] == ["oci-mirrors"]
    assert (len(broken.releases), broken.is_current) == (2, True)
