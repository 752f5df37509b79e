"""What is signed here is verified by gpgv, read by clusters where the key allows it, and in the form they want."""

import os
from collections.abc import Callable, Iterator

import msgspec
import pytest

from tests.signing.conftest import DIGEST, stored
from upgraph.errors import UserError, VerificationError
from upgraph.oci import Digest
from upgraph.signing import GpgKey, GpgSigner, Gpgv, Outcome, Policy, Verifier
from upgraph.testing.gpg_home import GpgHome

IDENTITY = "registry.example/ocp/release:4.18.1-x86_64"


@pytest.fixture(scope="module")
def home() -> Iterator[GpgHome]:
    with GpgHome() as made:
        made.make_key("rsa", algorithm="rsa3072")
        made.make_key("curve", algorithm="ed25519")
        made.make_key("old", expires="1d", at="20200101T000000")
        yield made


def _signer(home: GpgHome, name: str, judge: Gpgv) -> GpgSigner:
    return GpgSigner(GpgKey(name, home.path), os.environ, judge)


@pytest.mark.parametrize("policy", Policy)
async def test_a_signature_is_accepted_by_both_policies(home: GpgHome, gpgv: Gpgv, policy: Policy) -> None:
    signer = _signer(home, "rsa", gpgv)
    signed = await signer.sign(Digest(DIGEST), IDENTITY, creator="a test")
    ring = await signer.public_key()
    verified = await Verifier([ring], gpgv, policy=policy).verify(DIGEST, [stored(signed.signature)])
    assert (verified.signers[0].identity, signed.findings) == (IDENTITY, ())
    assert verified.signers[0].key == signed.key == home.fingerprint("rsa")


async def test_what_is_signed_is_what_clusters_read(home: GpgHome, gpgv: Gpgv) -> None:
    signer = _signer(home, "rsa", gpgv)
    signed = await signer.sign(Digest(DIGEST), IDENTITY, creator="a test")
    judgement = await gpgv.judge(signed.signature, await signer.public_key())
    assert judgement.outcome is Outcome.GOOD
    assert msgspec.json.decode(judgement.content or b"") == {
        "critical": {
            "type": "atomic container signature",
            "image": {"docker-manifest-digest": DIGEST},
            "identity": {"docker-reference": IDENTITY},
        },
        "optional": {"creator": "a test"},
    }
    assert home.run("--decrypt", given=signed.signature) == judgement.content


async def test_a_key_that_clusters_do_not_know_is_pointed_out(home: GpgHome, gpgv: Gpgv) -> None:
    signed = await _signer(home, "curve", gpgv).sign(Digest(DIGEST), IDENTITY, creator="a test")
    assert [finding.reference for finding in signed.findings] == ["signing-key-unknown-to-clusters"]


@pytest.mark.parametrize(
    ("key", "reason"),
    [("nobody", "has no key 'nobody'"), ("old", "gpg ended with 2")],
    ids=["none", "expired"],
)
async def test_a_key_that_cannot_sign_is_refused(home: GpgHome, gpgv: Gpgv, key: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason) as caught:
        await _signer(home, key, gpgv).sign(Digest(DIGEST), IDENTITY, creator="a test")
    assert caught.value.reference == "signing-failed"


@pytest.fixture
def set_for_gpg(home: GpgHome) -> Iterator[Callable[[str], object]]:
    """Sets how gpg works, as a person does."""
    file = home.path / "gpg.conf"
    yield file.write_text
    file.unlink(missing_ok=True)


async def test_what_a_person_has_set_for_gpg_changes_no_signature(
    home: GpgHome, gpgv: Gpgv, set_for_gpg: Callable[[str], object]
) -> None:
    set_for_gpg("armor\ntextmode\ndefault-sig-expire 1d\ndigest-algo SHA1\ndefault-key curve\n")
    signed = await _signer(home, "rsa", gpgv).sign(Digest(DIGEST), IDENTITY, creator="a test")
    assert (signed.key, signed.findings) == (home.fingerprint("rsa"), ())
    listed = home.run("--list-packets", given=signed.signature)
    assert b"sigclass 0x00" in listed
    assert b"sig expires" not in listed


async def test_a_signature_that_gpg_was_set_to_make_otherwise_says_where_to_look(
    home: GpgHome, gpgv: Gpgv, set_for_gpg: Callable[[str], object]
) -> None:
    set_for_gpg("local-user curve\n")
    with pytest.raises(VerificationError) as caught:
        await _signer(home, "rsa", gpgv).sign(Digest(DIGEST), IDENTITY, creator="a test")
    assert (caught.value.reference, "gpg.conf" in caught.value.remedy) == ("signing-failed", True)


async def test_nothing_is_signed_without_a_name(home: GpgHome, gpgv: Gpgv) -> None:
    with pytest.raises(UserError, match="without a name"):
        await _signer(home, "rsa", gpgv).sign(Digest(DIGEST), " ", creator="a test")


def test_a_missing_gpg_is_named_with_its_package(gpgv: Gpgv) -> None:
    with pytest.raises(UserError, match="there is no gpg") as caught:
        GpgSigner(GpgKey("rsa"), {"PATH": "/nowhere"}, gpgv)
    assert "package gnupg" in caught.value.remedy
