"""A bundle made on one side of the gap serves on the other, where there is no network at all."""

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.whole.conftest import (
    BIN,
    GraphDataPlace,
    Running,
    Starter,
    curl,
    inside,
    until,
    write_layout,
)
from upgraph.testing.registry import SimulatedRegistry

HEX = "0123456789abcdef" * 4
SIGNATURE = f"sha256={HEX}/signature-1"
CUT = 3000
"""Bytes of a copy that was cut off."""


def upgraph(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    command = [str(BIN / "upgraph"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def policy(tmp_path: Path, graph_data: GraphDataPlace) -> tuple[object, ...]:
    """Flags for graph data and signatures."""
    place = tmp_path / "signatures" / f"sha256={HEX}"
    place.mkdir(parents=True)
    (place / "signature-1").write_bytes(b"a signature")
    return ("--graph-data", graph_data.path, "--signatures", place.parent)


@pytest.mark.parametrize("form", ["site", "site.tar"])
async def test_a_bundle_made_at_a_registry_serves_where_the_network_is_cut(
    start: Starter,
    cut_off: tuple[str, ...],
    layout: Path,
    policy: tuple[object, ...],
    form: str,
) -> None:
    made = start.directory / f"made-{form}"
    async with SimulatedRegistry() as registry:
        registry.load(layout)
        parts = ("--releases", str(registry.repository), *policy)
        done = await asyncio.to_thread(upgraph, "bundle", "create", *parts, "-o", made)
        assert (done.returncode, done.stdout[:7]) == (0, "sha256:")
        there = made.rename(start.directory / f"carried-{form}")
        connected = start.serve(*parts)
        isolated = start.serve(there, wrapper=cut_off)
        contact = f"http://{registry.repository.name.partition('/')[0]}/v2/"
        await asyncio.to_thread(_compare, connected, isolated, contact)


def _compare(connected: Running, isolated: Running, registry: str) -> None:
    connected.answered()
    until(lambda: inside(isolated, f"{isolated.status}/readyz").status == 200, what="readiness")
    assert (curl(registry).status, inside(isolated, registry).status) == (200, 0)
    for query in ("channel=stable-4.1", "channel=stable-4.1&arch=arm64", "channel=none"):
        here, there = curl(f"{connected.clusters}?{query}"), inside(isolated, f"{isolated.clusters}?{query}")
        assert (there.status, there.body, there.headers["etag"]) == (200, here.body, here.headers["etag"])
    base = isolated.clusters.removesuffix("/graph")
    assert inside(isolated, f"{base}/signatures/{SIGNATURE}").body == b"a signature"
    assert curl(isolated.clusters).status == 0


@pytest.fixture
def bundle(tmp_path: Path, graph_data: GraphDataPlace) -> Callable[..., Path]:
    """Makes a bundle of some versions."""

    def make(name: str, *versions: str) -> Path:
        graph_data.channel(*versions)
        releases = ("--releases", f"oci:{write_layout(tmp_path / f'layout-{name}', versions)}")
        repository = ("--payload-repository", "registry.example/ocp/release")
        out = tmp_path / f"{name}.tar"
        done = upgraph("bundle", "create", *releases, *repository, "--graph-data", graph_data.path, "-o", out)
        assert done.returncode == 0, done.stderr
        return out

    return make


def _references(service: Running) -> list[object]:
    found = service.state()["details"]
    assert isinstance(found, list)
    return [one["reference"] for one in found]


def test_a_bundle_is_replaced_under_a_running_service_but_not_by_half_a_copy(
    start: Starter, bundle: Callable[..., Path], tmp_path: Path
) -> None:
    first, second = bundle("first", "4.1.0", "4.1.1"), bundle("second", "4.1.0", "4.1.2")
    place = first.rename(tmp_path / "site.tar")
    service = start.serve(place, "--scrape-interval", "1s", "--state-dir", tmp_path / "state")
    assert sorted(service.answered().nodes) == ["4.1.0", "4.1.1"]
    content = second.read_bytes()
    place.write_bytes(content[:CUT])
    until(lambda: "bundle-damaged" in _references(service), what="the finding")
    assert sorted(service.answered().nodes) == ["4.1.0", "4.1.1"]
    service.stop()
    place.unlink()
    again = start.serve(place, "--scrape-interval", "1s", "--state-dir", tmp_path / "state")
    assert sorted(again.answered().nodes) == ["4.1.0", "4.1.1"]
    again.said(r"(the bundle \S+ does not exist)")
    place.write_bytes(content)
    again.answered(lambda graph: sorted(graph.nodes) == ["4.1.0", "4.1.2"])
    until(lambda: _references(again) == [], what="the end of the finding")


def test_a_service_that_has_nothing_but_a_bad_bundle_says_so(
    start: Starter, bundle: Callable[..., Path]
) -> None:
    place = bundle("only", "4.1.0")
    place.write_bytes(place.read_bytes()[:CUT])
    service = start.serve(place)
    ready = until(lambda: b"bundle-damaged" in curl(f"{service.status}/readyz").body, what="the reason")
    assert ready
    assert curl(f"{service.clusters.removesuffix('graph')}signatures/{SIGNATURE}").status == 503


def test_a_bundle_is_looked_at_and_checked_by_commands(bundle: Callable[..., Path]) -> None:
    place = bundle("only", "4.1.0", "4.1.1")
    shown = upgraph("graph", "show", "--bundle", place, "--channel", "stable-4.1", "-o", "json")
    assert shown.stdout.count('"version": "4.1.') == 2
    assert upgraph("bundle", "check", place).returncode == 0
    place.write_bytes(place.read_bytes().replace(b"4.1.1", b"4.1.9"))
    checked = upgraph("bundle", "check", place)
    assert (checked.returncode, "releases.json" in checked.stderr) == (3, True)
