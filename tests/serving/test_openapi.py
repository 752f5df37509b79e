"""The served answers against the OpenAPI document, and the document against the rules it describes."""

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode

from upgraph.service.answering.edge import InForce, Settings, policy_engine
from upgraph.service.answering.metrics import PolicyEngineMetrics, new_registry
from upgraph.service.answering.openapi import openapi_document
from upgraph.service.answering.server import Bound, Listener, serve
from upgraph.service.answering.signatures import NoSignatures
from upgraph.service.snapshot import Snapshot

PREFIX = "/api/upgrades_info"


def document(*mandatory: str) -> Any:
    return json.loads(openapi_document(PREFIX, frozenset(mandatory), has_signatures=True))


def required(described: Any, path: str) -> list[str]:
    return [p["name"] for p in described["paths"][PREFIX + path]["get"]["parameters"] if p["required"]]


@pytest.mark.parametrize("path", ["/graph", "/v1/graph"])
def test_mandatory_parameters_are_required(path: str) -> None:
    assert required(document("channel", "zone", "id"), path) == ["channel", "id", "zone"]
    assert required(document(), path) == ["channel"]


def test_the_first_node_may_be_an_end_of_an_edge() -> None:
    edges = document()["components"]["schemas"]["Graph"]["properties"]["edges"]
    assert edges["items"]["items"] == {"type": "integer", "minimum": 0}


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        ("/graph", ["200", "304", "400", "406", "414", "500", "503"]),
        ("/openapi", ["200", "304", "500"]),
        ("/graph-data", ["200", "304", "404", "500", "503"]),
        ("/signatures/{digest}/{signature}", ["200", "304", "400", "404", "500", "503"]),
    ],
)
def test_every_status_is_described(path: str, statuses: list[str]) -> None:
    operations = document()["paths"][PREFIX + path]
    assert list(operations["get"]["responses"]) == list(operations["head"]["responses"]) == statuses


def test_every_path_has_the_prefix() -> None:
    names = ["/graph", "/v1/graph", "/openapi", "/v1/openapi", "/graph-data"]
    without = json.loads(openapi_document(PREFIX, frozenset()))
    assert list(without["paths"]) == [PREFIX + name for name in names]
    names.append("/signatures/{digest}/{signature}")
    assert list(document()["paths"]) == [PREFIX + name for name in names]


def test_the_document_does_not_depend_on_the_order_of_parameters() -> None:
    assert openapi_document("", frozenset(["a", "b", "c"])) == openapi_document(
        "", frozenset(["c", "b", "a"])
    )


def serve_until(stopped: Future[None], snapshot: Snapshot, started: Future[tuple[Bound, ...]]) -> None:
    mandatory = frozenset({"channel", "zone"})
    meter = PolicyEngineMetrics(new_registry(), "0123abc")
    chosen = Settings(prefix=PREFIX, mandatory=mandatory)
    app = policy_engine(InForce(snapshot), chosen, meter, NoSignatures())

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        stopped.add_done_callback(lambda _: loop.call_soon_threadsafe(stop.set))
        await serve([Listener("127.0.0.1", 0, app)], stop, started.set_result)

    asyncio.run(run())


@pytest.fixture(scope="module")
def base_url(snapshot: Snapshot) -> Iterator[str]:
    """A server in a thread of its own: the checking client waits for each answer."""
    stopped, started = Future[None](), Future[tuple[Bound, ...]]()
    thread = threading.Thread(target=serve_until, args=(stopped, snapshot, started))
    thread.start()
    try:
        yield f"http://{started.result(timeout=180)[0]}"
    finally:
        stopped.set_result(None)
        thread.join()


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        pytest.param("/graph", GenerationMode.POSITIVE, id="graph"),
        pytest.param("/graph", GenerationMode.NEGATIVE, id="graph with wrong parameters"),
        pytest.param("/v1/graph", GenerationMode.POSITIVE, id="graph of version 1"),
        pytest.param("/openapi", GenerationMode.POSITIVE, id="description"),
        pytest.param("/graph-data", GenerationMode.POSITIVE, id="graph data"),
        pytest.param("/signatures/{digest}/{signature}", GenerationMode.POSITIVE, id="signature"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_is_served_is_what_is_described(
    base_url: str, name: str, mode: GenerationMode, method: str
) -> None:
    schema = schemathesis.openapi.from_dict(document("channel", "zone"))
    operation = schema[PREFIX + name][method]

    @settings(
        max_examples=25,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Case[Any]) -> None:
        case.call_and_validate(base_url=base_url)

    check()
