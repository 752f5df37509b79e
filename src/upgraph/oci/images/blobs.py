"""Small blobs, read whole: configurations, payloads of signatures, layers that are documents.

Whoever reads one looks at its size first. What is larger goes through :meth:`~upgraph.oci.ImageSource.pour`
into a sink that does not keep it.
"""

from upgraph.oci.images.digest import verify
from upgraph.oci.images.manifest import Descriptor
from upgraph.oci.images.source import ImageSource


class Kept:
    """A sink that keeps everything, for blobs whose size was looked at."""

    def __init__(self) -> None:
        self.content = bytearray()

    def feed(self, chunk: bytes) -> bool:
        """See :meth:`~upgraph.oci.Sink.feed`."""
        self.content += chunk
        return True


async def read_blob(source: ImageSource, blob: Descriptor, what: str) -> bytes:
    """The bytes of ``blob``, checked against its digest.

    Args:
        source: where it is.
        blob: of a size that the caller has accepted.
        what: names the blob in the message of a VerificationError.

    Raises:
        VerificationError: the content is not what the digest says.
        RemoteError, DataError: see :meth:`~upgraph.oci.ImageSource.pour`.
    """
    sink = Kept()
    await source.pour(blob, sink, first=None)
    content = bytes(sink.content)
    verify(content, blob.digest, what)
    return content
