"""Manifests: what an image, or an index of images, consists of. Pure: bytes in, values or errors out.

Docker schema 2 and OCI forms become the same two values. The media type decides which form is read.
A body that could be read as both an image and an index is refused: otherwise two readers could take
the same digest for different content (CVE-2021-41190).
"""

from dataclasses import dataclass
from typing import Annotated

import msgspec

from upgraph.errors import DataError
from upgraph.errors.problems import oci as problems
from upgraph.oci.images.digest import Digest, parse_digest

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_MANIFEST_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"

IMAGE_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_MANIFEST_LIST})
ACCEPT_MANIFESTS = f"{OCI_INDEX}, {DOCKER_MANIFEST_LIST}, {OCI_MANIFEST}, {DOCKER_MANIFEST}"
"""Value of the Accept header: the forms that are understood, none preferred."""

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
"""Largest manifest (the limit that the distribution specification asks registries to support)."""
MAX_LAYERS = 1024
"""Most layers of one image; container engines stop at 127."""
MAX_INDEX_ENTRIES = 1024
"""Most images of one index."""

_SCHEMA1_PREFIX = "application/vnd.docker.distribution.manifest.v1+"
_UNTYPED = frozenset({"", "application/json", "application/octet-stream", "text/plain"})
_SHOWN = 160


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A reference to content: its type, its digest and its exact size in bytes."""

    media_type: str
    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class Image:
    """The manifest of one image for one architecture. Layers are listed from the base upwards."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    media_type: str


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One image of an index. Unknown platforms have empty strings."""

    descriptor: Descriptor
    architecture: str
    os: str
    variant: str
    is_attestation: bool
    """Build provenance that BuildKit puts beside the images; nothing that runs."""
    subject: str = ""
    """The digest of the image that an attestation is about, as it is stated."""


@dataclass(frozen=True, slots=True)
class Index:
    """An index (Docker: manifest list) of images for several architectures."""

    entries: tuple[IndexEntry, ...]
    media_type: str

    @property
    def images(self) -> tuple[IndexEntry, ...]:
        """The entries that run somewhere. Provenance that builders put beside them has no architecture."""
        return tuple(
            entry for entry in self.entries if not entry.is_attestation and entry.architecture != "unknown"
        )


class _Platform(msgspec.Struct, frozen=True):
    architecture: str = ""
    os: str = ""
    variant: str = ""


class _Descriptor(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str
    digest: str
    size: Annotated[int, msgspec.Meta(ge=0)]
    platform: _Platform | None = None
    annotations: dict[str, str] | None = None


class _Body(msgspec.Struct, frozen=True, rename="camel"):
    schema_version: int
    media_type: str = ""
    config: _Descriptor | None = None
    layers: list[_Descriptor] | msgspec.UnsetType | None = msgspec.UNSET
    manifests: list[_Descriptor] | msgspec.UnsetType | None = msgspec.UNSET
    fs_layers: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_DECODER = msgspec.json.Decoder(_Body)


def parse_manifest(content: bytes, media_type: str) -> Image | Index:
    """The image or index that ``content`` describes.

    Args:
        content: the manifest, already checked against its digest.
        media_type: what the source says it is: a Content-Type or the type in a descriptor. Empty or a
            general type such as ``application/json`` if it does not say.

    Raises:
        DataError: too large, not valid, of an unknown or obsolete type, or the body contradicts ``media_type``.
    """
    body = _decode(content)
    kind = _agreed_type(body, media_type.partition(";")[0].strip().lower())
    if kind in IMAGE_TYPES:
        return _image(body, kind)
    return _index(body, kind)


def _invalid(reason: str) -> DataError:
    return DataError(problems.INVALID_MANIFEST, reason)


def _decode(content: bytes) -> _Body:
    if len(content) > MAX_MANIFEST_BYTES:
        raise DataError(
            problems.TOO_LARGE, f"a manifest has {len(content)} bytes; {MAX_MANIFEST_BYTES} are accepted"
        )
    try:
        body = _DECODER.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _invalid(f"the manifest cannot be read: {error}") from error
    if body.schema_version == 1 or body.fs_layers is not msgspec.UNSET:
        raise DataError(problems.MANIFEST_SCHEMA1, "the manifest has schemaVersion 1")
    if body.schema_version != 2:
        raise _invalid(f"the manifest has schemaVersion {body.schema_version}; only 2 is known")
    return body


def _agreed_type(body: _Body, stated: str) -> str:
    stated = "" if stated in _UNTYPED else stated
    if stated.startswith(_SCHEMA1_PREFIX) or body.media_type.startswith(_SCHEMA1_PREFIX):
        raise DataError(problems.MANIFEST_SCHEMA1, f"the manifest has the type {stated or body.media_type}")
    if stated and body.media_type and stated != body.media_type:
        raise _invalid(
            f"the manifest says it is {body.media_type[:_SHOWN]!r}, its source says {stated[:_SHOWN]!r}"
        )
    kind = stated or body.media_type or _type_by_shape(body)
    if kind not in IMAGE_TYPES and kind not in INDEX_TYPES:
        raise _invalid(f"the manifest type {kind[:_SHOWN]!r} is not known")
    return kind


def _type_by_shape(body: _Body) -> str:
    # OCI makes mediaType optional, and a layout does not name the type of what is reached by digest alone.
    return OCI_INDEX if body.manifests is not msgspec.UNSET else OCI_MANIFEST


def _image(body: _Body, kind: str) -> Image:
    if body.manifests is not msgspec.UNSET:
        raise _invalid("the manifest of an image has a list of manifests as well")
    if body.config is None or body.layers is msgspec.UNSET:
        raise _invalid("the manifest of an image lacks 'config' or 'layers'")
    layers = body.layers or []
    if len(layers) > MAX_LAYERS:
        raise DataError(problems.TOO_LARGE, f"an image has {len(layers)} layers; {MAX_LAYERS} are accepted")
    return Image(_descriptor(body.config), tuple(map(_descriptor, layers)), kind)


def _index(body: _Body, kind: str) -> Index:
    if body.layers is not msgspec.UNSET or body.config is not None:
        raise _invalid("an index has 'config' or 'layers' of an image as well")
    if body.manifests is msgspec.UNSET:
        raise _invalid("an index lacks 'manifests'")
    entries = body.manifests or []
    if len(entries) > MAX_INDEX_ENTRIES:
        raise DataError(
            problems.TOO_LARGE, f"an index has {len(entries)} entries; {MAX_INDEX_ENTRIES} are accepted"
        )
    return Index(tuple(map(_entry, entries)), kind)


def _descriptor(wire: _Descriptor) -> Descriptor:
    return Descriptor(wire.media_type, parse_digest(wire.digest), wire.size)


def _entry(wire: _Descriptor) -> IndexEntry:
    platform = wire.platform or _Platform()
    annotations = wire.annotations or {}
    kind = annotations.get("vnd.docker.reference.type")
    return IndexEntry(
        descriptor=_descriptor(wire),
        architecture=platform.architecture,
        os=platform.os,
        variant=platform.variant,
        is_attestation=kind == "attestation-manifest",
        subject=annotations.get("vnd.docker.reference.digest", ""),
    )
