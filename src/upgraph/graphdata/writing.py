"""Graph data into a directory, all at once: whoever reads there sees the old set or the new one.

The set is written beside its place, and both directories change their names in one step of the kernel. A file system
that has no such step gets two, between which there is nothing under the name for a moment.
"""

import ctypes
import errno
import os
import shutil
import tempfile
from pathlib import Path

from upgraph.errors import UserError
from upgraph.errors.problems.checking import OUTPUT_TAKEN
from upgraph.errors.problems.service import OUTPUT_UNWRITABLE
from upgraph.graphdata.files import FOLDERS, Files, belongs

_MODE = 0o755
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
"""Flag of renameat2(2)."""
_NO_EXCHANGE = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP}
_MAX_SHOWN = 5


def write_directory(files: Files, path: Path) -> None:
    """Let ``path`` hold the set and nothing else; a link there is followed.

    Raises:
        UserError: it holds something else than graph data, or cannot be written.
    """
    place = Path(os.path.realpath(path))
    try:
        _check_ours(place)
        beside = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
        try:
            _fill(files, beside)
            _exchange(beside, place)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise UserError(OUTPUT_UNWRITABLE, f"{path} cannot be written: {error.strerror}") from error


def _check_ours(place: Path) -> None:
    """Nothing that we did not write may be removed: not a checkout with its history, and not a home directory."""
    if not place.exists():
        return
    if not place.is_dir():
        raise UserError(OUTPUT_TAKEN, f"{place} is a file")
    foreign = sorted(str(found.relative_to(place)) for found in _foreign(place))
    if foreign:
        listed = ", ".join(foreign[:_MAX_SHOWN])
        raise UserError(OUTPUT_TAKEN, f"{place} also holds {listed}")


def _foreign(place: Path) -> list[Path]:
    found = [child for child in place.iterdir() if child.name not in FOLDERS and not belongs(child.name)]
    for folder in FOLDERS:
        inner = place / folder
        if inner.is_dir():
            found += [
                child for child in inner.iterdir() if child.is_dir() or not belongs(f"{folder}/{child.name}")
            ]
    return found


def _fill(files: Files, place: Path) -> None:
    for folder in FOLDERS:
        (place / folder).mkdir()
    for name in sorted(files):
        (place / name).write_bytes(files[name])
    place.chmod(_MODE)


def _exchange(new: Path, place: Path) -> None:
    """Put ``new`` at ``place``, and what was there under its name."""
    if not place.exists():
        new.rename(place)
        return
    code = _renameat2(new, place)
    if code in _NO_EXCHANGE:
        old = Path(f"{new}.old")
        place.rename(old)
        new.rename(place)
        old.rename(new)
    elif code:
        raise OSError(code, os.strerror(code))


def _renameat2(one: Path, other: Path) -> int:
    """Exchange two names; gives the number of the error, 0 for none."""
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if function is None:
        return errno.ENOSYS
    done = function(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    return ctypes.get_errno() if done else 0
