"""Makes release images: for `upgraph release new`, the sample platform, benchmarks and tests.

A release is one layer on top of a base, or of nothing, with ``release-manifests/image-references`` and
``release-manifests/release-metadata`` in front of the manifests, and labels in its configuration: as
`oc adm release new` writes it. The same values give the same bytes.

Readers look at the topmost layer, and at the beginning of it, so there is never more than one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from upgraph.oci import (
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Descriptor,
    Digest,
    LayerFile,
    LayerFolder,
    LayoutWriter,
    digest_of,
    gzipped,
    tar_layer,
)
from upgraph.payload.contents import FOLDER, METADATA, REFERENCES
from upgraph.payload.go_json import go_json
from upgraph.payload.reader import RELEASE_LABEL
from upgraph.payload.references import Component, ImageReferences, references_document

BASE_LABEL = "io.openshift.release.base-image-digest"
"""Label with the digest of the manifest of the base."""
COMMENT = "Release image for OpenShift"
"""What the history of the image says of the layer."""

_FOLDER_MODE = 0o777
_FILE_MODE = 0o444


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
    times: Mapping[str, int] = field(default_factory=dict)
    """When manifests were changed, by name, in seconds since 1970; 0 for those that are not named."""
    annotations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Annotations of components, by component name: versions and commits."""

    @property
    def modified(self) -> int:
        """When the newest manifest was changed, in seconds since 1970: the time of all that is made here."""
        return max(self.times.values(), default=0)

    @property
    def references(self) -> ImageReferences:
        """The list of components."""
        return ImageReferences(
            self.version,
            tuple(
                Component(name, spec, self.annotations.get(name, {}))
                for name, spec in sorted(self.images.items())
            ),
        )


@dataclass(frozen=True, slots=True)
class Foundation:
    """What the layer of a release is put on: a base image, or nothing but an architecture."""

    architecture: str
    media_type: str = OCI_MANIFEST
    """Type of the manifest of the release: the one of the base."""
    digest: Digest | None = None
    """Digest of the manifest of the base; None without a base."""
    layers: tuple[Descriptor, ...] = ()
    config: Mapping[str, object] = field(default_factory=dict)
    """The configuration of the base: how a container of it is started, and what its layers are."""


class ImageMaker(Protocol):
    """What images are made in: a composition or a layout."""

    def blob(self, content: bytes, media_type: str) -> Descriptor:
        """Take ``content`` and say how to refer to it."""
        ...

    def image(
        self, *, config: Mapping[str, object], layers: Sequence[Descriptor], media_type: str
    ) -> Descriptor:
        """Make the manifest of an image."""
        ...


def release_layer(content: ReleaseContent) -> bytes:
    """The layer of a release, as a gzip-compressed tar archive."""
    return gzipped(_archive(content))


def make_release(images: ImageMaker, content: ReleaseContent, foundation: Foundation) -> Descriptor:
    """Make the release image for one architecture."""
    config, layers = _assembled(images, content, foundation)
    return images.image(config=config, layers=layers, media_type=foundation.media_type)


def add_release(
    layout: LayoutWriter,
    content: ReleaseContent,
    arch: str,
    tag: str | None = None,
    *,
    media_type: str = OCI_MANIFEST,
) -> Descriptor:
    """Write a release image without a base into a layout and tag it."""
    config, layers = _assembled(layout, content, Foundation(arch, media_type))
    return layout.image(config=config, layers=layers, tag=tag, media_type=media_type)


def _assembled(
    images: ImageMaker, content: ReleaseContent, foundation: Foundation
) -> tuple[dict[str, object], list[Descriptor]]:
    archive = _archive(content)
    kind = DOCKER_LAYER_GZIP if foundation.media_type == DOCKER_MANIFEST else OCI_LAYER_GZIP
    layer = images.blob(gzipped(archive), kind)
    return _config(content, foundation, digest_of(archive)), [*foundation.layers, layer]


def _archive(content: ReleaseContent) -> bytes:
    return tar_layer(_entries(content))


def _entries(content: ReleaseContent) -> Iterator[LayerFile | LayerFolder]:
    newest = content.modified
    yield LayerFolder(FOLDER, _FOLDER_MODE, newest)
    made = {REFERENCES: references_document(content.references, _time(newest)), METADATA: _metadata(content)}
    for name, body in made.items():
        yield LayerFile(f"{FOLDER}/{name}", body, _FILE_MODE, newest)
    for name, body in sorted(content.manifests.items()):
        yield LayerFile(f"{FOLDER}/{name}", body, _FILE_MODE, content.times.get(name, 0))


def _metadata(content: ReleaseContent) -> bytes:
    document: dict[str, object] = {"kind": "cincinnati-metadata-v0", "version": content.version}
    document["previous"] = sorted(content.previous)
    if content.next:
        document["next"] = sorted(content.next)
    document["metadata"] = dict(sorted(content.metadata.items()))
    return go_json(document)


def _config(content: ReleaseContent, foundation: Foundation, diff_id: Digest) -> dict[str, object]:
    """The configuration: that of the base, with labels of its own and one layer more."""
    base = foundation.config
    labels = {RELEASE_LABEL: content.version}
    if foundation.digest is not None:
        labels[BASE_LABEL] = foundation.digest
    created = _time(content.modified)
    config = {
        **base,
        "architecture": foundation.architecture,
        "os": "linux",
        "created": created,
        "config": {**_table(base.get("config")), "Labels": labels},
        # Engines refuse an image without it: the digest of each layer before it was compressed.
        "rootfs": {
            "type": "layers",
            "diff_ids": [*_list(_table(base.get("rootfs")).get("diff_ids")), diff_id],
        },
    }
    history = _list(base.get("history"))
    if len(history) >= len(foundation.layers):
        # A history that tells of fewer layers than there are is no history, and engines refuse it.
        config["history"] = [*history, {"created": created, "comment": COMMENT}]
    return config


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
