"""Bodies of blobs into sinks.

A blob is read in ranges that grow, may be asked for again in the middle, and may come whole from a
server that knows no ranges. Through all of it the sink gets each byte once and in order: the position
lives here, not in the request.

A server that ignores ranges costs a choice: what remains is read when it is short, to keep the
connection, and cut off otherwise.
"""

import asyncio
import re
from dataclasses import dataclass

import aiohttp

from upgraph.oci.failures import broken, cut_short
from upgraph.oci.image_source import MAX_RANGE_BYTES, Sink
from upgraph.oci.manifest import Descriptor

MAX_DRAIN_BYTES = 1024 * 1024
"""An unwanted rest up to this is read; a new TLS connection would cost more."""
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
        await _receive_body(
            response, pouring, skip=0, length=_promised(response, pouring, end, what), what=what
        )
    else:
        # The whole blob, though a part was asked for: what the sink has had already is passed over.
        await _receive_body(response, pouring, skip=pouring.fed, length=pouring.blob.size, what=what)


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


async def _receive_body(
    response: aiohttp.ClientResponse, pouring: Pouring, *, skip: int, length: int, what: str
) -> None:
    stated = response.content_length
    if stated is not None and stated != length:
        raise broken(what, f"the body has {stated} bytes, expected {length}")
    got = 0
    async for chunk in response.content.iter_any():
        before, got = got, got + len(chunk)
        pouring.received += len(chunk)
        if got > length:
            raise broken(what, f"the body has more than the expected {length} bytes")
        if got > skip:
            pouring.take(chunk[skip - before :] if before < skip else chunk)
            if not pouring.wanted:
                await _drain(response, pouring, length - got)
                return
    if got < length:
        raise cut_short(what, got, length)


async def _drain(response: aiohttp.ClientResponse, pouring: Pouring, rest: int) -> None:
    if rest > MAX_DRAIN_BYTES:
        return
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            async for chunk in response.content.iter_any():
                pouring.received += len(chunk)
                rest -= len(chunk)
                if rest < 0:
                    return
    except (aiohttp.ClientError, TimeoutError):
        # The sink has what it wants. The connection is given up with the answer.
        response.close()


def parse_content_range(value: str | None) -> tuple[int, int, int | None] | None:
    """First and last byte and the whole size (None: unknown) of a ``Content-Range``; None if it is not valid."""
    match = _CONTENT_RANGE.fullmatch((value or "").strip())
    if match is None:
        return None
    first, last, size = int(match[1]), int(match[2]), match[3]
    return None if last < first else (first, last, None if size == "*" else int(size))
