"""Writes images straight into the storage of a ``docker-registry``: some thousand a minute, where pushing takes hours.

The layout on disk is that of the ``filesystem`` driver of the distribution project (its
``registry/storage/paths.go``): content under ``blobs``, and links to it under ``repositories``. Writing is
idempotent and needs no order, so several processes may write at the same time.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from upgraph.oci import DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, Descriptor, Digest, Platform, digest_of

DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"


class RepositoryStorage:
    """One repository.

    Args:
        directory: where the registry keeps everything, its ``rootdirectory``.
        name: the path of the repository in the registry.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self._blobs = directory / "docker/registry/v2/blobs/sha256"
        self._repository = directory / "docker/registry/v2/repositories" / name

    def layer(self, content: bytes, media_type: str) -> Descriptor:
        """Store a layer or a configuration."""
        descriptor = self._blob(content, media_type)
        self._link(f"_layers/{_path(descriptor.digest)}", descriptor.digest)
        return descriptor

    def image(
        self, config: Mapping[str, object], layers: Sequence[Descriptor], tag: str | None = None
    ) -> Descriptor:
        """Store an image; ``layers`` are listed from the base upwards."""
        stored = self.layer(msgspec.json.encode(config, order="deterministic"), DOCKER_CONFIG)
        body = {"config": _reference(stored), "layers": [_reference(layer) for layer in layers]}
        return self._manifest(body, DOCKER_MANIFEST, tag)

    def manifest_list(self, entries: Sequence[tuple[Descriptor, Platform]], tag: str) -> Descriptor:
        """Store a manifest list."""
        manifests = [
            _reference(image) | {"platform": {"architecture": platform.architecture, "os": platform.os}}
            for image, platform in entries
        ]
        return self._manifest({"manifests": manifests}, DOCKER_MANIFEST_LIST, tag)

    def tagged(self, tag: str) -> bytes:
        """The manifest that a tag points to."""
        digest = (self._repository / f"_manifests/tags/{tag}/current/link").read_text()
        name = digest.partition(":")[2]
        return (self._blobs / name[:2] / name / "data").read_bytes()

    def _manifest(self, body: Mapping[str, object], media_type: str, tag: str | None) -> Descriptor:
        document = {"schemaVersion": 2, "mediaType": media_type, **body}
        descriptor = self._blob(msgspec.json.encode(document, order="deterministic"), media_type)
        self._link(f"_manifests/revisions/{_path(descriptor.digest)}", descriptor.digest)
        if tag is not None:
            self._link(f"_manifests/tags/{tag}/index/{_path(descriptor.digest)}", descriptor.digest)
            self._link(f"_manifests/tags/{tag}/current", descriptor.digest)
        return descriptor

    def _blob(self, content: bytes, media_type: str) -> Descriptor:
        digest = digest_of(content)
        name = digest.partition(":")[2]
        _write(self._blobs / name[:2] / name / "data", content)
        return Descriptor(media_type, digest, len(content))

    def _link(self, path: str, digest: Digest) -> None:
        _write(self._repository / path / "link", digest.encode())


def _path(digest: Digest) -> str:
    return digest.replace(":", "/")


def _reference(descriptor: Descriptor) -> dict[str, object]:
    return {"mediaType": descriptor.media_type, "digest": descriptor.digest, "size": descriptor.size}


def _write(target: Path, content: bytes) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    beside.write_bytes(content)
    beside.replace(target)
