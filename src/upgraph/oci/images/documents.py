"""The JSON of images and indexes, as our writers make it. Pure, and the same values give the same bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from upgraph.oci.images.manifest import (
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    Descriptor,
)


@dataclass(frozen=True, slots=True)
class Platform:
    """What an image of an index runs on, in the words of Go: ``amd64``, ``arm64``, ``s390x``, ``ppc64le``."""

    architecture: str
    os: str = "linux"
    variant: str = ""


def config_type(media_type: str) -> str:
    """The type of the configuration that belongs to a manifest of ``media_type``."""
    return DOCKER_CONFIG if media_type == DOCKER_MANIFEST else OCI_CONFIG


def encoded(document: Mapping[str, object]) -> bytes:
    """A document with its keys sorted."""
    return msgspec.json.encode(document, order="deterministic")


def image_document(config: Descriptor, layers: Sequence[Descriptor], media_type: str) -> bytes:
    """The manifest of an image; its layers from the base upwards."""
    document = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": reference_to(config),
        "layers": [reference_to(layer) for layer in layers],
    }
    return encoded(document)


def index_document(entries: Sequence[tuple[Descriptor, Platform]], media_type: str) -> bytes:
    """An index of images in the given order."""
    manifests = [reference_to(image) | {"platform": _platform(platform)} for image, platform in entries]
    return encoded({"schemaVersion": 2, "mediaType": media_type, "manifests": manifests})


def reference_to(descriptor: Descriptor) -> dict[str, object]:
    """A descriptor as it stands in documents."""
    return {"mediaType": descriptor.media_type, "digest": descriptor.digest, "size": descriptor.size}


def _platform(platform: Platform) -> dict[str, str]:
    variant = {"variant": platform.variant} if platform.variant else {}
    return {"architecture": platform.architecture, "os": platform.os, **variant}
