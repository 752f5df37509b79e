"""``upgraph bundle``: what it prints, and how it ends."""

from pathlib import Path

import pytest

from tests.commands.conftest import Command
from upgraph.cli.sample import Sample


@pytest.fixture
def made(command: Command, sample_flags: tuple[object, ...], tmp_path: Path) -> Path:
    place = tmp_path / "site"
    assert command("upgraph", "bundle", "create", *sample_flags, "-o", place).code == 0
    return place


def test_the_digest_that_is_printed_is_the_one_that_is_checked(
    command: Command, sample: Sample, sample_flags: tuple[object, ...], tmp_path: Path
) -> None:
    place = tmp_path / "site.tar"
    images = ("--images", f"oci:{sample.releases}")
    created = command("upgraph", "bundle", "create", *sample_flags, *images, "-o", place)
    assert created.out.split() == [created.out.partition(" ")[0], str(place)]
    [row] = command("upgraph", "bundle", "check", place, "-o", "json").json
    assert (row["digest"], row["releases"]) == (created.out.split()[0], 91)
    assert (row["signatures"], row["unsigned releases"]) == (0, 91)


def test_a_bundle_gives_the_graph_of_its_parts(
    command: Command, made: Path, sample_flags: tuple[object, ...]
) -> None:
    show = ("upgraph", "graph", "show", "-o", "json")
    assert command(*show, "--bundle", made).out == command(*show, *sample_flags).out


def test_a_check_names_each_fault_and_ends_with_3(command: Command, made: Path) -> None:
    (made / "graph-data.tar.gz").unlink()
    (made / "notes.txt").write_text("made on Monday")
    done = command("upgraph", "bundle", "check", made)
    assert (done.code, done.out) == (3, "")
    assert "error: graph-data.tar.gz: it is missing [bundle-damaged]" in done.err
    assert "error: notes.txt: upgraph-bundle.json does not name it [bundle-extra]" in done.err


def test_what_cannot_be_read_stops_a_bundle(command: Command, sample: Sample, tmp_path: Path) -> None:
    parts = (
        "--releases",
        "oci:nowhere",
        "--payload-repository",
        "x.example/y",
        "--graph-data",
        sample.graph_data,
    )
    done = command("upgraph", "bundle", "create", *parts, "-o", tmp_path / "site.tar")
    assert (done.code, "scrape-incomplete" in done.err) == (4, True)
    assert list(tmp_path.iterdir()) == []


def test_graph_data_that_would_be_refused_stops_a_bundle(
    command: Command, sample: Sample, tmp_path: Path
) -> None:
    parts = (
        "--releases",
        f"oci:{sample.releases}",
        "--payload-repository",
        "x.example/y",
        "--graph-data",
        tmp_path,
    )
    done = command("upgraph", "bundle", "create", *parts, "-o", tmp_path / "site.tar")
    assert (done.code, done.out) == (3, "")


@pytest.mark.parametrize(
    ("arguments", "code", "reference"),
    [
        (("bundle", "create", "--releases", "x.json", "-o", "site"), 2, "source-missing"),
        (
            ("bundle", "create", "--graph-data", ".", "-o", "site", "--images", "docker://x.example/y"),
            2,
            "setting-invalid",
        ),
        (("bundle", "check", "nowhere"), 3, "bundle-invalid"),
        (("bundle", "check", "/dev/null"), 3, "bundle-invalid"),
        (("serve", "site.tar", "--releases", "oci:/x"), 2, "setting-invalid"),
        (("serve", "site.tar", "--upstream", "http://x.example"), 2, "setting-invalid"),
    ],
    ids=["no graph data", "images", "nothing", "no bundle", "bundle and releases", "bundle and upstream"],
)
def test_a_wrong_request_is_told_with_its_reference(
    command: Command, arguments: tuple[str, ...], code: int, reference: str
) -> None:
    done = command("upgraph", *arguments)
    assert (done.code, f"reference:      {reference} " in done.err) == (code, True)
