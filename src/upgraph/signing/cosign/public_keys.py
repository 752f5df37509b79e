"""Public keys that signatures of cosign are verified with. The adapter of the library ``cryptography``.

The hash is SHA-256 for every key but Ed25519, as cosign and the containers library have it for keys in files. New
versions of cosign take SHA-384 with P-384, so that is accepted as well; it weakens nothing.
"""

import hashlib
import re
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from upgraph.errors import DataError
from upgraph.errors.problems import cosign as problems

MAX_KEY_FILE_BYTES = 64 * 1024
"""Largest file of keys."""
MAX_KEYS = 16
"""Most keys in one file."""
MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
"""Longer keys cost seconds for every signature."""

_Key = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey
_CURVES = {"secp256r1": "ECDSA P-256", "secp384r1": "ECDSA P-384"}
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,60})-----\r?\n.*?-----END \1-----", re.DOTALL)
_PUBLIC = frozenset({b"PUBLIC KEY", b"RSA PUBLIC KEY"})


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that is trusted, or that belongs to one that signs."""

    algorithm: str
    """For example ``ECDSA P-256``."""
    fingerprint: str
    """``SHA256:`` and the digest of the DER form, to compare."""
    pem: str
    _key: _Key = field(repr=False, compare=False)

    def accepts(self, signature: bytes, payload: bytes) -> bool:
        """Whether the key made ``signature`` over exactly ``payload``."""
        return any(self._verified(signature, payload, algorithm) for algorithm in self._hashes())

    def _hashes(self) -> tuple[HashAlgorithm, ...]:
        return (SHA256(), SHA384()) if self.algorithm == _CURVES["secp384r1"] else (SHA256(),)

    def _verified(self, signature: bytes, payload: bytes, algorithm: HashAlgorithm) -> bool:
        try:
            if isinstance(self._key, ec.EllipticCurvePublicKey):
                self._key.verify(signature, payload, ec.ECDSA(algorithm))
            elif isinstance(self._key, rsa.RSAPublicKey):
                self._key.verify(signature, payload, padding.PKCS1v15(), algorithm)
            else:
                self._key.verify(signature, payload)
        except InvalidSignature:
            return False
        return True


def parse_public_keys(content: bytes, name: str) -> tuple[PublicKey, ...]:
    """The keys in a PEM file, in their order; any of them may sign.

    Args:
        content: the file.
        name: the file, for messages.

    Raises:
        DataError: there is no key, something else, or a key of a kind that is not accepted.
    """
    if len(content) > MAX_KEY_FILE_BYTES:
        raise refusal(name, f"it has {len(content)} bytes; {MAX_KEY_FILE_BYTES} are accepted")
    blocks = list(_BLOCK.finditer(content))
    if not blocks:
        raise refusal(name, "there is no PEM block in it")
    if len(blocks) > MAX_KEYS:
        raise refusal(name, f"it has {len(blocks)} keys; {MAX_KEYS} are accepted")
    return tuple(_parse(block[1], block[0], name) for block in blocks)


def public_key(key: object, name: str) -> PublicKey:
    """A key of the library as one of ours.

    Raises:
        DataError: it is of a kind that is not accepted.
    """
    if not isinstance(key, _Key):
        raise refusal(name, "the key is neither ECDSA nor RSA nor Ed25519")
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return PublicKey(_algorithm(key, name), f"SHA256:{hashlib.sha256(der).hexdigest()}", pem, key)


def refusal(name: str, reason: str) -> DataError:
    """The error for a key that is not used."""
    return DataError(problems.COSIGN_KEY, f"{name}: {reason}")


def _parse(label: bytes, block: bytes, name: str) -> PublicKey:
    if b"PRIVATE KEY" in label:
        raise refusal(name, "it holds a private key, and a public key is wanted")
    if label not in _PUBLIC:
        raise refusal(name, f"it holds a {label.decode()}, and a PUBLIC KEY is wanted")
    try:
        return public_key(load_pem_public_key(block), name)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise refusal(name, "a public key in it cannot be read") from error


def _algorithm(key: _Key, name: str) -> str:
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519"
    if isinstance(key, rsa.RSAPublicKey):
        if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
            accepted = f"{MIN_RSA_BITS} to {MAX_RSA_BITS}"
            raise refusal(name, f"the RSA key has {key.key_size} bits; {accepted} are accepted")
        return f"RSA {key.key_size}"
    if key.curve.name not in _CURVES:
        raise refusal(name, f"the curve {key.curve.name} is not accepted; P-256 and P-384 are")
    return _CURVES[key.curve.name]
