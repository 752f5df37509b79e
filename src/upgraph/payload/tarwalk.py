"""Looks for one file in a tar stream, and says when it is complete."""

from upgraph.payload.tarstream import TarStream
from upgraph.syntax.tar_stream import BLOCK_BYTES, Entry

__all__ = ["BLOCK_BYTES", "TarWalk"]


class TarWalk:
    """Looks for one regular file in a tar stream.

    Args:
        wanted: name of the file, without leading ``./``.
        limit: bytes of the largest file that is accepted.
    """

    def __init__(self, wanted: str, limit: int) -> None:
        self._wanted = wanted
        self._folder = wanted.rpartition("/")[0] + "/"
        self._limit = limit
        self._stream = TarStream(self)
        self.content: bytes | None = None
        """The wanted file, once it is complete."""
        self.in_folder = False
        """Whether something in the folder of the wanted file has been seen."""

    @property
    def is_done(self) -> bool:
        """Whether nothing more is wanted: the file is complete or the archive ended."""
        return self._stream.is_done

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the archive.

        Raises:
            DataError: this is no tar archive, or the wanted file is too large.
        """
        self._stream.feed(data)

    def begin(self, entry: Entry) -> int | None:
        """See :meth:`~upgraph.syntax.tar_stream.Visitor.begin`."""
        name = entry.name.removeprefix("./")
        self.in_folder = self.in_folder or name.startswith(self._folder)
        return self._limit if name == self._wanted else None

    def take(self, entry: Entry, content: bytes) -> bool:  # noqa: ARG002 - only one is ever asked for
        """See :meth:`~upgraph.syntax.tar_stream.Visitor.take`."""
        self.content = content
        return False
