"""One layer of a container image, read whole, and what it does to the files at one place.

A layer adds entries, and takes away entries of the layers below it: ``.wh.NAME`` takes NAME away,
``.wh..wh..opq`` everything in its directory. What a layer takes away never concerns itself, so that comes
first (OCI image specification, "Image Layer Filesystem Changeset").

Only what lies at the place is kept. All of a layer is read nevertheless: what was not hashed is not known
to be what the manifest says.
"""

from dataclasses import dataclass
from typing import TypeAlias

from upgraph.errors import DataError
from upgraph.errors.problems.graphdata import IMAGE, TOO_LARGE
from upgraph.errors.problems.payload import LAYER_TOO_LARGE
from upgraph.graphdata.files import MAX_FILE_BYTES, MAX_TOTAL_BYTES, inside
from upgraph.graphdata.tree import MAX_NODES, Link, Tree, Unreadable
from upgraph.oci import Descriptor
from upgraph.payload.whole_layer import WholeLayer
from upgraph.syntax.tar_stream import Entry, EntryKind

MAX_INFLATED_BYTES = 4 * 1024 * 1024 * 1024
"""Largest layer, unpacked; base images of the usual distributions have up to about 1 GB."""
MAX_ENTRIES = 1_000_000
"""Most entries of one layer; those of the usual distributions have about 10,000."""
MAX_PATH_CHARACTERS = 4096
"""Longest path, as the kernel has it."""

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_OF_OTHERS = ".wh..wh."
_HISTORY = ".git"


@dataclass(frozen=True, slots=True)
class HardLink:
    """Another name of a file that is there already."""

    target: str


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory."""


Change: TypeAlias = bytes | Link | HardLink | Folder | Unreadable


@dataclass(frozen=True, slots=True)
class Layer:
    """What one layer does at the place."""

    removed: tuple[str, ...]
    emptied: tuple[str, ...]
    entries: tuple[tuple[str, Change], ...]
    """In the order of the archive: a later one of the same path replaces the former."""
    kept_bytes: int
    inflated_bytes: int
    """Bytes of all of the layer, unpacked."""

    def apply(self, tree: Tree[bytes]) -> None:
        """Change what the layers below it made.

        Raises:
            DataError: an entry lies below a link, or there are too many.
        """
        for path in self.removed:
            tree.remove(path)
        for path in self.emptied:
            tree.clear(path)
        for path, change in self.entries:
            if isinstance(change, Folder):
                tree.make_folder(path)
            elif isinstance(change, HardLink):
                found = tree.find(change.target)
                lost = Unreadable("a hard link leads to a file that is not at the place of the graph data")
                tree.put(path, lost if found is None or isinstance(found, dict) else found)
            else:
                tree.put(path, change)


class LayerReader:
    """A sink that reads one layer. Nothing counts before :meth:`result` has checked the digest.

    Args:
        blob: the layer.
        base: the place of the graph data, without leading slash; empty for the whole image.
        name: the source, for messages.
    """

    def __init__(self, blob: Descriptor, base: str, name: str) -> None:
        self._name = f"{name}: layer {blob.digest}"
        self._changes = _Changes(base, self._name)
        self._whole = WholeLayer(blob, self._changes, limit=MAX_INFLATED_BYTES)

    def feed(self, chunk: bytes) -> bool:
        """Take the next bytes of the layer. It wants all of them, also after a fault."""
        return self._whole.feed(chunk)

    def result(self) -> Layer:
        """What the layer does, once all of it was fed.

        Raises:
            VerificationError: the bytes are not those that its digest names.
            DataError: it is damaged, cut off, hostile or too large.
        """
        try:
            self._whole.check()
        except DataError as error:
            problem = TOO_LARGE if error.problem in {TOO_LARGE, LAYER_TOO_LARGE} else IMAGE
            raise DataError(problem, f"{self._name}: {error.seen}") from error
        return self._changes.layer(self._whole.inflated)


class _Changes:
    """Collects what a layer does at one place, as a visitor of its archive."""

    def __init__(self, base: str, name: str) -> None:
        self._base = base
        self._name = name
        self._seen = 0
        self._kept_bytes = 0
        self._removed: list[str] = []
        self._emptied: list[str] = []
        self._entries: list[tuple[str, Change]] = []

    def layer(self, inflated: int) -> Layer:
        changes = tuple(self._removed), tuple(self._emptied), tuple(self._entries)
        return Layer(*changes, self._kept_bytes, inflated)

    def begin(self, entry: Entry) -> int | None:
        """See :meth:`~upgraph.syntax.tar_stream.Visitor.begin`."""
        self._seen += 1
        if self._seen > MAX_ENTRIES:
            raise DataError(TOO_LARGE, f"it has more than {MAX_ENTRIES} entries")
        path = inside(entry.name)
        if path is None or len(path) > MAX_PATH_CHARACTERS:
            raise DataError(IMAGE, f"an entry has a name that leads out of the image: {entry.name[:200]!a}")
        above, _, last = path.rpartition("/")
        if last.startswith(_WHITEOUT):
            self._white_out(above, last)
        elif path and self._matters(path):
            if entry.kind is EntryKind.FILE and entry.size <= MAX_FILE_BYTES:
                return MAX_FILE_BYTES
            self._note(path, _change(entry))
        return None

    def take(self, entry: Entry, content: bytes) -> bool:
        """See :meth:`~upgraph.syntax.tar_stream.Visitor.take`."""
        self._kept_bytes += len(content)
        if self._kept_bytes > MAX_TOTAL_BYTES:
            seen = f"it has more than {MAX_TOTAL_BYTES} bytes at the place of the graph data"
            raise DataError(TOO_LARGE, seen)
        self._note(inside(entry.name) or "", content)
        return True

    def _white_out(self, above: str, last: str) -> None:
        hidden = last.removeprefix(_WHITEOUT)
        if last == _OPAQUE:
            self._emptied += [above] if self._matters(above) else []
        elif hidden in {"", ".", ".."}:
            raise DataError(IMAGE, f"the whiteout {above}/{last} names nothing")
        elif not last.startswith(_OF_OTHERS):
            path = f"{above}/{hidden}" if above else hidden
            self._removed += [path] if self._matters(path) else []
        self._check_count()

    def _matters(self, path: str) -> bool:
        """Whether a path is the place, leads to it or lies in it, history of a checkout apart."""
        if not path or not self._base:
            return _HISTORY not in path.split("/")
        if path == self._base or self._base.startswith(f"{path}/"):
            return True
        below = path.removeprefix(f"{self._base}/")
        return below != path and _HISTORY not in below.split("/")

    def _note(self, path: str, change: Change) -> None:
        self._entries.append((path, change))
        self._check_count()

    def _check_count(self) -> None:
        if len(self._entries) + len(self._removed) + len(self._emptied) > MAX_NODES:
            seen = f"it has more than {MAX_NODES} entries at the place of the graph data"
            raise DataError(TOO_LARGE, seen)


def _change(entry: Entry) -> Change:
    match entry.kind:
        case EntryKind.FOLDER:
            return Folder()
        case EntryKind.SYMBOLIC_LINK if len(entry.target) <= MAX_PATH_CHARACTERS:
            return Link(entry.target)
        case EntryKind.HARD_LINK:
            return HardLink(inside(entry.target.lstrip("/")) or "")
        case EntryKind.FILE:
            return Unreadable(f"it has {entry.size} bytes, more than the {MAX_FILE_BYTES} that are read")
        case _:
            return Unreadable("the layer has a device, a pipe or something unknown in its place")
