"""Directories as skopeo writes them: one image, or one image a subdirectory."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from upgraph.errors import DataError, VerificationError
from upgraph.oci import Descriptor, DirectorySource, ImageMissing, digest_of
from upgraph.testing.image_source import Collected, Sample

ONE = "4.18.1-x86_64"


@pytest.fixture
def copies(directories: Path, tmp_path: Path) -> Path:
    """Directories of the sample that may be changed."""
    return Path(shutil.copytree(directories, tmp_path / "copies"))


def pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


async def refusal(source: DirectorySource, tag: str) -> str:
    """What is seen when an image is asked for, which is the same in every way of asking."""
    with pytest.raises(DataError) as resolved:
        await source.resolve(tag)
    with pytest.raises(DataError) as read:
        await source.manifest(tag)
    assert resolved.value.reference == read.value.reference == "oci-directory-entry"
    assert resolved.value.seen == read.value.seen
    return read.value.seen


async def test_one_image_is_called_like_its_directory(directories: Path, sample: Sample) -> None:
    source = DirectorySource(directories / "4.18.1-multi")
    assert await source.tags() == ["4.18.1-multi"]
    assert await source.resolve("4.18.1-multi") == sample.digests["4.18.1-multi"]
    child = await source.manifest(sample.digests[ONE])
    assert child.digest == sample.digests[ONE]
    sink = Collected()
    await source.pour(sample.large, sink)
    assert sink.content == sample.large_content


async def test_a_directory_named_by_a_link_is_read(directories: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(directories / ONE)
    assert await DirectorySource(tmp_path / "current").tags() == ["current"]


async def test_an_image_that_is_replaced_is_noticed_without_a_listing(copies: Path, sample: Sample) -> None:
    source = DirectorySource(copies)
    assert await source.resolve(ONE) == sample.digests[ONE]
    shutil.rmtree(copies / ONE)
    shutil.copytree(copies / "4.18.1-aarch64", copies / ONE)
    assert await source.resolve(ONE) == sample.digests["4.18.1-aarch64"]


async def test_an_image_that_is_added_or_taken_away_is_noticed(copies: Path, sample: Sample) -> None:
    source = DirectorySource(copies)
    (copies / "latest").rename(copies / "newest")
    assert "newest" in await source.tags()
    shutil.rmtree(copies / "newest")
    assert await source.tags() == sorted(set(sample.digests) - {"latest"})
    with pytest.raises(ImageMissing):
        await source.resolve("newest")


async def test_what_is_no_image_is_passed_over(copies: Path, sample: Sample) -> None:
    (copies / "lost+found").mkdir()
    (copies / ".cache").mkdir()
    (copies / "README").write_text("releases")
    assert await DirectorySource(copies).tags() == sorted(sample.digests)


@pytest.mark.parametrize(
    ("breakage", "said"),
    [
        (lambda d: (d / "manifest.json").unlink(), "has no manifest.json"),
        (lambda d: (d / "version").unlink(), "has no version"),
        (lambda d: (d / "version").write_text("2.0"), "has the version b'2.0'"),
        (lambda d: (d / "manifest.json").write_bytes(b" " * (4 * 1024 * 1024 + 1)), "are accepted"),
        (lambda d: pipe(d / "version"), "no regular file"),
    ],
    ids=["half-copied", "no-version", "other-version", "large", "pipe"],
)
async def test_an_image_that_is_not_complete_is_listed_and_spoils_no_other(
    copies: Path, sample: Sample, breakage: Callable[[Path], object], said: str
) -> None:
    breakage(copies / ONE)
    source = DirectorySource(copies)
    assert await source.tags() == sorted(sample.digests)
    assert said in await refusal(source, ONE)
    assert await source.resolve("latest") == sample.digests["latest"]


async def test_links_that_lead_outside_are_not_read(copies: Path, tmp_path: Path) -> None:
    (copies / ONE).rename(tmp_path / "outside")
    (copies / ONE).symlink_to(tmp_path / "outside")
    assert "leads out of the directory" in await refusal(DirectorySource(copies), ONE)


@pytest.mark.parametrize("tag", ["../copies/latest", "", ".", "latest/", "/etc"])
async def test_a_tag_is_never_a_path(copies: Path, tag: str) -> None:
    with pytest.raises(ImageMissing):
        await DirectorySource(copies).manifest(tag)


async def test_an_empty_place_is_not_taken_for_one_without_releases(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has neither manifest\.json nor a subdirectory") as refused:
        await DirectorySource(tmp_path).tags()
    assert refused.value.reference == "oci-directory"


async def test_a_place_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="absent: it cannot be listed: No such file"):
        await DirectorySource(tmp_path / "absent").tags()


async def test_a_further_manifest_that_is_not_what_its_name_says_is_refused(
    copies: Path, sample: Sample
) -> None:
    shutil.rmtree(copies / ONE)
    for tag in ("latest", "4.18.1-multi"):
        file = copies / tag / f"{sample.digests[ONE].partition(':')[2]}.manifest.json"
        file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(VerificationError):
        await DirectorySource(copies).manifest(sample.digests[ONE])


async def test_a_blob_that_is_not_there_is_an_image_that_is_not_complete(copies: Path) -> None:
    with pytest.raises(DataError) as refused:
        await DirectorySource(copies).pour(Descriptor("x", digest_of(b"absent"), 6), Collected())
    assert refused.value.reference == "oci-content-missing"


async def test_a_name_that_is_not_utf_8_is_listed_so_that_it_can_be_stored(copies: Path) -> None:
    (copies / "latest").rename(copies / os.fsdecode(b"late\xff"))
    assert "late\\udcff" in await DirectorySource(copies).tags()


async def test_content_that_comes_later_is_found_after_a_moment(copies: Path, sample: Sample) -> None:
    now = 0.0
    source = DirectorySource(copies, clock=lambda: now)
    hidden = copies.parent / "hidden"
    (copies / "4.18.1-aarch64").rename(hidden)
    (copies / "latest").rename(copies.parent / "latest")
    (copies / "4.18.1-multi").rename(copies.parent / "multi")
    with pytest.raises(ImageMissing):
        await source.manifest(sample.digests["4.18.1-aarch64"])
    hidden.rename(copies / "4.18.1-aarch64")
    now = 5.0
    assert (await source.manifest(sample.digests["4.18.1-aarch64"])).digest
