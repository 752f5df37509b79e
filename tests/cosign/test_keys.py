"""Keys are read exactly or refused with a reason, and never shown."""

from pathlib import Path

import pytest

from tests.cosign.conftest import KINDS, KeyPair, make_pair, openssl
from upgraph.errors import DataError
from upgraph.signing.cosign import parse_public_keys, parse_signing_key
from upgraph.testing.certificates import make_certificates

NAMES = {"p256": "ECDSA P-256", "p384": "ECDSA P-384", "rsa": "RSA 2048", "ed25519": "Ed25519"}
PASSPHRASE = b"anchor-and-chain"


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_of_every_kind_is_named_as_openssl_names_it(kind: str, pairs: dict[str, KeyPair]) -> None:
    (key,) = pairs[kind].trusted
    der = openssl("pkey", "-pubin", "-in", pairs[kind].public, "-outform", "DER")
    digest = openssl("dgst", "-sha256", "-hex", given=der).decode().split()[-1]
    assert (key.algorithm, key.fingerprint) == (NAMES[kind], f"SHA256:{digest}")
    assert key == pairs[kind].signing.public


def test_a_file_may_hold_several_keys(pairs: dict[str, KeyPair]) -> None:
    content = b"# ours\n" + pairs["p256"].public.read_bytes() + pairs["rsa"].public.read_bytes()
    assert [key.algorithm for key in parse_public_keys(content, "keys")] == ["ECDSA P-256", "RSA 2048"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
            "the curve secp256k1 is not accepted",
        ),
        (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], "the RSA key has 1024 bits"),
        (["-algorithm", "X25519"], "neither ECDSA nor RSA nor Ed25519"),
    ],
    ids=["curve", "short", "kind"],
)
def test_weak_and_strange_keys_are_refused(options: list[str], said: str, tmp_path: Path) -> None:
    made = make_pair(tmp_path, "strange", options)
    for parse, file in ((parse_public_keys, made.public), (parse_signing_key, made.private)):
        with pytest.raises(DataError, match=said) as refused:
            parse(file.read_bytes(), file.name)
        assert refused.value.reference == "cosign-key"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no PEM block"),
        (b"ssh-ed25519 AAAA", "no PEM block"),
        (b"x" * 70_000, "it has 70000 bytes; 65536 are accepted"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "cannot be read"),
        (
            b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAA\n-----END PGP PUBLIC KEY BLOCK-----",
            "PGP PUBLIC KEY BLOCK",
        ),
        (b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n" * 17, "it has 17 keys"),
    ],
    ids=["empty", "ssh", "huge", "damaged", "openpgp", "many"],
)
def test_what_is_no_public_key_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        parse_public_keys(content, "keys")


def test_a_private_key_in_place_of_a_public_one_is_refused(pair: KeyPair) -> None:
    with pytest.raises(DataError, match="holds a private key") as refused:
        parse_public_keys(pair.private.read_bytes(), "p256.key")
    assert pair.private.read_text().splitlines()[1] not in refused.value.seen


def test_a_certificate_in_place_of_a_key_is_refused(tmp_path: Path) -> None:
    certificate = make_certificates(tmp_path).certificate
    with pytest.raises(DataError, match="holds a CERTIFICATE, and a PUBLIC KEY is wanted"):
        parse_public_keys(certificate.read_bytes(), "tls.crt")


@pytest.fixture
def locked(pair: KeyPair) -> bytes:
    return openssl("pkcs8", "-topk8", "-in", pair.private, "-passout", f"pass:{PASSPHRASE.decode()}")


def test_a_locked_key_opens_with_its_passphrase(locked: bytes, pair: KeyPair) -> None:
    assert parse_signing_key(locked, "locked", PASSPHRASE) == pair.signing


@pytest.mark.parametrize(
    ("passphrase", "said"),
    [
        (None, "locked with a passphrase, and none is given"),
        (b"wrong", "cannot be read with this passphrase"),
    ],
    ids=["none", "wrong"],
)
def test_a_locked_key_without_its_passphrase_is_refused(
    locked: bytes, passphrase: bytes | None, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        parse_signing_key(locked, "locked", passphrase)


def test_a_passphrase_for_an_open_key_is_refused(pair: KeyPair) -> None:
    # It would give a wrong idea of how the key is kept.
    with pytest.raises(DataError, match="not locked with one"):
        parse_signing_key(pair.private.read_bytes(), "open", PASSPHRASE)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----"])
def test_what_is_no_private_key_is_refused(content: bytes) -> None:
    with pytest.raises(DataError):
        parse_signing_key(content, "key")


def test_a_key_is_not_shown_by_accident(pair: KeyPair) -> None:
    assert "_key" not in repr(pair.signing)
