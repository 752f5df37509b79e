"""The index of an OCI layout: which tag or digest means which image. Pure: bytes in, values or errors out.

Tags are the ``org.opencontainers.image.ref.name`` annotations of ``index.json``. An entry that cannot be
used spoils no other: it is listed, and refused when it is asked for.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

import msgspec

from upgraph.errors import DataError
from upgraph.errors.problems import oci as problems
from upgraph.oci.disk.layout_entries import REF_NAME
from upgraph.oci.images.digest import is_digest, parse_digest
from upgraph.oci.images.manifest import Descriptor
from upgraph.oci.images.source import MAX_TAGS

MAX_MARKER_BYTES = 4096
"""Largest ``oci-layout``."""


class _Annotations(msgspec.Struct, frozen=True):
    tag: str = msgspec.field(name=REF_NAME, default="")


class _Tagged(msgspec.Struct, frozen=True):
    annotations: _Annotations | None = None

    @property
    def tag(self) -> str:
        return "" if self.annotations is None else self.annotations.tag


class _Addressed(msgspec.Struct, frozen=True):
    digest: str


class _Entry(_Tagged, frozen=True, rename="camel", kw_only=True):
    media_type: str
    digest: str
    size: Annotated[int, msgspec.Meta(ge=0)]


class _Index(msgspec.Struct, frozen=True, rename="camel"):
    manifests: list[msgspec.Raw] | None
    schema_version: int = 2


class _Marker(msgspec.Struct, frozen=True, rename="camel"):
    image_layout_version: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What an index says of its images."""

    tags: dict[str, Descriptor]
    digests: dict[str, Descriptor]
    faults: dict[str, str]
    """Why a name cannot be used. It may stand in ``tags`` as well, and must not be looked up there."""

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self.tags.keys() | self.faults.keys())


def parse_listing(marker: bytes, index: bytes) -> Listing:
    """The listing in ``oci-layout`` and ``index.json``.

    Raises:
        ValueError: they are no JSON, of an unknown version, or have too many entries; the text says which.
    """
    try:
        version = msgspec.json.decode(marker, type=_Marker).image_layout_version
        entries = msgspec.json.decode(index, type=_Index).manifests or []
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"oci-layout or index.json cannot be read: {error}") from error
    if not version.startswith("1."):
        raise ValueError(f"oci-layout has the version {version!r}; 1.x is known")
    if len(entries) > MAX_TAGS:
        raise ValueError(f"index.json has {len(entries)} entries; {MAX_TAGS} are accepted")
    return _listing(entries)


def _listing(entries: list[msgspec.Raw]) -> Listing:
    listing = Listing({}, {}, {})
    for place, entry in enumerate(entries):
        try:
            tag, descriptor = _tagged_descriptor(entry)
        except DataError as error:
            listing.faults.setdefault(_name_of(entry, place), error.seen)
            continue
        listing.digests[descriptor.digest] = descriptor
        first = listing.tags.setdefault(tag, descriptor)
        if first.digest != descriptor.digest:
            # Which of the two is meant cannot be known, and a wrong guess would be offered to clusters.
            listing.faults.setdefault(tag, f"points to {first.digest} and to {descriptor.digest}")
    return listing


def _tagged_descriptor(raw: msgspec.Raw) -> tuple[str, Descriptor]:
    try:
        entry = msgspec.json.decode(raw, type=_Entry)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(problems.LAYOUT_ENTRY, f"cannot be read: {error}") from error
    digest = parse_digest(entry.digest)
    tag = entry.tag or digest
    if tag != digest and is_digest(tag):
        # Whoever asks for that digest must never get this image.
        raise DataError(problems.LAYOUT_ENTRY, f"the tag of {digest} is another digest, {tag}")
    return tag, Descriptor(entry.media_type, digest, entry.size)


def _name_of(raw: msgspec.Raw, place: int) -> str:
    """What an entry that cannot be used is listed as: its tag, else its digest, else its place in the index."""
    with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        tag = msgspec.json.decode(raw, type=_Tagged).tag
        if tag:
            return f"manifests[{place}]" if is_digest(tag) else tag
    with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        digest = msgspec.json.decode(raw, type=_Addressed).digest
        if is_digest(digest):
            return digest
    return f"manifests[{place}]"
