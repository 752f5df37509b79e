"""The edge without a server: faults of its own, and other compositions."""

import json
import logging

import pytest

from upgraph.service.answering.conditional import Form, Presentation
from upgraph.service.answering.edge import Graphs, InForce, Settings, graph_builder, policy_engine
from upgraph.service.answering.message import App, Request, Response
from upgraph.service.answering.metrics import PolicyEngineMetrics, new_registry
from upgraph.service.snapshot import Coding, Snapshot


def ask(app: App, target: str, method: str = "GET", **fields: str) -> Response:
    path, _, query = target.partition("?")
    return app.respond(Request(method, path, query, fields.get))


def face(snapshot: Graphs, **settings: object) -> App:
    chosen = Settings(**settings)  # type: ignore[arg-type]  # the test names fields of Settings
    return policy_engine(InForce(snapshot), chosen, PolicyEngineMetrics(new_registry(), "0123abc"))


class Torn:
    """A snapshot whose file has gone."""

    etag = "0" * 64
    codings = frozenset({Coding.IDENTITY})
    graph_data = None

    def __init__(self) -> None:
        self.forms: dict[tuple[Presentation, Coding], Form] = {}

    @property
    def builder_graph(self) -> "Torn":
        return self

    def answer(self, channel: str, arch: str) -> "Torn":
        return self

    def signature(self, name: str) -> "Torn":
        return self

    def size(self, coding: Coding) -> int:
        return 1

    def body(self, coding: Coding) -> bytes:
        raise OSError("the file has gone: /secret/place")


def test_a_fault_of_the_service_tells_clients_nothing(caplog: pytest.LogCaptureFixture) -> None:
    answer = ask(face(Torn()), "/api/upgrades_info/graph?channel=a&id=cluster-id")
    assert (answer.status, json.loads(bytes(answer.body or b""))["kind"]) == (500, "internal_error")
    assert b"secret" not in bytes(answer.body or b"")
    assert ("cache-control", "no-store") in answer.headers


def test_a_fault_of_the_service_is_logged_once_with_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    ask(face(Torn()), "/api/upgrades_info/graph?channel=a&id=cluster-id")
    [record] = caplog.records
    assert (record.levelno, record.exc_info is not None) == (logging.ERROR, True)
    assert "cluster-id" not in record.getMessage()


@pytest.mark.parametrize(("prefix", "path"), [("", "/graph"), ("/a/b", "/a/b/graph")])
def test_the_prefix_is_what_was_set(snapshot: Snapshot, prefix: str, path: str) -> None:
    app = face(snapshot, prefix=prefix)
    assert ask(app, f"{path}?channel=stable-4.9").status == 200
    assert ask(app, f"/x{path}?channel=stable-4.9").status == 404


def test_every_mandatory_parameter_is_asked_for(snapshot: Snapshot) -> None:
    answer = ask(face(snapshot, prefix="", mandatory=frozenset({"version", "id"})), "/graph?channel=a")
    assert b"mandatory client parameters missing: id, version" in (answer.body or b"")


def test_without_mandatory_parameters_the_channel_is_still_needed(snapshot: Snapshot) -> None:
    answer = ask(face(snapshot, prefix=""), "/graph")
    assert json.loads(bytes(answer.body or b"")) == {
        "kind": "missing_params",
        "value": "mandatory client parameters missing: channel",
    }


def test_a_builder_without_mandatory_parameters_needs_no_query(snapshot: Snapshot) -> None:
    meter = PolicyEngineMetrics(new_registry(), "0123abc")
    assert ask(graph_builder(InForce(snapshot), Settings(prefix=""), meter), "/graph").status == 200


@pytest.mark.parametrize("target", ["/graph?channel=stable-4.9", "/graph", "/openapi"])
def test_head_leaves_the_body_to_nobody_else(snapshot: Snapshot, target: str) -> None:
    app = face(snapshot, prefix="")
    got, headed = ask(app, target), ask(app, target, "HEAD")
    assert (headed.status, headed.headers, headed.body) == (got.status, got.headers, None)


def test_two_replicas_give_the_same_tags(snapshot: Snapshot) -> None:
    first, second = (ask(face(snapshot, prefix=""), "/graph?channel=stable-4.9") for _ in range(2))
    assert dict(first.headers)["etag"] == dict(second.headers)["etag"]
