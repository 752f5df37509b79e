"""``upgraph image copy``: what it says, what it asks for, and how it ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.conftest import Command
from upgraph.oci import OCI_LAYER_GZIP, LayoutWriter, Platform
from upgraph.testing.real_registry import real_registry

COPY = ("upgraph", "image", "copy")


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A layout with two images and an index."""
    path = tmp_path / "made"
    with LayoutWriter(path) as layout:
        layer = layout.blob(b"layer" * 1000, OCI_LAYER_GZIP)
        parts = []
        for name in ("amd64", "arm64"):
            image = layout.image(
                config={"architecture": name, "os": "linux"}, layers=[layer], tag=f"v1-{name}"
            )
            parts.append((image, Platform(name)))
        layout.index(parts, "v1")
    return path


def test_an_image_takes_its_tag_along(command: Command, made: Path, tmp_path: Path) -> None:
    done = command(*COPY, f"oci:{made}:v1-amd64", f"oci:{tmp_path}/to", "-o", "json")
    assert done.code == 0
    assert done.json[0]["destination"] == f"oci:{tmp_path}/to:v1-amd64"
    assert done.json[0]["result"] == "copied"
    assert done.err == "images: 1; blobs to move: 2, 5.0 kB; there already: 0 bytes\n"


def test_a_terminal_is_shown_how_far_it_is(
    command: Command, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    done = command(*COPY, f"oci:{made}:v1-amd64", f"oci:{tmp_path}/to", "-o", "json")
    assert "0.0/5.0 kB" in done.err
    assert done.json[0]["result"] == "copied"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """A repository of a registry without TLS."""
    (tmp_path / "registry").mkdir()
    with real_registry(tmp_path / "registry") as real:
        yield str(real.repository("site/releases"))


def test_images_reach_a_registry_under_the_tags_that_they_had(
    command: Command, made: Path, tmp_path: Path, registry: str
) -> None:
    (tmp_path / "list").write_text(f"oci:{made}:v1-amd64 {registry}\noci:{made}:v1 {registry}\n")
    assert command(*COPY, "--from-file", tmp_path / "list", "--all").code == 0
    back = command(*COPY, registry, f"oci:{tmp_path}/back", "--all-tags", "--all", "-o", "json")
    assert [row["destination"].rpartition(":")[2] for row in back.json] == ["v1", "v1-amd64"]


def test_an_image_without_a_tag_is_copied_by_its_digest(
    command: Command, made: Path, tmp_path: Path, registry: str
) -> None:
    digest = command(*COPY, f"oci:{made}:v1", registry, "--all", "-o", "json").json[0]["digest"]
    done = command(*COPY, f"{registry}@{digest}", f"{registry}-copy", "--all", "-o", "json")
    assert done.code == 0
    assert done.json[0]["destination"] == f"{registry}-copy"
    assert command(*COPY, f"{registry}-copy@{digest}", f"oci:{tmp_path}/back", "--all").code == 0


def test_what_is_there_is_not_copied_again(command: Command, made: Path, tmp_path: Path) -> None:
    line = (*COPY, f"oci:{made}:v1", f"oci:{tmp_path}/to", "--all", "-o", "json")
    command(*line)
    done = command(*line)
    assert done.json[0]["result"] == "there"
    assert done.err == "images: 1, 1 of them there; blobs to move: 0, 0 bytes; there already: 0 bytes\n"
    done = command(*line, "--recheck")
    assert done.err == "images: 1, 1 of them there; blobs to move: 0, 0 bytes; there already: 5.1 kB\n"


def test_a_wide_table_tells_what_each_image_consists_of(command: Command, made: Path, tmp_path: Path) -> None:
    line = (*COPY, f"oci:{made}:v1", f"oci:{tmp_path}/to", "--all")
    wide = command(*line, "--dry-run", "-o", "wide").out.strip().splitlines()
    assert wide[0].split() == ["SOURCE", "DESTINATION", "DIGEST", "MANIFESTS", "BLOBS", "BYTES", "RESULT"]
    assert "MANIFESTS" not in command(*line, "--dry-run").out
    (row,) = command(*line, "-o", "json").json
    assert (row["manifests"], row["blobs"]) == (3, 3)
    (again,) = command(*line, "-o", "json").json
    assert (again["result"], again["manifests"]) == ("there", None)


def test_a_dry_run_writes_nothing(command: Command, made: Path, tmp_path: Path) -> None:
    done = command(*COPY, f"oci:{made}:v1", f"oci:{tmp_path}/to", "--all", "--dry-run", "-o", "json")
    assert (done.code, done.json[0]["result"]) == (0, "would be copied")
    assert "blobs to move: 3, 5.1 kB" in done.err
    assert not (tmp_path / "to").exists()


def test_an_index_wants_a_decision(command: Command, made: Path, tmp_path: Path) -> None:
    done = command(*COPY, f"oci:{made}:v1", f"oci:{tmp_path}/to")
    assert done.code == 2
    assert "image-index-undecided" in done.err


def test_a_part_of_an_index_is_said_to_be_another_image(command: Command, made: Path, tmp_path: Path) -> None:
    done = command(*COPY, f"oci:{made}:v1", f"oci:{tmp_path}/to", "--arch", "arm64")
    assert done.code == 0
    assert "Signatures of the index do not fit it." in done.err


def test_all_and_some_exclude_each_other(command: Command, made: Path, tmp_path: Path) -> None:
    done = command(*COPY, f"oci:{made}:v1", f"oci:{tmp_path}/to", "--arch", "arm64", "--all")
    assert done.code == 2


def test_a_repository_is_copied_with_all_its_tags(command: Command, made: Path, tmp_path: Path) -> None:
    done = command(
        *COPY, f"oci:{made}", f"oci-archive:{tmp_path}/to.tar", "--all-tags", "--all", "-o", "json"
    )
    assert done.code == 0
    assert [row["destination"].rpartition(":")[2] for row in done.json] == ["v1", "v1-amd64", "v1-arm64"]


def test_images_of_a_list_that_fail_are_all_reported_at_the_end(
    command: Command, made: Path, tmp_path: Path
) -> None:
    listed = tmp_path / "list"
    listed.write_text(
        f"# what the site needs\n\noci:{made}:v1-amd64 oci:{tmp_path}/to\n"
        f"oci:{made}:absent oci:{tmp_path}/to:x\noci:{made}:v1 oci:{tmp_path}/to  # an index\n"
        f"oci:{made}:v1-arm64 oci:{tmp_path}/to:v2\n"
    )
    done = command(*COPY, "--from-file", listed, "-o", "json")
    assert done.code == 4
    results = {row["source"].rpartition(":")[2]: row["result"] for row in done.json}
    assert results == {
        "v1-amd64": "copied",
        "v1-arm64": "copied",
        "absent": "oci-image-missing",
        "v1": "image-index-undecided",
    }
    assert "2 of 4 images were not copied" in done.err


@pytest.mark.parametrize(
    "line", ["oci:{made} oci:{to}:x", "oci:absent oci:{to}:x", "oci:{made}:v1-amd64 dir:{to}"]
)
def test_a_line_that_leads_to_no_image_holds_up_no_other(
    command: Command, made: Path, tmp_path: Path, line: str
) -> None:
    listed, to = tmp_path / "list", tmp_path / "to"
    listed.write_text(f"{line.format(made=made, to=to)}\noci:{made}:v1-arm64 oci:{to}:v2\n")
    done = command(*COPY, "--from-file", listed, "-o", "json")
    assert done.json[0]["result"] == "copied"
    assert done.code != 0
    assert f"{listed}:1: " in done.err
    assert "1 of 2 images were not copied" in done.err


def test_a_tag_of_a_layout_that_leads_elsewhere_is_not_written(
    command: Command, made: Path, registry: str
) -> None:
    index = made / "index.json"
    index.write_text(index.read_text().replace('"v1"', '"../../../other/manifests/v1"'))
    done = command(*COPY, "--all", "--all-tags", f"oci:{made}", registry, "-o", "json")
    assert [row["result"] for row in done.json] == ["copied", "copied", "oci-reference"]
    assert command("upgraph", "release", "info", registry.replace("site/releases", "other:v1")).code == 4


@pytest.mark.parametrize(
    ("content", "said"),
    [("oci:a:b\n", "list:1: 1 names, not 2"), ("\nx://y oci:b\n", "list:2: 'x://y'"), ("\xff", "not UTF-8")],
    ids=["one-name", "no-name", "no-text"],
)
def test_a_list_that_cannot_be_read_is_refused_with_its_line(
    command: Command, tmp_path: Path, content: str, said: str
) -> None:
    (tmp_path / "list").write_bytes(content.encode("latin-1"))
    done = command(*COPY, "--from-file", tmp_path / "list")
    assert done.code == 3
    assert said in done.err


def test_a_layout_with_several_images_has_to_be_asked_for_one(
    command: Command, made: Path, tmp_path: Path
) -> None:
    done = command(*COPY, f"oci:{made}", f"oci:{tmp_path}/to")
    assert done.code == 2
    assert "holds 3 images (v1, v1-amd64, v1-arm64), and none was named" in done.err


def test_a_tag_that_is_taken_needs_to_be_given_up(command: Command, made: Path, tmp_path: Path) -> None:
    command(*COPY, f"oci:{made}:v1-amd64", f"oci:{tmp_path}/to:stable")
    line = (*COPY, f"oci:{made}:v1-arm64", f"oci:{tmp_path}/to:stable", "-o", "json")
    assert command(*line).code == 2
    assert command(*line, "--overwrite").json[0]["result"] == "copied"


def test_a_disk_without_room_is_noticed_before_anything_is_written(
    command: Command, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        free = 100

    monkeypatch.setattr("upgraph.oci.disk.layout_destination.shutil.disk_usage", lambda _: Full)
    done = command(*COPY, f"oci:{made}:v1", f"oci:{tmp_path}/to", "--all")
    assert done.code == 3
    assert "bytes are to be written, 100 are free" in done.err
    assert not (tmp_path / "to").exists()
