"""An OCI image layout as a source of images, in a directory or wherever its files lie.

Paths are built from validated digests alone. The index is read again when its file changes, so a layout
that is being mirrored into is seen as it was before or after, never in between.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from upgraph.errors import DataError
from upgraph.errors.problems import oci as problems
from upgraph.oci.disk.folder import Folder
from upgraph.oci.disk.layout_entries import MAX_INDEX_BYTES
from upgraph.oci.disk.layout_index import MAX_MARKER_BYTES, Listing, parse_listing
from upgraph.oci.disk.storage import Storage, pour_blob, read_blob, read_whole
from upgraph.oci.images.closing import Closing
from upgraph.oci.images.digest import Digest, algorithm_of, is_digest, parse_digest, verify
from upgraph.oci.images.manifest import MAX_MANIFEST_BYTES, Descriptor
from upgraph.oci.images.source import FIRST_RANGE_BYTES, ImageMissing, Manifest, Sink

_MAX_SHOWN = 200
"""Characters of a tag in a message."""


@dataclass(frozen=True, slots=True)
class _Read:
    """The index as it was when it had ``stamp``."""

    stamp: tuple[int, ...]
    listing: Listing


class LayoutSource(Closing):
    """The images of an OCI layout. It keeps no file open between calls.

    Args:
        place: its directory, or what opens its files.
    """

    def __init__(self, place: Path | Storage) -> None:
        if isinstance(place, Path):
            place = Folder(place, "oci", problems.INVALID_LAYOUT)
        self._storage: Storage = place
        self._read: _Read | None = None

    @property
    def name(self) -> str:
        """``oci:path``, or as its storage is called."""
        return self._storage.name

    async def tags(self) -> list[str]:
        """See :meth:`ImageSource.tags`. An image without a tag is listed under its digest."""
        return (await self._read_listing()).names()

    async def resolve(self, reference: str) -> Digest | None:
        """See :meth:`ImageSource.resolve`. A layout always knows."""
        found = await self._find(reference)
        if found is not None:
            return found.digest
        return (await self.manifest(reference)).digest

    async def manifest(self, reference: str) -> Manifest:
        """See :meth:`ImageSource.manifest`. What only an index refers to has no stated type."""
        found = await self._find(reference)
        if found is not None:
            content = await self._read_listed(found.digest)
            if len(content) != found.size:
                stated = f"index.json says {found.size}"
                reason = f"the manifest {found.digest} has {len(content)} bytes, {stated}"
                raise self._storage.invalid(reason)
            return Manifest(found.digest, found.media_type, content)
        if not is_digest(reference):
            raise ImageMissing(problems.IMAGE_MISSING, f"{self.name} has no tag {reference!r}", status=404)
        digest = parse_digest(reference)
        return Manifest(digest, "", await self._read_manifest(digest))

    async def pour(self, blob: Descriptor, into: Sink, *, first: int | None = FIRST_RANGE_BYTES) -> int:
        """See :meth:`ImageSource.pour`."""
        return await pour_blob(self._storage, _blob_path(blob.digest), blob, into, first)

    def read(self, blob: Descriptor, start: int = 0) -> AsyncGenerator[bytes, None]:
        """See :meth:`ImageSource.read`."""
        return read_blob(self._storage, _blob_path(blob.digest), blob, start)

    async def close(self) -> None:
        """Nothing to give back."""

    async def _find(self, reference: str) -> Descriptor | None:
        """What the index says of a tag or digest.

        Raises:
            DataError: it says something that cannot be used.
        """
        listing = await self._read_listing()
        fault = listing.faults.get(reference)
        if fault is not None:
            seen = f"{self.name}: {reference[:_MAX_SHOWN]!r} in index.json: {fault}"
            raise DataError(problems.LAYOUT_ENTRY, seen)
        return listing.tags.get(reference) or listing.digests.get(reference)

    async def _read_listed(self, digest: Digest) -> bytes:
        try:
            return await self._read_manifest(digest)
        except ImageMissing as error:
            # The index still has the image: a copy that is not finished, not an image that was taken away.
            seen = f"{self.name}: index.json has {digest}, but its file is not there"
            raise DataError(problems.CONTENT_MISSING, seen) from error

    async def _read_manifest(self, digest: Digest) -> bytes:
        what = f"the manifest {digest}"
        try:
            content = await read_whole(self._storage, _blob_path(digest), MAX_MANIFEST_BYTES, what)
        except FileNotFoundError as error:
            raise ImageMissing(problems.IMAGE_MISSING, f"{self.name} has no {digest}", status=404) from error
        verify(content, digest, f"{self.name}: {what}")
        return content

    async def _read_listing(self) -> Listing:
        try:
            stamp = self._storage.stamp("index.json")
            if self._read is None or self._read.stamp != stamp:
                self._read = _Read(stamp, await self._load_listing())
        except FileNotFoundError as error:
            raise self._storage.invalid(f"{Path(str(error.filename)).name} is not there") from error
        except OSError as error:
            raise self._storage.invalid(f"index.json: {error.strerror}") from error
        return self._read.listing

    async def _load_listing(self) -> Listing:
        marker = await read_whole(self._storage, "oci-layout", MAX_MARKER_BYTES, "oci-layout")
        index = await read_whole(self._storage, "index.json", MAX_INDEX_BYTES, "index.json")
        try:
            return parse_listing(marker, index)
        except ValueError as error:
            raise self._storage.invalid(str(error)) from error


def _blob_path(digest: Digest) -> str:
    return f"blobs/{algorithm_of(digest)}/{digest.partition(':')[2]}"
