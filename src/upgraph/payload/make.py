"""Makes release images: the sample platform, benchmarks and tests are built with this.

A release is one layer on top of a base, with ``release-manifests/image-references`` and
``release-manifests/release-metadata`` in front of the manifests, and a label in its configuration: as
`oc adm release new` writes it. The same values give the same bytes.
"""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from upgraph.oci import (
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Descriptor,
    LayerFile,
    LayoutWriter,
    digest_of,
    gzipped,
    tar_layer,
)
from upgraph.payload.metadata import METADATA_PATH
from upgraph.payload.reader import RELEASE_LABEL

_FOLDER = METADATA_PATH.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class ReleaseContent:
    """What goes into a release image."""

    version: str
    previous: Sequence[str] = ()
    next: Sequence[str] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    """Pull specs by component name."""
    manifests: Mapping[str, bytes] = field(default_factory=dict)
    """Further files of ``release-manifests/`` by name."""


def release_layer(content: ReleaseContent) -> bytes:
    """The layer of a release, as a gzip-compressed tar archive."""
    files = {"image-references": _image_references(content), "release-metadata": _metadata(content)}
    files |= dict(sorted(content.manifests.items()))
    return gzipped(tar_layer(LayerFile(f"{_FOLDER}/{name}", body, 0o444) for name, body in files.items()))


def add_release(
    layout: LayoutWriter,
    content: ReleaseContent,
    arch: str,
    tag: str | None = None,
    *,
    media_type: str = OCI_MANIFEST,
) -> Descriptor:
    """Write a release image for one architecture into a layout and tag it."""
    layer = release_layer(content)
    config = {
        "architecture": arch,
        "os": "linux",
        "config": {"Labels": {RELEASE_LABEL: content.version}},
        # Engines refuse an image without it: the digest of each layer before it was compressed.
        "rootfs": {"type": "layers", "diff_ids": [digest_of(gzip.decompress(layer))]},
    }
    stored = layout.blob(layer, OCI_LAYER_GZIP)
    return layout.image(config=config, layers=[stored], tag=tag, media_type=media_type)


def _image_references(content: ReleaseContent) -> bytes:
    tags = [
        {"name": name, "from": {"kind": "DockerImage", "name": spec}}
        for name, spec in sorted(content.images.items())
    ]
    stream = {
        "kind": "ImageStream",
        "apiVersion": "image.openshift.io/v1",
        "metadata": {"name": content.version},
        "spec": {"lookupPolicy": {"local": False}, "tags": tags},
    }
    return msgspec.json.format(msgspec.json.encode(stream), indent=2)


def _metadata(content: ReleaseContent) -> bytes:
    document: dict[str, object] = {"kind": "cincinnati-metadata-v0", "version": content.version}
    document["previous"] = sorted(content.previous)
    if content.next:
        document["next"] = sorted(content.next)
    document["metadata"] = dict(sorted(content.metadata.items()))
    return msgspec.json.format(msgspec.json.encode(document), indent=2)
