"""Images that are put together here, before they are anywhere: a source like others, and copied like others.

A new image often stands on layers of an old one. Those are not held: they are read from where the base is,
when somebody pours them.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from upgraph.errors import DataError
from upgraph.errors.problems import oci as problems
from upgraph.oci.images.closing import Closing
from upgraph.oci.images.digest import Digest, digest_of, is_digest
from upgraph.oci.images.documents import Platform, config_type, encoded, image_document, index_document
from upgraph.oci.images.manifest import OCI_INDEX, OCI_MANIFEST, Descriptor
from upgraph.oci.images.source import FIRST_RANGE_BYTES, ImageMissing, ImageSource, Manifest, Sink

_PIECE_BYTES = 64 * 1024


class Composition(Closing):
    """An :class:`ImageSource` of images that are made with its methods.

    ::

        images = Composition("graph data")
        layer = images.blob(content, OCI_LAYER_GZIP)
        image = images.image(config={"architecture": "amd64", "os": "linux"}, layers=[layer])
        images.tag("4.18", images.index([(image, Platform("amd64"))]))

    Args:
        name: for messages.
        base: where layers lie that were not made here, and images that are named by their digest. It is closed with
            the composition.
    """

    def __init__(self, name: str, base: ImageSource | None = None) -> None:
        self.name = name
        self._base = base
        self._blobs: dict[Digest, bytes] = {}
        self._manifests: dict[Digest, Manifest] = {}
        self._tags: dict[str, Digest] = {}

    def blob(self, content: bytes, media_type: str) -> Descriptor:
        """Take ``content`` and say how to refer to it."""
        digest = digest_of(content)
        self._blobs[digest] = content
        return Descriptor(media_type, digest, len(content))

    def image(
        self, *, config: Mapping[str, object], layers: Sequence[Descriptor], media_type: str = OCI_MANIFEST
    ) -> Descriptor:
        """Make the manifest of an image.

        Args:
            config: the image configuration; at least ``architecture`` and ``os``.
            layers: from the base upwards: those of :meth:`blob` and those of the base.
            media_type: ``OCI_MANIFEST`` or ``DOCKER_MANIFEST``.
        """
        stored = self.blob(encoded(config), config_type(media_type))
        return self._manifest(image_document(stored, layers, media_type), media_type)

    def index(
        self, entries: Sequence[tuple[Descriptor, Platform]], *, media_type: str = OCI_INDEX
    ) -> Descriptor:
        """Make an index of images in the given order; ``media_type`` may be ``DOCKER_MANIFEST_LIST``."""
        return self._manifest(index_document(entries, media_type), media_type)

    def document(self, document: Mapping[str, object], media_type: str) -> Descriptor:
        """Take a manifest that says more than those of :meth:`image` and :meth:`index`, for example a subject."""
        return self._manifest(encoded(document), media_type)

    def tag(self, tag: str, image: Descriptor) -> None:
        """Let a tag point to an image or index that was made here."""
        self._tags[tag] = image.digest

    async def tags(self) -> list[str]:
        """See :meth:`ImageSource.tags`."""
        return sorted(self._tags)

    async def resolve(self, reference: str) -> Digest | None:
        """See :meth:`ImageSource.resolve`. It always knows."""
        return (await self.manifest(reference)).digest

    async def manifest(self, reference: str) -> Manifest:
        """See :meth:`ImageSource.manifest`."""
        found = self._manifests.get(self._tags.get(reference, Digest(reference)))
        if found is None and self._base is not None and is_digest(reference):
            return await self._base.manifest(reference)
        if found is None:
            raise ImageMissing(problems.IMAGE_MISSING, f"{self.name} has no {reference!r}", status=404)
        return found

    async def pour(self, blob: Descriptor, into: Sink, *, first: int | None = FIRST_RANGE_BYTES) -> int:
        """See :meth:`ImageSource.pour`."""
        content = self._blobs.get(blob.digest)
        if content is None:
            if self._base is None:
                raise self._missing(blob.digest)
            return await self._base.pour(blob, into, first=first)
        self._expect_size(content, blob)
        return _pour(content, into)

    async def read(self, blob: Descriptor, start: int = 0) -> AsyncGenerator[bytes, None]:
        """See :meth:`ImageSource.read`."""
        content = self._blobs.get(blob.digest)
        if content is not None:
            self._expect_size(content, blob)
            for at in range(start, len(content), _PIECE_BYTES):
                yield content[at : at + _PIECE_BYTES]
            return
        if self._base is None:
            raise self._missing(blob.digest)
        async with aclosing(self._base.read(blob, start)) as pieces:
            async for piece in pieces:
                yield piece

    async def close(self) -> None:
        """Close the base."""
        if self._base is not None:
            await self._base.close()

    def _missing(self, digest: Digest) -> ImageMissing:
        return ImageMissing(problems.IMAGE_MISSING, f"{self.name} has no {digest}", status=404)

    def _expect_size(self, content: bytes, blob: Descriptor) -> None:
        if len(content) != blob.size:
            seen = f"{self.name}: {blob.digest} has {len(content)} bytes, its descriptor says {blob.size}"
            raise DataError(problems.INVALID_MANIFEST, seen)

    def _manifest(self, content: bytes, media_type: str) -> Descriptor:
        digest = digest_of(content)
        self._manifests[digest] = Manifest(digest, media_type, content)
        return Descriptor(media_type, digest, len(content))


def _pour(content: bytes, into: Sink) -> int:
    for start in range(0, len(content), _PIECE_BYTES):
        piece = content[start : start + _PIECE_BYTES]
        if not into.feed(piece):
            return start + len(piece)
    return len(content)
