"""Logging in and out on the command line, and the way to one image."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.conftest import Command
from upgraph.testing.certificates import Certificates, make_certificates
from upgraph.testing.real_registry import PASSWORD, USERNAME, RealRegistry, real_registry


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[RealRegistry]:
    with real_registry(tmp_path_factory.mktemp("registry"), certificates=certificates, login=True) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "auth.json"


def give(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Have something on standard input, which is no terminal."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_a_login_is_tried_and_kept(
    command: Command,
    registry: RealRegistry,
    certificates: Certificates,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = f"127.0.0.1:{registry.port}"
    give(monkeypatch, PASSWORD + "\n")
    arguments = ("-u", USERNAME, "--password-stdin", "--ca", certificates.certificate, "--to", place)
    done = command("upgraph", "registry", "login", host, *arguments)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"Saved credentials for {host} into {place}\n"
    checked = command(
        "upgraph",
        "registry",
        "check",
        f"{host}/ocp/release",
        "--authfile",
        place,
        "--ca",
        certificates.certificate,
    )
    assert (checked.code, "lets us in" in checked.out) == (0, True)
    assert command("upgraph", "registry", "logout", host, "--to", place).out.startswith("Removed credentials")
    assert json.loads(place.read_text()) == {"auths": {}}


def test_a_login_that_is_refused_is_not_kept(
    command: Command, registry: RealRegistry, certificates: Certificates, place: Path
) -> None:
    host = f"127.0.0.1:{registry.port}"
    given = ("--auth-basic", "sailor:do-not-show-this", "--ca", certificates.certificate, "--to", place)
    done = command("upgraph", "registry", "login", "--registry", host, *given)
    assert (done.code, place.exists()) == (4, False)
    assert "do-not-show-this" not in done.out + done.err


def test_the_place_is_that_of_podman_and_the_check_can_be_left_out(
    command: Command, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(place))
    done = command("upgraph", "registry", "login", "a.example/ocp", "--auth-basic", "me:x", "--skip-check")
    assert done.out == f"Saved credentials for a.example/ocp into {place}\n"
    assert list(json.loads(place.read_text())["auths"]) == ["a.example/ocp"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name one registry"),
        (("a.example", "--registry", "b.example"), "name one registry"),
        (("a.example", "--auth-basic", "me"), "no colon"),
        (("a.example", "--auth-basic", "me:x", "-u", "me"), "goes without --username"),
        (("a.example",), "no terminal to ask at"),
        (("a.example", "-u", "me"), "no terminal to ask at"),
        (("a.example", "--password-stdin"), "no user name was given"),
        (("a.example", "-u", "me", "--password-stdin"), "the password is empty"),
    ],
)
def test_what_is_missing_is_said(
    command: Command, arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, "")
    done = command("upgraph", "registry", "login", "--skip-check", *arguments)
    assert (done.code, said in done.err) == (2, True)


def test_a_password_that_never_ends_is_refused(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, "x" * 70_000)
    done = command(
        "upgraph", "registry", "login", "a.example", "-u", "me", "--password-stdin", "--skip-check"
    )
    assert "more than 65536 bytes" in done.err


def test_a_terminal_is_asked_and_the_password_not_shown(place: Path) -> None:
    program = "from upgraph.cli.main import main; main()"
    arguments = ("registry", "login", "a.example", "--skip-check", "--to", str(place))
    ours, theirs = os.openpty()
    with (
        subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        ) as started,
        os.fdopen(ours, "r+b", buffering=0) as terminal,
    ):
        os.close(theirs)
        terminal.write(b"me\n")
        said = b""
        while b"Password of" not in said:
            said += terminal.read(1024)
        terminal.write(b"do-not-show-this\n")
        while b"Saved" not in said:
            said += terminal.read(1024)
    assert (started.returncode, b"do-not-show-this" in said) == (0, False)
    assert json.loads(place.read_text())["auths"]["a.example"]["auth"] == "bWU6ZG8tbm90LXNob3ctdGhpcw=="


def test_a_check_has_a_form_for_programs(command: Command) -> None:
    done = command("upgraph", "registry", "check", "127.0.0.1:1/ocp/release:4.1.0", "-o", "json")
    assert done.code == 3
    failed = [check["reference"] for check in done.json["checks"] if check["result"] == "error"]
    assert failed == ["connect-failed"]


def test_what_is_no_registry_cannot_be_checked(command: Command) -> None:
    done = command("upgraph", "registry", "check", "oci:layout:tag")
    assert (done.code, "only an image in a registry" in done.err) == (2, True)
