"""The service answers before it has a graph, and says that it has none."""

import json

import pytest

from upgraph.service.answering.edge import InForce
from upgraph.service.snapshot import Snapshot
from upgraph.testing.http_client import HttpClient

GRAPH = "/graph?channel=stable-4.9"


@pytest.fixture
def in_force() -> InForce:
    return InForce()


@pytest.mark.parametrize("target", [GRAPH, "/v1" + GRAPH, "/graph?channel=Not-A-Channel", "/graph-data"])
async def test_a_valid_request_is_told_to_come_again(cluster: HttpClient, target: str) -> None:
    answer = await cluster.get(target)
    assert (answer.status, json.loads(answer.body)["kind"]) == (503, "graph_not_ready")
    assert (answer.header("retry-after"), answer.header("cache-control")) == ("5", "no-store")


@pytest.mark.parametrize(
    ("target", "accept", "kind"),
    [
        pytest.param(GRAPH, "text/html", "invalid_content_type", id="type"),
        pytest.param("/graph", "*/*", "missing_params", id="mandatory parameter"),
        pytest.param("/graph?channel=%zz", "*/*", "invalid_params", id="escape"),
    ],
)
async def test_a_request_that_is_wrong_for_any_graph_is_told_so(
    cluster: HttpClient, target: str, accept: str, kind: str
) -> None:
    assert json.loads((await cluster.get(target, ("Accept", accept))).body)["kind"] == kind


async def test_a_policy_engine_is_never_given_an_empty_body(builder: HttpClient) -> None:
    answer = await builder.get(GRAPH)
    assert (answer.status, json.loads(answer.body)["kind"]) == (503, "graph_not_ready")


async def test_the_description_is_there_from_the_start(cluster: HttpClient) -> None:
    assert (await cluster.get("/openapi")).status == 200


async def test_the_first_graph_is_served_at_once(
    cluster: HttpClient, in_force: InForce, snapshot: Snapshot
) -> None:
    assert (await cluster.get(GRAPH)).status == 503
    in_force.snapshot = snapshot
    assert (await cluster.get(GRAPH)).status == 200
