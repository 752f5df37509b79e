"""The keys of ``cosign generate-key-pair`` open with their passphrase, and with nothing else."""

import base64
import json
import os
from collections.abc import Mapping
from types import MappingProxyType

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.poly1305 import Poly1305
from hypothesis import given
from hypothesis import strategies as st

from tests.cosign.conftest import KeyPair, openssl
from upgraph.errors import DataError
from upgraph.signing.cosign import key_box, parse_signing_key

PASSPHRASE = b"anchor-and-chain"
LABELS = ["SIGSTORE", "COSIGN"]
KEY, NONCE = bytes(range(32)), bytes(range(24))
MESSAGE = b"the quick brown fox" * 7
SEALED = bytes.fromhex(
    "f4bd9dc1e468da5c5c6ad6ab26cba5fb2a975d6fb6bfcb73d01ced4c07f824b734ca3eabe4401f9e62cb04ff75a5d38ef4b5d5b3"
    "2ac8816adcad91ec1305c063413307e89db7ba20c46b4fd83a10e29cbfebdf7b7779be833494eea9be1beda287a6bb98f93e4c8a"
    "f64ff02a44549fdae93f24f72aeb31030f08a320ef917f6e4cb456f5b702ef1cf4a171a11fbb3bccf5e96b8343"
)
"""``MESSAGE`` as libsodium seals it."""

OF_COSIGN = b"""\
-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6
OCwicCI6MX0sInNhbHQiOiJPYkxPSjZzNXdIRDB3cTIxTHBDS2JmOERNUXVVV1VT
TVBTTUFIVTBudHQ0PSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiIyVjAveXpYSEhnUHFpRlNaUzB4RFNMczVYVmRHOGVFZSJ9LCJj
aXBoZXJ0ZXh0IjoiUkxOWFQ0d2NEdXlybldWaWtVNERJQjZYekRlZjhGeTlZdW8r
aG5OMFlwdFpzdXplYnBlcWk4enB0Y3piZlkzUHl0Wkc1ZXlLNTlaTm83ZTRYZUli
Sm5aSmhRdnVOMDYybGVCOXhMVDFyekoyblUzZ25Cb2Z3Q2pIcmFrcmFreERERkFT
cDRLMW8yelVvVmpaT1ViaE4xOU1iZFVhRHBIU2NLSzNmaWUxWllXMVd5Y0Y2MkxN
YjMxa3ZPQUwxWVMvVUdSOGVpMVNDUzBZMlE9PSJ9
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----
"""
"""A key that the library which cosign uses (go-securesystemslib 0.8) made and locked with `anchor`."""
ITS_PUBLIC_KEY = """\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAErXlnHDlvEUSIaZHC3wN4B9R5usGF
zFYNo4ukVTp+lmbls7upMJAO+HKO2SN+U/VNjc7zg50NPJYdQh6pm5zm3w==
-----END PUBLIC KEY-----
"""


def seal(key: bytes, nonce: bytes, content: bytes) -> bytes:
    stream = key_box._stream(key_box._hsalsa20(key, nonce[:16]), nonce[16:], 32 + len(content))
    sealed = bytes(a ^ b for a, b in zip(content, stream[32:], strict=True))
    return Poly1305.generate_tag(stream[:32], sealed) + sealed


def write_box(
    der: bytes, label: str = "SIGSTORE", changes: Mapping[str, object] = MappingProxyType({})
) -> bytes:
    """A key as cosign writes it."""
    salt, nonce = os.urandom(32), os.urandom(24)
    parameters = {"N": 2**12, "r": 8, "p": 1}
    key = Scrypt(salt, 32, 2**12, 8, 1).derive(PASSPHRASE)
    box = {
        "kdf": {"name": "scrypt", "params": {**parameters, **changes}, "salt": _text(salt)},
        "cipher": {"name": "nacl/secretbox", "nonce": _text(nonce)},
        "ciphertext": _text(seal(key, nonce, der)),
    }
    body = base64.encodebytes(json.dumps(box).encode()).decode()
    return f"-----BEGIN ENCRYPTED {label} PRIVATE KEY-----\n{body}-----END ENCRYPTED {label} PRIVATE KEY-----\n".encode()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.fixture
def der(pair: KeyPair) -> bytes:
    return openssl("pkcs8", "-topk8", "-nocrypt", "-in", pair.private, "-outform", "DER")


def test_a_box_of_libsodium_opens() -> None:
    assert key_box.open_secretbox(KEY, NONCE, SEALED) == MESSAGE


def test_a_key_that_the_library_of_cosign_locked_opens() -> None:
    assert parse_signing_key(OF_COSIGN, "cosign.key", b"anchor").public.pem == ITS_PUBLIC_KEY


@given(st.integers(0, len(SEALED) * 8 - 1))
def test_no_box_with_a_flipped_bit_opens(bit: int) -> None:
    changed = bytearray(SEALED)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InvalidSignature):
        key_box.open_secretbox(KEY, NONCE, bytes(changed))


@pytest.mark.parametrize("label", LABELS)
def test_a_key_of_cosign_opens(label: str, der: bytes, pair: KeyPair) -> None:
    assert parse_signing_key(write_box(der, label), "cosign.key", PASSPHRASE) == pair.signing


@pytest.mark.parametrize(
    ("passphrase", "said"),
    [(None, "locked with a passphrase, and none is given"), (b"wrong", "the passphrase is wrong")],
    ids=["none", "wrong"],
)
def test_a_key_of_cosign_without_its_passphrase_is_refused(
    passphrase: bytes | None, said: str, der: bytes
) -> None:
    with pytest.raises(DataError, match=said) as refused:
        parse_signing_key(write_box(der), "cosign.key", passphrase)
    assert refused.value.seen.startswith("cosign.key: ")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"N": 2**24}, "too much time and memory"),
        ({"r": 2**20}, "too much time and memory"),
        ({"p": 1000}, "too much time and memory"),
        ({"N": 3}, "damaged"),
        ({"N": -1}, "not the locked form"),
    ],
    ids=["memory", "block", "rounds", "no-power-of-two", "negative"],
)
def test_a_file_cannot_ask_for_any_amount_of_work(changes: dict[str, int], said: str, der: bytes) -> None:
    with pytest.raises(DataError, match=said):
        parse_signing_key(write_box(der, changes=changes), "cosign.key", PASSPHRASE)


def test_what_only_looks_like_a_box_is_refused() -> None:
    content = (
        b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\ne30=\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----"
    )
    with pytest.raises(DataError, match="not the locked form"):
        parse_signing_key(content, "cosign.key", PASSPHRASE)
