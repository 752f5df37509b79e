"""Private keys that sign like cosign. The adapter of the library ``cryptography``, like :mod:`.public_keys`.

PEM files of any tool are read, with or without a passphrase, and so are those of ``cosign generate-key-pair``
(:mod:`.key_box`). No message names anything of a key.
"""

import re
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

from upgraph.signing.cosign.key_box import BoxError, open_box
from upgraph.signing.cosign.public_keys import MAX_KEY_FILE_BYTES, PublicKey, public_key, refusal

_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
_BOX = re.compile(
    rb"-----BEGIN ENCRYPTED (?P<kind>COSIGN|SIGSTORE) PRIVATE KEY-----\s(?P<content>.*?)"
    rb"-----END ENCRYPTED (?P=kind) PRIVATE KEY-----",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key to sign with."""

    public: PublicKey
    """What others verify with."""
    _key: _Key = field(repr=False, compare=False)

    def sign(self, payload: bytes) -> bytes:
        """The signature over ``payload``; the same payload gives the same signature."""
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return self._key.sign(payload, ec.ECDSA(SHA256(), deterministic_signing=True))
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(payload, padding.PKCS1v15(), SHA256())
        return self._key.sign(payload)


def parse_signing_key(content: bytes, name: str, passphrase: bytes | None = None) -> SigningKey:
    """The private key in a PEM file.

    Args:
        content: the file.
        name: the file, for messages.
        passphrase: of the file; None if it has none.

    Raises:
        DataError: it is none, of a kind that is not accepted, or the passphrase is missing or wrong.
    """
    if len(content) > MAX_KEY_FILE_BYTES:
        raise refusal(name, f"it has {len(content)} bytes; {MAX_KEY_FILE_BYTES} are accepted")
    if b"PRIVATE KEY-----" not in content:
        raise refusal(name, "there is no private key in PEM form in it")
    key = _load(content, name, passphrase)
    if not isinstance(key, _Key):
        raise refusal(name, "the key is neither ECDSA nor RSA nor Ed25519")
    return SigningKey(public_key(key.public_key(), name), key)


def _load(content: bytes, name: str, passphrase: bytes | None) -> object:
    box = _BOX.search(content)
    try:
        if box is None:
            return load_pem_private_key(content, passphrase)
        if passphrase is None:
            raise refusal(name, "it is locked with a passphrase, and none is given")
        return load_der_private_key(open_box(box["content"], passphrase), None)
    except TypeError as error:
        # So the library says that there is a passphrase for an open key, or none for a locked one.
        raise refusal(name, _about_passphrase(passphrase)) from error
    except BoxError as error:
        raise refusal(name, str(error)) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        hint = " with this passphrase" if passphrase is not None else ""
        raise refusal(name, f"the private key cannot be read{hint}") from error


def _about_passphrase(passphrase: bytes | None) -> str:
    if passphrase is None:
        return "it is locked with a passphrase, and none is given"
    return "a passphrase is given, and the key is not locked with one"
