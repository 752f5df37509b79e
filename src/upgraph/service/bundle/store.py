"""How a bundle lies on a disk: as a directory or as an uncompressed archive, read without unpacking it.

Either may be half-copied or hostile. Of an archive only the headers are read to find the files, as of one with
images, and links, devices and files with holes are no part of a bundle.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from upgraph.errors import DataError
from upgraph.errors.problems.service import BUNDLE_DAMAGED, BUNDLE_INVALID
from upgraph.oci.disk.archive_index import Member, read_index
from upgraph.service.bundle.manifest import MAX_FILES, NAME
from upgraph.service.plain_file import open_plain
from upgraph.syntax import SyntaxFault

CHUNK_BYTES = 1024 * 1024
"""Bytes that are read at once."""

_GZIP = b"\x1f\x8b"


class Store(Protocol):
    """The files of a bundle."""

    @property
    def name(self) -> str:
        """For messages."""
        ...

    def size(self, path: str) -> int | None:
        """Size in bytes of a file; none if there is no such file."""
        ...

    def paths(self) -> Iterator[str]:
        """Every file, in any order.

        Raises:
            DataError: a directory cannot be listed, or there are too many files.
        """
        ...

    def chunks(self, path: str) -> Iterator[bytes]:
        """The content of a file, piece by piece.

        Raises:
            DataError: it is not there or cannot be read.
        """
        ...


@contextmanager
def open_store(path: Path) -> Iterator[Store]:
    """The files of the bundle at a path.

    Raises:
        DataError: there is none.
    """
    if path.is_dir():
        yield _Directory(path)
        return
    try:
        file = open_plain(path)
    except OSError as error:
        raise DataError(BUNDLE_INVALID, f"{path} cannot be read: {error.strerror}") from error
    with file:
        yield _Archive(file, str(path))


class _Directory:
    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path

    def size(self, path: str) -> int | None:
        try:
            return (self._path / path).stat().st_size
        except OSError:
            # Why it cannot be looked at is told where it is read.
            return 0 if os.path.lexists(self._path / path) else None

    def paths(self) -> Iterator[str]:
        found = 0
        for folder, _, files in os.walk(self._path, onerror=self._refuse):
            found += len(files)
            if found > 2 * MAX_FILES:
                raise DataError(BUNDLE_INVALID, f"{self.name} has more than {2 * MAX_FILES} files")
            yield from (Path(folder, file).relative_to(self._path).as_posix() for file in files)

    def _refuse(self, error: OSError) -> None:
        raise DataError(BUNDLE_DAMAGED, f"{error.filename} cannot be listed: {error.strerror}") from error

    def chunks(self, path: str) -> Iterator[bytes]:
        # A link may lead anywhere: whatever it leads to must have the digest that the manifest names.
        try:
            with open_plain(self._path / path) as file:
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
        except OSError as error:
            raise DataError(
                BUNDLE_DAMAGED, f"{self.name}: {path} cannot be read: {error.strerror}"
            ) from error


class _Archive:
    def __init__(self, file: BinaryIO, name: str) -> None:
        self.name = name
        self._file = file
        self._places: dict[str, tuple[int, int]] = {}
        self._find_all()

    def size(self, path: str) -> int | None:
        place = self._places.get(path)
        return place[1] if place else None

    def paths(self) -> Iterator[str]:
        return iter(self._places)

    def chunks(self, path: str) -> Iterator[bytes]:
        if path not in self._places:
            raise DataError(BUNDLE_DAMAGED, f"{self.name} has no {path}")
        offset, left = self._places[path]
        try:
            self._file.seek(offset)
            while left and (chunk := self._file.read(min(left, CHUNK_BYTES))):
                left -= len(chunk)
                yield chunk
        except OSError as error:
            raise DataError(BUNDLE_DAMAGED, f"{self.name} cannot be read: {error.strerror}") from error

    def _find_all(self) -> None:
        try:
            if self._read_at(0, len(_GZIP)) == _GZIP:
                raise DataError(BUNDLE_INVALID, f"{self.name} is compressed; a bundle is a plain archive")
            size = os.fstat(self._file.fileno()).st_size
            found = read_index(self._read_at, size, wanted=lambda _: True, most=4 * MAX_FILES)
        except SyntaxFault as error:
            seen = f"{self.name} is cut off or no archive of a bundle: {error}"
            raise DataError(BUNDLE_DAMAGED, seen) from error
        except OSError as error:
            raise DataError(BUNDLE_DAMAGED, f"{self.name} cannot be read: {error.strerror}") from error
        if len(found) > 2 * MAX_FILES:
            raise DataError(BUNDLE_INVALID, f"{self.name} has more than {2 * MAX_FILES} files")
        for path, place in found.items():
            if not isinstance(place, Member):
                raise DataError(BUNDLE_INVALID, f"{self.name}: {path!a} is {place}")
            self._places[path] = (place.offset, place.size)

    def _read_at(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(size)


def manifest_bytes(store: Store, limit: int) -> bytes:
    """The content of the manifest.

    Raises:
        DataError: there is none, or it is too large.
    """
    size = store.size(NAME)
    if size is None:
        raise DataError(BUNDLE_INVALID, f"{store.name} has no {NAME}, so it is no bundle")
    if size > limit:
        raise DataError(BUNDLE_INVALID, f"{store.name}: {NAME} has {size} bytes, more than {limit}")
    return b"".join(store.chunks(NAME))
