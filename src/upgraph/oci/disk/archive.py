"""A tar archive of an OCI layout as a source of images, as ``skopeo copy ... oci-archive:path`` writes it.

The archive is never unpacked and never held: its headers are read once for each state of the file, blobs
from where they lie. What is read comes from the state whose headers were read, or is an error: after each
piece the file is looked at again, so one that is written over while it is read never mixes in.
"""

import asyncio
import errno
import os
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from upgraph.errors import DataError, RemoteError
from upgraph.errors.problems import oci as problems
from upgraph.oci.disk.archive_index import Member, read_index
from upgraph.oci.disk.layout import LayoutSource
from upgraph.syntax import SyntaxFault

INDEX_SECONDS = 120.0
"""Longest time for reading the headers of an archive."""

_Stamp = tuple[int, ...]


class ArchiveSource(LayoutSource):
    """The images of an OCI archive: an uncompressed tar archive with a layout at its top.

    Args:
        path: the file; it may be a symbolic link.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(_Archive(path))


@dataclass(frozen=True, slots=True)
class _Index:
    """Where files lay while the archive had ``stamp``."""

    stamp: _Stamp
    members: Mapping[str, Member | str]


class _Archive:
    """The files inside an archive."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._index: _Index | None = None
        self._reading = asyncio.Lock()
        self.name = f"oci-archive:{path}"

    def stamp(self, inside: str) -> _Stamp:
        """See :meth:`Storage.stamp`. All files change with the archive."""
        del inside
        try:
            return _stamp_of(self._path.stat())
        except OSError as error:
            raise self.invalid(f"it cannot be looked at: {error.strerror}") from error

    async def open(self, inside: str, what: str) -> "_Region":
        """See :meth:`Storage.open`."""
        index = await self._current()
        member = index.members.get(inside)
        if member is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), inside)
        if not isinstance(member, Member):
            raise self.invalid(f"{what} is {member}")
        return _Region(self, self._open_file(), member, index.stamp)

    def invalid(self, reason: str) -> DataError:
        """See :meth:`Storage.invalid`."""
        return DataError(problems.INVALID_ARCHIVE, f"{self.name}: {reason}")

    async def _current(self) -> _Index:
        # Many wait for the first index at once; one of them reads it.
        async with self._reading:
            if self._index is None or self._index.stamp != self.stamp(""):
                self._index = await self._read_index()
            return self._index

    async def _read_index(self) -> _Index:
        try:
            async with asyncio.timeout(INDEX_SECONDS):
                return await asyncio.to_thread(self._read_index_now)
        except TimeoutError as error:
            seen = f"{self.name}: its headers were not read within {INDEX_SECONDS:.0f} s"
            raise RemoteError(problems.TIMEOUT, seen, retryable=True) from error

    def _read_index_now(self) -> _Index:
        file = self._open_file()
        try:
            status = os.fstat(file)
            end = time.monotonic() + INDEX_SECONDS
            members = read_index(
                partial(_read_at, file), status.st_size, in_time=lambda: time.monotonic() < end
            )
            if _stamp_of(os.fstat(file)) != _stamp_of(status):
                raise self._changed()
        except SyntaxFault as error:
            raise self.invalid(error.seen) from error
        except OSError as error:
            raise self.invalid(f"it cannot be read: {error.strerror}") from error
        finally:
            os.close(file)
        return _Index(_stamp_of(status), members)

    def _open_file(self) -> int:
        try:
            # NONBLOCK: opening a pipe would wait for a writer for ever.
            file = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise self.invalid(f"it cannot be opened: {error.strerror}") from error
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise self.invalid("it is no regular file")
        return file

    def _changed(self) -> DataError:
        return self.invalid("it was replaced or written to while it was read")

    def check(self, file: int, stamp: _Stamp) -> None:
        """Refuse what was read of a file that has changed since its headers were read."""
        if _stamp_of(os.fstat(file)) != stamp:
            raise self._changed()


class _Region:
    """One file inside the archive, open."""

    def __init__(self, archive: _Archive, file: int, member: Member, stamp: _Stamp) -> None:
        self._archive = archive
        self._file = file
        self._offset = member.offset
        self._end = member.offset + member.size
        self._stamp = stamp
        self.size = member.size

    def read(self, size: int, /) -> bytes:
        """See :meth:`OpenFile.read`."""
        piece = _read_at(self._file, self._offset, min(size, self._end - self._offset))
        self._archive.check(self._file, self._stamp)
        self._offset += len(piece)
        return piece

    def skip(self, size: int, /) -> None:
        """See :meth:`OpenFile.skip`."""
        self._offset += size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)


def _read_at(file: int, offset: int, size: int) -> bytes:
    """Like ``os.pread``, which may give less in the middle of a file."""
    pieces = []
    while size > 0 and (piece := os.pread(file, size, offset)):
        pieces.append(piece)
        offset += len(piece)
        size -= len(piece)
    return b"".join(pieces)


def _stamp_of(status: os.stat_result) -> _Stamp:
    # The time of the inode as well: who copies in place may set the time of the content back.
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
