"""Reads what a release image says of itself, from as few bytes as possible.

1. A manifest leads to layers. An index leads to the layers of its last image and is of the architecture
   ``multi``, unless it has one image only: then it is of that image's architecture.
2. Layers are looked through from the topmost down, each from its start, until one has a usable
   ``release-manifests/release-metadata``.
3. An image that is not labelled as a release gets little patience, because sites keep releases and their
   hundreds of components in one repository.
4. What was found is bound to the digest of the manifest, which was checked, and is *unverified*: the rest
   of the layer was not read. On request the whole layer is hashed, and then it is *verified*.

Source of rules 1 and 2: Cincinnati's release scraper.
"""

from dataclasses import dataclass
from enum import Enum

import msgspec

from upgraph.errors import DataError, Finding, RemoteError, Severity, VerificationError
from upgraph.errors.problems.payload import (
    ARCHITECTURE_INVALID,
    INDEX_EMPTY,
    LAYER_MISMATCH,
    METADATA_INVALID,
    METADATA_MISSING,
)
from upgraph.graph import labels
from upgraph.oci import (
    Descriptor,
    Digest,
    Hasher,
    Image,
    ImageMissing,
    ImageSource,
    Index,
    IndexEntry,
    Manifest,
    Sink,
    parse_manifest,
    read_blob,
)
from upgraph.payload.metadata import UnverifiedMetadata, VerifiedMetadata, parse_metadata, verified
from upgraph.payload.probe import FIRST_BYTES, Budget, MetadataProbe, Patience

MAX_CONFIG_BYTES = 1024 * 1024
"""Bytes of the largest image configuration that is read."""
MAX_ARCHITECTURE_LENGTH = 32
"""Characters of the longest architecture that is accepted: it becomes part of every version that the release names."""
RELEASE_LABEL = "io.openshift.release"
"""Label of the image configuration that `oc adm release new` sets."""


class Verification(Enum):
    """How much of a layer is read."""

    PREFIX = "prefix"
    """Only its beginning, until the metadata is complete."""
    WHOLE_LAYER = "whole-layer"
    """All of the layer with the metadata, to check it against its digest."""


@dataclass(frozen=True, slots=True)
class ReleaseImage:
    """An image that is a release."""

    digest: Digest
    arch: str
    metadata: UnverifiedMetadata | VerifiedMetadata


@dataclass(frozen=True, slots=True)
class OtherImage:
    """An image that is no release, or one that cannot be used; the finding says why."""

    digest: Digest
    finding: Finding


@dataclass(frozen=True, slots=True)
class Reading:
    """What a manifest turned out to be, and what it cost to find out."""

    image: ReleaseImage | OtherImage
    layer_bytes: int
    """Bytes of layers that were received."""
    layer: Descriptor | None = None
    """The layer with the metadata, if the image is a release."""


class RunConfig(msgspec.Struct, rename="pascal"):
    """How an image configuration says that the image is run, as far as it matters here."""

    labels: dict[str, str] | None = None


class StatedConfig(msgspec.Struct):
    """An image configuration as it is written, as far as it matters here."""

    architecture: str = ""
    config: RunConfig | None = None

    @property
    def labels(self) -> dict[str, str]:
        """What the image is labelled with."""
        return (self.config.labels if self.config else None) or {}

    @property
    def is_release(self) -> bool:
        """Whether the image says that it is a release."""
        return RELEASE_LABEL in self.labels


async def read_release(source: ImageSource, manifest: Manifest, verification: Verification) -> Reading:
    """Find out what the image of ``manifest`` is.

    Faults of the image itself are a result (:class:`OtherImage`), which stays true for this digest for ever.

    Raises:
        RemoteError: the source did not give what was asked for; another try may succeed.
        VerificationError: a layer is not what its digest says.
    """
    reader = _Reader(source, verification)
    try:
        image: ReleaseImage | OtherImage = await reader.read(manifest)
    except DataError as error:
        is_expected = error.problem is METADATA_MISSING and not reader.is_labelled
        severity = Severity.INFO if is_expected else Severity.ERROR
        image = OtherImage(manifest.digest, Finding(severity, error.problem, error.seen))
    return Reading(image, reader.layer_bytes, reader.layer)


class _Reader:
    """The reading of one image."""

    def __init__(self, source: ImageSource, verification: Verification) -> None:
        self._source = source
        self._verification = verification
        self.layer_bytes = 0
        self.is_labelled = False
        """Whether the image says that it is a release."""
        self.layer: Descriptor | None = None
        """The layer with the metadata, once it was found."""

    async def read(self, manifest: Manifest) -> ReleaseImage:
        parsed = _parsed(manifest)
        if isinstance(parsed, Image):
            config = await self._config(parsed.config)
            return await self._release(manifest.digest, config.architecture, parsed, _patience(config))
        arch, entry = _representative(parsed)
        image = await self._child(entry.descriptor)
        try:
            return await self._release(manifest.digest, arch, image, Patience.SHORT)
        except DataError as error:
            # The index names the architecture, so the configuration is read only if its label matters.
            if error.problem is not METADATA_MISSING or not (await self._config(image.config)).is_release:
                raise
            return await self._release(manifest.digest, arch, image, Patience.LONG)

    async def _release(self, digest: Digest, arch: str, image: Image, patience: Patience) -> ReleaseImage:
        layer, metadata = await self._find(image, patience)
        self.layer = layer
        # Only now: charts and signatures have no architecture either, and that is no fault of theirs.
        check_architecture(arch)
        if self._verification is Verification.WHOLE_LAYER:
            return ReleaseImage(digest, arch, await self._verify(layer))
        return ReleaseImage(digest, arch, metadata)

    async def _child(self, descriptor: Descriptor) -> Image:
        try:
            child = await self._source.manifest(descriptor.digest)
        except ImageMissing as error:
            raise _incomplete(error) from error
        parsed = parse_manifest(child.content, descriptor.media_type)
        if isinstance(parsed, Index):
            raise DataError(METADATA_INVALID, f"the index leads to another index, {descriptor.digest}")
        return parsed

    async def _config(self, descriptor: Descriptor) -> StatedConfig:
        if descriptor.size > MAX_CONFIG_BYTES:
            seen = f"the image configuration has {descriptor.size} bytes, more than {MAX_CONFIG_BYTES}"
            raise DataError(METADATA_INVALID, seen)
        try:
            content = await read_blob(self._source, descriptor, "the image configuration")
        except (DataError, ImageMissing) as error:
            raise _incomplete(error) from error
        try:
            config = msgspec.json.decode(content, type=StatedConfig)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise DataError(METADATA_INVALID, f"the image configuration cannot be read: {error}") from error
        self.is_labelled = config.is_release
        return config

    async def _pour(self, blob: Descriptor, sink: Sink, first: int | None) -> int:
        try:
            return await self._source.pour(blob, sink, first=first)
        except (DataError, ImageMissing) as error:
            raise _incomplete(error) from error

    async def _find(self, image: Image, patience: Patience) -> tuple[Descriptor, UnverifiedMetadata]:
        fault: DataError | None = None
        budget = Budget(patience, layers=len(image.layers))
        for layer in reversed(image.layers):
            if budget.is_spent:
                break
            probe = MetadataProbe(budget)
            received = await self._pour(layer, probe, FIRST_BYTES)
            self.layer_bytes += received
            budget.spend(received)
            try:
                document = probe.result()
                if document is not None:
                    return layer, UnverifiedMetadata(parse_metadata(document))
            except DataError as error:
                # A lower layer may still have a good one; if none has, this is what to tell. Artifacts that
                # are no tar archives, such as charts, are no broken releases.
                if patience is Patience.LONG or probe.shows_release:
                    fault = fault or error
        raise fault or DataError(METADATA_MISSING, "the image has no release metadata")

    async def _verify(self, layer: Descriptor) -> VerifiedMetadata:
        probe = MetadataProbe(Budget(Patience.LONG, layers=1))
        hashed = _Hashed(probe, Hasher.like(layer.digest))
        self.layer_bytes += await self._pour(layer, hashed, None)
        if hashed.digest() != layer.digest:
            raise VerificationError(
                LAYER_MISMATCH, f"the layer {layer.digest} has other content than its digest says"
            )
        document = probe.result()
        if document is None:
            raise VerificationError(
                LAYER_MISMATCH, f"the layer {layer.digest} lost its release metadata between two reads"
            )
        return verified(parse_metadata(document))


class _Hashed:
    """A sink that hashes everything and lets another one look at it for as long as it wants."""

    def __init__(self, probe: MetadataProbe, hasher: Hasher) -> None:
        self._probe = probe
        self._hasher = hasher
        self._probing = True

    def feed(self, chunk: bytes) -> bool:
        self._hasher.update(chunk)
        self._probing = self._probing and self._probe.feed(chunk)
        return True

    def digest(self) -> Digest:
        return self._hasher.digest()


def _representative(index: Index) -> tuple[str, IndexEntry]:
    """Architecture of an index, and the image that speaks for it."""
    images = index.images
    if not images:
        raise DataError(
            INDEX_EMPTY, f"the index has {len(index.entries)} entries and none of them is an image"
        )
    return (images[0].architecture if len(images) == 1 else labels.MULTI), images[-1]


def _parsed(manifest: Manifest) -> Image | Index:
    """The image or index of a manifest.

    Raises:
        DataError: the content is none.
        RemoteError: it would be, but the source calls it something else.
    """
    try:
        return parse_manifest(manifest.content, manifest.media_type)
    except DataError as error:
        try:
            parse_manifest(manifest.content, "")
        except DataError:
            raise error from None
        # The digest speaks for the content, not for what the source says of it, which may be right tomorrow.
        raise RemoteError(error.problem, error.seen) from error


def _incomplete(error: DataError | ImageMissing) -> RemoteError:
    # What a manifest refers to is missing or cut short. That is a fault of this copy, and the same digest may
    # be whole tomorrow; nor is the tag gone, which is what ImageMissing would mean to whoever asked for it.
    return RemoteError(error.problem, error.seen)


def check_architecture(arch: str) -> None:
    """Check that clusters can ask for an architecture.

    Raises:
        DataError: it has other characters than lower-case letters and digits, or too many.
    """
    if not (
        arch.isascii() and arch.isalnum() and arch == arch.lower() and len(arch) <= MAX_ARCHITECTURE_LENGTH
    ):
        seen = f"the architecture of the image is {arch[:64]!r}; clusters can ask for lower-case letters and digits"
        raise DataError(ARCHITECTURE_INVALID, seen)


def _patience(config: StatedConfig) -> Patience:
    return Patience.LONG if config.is_release else Patience.SHORT
