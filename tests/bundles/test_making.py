"""Making a bundle: the same parts give the same bytes, and nothing half-made is left behind."""

import hashlib
import os
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bundles.conftest import FORMS, SIGNATURE, VERSIONS, parts_of
from upgraph.errors import DataError, UserError
from upgraph.oci import LayoutSource
from upgraph.service.bundle import BundleSource, Parts, check_bundle, write_bundle


def _digest(path: Path) -> str:
    """A digest over names and contents, and over every byte of an archive."""
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(path)}\0".encode() + file.read_bytes())
    return total.hexdigest()


@pytest.mark.parametrize("form", FORMS)
def test_the_same_parts_give_the_same_bytes_at_another_place_and_time(tmp_path: Path, form: str) -> None:
    for name in ("a", "b"):
        parts = parts_of(tmp_path / name / "parts", *VERSIONS)
        write_bundle(replace(parts, releases=parts.releases[::-1]), tmp_path / name / form)
    os.utime(tmp_path / "a" / "parts" / "layout" / "index.json", (1, 1))
    assert _digest(tmp_path / "a" / form) == _digest(tmp_path / "b" / form)


def test_both_forms_have_the_same_digest(parts: Parts, tmp_path: Path) -> None:
    assert write_bundle(parts, tmp_path / "x") == write_bundle(parts, tmp_path / "x.tar")


def test_what_was_put_in_is_read(bundle: Path, parts: Parts) -> None:
    content = BundleSource(bundle).read()
    assert content.releases.releases == parts.releases
    assert dict(content.graph_data) == dict(parts.graph_data)
    assert content.signatures == {SIGNATURE: b"signature of 4.1.2"}


def test_a_bundle_as_it_was_made_has_no_fault(bundle: Path) -> None:
    report = check_bundle(bundle)
    assert (report.faults, report.digest) == ((), BundleSource(bundle).read().digest)


async def test_the_images_in_it_are_a_layout_that_can_be_copied_from(parts: Parts, tmp_path: Path) -> None:
    write_bundle(parts, tmp_path / "site")
    assert await LayoutSource(tmp_path / "site" / "images").tags() == ["4.1.0"]


def test_an_archive_unpacks_with_tar_into_the_directory_form(parts: Parts, tmp_path: Path) -> None:
    write_bundle(parts, tmp_path / "site.tar")
    with tarfile.open(tmp_path / "site.tar") as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    write_bundle(parts, tmp_path / "site")
    assert _digest(tmp_path / "unpacked") == _digest(tmp_path / "site")


def test_a_directory_that_exists_is_left_alone(parts: Parts, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    with pytest.raises(UserError, match="exists already"):
        write_bundle(parts, tmp_path / "site")
    assert list((tmp_path / "site").iterdir()) == []


def _spoil_layout(parts: Parts) -> Parts:
    (parts.images or Path()).joinpath("oci-layout").unlink()
    return parts


def _spoil_signature(parts: Parts) -> Parts:
    folder = (parts.signatures or Path()) / SIGNATURE.replace("=", "/").rpartition("/")[0]
    folder.mkdir(parents=True)
    (folder / "signature-1").write_bytes(b"another one")
    return parts


def _spoil_directory(parts: Parts) -> Parts:
    return replace(parts, signatures=Path("nowhere"))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("spoil", "seen"),
    [
        (_spoil_layout, "has no oci-layout"),
        (_spoil_signature, "twice, with different content"),
        (_spoil_directory, "is not a directory"),
    ],
    ids=["layout", "signature", "directory"],
)
def test_a_part_that_cannot_be_used_leaves_nothing_behind(
    parts: Parts, tmp_path: Path, form: str, spoil: Callable[[Parts], Parts], seen: str
) -> None:
    with pytest.raises((UserError, DataError), match=seen):
        write_bundle(spoil(parts), tmp_path / form)
    assert [path.name for path in tmp_path.iterdir()] == ["parts"]


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_changes_meanwhile_ends_the_making(parts: Parts, tmp_path: Path, form: str) -> None:
    blob = (parts.images or Path()) / "blobs" / "sha256" / ("0" * 64)
    blob.symlink_to("/proc/sys/kernel/random/uuid")
    with pytest.raises(DataError, match="changed while the bundle was made"):
        write_bundle(parts, tmp_path / form)
    assert [path.name for path in tmp_path.iterdir()] == ["parts"]


def test_what_a_copy_left_in_a_layout_is_not_carried(parts: Parts, tmp_path: Path) -> None:
    first = write_bundle(parts, tmp_path / "first.tar")
    ((parts.images or Path()) / "blobs" / "sha256" / "half a blob.tmp").write_bytes(b"x")
    assert write_bundle(parts, tmp_path / "second.tar") == first


def test_files_that_are_no_signatures_are_passed_over(parts: Parts, tmp_path: Path) -> None:
    (parts.signatures or Path()).joinpath("README").write_text("about signatures")
    write_bundle(parts, tmp_path / "site")
    assert list(BundleSource(tmp_path / "site").read().signatures) == [SIGNATURE]
