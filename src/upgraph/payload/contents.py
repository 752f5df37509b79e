"""The files of ``release-manifests/`` in a release, taken from a layer that was read whole.

A release comes from elsewhere, and its files get names on this machine: whatever leads out of the directory,
is no plain file or stands there twice makes the whole layer unusable, because nobody publishes such a thing
by mistake.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from upgraph.errors import DataError
from upgraph.errors.problems.payload import ENTRY_REFUSED, LAYER_TOO_LARGE
from upgraph.oci import Descriptor, Digest, ImageSource, digest_of
from upgraph.payload.metadata import METADATA_PATH
from upgraph.payload.whole_layer import WholeLayer
from upgraph.syntax.tar_stream import Entry, EntryKind

FOLDER = METADATA_PATH.rpartition("/")[0]
"""The directory of a release in the root of its layer."""
METADATA = "release-metadata"
REFERENCES = "image-references"
MANIFEST_SUFFIXES = (".json", ".yaml", ".yml")
"""Ends of the names that a Cluster Version Operator reads; it passes over all others."""

MAX_FILE_BYTES = 16 * 1024 * 1024
"""Bytes of the largest file; real ones have up to about 2 MB."""
MAX_FILES = 20_000
"""Most files; real releases have about 900."""
MAX_TOTAL_BYTES = 256 * 1024 * 1024
"""Bytes of all files together; those of real releases have about 20 MB."""
MAX_NAME_BYTES = 255
"""Bytes of the longest name of a file or directory, as file systems have it."""

_WHITEOUT = ".wh."


@dataclass(frozen=True, slots=True)
class PayloadFile:
    """A file of a release."""

    content: bytes
    modified: int = 0
    """Seconds since 1970."""

    @property
    def digest(self) -> Digest:
        """Of the content."""
        return digest_of(self.content)


async def read_contents(source: ImageSource, layer: Descriptor) -> Mapping[str, PayloadFile]:
    """The files of a layer by their path below ``release-manifests/``, in the order of the archive.

    Raises:
        VerificationError: the layer is not what its digest says.
        DataError: it is damaged or too large, or has an entry that cannot be taken.
        RemoteError: it could not be read.
    """
    collector = Collector()
    reader = WholeLayer(layer, collector)
    await source.pour(layer, reader, first=None)
    try:
        reader.check()
    except DataError as error:
        raise DataError(error.problem, f"layer {layer.digest}: {error.seen}") from error
    return collector.files


def is_manifest(name: str) -> bool:
    """Whether a Cluster Version Operator reads a file of this name."""
    return "/" not in name and name.endswith(MANIFEST_SUFFIXES)


def is_safe_path(path: str) -> bool:
    """Whether a path from an archive stays in the directory where it is unpacked, and is a name everywhere."""
    return "\\" not in path and all(map(_is_safe_part, path.split("/")))


def _is_safe_part(part: str) -> bool:
    if part in {"", ".", ".."} or not part.isprintable():
        return False
    return len(part.encode()) <= MAX_NAME_BYTES


class Collector:
    """Collects the files of a release as a visitor of its archive."""

    def __init__(self) -> None:
        self.files: dict[str, PayloadFile] = {}
        """By their path below ``release-manifests/``."""
        self._bytes = 0

    def begin(self, entry: Entry) -> int | None:
        """See :meth:`~upgraph.syntax.tar_stream.Visitor.begin`."""
        path = _inside(entry)
        if path is None or path.rpartition("/")[2].startswith(_WHITEOUT):
            return None
        if not is_safe_path(path):
            raise _refused(entry, "its name leads elsewhere or cannot be a name of a file")
        if entry.kind is EntryKind.FOLDER:
            return None
        if entry.kind is not EntryKind.FILE:
            raise _refused(entry, f"it is {entry.kind.value}")
        if path in self.files:
            raise _refused(entry, "it stands there twice, so two readers could take different ones")
        if len(self.files) >= MAX_FILES:
            raise DataError(LAYER_TOO_LARGE, f"{FOLDER}/ has more than {MAX_FILES} files")
        return MAX_FILE_BYTES

    def take(self, entry: Entry, content: bytes) -> bool:
        """See :meth:`~upgraph.syntax.tar_stream.Visitor.take`."""
        self._bytes += len(content)
        if self._bytes > MAX_TOTAL_BYTES:
            raise DataError(LAYER_TOO_LARGE, f"{FOLDER}/ has more than {MAX_TOTAL_BYTES} bytes")
        self.files[_inside(entry) or ""] = PayloadFile(content, entry.modified)
        return True


def _inside(entry: Entry) -> str | None:
    """The path below ``release-manifests/``; None for what lies elsewhere."""
    name = entry.name
    while name.startswith(("/", "./")):
        name = name[1:] if name[0] == "/" else name[2:]
    if entry.kind is EntryKind.FOLDER:
        name = name.rstrip("/")
    folder, slash, path = name.partition("/")
    if folder == FOLDER and not slash and entry.kind is not EntryKind.FOLDER:
        raise _refused(entry, "it stands in the place of the directory")
    return path if folder == FOLDER and slash else None


def _refused(entry: Entry, reason: str) -> DataError:
    return DataError(ENTRY_REFUSED, f"{entry.name[:200]!a}: {reason}")
