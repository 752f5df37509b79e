"""Opens the private keys that ``cosign generate-key-pair`` writes.

Their form is that of go-securesystemslib (``encrypted``): the passphrase is stretched with scrypt, and the key lies in
a secretbox of NaCl, which is Poly1305 over XSalsa20. The library ``cryptography`` has scrypt and Poly1305. Salsa20 is
nowhere in it, and a further library for 2 KB of key is too much, so its few lines stand here. It takes no decision:
Poly1305 says whether passphrase and content are right.

Source: "Cryptography in NaCl" (Bernstein, 2009), "Extending the Salsa20 nonce" (Bernstein, 2011).
"""

import base64
import struct
from typing import Annotated, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.poly1305 import Poly1305

MAX_SCRYPT_BYTES = 1024**3
"""Most memory that a file may ask for; cosign takes 64 MiB."""
MAX_SCRYPT_ROUNDS = 16
"""Most rounds with that memory; cosign takes one."""
_TAG_BYTES = 16
_BLOCK_BYTES = 64
_SIGMA = struct.unpack("<4I", b"expand 32-byte k")
_MASK = 0xFFFFFFFF
_COLUMNS = ((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11))
_ROWS = ((0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14))


class BoxError(Exception):
    """The box cannot be opened; the text says why, and nothing of its content."""


_Parameter = Annotated[int, msgspec.Meta(ge=1)]


class _Parameters(msgspec.Struct, frozen=True):
    n: _Parameter = msgspec.field(name="N")
    r: _Parameter
    p: _Parameter

    @property
    def is_moderate(self) -> bool:
        return 128 * self.n * self.r <= MAX_SCRYPT_BYTES and self.p <= MAX_SCRYPT_ROUNDS


class _Kdf(msgspec.Struct, frozen=True):
    name: Literal["scrypt"]
    params: _Parameters
    salt: bytes


class _Cipher(msgspec.Struct, frozen=True):
    name: Literal["nacl/secretbox"]
    nonce: bytes


class _Box(msgspec.Struct, frozen=True):
    kdf: _Kdf
    cipher: _Cipher
    ciphertext: bytes


def open_box(content: bytes, passphrase: bytes) -> bytes:
    """What is in a box: a private key in DER form.

    Args:
        content: what stands between the lines of the PEM form.
        passphrase: may be empty, as cosign allows.

    Raises:
        BoxError: it is no box, is too expensive to open, or the passphrase is wrong.
    """
    try:
        box = msgspec.json.decode(base64.b64decode(b"".join(content.split()), validate=True), type=_Box)
    except (ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise BoxError("it is not the locked form of a key that cosign writes") from error
    parameters = box.kdf.params
    if not parameters.is_moderate:
        raise BoxError("its passphrase would take too much time and memory to try")
    try:
        stretched = Scrypt(box.kdf.salt, 32, parameters.n, parameters.r, parameters.p).derive(passphrase)
        return open_secretbox(stretched, box.cipher.nonce, box.ciphertext)
    except (ValueError, MemoryError) as error:
        raise BoxError("it is damaged, or needs more memory than there is") from error
    except InvalidSignature as error:
        raise BoxError("the passphrase is wrong, or the file is damaged") from error


def open_secretbox(key: bytes, nonce: bytes, sealed: bytes) -> bytes:
    """The content of a secretbox of NaCl.

    Raises:
        ValueError: a length is wrong.
        InvalidSignature: the key is wrong or the content was changed.
    """
    if len(key) != 32 or len(nonce) != 24 or len(sealed) < _TAG_BYTES:
        raise ValueError("key, nonce or box has a wrong length")
    tag, content = sealed[:_TAG_BYTES], sealed[_TAG_BYTES:]
    stream = _stream(_hsalsa20(key, nonce[:16]), nonce[16:], 32 + len(content))
    Poly1305.verify_tag(stream[:32], content, tag)
    return bytes(a ^ b for a, b in zip(content, stream[32:], strict=True))


def _stream(key: bytes, nonce: bytes, size: int) -> bytes:
    blocks = range((size + _BLOCK_BYTES - 1) // _BLOCK_BYTES)
    return b"".join(_salsa20(key, nonce + struct.pack("<Q", count)) for count in blocks)[:size]


def _salsa20(key: bytes, position: bytes) -> bytes:
    before = _state(key, position)
    after = _twenty_rounds(before)
    return struct.pack("<16I", *((a + b) & _MASK for a, b in zip(before, after, strict=True)))


def _hsalsa20(key: bytes, position: bytes) -> bytes:
    after = _twenty_rounds(_state(key, position))
    return struct.pack("<8I", *(after[place] for place in (0, 5, 10, 15, 6, 7, 8, 9)))


def _state(key: bytes, position: bytes) -> list[int]:
    k, n = struct.unpack("<8I", key), struct.unpack("<4I", position)
    return [_SIGMA[0], *k[:4], _SIGMA[1], *n, _SIGMA[2], *k[4:], _SIGMA[3]]


def _twenty_rounds(state: list[int]) -> list[int]:
    x = list(state)
    for _ in range(10):
        for a, b, c, d in (*_COLUMNS, *_ROWS):
            x[b] ^= _rotated(x[a] + x[d], 7)
            x[c] ^= _rotated(x[b] + x[a], 9)
            x[d] ^= _rotated(x[c] + x[b], 13)
            x[a] ^= _rotated(x[d] + x[c], 18)
    return x


def _rotated(value: int, by: int) -> int:
    value &= _MASK
    return (value << by | value >> (32 - by)) & _MASK
