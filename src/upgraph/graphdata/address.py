"""Graph data in a tarball at an http or https address.

The server is asked whether the tarball has changed (ETag, Last-Modified) and sends it only then. Servers that
cannot tell send it each time; equal bytes count as unchanged. A login may stand in the address; it is sent to
that host alone and never shown.
"""

import asyncio
import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from upgraph.errors import DataError, Finding, RemoteError
from upgraph.errors.problems.graphdata import ARCHIVE, DOWNLOAD
from upgraph.graphdata.files import Files
from upgraph.graphdata.tarball import read_tarball
from upgraph.oci.http.downloads import Answer, Downloads, Wish, shown_address
from upgraph.oci.images.closing import Closing

MAX_DOWNLOAD_BYTES = 64 * 1024 * 1024
"""Largest tarball that is downloaded; that of the real set has about 0.3 MB, of its whole repository 2 MB."""
DOWNLOAD_SECONDS = 900.0
"""Longest time for one download. A connection without a byte for 30 s is given up before."""

_GZIP_MAGIC = b"\x1f\x8b"
# Some servers say of a .tar.gz file that it is a .tar which they compressed on the way.
_ENCODINGS = frozenset({"gzip", "x-gzip"})
_SHOWN_BYTES = 40


@dataclass(frozen=True, slots=True)
class _Known:
    """What the server gave last."""

    etag: str | None
    modified: str | None
    digest: bytes
    fault: DataError | None
    """Why it was refused: as long as it has not changed, that does not change either."""


class AddressSource(Closing):
    """The graph data in a tarball at an address. Also an async context manager.

    Args:
        url: the address.
        downloads: opens what it is downloaded with.

    Raises:
        UserError: it is no http or https address.
    """

    def __init__(self, url: str, downloads: Callable[[], Downloads]) -> None:
        self._name = shown_address(url)
        self._url = url
        self._downloads = downloads()
        self._known: _Known | None = None

    @property
    def name(self) -> str:
        """The address without login and query."""
        return self._name

    @property
    def origin(self) -> str:
        """See :attr:`RemoteGraphData.origin`."""
        return f"sha256:{self._known.digest.hex()}" if self._known is not None else ""

    async def fetch(self) -> Files | None:
        """See :meth:`RemoteGraphData.fetch`."""
        known = self._known
        wish = Wish(
            encodings=_ENCODINGS,
            etag=known.etag if known else None,
            modified=known.modified if known else None,
        )
        answer = await self._downloads.exchange(
            self._url, wish, limit=MAX_DOWNLOAD_BYTES, seconds=DOWNLOAD_SECONDS
        )
        if answer.status == HTTPStatus.OK:
            digest = hashlib.sha256(answer.content).digest()
            if known is None or digest != known.digest:
                return await self._take(answer, digest)
        elif known is None or not answer.is_current:
            seen = f"{self.name} answered with the status {answer.status}"
            raise RemoteError(DOWNLOAD, seen, status=answer.status)
        if known.fault is not None:
            raise DataError(known.fault.problem, known.fault.seen)
        return None

    def take_findings(self) -> tuple[Finding, ...]:
        """See :meth:`RemoteGraphData.take_findings`. There is one place, which fails or does not."""
        return ()

    async def close(self) -> None:
        """Close the connections."""
        await self._downloads.close()

    async def _take(self, answer: Answer, digest: bytes) -> Files:
        try:
            files = await asyncio.to_thread(self._read, answer)
        except DataError as error:
            # As it was raised it would keep the frames it came through, and with them the content.
            fault = DataError(error.problem, error.seen)
            self._known = _Known(answer.etag, answer.modified, digest, fault)
            raise
        self._known = _Known(answer.etag, answer.modified, digest, None)
        return files

    def _read(self, answer: Answer) -> Files:
        if not answer.content.startswith(_GZIP_MAGIC):
            begin = answer.content[:_SHOWN_BYTES]
            seen = f"{self.name} gives {answer.media_type or 'something'} that begins with {begin!r}, which is no gzip"
            raise DataError(ARCHIVE, seen)
        return read_tarball(io.BytesIO(answer.content), self.name)
