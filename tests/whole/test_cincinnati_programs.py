"""``graph-builder`` and ``policy-engine``, configured as the OpenShift Update Service Operator does it."""

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.whole.conftest import PREFIX, GraphDataPlace, Running, Starter, curl, until
from upgraph.oci import Repository
from upgraph.testing.registry import SimulatedRegistry

CONFIG = """
verbosity = "vvv"

[service]
pause_secs = 300
address = "127.0.0.1"
port = 0
public_port = 0

[status]
address = "127.0.0.1"
port = 0

[[plugin_settings]]
name = "release-scrape-dockerv2"
registry = "{registry}"
repository = "{repository}"
fetch_concurrency = 16
credentials_path = "{credentials}"

[[plugin_settings]]
name = "openshift-secondary-metadata-parse"
data_directory = "{graph_data}"

[[plugin_settings]]
name = "edge-add-remove"
"""
ENGINE = (
    *("-vv", "--service.address", "127.0.0.1", "--service.mandatory_client_parameters", "channel"),
    *("--service.path_prefix", PREFIX, "--service.port", "0"),
    *("--status.address", "127.0.0.1", "--status.port", "0", "--upstream.cincinnati.url"),
)


@pytest.fixture
def write_config(tmp_path: Path, graph_data: GraphDataPlace) -> Callable[[Repository], Path]:
    """Writes the file of a graph builder for a repository."""

    def write(place: Repository) -> Path:
        (tmp_path / "pull-secret.json").write_text('{"auths": {}}')
        text = CONFIG.format(
            registry=f"http://{place.name.partition('/')[0]}",
            repository=place.path,
            credentials=tmp_path / "pull-secret.json",
            graph_data=graph_data.path,
        )
        (tmp_path / "gb.toml").write_text(text)
        return tmp_path / "gb.toml"

    return write


async def test_the_two_programs_answer_as_the_service_does(
    start: Starter, layout: Path, graph_data: GraphDataPlace, write_config: Callable[[Repository], Path]
) -> None:
    async with SimulatedRegistry() as registry:
        registry.load(layout)
        place = registry.repository
        # The programs are waited for in a thread, so that the registry can answer them here.
        answers = await asyncio.to_thread(_compare, start, write_config(place), str(place), graph_data)
    assert answers[0] == answers[1] == answers[2]
    assert [status for status, _ in answers[0]] == [200, 200, 200, 400, 400]


def _compare(
    start: Starter, config: Path, releases: str, graph_data: GraphDataPlace
) -> list[list[tuple[int, bytes]]]:
    builder = start("graph-builder", "-c", config)
    upstream = builder.said(r"policy engines are answered on (\S+)")
    engine = start("policy-engine", *ENGINE, upstream)
    service = start.serve(
        "--releases", releases, "--graph-data", graph_data.path, "--mandatory-parameters", "channel"
    )
    for running in (engine, service):
        running.answered()
    _check_builder(builder)
    of_both = [_all_answers(running) for running in (engine, service)]
    _lose(builder, engine)
    return [*of_both, _all_answers(engine)]


QUERIES = (
    "channel=stable-4.1",
    "channel=stable-4.1&arch=arm64",
    "channel=none",
    "arch=amd64",
    "channel=Stable-4.1",
)


def _all_answers(running: Running) -> list[tuple[int, bytes]]:
    return [_plain(running, query) for query in QUERIES]


def _lose(builder: Running, engine: Running) -> None:
    """End the graph builder, and wait until the policy engine has noticed."""
    assert builder.stop() == 0
    engine.process.send_signal(signal.SIGHUP)
    until(lambda: "upstream-failed" in json.dumps(engine.state()["details"]), what="the loss of the builder")
    assert curl(f"{engine.status}/readyz").status == 200


def _plain(running: Running, query: str) -> tuple[int, bytes]:
    got = curl(f"{running.clusters}?{query}")
    return got.status, got.body


def _check_builder(builder: Running) -> None:
    data = curl(builder.said(r"graph data is served on (\S+)"))
    assert (data.status, data.body[:2]) == (200, b"\x1f\x8b")
    until(lambda: curl(f"{builder.status}/readiness").status == 200, what="readiness")
    assert curl(f"{builder.status}/liveness").status == 200


def test_a_policy_engine_waits_for_its_graph_builder(start: Starter) -> None:
    engine = start("policy-engine", *ENGINE, "http://127.0.0.1:1/graph")
    until(lambda: b"[upstream-failed]" in curl(f"{engine.status}/readyz").body, what="the reason")
    assert engine.ask().status == 503
    assert curl(f"{engine.status}/livez").status == 200
    assert engine.stop() == 0


def test_a_policy_engine_takes_no_answer_for_clusters_as_its_graph(
    start: Starter, layout: Path, graph_data: GraphDataPlace
) -> None:
    releases = ("--releases", f"oci:{layout}", "--payload-repository", "registry.example/ocp/release")
    service = start.serve(*releases, "--graph-data", graph_data.path)
    service.answered()
    engine = start("policy-engine", *ENGINE, f"{service.clusters}?channel=stable-4.1")
    said = until(lambda: _refused(engine), what="the reason")
    assert b"graph builder" in said
    assert engine.ask().status == 503


def _refused(engine: Running) -> bytes:
    body = curl(f"{engine.status}/readyz").body
    return body if b"[graph-without-answers]" in body else b""
