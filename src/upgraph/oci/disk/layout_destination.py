"""An OCI layout in a directory as a destination of images.

Blobs are written beside their places and renamed when they are whole. What was written of a blob when a
copy broke off stays there, is checked, and gone on with by the next copy. ``index.json`` is written at most
once a second, and at the end, however the end comes about: a reader never sees a tag before its image.

The directory may lie on removable media or where others write, so nothing is ever written through a link that
stands in it.
"""

import asyncio
import errno
import fcntl
import os
import shutil
import stat
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
from upgraph.oci.plain import UnfitFileError

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
        """See :meth:`ImageDestination.has_blob`. A file of another size is no such blob, nor is a link."""
        found = _is_file(self._place(blob.digest), blob.size)
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
                await self._in_thread(lambda: self._make_folder(place.parent))
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
        with self._translated():
            return (await self._in_thread(lambda: shutil.disk_usage(self._disk()))).free

    async def close(self) -> None:
        """Write the index, if it has changed."""
        try:
            with self._translated():
                self._save()
        finally:
            if self._lock is not None:
                lock, self._lock = self._lock, None
                os.close(lock)

    def _disk(self) -> Path:
        """The directory, or what it will be made in."""
        return next(place for place in (self._path, *self._path.absolute().parents) if place.exists())

    def _place(self, digest: Digest) -> Path:
        return self._path / "blobs" / algorithm_of(digest) / digest.partition(":")[2]

    def _put_manifest(self, manifest: Manifest) -> None:
        place = self._place(manifest.digest)
        self._make_folder(place.parent)
        if not _is_file(place, len(manifest.content)) or place.read_bytes() != manifest.content:
            replace_file(place, manifest.content)

    def _make_folder(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        if not folder.resolve().is_relative_to(self._path.resolve()):
            raise self._invalid(f"{folder.relative_to(self._path)} is a link that leads out of the directory")

    def _invalid(self, reason: str) -> DataError:
        return DataError(problems.INVALID_LAYOUT, f"{self.name}: {reason}")

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
            raise UserError(problems.BUSY_LAYOUT, f"{self.name}: another process writes to it") from error
        self._lock = lock

    def _load(self) -> LayoutEntries:
        try:
            self._entries = read_entries(self._path)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self._invalid(f"index.json: {error}") from error
        except UnfitFileError as error:
            raise self._invalid(f"index.json: {error.strerror}") from error
        return self._entries

    def _save(self) -> None:
        if self._is_changed and self._entries is not None:
            write_index(self._path, self._entries.document())
            self._is_changed = False

    async def _fill(self, partial: Path, blob: Descriptor, read: BlobReader) -> None:
        """Write what is missing of a blob; what is not the blob is removed."""
        hasher = Hasher.like(blob.digest)
        with await self._in_thread(lambda: self._open_partial(partial)) as file:
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

    def _open_partial(self, partial: Path) -> BinaryIO:
        """What was written of a blob until now, at its end."""
        try:
            # NONBLOCK: opening a pipe would wait for a reader for ever.
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            handle = os.open(partial, flags, 0o666)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise self._invalid(f"{partial.relative_to(self._path)} is a link") from error
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise self._invalid(f"{partial.relative_to(self._path)} is no plain file")
        return os.fdopen(handle, "a+b")

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.to_thread(work)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                free = os.statvfs(self._disk())
                seen = f"{self.name}: {error.strerror}; {free.f_bavail * free.f_frsize} bytes are free"
                raise DataError(problems.DISK, seen) from error
            place = f" ({error.filename})" if error.filename else ""
            raise DataError(problems.DISK, f"{self.name}: {error.strerror}{place}") from error


def _is_file(place: Path, size: int) -> bool:
    """Whether there is a file with so many bytes, and no link to one."""
    try:
        status = place.lstat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == size


def _take_up(file: BinaryIO, hasher: Hasher, size: int) -> int:
    """Hash what an earlier copy has left; gives its bytes. More than ``size`` bytes cannot be of the blob."""
    if file.seek(0, os.SEEK_END) > size:
        file.truncate(0)
    file.seek(0)
    while piece := file.read(_READ_BYTES):
        hasher.update(piece)
    return file.tell()
