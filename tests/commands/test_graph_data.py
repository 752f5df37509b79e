"""``upgraph graph-data``: from a starter repository to an image that is served, and what is said on the way."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.commands.conftest import Command, Done
from upgraph.graphdata.directory import DirectorySource
from upgraph.oci import OCI_LAYER_GZIP, LayerFile, LayoutWriter, digest_of, gzipped, tar_layer
from upgraph.payload import ReleaseContent, add_release

VERSIONS = ("1.0.0", "1.0.1", "1.0.2", "1.0.3", "1.1.0-rc.1", "1.1.0", "1.1.1")

GraphData = Callable[..., Done]


@pytest.fixture
def graph_data(command: Command) -> GraphData:
    """Runs ``upgraph graph-data`` with arguments."""
    return lambda *arguments: command("upgraph", "graph-data", *arguments)


@pytest.fixture
def starter(graph_data: GraphData, tmp_path: Path) -> Path:
    assert graph_data("new", tmp_path / "starter").code == 0
    return tmp_path / "starter"


@pytest.fixture
def releases(tmp_path: Path) -> tuple[object, ...]:
    """Flags that lead to releases of the platform of the starter repository."""
    with LayoutWriter(tmp_path / "releases") as layout:
        for number, version in enumerate(VERSIONS):
            add_release(layout, ReleaseContent(version, previous=VERSIONS[:number]), "amd64", version)
    return (
        "--releases",
        f"oci:{tmp_path / 'releases'}",
        "--payload-repository",
        "registry.example/platform",
    )


@pytest.fixture
def doubtful(starter: Path) -> Path:
    """The starter repository with a warning."""
    (starter / "blocked-edges" / "1.0.9.yaml").write_text("to: 1.0.9\nfrom: .*\n")
    return starter


@pytest.fixture
def wrong(starter: Path) -> Path:
    """The starter repository with an error."""
    file = starter / "blocked-edges" / "1.1.0-SlowVolumes.yaml"
    file.write_text(file.read_text().replace("https://", "see "))
    return starter


def test_a_starter_repository_is_checked_with_releases_and_served(
    graph_data: GraphData, command: Command, starter: Path, releases: tuple[object, ...]
) -> None:
    checked = graph_data("check", starter, *releases, "--fail-on", "warning")
    assert (checked.code, checked.out.splitlines()[-1]) == (0, "0 errors, 0 warnings")
    show = ("graph", "show", *releases, "--graph-data", starter, "--channel", "stable-1.1", "-o", "json")
    served = command("upgraph", *show).json
    assert [node["version"] for node in served["nodes"]] == ["1.0.1", "1.0.3", "1.1.0"]
    assert {risk["name"] for edge in served["conditionalEdges"] for risk in edge["risks"]} == {"SlowVolumes"}


def test_warnings_are_shown_by_file_and_end_well(graph_data: GraphData, doubtful: Path) -> None:
    done = graph_data("check", doubtful)
    assert done.code == 0
    assert (
        "blocked-edges/1.0.9.yaml\n     1  warning  no channel names 1.0.9 [rule-target-unknown]" in done.out
    )
    assert "not run, because no releases were given" in done.out


def test_errors_end_with_3_and_say_what_to_do(graph_data: GraphData, wrong: Path) -> None:
    done = graph_data("check", wrong)
    assert done.code == 3
    assert "  risk-url: Write an address that begins with https://" in done.out


def test_warnings_fail_where_that_is_asked_for(graph_data: GraphData, doubtful: Path) -> None:
    assert graph_data("check", doubtful, "--fail-on", "warning").code == 3


def test_accepted_warnings_do_not_fail_until_they_are_stale(graph_data: GraphData, doubtful: Path) -> None:
    accept = ("check", doubtful, "--write-baseline", "--reason", "comes next week")
    assert graph_data(*accept).code == 0
    again = graph_data("check", doubtful, "--fail-on", "warning")
    assert (again.code, again.out.splitlines()[-1]) == (0, "0 errors, 0 warnings, 1 accepted")
    (doubtful / "blocked-edges" / "1.0.9.yaml").unlink()
    stale = graph_data("check", doubtful, "--fail-on", "warning")
    assert stale.code == 3
    assert "[check-baseline-stale]" in stale.out


def test_warnings_are_not_accepted_without_a_reason(graph_data: GraphData, doubtful: Path) -> None:
    before = (doubtful / ".upgraph-check.yaml").read_bytes()
    done = graph_data("check", doubtful, "--write-baseline")
    assert (done.code, "Say why with --reason" in done.err) == (2, True)
    assert (doubtful / ".upgraph-check.yaml").read_bytes() == before


def test_a_baseline_that_was_named_must_be_there(graph_data: GraphData, starter: Path) -> None:
    assert graph_data("check", starter, "--baseline", starter / "none.yaml").code == 2


def test_json_has_all_that_was_found(graph_data: GraphData, wrong: Path) -> None:
    document = graph_data("check", wrong, "-o", "json").json
    [found] = [one for one in document["findings"] if one["severity"] == "error"]
    assert (found["reference"], found["file"], found["line"]) == (
        "risk-url",
        "blocked-edges/1.1.0-SlowVolumes.yaml",
        6,
    )
    assert {one["reference"] for one in document["notRun"]} >= {"release-dead-end"}


def test_yaml_says_what_json_says(graph_data: GraphData, wrong: Path) -> None:
    said = graph_data("check", wrong, "-o", "yaml")
    assert (said.code, yaml.safe_load(said.out)) == (3, graph_data("check", wrong, "-o", "json").json)


def test_sarif_is_written_for_code_hosts(graph_data: GraphData, wrong: Path) -> None:
    document = graph_data("check", wrong, "-o", "sarif").json
    assert document["version"] == "2.1.0"
    assert [one["ruleId"] for one in document["runs"][0]["results"]] == ["risk-url"]


def test_what_is_packed_is_fetched_again_the_same(
    graph_data: GraphData, starter: Path, tmp_path: Path
) -> None:
    first = graph_data("pack", starter, "-o", f"oci:{tmp_path / 'one'}:gd")
    second = graph_data("pack", starter, "-o", f"oci-archive:{tmp_path / 'two.tar'}:gd")
    assert first.out == second.out
    assert first.out.startswith("sha256:")
    graph_data("fetch", f"oci:{tmp_path / 'one'}:gd", "-o", tmp_path / "fetched")
    a, b = tmp_path / "a.tar.gz", tmp_path / "b.tar.gz"
    graph_data("fetch", starter, "-o", a)
    graph_data("fetch", tmp_path / "fetched", "-o", b)
    assert a.read_bytes() == b.read_bytes()


def test_a_packed_image_is_served(
    graph_data: GraphData, command: Command, starter: Path, releases: tuple[object, ...], tmp_path: Path
) -> None:
    graph_data("pack", starter, "-o", f"oci:{tmp_path / 'image'}:gd")
    show = ("upgraph", "graph", "show", *releases, "--channel", "stable-1.1", "-o", "json", "--graph-data")
    assert command(*show, f"oci:{tmp_path / 'image'}:gd").out == command(*show, starter).out


def test_a_runnable_image_holds_the_same_data_and_a_start(
    graph_data: GraphData, starter: Path, tmp_path: Path
) -> None:
    image = f"oci:{tmp_path / 'image'}:gd"
    done = graph_data("pack", starter, "-o", image, "--runnable")
    assert (done.code, done.out == graph_data("pack", starter, "-o", f"{image}2").out) == (0, False)
    assert done.out == graph_data("pack", starter, "-o", f"oci-archive:{tmp_path / 'a'}", "--runnable").out
    graph_data("fetch", image, "-o", tmp_path / "fetched")
    assert DirectorySource(tmp_path / "fetched").read() == DirectorySource(starter).read()


def test_data_from_anywhere_in_an_image_becomes_runnable_at_its_usual_place(
    graph_data: GraphData, starter: Path, tmp_path: Path
) -> None:
    usual, elsewhere = f"oci:{tmp_path / 'usual'}:gd", f"oci:{tmp_path / 'elsewhere'}:gd"
    files = DirectorySource(starter).read()
    tar = tar_layer([LayerFile(f"srv/data/{path}", files[path]) for path in sorted(files)])
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": [digest_of(tar)]}}
    with LayoutWriter(tmp_path / "elsewhere") as layout:
        layout.image(config=config, layers=[layout.blob(gzipped(tar), OCI_LAYER_GZIP)], tag="gd")
    expected = graph_data("pack", starter, "-o", usual, "--runnable")
    path = ("--graph-data-path", "/srv/data")
    done = graph_data("pack", elsewhere, *path, "-o", f"oci:{tmp_path / 'again'}:gd", "--runnable")
    assert (done.code, done.out) == (0, expected.out)


def test_an_image_is_not_made_runnable_in_two_ways(
    graph_data: GraphData, starter: Path, tmp_path: Path
) -> None:
    base = ("--base", "registry.example/ubi9/ubi-minimal:9.6")
    done = graph_data("pack", starter, "-o", f"oci:{tmp_path / 'image'}:gd", "--runnable", *base)
    assert (done.code, "give it or --base" in done.err) == (2, True)
    assert not (tmp_path / "image").exists()


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="needs skopeo")
def test_skopeo_reads_and_copies_what_is_packed(graph_data: GraphData, starter: Path, tmp_path: Path) -> None:
    done = graph_data("pack", starter, "-o", f"oci:{tmp_path / 'image'}:gd")
    copy = ("skopeo", "copy", "--all", "--quiet", "--preserve-digests")
    subprocess.run([*copy, f"oci:{tmp_path / 'image'}:gd", f"dir:{tmp_path / 'copy'}"], check=True)
    seen = subprocess.run(
        ["skopeo", "inspect", "--override-arch", "s390x", f"dir:{tmp_path / 'copy'}"],
        check=True,
        capture_output=True,
    )
    inspected = json.loads(seen.stdout)
    assert (inspected["Digest"], inspected["Architecture"]) == (done.out.strip(), "s390x")


def test_data_with_errors_is_packed_only_by_name(graph_data: GraphData, wrong: Path, tmp_path: Path) -> None:
    pack = ("pack", wrong, "-o", f"oci:{tmp_path / 'image'}:gd")
    refused = graph_data(*pack, "--no-check", "risk-name")
    assert (refused.code, "pack-refused" in refused.err) == (3, True)
    assert not (tmp_path / "image").exists()
    assert graph_data(*pack, "--no-check", "risk-url").code == 0


def test_a_base_without_an_architecture_is_refused_and_taken_with_those_it_has(
    graph_data: GraphData, starter: Path, releases: tuple[object, ...], tmp_path: Path
) -> None:
    base = f"oci:{tmp_path / 'releases'}:1.0.0"
    pack = ("pack", starter, "-o", f"oci:{tmp_path / 'image'}:gd", "--base", base)
    refused = graph_data(*pack)
    assert (refused.code, "say --arch amd64" in refused.err) == (2, True)
    assert graph_data(*pack, "--arch", "amd64").code == 0


def test_a_set_that_a_service_refuses_is_not_fetched(
    graph_data: GraphData, starter: Path, tmp_path: Path
) -> None:
    (starter / "version").unlink()
    done = graph_data("fetch", starter, "-o", tmp_path / "fetched")
    assert (done.code, (tmp_path / "fetched").exists()) == (3, False)
