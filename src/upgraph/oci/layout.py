"""An OCI image layout on disk as a source of images.

Tags are the ``org.opencontainers.image.ref.name`` annotations of ``index.json``. Paths are built from
validated digests alone, and a link that leads out of the layout is not followed: a layout may come
from removable media. The index is read again when the file changes, so a layout that is being
mirrored into is seen as it was before or after, never in between.

An entry of the index that cannot be used spoils no other: it is listed, and refused when it is asked for.
"""

import asyncio
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Annotated, BinaryIO, Self

import msgspec

from upgraph.errors import DataError, RemoteError
from upgraph.errors.problems import oci as problems
from upgraph.oci.digest import Digest, algorithm_of, is_digest, parse_digest, verify
from upgraph.oci.image_source import FIRST_RANGE_BYTES, MAX_TAGS, ImageMissing, Manifest, Sink
from upgraph.oci.manifest import MAX_MANIFEST_BYTES, Descriptor
from upgraph.oci.write import REF_NAME

MAX_INDEX_BYTES = 64 * 1024 * 1024
"""Largest index.json: about 200,000 images."""
CHUNK_BYTES = 256 * 1024
"""Largest piece of a blob that is read at once."""
READ_SECONDS = 60.0
"""Longest wait for one read from the disk, which may be a network share that is gone."""
_MAX_MARKER_BYTES = 4096
_MAX_DIRECT_BYTES = 64 * 1024
"""Up to this size a read is done at once: changing to a thread would cost more than reading."""


_MAX_SHOWN = 200
"""Characters of a tag in a message."""


class _Annotations(msgspec.Struct, frozen=True):
    tag: str = msgspec.field(name=REF_NAME, default="")


class _Tagged(msgspec.Struct, frozen=True):
    annotations: _Annotations | None = None

    @property
    def tag(self) -> str:
        return "" if self.annotations is None else self.annotations.tag


class _Addressed(msgspec.Struct, frozen=True):
    digest: str


class _Entry(_Tagged, frozen=True, rename="camel", kw_only=True):
    media_type: str
    digest: str
    size: Annotated[int, msgspec.Meta(ge=0)]


class _Index(msgspec.Struct, frozen=True, rename="camel"):
    manifests: list[msgspec.Raw] | None
    schema_version: int = 2


class _Marker(msgspec.Struct, frozen=True, rename="camel"):
    image_layout_version: str


@dataclass(frozen=True, slots=True)
class _Listing:
    """The index as it was when the file had ``stamp``."""

    stamp: tuple[int, int, int]
    tags: dict[str, Descriptor]
    digests: dict[str, Descriptor]
    faults: dict[str, str]
    """Why a name cannot be used. It may stand in ``tags`` as well, and must not be looked up there."""

    def names(self) -> list[str]:
        return sorted(self.tags.keys() | self.faults.keys())


class LayoutSource:
    """The images of an OCI layout directory. It keeps no file open between calls."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._listing: _Listing | None = None

    @property
    def name(self) -> str:
        """``oci:path``."""
        return f"oci:{self._path}"

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
                raise self._invalid(f"the manifest {found.digest} has {len(content)} bytes, {stated}")
            return Manifest(found.digest, found.media_type, content)
        if not is_digest(reference):
            raise ImageMissing(problems.IMAGE_MISSING, f"{self.name} has no tag {reference!r}", status=404)
        digest = parse_digest(reference)
        return Manifest(digest, "", await self._read_manifest(digest))

    async def pour(self, blob: Descriptor, into: Sink, *, first: int | None = FIRST_RANGE_BYTES) -> int:
        """See :meth:`ImageSource.pour`."""
        what = f"the blob {blob.digest}"
        try:
            file = self._open(_blob_path(blob.digest), what)
        except FileNotFoundError as error:
            raise DataError(problems.CONTENT_MISSING, f"{self.name}: {what} is not there") from error
        with file:
            size = os.fstat(file.fileno()).st_size
            if size != blob.size:
                raise self._invalid(f"{what} has {size} bytes, its descriptor says {blob.size}")
            return await self._pour_file(file, blob, into, first or CHUNK_BYTES)

    async def close(self) -> None:
        """Nothing to give back."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _pour_file(self, file: BinaryIO, blob: Descriptor, into: Sink, step: int) -> int:
        what = f"the blob {blob.digest}"
        done = 0
        while done < blob.size:
            chunk = await self._read(file, min(step, CHUNK_BYTES, blob.size - done), what)
            if not chunk:
                raise self._invalid(f"{what} ended at {done} of {blob.size} bytes")
            done += len(chunk)
            if not into.feed(chunk):
                break
            step *= 2
        return done

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
            content = await self._read_whole(_blob_path(digest), MAX_MANIFEST_BYTES, what)
        except FileNotFoundError as error:
            raise ImageMissing(problems.IMAGE_MISSING, f"{self.name} has no {digest}", status=404) from error
        verify(content, digest, f"{self.name}: {what}")
        return content

    async def _read_listing(self) -> _Listing:
        try:
            stamp = _stamp(self._path / "index.json")
            if self._listing is None or self._listing.stamp != stamp:
                self._listing = await self._load_listing(stamp)
        except FileNotFoundError as error:
            raise self._invalid(f"{Path(str(error.filename)).name} is not there") from error
        except OSError as error:
            raise self._invalid(f"index.json: {error.strerror}") from error
        return self._listing

    async def _load_listing(self, stamp: tuple[int, int, int]) -> _Listing:
        marker = await self._read_whole(Path("oci-layout"), _MAX_MARKER_BYTES, "oci-layout")
        content = await self._read_whole(Path("index.json"), MAX_INDEX_BYTES, "index.json")
        try:
            version = msgspec.json.decode(marker, type=_Marker).image_layout_version
            entries = msgspec.json.decode(content, type=_Index).manifests or []
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self._invalid(f"oci-layout or index.json cannot be read: {error}") from error
        if not version.startswith("1."):
            raise self._invalid(f"oci-layout has the version {version!r}; 1.x is known")
        if len(entries) > MAX_TAGS:
            raise self._invalid(f"index.json has {len(entries)} entries; {MAX_TAGS} are accepted")
        return _listing(entries, stamp)

    async def _read_whole(self, inside: Path, limit: int, what: str) -> bytes:
        with self._open(inside, what) as file:
            size = os.fstat(file.fileno()).st_size
            if size > limit:
                raise DataError(
                    problems.TOO_LARGE, f"{self.name}: {what} has {size} bytes; {limit} are accepted"
                )
            return await self._read(file, size, what)

    async def _read(self, file: BinaryIO, size: int, what: str) -> bytes:
        try:
            if size <= _MAX_DIRECT_BYTES:
                return file.read(size)
            async with asyncio.timeout(READ_SECONDS):
                return await asyncio.to_thread(file.read, size)
        except TimeoutError as error:
            seen = f"{self.name}: {what}: no data from the disk in {READ_SECONDS:.0f} s"
            raise RemoteError(problems.TIMEOUT, seen, retryable=True) from error
        except OSError as error:
            raise self._invalid(f"{what} cannot be read: {error.strerror}") from error

    def _open(self, inside: Path, what: str) -> BinaryIO:
        """Open a file of the layout.

        Raises:
            FileNotFoundError: it is not there; callers know what that means.
            DataError: it is no regular file, lies outside the layout, or cannot be opened.
        """
        try:
            root = self._path.resolve(strict=True)
            target = (root / inside).resolve(strict=True)
            if not target.is_relative_to(root):
                raise self._invalid(f"{what} is a link that leads out of the layout")
            # NONBLOCK: opening a pipe would wait for a writer for ever. NOFOLLOW: all links are resolved above.
            file = os.fdopen(
                os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb"
            )
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._invalid(f"{what} cannot be opened: {error.strerror}") from error
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise self._invalid(f"{what} is no regular file")
        return file

    def _invalid(self, reason: str) -> DataError:
        return DataError(problems.INVALID_LAYOUT, f"{self.name}: {reason}")


def _listing(entries: list[msgspec.Raw], stamp: tuple[int, int, int]) -> _Listing:
    listing = _Listing(stamp, {}, {}, {})
    for place, entry in enumerate(entries):
        try:
            tag, descriptor = _tagged_descriptor(entry)
        except DataError as error:
            listing.faults.setdefault(_name_of(entry, place), error.seen)
            continue
        listing.digests[descriptor.digest] = descriptor
        first = listing.tags.setdefault(tag, descriptor)
        if first.digest != descriptor.digest:
            # Which of the two is meant cannot be known, and a wrong guess would be offered to clusters.
            listing.faults.setdefault(tag, f"points to {first.digest} and to {descriptor.digest}")
    return listing


def _tagged_descriptor(raw: msgspec.Raw) -> tuple[str, Descriptor]:
    try:
        entry = msgspec.json.decode(raw, type=_Entry)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(problems.LAYOUT_ENTRY, f"cannot be read: {error}") from error
    digest = parse_digest(entry.digest)
    tag = entry.tag or digest
    if tag != digest and is_digest(tag):
        # Whoever asks for that digest must never get this image.
        raise DataError(problems.LAYOUT_ENTRY, f"the tag of {digest} is another digest, {tag}")
    return tag, Descriptor(entry.media_type, digest, entry.size)


def _name_of(raw: msgspec.Raw, place: int) -> str:
    """What an entry that cannot be used is listed as: its tag, else its digest, else its place in the index."""
    with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        tag = msgspec.json.decode(raw, type=_Tagged).tag
        if tag:
            return f"manifests[{place}]" if is_digest(tag) else tag
    with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        digest = msgspec.json.decode(raw, type=_Addressed).digest
        if is_digest(digest):
            return digest
    return f"manifests[{place}]"


def _blob_path(digest: Digest) -> Path:
    return Path("blobs", algorithm_of(digest), digest.partition(":")[2])


def _stamp(index: Path) -> tuple[int, int, int]:
    status = index.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size
