"""Files as administrators hand them over: read within limits, written whole or not at all.

What lies under a name may be a pipe, a device or a directory; none of them may hold up whoever reads it.
"""

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from upgraph.errors import UserError
from upgraph.errors.problems.service import OUTPUT_UNWRITABLE

_MODE = 0o644


class NotPlainError(OSError):
    """What lies there is no file but a directory, a pipe or a device."""


def open_plain(path: Path | str, *, directory: int | None = None, follow: bool = True) -> BinaryIO:
    """Open a file for reading, and nothing but a file.

    Args:
        path: where it is.
        directory: descriptor of the directory in which ``path`` begins.
        follow: whether ``path`` may be a symbolic link.

    Raises:
        OSError: it is not there, cannot be read, or is no plain file.
    """
    # Not blocking: opening a named pipe would wait for a writer for ever.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    handle = os.open(path, flags, dir_fd=directory)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotPlainError(0, "it is not a plain file")
    return os.fdopen(handle, "rb")


def read_plain(path: Path, most: int) -> bytes:
    """All of a file, and nothing but a file.

    Args:
        path: where it is.
        most: bytes that it may have.

    Raises:
        OSError: as :func:`open_plain`, or it has more bytes.
    """
    with open_plain(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most} bytes")
    return content


def state_of(path: Path) -> str:
    """A text that changes when the file may have changed. It reads nothing and never fails."""
    try:
        seen = path.stat()
    except OSError as error:
        return f"unreadable: {error.strerror}"
    return f"{seen.st_dev}-{seen.st_ino}-{seen.st_size}-{seen.st_mtime_ns}-{seen.st_ctime_ns}"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of ``path`` when the block ends well, and leaves nothing behind otherwise.

    Raises:
        UserError: it cannot be written there.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        unfinished = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fchmod(handle, _MODE)
                os.fsync(handle)
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UserError(OUTPUT_UNWRITABLE, f"{path} cannot be written: {error.strerror}") from error
