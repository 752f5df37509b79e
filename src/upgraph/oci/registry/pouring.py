"""Bodies of blobs into sinks.

A blob is read in ranges that grow, may be asked for again in the middle, and may come whole from a
server that knows no ranges. Through all of it the sink gets each byte once and in order: the position
lives here, not in the request.

A server that ignores ranges costs no more bytes: its answer is taken in the same growing steps, and when
the sink has enough, the rest is cut off with the connection unless it is short.
"""

import asyncio
import re
from dataclasses import dataclass

import aiohttp

from upgraph.errors import RemoteError
from upgraph.oci.http.failures import broken, cut_short
from upgraph.oci.images.manifest import Descriptor
from upgraph.oci.images.source import MAX_RANGE_BYTES, Sink

MAX_RANGE_REST_BYTES = 1024 * 1024
"""An unwanted rest of a range up to this is read: it was asked for, and is on its way already."""
MAX_REST_BYTES = 16 * 1024
"""An unwanted rest that was not asked for is read up to this; a new TLS connection would cost more."""
MAX_READ_BYTES = 256 * 1024
"""Largest piece of a body that is taken at once."""
DRAIN_SECONDS = 5.0
"""Longest time that reading an unwanted rest may take."""

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


@dataclass(slots=True)
class Pouring:
    """One blob on its way into one sink."""

    blob: Descriptor
    sink: Sink
    step: int | None
    """Bytes of the next range; None: all that is left."""
    fed: int = 0
    """Bytes that the sink has had."""
    received: int = 0
    """Bytes that came from the source, whether the sink had them or not."""
    wanted: bool = True
    """Whether the sink wants more."""

    @property
    def open(self) -> bool:
        """Whether there is more to do."""
        return self.wanted and self.fed < self.blob.size

    def next_end(self) -> int:
        """End (exclusive) of the range that starts at ``fed``."""
        return self.blob.size if self.step is None else min(self.fed + self.step, self.blob.size)

    def grow(self) -> None:
        """Ask for twice as much the next time: few requests for large metadata, few bytes for small."""
        if self.step is not None:
            self.step = min(self.step * 2, MAX_RANGE_BYTES)

    def take(self, chunk: bytes) -> None:
        """Feed the next bytes of the blob."""
        self.fed += len(chunk)
        self.wanted = self.sink.feed(chunk)


async def receive(response: aiohttp.ClientResponse, pouring: Pouring, end: int, what: str) -> None:
    """Pour the body of a 206 or 200 answer to the request for the bytes from ``pouring.fed`` to ``end``.

    Raises:
        RemoteError: the answer is not what was asked for, or ended early (then it may be asked for again).
    """
    if response.status == 206:
        body = _Body(response, pouring, _promised(response, pouring, end, what), what)
        rest = MAX_RANGE_REST_BYTES
    else:
        body = _Body(response, pouring, pouring.blob.size, what)
        rest = MAX_REST_BYTES
        # The whole blob, though a part was asked for: what the sink has had already is passed over.
        await body.skip(pouring.fed)
    await body.pour(end)
    if pouring.wanted:
        await body.expect_end()
    else:
        await body.drain(rest)


def _promised(response: aiohttp.ClientResponse, pouring: Pouring, end: int, what: str) -> int:
    value = response.headers.get("Content-Range")
    stated = parse_content_range(value)
    if stated is None:
        raise broken(what, f"status 206 with the Content-Range {str(value)[:80]!r}")
    first, last, size = stated
    if first != pouring.fed or last != end - 1 or size not in {None, pouring.blob.size}:
        asked = f"bytes {pouring.fed}-{end - 1} of {pouring.blob.size}"
        raise broken(what, f"asked for {asked}, got the Content-Range {str(value)[:80]!r}")
    return last - first + 1


class _Body:
    """The body of one answer, which has ``length`` bytes or is broken."""

    def __init__(self, response: aiohttp.ClientResponse, pouring: Pouring, length: int, what: str) -> None:
        stated = response.content_length
        if stated is not None and stated != length:
            raise broken(what, f"the body has {stated} bytes, expected {length}")
        self._response = response
        self._pouring = pouring
        self._length = length
        self._what = what
        self._got = 0

    async def skip(self, size: int) -> None:
        """Pass over the next ``size`` bytes."""
        while self._got < size:
            await self._take(size - self._got)

    async def pour(self, end: int) -> None:
        """Feed the body until it or the sink ends, in steps that begin with the one up to ``end``.

        No step is exceeded, so that a sink that has enough costs what it costs with ranges.
        """
        pouring = self._pouring
        while pouring.wanted and self._got < self._length:
            if pouring.fed == end:
                pouring.grow()
                end = pouring.next_end()
            pouring.take(await self._take(end - pouring.fed))

    async def expect_end(self) -> None:
        """Check that nothing follows; this also lets the connection be used again."""
        if await self._response.content.read(1):
            raise broken(self._what, f"the body has more than the expected {self._length} bytes")

    async def drain(self, limit: int) -> None:
        """Read what is left, to keep the connection, if that is not more than ``limit`` bytes."""
        if self._length - self._got > limit:
            return
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while self._got < self._length:
                    await self._take(self._length - self._got)
                await self.expect_end()
        except (aiohttp.ClientError, RemoteError, TimeoutError):
            # The sink has what it wants. The connection is given up with the answer.
            self._response.close()

    async def _take(self, most: int) -> bytes:
        chunk = await self._response.content.read(min(most, MAX_READ_BYTES))
        if not chunk:
            raise cut_short(self._what, self._got, self._length)
        self._got += len(chunk)
        self._pouring.received += len(chunk)
        return chunk


def parse_content_range(value: str | None) -> tuple[int, int, int | None] | None:
    """First and last byte and the whole size (None: unknown) of a ``Content-Range``; None if it is not valid."""
    match = _CONTENT_RANGE.fullmatch((value or "").strip())
    if match is None:
        return None
    first, last, size = int(match[1]), int(match[2]), match[3]
    return None if last < first else (first, last, None if size == "*" else int(size))
