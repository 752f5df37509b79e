"""A directory of graph data: a checkout, a ConfigMap volume, a mount of an image, a network share.

Changes are seen by looking (names, inodes, sizes, times), because such volumes deliver no events.
Kubernetes and git-sync replace a set by turning a symbolic link, so links are followed, but never out
of the directory: data that came over the gap must not be able to name other files of the machine.
"""

import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

from upgraph.errors import DataError
from upgraph.errors.problems.graphdata import UNREADABLE
from upgraph.graphdata.files import FOLDERS, MAX_FILES, VERSION, Files, Intake, belongs
from upgraph.graphdata.steady import read_steadily

READ_SECONDS = 60.0
"""Longest time for reading a set once; a share that hangs must not keep the old set in doubt for ever."""


class DirectorySource:
    """The graph data in a directory, or in the only directory inside it as git hosts pack it.

    Args:
        path: the directory; it may be a symbolic link.
        pause: waits that many seconds.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        path: Path,
        *,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._pause = pause
        self._clock = clock

    @property
    def name(self) -> str:
        """The path."""
        return str(self._path)

    def fingerprint(self) -> str:
        """See :meth:`GraphDataSource.fingerprint`. It reads no file and never fails."""
        top = Path(os.path.realpath(self._path))
        try:
            base = _base(top)
            links = [_link_state(self._path), *_links(top)]
        except OSError as error:
            return f"unreadable: {errno.errorcode.get(error.errno or 0, 'unknown')}"
        files = (f"{place.path} {_state(place.entry)}" for place in _places(base))
        seen = [f"{base}", *links, *files]
        return hashlib.sha256(os.fsencode("\0".join(seen))).hexdigest()

    def read(self) -> Files:
        """See :meth:`GraphDataSource.read`.

        A rule that cannot be read becomes a broken rule; see :mod:`upgraph.graphdata.files`.
        """
        return read_steadily(self.name, self.fingerprint, self._read_once, pause=self._pause)

    def _read_once(self) -> Files:
        deadline = self._clock() + READ_SECONDS
        top = Path(os.path.realpath(self._path))
        intake = Intake(self.name)
        try:
            base = _base(top)
        except OSError as error:
            raise DataError(UNREADABLE, f"{self.name} cannot be read: {error.strerror}") from error
        for place in _places(base):
            if self._clock() > deadline:
                raise DataError(UNREADABLE, f"{self.name} was not read to its end within {READ_SECONDS:g} s")
            if place.entry is None:
                raise DataError(UNREADABLE, f"{self.name}: the directory {place.path} cannot be listed")
            _take(intake, place.path, place.entry, top)
        return intake.files


@dataclass(frozen=True, slots=True)
class _Place:
    """A file of the set; without an entry a directory that is there but cannot be listed."""

    path: str
    entry: os.DirEntry[str] | None


def _base(top: Path) -> Path:
    """Where the set begins: ``top``, or the only directory inside it."""
    with os.scandir(top) as entries:
        visible = [entry for entry in entries if not entry.name.startswith(".")]
    folders = [entry.name for entry in visible if entry.is_dir(follow_symlinks=False)]
    if len(folders) == 1 and folders[0] not in FOLDERS and all(entry.name != VERSION for entry in visible):
        return top / folders[0]
    return top


def _links(top: Path) -> list[str]:
    """How the links are by which whole sets are turned; one that was turned there and back is another link."""
    with os.scandir(top) as entries:
        names = sorted(entry.name for entry in entries if entry.is_symlink())
    return [f"{name} {_link_state(top / name)}" for name in names]


def _link_state(path: Path) -> str:
    try:
        seen = path.lstat()
    except FileNotFoundError:
        # A new link has another name for a moment.
        return "gone"
    return f"{seen.st_ino} {seen.st_ctime_ns}" if stat.S_ISLNK(seen.st_mode) else ""


def _places(base: Path) -> list[_Place]:
    # One more than a set may have, so that the intake sees the excess.
    return sorted(islice(_walk(base), MAX_FILES + 1), key=lambda place: place.path)


def _walk(base: Path) -> Iterator[_Place]:
    for folder in ("", *FOLDERS):
        prefix = f"{folder}/" if folder else ""
        try:
            # The real path of a directory spares asking for that of each file in it.
            with os.scandir(os.path.realpath(base / folder)) as entries:
                for entry in entries:
                    if belongs(path := f"{prefix}{entry.name}"):
                        yield _Place(path, entry)
        except OSError:
            # A dangling link is no missing directory: whoever made it meant something to be there.
            if os.path.lexists(base / folder):
                yield _Place(folder, None)


def _state(entry: os.DirEntry[str] | None) -> str:
    if entry is None:
        return "unlisted"
    try:
        seen = entry.stat()
    except OSError as error:
        return f"error {error.errno}"
    return f"{seen.st_dev} {seen.st_ino} {seen.st_mode} {seen.st_size} {seen.st_mtime_ns} {seen.st_ctime_ns}"


def _take(intake: Intake, path: str, entry: os.DirEntry[str], top: Path) -> None:
    intake.expect(path, 0)
    if entry.is_symlink():
        real = os.path.realpath(entry.path)
        is_inside = Path(real).is_relative_to(top)
    else:
        real = entry.path
        is_inside = _is_inside(real.removesuffix(entry.name), top)
    if not is_inside:
        intake.add_unreadable(path, "a symbolic link leads out of the directory")
        return
    try:
        _take_file(intake, path, real)
    except OSError as error:
        intake.add_unreadable(path, error.strerror or type(error).__name__)


@lru_cache(maxsize=len(FOLDERS) + 1)
def _is_inside(folder: str, top: Path) -> bool:
    """The same for all files of a folder, whose path is a real one."""
    return Path(folder).is_relative_to(top)


def _take_file(intake: Intake, path: str, real: str) -> None:
    # Not blocking: opening a named pipe would wait for a writer for ever.
    handle = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        seen = os.fstat(handle)
        if stat.S_ISDIR(seen.st_mode):
            return
        if not stat.S_ISREG(seen.st_mode):
            intake.add_unreadable(path, "it is not a plain file")
            return
        intake.expect(path, seen.st_size)
        content = b"".join(_pieces(handle, seen.st_size + 1))
    finally:
        os.close(handle)
    intake.add(path, content)


def _pieces(handle: int, limit: int) -> Iterator[bytes]:
    # A file object would cost more than reading one of these small files does.
    while limit and (piece := os.read(handle, limit)):
        yield piece
        limit -= len(piece)
