"""Sources that are no registry: what lies on this machine, at an address, in a bundle, behind another service."""

import json
from pathlib import Path

import pytest

from tests.doctor.conftest import Examine
from upgraph.graphdata import write_tarball
from upgraph.oci import digest_of
from upgraph.service.bundle import Parts, write_bundle
from upgraph.service.doctor import Result
from upgraph.testing.answers import CHANNELS_KEY
from upgraph.testing.file_server import FileServer
from upgraph.testing.sample_graphs import GraphBench

SAVED = '{"version": 99}'


def files_of(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


async def test_a_layout_is_listed_and_a_release_is_read(look: Examine, layout: Path) -> None:
    checks = await look(releases=(f"oci:{layout}",))
    assert checks.errors == []
    assert [checks.one(name).result for name in ("tags", "release", "graph-data")] == [Result.OK] * 3
    assert checks.one("graph-data").seen.endswith("holds 1 channels and 1 rules")


@pytest.mark.parametrize(
    ("scheme", "reference"), [("oci", "oci-layout"), ("oci-archive", "oci-archive"), ("dir", "oci-directory")]
)
async def test_a_place_without_images_is_told_with_its_name(
    look: Examine, tmp_path: Path, scheme: str, reference: str
) -> None:
    place = tmp_path / "no where"
    checks = await look(releases=(f"{scheme}:{place}",))
    check = checks.one("tags")
    assert (check.reference, checks.skipped) == (reference, ["release"])
    assert str(place) in check.seen
    assert check.repair or check.remedy
    assert check.verify


async def test_a_saved_scrape_that_cannot_be_read_is_told(look: Examine, tmp_path: Path) -> None:
    path = tmp_path / "releases.json"
    path.write_text(SAVED)
    checks = await look(releases=(str(path),))
    assert checks.one("releases").reference == "scrape-invalid"
    assert str(path) in checks.one("releases").seen


async def test_a_broken_rule_is_told_with_file_and_line(
    look: Examine, layout: Path, graph_data: Path
) -> None:
    (graph_data / "blocked-edges/4.1.0-Bad.yaml").write_text("to: 4.1.0\nfrom: [broken\n")
    checks = await look(releases=(f"oci:{layout}",))
    well, broken = checks.named("graph-data")
    assert (well.result, broken.reference) == (Result.OK, "graph-data-yaml")
    assert "blocked-edges/4.1.0-Bad.yaml:3" in broken.seen


@pytest.mark.parametrize("name", ["gone", "git:gone", "oci:gone", "gone.tar.gz"])
async def test_graph_data_that_is_not_there_is_told(
    look: Examine, layout: Path, tmp_path: Path, name: str
) -> None:
    scheme, _, path = name.rpartition(":")
    text = f"{scheme}:{tmp_path / path}" if scheme else str(tmp_path / path)
    checks = await look(releases=(f"oci:{layout}",), graph_data=text)
    check = checks.one("graph-data")
    assert check.result is Result.ERROR
    assert str(tmp_path / path) in check.seen


async def test_graph_data_at_an_address_is_fetched_once_the_way_is_free(
    look: Examine, layout: Path, graph_data: Path
) -> None:
    async with FileServer() as server:
        server.content = write_tarball(files_of(graph_data))
        url = server.url("/a.tar.gz")
        well = await look(releases=(f"oci:{layout}",), graph_data=url)
        server.content = None
        gone = await look(releases=(f"oci:{layout}",), graph_data=url)
    assert [well.one(name).result for name in ("graph-data", "clock")] == [Result.OK] * 2
    assert gone.errors == ["graph-data-download"]
    assert gone.one("tcp").result is Result.OK


async def test_a_name_that_cannot_be_a_repository_is_told_before_anything_is_asked(
    look: Examine, layout: Path
) -> None:
    checks = await look(releases=("docker://registry.example/Ocp/release", f"oci:{layout}"))
    assert checks.errors == ["oci-repository"]
    assert checks.one("source").subject == "docker://registry.example/Ocp/release"
    assert checks.one("release").result is Result.OK


async def test_a_bundle_that_is_whole_is_told_with_what_it_holds(
    look: Examine, tmp_path: Path, graph_data: Path
) -> None:
    release = GraphBench().release("4.1.0", digest=digest_of(b"4.1.0"))
    write_bundle(Parts((release,), files_of(graph_data)), tmp_path / "site.tar")
    checks = await look(bundle=tmp_path / "site.tar", graph_data=None)
    assert checks.errors == []
    assert checks.one("bundle").seen.endswith(": 1 releases, 0 signatures")


async def test_a_bundle_that_is_cut_off_is_told(look: Examine, tmp_path: Path) -> None:
    path = tmp_path / "site.tar"
    path.write_bytes(b"no bundle")
    checks = await look(bundle=path, graph_data=None)
    check = checks.one("bundle")
    assert check.reference == "bundle-damaged"
    assert f"upgraph bundle check {path}" in check.verify


async def test_an_upstream_server_that_gives_no_graph_is_told(look: Examine) -> None:
    async with FileServer() as server:
        server.content = b"{}"
        url = server.url("/graph")
        checks = await look(upstream=url, graph_data=None)
    check = checks.one("graph")
    assert check.result is Result.ERROR
    assert checks.one("tcp").result is Result.OK


async def test_an_upstream_server_that_gives_an_answer_for_clusters_is_told(look: Examine) -> None:
    node = {"version": "4.1.0", "payload": "a/b@sha256:0", "metadata": {CHANNELS_KEY: "stable-4.1"}}
    async with FileServer() as server:
        server.content = json.dumps({"version": 1, "nodes": [node], "edges": []}).encode()
        checks = await look(upstream=server.url("/graph"), graph_data=None)
    assert checks.errors == ["graph-without-answers"]


@pytest.mark.parametrize("url", ["http://[::1", "ftp://a.example/graph", "graph.example"])
async def test_an_upstream_server_without_an_address_is_told(look: Examine, url: str) -> None:
    checks = await look(upstream=url, graph_data=None)
    assert checks.errors == ["download-address"]


async def test_no_password_of_an_address_is_told(look: Examine, layout: Path) -> None:
    url = "http://me:s3cret@127.0.0.1:9/a.tar.gz?sig=s3cret"
    checks = await look(releases=(f"oci:{layout}",), graph_data=url)
    assert checks.errors == ["connect-failed"]
    assert checks.one("graph-data").subject == "http://***@127.0.0.1:9/a.tar.gz?***"
    assert "s3cret" not in repr(checks)
