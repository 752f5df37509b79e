"""Where snapshots lie: in the state directory, or in memory where there is none."""

import contextlib
import fcntl
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from upgraph.errors import DataError, UserError
from upgraph.errors.problems.service import SNAPSHOT_DAMAGED, STATE_SHARED, STATE_UNWRITABLE
from upgraph.service.snapshot import Snapshot, read_and_check_snapshot

SNAPSHOT = "snapshot"
LIBRARY = "images.db"
_UNFINISHED = ".snapshot.unfinished"
_LOCK = ".lock"
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory that nearly every container has

_log = logging.getLogger(__name__)


class Shelf:
    """Takes new snapshots and keeps the last good one.

    A new snapshot is always a new file: the serving process maps the files it was given, and a mapped file
    must never be written again.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._has_last = True
        self._unfinished: Path | None = None
        self.fault: str | None = None
        """Why the directory did not take the last snapshot; None if it did."""

    @property
    def library(self) -> Path | None:
        """Where what is known of images is kept; none for memory."""
        return self._directory / LIBRARY if self._directory else None

    def new(self) -> BinaryIO:
        """A file for a snapshot. A full or read-only disk gives one in memory: serving comes before keeping."""
        self._has_last = False
        if self._directory is not None:
            try:
                unfinished = self._directory / _UNFINISHED
                unfinished.unlink(missing_ok=True)
                file = unfinished.open("x+b")
            except OSError as error:
                self._warn(error)
            else:
                self._unfinished = unfinished
                return file
        return in_memory()

    def keep(self, file: BinaryIO) -> None:
        """Make a finished snapshot the last good one. Its bytes are on the disk before its name is."""
        if self._directory is None or self._unfinished is None:
            return
        try:
            os.fsync(file.fileno())
            self._unfinished.replace(self._directory / SNAPSHOT)
            self._unfinished = None
            _sync_directory(self._directory)
            self._has_last = True
            self.fault = None
        except OSError as error:
            self._warn(error)
            self._forget_unfinished()

    def give_up(self, file: BinaryIO, error: OSError) -> None:
        """Drop a snapshot for which the disk had no room, or another fault."""
        self._warn(error)
        self.drop(file)

    def drop(self, file: BinaryIO) -> None:
        """Give up a snapshot that could not be written to its end, and the room that it takes on the disk."""
        # Closing writes what is left in the buffer, which fails again.
        with contextlib.suppress(OSError):
            file.close()
        self._forget_unfinished()

    def _forget_unfinished(self) -> None:
        if self._unfinished is not None:
            with contextlib.suppress(OSError):
                self._unfinished.unlink()
            self._unfinished = None

    def confirm(self, refreshed_at: float) -> None:
        """Remember that the last snapshot was still current at this Unix time.

        If it could not be kept, an older one lies in its place, whose age stays as it is.
        """
        if self._directory is not None and self._has_last:
            try:
                os.utime(self._directory / SNAPSHOT, (refreshed_at, refreshed_at))
            except OSError as error:
                self._warn(error)
            else:
                self.fault = None

    def _warn(self, error: OSError) -> None:
        self.fault = (
            f"the state directory {self._directory} cannot be written ({error.strerror}); serving goes on, "
            "a restart will begin with what it has"
        )
        _log.error("%s", self.fault, extra={"reference": STATE_UNWRITABLE.reference})


def in_memory() -> BinaryIO:
    """A file without a name, which works on a read-only root without any writable directory."""
    return os.fdopen(os.memfd_create("upgraph-snapshot"), "w+b")


def open_shelf(directory: Path | None) -> Shelf:
    """The shelf in a state directory, or one in memory, which tells why, if that cannot be used now."""
    if directory is None:
        return Shelf(None)
    try:
        _lock(directory)
    except OSError as error:
        shelf = Shelf(None)
        shelf.fault = _log_unclaimed(directory, error)
        return shelf
    return Shelf(directory)


def claim(directory: Path | None) -> Path | None:
    """The state directory for this process alone; none if another service has it.

    The claim holds until the process ends, however it ends. What a service that died left unfinished is
    cleared away.
    """
    if directory is not None:
        try:
            _lock(directory)
        except OSError as error:
            _log_unclaimed(directory, error)
            return None
    return directory


def _lock(directory: Path) -> None:
    descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    with contextlib.suppress(OSError):
        (directory / _UNFINISHED).unlink()


def _log_unclaimed(directory: Path, error: OSError) -> str:
    is_taken = isinstance(error, BlockingIOError)
    why = "is used by another service" if is_taken else f"cannot be written ({error.strerror})"
    problem = STATE_SHARED if is_taken else STATE_UNWRITABLE
    seen = f"the state directory {directory} {why}; all is kept in memory"
    _log.error("%s", seen, extra={"reference": problem.reference})
    return seen


def check_directory(directory: Path) -> None:
    """Make the state directory and see that it can be written.

    One that cannot but holds a snapshot is reported only: the disk was better once, and what lies there is
    worth serving.

    Raises:
        UserError: it can neither be written nor served from.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe = directory / f".probe.{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        seen = f"--state-dir {directory}: {error.strerror}"
        if not os.access(directory / SNAPSHOT, os.R_OK):
            raise UserError(STATE_UNWRITABLE, seen) from error
        _log.error("%s; its last snapshot is served", seen, extra={"reference": STATE_UNWRITABLE.reference})


@contextlib.contextmanager
def memory_of_builders(state_directory: Path | None) -> Iterator[Path | None]:
    """A directory in which one building process leaves for the next what it knows of images.

    Without it the next one would believe any listing, and would have no last good reading of a tag. None if
    there is a state directory, which serves for that, or if nothing can be written at all.
    """
    if state_directory is not None:
        yield None
        return
    for place in (None, _SHARED_MEMORY):
        try:
            directory = tempfile.TemporaryDirectory(prefix="upgraph-", dir=place)
        except OSError:
            continue
        with directory as path:
            yield Path(path)
        return
    _log.warning(
        "nothing can be written: if the building process has to be restarted, it starts without a memory"
    )
    yield None


def snapshot_path(directory: Path) -> Path:
    """Where the last good snapshot lies in a state directory."""
    return directory / SNAPSHOT


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


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
