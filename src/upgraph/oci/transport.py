"""HTTP to one registry: connections, limits of time, redirects and the Authorization header.

HTTP/1.1 with kept connections is what registries serve best to many small reads; a slot is held while
an answer is read, so that no time limit runs while a request waits for its turn. Redirects are
followed here rather than by the library, because two rules matter: credentials stay with the host
they were meant for, and https never becomes http.
"""

import asyncio
import random
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
from yarl import URL

import upgraph
from upgraph.errors import RemoteError
from upgraph.errors.problems import oci as problems
from upgraph.oci.authorization import Authorization, TokenRequest
from upgraph.oci.credentials import Credentials
from upgraph.oci.failures import broken, read_reason, status_failure, translated
from upgraph.oci.reference import Repository
from upgraph.oci.retry import Retry

CONNECT_SECONDS = 10.0
"""Longest wait for a connection."""
ANSWER_SECONDS = 30.0
"""Longest wait for the whole header of an answer, with connecting, login and redirects."""
IDLE_SECONDS = 30.0
"""Longest pause in a body."""
DOCUMENT_SECONDS = 120.0
"""Longest time for a manifest, a page of tags or a token, from header to last byte."""
MAX_REDIRECTS = 5
MAX_TOKEN_BYTES = 1024 * 1024

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Timing:
    """Clocks, chance and patience of a client; tests give their own."""

    retry: Retry = field(default_factory=Retry)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _utc_now
    answer_seconds: float = ANSWER_SECONDS
    idle_seconds: float = IDLE_SECONDS


class Transport:
    """Sends requests to one registry. Opens nothing before the first."""

    def __init__(
        self,
        repository: Repository,
        *,
        credentials: Credentials,
        ssl_context: ssl.SSLContext,
        concurrency: int,
        timing: Timing,
    ) -> None:
        self._address = repository.url
        self._origin = URL(repository.url)
        self._ssl = ssl_context
        self._concurrency = concurrency
        self._timing = timing
        self._slots = asyncio.Semaphore(concurrency)
        self._authorization = Authorization(repository, credentials, clock=timing.monotonic)
        self._open: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._open is not None:
            session, self._open = self._open, None
            await session.close()

    @asynccontextmanager
    async def exchange(
        self, method: str, path: str, headers: Mapping[str, str], *, seconds: float = DOCUMENT_SECONDS
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request; the answer, of any status but 401, is readable inside the ``with`` block.

        An answer that is not read to its end costs its connection.

        Args:
            method: GET or HEAD.
            path: path and query at this registry, already encoded.
            headers: beside those of every request.
            seconds: longest time from the header of the answer to the end of the block.

        Raises:
            RemoteError: no answer could be had, also while the body is read inside the block.
        """
        async with self._slots:
            with translated(self.what(method, path)):
                async with asyncio.timeout(self._timing.answer_seconds) as limit:
                    url = URL(f"{self._address}{path}", encoded=True)
                    response = await self._authorized(method, url, headers)
                    limit.reschedule(asyncio.get_running_loop().time() + seconds)
                    try:
                        yield response
                    finally:
                        response.release()

    def what(self, method: str, path: str) -> str:
        """How messages name a request."""
        return f"{method} {self._address}{path}"

    async def failure(self, response: aiohttp.ClientResponse) -> RemoteError:
        """The error for an answer with a status that was not expected."""
        return await status_failure(response, _named(response.method, response.url), self._timing.now())

    async def _authorized(self, method: str, url: URL, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        shown = await self._authorization.header(self._ask)
        response = await self._follow(method, url, headers, shown)
        if response.status != 401:
            return response
        challenges = response.headers.getall("WWW-Authenticate", [])
        await self._drop(response)
        if response.url.origin() != self._origin:
            raise await self.failure(response)
        shown = await self._authorization.renew(challenges, shown, self._ask)
        response = await self._follow(method, url, headers, shown)
        if response.status == 401:
            await self._drop(response)
            raise self._authorization.refused(f"it refuses the login for {method} {url.path}")
        return response

    async def _follow(
        self, method: str, url: URL, headers: Mapping[str, str], authorization: str | None
    ) -> aiohttp.ClientResponse:
        sent = headers if authorization is None else {**headers, "Authorization": authorization}
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._session.request(method, url, headers=sent, allow_redirects=False)
            if response.status not in _REDIRECTS:
                return response
            try:
                target = _target(response, url)
            finally:
                response.release()
            if target.origin() != url.origin():
                sent = headers
            url = target
        raise RemoteError(problems.REDIRECT, f"{_named(method, url)}: more than {MAX_REDIRECTS} redirects")

    async def _ask(self, request: TokenRequest) -> bytes:
        url, fields = _token_url(request.url), dict(request.fields)
        what = _named(request.method, url)
        form = fields if request.method == "POST" else None
        with translated(what):
            async with asyncio.timeout(self._timing.answer_seconds):
                response = await self._session.request(
                    request.method,
                    url if form else url.update_query(fields),
                    data=form,
                    headers={"Authorization": request.authorization} if request.authorization else {},
                    allow_redirects=False,
                )
                try:
                    if response.status != 200:
                        raise await status_failure(response, what, self._timing.now())
                    return await read_capped(response, MAX_TOKEN_BYTES, what)
                finally:
                    response.release()

    async def _drop(self, response: aiohttp.ClientResponse) -> None:
        # Reading the few bytes of a refusal keeps the connection for the next request.
        try:
            await read_reason(response)
        finally:
            response.release()

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._open is None:
            self._open = aiohttp.ClientSession(
                # One more than there are slots, for the token service.
                connector=aiohttp.TCPConnector(limit=self._concurrency + 1, ssl=self._ssl),
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=CONNECT_SECONDS, sock_read=self._timing.idle_seconds
                ),
                headers={"User-Agent": f"upgraph/{upgraph.__version__}", "Accept-Encoding": "identity"},
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._open


async def read_capped(response: aiohttp.ClientResponse, limit: int, what: str) -> bytes:
    """The whole body, if it has not more than ``limit`` bytes.

    Raises:
        RemoteError: it is longer, or encoded although that was not asked for.
    """
    encoding = response.headers.get("Content-Encoding")
    if encoding not in {None, "identity"}:
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


def _named(method: str, url: URL) -> str:
    # Never the query: addresses of object stores carry signatures in it.
    return f"{method} {url.origin()}{url.raw_path}"


def _target(response: aiohttp.ClientResponse, url: URL) -> URL:
    location = response.headers.get("Location", "")
    what = _named(response.method, url)
    try:
        # Already encoded: signed addresses of object stores break when they are encoded anew.
        target = url.join(URL(location, encoded=True))
    except ValueError as error:
        raise RemoteError(problems.REDIRECT, f"{what}: redirected to no usable address") from error
    if not location or not target.host or target.user or target.scheme not in {"http", "https"}:
        raise RemoteError(problems.REDIRECT, f"{what}: redirected to no usable address")
    if url.scheme == "https" and target.scheme != "https":
        raise RemoteError(problems.REDIRECT, f"{what}: redirected from https to http, host {target.host}")
    return target


def _token_url(realm: str) -> URL:
    try:
        url = URL(realm)
    except ValueError as error:
        raise RemoteError(problems.TOKEN, f"the token service {realm[:200]!r} is no address") from error
    if not url.host or url.user:
        raise RemoteError(
            problems.TOKEN, f"the address of the token service ({url.host}) has no host or a user name"
        )
    return url
