"""Writes the files of a release into a directory, all of them or none.

A new directory comes into being beside its place and takes it at once. Into one that holds something they go
only when asked to: all are written first, then each takes its place whole, and what the release does not have stays.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from upgraph.errors import UserError
from upgraph.errors.problems.payload import EXTRACT_TAKEN, EXTRACT_UNWRITABLE
from upgraph.payload.contents import PayloadFile

_FOLDER_MODE = 0o755
_FILE_MODE = 0o644


def unpack(files: Mapping[str, PayloadFile], target: Path) -> None:
    """Make a directory of the files. It must not exist, or be empty.

    Args:
        files: by path inside the directory, which :func:`read_contents` has checked.
        target: the directory.

    Raises:
        UserError: something is there, or it cannot be written.
    """
    try:
        if target.exists() or target.is_symlink():
            if not target.is_dir() or any(target.iterdir()):
                raise UserError(EXTRACT_TAKEN, f"{target} is there and not an empty directory")
            # It may be where somebody stands or where a disk is mounted, so it stays.
            unpack_over(files, target)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with _unfinished(files, target.parent, target.name) as unfinished:
            unfinished.replace(target)
    except OSError as error:
        raise _unwritable(target, error) from error


def unpack_over(files: Mapping[str, PayloadFile], target: Path) -> None:
    """Put the files into a directory that may hold others; those of the same name are replaced one by one.

    Raises:
        UserError: they cannot be written there.
    """
    try:
        target.mkdir(parents=True, exist_ok=True)
        with _unfinished(files, target, "unfinished") as unfinished:
            for path in files:
                _make_folder(target, Path(path).parent)
                (unfinished / path).replace(target / path)
    except OSError as error:
        raise _unwritable(target, error) from error


@contextlib.contextmanager
def _unfinished(files: Mapping[str, PayloadFile], where: Path, name: str) -> Iterator[Path]:
    """A directory with all files in it, of which nothing is left at the end of the block."""
    made = Path(tempfile.mkdtemp(dir=where, prefix=f".{name}."))
    try:
        for path, file in files.items():
            place = made / path
            place.parent.mkdir(parents=True, exist_ok=True)
            _write(place, file)
        made.chmod(_FOLDER_MODE)
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _write(place: Path, file: PayloadFile) -> None:
    with place.open("xb") as opened:
        opened.write(file.content)
        os.fchmod(opened.fileno(), _FILE_MODE)
        opened.flush()
        os.fsync(opened.fileno())
    # The times of the release, so that an image made of these files is the same again.
    os.utime(place, (file.modified, file.modified))


def _make_folder(target: Path, inner: Path) -> None:
    """The directories down to a file, none of them a link that leads out of the target."""
    place = target
    for part in inner.parts:
        place /= part
        if place.is_symlink():
            raise UserError(EXTRACT_TAKEN, f"{place} is a symbolic link, which is not followed")
        place.mkdir(exist_ok=True)


def _unwritable(target: Path, error: OSError) -> UserError:
    return UserError(EXTRACT_UNWRITABLE, f"{target} cannot be written: {error.strerror}")
