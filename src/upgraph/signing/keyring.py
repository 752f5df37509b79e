"""Keyrings: whose signatures count.

Trust comes from files that an administrator names, and from nothing else: what a release says of its own
keys is shown, never believed. A keyring is taken apart when it is read, because gpgv treats an empty or
damaged one as a keyring without the key in question.

Several keyrings have to be satisfied all; of the keys in one keyring any counts. Source: the Cluster Version
Operator, whose ConfigMap has one keyring for each ``verifier-public-key-`` entry.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from upgraph.errors import DataError
from upgraph.errors.problems.signing import KEYRING_INVALID
from upgraph.signing.config_map import ConfigMap, config_maps_in
from upgraph.signing.expiry import expires_at
from upgraph.signing.packets import (
    PUBLIC_KEY,
    PUBLIC_KEY_BLOCK,
    PUBLIC_SUBKEY,
    SECRET_KEY,
    SIGNATURE,
    USER_ID,
    Packet,
    dearmoured,
    is_armoured,
    is_binary,
    packets,
)
from upgraph.syntax import SyntaxFault

MAX_KEYRING_BYTES = 4 * 1024 * 1024
"""Bytes of the largest keyring; that of Red Hat has about 5,000."""
MAX_KEYS = 1_000
"""Most keys of a keyring."""
KEY_PREFIX = "verifier-public-key-"
"""How entries of a ConfigMap begin that hold keyrings."""

ALGORITHMS = {1: "RSA", 3: "RSA", 16: "ElGamal", 17: "DSA", 18: "ECDH", 19: "ECDSA", 22: "EdDSA"}
"""Public key algorithms by their number (RFC 4880, section 9.1; RFC 6637; GnuPG for 22)."""
_KEYBOX = b"KBXf"
_PEM_KEY = re.compile(rb"^-----BEGIN (?:[A-Z]+ )?PUBLIC KEY-----", re.MULTILINE)
_VERSION = 4
_REVOCATION = 0x20


@dataclass(frozen=True, slots=True)
class Subkey:
    """A key that belongs to a primary key, and may sign in its place."""

    fingerprint: str
    expires_at: int | None = None
    """As of :class:`Key`. It may end before that does, and be followed by another."""


@dataclass(frozen=True, slots=True)
class Key:
    """A primary key."""

    fingerprint: str
    """Forty upper-case hex digits."""
    algorithm: str
    bits: int
    """Of the first number of the key, which for RSA and DSA is its size; 0 for keys on curves."""
    created: str
    """The day, in UTC."""
    user_ids: tuple[str, ...] = ()
    subkeys: tuple[Subkey, ...] = ()
    has_revocation: bool = False
    """Whether a revocation of it stands in the keyring. gpgv decides whether it counts."""
    expires_at: int | None = None
    """Unix time in seconds when it ends, as it says itself; None: never. gpgv decides whether it has."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keys of which any may sign. Made by :func:`parse_keyring`."""

    name: str
    content: bytes
    """Binary, as gpgv reads it."""
    keys: tuple[Key, ...]

    @property
    def identity(self) -> str:
        """SHA-256 of the content: the same keys in the same order, whatever the file is called."""
        return hashlib.sha256(self.content).hexdigest()


def read_keyrings(content: bytes, name: str) -> tuple[Keyring, ...]:
    """The keyrings of a file: one, or those of a ConfigMap by their keys; a signature has to satisfy each.

    Raises:
        DataError: there is no key, or what is there is no keyring.
    """
    if len(content) > MAX_KEYRING_BYTES:
        raise DataError(KEYRING_INVALID, f"{name} has more than {MAX_KEYRING_BYTES} bytes")
    begins = content.lstrip()[:1]
    if is_binary(content) or begins == b"-" or _KEYBOX in content[:16]:
        return (parse_keyring(content, name),)
    try:
        config_maps = config_maps_in(content)
    except SyntaxFault:
        # Text before armour is usual; if there is none, the message should be that of a keyring.
        config_maps = []
    if not config_maps:
        return (parse_keyring(content, name),)
    return keyrings_of(config_maps, name)


def keyrings_of(config_maps: Iterable[ConfigMap], name: str) -> tuple[Keyring, ...]:
    """The keyrings in the ``verifier-public-key-`` entries of ConfigMaps, sorted.

    Raises:
        DataError: there is none, or one is not valid.
    """
    entries = {
        key: value.encode()
        for one in config_maps
        for key, value in one.data.items()
        if key.startswith(KEY_PREFIX)
    }
    if not entries:
        raise DataError(KEYRING_INVALID, f"{name} is a ConfigMap without {KEY_PREFIX} entries")
    return tuple(parse_keyring(value, f"{name}: {key}") for key, value in sorted(entries.items()))


def parse_keyring(content: bytes, name: str) -> Keyring:
    """A keyring, armoured or binary.

    Raises:
        DataError: it holds no public key, a private one, or something that is no key.
    """
    if _KEYBOX in content[:16]:
        seen = f"{name} is a keybox of gpg itself"
        raise DataError(KEYRING_INVALID, seen, remedy=f"Export its keys: gpg --export --armor > {name}.asc")
    if _PEM_KEY.search(content):
        seen = f"{name} has a key in PEM form, which is for signatures of cosign"
        remedy = (
            "Give it with --cosign-key. A keyring has keys of OpenPGP, as gpg --export --armor writes them."
        )
        raise DataError(KEYRING_INVALID, seen, remedy=remedy)
    try:
        binary = dearmoured(content, PUBLIC_KEY_BLOCK) if is_armoured(content) else content
        keys = _keys(list(packets(binary)))
    except SyntaxFault as error:
        raise DataError(KEYRING_INVALID, f"{name} is no keyring: {error.seen}") from error
    if not keys:
        raise DataError(KEYRING_INVALID, f"{name} holds no public key")
    if len(keys) > MAX_KEYS:
        raise DataError(KEYRING_INVALID, f"{name} has {len(keys)} keys; {MAX_KEYS} are accepted")
    return Keyring(name, binary, keys)


def _keys(found: list[Packet]) -> tuple[Key, ...]:
    if any(packet.tag == SECRET_KEY for packet in found):
        raise SyntaxFault("it holds a private key, which nobody needs to verify with")
    if found and found[0].tag != PUBLIC_KEY:
        raise SyntaxFault(f"it begins with a packet of type {found[0].tag}; a key has type {PUBLIC_KEY}")
    starts = [at for at, packet in enumerate(found) if packet.tag == PUBLIC_KEY]
    return tuple(_key(found[start:end]) for start, end in pairwise([*starts, len(found)]))


def _key(parts: list[Packet]) -> Key:
    primary = parts[0].body
    number = _algorithm(primary)
    names = (part.body.decode(errors="replace") for part in parts if part.tag == USER_ID)
    # A revocation of the whole key stands right behind it, before any name.
    direct = parts[1 : next((at for at, part in enumerate(parts) if part.tag == USER_ID), len(parts))]
    fingerprint = _fingerprint(primary)
    return Key(
        fingerprint=fingerprint,
        algorithm=ALGORITHMS.get(number, f"algorithm {number}"),
        bits=int.from_bytes(primary[6:8]) if number in {1, 3, 17} else 0,
        created=datetime.fromtimestamp(int.from_bytes(primary[1:5]), UTC).date().isoformat(),
        user_ids=tuple(names),
        subkeys=tuple(
            Subkey(_fingerprint(part.body), expires_at(parts[at:], fingerprint))
            for at, part in enumerate(parts)
            if part.tag == PUBLIC_SUBKEY
        ),
        has_revocation=any(
            part.tag == SIGNATURE and part.body[1:2] == bytes([_REVOCATION]) for part in direct
        ),
        expires_at=expires_at(parts, fingerprint),
    )


def _algorithm(body: bytes) -> int:
    if len(body) < 8 or body[0] != _VERSION:
        version = body[0] if body else "none"
        raise SyntaxFault(f"it holds a key of version {version}; version {_VERSION} is supported")
    return body[5]


def _fingerprint(body: bytes) -> str:
    """Source: RFC 4880, section 12.2."""
    # The standard has SHA-1 here; it is a name, which proves nothing by itself.
    framed = b"\x99" + len(body).to_bytes(2) + body
    return hashlib.sha1(framed, usedforsecurity=False).hexdigest().upper()
