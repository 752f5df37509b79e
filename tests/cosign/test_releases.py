"""A release is verified by the keys of cosign that somebody trusts, beside or without those of clusters."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cosign.conftest import IDENTITY, KeyPair
from upgraph.cli.cosign_options import sign_image
from upgraph.cli.main import run, upgraph
from upgraph.oci import Access, Gateway, LayoutWriter, read_mirrors
from upgraph.payload import ReleaseContent, add_release
from upgraph.testing.gpg_home import GpgHome


@pytest.fixture
def release(tmp_path: Path) -> str:
    with LayoutWriter(tmp_path / "releases") as layout:
        add_release(layout, ReleaseContent("4.18.1"), "amd64", "4.18.1")
    return f"oci:{tmp_path / 'releases'}:4.18.1"


@pytest.fixture
async def signed(release: str, pair: KeyPair) -> str:
    async with Gateway(Access(), mirrors=read_mirrors([])) as gateway:
        await sign_image(release, pair.signing, gateway, identity=IDENTITY, attach="tag", recursive=False)
    return release


def said(capsys: pytest.CaptureFixture[str], command: str, release: str, key: KeyPair) -> tuple[int, Any]:
    """The exit code, and what is said of signatures."""
    code = run(upgraph, ["release", command, release, "--cosign-key", str(key.public), "-o", "json"])
    return code, json.loads(capsys.readouterr().out)["signatures"]


@pytest.mark.parametrize("command", ["verify", "info"])
def test_a_release_that_a_trusted_key_signed_is_valid(
    signed: str, pair: KeyPair, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, signatures = said(capsys, command, signed, pair)
    assert (code, signatures["cosign"]["signature"]) == (0, "valid")
    (signer,) = signatures["cosign"]["signers"]
    assert (signer["key"], signer["identity"]) == (pair.trusted[0].fingerprint, IDENTITY)
    assert signatures["openpgp"]["signature"] == "not verified"


@pytest.mark.parametrize(("command", "code"), [("verify", 5), ("info", 0)])
def test_a_key_that_did_not_sign_vouches_for_nothing(
    signed: str, other: KeyPair, command: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    ended, signatures = said(capsys, command, signed, other)
    assert (ended, signatures["cosign"]["signature"]) == (code, "invalid")
    assert "no trusted key made it" in signatures["cosign"]["reason"]


def test_a_release_without_a_signature_beside_it_is_told(
    release: str, pair: KeyPair, capsys: pytest.CaptureFixture[str]
) -> None:
    code, signatures = said(capsys, "verify", release, pair)
    assert (code, signatures["cosign"]["signature"]) == (5, "missing")


def test_each_kind_of_keys_has_to_find_a_signature(
    signed: str, pair: KeyPair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "none").mkdir()
    with GpgHome() as gpg:
        (tmp_path / "ring").write_bytes(gpg.make_key("alice"))
    trust = ["--signatures", str(tmp_path / "none"), "--keyring", str(tmp_path / "ring")]
    keys = ["--cosign-key", str(pair.public)]
    assert run(upgraph, ["release", "verify", signed, "--no-components", *keys, *trust]) == 5
    shown = capsys.readouterr().out
    assert "Signature (openpgp): missing" in shown
    assert "Signature (cosign): valid" in shown
