"""``upgraph release``: what it prints and writes, and how it ends."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.commands.conftest import Command, Done
from upgraph.oci import LayoutWriter, digest_of
from upgraph.payload import ReleaseContent, add_release

MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
DIGEST = digest_of(b"app")
APP = f"app=registry.example/app@{DIGEST}"


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    place = tmp_path / "manifests"
    place.mkdir()
    (place / "0000_50_a.yaml").write_text(MANIFEST)
    os.utime(place / "0000_50_a.yaml", (1_700_000_000, 1_700_000_000))
    return place


@pytest.fixture
def make(command: Command, manifests: Path, tmp_path: Path) -> Callable[..., Done]:
    """Makes a release in a layout."""

    def make(name: str, *arguments: object, place: str = "out") -> Done:
        source = ("--manifests", manifests, "--image", APP)
        target = ("-o", f"oci:{tmp_path / place}:{name}")
        return command("upgraph", "release", "new", "--name", name, *source, *target, *arguments)

    return make


@pytest.fixture
def release(make: Callable[..., Done], tmp_path: Path) -> str:
    """The name of a release."""
    done = make("1.1.0", "--previous", "1.0.0,0.9.0", "--metadata", "url=https://errata.example/1")
    assert (done.code, done.err) == (0, "")
    return f"oci:{tmp_path / 'out'}:1.1.0"


def test_the_digest_that_is_printed_is_that_of_the_release(
    command: Command, make: Callable[..., Done]
) -> None:
    digest, place = make("1.1.0").out.split()
    assert command("upgraph", "release", "info", place, "-o", "json").json["digest"] == digest


def test_the_same_manifests_give_the_same_digest_in_another_place(make: Callable[..., Done]) -> None:
    digests = {make("1.1.0", place=place).out.split()[0] for place in ("one", "two")}
    assert len(digests) == 1


def test_manifests_of_a_fresh_checkout_give_the_same_digest_with_an_epoch(
    make: Callable[..., Done], manifests: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1600000000")
    first = make("1.1.0").out.split()[0]
    (manifests / "0000_50_a.yaml").touch()
    assert make("1.1.0").out.split()[0] == first


@pytest.mark.parametrize("epoch", ["soon", "-1", "1.5", "9" * 12])
def test_an_epoch_that_is_no_time_is_refused(
    make: Callable[..., Done], monkeypatch: pytest.MonkeyPatch, epoch: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    assert (make("1.1.0").code, "SOURCE_DATE_EPOCH" in make("1.1.0").err) == (2, True)


def test_info_shows_what_was_put_in(command: Command, release: str) -> None:
    done = command("upgraph", "release", "info", release)
    for line in (
        "Name:           1.1.0",
        "Created:        2023-11-14T22:13:20Z",
        "OS/Arch:        linux/amd64",
        "  Upgrades: 0.9.0, 1.0.0",
        "    url: https://errata.example/1",
    ):
        assert line in done.out.splitlines()
    assert (done.code, DIGEST in done.out, "registry.example/app@" in done.out) == (0, True, False)


def test_info_shows_pull_specs_and_commits_on_request(command: Command, release: str) -> None:
    done = command("upgraph", "release", "info", release, "--pullspecs", "--commits")
    assert f"registry.example/app@{DIGEST}" in done.out
    assert "COMMIT" in done.out


def test_info_as_json_has_the_names_of_oc(command: Command, release: str) -> None:
    found = command("upgraph", "release", "info", release, "-o", "json").json
    assert found["metadata"]["previous"] == ["0.9.0", "1.0.0"]
    assert found["references"]["spec"]["tags"][0]["from"]["name"] == f"registry.example/app@{DIGEST}"
    assert found["config"]["config"]["Labels"] == {"io.openshift.release": "1.1.0"}
    assert found["digest"] == found["contentDigest"]
    assert [one["name"] for one in found["manifests"]] == ["0000_50_a.yaml"]


@pytest.mark.parametrize(("said", "meant"), [("x86_64", "amd64"), ("aarch64", "arm64")])
def test_an_architecture_is_named_as_clusters_name_it(
    make: Callable[..., Done], said: str, meant: str
) -> None:
    done = make("1.1.0", "--arch", said)
    assert (done.code, f"clusters and images call it {meant}" in done.err) == (2, True)


def test_a_release_for_two_architectures_is_shown_as_such(
    command: Command, make: Callable[..., Done]
) -> None:
    place = make("1.1.0", "--arch", "arm64", "--arch", "amd64").out.split()[1]
    found = command("upgraph", "release", "info", place, "--arch", "arm64", "-o", "json").json
    assert [one["architecture"] for one in found["platforms"]] == ["amd64", "arm64"]
    assert (found["config"]["architecture"], found["digest"]) == ("arm64", found["listDigest"])
    assert command("upgraph", "release", "verify", place, "--no-components").code == 0


def test_the_only_image_of_a_layout_needs_no_tag(command: Command, release: str) -> None:
    place = release.rpartition(":")[0]
    assert command("upgraph", "release", "extract", place, "--file", "release-metadata").code == 0


def test_one_of_several_images_has_to_be_named(command: Command, make: Callable[..., Done]) -> None:
    make("1.1.0")
    place = make("1.2.0").out.split()[1].rpartition(":")[0]
    done = command("upgraph", "release", "info", place)
    assert (done.code, "has 2 tags: 1.1.0, 1.2.0" in done.err) == (3, True)


def test_extract_writes_all_files_and_what_it_wrote_makes_the_same_release(
    command: Command, release: str, tmp_path: Path
) -> None:
    out = tmp_path / "files"
    assert command("upgraph", "release", "extract", release, "--to", out).code == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "0000_50_a.yaml",
        "image-references",
        "release-metadata",
    ]
    source = (
        "--manifests",
        out,
        "--images",
        out / "image-references",
        "--previous",
        "0.9.0",
        "--previous",
        "1.0.0",
    )
    metadata = ("--metadata", "url=https://errata.example/1")
    again = command(
        "upgraph", "release", "new", "--name", "1.1.0", *source, *metadata, "-o", f"oci:{tmp_path / 'b'}"
    )
    found = command("upgraph", "release", "info", release, "-o", "json").json
    assert (again.err, again.out.split()[0]) == ("", found["digest"])


def test_extract_writes_over_nothing_unless_asked(command: Command, release: str, manifests: Path) -> None:
    extract = ("upgraph", "release", "extract", release, "--to", manifests)
    assert (command(*extract).code, len(list(manifests.iterdir()))) == (2, 1)
    assert (command(*extract, "--overwrite").code, len(list(manifests.iterdir()))) == (0, 3)


def test_extract_prints_one_file_as_it_is(command: Command, release: str) -> None:
    done = command("upgraph", "release", "extract", release, "--file", "release-metadata")
    assert json.loads(done.out)["version"] == "1.1.0"
    assert not done.out.endswith("\n")


@pytest.mark.parametrize(
    ("options", "code"), [((), 2), (("--to", "x", "--file", "y"), 2), (("--file", "nothing"), 3)]
)
def test_extract_has_to_know_what_is_wanted(
    command: Command, release: str, options: tuple[str, ...], code: int
) -> None:
    assert command("upgraph", "release", "extract", release, *options).code == code


def test_diff_tells_what_changed(
    command: Command, release: str, make: Callable[..., Done], manifests: Path
) -> None:
    (manifests / "0000_50_b.yaml").write_text(MANIFEST)
    second = make("1.2.0", "--previous", "1.1.0").out.split()[1]
    done = command("upgraph", "release", "diff", release, second)
    assert "Update from 1.1.0: yes" in done.out
    found = command("upgraph", "release", "diff", release, second, "-o", "json").json
    assert (found["identical"], found["from"]["version"], found["to"]["version"]) == (False, "1.1.0", "1.2.0")
    assert [(one["name"], one["before"]) for one in found["manifests"]] == [("0000_50_b.yaml", None)]


def test_diff_of_a_release_and_itself_says_so(command: Command, release: str) -> None:
    done = command("upgraph", "release", "diff", release, release)
    assert (done.code, "The releases are the same." in done.out) == (0, True)


def test_verify_lists_every_fault_and_ends_with_3(
    command: Command, make: Callable[..., Done], manifests: Path, tmp_path: Path
) -> None:
    bad = {"0000_50_a.yaml": b"a: b: c", "0000_50_b.yaml": b"kind: A"}
    with LayoutWriter(tmp_path / "bad") as layout:
        add_release(layout, ReleaseContent("1.1.0", manifests=bad), "amd64", "1.1.0")
    done = command("upgraph", "release", "verify", f"oci:{tmp_path / 'bad'}", "-o", "json")
    assert (done.code, done.json["faults"]) == (3, 2)
    assert [one["place"] for one in done.json["findings"]][:2] == ["0000_50_a.yaml", "0000_50_b.yaml"]


def test_components_that_cannot_be_asked_for_are_no_fault_of_the_release(
    command: Command, manifests: Path, tmp_path: Path
) -> None:
    image = f"app=127.0.0.1:1/app@{DIGEST}"
    source = ("--manifests", manifests, "--image", image)
    command("upgraph", "release", "new", "--name", "1.1.0", *source, "-o", f"oci:{tmp_path / 'out'}")
    done = command("upgraph", "release", "verify", f"oci:{tmp_path / 'out'}")
    assert (done.code, "error: app: " in done.err) == (4, True)
    assert "reference:      release-component-unreachable" in done.err


@pytest.fixture
def silent() -> Iterator[str]:
    """A registry that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_an_examination_ends_when_its_time_is_over_and_tells_what_was_left(
    command: Command, manifests: Path, tmp_path: Path, silent: str
) -> None:
    source = ("--manifests", manifests, "--image", f"app={silent}/app@{DIGEST}")
    command("upgraph", "release", "new", "--name", "1.1.0", *source, "-o", f"oci:{tmp_path / 'out'}")
    done = command("upgraph", "release", "verify", f"oci:{tmp_path / 'out'}", "--timeout", "2", "-o", "json")
    assert (done.code, done.json["version"]) == (4, "1.1.0")
    assert "release-examination-cut-short" in {one["reference"] for one in done.json["findings"]}
    assert "after 2 s these were not looked at: 1 of its components" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--name", "1.1"),
        ("--previous", "x"),
        ("--image", "app=registry.example/other:1"),
        ("--image", "noname"),
        ("--metadata", "url"),
        ("--metadata", "a=1", "--metadata", "a=2"),
        ("--image", "b=oci:here:1"),
        ("--images", "nowhere"),
        ("--manifests", "nowhere"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_made_is_refused_before_anything_is_written(
    make: Callable[..., Done], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    done = make("1.1.0", *arguments)
    assert (done.code, done.out, (tmp_path / "out").exists()) == (2, "", False)


def test_doubts_are_told_and_do_not_stop_it(make: Callable[..., Done], manifests: Path) -> None:
    (manifests / "late.yaml").write_text(MANIFEST)
    (manifests / "notes.txt").touch()
    done = make("1.1.0")
    assert done.code == 0
    assert "warning: notes.txt: " in done.err
    assert "[release-manifest-order]" in done.err


def test_a_tag_that_points_elsewhere_is_kept_unless_asked(
    make: Callable[..., Done], release: str, manifests: Path
) -> None:
    (manifests / "0000_50_b.yaml").write_text(MANIFEST)
    assert make("1.1.0").code == 2
    assert make("1.1.0", "--overwrite").code == 0


@pytest.mark.parametrize(
    ("image", "is_told"), [(APP.partition("=")[2], False), ("registry.example/app:1", True)]
)
def test_an_image_that_is_no_component_is_told(
    make: Callable[..., Done], manifests: Path, image: str, *, is_told: bool
) -> None:
    (manifests / "0000_50_b.yaml").write_text(f"{MANIFEST}containers: [{{image: '{image}'}}]\n")
    done = make("1.1.0")
    assert (done.code, "[release-image-unlisted]" in done.err) == (0, is_told)
