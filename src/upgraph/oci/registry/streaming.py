"""Bodies of blobs as pieces, for whoever copies them: the bytes from one place on, each once and in order.

No limit of time stands around a piece that was given: a caller may take as long as he likes. What is
limited is how long the peer lets wait.
"""

import time
from collections.abc import AsyncGenerator

import aiohttp

from upgraph.errors import RemoteError
from upgraph.errors.problems import oci as problems
from upgraph.oci.http.failures import broken, cut_short
from upgraph.oci.http.timing import SLOWEST_BYTES_PER_SECOND
from upgraph.oci.images.manifest import Descriptor
from upgraph.oci.registry.pouring import MAX_READ_BYTES, parse_content_range

PATIENCE_SECONDS = 120.0
"""Longest time that the peer may let wait in sum, beside that for its bytes at the slowest speed."""


async def pieces_of(
    response: aiohttp.ClientResponse, blob: Descriptor, start: int, what: str
) -> AsyncGenerator[bytes, None]:
    """The bytes from ``start`` on, out of a 206 or 200 answer to the request for them. It may end early.

    Raises:
        RemoteError: the answer is not what was asked for, broke off, or comes too slowly.
    """
    length = _promised(response, blob, start, what)
    passed = start if response.status == 200 else 0
    got, waited = 0, 0.0
    while got < length:
        before = time.monotonic()
        piece = await response.content.read(min(length - got, MAX_READ_BYTES))
        waited += time.monotonic() - before
        if not piece:
            raise cut_short(what, got, length)
        got += len(piece)
        if waited > PATIENCE_SECONDS + got / SLOWEST_BYTES_PER_SECOND:
            seen = f"{what}: {got} of {length} bytes came in {waited:.0f} s"
            raise RemoteError(problems.TIMEOUT, seen, retryable=True)
        if got > passed:
            yield piece[max(0, len(piece) - (got - passed)) :]
    if await response.content.read(1):
        raise broken(what, f"the body has more than the expected {length} bytes")


def _promised(response: aiohttp.ClientResponse, blob: Descriptor, start: int, what: str) -> int:
    """How many bytes the answer has to have."""
    length = blob.size
    if response.status == 206:
        value = response.headers.get("Content-Range")
        stated = parse_content_range(value)
        if (
            stated is None
            or stated[0] != start
            or stated[1] >= blob.size
            or stated[2] not in {None, blob.size}
        ):
            asked = f"bytes {start}-{blob.size - 1} of {blob.size}"
            raise broken(what, f"asked for {asked}, got the Content-Range {str(value)[:80]!r}")
        length = stated[1] - start + 1
    if response.content_length not in {None, length}:
        raise broken(what, f"the body has {response.content_length} bytes, expected {length}")
    return length
