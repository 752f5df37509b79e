"""Small files as administrators hand them over: read whole, within a limit, and nothing but a file."""

import os
import stat
from pathlib import Path


class UnfitFileError(OSError):
    """What lies there is no plain file, or is too large."""


def read_plain(path: Path, *, limit: int) -> bytes:
    """The content of a file.

    Args:
        path: where it is; links are followed.
        limit: most bytes that it may have.

    Raises:
        OSError: it is not there, cannot be read, is no plain file, or is larger.
    """
    # Not blocking: opening a named pipe would wait for a writer for ever.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise UnfitFileError(0, "it is not a plain file")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise UnfitFileError(0, f"larger than {limit} bytes")
    return content
