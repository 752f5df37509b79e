"""What cannot work is refused at the start, in words and with exit code 2, by whichever process notices it."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.whole.conftest import Starter


def _no_certificates(place: Path) -> tuple[object, ...]:
    return ("--ca", place / "none.pem")


def _broken_login(place: Path) -> tuple[object, ...]:
    (place / "auth.json").write_text("[]")
    return ("--authfile", place / "auth.json")


def _strange_login(place: Path) -> tuple[object, ...]:
    (place / "auth.json").write_text(json.dumps({"auths": {"x.example": {"auth": "s3cret!"}}}))
    return ("--authfile", place / "auth.json")


@pytest.mark.parametrize(
    ("flags", "reference"),
    [(_no_certificates, "oci-ca"), (_broken_login, "oci-auth-file"), (_strange_login, "oci-auth-file")],
    ids=["certificates", "no credentials", "broken credentials"],
)
def test_files_for_a_registry_that_cannot_be_used(
    start: Starter, tmp_path: Path, flags: Callable[[Path], tuple[object, ...]], reference: str
) -> None:
    sources = ("--releases", "docker://x.example/ocp", "--graph-data", tmp_path)
    service = start.serve(*sources, *flags(tmp_path))
    assert service.process.wait(180) == 2
    assert f"reference:      {reference} (upgraph problem {reference})" in service.text
    assert "Traceback" not in service.text
    assert "s3cret" not in service.text


def test_an_address_that_is_taken(start: Starter, sources: tuple[object, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        service = start.serve(*sources, "--listen", f"127.0.0.1:{port}")
        assert service.process.wait(180) == 2
    assert f"cannot listen on 127.0.0.1 port {port}: another process holds the port" in service.text
    assert "Traceback" not in service.text


def test_a_place_that_can_be_no_graph_data(
    start: Starter, sources: tuple[object, ...], tmp_path: Path
) -> None:
    (tmp_path / "data.zip").write_text("")
    service = start.serve(*sources, "--graph-data", tmp_path / "data.zip")
    assert service.process.wait(180) == 2
    assert "Traceback" not in service.text
