"""``upgraph scrape``: what it writes, and when it writes nothing."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.conftest import Command
from upgraph.cli.sample import Sample
from upgraph.oci import OCI_MANIFEST

UPGRAPH = Path(sys.executable).parent / "upgraph"
REPOSITORY = ("--payload-repository", "registry.example/sample")


def test_what_is_saved_gives_the_graph_of_its_source(
    command: Command, sample: Sample, sample_flags: tuple[object, ...], tmp_path: Path
) -> None:
    saved = tmp_path / "releases.json"
    assert command("upgraph", "scrape", f"oci:{sample.releases}", *REPOSITORY, "-o", saved).code == 0
    show = ("upgraph", "graph", "show", "-o", "json", "--graph-data", sample.graph_data)
    from_file = command(*show, "--releases", f"scrape:{saved}")
    assert from_file.code == 0
    assert from_file.out == command(*show, *sample_flags).out


def test_a_saved_scrape_is_saved_again_as_it_is(command: Command, sample: Sample, tmp_path: Path) -> None:
    saved, again = tmp_path / "releases.json", tmp_path / "again.json"
    command("upgraph", "scrape", f"oci:{sample.releases}", *REPOSITORY, "-o", saved)
    assert command("upgraph", "scrape", saved, "-o", again).code == 0
    assert again.read_bytes() == saved.read_bytes()


def test_standard_output_has_the_file_and_nothing_else(
    command: Command, sample: Sample, tmp_path: Path
) -> None:
    saved = tmp_path / "releases.json"
    done = command("upgraph", "scrape", f"oci:{sample.releases}", *REPOSITORY, "-o", saved)
    printed = command("upgraph", "scrape", f"oci:{sample.releases}", *REPOSITORY, "-o", "-")
    assert (printed.out, done.out) == (saved.read_text(), "")
    assert "saved 91 releases in 91 tags" in printed.err


@pytest.fixture
def torn(sample: Sample, tmp_path: Path) -> Path:
    """The sample with one damaged blob: the manifest of a release that has a tag."""
    copy = tmp_path / "torn"
    shutil.copytree(sample.releases, copy)
    listed = json.loads((copy / "index.json").read_bytes())["manifests"]
    digest = next(entry["digest"] for entry in listed if entry["mediaType"] == OCI_MANIFEST)
    manifest = copy / "blobs" / digest.replace(":", "/")
    manifest.write_bytes(manifest.read_bytes() + b" ")
    return copy


def test_nothing_is_written_if_something_could_not_be_read(
    command: Command, torn: Path, tmp_path: Path
) -> None:
    saved = tmp_path / "releases.json"
    saved.write_text("what was there")
    done = command("upgraph", "scrape", f"oci:{torn}", *REPOSITORY, "-o", saved)
    assert (done.code, "scrape-incomplete" in done.err) == (4, True)
    assert saved.read_text() == "what was there"
    assert list(tmp_path.glob(".*")) == []


def test_a_part_is_written_if_it_is_asked_for(command: Command, torn: Path, tmp_path: Path) -> None:
    saved = tmp_path / "releases.json"
    done = command("upgraph", "scrape", f"oci:{torn}", *REPOSITORY, "-o", saved, "--partial")
    assert (done.code, "error: " in done.err) == (0, True)
    assert saved.read_text().count('"version":"4.') in {89, 90}


@pytest.mark.parametrize(
    ("arguments", "code", "reference"),
    [
        ((), 2, "source-missing"),
        (("oci:nowhere",), 2, "source-missing"),
        (("oci:nowhere", *REPOSITORY), 4, "scrape-incomplete"),
        (("scrape:nowhere", *REPOSITORY), 4, "scrape-incomplete"),
        (("https://registry.example/x",), 2, "setting-invalid"),
    ],
    ids=["no source", "no repository", "no layout", "no file", "no scheme"],
)
def test_a_source_that_cannot_be_read_is_named(
    command: Command, tmp_path: Path, arguments: tuple[str, ...], code: int, reference: str
) -> None:
    done = command("upgraph", "scrape", *arguments, "-o", tmp_path / "x.json")
    assert (done.code, f"reference:      {reference} " in done.err) == (code, True)


def test_a_place_that_cannot_be_written_is_named(command: Command, sample: Sample) -> None:
    done = command("upgraph", "scrape", f"oci:{sample.releases}", *REPOSITORY, "-o", "/proc/x/releases.json")
    assert (done.code, "output-unwritable" in done.err) == (2, True)


def test_what_was_read_is_remembered_for_the_next_time(sample: Sample, tmp_path: Path) -> None:
    # In processes of their own: the claim on a state directory lasts as long as its process.
    line = ("scrape", f"oci:{sample.releases}", *REPOSITORY, "-o", "-", "--state-dir", tmp_path / "state")
    first, second = (
        subprocess.run([UPGRAPH, *line], capture_output=True, text=True, check=True, timeout=180)
        for _ in range(2)
    )
    assert first.stdout == second.stdout
    assert "91 read, 0 known" in first.stderr
    assert "0 read, 91 known" in second.stderr
