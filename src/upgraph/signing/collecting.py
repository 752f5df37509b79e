"""Gathers signatures from what lies on a disk: a directory, an archive, ConfigMap manifests, or one signature.

What is no signature is passed over, because directories hold other things too. What should be one and cannot
be read is a finding: it must not spoil its neighbours.
"""

import base64
import binascii
import gzip
import io
import os
import zlib
from pathlib import Path
from typing import BinaryIO, cast

from upgraph.errors import DataError, Finding, Severity, UserError
from upgraph.errors.problems.signing import SIGNATURE_UNUSABLE, STORE_UNUSABLE
from upgraph.oci import Digest
from upgraph.oci.disk.folder import Folder, FolderFile
from upgraph.signing.config_map import ConfigMap, config_maps_in
from upgraph.signing.packets import is_binary
from upgraph.signing.stores import LABEL, Candidate, Collection, digest_of_file, digest_of_key, is_too_large
from upgraph.syntax import SyntaxFault
from upgraph.syntax.signature_names import ARCHIVE_ENDINGS, MANIFEST_ENDINGS, MAX_SIGNATURE_BYTES
from upgraph.syntax.tar_stream import Entry, EntryKind, TarStream

MAX_FILES = 200_000
"""Most files of a directory or members of an archive."""
MAX_TOTAL_BYTES = 256 * 1024 * 1024
"""Bytes of all signatures of a source together, and of an archive when it is unpacked."""
MAX_MANIFEST_BYTES = 64 * 1024 * 1024
"""Bytes of the largest file of ConfigMaps."""

_GZIP = b"\x1f\x8b"
_PIECE_BYTES = 64 * 1024


def collect(path: Path) -> Collection:
    """The signatures that lie at a path.

    Raises:
        UserError: there is nothing, or something that cannot hold signatures.
        DataError: it cannot be read, or is too large.
    """
    if path.is_dir():
        return _directory(path)
    if not path.exists():
        raise UserError(STORE_UNUSABLE, f"{path} does not exist")
    if path.name.endswith(ARCHIVE_ENDINGS):
        with _open(path) as file:
            return collect_archive(cast("BinaryIO", file), str(path))
    gathering = _Gathering(str(path))
    if path.name.endswith(MANIFEST_ENDINGS):
        gathering.take_manifest(_read(path, MAX_MANIFEST_BYTES), path.name)
        return gathering.result()
    content = _read(path, MAX_SIGNATURE_BYTES)
    if not is_binary(content):
        seen = f"{path} is neither a directory, an archive, a manifest, nor a signature"
        raise UserError(STORE_UNUSABLE, seen)
    digest = digest_of_file(path.as_posix())
    candidate = Candidate(str(path), content)
    if digest is None:
        return Collection(str(path), {}, loose=[candidate])
    return Collection(str(path), {digest: [candidate]})


def collect_archive(file: BinaryIO, name: str) -> Collection:
    """The signatures in a tar archive, compressed with gzip or not.

    Raises:
        DataError: it is none, or unpacks to more than :data:`MAX_TOTAL_BYTES`.
    """
    gathering = _Gathering(name)
    _read_members(file, TarStream(_Members(gathering, name)), name)
    return gathering.result()


class _Gathering:
    """What was found until now."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._signatures: dict[Digest, list[Candidate]] = {}
        self._findings: list[Finding] = []
        self._bytes = 0

    def result(self) -> Collection:
        return Collection(self._name, self._signatures, self._findings)

    def take_file(self, path: str, content: bytes) -> None:
        if path.endswith(MANIFEST_ENDINGS):
            self.take_manifest(content, path)
            return
        digest = digest_of_file(path)
        if digest is not None:
            self._take(digest, path, content)

    def take_manifest(self, content: bytes, path: str) -> None:
        try:
            found = config_maps_in(content)
        except SyntaxFault as error:
            self.leave_out(path, f"it cannot be read: {error.seen}")
            return
        for one in found:
            if LABEL in one.labels:
                self._take_config_map(one, path)

    def leave_out(self, path: str, reason: str) -> None:
        self._findings.append(Finding(Severity.ERROR, SIGNATURE_UNUSABLE, reason, f"{self._name}: {path}"))

    def _take_config_map(self, one: ConfigMap, path: str) -> None:
        for key, value in one.binary_data.items():
            digest = digest_of_key(key)
            if digest is None:
                continue
            try:
                self._take(digest, f"{path}: {one.name}: {key}", base64.b64decode(value, validate=True))
            except binascii.Error as error:
                self.leave_out(path, f"{one.name}: {key} is no base64: {error}")

    def _take(self, digest: Digest, place: str, content: bytes) -> None:
        if not content:
            return
        if is_too_large(len(content)):
            self.leave_out(place, f"it has {len(content)} bytes; a signature may have {MAX_SIGNATURE_BYTES}")
            return
        self._bytes += len(content)
        if self._bytes > MAX_TOTAL_BYTES:
            raise DataError(
                STORE_UNUSABLE, f"{self._name} has more than {MAX_TOTAL_BYTES} bytes of signatures"
            )
        self._signatures.setdefault(digest, []).append(Candidate(f"{self._name}: {place}", content))


def _directory(path: Path) -> Collection:
    gathering = _Gathering(str(path))
    folder = Folder(path, "signatures", STORE_UNUSABLE)
    for inside in _files_below(path):
        is_manifest = inside.endswith(MANIFEST_ENDINGS)
        if not is_manifest and digest_of_file(inside) is None:
            continue
        limit = MAX_MANIFEST_BYTES if is_manifest else MAX_SIGNATURE_BYTES
        try:
            with folder.open_now(inside, inside) as file:
                content = file.read(limit + 1)
        except DataError as error:
            gathering.leave_out(inside, error.seen)
        except OSError as error:
            gathering.leave_out(inside, f"it cannot be read: {error.strerror}")
        else:
            if len(content) > limit:
                gathering.leave_out(inside, f"it has more than {limit} bytes")
            else:
                gathering.take_file(inside, content)
    return gathering.result()


def _files_below(top: Path) -> list[str]:
    """The files of a directory, sorted so that ``signature-2`` stands before ``signature-10``.

    Directories that are links are not followed, as they may lead in circles; ``..data`` of a mounted ConfigMap
    is one of them, and its files stand beside it as links.
    """

    def refuse(error: OSError) -> None:
        raise DataError(STORE_UNUSABLE, f"{error.filename} cannot be listed: {error.strerror}") from error

    found: list[str] = []
    for folder, folders, files in os.walk(top, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inside = Path(folder).relative_to(top)
        found += ((inside / name).as_posix() for name in files if not name.startswith("."))
        if len(found) > MAX_FILES:
            raise DataError(STORE_UNUSABLE, f"{top} has more than {MAX_FILES} files")
    return sorted(found, key=lambda path: (path.rpartition("/")[0], len(path), path))


class _Members:
    """Hands files of an archive on as a visitor of it. Links and devices hold nothing; names open nothing."""

    def __init__(self, gathering: _Gathering, name: str) -> None:
        self._gathering = gathering
        self._name = name
        self._count = 0

    def begin(self, entry: Entry) -> int | None:
        """See :meth:`~upgraph.syntax.tar_stream.Visitor.begin`."""
        self._count += 1
        if self._count > MAX_FILES:
            raise DataError(STORE_UNUSABLE, f"{self._name} has more than {MAX_FILES} members")
        path = _path(entry)
        is_manifest = path.endswith(MANIFEST_ENDINGS)
        if entry.kind is not EntryKind.FILE or not (is_manifest or digest_of_file(path) is not None):
            return None
        limit = MAX_MANIFEST_BYTES if is_manifest else MAX_SIGNATURE_BYTES
        if entry.size > limit:
            self._gathering.leave_out(path, f"it has more than {limit} bytes")
            return None
        return limit

    def take(self, entry: Entry, content: bytes) -> bool:
        """See :meth:`~upgraph.syntax.tar_stream.Visitor.take`."""
        self._gathering.take_file(_path(entry), content)
        return True


def _path(entry: Entry) -> str:
    return entry.name.removeprefix("./")


def _read_members(file: BinaryIO, archive: TarStream, name: str) -> None:
    left = MAX_TOTAL_BYTES
    try:
        begin = file.read(len(_GZIP))
        joined = cast("BinaryIO", _Joined(begin, file))
        plain = cast("BinaryIO", gzip.GzipFile(fileobj=joined)) if begin == _GZIP else joined
        # To the end, also behind the mark: there stands the checksum of what is compressed.
        while piece := plain.read(_PIECE_BYTES):
            left -= len(piece)
            if left < 0:
                raise DataError(STORE_UNUSABLE, f"{name} unpacks to more than {MAX_TOTAL_BYTES} bytes")
            archive.feed(piece)
    except (SyntaxFault, EOFError, zlib.error, OSError) as error:
        raise DataError(STORE_UNUSABLE, f"{name} is no tar archive, or a damaged one: {error}") from error
    if not archive.has_end_mark:
        raise DataError(STORE_UNUSABLE, f"{name} is no tar archive, or one that was cut off")


class _Joined:
    """What was read already, and the rest of a file."""

    def __init__(self, begin: bytes, rest: BinaryIO) -> None:
        self._begin = io.BytesIO(begin)
        self._rest = rest

    def read(self, size: int = -1) -> bytes:
        begin = self._begin.read(size)
        return begin + self._rest.read(size - len(begin) if size >= 0 else size)


def _open(path: Path) -> FolderFile:
    try:
        return Folder(path.resolve().parent, "signatures", STORE_UNUSABLE).open_now(
            path.resolve().name, path.name
        )
    except OSError as error:
        raise UserError(STORE_UNUSABLE, f"{path} cannot be read: {error.strerror}") from error


def _read(path: Path, limit: int) -> bytes:
    with _open(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise DataError(STORE_UNUSABLE, f"{path} has more than {limit} bytes")
    return content
