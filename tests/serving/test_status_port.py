"""Probes and what an administrator asks first."""

import json
from typing import Any

import pytest

from upgraph.errors.problems.service import LISTEN_FAILED
from upgraph.service.answering.edge import InForce
from upgraph.service.answering.health import Scrape, Unready
from upgraph.testing.http_client import HttpClient


@pytest.mark.parametrize("path", ["/livez", "/liveness"])
@pytest.mark.parametrize("has_graph", [True, False])
async def test_the_process_is_alive_with_or_without_a_graph(
    probe: HttpClient, in_force: InForce, path: str, *, has_graph: bool
) -> None:
    in_force.snapshot = in_force.snapshot if has_graph else None
    assert (await probe.get(path)).status == 200


@pytest.mark.parametrize("path", ["/readyz", "/readiness"])
class TestReadiness:
    async def test_a_graph_makes_ready(self, probe: HttpClient, path: str) -> None:
        assert (await probe.get(path)).status == 200

    async def test_no_graph_is_not_ready_and_says_what_to_do(
        self, probe: HttpClient, in_force: InForce, path: str
    ) -> None:
        in_force.snapshot = None
        answer = await probe.get(path)
        assert (answer.status, answer.header("content-type")) == (503, "text/plain; charset=utf-8")
        assert answer.body.startswith(
            b"not ready: the first scrape has not ended yet [graph-not-ready]. Wait"
        )

    async def test_a_known_cause_is_named(
        self, probe: HttpClient, in_force: InForce, reported: Any, path: str
    ) -> None:
        in_force.snapshot = None
        reported.failure = Unready(LISTEN_FAILED, "the cause")
        assert b"the cause [listen-failed]. Stop what" in (await probe.get(path)).body

    async def test_a_graph_that_is_too_old_is_served_and_not_ready(
        self, probe: HttpClient, cluster: HttpClient, clock: Any, path: str
    ) -> None:
        clock.now += 4000
        answer = await probe.get(path)
        assert (answer.status, b"4060 s old, 3600 s are allowed" in answer.body) == (503, True)
        assert (await cluster.get("/graph?channel=stable-4.9")).status == 200


async def test_that_a_graph_is_too_old_is_logged_once_and_that_it_is_not_any_more(
    probe: HttpClient, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for moment in (0, 4000, 10, -4000):
        clock.now += moment
        with caplog.at_level("INFO"):
            await probe.get("/readyz")
    said = [record.getMessage() for record in caplog.records if record.name.endswith("answering.status")]
    assert said == [
        "the graph is 4060 s old, 3600 s are allowed: not ready",
        "the graph is not too old any more",
    ]


async def test_the_status_tells_what_is_served(probe: HttpClient, reported: Any, in_force: InForce) -> None:
    reported.last_scrape = Scrape(ended_at=1.5, seconds=2.5, succeeded=True, message="12 releases")
    status = json.loads((await probe.get("/status")).body)
    assert (status["ready"], status["reason"]) == (True, None)
    assert status["graph"]["age_seconds"] == 60.0
    assert status["graph"]["nodes_by_arch"] == {"amd64": 4, "arm64": 4, "multi": 4}
    assert status["findings"] == [{"reference": "label-unknown", "severity": "warning", "count": 1}]
    assert status["last_scrape"]["message"] == "12 releases"


async def test_the_status_without_a_graph_has_a_reason(probe: HttpClient, in_force: InForce) -> None:
    in_force.snapshot = None
    status = json.loads((await probe.get("/status")).body)
    assert (status["ready"], status["graph"], status["findings"]) == (False, None, [])
    assert status["reason"]["reference"] == "graph-not-ready"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/status"])
async def test_head_works_and_nothing_is_cached(probe: HttpClient, path: str) -> None:
    answer = await probe.ask("HEAD", path)
    assert (answer.status, answer.body, answer.header("cache-control")) == (200, b"", "no-store")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/livez", 405), ("GET", "/index.html", 404), ("GET", "/graph", 404), ("GET", "/livez/", 404)],
)
async def test_there_is_nothing_else(probe: HttpClient, method: str, path: str, status: int) -> None:
    assert (await probe.ask(method, path)).status == status
