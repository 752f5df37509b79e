"""Where snapshots lie: in the state directory, or in memory where there is none."""

import contextlib
import logging
import os
from pathlib import Path
from typing import BinaryIO

from upgraph.errors import DataError, UserError
from upgraph.errors.problems.service import SNAPSHOT_DAMAGED, STATE_UNWRITABLE
from upgraph.service.snapshot import Snapshot, read_and_check_snapshot

SNAPSHOT = "snapshot"
LIBRARY = "images.db"
_UNFINISHED = ".snapshot.unfinished"

_log = logging.getLogger(__name__)


class Shelf:
    """Takes new snapshots and keeps the last good one."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._has_last = True

    @property
    def library(self) -> Path | None:
        """Where what is known of images is kept; none for memory."""
        return self._directory / LIBRARY if self._directory else None

    def new(self) -> BinaryIO:
        """A file for a snapshot. A full or read-only disk gives one in memory: serving comes before keeping."""
        self._has_last = False
        if self._directory is not None:
            try:
                return (self._directory / _UNFINISHED).open("w+b")
            except OSError as error:
                self._warn(error)
        return in_memory()

    def keep(self, file: BinaryIO) -> None:
        """Make a finished snapshot the last good one. Its bytes are on the disk before its name is."""
        if self._directory is None or not _has_name(file):
            return
        try:
            os.fsync(file.fileno())
            (self._directory / _UNFINISHED).replace(self._directory / SNAPSHOT)
            _sync_directory(self._directory)
            self._has_last = True
        except OSError as error:
            self._warn(error)

    def drop(self, file: BinaryIO) -> None:
        """Give up a snapshot that could not be written to its end, and the room that it takes on the disk."""
        # Closing writes what is left in the buffer, which fails again.
        with contextlib.suppress(OSError):
            file.close()
        if self._directory is not None:
            with contextlib.suppress(OSError):
                (self._directory / _UNFINISHED).unlink()

    def confirm(self, refreshed_at: float) -> None:
        """Remember that the last snapshot was still current at this Unix time.

        If it could not be kept, an older one lies in its place, whose age stays as it is.
        """
        if self._directory is not None and self._has_last:
            try:
                os.utime(self._directory / SNAPSHOT, (refreshed_at, refreshed_at))
            except OSError as error:
                self._warn(error)

    def _warn(self, error: OSError) -> None:
        _log.error(
            "the state directory %s cannot be written (%s); serving goes on, a restart will begin with what it has",
            self._directory,
            error.strerror,
            extra={"reference": STATE_UNWRITABLE.reference},
        )


def in_memory() -> BinaryIO:
    """A file without a name, which works on a read-only root without any writable directory."""
    return os.fdopen(os.memfd_create("upgraph-snapshot"), "w+b")


def check_directory(directory: Path) -> None:
    """Make the state directory and see that it can be written.

    Raises:
        UserError: it cannot.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe = directory / f".probe.{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise UserError(STATE_UNWRITABLE, f"--state-dir {directory}: {error.strerror}") from error


def last_snapshot(directory: Path | None) -> tuple[Snapshot, float] | None:
    """The last good snapshot and the Unix time at which it was last current; none if there is none.

    A damaged one is reported and left for the next snapshot to replace.
    """
    if directory is None:
        return None
    try:
        with (directory / SNAPSHOT).open("rb") as file:
            return read_and_check_snapshot(file), os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return None
    except OSError as error:
        _log_damage(directory, str(error.strerror))
    except DataError as error:
        _log_damage(directory, error.seen)
    return None


def _log_damage(directory: Path, seen: str) -> None:
    _log.error("%s: %s", directory / SNAPSHOT, seen, extra={"reference": SNAPSHOT_DAMAGED.reference})


def _has_name(file: BinaryIO) -> bool:
    return os.fstat(file.fileno()).st_nlink > 0


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
