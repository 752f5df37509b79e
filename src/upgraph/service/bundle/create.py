"""Makes a bundle: the same parts give the same bytes, whatever machine and moment.

Files are hashed first and written then, because the manifest stands in front. A file that changes in between
ends the making; nothing is left behind.
"""

import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from upgraph.errors import DataError, UserError
from upgraph.errors.problems.service import (
    BUNDLE_PART,
    BUNDLE_TAKEN,
    OUTPUT_UNWRITABLE,
    SIGNATURES_UNREADABLE,
)
from upgraph.graph import Release
from upgraph.graphdata import Files, write_tarball
from upgraph.oci import Digest, is_digest
from upgraph.service.building.saved import write_saved
from upgraph.service.bundle import manifest as form
from upgraph.service.bundle.manifest import Entry, Manifest, make_manifest, parse_manifest
from upgraph.service.bundle.store import CHUNK_BYTES
from upgraph.service.plain_file import open_plain, read_plain, replacing
from upgraph.syntax.signature_names import MAX_SIGNATURE_BYTES, name_of_path

ARCHIVE_ENDING = ".tar"
"""How the path of a bundle ends that is written as an archive."""
_LAYOUT_FILES = ("oci-layout", "index.json")
_LAYOUT_BLOBS = "blobs"
_MODE = 0o644


@dataclass(frozen=True, slots=True)
class Parts:
    """What a bundle is made of."""

    releases: tuple[Release, ...]
    graph_data: Files
    signatures: Path | None = None
    """A directory as ``--signatures`` takes it."""
    images: Path | None = None
    """An OCI layout that is carried along."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """One file on its way into a bundle."""

    path: str
    open: Callable[[], BinaryIO]


class _Hashed:
    """A file that is hashed as it is read. What is wrong with it is no fault of what is written."""

    def __init__(self, file: BinaryIO, path: str) -> None:
        self._file = file
        self._path = path
        self._size = 0
        self._state = sha256()
        self.has_ended = False

    def read(self, size: int = CHUNK_BYTES) -> bytes:
        try:
            chunk = self._file.read(size)
        except OSError as error:
            raise _unreadable(self._path, error) from error
        self.has_ended = len(chunk) < size
        self._size += len(chunk)
        self._state.update(chunk)
        return chunk

    @property
    def entry(self) -> Entry:
        """What was read until now, as the manifest has it."""
        return Entry(self._path, self._state.hexdigest(), self._size)


def write_bundle(parts: Parts, out: Path) -> Digest:
    """Write a bundle, as an archive where the path ends in ``.tar`` and as a directory otherwise; gives its digest.

    An archive takes the place of another one at once. A directory must not exist yet.

    Raises:
        UserError: it cannot be written there, or a part is not what it should be.
        DataError: a part cannot be read.
    """
    pieces = {piece.path: piece for piece in _pieces(parts)}
    manifest = make_manifest(map(_entry, pieces.values()))
    # What nobody could read must not be carried anywhere.
    parse_manifest(manifest.content, str(out))
    ordered = [(manifest.files[path], pieces[path]) for path in manifest.files]
    if out.suffix == ARCHIVE_ENDING:
        with replacing(out) as file:
            _write_archive(manifest, ordered, file)
    else:
        with _new_directory(out) as directory:
            _write_directory(manifest, ordered, directory)
    return manifest.digest


def _pieces(parts: Parts) -> Iterator[_Piece]:
    yield _of_bytes(form.RELEASES, write_saved(parts.releases))
    yield _of_bytes(form.GRAPH_DATA, write_tarball(parts.graph_data))
    if parts.signatures is not None:
        for name, content in sorted(signatures_in(parts.signatures).items()):
            yield _of_bytes(form.SIGNATURES + name, content)
    if parts.images is not None:
        yield from _images(parts.images)


def _of_bytes(path: str, content: bytes) -> _Piece:
    return _Piece(path, lambda: io.BytesIO(content))


def _of_file(path: str, file: Path) -> _Piece:
    return _Piece(path, lambda: open_plain(file))


def signatures_in(directory: Path) -> Mapping[str, bytes]:
    """Every signature in a directory, in either form, by its name; other files are passed over.

    Raises:
        UserError: it is no directory.
        DataError: a signature cannot be read, is too large, or is there in both forms with different content.
    """
    if not directory.is_dir():
        raise UserError(SIGNATURES_UNREADABLE, f"{directory} is not a directory")
    found: dict[str, bytes] = {}
    for path in _files_below(directory):
        name = name_of_path(path.relative_to(directory).as_posix())
        if name is None:
            continue
        content = _signature(path)
        if found.setdefault(str(name), content) != content:
            raise DataError(SIGNATURES_UNREADABLE, f"{directory} has {name} twice, with different content")
    return found


def _signature(path: Path) -> bytes:
    try:
        return read_plain(path, MAX_SIGNATURE_BYTES)
    except OSError as error:
        raise DataError(SIGNATURES_UNREADABLE, f"{path} cannot be read: {error.strerror}") from error


def _images(layout: Path) -> Iterator[_Piece]:
    for name in _LAYOUT_FILES:
        if not (layout / name).is_file():
            raise UserError(BUNDLE_PART, f"{layout} has no {name}, so it is no OCI layout")
        yield _of_file(f"{form.IMAGES}{name}", layout / name)
    for path in _files_below(layout / _LAYOUT_BLOBS):
        # What is no blob was left by a copy that did not end.
        if is_digest(f"{path.parent.name}:{path.name}"):
            yield _of_file(f"{form.IMAGES}{_LAYOUT_BLOBS}/{path.parent.name}/{path.name}", path)


def _files_below(directory: Path) -> list[Path]:
    """Every file below a directory but hidden ones. Links to directories are not followed, as they may lead in circles."""

    def refuse(error: OSError) -> None:
        raise DataError(BUNDLE_PART, f"{error.filename} cannot be listed: {error.strerror}") from error

    found = []
    for folder, folders, files in os.walk(directory, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(folder, name) for name in files if not name.startswith(".")]
    return sorted(found)


@contextmanager
def _opened(piece: _Piece) -> Iterator[_Hashed]:
    try:
        file = piece.open()
    except OSError as error:
        raise _unreadable(piece.path, error) from error
    with file:
        yield _Hashed(file, piece.path)


def _unreadable(path: str, error: OSError) -> DataError:
    return DataError(BUNDLE_PART, f"{path} cannot be read: {error.strerror}")


def _entry(piece: _Piece) -> Entry:
    with _opened(piece) as file:
        while file.read(CHUNK_BYTES):
            pass
        return file.entry


@contextmanager
def _unchanged(entry: Entry, piece: _Piece) -> Iterator[_Hashed]:
    """A piece to be read to its end, which must still be what was hashed."""
    changed = DataError(BUNDLE_PART, f"{entry.path} changed while the bundle was made")
    with _opened(piece) as file:
        try:
            yield file
        except OSError as error:
            # tarfile says so of a file that became shorter; any other is a fault of the disk that is written.
            if file.has_ended and file.entry != entry:
                raise changed from error
            raise
        if file.entry != entry:
            raise changed


def _write_archive(manifest: Manifest, pieces: Iterable[tuple[Entry, _Piece]], into: BinaryIO) -> None:
    with tarfile.open(fileobj=into, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(_header(form.NAME, len(manifest.content)), io.BytesIO(manifest.content))
        for entry, piece in pieces:
            with _unchanged(entry, piece) as file:
                archive.addfile(_header(entry.path, entry.size), file)


def _header(path: str, size: int) -> tarfile.TarInfo:
    # What is not set here is zero: no time, no owner.
    header = tarfile.TarInfo(path)
    header.size = size
    header.mode = _MODE
    return header


def _write_directory(manifest: Manifest, pieces: Iterable[tuple[Entry, _Piece]], directory: Path) -> None:
    for entry, piece in pieces:
        target = directory / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        with _unchanged(entry, piece) as file, target.open("wb") as written:
            while chunk := file.read(CHUNK_BYTES):
                written.write(chunk)
    # Last: where a copy of the directory has the manifest, it may have all.
    (directory / form.NAME).write_bytes(manifest.content)


@contextmanager
def _new_directory(out: Path) -> Iterator[Path]:
    """A directory that gets its name when the block ends well, and goes away otherwise."""
    if out.exists() or out.is_symlink():
        raise UserError(BUNDLE_TAKEN, f"{out} exists already")
    try:
        unfinished = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
        try:
            yield unfinished
            unfinished.chmod(0o755)
            unfinished.rename(out)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
    except OSError as error:
        raise UserError(OUTPUT_UNWRITABLE, f"{out} cannot be written: {error.strerror}") from error
