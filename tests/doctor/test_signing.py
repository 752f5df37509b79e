"""Whether the service could judge signatures, and use its lists of promoted versions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doctor.conftest import Examine
from upgraph.service.doctor import Result
from upgraph.testing.file_server import FileServer
from upgraph.testing.gpg_home import GpgHome


@pytest.fixture(scope="module")
def gpg() -> Iterator[GpgHome]:
    with GpgHome() as home:
        home.make_key("alice")
        yield home


@pytest.fixture
def ring(gpg: GpgHome, tmp_path: Path) -> Path:
    path = tmp_path / "ring.asc"
    path.write_bytes(gpg.run("--armor", "--export", "alice"))
    return path


@pytest.fixture
def signatures(tmp_path: Path) -> Path:
    folder = tmp_path / "signatures" / f"sha256={'1' * 64}"
    folder.mkdir(parents=True)
    (folder / "signature-1").write_bytes(b"signature")
    return folder.parent


async def test_what_judges_signatures_is_told_where_they_are_required(
    look: Examine, layout: Path, ring: Path, signatures: Path
) -> None:
    checks = await look(
        releases=(f"oci:{layout}",),
        signatures=str(signatures),
        require_signatures=(ring,),
        verify_layers=True,
    )
    assert checks.one("gpgv").result is Result.OK
    assert checks.one("gpgv").seen.startswith("gpgv (GnuPG) ")
    assert checks.one("keyring").seen.startswith(f"{ring} holds 1 key: ")
    assert "alice" in checks.one("keyring").seen
    assert checks.one("signature-store").seen == f"{signatures} has 1 signatures of 1 releases"


async def test_nothing_of_it_is_looked_at_where_no_signature_is_required(look: Examine, layout: Path) -> None:
    checks = await look(releases=(f"oci:{layout}",))
    names = {check.name for check in checks.all}
    assert not names & {"gpgv", "keyring", "signature-store", "promoted"}


async def test_a_missing_gpgv_and_a_damaged_keyring_are_told_with_their_repairs(
    look: Examine, layout: Path, signatures: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "keys of alice.asc"
    broken.write_text("no keys")
    checks = await look(
        {"PATH": str(tmp_path)},
        releases=(f"oci:{layout}",),
        signatures=str(signatures),
        require_signatures=(broken,),
    )
    assert (checks.one("gpgv").reference, checks.one("keyring").reference) == (
        "gpgv-unusable",
        "keyring-invalid",
    )
    assert checks.one("gpgv").repair == ("apt-get install gpgv   # or: dnf install gnupg2",)
    assert checks.one("keyring").verify[0] == f"upgraph signatures keyring show '{broken}'"


async def test_a_program_that_only_has_its_name_is_told(
    look: Examine, layout: Path, ring: Path, signatures: Path, tmp_path: Path
) -> None:
    program = tmp_path / "bin" / "gpgv"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    checks = await look(
        {"PATH": str(program.parent)},
        releases=(f"oci:{layout}",),
        signatures=str(signatures),
        require_signatures=(ring,),
    )
    assert checks.one("gpgv").seen == f"{program} --version ended with the code 3"


async def test_a_store_at_an_address_is_asked(look: Examine, layout: Path, ring: Path) -> None:
    async with FileServer() as server:
        fields = {"signatures": server.url("/store"), "require_signatures": (ring,)}
        checks = await look(releases=(f"oci:{layout}",), **fields)
        assert checks.one("signature-store").seen == f"{server.url('/store')} can be asked"
    checks = await look(releases=(f"oci:{layout}",), **fields)
    assert checks.one("signature-store").reference == "signature-store-failed"


async def test_lists_of_promoted_versions_are_read_with_their_lines(
    look: Examine, layout: Path, tmp_path: Path
) -> None:
    good, broken = tmp_path / "good", tmp_path / "broken"
    good.write_text("4.1.0\n4.2.*\n")
    broken.write_text("4.1.0\n4.1\n")
    first, second = (await look(releases=(f"oci:{layout}",), promoted=(good, broken))).named("promoted")
    assert first.seen == f"{good} promotes 1 versions and 1 patterns of versions"
    assert (second.result, second.reference) == (Result.ERROR, "promotion-invalid")
    assert second.seen == f"{broken}:2: not a version: '4.1'"
