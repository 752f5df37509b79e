"""Signatures over HTTP: what clusters ask for, from a directory that nothing leads out of."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import UserError
from upgraph.service.answering.edge import InForce, Settings, metadata_helper, policy_engine
from upgraph.service.answering.message import App, Request, Response
from upgraph.service.answering.metrics import (
    MetadataHelperMetrics,
    PolicyEngineMetrics,
    exposition,
    new_registry,
)
from upgraph.service.answering.signatures import NoSignatures, SignatureDirectory
from upgraph.syntax.signature_names import MAX_SIGNATURE_BYTES, name_of_path

PREFIX = "/api/upgrades_info"
HEX = "0123456789abcdef" * 4
FIRST = f"/signatures/sha256={HEX}/signature-1"
SECRET = b"not for anybody"


def ask(app: App, target: str, method: str = "GET", **fields: str) -> Response:
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    return app.respond(Request(method, unquote(PREFIX + target), "", headers.get))


def error(response: Response) -> tuple[int, str, str]:
    document = json.loads(bytes(response.body or b"{}"))
    return response.status, document["kind"], document["value"]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    place = tmp_path / "signatures"
    (place / f"sha256={HEX}").mkdir(parents=True)
    (place / f"sha256={HEX}" / "signature-1").write_bytes(b"one")
    (tmp_path / "secret").write_bytes(SECRET)
    return place


@pytest.fixture
def app(directory: Path) -> App:
    meter = PolicyEngineMetrics(new_registry(), "0123abc")
    return policy_engine(InForce(), Settings(prefix=PREFIX), meter, SignatureDirectory(directory))


def test_a_signature_is_given_as_it_is_also_before_there_is_a_graph(app: App) -> None:
    got = ask(app, FIRST)
    assert (got.status, got.body) == (200, b"one")
    assert dict(got.headers)["content-type"] == "application/octet-stream"


def test_a_client_that_has_it_gets_no_body(app: App) -> None:
    tag = dict(ask(app, FIRST).headers)["etag"]
    again = ask(app, FIRST, if_none_match=tag)
    assert (again.status, again.body) == (304, None)


def test_head_tells_what_get_would(app: App) -> None:
    got, headed = ask(app, FIRST), ask(app, FIRST, "HEAD")
    assert (headed.status, headed.headers, headed.body) == (200, got.headers, None)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_other_methods_are_refused(app: App, method: str) -> None:
    assert ask(app, FIRST, method).status == 405


def test_what_is_added_is_there_at_once(app: App, directory: Path) -> None:
    second = FIRST.replace("signature-1", "signature-2")
    assert ask(app, second).status == 404
    (directory / f"sha256={HEX}" / "signature-2").write_bytes(b"two")
    assert ask(app, second).body == b"two"


@pytest.mark.parametrize(("algorithm", "digits"), [("sha256", 64), ("sha", 40)])
def test_the_layout_of_metadata_helper_is_read_too(
    app: App, directory: Path, algorithm: str, digits: int
) -> None:
    place = directory / algorithm / ("a" * digits)
    place.mkdir(parents=True)
    (place / "signature-1").write_bytes(b"other")
    assert ask(app, f"/signatures/{algorithm}={'a' * digits}/signature-1").body == b"other"


@pytest.mark.parametrize(
    ("target", "status", "kind", "text"),
    [
        (
            f"/signatures/sha256:{HEX}/signature-1",
            400,
            "invalid_params",
            "provided digest is in incorrect format: ",
        ),
        (
            f"/signatures/sha256={HEX}=/signature-1",
            400,
            "invalid_params",
            "provided digest is in incorrect format: ",
        ),
        (
            "/signatures/sha256=12/signature-1",
            400,
            "invalid_params",
            "provided digest is in incorrect format: ",
        ),
        (
            f"/signatures/sha256={HEX.upper()}/signature-1",
            400,
            "invalid_params",
            "provided digest is in incorrect",
        ),
        (f"/signatures/sha512={HEX}/signature-1", 400, "invalid_params", "algo not supported: sha512"),
        (f"/signatures/sha256={HEX}/signature-2", 404, "does_not_exist", "does not exist: signature sha256="),
        (f"/signatures/sha256={HEX}/signature-0", 404, "does_not_exist", "does not exist: signature sha256="),
        (f"/signatures/sha256={HEX}/passwd", 404, "does_not_exist", "does not exist: signature sha256="),
        (f"/signatures/sha256={HEX}", 404, "does_not_exist", "does not exist: signature sha256="),
        ("/signatures/", 400, "invalid_params", "provided digest is in incorrect format: "),
    ],
    ids=[
        "a colon",
        "two equals signs",
        "too short",
        "upper case",
        "algorithm",
        "next number",
        "number 0",
        "other file",
        "no file",
        "nothing",
    ],
)
def test_what_is_not_there_is_said_as_the_original_does(
    app: App, target: str, status: int, kind: str, text: str
) -> None:
    seen = error(ask(app, target))
    assert seen[:2] == (status, kind)
    assert seen[2].startswith(text)


ESCAPES = st.lists(
    st.sampled_from(
        ["..", "%2e%2e", "/", "%2f", "sha256", "=", HEX, "signature-1", "secret", "%00", ".", "\\"]
    ),
    max_size=9,
).map("".join)


@given(ESCAPES)
def test_no_path_leads_out_of_the_directory(tmp_path_factory: pytest.TempPathFactory, escape: str) -> None:
    top = tmp_path_factory.getbasetemp() / "escape"
    (top / "signatures" / "sha256").mkdir(parents=True, exist_ok=True)
    (top / "secret").write_bytes(SECRET)
    face = metadata_helper(
        SignatureDirectory(top / "signatures"), PREFIX, MetadataHelperMetrics(new_registry(), "0123abc")
    )
    assert ask(face, f"/signatures/{escape}").status in {400, 404}


def _link(file: Path, secret: Path) -> None:
    file.symlink_to(secret)


def _large(file: Path, secret: Path) -> None:
    file.write_bytes(bytes(MAX_SIGNATURE_BYTES + 1))


def _pipe(file: Path, secret: Path) -> None:
    os.mkfifo(file)


def _folder(file: Path, secret: Path) -> None:
    file.mkdir()


@pytest.mark.parametrize("spoil", [_link, _large, _pipe, _folder], ids=["link", "size", "pipe", "folder"])
def test_what_cannot_be_served_is_logged_and_tells_clients_nothing(
    app: App, directory: Path, caplog: pytest.LogCaptureFixture, spoil: Callable[[Path, Path], None]
) -> None:
    spoil(directory / f"sha256={HEX}" / "signature-2", directory.parent / "secret")
    got = ask(app, FIRST.replace("signature-1", "signature-2"))
    assert error(got) == (500, "internal_error", "internal error; the log of the service has the details")
    assert [record.__dict__["reference"] for record in caplog.records] == ["signatures-unreadable"]


def test_a_link_inside_the_directory_is_followed_as_volumes_have_them(app: App, directory: Path) -> None:
    (directory / f"sha256={HEX}").rename(directory / "..data")
    (directory / f"sha256={HEX}").symlink_to("..data")
    assert ask(app, FIRST).body == b"one"


def test_a_directory_that_is_none_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a directory"):
        SignatureDirectory(tmp_path / "none")


def test_without_a_directory_there_is_no_such_path() -> None:
    face = policy_engine(InForce(), Settings(prefix=PREFIX), PolicyEngineMetrics(new_registry(), "0123abc"))
    assert (ask(face, FIRST).status, ask(face, FIRST).body) == (404, None)


def test_a_metadata_helper_counts_under_names_that_monitoring_accepts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry = new_registry()
    face = metadata_helper(NoSignatures(), PREFIX, MetadataHelperMetrics(registry, "0123abc"))
    assert [ask(face, target).status for target in (FIRST, "/graph")] == [404, 404]
    lines = exposition(registry).decode().splitlines()
    route = "/api/upgrades_info/signatures/"
    assert f'metadata_helper_signatures_incoming_requests_total{{uri_path="{route}"}} 1.0' in lines
    assert 'metadata_helper_signatures_incoming_requests_total{uri_path="other"} 1.0' in lines
    assert 'metadata_helper_graph_response_errors_total{code="404",kind="does_not_exist"} 1.0' in lines
    assert "metadata_helper_signatures_serve_duration_seconds_count 1.0" in lines


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (f"sha256={HEX}/signature-1", f"sha256={HEX}/signature-1"),
        (f"sha256/{HEX}/signature-12", f"sha256={HEX}/signature-12"),
        (f"sha256/{HEX}/signature-1.asc", "None"),
        (f"x/sha256={HEX}/signature-1", "None"),
        ("README", "None"),
    ],
    ids=["mirror", "metadata-helper", "ending", "folder", "file"],
)
def test_a_signature_is_known_by_its_path(path: str, name: str) -> None:
    assert str(name_of_path(path)) == name
