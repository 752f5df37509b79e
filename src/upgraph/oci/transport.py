"""HTTP to one registry: turns, limits of time and the Authorization header.

A slot is held while an answer is read, so that no time limit runs while a request waits for its turn.
Connections themselves are in :mod:`upgraph.oci.connections`.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
from yarl import URL

from upgraph.errors import RemoteError
from upgraph.errors.problems import oci as problems
from upgraph.oci.access import Access
from upgraph.oci.authorization import Authorization, TokenRequest
from upgraph.oci.body import read_capped
from upgraph.oci.connections import IDLE_SECONDS, Connections, named
from upgraph.oci.failures import read_reason, status_failure, translated
from upgraph.oci.reference import Repository
from upgraph.oci.retry import Retry

ANSWER_SECONDS = 30.0
"""Longest wait for the whole header of an answer, with connecting, login and redirects."""
DOCUMENT_SECONDS = 120.0
"""Longest time for a manifest, a page of tags or a token, from header to last byte."""
MAX_TOKEN_BYTES = 1024 * 1024


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
        access: Access,
        concurrency: int,
        timing: Timing,
    ) -> None:
        self._address = repository.url
        self._origin = URL(repository.url)
        self._timing = timing
        self._slots = asyncio.Semaphore(concurrency)
        self._authorization = Authorization(repository, access.credentials, clock=timing.monotonic)
        self._connections = Connections(
            access.trust,
            access.proxies,
            # One more than there are slots, for the token service.
            limit=concurrency + 1,
            idle_seconds=timing.idle_seconds,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._connections.close()

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

    async def head(self, path: str, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """Send a HEAD; the answer, of any status but 401, has no body and needs no care.

        This is what nearly all requests of a service are: one for each known release in every scrape. So
        there is one limit of time here, and none for a body that does not come.

        Raises:
            RemoteError: no answer could be had.
        """
        async with self._slots:
            with translated(self.what("HEAD", path)):
                async with asyncio.timeout(self._timing.answer_seconds):
                    url = URL(f"{self._address}{path}", encoded=True)
                    response = await self._authorized("HEAD", url, headers)
                    response.release()
                    return response

    def what(self, method: str, path: str) -> str:
        """How messages name a request."""
        return f"{method} {self._address}{path}"

    async def failure(self, response: aiohttp.ClientResponse) -> RemoteError:
        """The error for an answer with a status that was not expected."""
        return await status_failure(response, named(response.method, response.url), self._timing.now())

    async def _authorized(self, method: str, url: URL, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        shown = await self._authorization.header(self._ask)
        response = await self._connections.follow(method, url, headers, shown)
        if response.status != 401:
            return response
        challenges = response.headers.getall("WWW-Authenticate", [])
        await self._drop(response)
        if response.url.origin() != self._origin:
            raise await self.failure(response)
        shown = await self._authorization.renew(challenges, shown, self._ask)
        response = await self._connections.follow(method, url, headers, shown)
        if response.status == 401:
            await self._drop(response)
            raise self._authorization.refused(f"it refuses the login for {method} {url.path}")
        return response

    async def _ask(self, request: TokenRequest) -> bytes:
        url, fields = _token_url(request.url), dict(request.fields)
        what = named(request.method, url)
        form = fields if request.method == "POST" else None
        with translated(what):
            async with asyncio.timeout(self._timing.answer_seconds):
                response = await self._connections.send(
                    request.method,
                    url if form else url.update_query(fields),
                    {"Authorization": request.authorization} if request.authorization else {},
                    form=form,
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
