"""Layers that are made here. The same files give the same bytes: fixed owners, sorted parents, times as given."""

import gzip
import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass

_FOLDER_MODE = 0o755


@dataclass(frozen=True, slots=True)
class LayerFile:
    """A file of a layer, owned by user and group 0."""

    path: str
    """Without leading slash."""
    content: bytes
    mode: int = 0o644
    modified: int = 0
    """Seconds since 1970."""


def tar_layer(files: Iterable[LayerFile]) -> bytes:
    """The files as a tar archive, in their order, each directory before the first thing in it."""
    archive = io.BytesIO()
    made: set[str] = set()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for file in files:
            _add_folders(tar, file, made)
            entry = tarfile.TarInfo(file.path)
            entry.size, entry.mode, entry.mtime = len(file.content), file.mode, file.modified
            tar.addfile(entry, io.BytesIO(file.content))
    return archive.getvalue()


def gzipped(content: bytes) -> bytes:
    """``content`` compressed, without a time in its header."""
    return gzip.compress(content, mtime=0)


def _add_folders(tar: tarfile.TarFile, file: LayerFile, made: set[str]) -> None:
    parts = file.path.split("/")[:-1]
    for length in range(1, len(parts) + 1):
        folder = "/".join(parts[:length])
        if folder not in made:
            made.add(folder)
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, _FOLDER_MODE, file.modified
            tar.addfile(entry)
