"""Whether an image has ``/manifests``, without which a Cluster Version Operator refuses it as a release.

There lie the manifests of the operator itself; they come from the base of a release. Source: the payload loader
of the Cluster Version Operator, for which a directory is a release only if it has both directories.
"""

from collections.abc import Sequence

from upgraph.errors import DataError
from upgraph.oci import Descriptor, ImageSource
from upgraph.payload.inflate import LayerInflater
from upgraph.payload.tarstream import TarStream
from upgraph.payload.whole_layer import MAX_INFLATED_BYTES
from upgraph.syntax.tar_stream import Entry, EntryKind

OPERATOR_FOLDER = "manifests"


async def has_operator_files(source: ImageSource, layers: Sequence[Descriptor]) -> bool:
    """Whether some layer of an image has a file below ``/manifests``. The topmost are looked through first.

    Raises:
        RemoteError, DataError: a layer could not be read.
    """
    for layer in reversed(layers):
        if await _has(source, layer):
            return True
    return False


async def _has(source: ImageSource, layer: Descriptor) -> bool:
    search = _Search()
    await source.pour(layer, search)
    return search.is_found


class _Search:
    """A sink and the visitor of its archive: wants bytes until a file was seen or it cannot go on."""

    def __init__(self) -> None:
        self.is_found = False
        self._stream = TarStream(self)
        self._inflater = LayerInflater()
        self._inflated = 0

    def feed(self, chunk: bytes) -> bool:
        """See :meth:`~upgraph.oci.Sink.feed`."""
        try:
            for piece in self._inflater.feed(chunk):
                self._inflated += len(piece)
                self._stream.feed(piece)
        except DataError:
            return False  # the release itself is in another layer, and whatever is broken here has no files
        return not (self.is_found or self._stream.is_done or self._inflated > MAX_INFLATED_BYTES)

    def begin(self, entry: Entry) -> int | None:
        """See :meth:`~upgraph.syntax.tar_stream.Visitor.begin`."""
        name = entry.name.removeprefix("./").lstrip("/")
        is_inside = name.startswith(f"{OPERATOR_FOLDER}/") and entry.kind is not EntryKind.FOLDER
        self.is_found = self.is_found or is_inside
        return None

    def take(self, entry: Entry, content: bytes) -> bool:  # noqa: ARG002 - nothing is asked for
        """See :meth:`~upgraph.syntax.tar_stream.Visitor.take`."""
        return False
