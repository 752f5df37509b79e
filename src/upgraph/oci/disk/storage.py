"""Files that hold images on a disk, wherever they lie: in a directory or inside an archive.

A layout and its archive differ only in how a file is opened, so that is the port, and everything that is
read from a disk is read here: within a size and a time, with errors of the disk as errors of the source.
"""

import asyncio
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Protocol, Self

from upgraph.errors import DataError, RemoteError
from upgraph.errors.problems import oci as problems
from upgraph.oci.images.manifest import Descriptor
from upgraph.oci.images.source import Sink

CHUNK_BYTES = 256 * 1024
"""Largest piece of a blob that is read at once."""
READ_SECONDS = 60.0
"""Longest wait for one read from the disk, which may be a network share that is gone."""
_MAX_DIRECT_BYTES = 64 * 1024
"""Up to this size a read is done at once: changing to a thread would cost more than reading."""


class OpenFile(Protocol):
    """A file that is being read from its start."""

    @property
    def size(self) -> int:
        """Its bytes."""
        ...

    def read(self, size: int, /) -> bytes:
        """The next bytes, ``size`` of them unless the file ends.

        Raises:
            OSError: the disk failed.
            DataError: the file is not what it was when it was opened.
        """
        ...

    def skip(self, size: int, /) -> None:
        """Pass over the next ``size`` bytes."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Storage(Protocol):
    """Opens files by their names below one place, and never leaves it."""

    @property
    def name(self) -> str:
        """For messages: ``oci:path`` or ``oci-archive:path``."""
        ...

    def stamp(self, inside: str) -> tuple[int, ...]:
        """What changes when the file is replaced or written to.

        Raises:
            OSError, DataError: there is no such file, or it cannot be looked at.
        """
        ...

    async def open(self, inside: str, what: str) -> OpenFile:
        """Open a file for reading.

        Args:
            inside: its path, with slashes, made of names that were checked.
            what: it, for messages.

        Raises:
            FileNotFoundError: it is not there; callers know what that means.
            DataError: it is no regular file, lies outside, or cannot be opened.
        """
        ...

    def invalid(self, reason: str) -> DataError:
        """The error that says that this storage cannot be used."""
        ...


async def read_whole(storage: Storage, inside: str, limit: int, what: str) -> bytes:
    """A file of at most ``limit`` bytes.

    Raises:
        FileNotFoundError: it is not there.
        DataError: it is too large or cannot be read.
        RemoteError: the disk did not answer in time.
    """
    with await storage.open(inside, what) as file:
        if file.size > limit:
            seen = f"{storage.name}: {what} has {file.size} bytes; {limit} are accepted"
            raise DataError(problems.TOO_LARGE, seen)
        return await _read(storage, file, file.size, what)


async def pour_blob(storage: Storage, inside: str, blob: Descriptor, into: Sink, first: int | None) -> int:
    """Feed the file of a blob to a sink: :meth:`ImageSource.pour` of everything on a disk."""
    what = _what(blob)
    with await _open_blob(storage, inside, blob) as file:
        step = first or CHUNK_BYTES
        done = 0
        while done < blob.size:
            chunk = await _read(storage, file, min(step, CHUNK_BYTES, blob.size - done), what)
            if not chunk:
                raise storage.invalid(f"{what} ended at {done} of {blob.size} bytes")
            done += len(chunk)
            if not into.feed(chunk):
                break
            step *= 2
        return done


async def read_blob(
    storage: Storage, inside: str, blob: Descriptor, start: int
) -> AsyncGenerator[bytes, None]:
    """The file of a blob from ``start`` on: :meth:`ImageSource.read` of everything on a disk."""
    what = _what(blob)
    with await _open_blob(storage, inside, blob) as file:
        file.skip(start)
        done = start
        while done < blob.size:
            chunk = await _read(storage, file, min(CHUNK_BYTES, blob.size - done), what)
            if not chunk:
                raise storage.invalid(f"{what} ended at {done} of {blob.size} bytes")
            done += len(chunk)
            yield chunk


def _what(blob: Descriptor) -> str:
    return f"the blob {blob.digest}"


async def _open_blob(storage: Storage, inside: str, blob: Descriptor) -> OpenFile:
    what = _what(blob)
    try:
        file = await storage.open(inside, what)
    except FileNotFoundError as error:
        raise DataError(problems.CONTENT_MISSING, f"{storage.name}: {what} is not there") from error
    if file.size != blob.size:
        with file:
            raise storage.invalid(f"{what} has {file.size} bytes, its descriptor says {blob.size}")
    return file


async def _read(storage: Storage, file: OpenFile, size: int, what: str) -> bytes:
    try:
        if size <= _MAX_DIRECT_BYTES:
            return file.read(size)
        async with asyncio.timeout(READ_SECONDS):
            return await asyncio.to_thread(file.read, size)
    except TimeoutError as error:
        seen = f"{storage.name}: {what}: no data from the disk in {READ_SECONDS:.0f} s"
        raise RemoteError(problems.TIMEOUT, seen, retryable=True) from error
    except OSError as error:
        raise storage.invalid(f"{what} cannot be read: {error.strerror}") from error
