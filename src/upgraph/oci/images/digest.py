"""Digests: the names that content has because of what it is.

sha256 and sha512 are the algorithms that the OCI image specification registers; others are refused,
because a digest that cannot be recomputed proves nothing.
"""

import hashlib
import re
from typing import NewType

from upgraph.errors import DataError, VerificationError
from upgraph.errors.problems import oci as problems

Digest = NewType("Digest", str)
"""``algorithm:hex`` in lower case, for example ``sha256:e3b0…``. Safe as a path and URL segment."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_SHOWN = 160


def parse_digest(text: str) -> Digest:
    """``text`` as a digest.

    Raises:
        DataError: the algorithm is unknown, or the length or the digits are wrong.
    """
    if not _DIGEST.fullmatch(text):
        raise DataError(problems.INVALID_DIGEST, f"{text[:_SHOWN]!r} is not a sha256 or sha512 digest")
    return Digest(text)


def is_digest(text: str) -> bool:
    """Whether ``text`` is a digest rather than a tag."""
    return _DIGEST.fullmatch(text) is not None


def algorithm_of(digest: Digest) -> str:
    """``sha256`` or ``sha512``."""
    return digest.partition(":")[0]


def digest_of(content: bytes, algorithm: str = "sha256") -> Digest:
    """The digest of ``content``."""
    return Digest(f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}")


def verify(content: bytes, expected: Digest, what: str) -> None:
    """Check that ``content`` has the digest ``expected``.

    Raises:
        VerificationError: it has another; ``what`` names the content in the message.
    """
    got = digest_of(content, algorithm_of(expected))
    if got != expected:
        raise VerificationError(problems.DIGEST_MISMATCH, f"{what}: expected {expected}, got {got}")


class Hasher:
    """A digest computed piece by piece, for content that is never held whole."""

    __slots__ = ("_algorithm", "_state")

    def __init__(self, algorithm: str = "sha256") -> None:
        self._algorithm = algorithm
        self._state = hashlib.new(algorithm)

    @classmethod
    def like(cls, digest: Digest) -> "Hasher":
        """A hasher of the algorithm of ``digest``."""
        return cls(algorithm_of(digest))

    def update(self, chunk: bytes) -> None:
        """Add the next bytes."""
        self._state.update(chunk)

    def digest(self) -> Digest:
        """The digest of everything added until now."""
        return Digest(f"{self._algorithm}:{self._state.hexdigest()}")
