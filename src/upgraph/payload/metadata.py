"""The release document: ``release-manifests/release-metadata`` inside a release image.

What was read from the beginning of a layer is :class:`UnverifiedMetadata`. Only a reader that hashed the
whole layer can make :class:`VerifiedMetadata`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, final

import msgspec

from upgraph.errors import DataError
from upgraph.errors.problems.payload import METADATA_INVALID
from upgraph.graph import Provenance, Version

METADATA_PATH = "release-manifests/release-metadata"
"""Where the document lies in the root of a layer."""
MAX_METADATA_BYTES = 4 * 1024 * 1024
"""Bytes of the largest document that is read; real ones have about ten thousand."""
MAX_NEIGHBOURS = 10_000
"""Most versions that a release names in ``previous`` and ``next`` together; real ones name a few hundred."""


@dataclass(frozen=True, slots=True)
class ReleaseMetadata:
    """What a release says of itself."""

    version: Version
    """The version, as written: its build part does not matter, the architecture replaces it."""
    previous: tuple[Version, ...]
    """Versions that can be updated to this one."""
    next: tuple[Version, ...]
    """Versions that this one can be updated to."""
    metadata: Mapping[str, str]


class _Document(msgspec.Struct):
    kind: Literal["cincinnati-metadata-v0"]
    version: str
    previous: list[str] = []
    next: list[str] = []
    metadata: dict[str, str] = {}


_decode = msgspec.json.Decoder(_Document).decode


def parse_metadata(document: bytes) -> ReleaseMetadata:
    """Read a release document. Unknown keys are ignored, everything known must be of its type.

    Raises:
        DataError: it is not one; the message names the field.
    """
    try:
        known = _decode(document)
        _check_size(known)
        return ReleaseMetadata(
            version=Version.parse(known.version),
            previous=tuple(map(Version.parse, known.previous)),
            next=tuple(map(Version.parse, known.next)),
            metadata=known.metadata,
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(METADATA_INVALID, f"the release metadata cannot be used: {error}") from error
    except DataError as error:
        raise DataError(METADATA_INVALID, f"the release metadata cannot be used: {error.seen}") from error


def _check_size(document: _Document) -> None:
    # Every version that is named becomes a node, of which a document within its size could make half a million.
    named = len(document.previous) + len(document.next)
    if named > MAX_NEIGHBOURS:
        seen = f"previous and next name {named} versions; {MAX_NEIGHBOURS} are accepted"
        raise DataError(METADATA_INVALID, seen)


@dataclass(frozen=True, slots=True)
class UnverifiedMetadata:
    """A document that was read from the beginning of a layer, so nothing proves that it is the published one."""

    document: ReleaseMetadata

    @property
    def provenance(self) -> Provenance:
        """How far the document is known to be the published one."""
        return Provenance.UNVERIFIED


_VERIFIER = object()


@final
@dataclass(frozen=True, slots=True)
class VerifiedMetadata:
    """A document from a layer that was hashed whole and matched the digest in the manifest.

    Made by :func:`verified` alone, which the reader calls once the last byte was hashed.
    """

    document: ReleaseMetadata
    _by: object

    def __post_init__(self) -> None:
        if self._by is not _VERIFIER:
            raise RuntimeError("only the reader that hashed the layer can call its metadata verified")

    @property
    def provenance(self) -> Provenance:
        """How far the document is known to be the published one."""
        return Provenance.VERIFIED


def verified(document: ReleaseMetadata) -> VerifiedMetadata:
    """Call a document verified. For :mod:`upgraph.payload.reader` and what stores its results."""
    return VerifiedMetadata(document, _VERIFIER)
