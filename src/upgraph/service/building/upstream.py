"""Fetches the graph of another graph builder, as a policy engine does."""

from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Self

import aiohttp
import msgspec

from upgraph import __version__
from upgraph.errors import RemoteError
from upgraph.errors.problems.service import UPSTREAM_FAILED
from upgraph.oci.trust import ssl_context
from upgraph.service.setting import masked

MAX_DOCUMENT_BYTES = 512 * 1024 * 1024
"""Bytes of the largest graph that is fetched; the largest known has about 20 MB."""
MAX_REASON_BYTES = 2048
"""Bytes of an error document that are looked at."""
TIMEOUT_SECONDS = 30.0
"""Seconds for one fetch, the default of Cincinnati's plugin."""


class _ErrorDocument(msgspec.Struct):
    value: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """A graph document, and the tag by which to ask whether it has changed."""

    document: bytes
    etag: str | None


class Upstream:
    """A graph builder that is asked over HTTP. Also an async context manager."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.name = masked(url)
        """For messages: the address without a password."""
        self._url = url
        self._session = session

    @classmethod
    def open(cls, url: str, ca: Path | None) -> Self:
        """Prepare to ask ``url``; certificates of ``ca`` are trusted beside those of the system."""
        connector = aiohttp.TCPConnector(limit=1, ssl=ssl_context(ca))
        headers = {"Accept": "application/json", "User-Agent": f"upgraph/{__version__}"}
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        return cls(url, aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout))

    async def fetch(self, etag: str | None) -> Fetched | None:
        """The document, or none if it is still the one with this tag.

        Raises:
            RemoteError: the upstream server did not give a document.
        """
        headers = {"If-None-Match": etag} if etag else {}
        try:
            async with self._session.get(self._url, headers=headers) as response:
                if response.status == HTTPStatus.NOT_MODIFIED and etag:
                    return None
                if response.status != HTTPStatus.OK:
                    raise RemoteError(
                        UPSTREAM_FAILED,
                        f"{self.name} answered {response.status} {response.reason}{await _reason(response)}",
                        status=response.status,
                        retryable=True,
                    )
                return Fetched(await _read(response, self.name), response.headers.get("ETag"))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = masked(str(error)) or type(error).__name__
            raise RemoteError(UPSTREAM_FAILED, f"{self.name}: {reason}", retryable=True) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


async def _reason(response: aiohttp.ClientResponse) -> str:
    """What an error document of the protocol says; empty for anything else."""
    try:
        return f": {msgspec.json.decode(await response.content.read(MAX_REASON_BYTES), type=_ErrorDocument).value}"
    except msgspec.DecodeError:
        return ""


async def _read(response: aiohttp.ClientResponse, name: str) -> bytes:
    document = bytearray()
    async for chunk in response.content.iter_chunked(256 * 1024):
        document += chunk
        if len(document) > MAX_DOCUMENT_BYTES:
            raise RemoteError(UPSTREAM_FAILED, f"{name} sends more than {MAX_DOCUMENT_BYTES} bytes")
    return bytes(document)
