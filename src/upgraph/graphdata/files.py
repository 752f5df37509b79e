"""A set of graph data as files in memory: which files belong to it, how large it may be, its identity.

Every source (directory, tarball) fills an :class:`Intake`, so all of them have the same limits and the
same answer to a file that cannot be read. A rule that cannot be read must not vanish, because the
update it blocks would then be offered; it enters the set as a note of the reason, which the loader
reports as a broken rule. The note also travels in a tarball made of the set.
"""

import hashlib
from collections.abc import Mapping
from typing import TypeAlias

from upgraph.errors import DataError
from upgraph.errors.problems import graphdata as problems

Files: TypeAlias = Mapping[str, bytes]
"""Content by path inside the set; paths have no leading ``./``."""

MAX_FILE_BYTES = 4 * 1024 * 1024
"""Largest single file; the largest real one has about 30 KB."""
MAX_FILES = 50_000
"""Most files of a set; the real one has about 1,800."""
MAX_TOTAL_BYTES = 256 * 1024 * 1024
"""Largest sum of all contents; the real one has about 1 MB."""

LICENSE = "LICENSE"
VERSION = "version"
CHANNELS = "channels/"
BLOCKED_EDGES = "blocked-edges/"
RAW_METADATA = "raw/metadata.json"

FOLDERS = ("blocked-edges", "channels", "raw")
"""The directories of a set."""

_UNREADABLE = b"# This file could not be read: "


def belongs(path: str) -> bool:
    """Whether a path is part of a set: what Cincinnati publishes as its tarball.

    Hidden files are not: editors, git and Kubernetes volumes leave them.
    """
    folder, slash, name = path.partition("/")
    if not slash:
        return path in {LICENSE, VERSION}
    if "/" in name or name.startswith(".") or not name:
        return False
    return f"{folder}/" in {CHANNELS, BLOCKED_EDGES} or path == RAW_METADATA


def inside(path: str) -> str | None:
    """A path of an archive without ``.`` and needless slashes; None if it is absolute or leads upwards."""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    return None if path.startswith("/") or ".." in parts else "/".join(parts)


def digest_of(files: Files) -> str:
    """The identity of a set, ``sha256:...`` over sorted paths and contents."""
    digest = hashlib.sha256()
    for path in sorted(files):
        content = files[path]
        name = path.encode()
        digest.update(b"%d:%d:" % (len(name), len(content)))
        digest.update(name)
        digest.update(content)
    return f"sha256:{digest.hexdigest()}"


def check_limits(files: Files) -> None:
    """Check a whole set.

    Raises:
        DataError: a limit is exceeded.
    """
    intake = Intake("the set")
    for path in sorted(files):
        intake.add(path, files[path])


def unreadable_reason(content: bytes) -> str | None:
    """Why a file could not be read, if its content is the note that says so."""
    if not content.startswith(_UNREADABLE):
        return None
    return content.removeprefix(_UNREADABLE).decode(errors="replace").strip()


class Intake:
    """Collects the files of one set within the limits.

    Args:
        name: the source, for messages.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._bytes = 0
        self._count = 0
        self.files: dict[str, bytes] = {}

    def expect(self, path: str, size: int) -> None:
        """Check a file of ``size`` bytes before it is read.

        Raises:
            DataError: its name cannot be shown, or it does not fit any more.
        """
        if not path.isprintable():
            raise DataError(
                problems.LAYOUT,
                f"{self._name} has a file with characters that cannot be printed in its name: {path!a}",
                remedy="Rename the file.",
            )
        if size > MAX_FILE_BYTES:
            raise self._too_large(f"{path} has {size} bytes, more than {MAX_FILE_BYTES}")
        if self._count >= MAX_FILES:
            raise self._too_large(f"it has more than {MAX_FILES} files")
        if self._bytes + size > MAX_TOTAL_BYTES:
            raise self._too_large(f"its files have more than {MAX_TOTAL_BYTES} bytes together")

    def add(self, path: str, content: bytes) -> None:
        """Take a file in. A later one of the same path replaces the former.

        Raises:
            DataError: as for :meth:`expect`.
        """
        self.expect(path, len(content))
        self._count += 1
        self._bytes += len(content)
        self.files[path] = content

    def add_unreadable(self, path: str, reason: str) -> None:
        """Take note of a file that is there but cannot be read.

        Raises:
            DataError: it is no rule, so there is nothing smaller than the set to withhold.
        """
        if path == LICENSE:
            return
        if not path.startswith(BLOCKED_EDGES):
            raise DataError(problems.UNREADABLE, f"{self._name}: {path} cannot be read: {reason}")
        self.add(path, _UNREADABLE + reason.encode(errors="replace") + b"\n")

    def _too_large(self, seen: str) -> DataError:
        return DataError(problems.TOO_LARGE, f"{self._name}: {seen}")
