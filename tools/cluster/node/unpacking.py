"""Layers of an image as a directory: files over files, and whiteouts that take them away.

The rules are those of the image specification of the Open Container Initiative (layer.md): ``.wh.NAME`` hides what
lower layers have, ``.wh..wh..opq`` everything in its directory. Nothing is written outside the directory: the check of
:func:`tarfile.tar_filter` follows links that earlier files have made.
"""

import os
import shutil
import tarfile
from io import BufferedIOBase
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import zstandard

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
MAX_UNPACKED_BYTES = 2 * 1024**3
"""Largest sum of the files of one layer."""


def unpack_layer(layer: Path, root: Path) -> None:
    """Put a layer over what a directory has.

    Args:
        layer: a tar archive, as it is or compressed by gzip or zstd.
        root: an existing directory.

    Raises:
        tarfile.TarError, OSError, EOFError: it is no archive, leads outside the directory, or is too large.
    """
    with layer.open("rb") as raw:
        magic = raw.read(4)
        raw.seek(0)
        if magic == _ZSTD:
            _unpack(zstandard.ZstdDecompressor().stream_reader(raw), "r|", root)
        else:
            _unpack(raw, "r|gz" if magic.startswith(_GZIP) else "r|", root)


def _unpack(stream: BinaryIO | BufferedIOBase, mode: str, root: Path) -> None:
    total = 0
    # A whiteout hides what lower layers have, not what this one has: what it brings itself is remembered.
    brought: set[PurePosixPath] = set()
    with tarfile.open(fileobj=stream, mode=mode) as tar:  # type: ignore[call-overload]  # no overload takes any mode
        for member in tar:
            total += member.size
            if total > MAX_UNPACKED_BYTES:
                raise tarfile.ExtractError(f"the layer has more than {MAX_UNPACKED_BYTES} bytes")
            path = PurePosixPath(member.name.lstrip("/"))
            if path.name.startswith(_WHITEOUT):
                _white_out(root, path, brought)
            elif path != PurePosixPath():
                brought.update((path, *path.parents))
                _put(tar, member, root, path)


def _white_out(root: Path, path: PurePosixPath, brought: set[PurePosixPath]) -> None:
    directory = inside(root, path.parent)
    if not directory.is_dir():
        return
    hidden = [path.name.removeprefix(_WHITEOUT)]
    if path.name == _OPAQUE:
        hidden = sorted(there.name for there in directory.iterdir())
    for name in hidden:
        _hide(root, path.parent / name, brought)


def _hide(root: Path, path: PurePosixPath, brought: set[PurePosixPath]) -> None:
    """Take away what lower layers have, also from below a directory that this layer has as well."""
    if path not in brought:
        _remove(root / path)
    elif (root / path).is_dir() and not (root / path).is_symlink():
        for there in sorted((root / path).iterdir()):
            _hide(root, path / there.name, brought)


def _put(tar: tarfile.TarFile, member: tarfile.TarInfo, root: Path, path: PurePosixPath) -> None:
    inside(root, path.parent).mkdir(parents=True, exist_ok=True)
    there = root / path
    if there.is_symlink() or (there.exists() and not (member.isdir() and there.is_dir())):
        _remove(there)
    tar.extract(member, root, numeric_owner=True, filter=_checked)


def inside(root: Path, path: PurePosixPath) -> Path:
    """A path below ``root`` with its links followed.

    Raises:
        tarfile.ExtractError: it leads outside.
    """
    found = Path(os.path.realpath(root / path))
    if not found.is_relative_to(os.path.realpath(root)):
        raise tarfile.ExtractError(f"{path} leads outside the image")
    return found


def _checked(member: tarfile.TarInfo, root: str) -> tarfile.TarInfo:
    # The filter also takes away rights that an image needs, such as those of /tmp: only its verdict counts.
    checked = tarfile.tar_filter(member, root)
    return checked.replace(mode=member.mode, deep=False)


def _remove(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path)
