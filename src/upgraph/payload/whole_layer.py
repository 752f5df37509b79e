"""A layer that is read whole: hashed, unpacked within limits, and its entries shown to a visitor.

What the visitor collected counts once :meth:`WholeLayer.check` has passed, and never before: until the last
byte was hashed nobody knows that the layer is the one of the manifest.
"""

from upgraph.errors import DataError, VerificationError
from upgraph.errors.problems.oci import DIGEST_MISMATCH
from upgraph.errors.problems.payload import LAYER_TOO_LARGE, LAYER_UNREADABLE
from upgraph.oci import Descriptor, Hasher
from upgraph.payload.inflate import LayerInflater
from upgraph.payload.tarstream import TarStream
from upgraph.syntax.tar_stream import Visitor

MAX_INFLATED_BYTES = 4 * 1024 * 1024 * 1024
"""Bytes of the largest layer, unpacked; base images of the usual distributions have up to about 1 GB."""


class WholeLayer:
    """A sink that reads one layer.

    Args:
        blob: the layer.
        visitor: is shown its entries.
        limit: bytes of the largest layer that is accepted, unpacked.
    """

    def __init__(self, blob: Descriptor, visitor: Visitor, *, limit: int = MAX_INFLATED_BYTES) -> None:
        self._blob = blob
        self._limit = limit
        self._hasher = Hasher.like(blob.digest)
        self._inflater = LayerInflater()
        self._stream = TarStream(visitor)
        self.inflated = 0
        """Bytes that were unpacked until now."""
        self._fault: DataError | None = None

    def feed(self, chunk: bytes) -> bool:
        """Take the next bytes of the layer. It wants all of them, also after a fault."""
        self._hasher.update(chunk)
        if self._fault is None:
            try:
                self._inflate(chunk)
            except DataError as error:
                self._fault = error
        return True

    def check(self) -> None:
        """Say whether all was as it should be, once the layer was fed.

        Raises:
            VerificationError: the bytes are not those that its digest names.
            DataError: it is damaged, cut off or too large, or what the visitor raised.
        """
        got = self._hasher.digest()
        if got != self._blob.digest:
            raise VerificationError(
                DIGEST_MISMATCH, f"layer {self._blob.digest}: its content has the digest {got}"
            )
        if self._fault is not None:
            raise self._fault
        if not (self._inflater.is_whole and self._stream.has_end_mark):
            raise DataError(LAYER_UNREADABLE, "the layer is cut off: it ends without the mark of the end")

    def _inflate(self, chunk: bytes) -> None:
        for piece in self._inflater.feed(chunk):
            self.inflated += len(piece)
            if self.inflated > self._limit:
                raise DataError(LAYER_TOO_LARGE, f"the layer unpacks to more than {self._limit} bytes")
            self._stream.feed(piece)
