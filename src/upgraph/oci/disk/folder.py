"""A directory as storage. Nothing outside it is ever opened: it may come from removable media."""

import os
import stat
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from upgraph.errors import DataError, Problem

Stamp = tuple[int, int, int]
"""Inode, time of the last change in nanoseconds, and size."""


class Folder:
    """The files below a directory. It keeps none of them open.

    Args:
        path: the directory; it may be a symbolic link.
        scheme: what stands before the path in the name of the source, without colon.
        problem: what a fault of it is reported as.
    """

    def __init__(self, path: Path, scheme: str, problem: Problem) -> None:
        self._path = path
        self._problem = problem
        self.name = f"{scheme}:{path}"

    def stamp(self, inside: str) -> Stamp:
        """See :meth:`Storage.stamp`."""
        return stamp_of((self._path / inside).stat())

    async def open(self, inside: str, what: str) -> "FolderFile":
        """See :meth:`Storage.open`."""
        return self.open_now(inside, what)

    def open_now(self, inside: str, what: str) -> "FolderFile":
        """See :meth:`Storage.open`."""
        try:
            root = self._path.resolve(strict=True)
            target = (root / inside).resolve(strict=True)
            if not target.is_relative_to(root):
                raise self.invalid(f"{what} is a link that leads out of the directory")
            # NONBLOCK: opening a pipe would wait for a writer for ever. NOFOLLOW: all links are resolved above.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            file = os.fdopen(os.open(target, flags), "rb")
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self.invalid(f"{what} cannot be opened: {error.strerror}") from error
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            file.close()
            raise self.invalid(f"{what} is no regular file")
        return FolderFile(file, status.st_size)

    def invalid(self, reason: str) -> DataError:
        """See :meth:`Storage.invalid`."""
        return DataError(self._problem, f"{self.name}: {reason}")


class FolderFile:
    """An open file of a directory."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self.size = size

    def read(self, size: int, /) -> bytes:
        """See :meth:`OpenFile.read`."""
        return self._file.read(size)

    def skip(self, size: int, /) -> None:
        """See :meth:`OpenFile.skip`."""
        self._file.seek(size, os.SEEK_CUR)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def stamp_of(status: os.stat_result) -> Stamp:
    """What tells one state of a file from another."""
    return status.st_ino, status.st_mtime_ns, status.st_size
