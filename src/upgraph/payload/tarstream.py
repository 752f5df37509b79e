"""Layers as tar streams: what is wrong with the stream is a fault of the layer."""

from upgraph.errors import DataError
from upgraph.errors.problems.payload import LAYER_UNREADABLE
from upgraph.syntax import SyntaxFault, tar_stream


class TarStream(tar_stream.TarStream):
    """Shows the entries of a layer, unpacked, to a visitor."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the archive.

        Raises:
            DataError: this is no tar archive, or a wanted file is too large.
        """
        try:
            super().feed(data)
        except SyntaxFault as error:
            seen = f"the layer is not a tar archive that can be read: {error.seen}"
            raise DataError(LAYER_UNREADABLE, seen) from error
