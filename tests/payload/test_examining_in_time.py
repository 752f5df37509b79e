"""An examination whose time is over tells what was found, and what was not looked at."""

import asyncio
from pathlib import Path

import pytest

from upgraph.errors import RemoteError
from upgraph.oci import ImageSource, LayoutSource, LayoutWriter, Manifest, Repository, digest_of
from upgraph.payload import Examination, ReleaseContent, add_release, examine_release

SECONDS = 1.0
LOST = digest_of(b"lost")
CONTENT = ReleaseContent("4.8.1", images={"here": f"x.example/app@{LOST}", "far": f"x.example/far@{LOST}"})


class _Stuck(LayoutSource):
    """A repository that never answers for manifests, or for those whose name is not ``free``."""

    free = ""

    async def manifest(self, reference: str) -> Manifest:
        if reference != self.free:
            await asyncio.Event().wait()
        return await super().manifest(reference)


class _Undecided:
    """Signatures that nobody tells of."""

    async def check(self, digest: str) -> RemoteError:
        await asyncio.Event().wait()
        raise AssertionError(digest)


@pytest.fixture
def release(path: Path, layout: LayoutWriter) -> Path:
    with layout:
        add_release(layout, CONTENT, "amd64", "4.8.1")
    return path


def _components(place: Repository) -> ImageSource:
    """The repository ``app`` is empty, every other one never answers."""
    return (LayoutSource if place.path == "app" else _Stuck)(Path("/nonexistent"))


async def test_components_that_were_asked_for_are_told_beside_those_that_were_not(release: Path) -> None:
    async with LayoutSource(release) as source:
        verdict = await examine_release(source, "4.8.1", Examination(_components, seconds=SECONDS))
    seen = {finding.file: finding.seen for finding in verdict.findings}
    assert seen[None] == "after 1 s these were not looked at: 1 of its components"
    assert ("here" in seen, "far" in seen) == (True, False)


async def test_signatures_without_an_answer_leave_everything_open(release: Path) -> None:
    checks = {"keys": _Undecided()}
    async with LayoutSource(release) as source:
        verdict = await examine_release(source, "4.8.1", Examination(_components, checks, SECONDS))
    (finding,) = verdict.findings
    assert finding.seen.endswith(": signatures (keys), the images of the release, its components")


async def test_a_manifest_that_does_not_come_is_an_error(release: Path) -> None:
    async with _Stuck(release) as source:
        with pytest.raises(
            RemoteError, match=r"the manifest of 4\.8\.1 was not read within 0\.1 s"
        ) as caught:
            await examine_release(source, "4.8.1", Examination(seconds=0.1))
    assert caught.value.reference == "release-examination-cut-short"


async def test_an_examination_that_is_done_in_time_says_nothing_of_it(release: Path) -> None:
    async with LayoutSource(release) as source:
        verdict = await examine_release(source, "4.8.1", Examination(seconds=60.0))
    assert "release-examination-cut-short" not in {finding.reference for finding in verdict.findings}
