"""Reads the body of an answer, which never is longer than the reader has room for."""

from collections.abc import Collection

import aiohttp

from upgraph.errors import RemoteError
from upgraph.errors.problems import oci as problems
from upgraph.oci.http.failures import broken


async def read_capped(
    response: aiohttp.ClientResponse, limit: int, what: str, encodings: Collection[str] = ()
) -> bytes:
    """The whole body, if it has not more than ``limit`` bytes.

    Args:
        response: its header has been read.
        limit: most bytes.
        what: names the request in messages.
        encodings: values of Content-Encoding that are accepted, and left on the body.

    Raises:
        RemoteError: it is longer, or encoded although that was not asked for.
    """
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding not in {"identity", *encodings}:
        raise broken(what, f"the body is encoded ({encoding[:40]!r}) although that was refused")
    length = response.content_length
    if length is not None and length <= limit:
        return await response.read()
    content = bytearray()
    if length is None:
        async for chunk in response.content.iter_any():
            content += chunk
            if len(content) > limit:
                break
        else:
            return bytes(content)
    seen = f"{what}: the answer has {length or f'more than {limit}'} bytes; {limit} are accepted"
    raise RemoteError(problems.TOO_LARGE, seen)
