"""Writing OCI layouts: the sample platform, generated repositories and tests are made with this.

The same calls give the same bytes: JSON is sorted, nothing has a time stamp. Every file is written
beside its place and renamed, so a reader sees an old file or a whole new one. ``index.json`` is written
once, at a clean end of the ``with`` block; before that a reader sees none of the new tags.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from upgraph.oci.disk.layout_entries import LayoutEntries, read_entries, replace_file, write_index
from upgraph.oci.images.digest import digest_of
from upgraph.oci.images.documents import (
    Platform,
    config_type,
    encoded,
    image_document,
    index_document,
)
from upgraph.oci.images.manifest import OCI_INDEX, OCI_MANIFEST, Descriptor


class LayoutWriter:
    """Writes images into an OCI layout directory, which is made if it is not there.

    ::

        with LayoutWriter(path) as layout:
            layer = layout.blob(content, OCI_LAYER_GZIP)
            layout.image(config={"architecture": "amd64", "os": "linux"}, layers=[layer], tag="4.18.1-x86_64")

    An existing layout keeps its images; a tag that is written again moves. Docker images keep their types
    in a layout, which we read by tag; skopeo finds them only inside an index, and OCI images by tag too.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries = LayoutEntries()

    def __enter__(self) -> Self:
        (self._path / "blobs").mkdir(parents=True, exist_ok=True)
        self._entries = read_entries(self._path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            write_index(self._path, self._entries.document())

    def blob(self, content: bytes, media_type: str) -> Descriptor:
        """Store ``content`` and say how to refer to it."""
        digest = digest_of(content)
        algorithm, _, name = digest.partition(":")
        target = self._path / "blobs" / algorithm / name
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            replace_file(target, content)
        return Descriptor(media_type, digest, len(content))

    def image(
        self,
        *,
        config: Mapping[str, object],
        layers: Sequence[Descriptor],
        tag: str | None = None,
        media_type: str = OCI_MANIFEST,
    ) -> Descriptor:
        """Store the manifest of an image.

        Args:
            config: the image configuration; at least ``architecture`` and ``os``.
            layers: from the base upwards, as :meth:`blob` gave them.
            tag: the tag that points to the image; None for an image that only an index refers to.
            media_type: ``OCI_MANIFEST`` or ``DOCKER_MANIFEST``.
        """
        stored = self.blob(encoded(config), config_type(media_type))
        return self._manifest(image_document(stored, layers, media_type), media_type, tag)

    def index(
        self,
        entries: Sequence[tuple[Descriptor, Platform]],
        tag: str | None = None,
        *,
        media_type: str = OCI_INDEX,
    ) -> Descriptor:
        """Store an index of images in the given order; ``media_type`` may be ``DOCKER_MANIFEST_LIST``."""
        return self._manifest(index_document(entries, media_type), media_type, tag)

    def _manifest(self, content: bytes, media_type: str, tag: str | None) -> Descriptor:
        descriptor = self.blob(content, media_type)
        if tag is not None:
            self._entries.point(tag, descriptor)
        return descriptor
