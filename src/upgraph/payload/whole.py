"""A release image with all that it says: read whole, checked against its digests, and taken apart.

What serves graphs reads a few kilobytes of a release (:mod:`upgraph.payload.reader`); this is for people who
look into one. Of an index one image is read, ``amd64`` unless told otherwise, as `oc adm release info` does.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from upgraph.errors import DataError, UserError
from upgraph.errors.problems.payload import (
    ARCHITECTURE_MISSING,
    CONFIG_INVALID,
    INDEX_EMPTY,
    METADATA_MISSING,
    REFERENCES_INVALID,
)
from upgraph.oci import Descriptor, Digest, Image, ImageSource, Index, Manifest, parse_manifest, read_blob
from upgraph.payload.contents import METADATA, REFERENCES, PayloadFile, is_manifest, read_contents
from upgraph.payload.metadata import VerifiedMetadata, parse_metadata, verified
from upgraph.payload.reader import MAX_CONFIG_BYTES, OtherImage, StatedConfig, Verification, read_release
from upgraph.payload.references import ImageReferences, parse_references

DEFAULT_ARCHITECTURE = "amd64"
"""What is read of an index that has it."""


@dataclass(frozen=True, slots=True)
class Config:
    """What the configuration of an image says, as far as anybody asks."""

    architecture: str
    os: str
    created: str
    labels: Mapping[str, str]
    document: Mapping[str, object]
    """All of it."""


@dataclass(frozen=True, slots=True)
class Member:
    """One image of a release."""

    manifest: Manifest
    image: Image
    config: Config
    stated_architecture: str | None
    """What the index says that it is for; None without an index."""

    @property
    def digest(self) -> Digest:
        """The digest of its manifest."""
        return self.manifest.digest

    @property
    def size(self) -> int:
        """Bytes of its layers, as transferred."""
        return sum(layer.size for layer in self.image.layers)


@dataclass(frozen=True, slots=True)
class Payload:
    """What one image of a release holds."""

    member: Member
    metadata: VerifiedMetadata
    references: ImageReferences
    files: Mapping[str, PayloadFile]
    """Everything of ``release-manifests/``, in the order of the archive."""

    @property
    def version(self) -> str:
        """The version, as written."""
        return self.metadata.document.version.text

    @property
    def manifests(self) -> dict[str, PayloadFile]:
        """The files that a Cluster Version Operator would apply."""
        return {name: file for name, file in self.files.items() if is_manifest(name)}


async def read_members(source: ImageSource, manifest: Manifest) -> tuple[Member, ...]:
    """The images of a manifest: those of an index, in its order, or the one that it is.

    Raises:
        DataError: the manifest or a configuration cannot be used.
        RemoteError, VerificationError: something could not be read, or is not what it claims to be.
    """
    parsed = parse_manifest(manifest.content, manifest.media_type)
    if isinstance(parsed, Image):
        return (await _member(source, manifest, parsed, None),)
    found = []
    for entry in parsed.images:
        child = await source.manifest(entry.descriptor.digest)
        image = parse_manifest(child.content, entry.descriptor.media_type)
        if isinstance(image, Index):
            raise DataError(INDEX_EMPTY, f"the index leads to another index, {entry.descriptor.digest}")
        found.append(await _member(source, child, image, entry.architecture))
    if not found:
        raise DataError(
            INDEX_EMPTY, f"the index has {len(parsed.entries)} entries and none of them is an image"
        )
    return tuple(found)


def choose(members: tuple[Member, ...], architecture: str | None) -> Member:
    """The image that speaks for the release.

    Raises:
        UserError: there is none for the architecture.
    """
    wanted = architecture or DEFAULT_ARCHITECTURE
    fitting = [member for member in members if member.config.architecture == wanted]
    if fitting:
        return fitting[0]
    if architecture is not None:
        there = ", ".join(member.config.architecture for member in members)
        raise UserError(ARCHITECTURE_MISSING, f"the release is for {there}; {architecture!r} was asked for")
    return members[0]


async def read_payload(source: ImageSource, member: Member) -> Payload:
    """Read an image of a release whole.

    Raises:
        DataError: it is no release, or what it holds cannot be used.
        RemoteError, VerificationError: something could not be read, or is not what it claims to be.
    """
    reading = await read_release(source, member.manifest, Verification.PREFIX)
    if isinstance(reading.image, OtherImage):
        raise DataError(reading.image.finding.problem, reading.image.finding.seen)
    if reading.layer is None:
        raise DataError(METADATA_MISSING, "the image has no release metadata")
    files = await read_contents(source, reading.layer)
    if METADATA not in files:
        raise DataError(METADATA_MISSING, f"the layer {reading.layer.digest} has no release metadata")
    if REFERENCES not in files:
        raise DataError(REFERENCES_INVALID, "the release has no image-references")
    return Payload(
        member,
        verified(parse_metadata(files[METADATA].content)),
        parse_references(files[REFERENCES].content),
        files,
    )


class _WholeConfig(StatedConfig):
    os: str = ""
    created: str = ""


async def _member(source: ImageSource, manifest: Manifest, image: Image, stated: str | None) -> Member:
    return Member(manifest, image, await _read_config(source, image.config), stated)


async def _read_config(source: ImageSource, blob: Descriptor) -> Config:
    if blob.size > MAX_CONFIG_BYTES:
        raise DataError(CONFIG_INVALID, f"it has {blob.size} bytes; {MAX_CONFIG_BYTES} are read")
    content = await read_blob(source, blob, "the image configuration")
    try:
        known = msgspec.json.decode(content, type=_WholeConfig)
        document = msgspec.json.decode(content, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(CONFIG_INVALID, f"{blob.digest}: {error}") from error
    return Config(known.architecture, known.os, known.created, known.labels, document)
