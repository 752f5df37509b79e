"""Layers that are made here. The same files give the same bytes: fixed owners, sorted parents, times as given."""

import gzip
import io
import tarfile
from collections.abc import Iterable, Mapping
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


@dataclass(frozen=True, slots=True)
class LayerFolder:
    """A directory of a layer, owned by user and group 0, for which the usual mode and time are not right."""

    path: str
    """Without leading and trailing slash."""
    mode: int
    modified: int = 0
    """Seconds since 1970."""


def tar_layer(entries: Iterable[LayerFile | LayerFolder]) -> bytes:
    """The entries as a tar archive, in their order, each directory before the first thing in it."""
    archive = io.BytesIO()
    made: set[str] = set()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for one in entries:
            _add_folders(tar, one, made)
            if isinstance(one, LayerFolder):
                made.add(one.path)
                tar.addfile(_folder(_AsNamed(one.path), one.mode, one.modified))
                continue
            entry = tarfile.TarInfo(one.path)
            entry.size, entry.mode, entry.mtime = len(one.content), one.mode, one.modified
            tar.addfile(entry, io.BytesIO(one.content))
    return archive.getvalue()


def gzipped(content: bytes) -> bytes:
    """``content`` compressed, without a time in its header."""
    return gzip.compress(content, mtime=0)


class _AsNamed(tarfile.TarInfo):
    """A directory without the slash that the library would put behind its name, as writers in Go leave it out."""

    def get_info(self) -> Mapping[str, str | int | bytes | Mapping[str, str]]:
        return {**super().get_info(), "name": self.name}


def _folder(entry: tarfile.TarInfo, mode: int, modified: int) -> tarfile.TarInfo:
    entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, mode, modified
    return entry


def _add_folders(tar: tarfile.TarFile, inner: LayerFile | LayerFolder, made: set[str]) -> None:
    parts = inner.path.split("/")[:-1]
    for length in range(1, len(parts) + 1):
        folder = "/".join(parts[:length])
        if folder not in made:
            made.add(folder)
            tar.addfile(_folder(tarfile.TarInfo(folder), _FOLDER_MODE, inner.modified))
