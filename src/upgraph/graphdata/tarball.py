"""A gzip-compressed tarball of graph data: read within limits, written the same byte for byte.

What is written unpacks with ``tar xzf`` and is what Cincinnati serves at ``/graph-data`` (names under
``./``), but sorted and without times or owners, so that equal sets have equal tarballs and tags.
What is read may be hostile: it is inflated step by step, only files of the set are kept, and nothing is ever
written to the disk.
"""

import gzip
import io
import os
import stat
import tarfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from upgraph.errors import DataError
from upgraph.errors.problems.graphdata import ARCHIVE, TOO_LARGE, UNREADABLE
from upgraph.graphdata.files import (
    FOLDERS,
    MAX_FILE_BYTES,
    MAX_TOTAL_BYTES,
    VERSION,
    Files,
    Intake,
    belongs,
    inside,
)
from upgraph.graphdata.steady import read_steadily
from upgraph.syntax.tar_stream import Entry, EntryKind, TarStream

MAX_ENTRIES = 100_000
"""Most entries of a tarball, those included that are no graph data."""
MAX_INFLATED_BYTES = 2 * MAX_TOTAL_BYTES
"""Largest inflated tarball, entries included that are no graph data."""
READ_SECONDS = 60.0
"""Longest time for reading a tarball once."""

_CHUNK_BYTES = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS
_LEVEL = 9
_MODE_FILE = 0o644
_MODE_FOLDER = 0o755


class TarballSource:
    """The graph data in a ``.tar.gz`` or ``.tgz`` file.

    Args:
        path: the file; it may be a symbolic link.
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
        """See :meth:`GraphDataSource.fingerprint`. It reads nothing and never fails."""
        try:
            seen = self._path.stat()
        except OSError as error:
            return f"unreadable: {error.strerror}"
        return f"{seen.st_dev}-{seen.st_ino}-{seen.st_size}-{seen.st_mtime_ns}-{seen.st_ctime_ns}"

    def read(self) -> Files:
        """See :meth:`GraphDataSource.read`."""
        return read_steadily(self.name, self.fingerprint, self._read_once, pause=self._pause)

    def _read_once(self) -> Files:
        deadline = self._clock() + READ_SECONDS
        try:
            # Not blocking: opening a named pipe would wait for a writer for ever.
            handle = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise DataError(UNREADABLE, f"{self.name} is not a plain file")
                return read_tarball(file, self.name, in_time=lambda: self._clock() <= deadline)
        except OSError as error:
            raise DataError(UNREADABLE, f"{self.name} cannot be read: {error.strerror}") from error


def read_tarball(stream: BinaryIO, name: str, *, in_time: Callable[[], bool] = lambda: True) -> Files:
    """The set in a gzip-compressed tarball.

    One common top directory, as git hosts pack it, is taken off. Entries that are no graph data are
    passed over, and so are directories. A link or device in the place of a rule becomes a broken rule.

    Args:
        stream: read to its end.
        name: the source, for messages.
        in_time: false once the time for reading is over.

    Raises:
        DataError: not a gzip-compressed tarball, cut off, a name that is absolute or leads upwards, a limit
            is exceeded, or the time is over.
        OSError: ``stream`` cannot be read.
    """
    inflater = _Inflater(stream, name, in_time)
    found = _Found(name)
    archive = TarStream(found)
    try:
        while not archive.is_done and (piece := inflater.read(_CHUNK_BYTES)):
            archive.feed(piece)
        inflater.drain()
    except (zlib.error, ValueError) as error:
        raise DataError(ARCHIVE, f"{name} is damaged or no gzip-compressed tarball: {error}") from error
    if not archive.has_end_mark:
        raise DataError(ARCHIVE, f"{name} is damaged: it ends in the middle of an entry")
    return found.files


class _Found:
    """Collects the files of a set as a visitor of its archive."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._direct, self._nested = Intake(name), Intake(name)
        self._tops: set[str] = set()
        self._count = 0

    @property
    def files(self) -> Files:
        """The set, at the top of the archive or below its only directory."""
        is_nested = len(self._tops - {""}) == 1 and VERSION not in self._direct.files
        return self._nested.files if is_nested else self._direct.files

    def begin(self, entry: Entry) -> int | None:
        """See :meth:`~upgraph.syntax.tar_stream.Visitor.begin`."""
        self._count += 1
        if self._count > MAX_ENTRIES:
            raise DataError(TOO_LARGE, f"{self._name} has more than {MAX_ENTRIES} entries")
        intake, path = self._place(entry.name)
        if intake is None or entry.kind is EntryKind.FOLDER:
            return None
        intake.expect(path, entry.size)
        if entry.kind is not EntryKind.FILE:
            intake.add_unreadable(path, f"the tarball has {entry.kind.value} in its place")
        return MAX_FILE_BYTES

    def take(self, entry: Entry, content: bytes) -> bool:
        """See :meth:`~upgraph.syntax.tar_stream.Visitor.take`."""
        intake, path = self._place(entry.name)
        if intake is not None:
            intake.add(path, content)
        return True

    def _place(self, name: str) -> tuple[Intake | None, str]:
        """Where the file of an entry belongs, and under which path; nowhere if it is no graph data."""
        path = inside(name)
        if path is None:
            raise DataError(ARCHIVE, f"{self._name} has an entry whose name leads out of it: {name!a}")
        top, _, inner = path.partition("/")
        self._tops.add(top)
        if belongs(path):
            return self._direct, path
        return (self._nested, inner) if belongs(inner) else (None, path)


class _Inflater:
    """Inflates a gzip stream within limits.

    Args:
        stream: the compressed bytes.
        name: the source, for messages.
        in_time: false once the time for reading is over.
    """

    def __init__(self, stream: BinaryIO, name: str, in_time: Callable[[], bool]) -> None:
        self.name = name
        self._stream = stream
        self._in_time = in_time
        self._decoder = zlib.decompressobj(_GZIP)
        self._input = b""
        self._fetched = 0
        self._position = 0
        self._tail = b""

    def read(self, size: int) -> bytes:
        """Up to ``size`` inflated bytes; fewer only at the end."""
        if not self._in_time():
            raise DataError(UNREADABLE, f"{self.name} was not read to its end within {READ_SECONDS:g} s")
        piece = bytearray()
        while len(piece) < size and self._has_input():
            piece += self._decoder.decompress(self._input, size - len(piece))
            self._input = self._decoder.unconsumed_tail
        self._position += len(piece)
        self._tail = (self._tail + piece[-tarfile.BLOCKSIZE :])[-tarfile.BLOCKSIZE :]
        if self._position > MAX_INFLATED_BYTES:
            raise DataError(TOO_LARGE, f"{self.name} inflates to more than {MAX_INFLATED_BYTES} bytes")
        return bytes(piece)

    def drain(self) -> None:
        """Read to the end, where the marks stand that show a tarball that was cut off.

        The checksum alone is not enough: ``tar | gzip`` gives a good one when tar is killed.
        """
        while self.read(_CHUNK_BYTES):
            pass
        if self._tail != bytes(tarfile.BLOCKSIZE):
            raise ValueError("it ends without the mark of the end")

    def _has_input(self) -> bool:
        if self._decoder.eof:
            return self._begin_next()
        if not self._input:
            self._input = self._fetch()
            if not self._input:
                raise ValueError("it is cut off")
        return True

    def _begin_next(self) -> bool:
        # A gzip file may have several parts, and zeros as padding.
        rest = self._decoder.unused_data.lstrip(b"\0")
        while not rest:
            fetched = self._fetch()
            if not fetched:
                return False
            rest = fetched.lstrip(b"\0")
        self._decoder = zlib.decompressobj(_GZIP)
        self._input = rest
        return True

    def _fetch(self) -> bytes:
        chunk = self._stream.read(_CHUNK_BYTES)
        self._fetched += len(chunk)
        if self._fetched > MAX_INFLATED_BYTES:
            raise DataError(TOO_LARGE, f"{self.name} has more than {MAX_INFLATED_BYTES} bytes")
        return chunk


def write_tarball(files: Files) -> bytes:
    """The set as a gzip-compressed tarball; equal sets give equal bytes with the same zlib.

    Names begin with ``./`` as in Cincinnati's tarball. All three directories are there even when empty,
    because Cincinnati refuses a set without them.
    """
    compressed = io.BytesIO()
    # The header must carry neither a file name nor a time.
    with gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=compressed, mtime=0) as file:
        file.write(tar_of(files, top="."))
    return compressed.getvalue()


def tar_of(files: Files, *, top: str) -> bytes:
    """The set as a tar archive below the directory ``top``; equal sets give equal bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in (top, *(f"{top}/{folder}" for folder in FOLDERS)):
            archive.addfile(_entry(path, tarfile.DIRTYPE, _MODE_FOLDER))
        for path in sorted(files):
            entry = _entry(f"{top}/{path}", tarfile.REGTYPE, _MODE_FILE)
            entry.size = len(files[path])
            archive.addfile(entry, io.BytesIO(files[path]))
    return packed.getvalue()


def _entry(path: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.type = kind
    entry.mode = mode
    return entry
