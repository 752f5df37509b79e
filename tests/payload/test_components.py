"""Components of a release are asked for where the release says, and what is not known is told apart from what is missing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from upgraph.errors import Finding, RemoteError
from upgraph.errors.problems.oci import CONTENT_MISSING
from upgraph.oci import ImageSource, LayoutSource, LayoutWriter, Manifest, Repository, digest_of
from upgraph.payload import Component, pin
from upgraph.payload.components import ComponentCheck, OpenRepository

CONFIG = {"architecture": "amd64", "os": "linux"}
LOST = digest_of(b"lost")


class _Silent(LayoutSource):
    """A repository that cannot be asked."""

    async def manifest(self, reference: str) -> Manifest:
        raise RemoteError(CONTENT_MISSING, f"nobody answers for {reference}")


async def check_components(components: list[Component], places: OpenRepository) -> list[Finding]:
    check = ComponentCheck(components, places)
    await check.run()
    assert check.open == 0
    return check.findings


@pytest.fixture
def places(tmp_path: Path) -> Callable[[Repository], ImageSource]:
    """Two repositories, of which the one called ``silent`` does not answer."""

    def opened(place: Repository) -> ImageSource:
        kind = _Silent if place.path == "silent" else LayoutSource
        return kind(tmp_path / place.path)

    return opened


@pytest.fixture
def there(tmp_path: Path) -> str:
    """The pull spec of an image that is there, and has the tag 1.0."""
    with LayoutWriter(tmp_path / "app") as layout:
        return f"x.example/app@{layout.image(config=CONFIG, layers=[], tag='1.0').digest}"


async def test_components_that_are_there_have_no_fault(
    places: Callable[[Repository], ImageSource], there: str
) -> None:
    assert await check_components([Component("a", there), Component("b", there)], places) == []


@pytest.mark.parametrize(
    ("pull_spec", "reference"),
    [
        (f"x.example/app@{LOST}", "release-component-missing"),
        (f"x.example/silent@{LOST}", "release-component-unreachable"),
        ("x.example/app:1.0", "release-component-unpinned"),
        ("x.example/app", "release-component-unpinned"),
        (f"oci:here:{LOST}", "release-component-unpinned"),
        ("x.example/UPPER@sha256:1", "release-component-unpinned"),
    ],
)
async def test_each_fault_has_its_own_reference(
    places: Callable[[Repository], ImageSource], there: str, pull_spec: str, reference: str
) -> None:
    found = await check_components([Component("good", there), Component("bad", pull_spec)], places)
    assert [(finding.file, finding.reference) for finding in found] == [("bad", reference)]


async def test_an_image_that_was_changed_is_found(
    places: Callable[[Repository], ImageSource], there: str, tmp_path: Path
) -> None:
    file = tmp_path / "app" / "blobs" / "sha256" / there.rpartition(":")[2]
    file.write_bytes(file.read_bytes().replace(b"2", b"3"))
    (found,) = await check_components([Component("a", there)], places)
    assert (found.file, found.reference) == ("a", "oci-digest-mismatch")


async def test_a_tag_becomes_its_digest_and_a_digest_is_not_asked_for(
    places: Callable[[Repository], ImageSource], there: str
) -> None:
    silent = f"x.example/silent@{LOST}"
    assert await pin({"a": "x.example/app:1.0", "b": silent}, places) == {"a": there, "b": silent}


async def test_a_tag_that_cannot_be_asked_for_ends_it_with_that_error(
    places: Callable[[Repository], ImageSource], there: str
) -> None:
    images = {"a": "x.example/app:1.0", "b": "x.example/app:2.0", "c": "x.example/app:3.0"}
    with pytest.raises(RemoteError, match=r"has no tag '2\.0'"):
        await pin(images, places)
