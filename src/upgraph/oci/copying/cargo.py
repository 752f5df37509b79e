"""What has to be copied for one image: its manifests and blobs, found by reading what names them.

Nothing is expected of an image but that its manifests can be read: signatures, attestations and artifacts
of other kinds are images like others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from upgraph.errors import DataError, UserError
from upgraph.errors.problems import oci as problems
from upgraph.oci.images.digest import Digest, digest_of
from upgraph.oci.images.documents import encoded
from upgraph.oci.images.manifest import Descriptor, Image, Index, IndexEntry, parse_manifest
from upgraph.oci.images.source import ImageSource, Manifest

MAX_DEPTH = 4
"""Deepest nesting of indexes."""
MAX_MANIFESTS = 10_000
"""Most manifests of one image, those of all indexes inside together."""
MAX_MANIFEST_BYTES = 64 * 1024 * 1024
"""Bytes of all manifests of one image, which are held in memory until they are written."""


@dataclass(slots=True, eq=False)
class Room:
    """How much may be named and held: for one image, or for several together that somebody else could multiply."""

    what: str = "an image"
    """Whose it is, for messages."""
    manifests: int = 0
    """How many were taken."""
    held_bytes: int = 0
    """What they have together."""

    def take(self, manifests: int, held_bytes: int) -> bool:
        """Count more; gives whether there is room for it."""
        self.manifests += manifests
        self.held_bytes += held_bytes
        return not self.is_full

    @property
    def is_full(self) -> bool:
        """Whether more was wanted than there is room for."""
        return self.manifests > MAX_MANIFESTS or self.held_bytes > MAX_MANIFEST_BYTES


@dataclass(frozen=True, slots=True)
class Choice:
    """Which images of an index are copied. A choice of nothing allows no index at all."""

    architectures: frozenset[str] = frozenset()
    """In the words of Go."""
    whole: bool = False


WHOLE = Choice(whole=True)
"""The whole index: its digest stays."""


@dataclass(frozen=True, slots=True)
class Cargo:
    """What one image consists of."""

    manifests: tuple[Manifest, ...]
    """What is named stands before what names it. The last is the image itself."""
    blobs: tuple[Descriptor, ...]
    """Each once."""
    changed_from: str = ""
    """The digest at the source, if a choice made it another image."""

    @staticmethod
    def none(digest: Digest) -> "Cargo":
        """What has to be copied of an image that is there: nothing. What it consists of was not read."""
        return Cargo((Manifest(digest, "", b""),), ())

    @property
    def image(self) -> Manifest:
        """What a tag points to."""
        return self.manifests[-1]

    @property
    def size(self) -> int:
        """Bytes of all blobs."""
        return sum(blob.size for blob in self.blobs)


async def survey(
    source: ImageSource, reference: str, choice: Choice = WHOLE, room: Room | None = None
) -> Cargo:
    """What has to be copied for an image.

    Args:
        source: where it is.
        reference: its tag or digest.
        choice: what is taken of an index.
        room: for this image and others; without it the image has one of its own.

    Raises:
        UserError: it is an index, and the choice does not say what to take of it.
        UpgraphError: see :meth:`ImageSource.manifest`.
    """
    manifest = await source.manifest(reference)
    parsed = parse_manifest(manifest.content, manifest.media_type)
    survey_of = _Survey(source, room or Room())
    if isinstance(parsed, Image) or choice.whole:
        return await survey_of.whole(manifest)
    what = f"{source.name}: {reference}"
    entries = _chosen(parsed, choice, what)
    runnable = [entry for entry in entries if not entry.is_attestation]
    if len(runnable) == 1:
        cargo = await survey_of.child(runnable[0])
        return Cargo(cargo.manifests, cargo.blobs, manifest.digest)
    if len(entries) == len(parsed.entries):
        return await survey_of.whole(manifest)
    cargo = await survey_of.whole(_part(manifest, parsed, entries))
    return Cargo(cargo.manifests, cargo.blobs, manifest.digest)


class _Survey:
    """The reading of one image. What several indexes name is read once: a few of them could name it a billion times."""

    def __init__(self, source: ImageSource, room: Room) -> None:
        self._source = source
        self._known: dict[Descriptor, Cargo] = {}
        self._room = room

    async def whole(self, manifest: Manifest, depth: int = 0) -> Cargo:
        """The image or index of a manifest, with everything in it."""
        self._count(manifest)
        parsed = parse_manifest(manifest.content, manifest.media_type)
        typed = Manifest(manifest.digest, parsed.media_type, manifest.content)
        if isinstance(parsed, Image):
            blobs = {blob.digest: blob for blob in (parsed.config, *parsed.layers)}
            return Cargo((typed,), tuple(blobs.values()))
        if depth == MAX_DEPTH:
            raise DataError(
                problems.INVALID_MANIFEST, f"{manifest.digest}: indexes in more than {MAX_DEPTH} levels"
            )
        return _joined([await self.child(entry, depth + 1) for entry in parsed.entries], typed)

    async def child(self, entry: IndexEntry, depth: int = 0) -> Cargo:
        """What an entry of an index names."""
        known = self._known.get(entry.descriptor)
        if known is None:
            known = await self.whole(await _child(self._source, entry), depth)
            self._known[entry.descriptor] = known
        return known

    def _count(self, manifest: Manifest) -> None:
        if not self._room.take(1, len(manifest.content)):
            seen = (
                f"{self._source.name}: {self._room.what} has more than {MAX_MANIFESTS} manifests or"
                f" {MAX_MANIFEST_BYTES} bytes of them"
            )
            raise DataError(problems.TOO_LARGE, seen)


def _joined(children: Sequence[Cargo], index: Manifest) -> Cargo:
    manifests = {manifest.digest: manifest for child in children for manifest in child.manifests}
    blobs = {blob.digest: blob for child in children for blob in child.blobs}
    return Cargo((*manifests.values(), index), tuple(blobs.values()))


async def _child(source: ImageSource, entry: IndexEntry) -> Manifest:
    named = entry.descriptor
    manifest = await source.manifest(named.digest)
    if len(manifest.content) != named.size:
        seen = f"{source.name}: {named.digest} has {len(manifest.content)} bytes, its index says {named.size}"
        raise DataError(problems.INVALID_MANIFEST, seen)
    # Some sources know no types, and an index says what it means.
    return Manifest(manifest.digest, manifest.media_type or named.media_type, manifest.content)


def _chosen(index: Index, choice: Choice, what: str) -> list[IndexEntry]:
    """The entries of the architectures that are wanted, and the attestations of their images."""
    there = sorted({entry.architecture for entry in index.entries if not entry.is_attestation})
    if not choice.architectures:
        seen = f"{what} is an index of images for {', '.join(there) or 'no architecture'}"
        raise UserError(problems.INDEX_UNDECIDED, seen)
    if missing := sorted(choice.architectures - set(there)):
        seen = f"{what} has no image for {', '.join(missing)}; it has {', '.join(there) or 'none'}"
        raise UserError(problems.ARCHITECTURE_MISSING, seen)
    images = {
        entry.descriptor.digest: entry
        for entry in index.entries
        if not entry.is_attestation and entry.architecture in choice.architectures
    }
    return [
        entry
        for entry in index.entries
        if entry.descriptor.digest in images or (entry.is_attestation and entry.subject in images)
    ]


def _part(manifest: Manifest, index: Index, entries: Sequence[IndexEntry]) -> Manifest:
    """The index with some of its entries, which stay as they are; all else of it stays too."""
    document = msgspec.json.decode(manifest.content, type=dict[str, object])
    raw = msgspec.convert(document["manifests"], list[object])
    kept = set(entries)
    document["manifests"] = [one for one, entry in zip(raw, index.entries, strict=True) if entry in kept]
    content = encoded(document)
    return Manifest(digest_of(content), index.media_type, content)
