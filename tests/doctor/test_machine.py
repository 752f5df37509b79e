"""What the service needs of its own machine."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doctor.conftest import Examine
from upgraph.service.doctor import Result
from upgraph.service.doctor.machine import open_files, payload, state_directory
from upgraph.service.doctor.ports import holder
from upgraph.testing.certificates import Authority, make_authority


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as held:
        yield held.getsockname()[1]


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[int]:
    """A port that is held by a program with the name of ours."""
    program = tmp_path / "upgraph"
    program.write_text(
        "import socket, sys\n"
        "held = socket.create_server(('127.0.0.1', 0))\n"
        "print(held.getsockname()[1], flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.kill()


async def test_a_port_that_another_holds_is_told_with_the_process(
    look: Examine, layout: Path, taken: int
) -> None:
    checks = await look(releases=(f"oci:{layout}",), listen=f"127.0.0.1:{taken}")
    check = checks.named("listen")[0]
    assert (check.result, check.reference) == (Result.ERROR, "listen-failed")
    assert f"is held by process {os.getpid()} (" in check.seen
    assert f"ss -ltnp 'sport = :{taken}'   # who holds it" in check.repair


async def test_a_port_that_the_service_itself_holds_is_well(look: Examine, layout: Path, ours: int) -> None:
    checks = await look(releases=(f"oci:{layout}",), listen=f"127.0.0.1:{ours}")
    check = checks.named("listen")[0]
    assert check.result is Result.OK
    assert check.seen.endswith("upgraph): the service runs")


async def test_an_address_that_no_interface_has_is_told(look: Examine, layout: Path) -> None:
    checks = await look(releases=(f"oci:{layout}",), listen="192.0.2.1:8081")
    assert checks.named("listen")[0].reference == "listen-failed"


def test_nobody_holds_a_port_that_is_free(taken: int) -> None:
    assert holder(taken) is not None
    assert holder(1) is None


def test_a_directory_that_cannot_be_written_is_told_with_the_command_that_makes_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (outcome,) = state_directory(tmp_path / "file/state")
    assert (outcome.result, outcome.problem and outcome.problem.reference) == (
        Result.ERROR,
        "state-unwritable",
    )


def test_a_directory_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    (outcome,) = state_directory(tmp_path / "a/b")
    assert outcome.result is Result.OK
    assert "is made at the start" in outcome.seen
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_nearly_full_is_a_warning(tmp_path: Path) -> None:
    (outcome,) = state_directory(tmp_path, low=1 << 62)
    assert (outcome.result, outcome.problem and outcome.problem.reference) == (Result.WARNING, "disk-low")


@pytest.mark.parametrize(
    ("hard", "result", "seen"),
    [(65_536, Result.OK, "8,192"), (1024, Result.WARNING, "224"), (-1, Result.OK, "none")],
)
def test_how_many_connections_the_limit_of_open_files_allows(hard: int, result: Result, seen: str) -> None:
    (outcome,) = open_files(hard)
    assert outcome.result is result
    assert seen in outcome.seen


@pytest.mark.parametrize(
    ("repository", "result"),
    [
        ("localhost:5000/ocp/release", Result.WARNING),
        ("127.0.0.1:5000/ocp/release", Result.WARNING),
        ("[::1]:5000/ocp/release", Result.WARNING),
        ("registry.example:5000/ocp/release", Result.OK),
        ("registry.example/ocp/release", Result.OK),
    ],
)
def test_a_place_that_only_this_machine_knows_is_doubtful_for_clusters(
    repository: str, result: Result
) -> None:
    (outcome,) = payload(repository, "--payload-repository")
    assert outcome.result is result
    assert repository in outcome.seen


@pytest.mark.parametrize(
    ("days", "result"),
    [(100, Result.OK), (3, Result.WARNING), (-1, Result.ERROR)],
    ids=["well", "soon", "over"],
)
async def test_how_long_the_certificate_of_the_service_holds(
    look: Examine, layout: Path, tmp_path: Path, authority: Authority, *, days: int, result: Result
) -> None:
    made = authority.issue(tmp_path, names="DNS:updates.example", days=days)
    checks = await look(releases=(f"oci:{layout}",), tls_cert=made.certificate, tls_key=made.key)
    check = checks.one("certificate")
    assert (check.result, "DNS:updates.example" in check.seen) == (result, True)


async def test_a_key_of_another_certificate_is_told(
    look: Examine, layout: Path, tmp_path: Path, authority: Authority
) -> None:
    made = authority.issue(tmp_path, days=100)
    other = make_authority(tmp_path)
    checks = await look(releases=(f"oci:{layout}",), tls_cert=made.certificate, tls_key=other.key)
    assert checks.one("certificate").reference == "certificate-unusable"
    assert f"openssl x509 -noout -pubkey -in {made.certificate}" in checks.one("certificate").repair


async def test_a_directory_of_signatures_that_is_not_there_is_told(
    look: Examine, layout: Path, tmp_path: Path
) -> None:
    checks = await look(releases=(f"oci:{layout}",), signatures=str(tmp_path / "gone"))
    assert checks.errors == ["signatures-unreadable"]
    assert str(tmp_path / "gone") in checks.one("signatures").seen
