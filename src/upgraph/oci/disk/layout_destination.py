"""An OCI layout in a directory as a destination of images.

Blobs are written beside their places and renamed when they are whole. What was written of a blob when a
copy broke off stays there, is checked, and gone on with by the next copy. ``index.json`` is written at most
once a second, and at the end, however the end comes about: a reader never sees a tag before its image.
"""

import asyncio
import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from upgraph.errors import DataError, UserError, VerificationError
from upgraph.errors.problems import oci as problems
from upgraph.oci.disk.layout_entries import LayoutEntries, read_entries, replace_file, write_index
from upgraph.oci.images.closing import Closing
from upgraph.oci.images.destination import BlobReader
from upgraph.oci.images.digest import Digest, Hasher, algorithm_of, verify
from upgraph.oci.images.manifest import MAX_MANIFEST_BYTES, Descriptor, Image, Index, parse_manifest
from upgraph.oci.images.source import Manifest

SAVE_SECONDS = 1.0
"""Least time between two writings of the index."""
_READ_BYTES = 1024 * 1024

_T = TypeVar("_T")


class LayoutDestination(Closing):
    """An OCI layout. The directory is made with the first thing that is put.

    Args:
        path: the directory.
        name: for messages, if not ``oci:path``.
    """

    def __init__(self, path: Path, name: str = "") -> None:
        self._path = path
        self._name = name or f"oci:{path}"
        self._entries: LayoutEntries | None = None
        self._lock: int | None = None
        self._preparing = asyncio.Lock()
        self._saving = asyncio.Lock()
        self._is_changed = False
        self._saved_at = 0.0
        self._turns: dict[Digest, asyncio.Lock] = {}
        self.held: set[Digest] = set()
        """What was put, or found to be there, through this object."""

    @property
    def name(self) -> str:
        """``oci:path``."""
        return self._name

    async def has_blob(self, blob: Descriptor) -> bool:
        """See :meth:`ImageDestination.has_blob`. A file of another size is no such blob."""
        try:
            found = self._place(blob.digest).stat().st_size == blob.size
        except OSError:
            found = False
        if found:
            self.held.add(blob.digest)
        return found

    async def put_blob(self, blob: Descriptor, read: BlobReader) -> None:
        """See :meth:`ImageDestination.put_blob`."""
        async with self._turns.setdefault(blob.digest, asyncio.Lock()):
            if await self.has_blob(blob):
                return
            with self._translated():
                await self._prepare()
                place = self._place(blob.digest)
                partial = place.with_name(f".{place.name}.partial")
                await self._in_thread(lambda: place.parent.mkdir(exist_ok=True))
                await self._fill(partial, blob, read)
                await self._in_thread(lambda: partial.replace(place))
            self.held.add(blob.digest)

    async def put_manifest(self, manifest: Manifest) -> None:
        """See :meth:`ImageDestination.put_manifest`."""
        with self._translated():
            await self._prepare()
            async with self._turns.setdefault(manifest.digest, asyncio.Lock()):
                await self._in_thread(lambda: self._put_manifest(manifest))
        self.held.add(manifest.digest)

    async def tagged(self, tag: str) -> Digest | None:
        """See :meth:`ImageDestination.tagged`."""
        with self._translated():
            entries = self._entries
            found = (await self._in_thread(self._load) if entries is None else entries).target(tag)
        return None if found is None else Digest(found)

    async def holds(self, digest: Digest) -> bool:
        """See :meth:`ImageDestination.holds`. Manifests are read, and every blob has to have its size."""
        waiting, met = [digest], {digest}
        while waiting:
            parsed = await asyncio.to_thread(self._manifest, waiting.pop())
            if isinstance(parsed, Index):
                named = {entry.descriptor.digest for entry in parsed.entries} - met
                waiting += sorted(named)
                met |= named
            elif parsed is None or not await self._has_all((parsed.config, *parsed.layers)):
                return False
        self.held |= met
        return True

    async def _has_all(self, blobs: Iterable[Descriptor]) -> bool:
        return all([await self.has_blob(blob) for blob in blobs])

    def _manifest(self, digest: Digest) -> Image | Index | None:
        """A manifest that is there; None if it is not, or is damaged."""
        try:
            with self._place(digest).open("rb") as file:
                content = file.read(MAX_MANIFEST_BYTES + 1)
            verify(content, digest, self.name)
            return parse_manifest(content, "")
        except (OSError, DataError, VerificationError):
            return None

    async def put_tag(self, tag: str, manifest: Manifest) -> None:
        """See :meth:`ImageDestination.put_tag`."""
        await self.put_manifest(manifest)
        with self._translated():
            entries = await self._prepare()
            entries.point(tag, Descriptor(manifest.media_type, manifest.digest, len(manifest.content)))
            self._is_changed = True
            async with self._saving:
                if self._is_changed and time.monotonic() - self._saved_at >= SAVE_SECONDS:
                    # Made here and not in the thread, since tags are given all the while.
                    document = entries.document()
                    self._is_changed = False
                    await self._in_thread(lambda: write_index(self._path, document))
                    self._saved_at = time.monotonic()

    async def free_bytes(self) -> int:
        """Room on the file system that the layout lies on."""
        there = next(place for place in (self._path, *self._path.absolute().parents) if place.exists())
        with self._translated():
            return (await self._in_thread(lambda: shutil.disk_usage(there))).free

    async def close(self) -> None:
        """Write the index, if it has changed."""
        try:
            with self._translated():
                self._save()
        finally:
            if self._lock is not None:
                lock, self._lock = self._lock, None
                os.close(lock)

    def _place(self, digest: Digest) -> Path:
        return self._path / "blobs" / algorithm_of(digest) / digest.partition(":")[2]

    def _put_manifest(self, manifest: Manifest) -> None:
        place = self._place(manifest.digest)
        place.parent.mkdir(exist_ok=True)
        if not place.exists() or place.read_bytes() != manifest.content:
            replace_file(place, manifest.content)

    async def _prepare(self) -> LayoutEntries:
        """The entries, after the directory was made and taken into possession."""
        async with self._preparing:
            if self._lock is None or self._entries is None:
                await self._in_thread(self._take_possession)
                # What was read before may have been changed until it was ours.
                return await self._in_thread(self._load)
            return self._entries

    def _take_possession(self) -> None:
        (self._path / "blobs").mkdir(parents=True, exist_ok=True)
        lock = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise UserError(problems.BUSY_LAYOUT, self.name) from error
        self._lock = lock

    def _load(self) -> LayoutEntries:
        try:
            self._entries = read_entries(self._path)
        except msgspec.MsgspecError as error:
            raise DataError(problems.INVALID_LAYOUT, f"{self.name}: index.json: {error}") from error
        return self._entries

    def _save(self) -> None:
        if self._is_changed and self._entries is not None:
            write_index(self._path, self._entries.document())
            self._is_changed = False

    async def _fill(self, partial: Path, blob: Descriptor, read: BlobReader) -> None:
        """Write what is missing of a blob; what is not the blob is removed."""
        hasher = Hasher.like(blob.digest)
        with await self._in_thread(lambda: partial.open("a+b")) as file:
            begun = await self._in_thread(lambda: _take_up(file, hasher, blob.size))
            got = begun
            async with aclosing(read(begun)) as pieces:
                async for piece in pieces:
                    hasher.update(piece)
                    got += len(piece)
                    await self._in_thread(lambda: file.write(piece))  # noqa: B023 - it is called at once
            await self._in_thread(file.flush)
        if (got, hasher.digest()) == (blob.size, blob.digest):
            return
        await self._in_thread(partial.unlink)
        if begun:
            # What was there may be the reason.
            await self._fill(partial, blob, read)
            return
        seen = f"a blob on its way to {self.name}: expected {blob.digest} ({blob.size} bytes), got {hasher.digest()} ({got})"
        raise VerificationError(problems.DIGEST_MISMATCH, seen)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.to_thread(work)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                free = os.statvfs(self._path)
                seen = f"{self.name}: {error.strerror}; {free.f_bavail * free.f_frsize} bytes are free"
                raise DataError(problems.DISK, seen) from error
            place = f" ({error.filename})" if error.filename else ""
            raise DataError(problems.DISK, f"{self.name}: {error.strerror}{place}") from error


def _take_up(file: BinaryIO, hasher: Hasher, size: int) -> int:
    """Hash what an earlier copy has left; gives its bytes. More than ``size`` bytes cannot be of the blob."""
    if file.seek(0, os.SEEK_END) > size:
        file.truncate(0)
    file.seek(0)
    while piece := file.read(_READ_BYTES):
        hasher.update(piece)
    return file.tell()
