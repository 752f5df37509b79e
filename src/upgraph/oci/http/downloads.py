"""Downloads over HTTP that are no images: the graph of another server, graph data at an address.

They go the way of all connections (same trust, same proxies, same rules for redirects), and every one has
a size and a time. A login may stand in the address (``https://user:password@host/``); it is sent to that
host alone and never shown.
"""

import asyncio
import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

import aiohttp
from yarl import URL

from upgraph.errors import RemoteError, UserError
from upgraph.errors.problems import oci as problems
from upgraph.oci.http.body import read_capped
from upgraph.oci.http.connections import Connections, named
from upgraph.oci.http.failures import read_reason, translated
from upgraph.oci.http.proxies import DEFAULT_PORTS, Proxies
from upgraph.oci.images.closing import Closing
from upgraph.oci.trust.trusted import Trust

DOWNLOAD_SECONDS = 120.0
"""Longest time for one download, from connecting to the last byte, unless the caller knows better."""

_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered. With another status than 200 the content is the beginning of the reason."""

    status: int
    content: bytes = field(repr=False)
    media_type: str = ""
    etag: str | None = None
    modified: str | None = None
    """When the content was last changed, as the server writes it; None where that does not tell versions apart."""

    @property
    def is_current(self) -> bool:
        """Whether the content that the caller has is still the one of the server (304)."""
        return self.status == 304


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller takes, and what it has."""

    accept: str = "*/*"
    """The media types that are wanted."""
    encodings: frozenset[str] = frozenset()
    """Values of Content-Encoding that are accepted, and left on the content."""
    etag: str | None = None
    """The tag of what the caller already has."""
    modified: str | None = None
    """When what the caller already has was changed, as the server wrote it."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say so."""
        conditions = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {"Accept": self.accept} | {name: value for name, value in conditions.items() if value}


class Downloads(Closing):
    """Connections for downloads. An async context manager; nothing is contacted before the first request.

    Made with :meth:`upgraph.oci.Access.session`.
    """

    def __init__(self, trust: Trust, proxies: Proxies, *, concurrency: int) -> None:
        self._connections = Connections(trust, proxies, limit=concurrency)

    async def close(self) -> None:
        """Close all connections."""
        await self._connections.close()

    async def get(
        self, url: str, *, limit: int, etag: str | None = None, seconds: float = DOWNLOAD_SECONDS
    ) -> Answer:
        """Download what is at an address; the status of the answer is 200, or 304 if ``etag`` is its tag.

        Args:
            url: an http or https address, which may hold a login.
            limit: most bytes that are accepted.
            etag: the tag of what the caller already has.
            seconds: longest time for all of it.

        Raises:
            UserError: ``url`` is no such address.
            RemoteError: there was no answer, another status, or more bytes.
        """
        answer = await self.ask(url, limit=limit, etag=etag, seconds=seconds)
        if answer.status == 200 or (answer.is_current and etag is not None):
            return answer
        seen = f"{named('GET', _address(url))}: status {answer.status}"
        raise RemoteError(problems.DOWNLOAD, seen, status=answer.status, retryable=answer.status in _BUSY)

    async def ask(
        self,
        url: str,
        *,
        limit: int,
        etag: str | None = None,
        seconds: float = DOWNLOAD_SECONDS,
        accept: str = "*/*",
    ) -> Answer:
        """The answer of a server, of any status. Errors are those of :meth:`get`.

        Args:
            url: an http or https address, which may hold a login.
            limit: most bytes that are accepted.
            etag: the tag of what the caller already has.
            seconds: longest time for all of it.
            accept: the media types that are wanted.
        """
        return await self.exchange(url, Wish(accept=accept, etag=etag), limit=limit, seconds=seconds)

    async def exchange(
        self, url: str, wish: Wish, *, limit: int, seconds: float = DOWNLOAD_SECONDS
    ) -> Answer:
        """As :meth:`ask`, for callers that have more to say of what they want."""
        address = _address(url)
        what = named("GET", address)
        with translated(what):
            async with asyncio.timeout(seconds):
                response = await self._connections.follow(
                    "GET", address.with_user(None), wish.headers, _login(address)
                )
                try:
                    return await _read(response, limit, what, wish.encodings)
                finally:
                    response.release()


async def _read(
    response: aiohttp.ClientResponse, limit: int, what: str, encodings: Collection[str]
) -> Answer:
    if response.status == 200:
        content = await read_capped(response, limit, what, encodings)
    else:
        content = await read_reason(response)
    headers = response.headers
    return Answer(response.status, content, response.content_type, headers.get("ETag"), _modified(headers))


def _modified(headers: Mapping[str, str]) -> str | None:
    stated = headers.get("Last-Modified")
    try:
        age = parsedate_to_datetime(headers.get("Date", "")) - parsedate_to_datetime(stated or "")
    except (ValueError, OverflowError, TypeError):
        # The last one where only one of them has a time zone.
        return None
    # What was changed in the second in which it was sent may change again in it (RFC 9110, section 8.8.2.2).
    return stated if age >= timedelta(seconds=1) else None


def shown_address(text: str) -> str:
    """How messages name an address: without login and query.

    Raises:
        UserError: it is none that can be downloaded from.
    """
    url = _address(text)
    return f"{url.origin()}{url.raw_path}{'?***' if url.raw_query_string else ''}"


def _address(text: str) -> URL:
    try:
        url = URL(text)
        # Its parts are taken apart when they are asked for, and no sooner refused.
        host = url.host
        if host:
            str(url.origin())
    except ValueError as error:
        raise UserError(problems.ADDRESS, "an address to download from is not valid") from error
    if not host:
        raise UserError(problems.ADDRESS, "an address to download from has no host")
    if url.scheme not in DEFAULT_PORTS:
        raise UserError(problems.ADDRESS, f"{url.with_user(None)} is no http or https address")
    return url


def _login(url: URL) -> str | None:
    if not url.raw_user:
        return None
    pair = f"{unquote(url.raw_user)}:{unquote(url.raw_password or '')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
