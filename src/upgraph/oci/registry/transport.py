"""HTTP to one registry: turns, limits of time and the Authorization header.

A turn lasts while an answer is read, so that no time limit runs while a request waits for its turn.
Connections themselves are in :mod:`upgraph.oci.http.connections`.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
from yarl import URL

from upgraph.errors import RemoteError
from upgraph.errors.problems import oci as problems
from upgraph.oci.http.access import Access
from upgraph.oci.http.body import read_capped
from upgraph.oci.http.connections import Body, Connections, named
from upgraph.oci.http.failures import read_reason, status_failure, translated
from upgraph.oci.http.timing import SLOWEST_BYTES_PER_SECOND, Timing
from upgraph.oci.images.reference import Repository
from upgraph.oci.registry.authorization import PULL, Authorization, TokenRequest
from upgraph.oci.registry.sending import LAST_SECONDS, Sending
from upgraph.oci.registry.turns import Turns

DOCUMENT_SECONDS = 120.0
"""Longest time for a manifest, a page of tags or a token, from header to last byte."""
MAX_TOKEN_BYTES = 1024 * 1024


class Transport:
    """Sends requests to one registry. Opens nothing before the first."""

    def __init__(
        self,
        repository: Repository,
        *,
        access: Access,
        turns: Turns,
        timing: Timing,
        actions: str = PULL,
    ) -> None:
        self._address = repository.url
        self._origin = URL(repository.url)
        self._timing = timing
        self._turns = turns
        self.authorization = Authorization(
            repository, access.credentials, clock=timing.monotonic, actions=actions
        )
        self._connections = Connections(
            access.trust,
            access.proxies,
            # One more than there are turns, for the token service.
            limit=turns.count + 1,
            idle_seconds=timing.idle_seconds,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._connections.close()

    @asynccontextmanager
    async def exchange(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        seconds: float = DOCUMENT_SECONDS,
        body: bytes | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request; the answer, of any status but 401, is readable inside the ``with`` block.

        An answer that is not read to its end costs its connection.

        Args:
            method: of the request.
            path: path and query at this registry, or a whole address, already encoded.
            headers: beside those of every request.
            seconds: longest time from the header of the answer to the end of the block.
            body: what is sent; its size lengthens the wait for the answer.

        Raises:
            RemoteError: no answer could be had, also while the body is read inside the block.
        """
        url = self._url(path)
        patience = self._timing.patience + len(body or b"") / SLOWEST_BYTES_PER_SECOND
        if method == "PUT":
            patience += LAST_SECONDS
        async with self._turns:
            with translated(named(method, url)):
                async with asyncio.timeout(patience) as limit:
                    response = await self._authorized(method, url, headers, body)
                    limit.reschedule(asyncio.get_running_loop().time() + seconds)
                    try:
                        yield response
                    finally:
                        response.release()

    @asynccontextmanager
    async def stream(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a GET whose answer is read as fast as somebody takes it.

        Only the wait for the header and pauses of the body are limited here: a limit of time for the block would
        end the work of whoever is between two reads, since the block may stand in a generator.

        Raises:
            RemoteError: as :meth:`exchange`.
        """
        url = self._url(path)
        async with self._turns:
            with translated(named("GET", url)):
                async with asyncio.timeout(self._timing.patience):
                    response = await self._authorized("GET", url, headers)
                try:
                    yield response
                finally:
                    response.release()

    @asynccontextmanager
    async def send(
        self, method: str, path: str, headers: Mapping[str, str], sending: Sending
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request with a long body; the answer is readable inside the ``with`` block.

        Raises:
            RemoteError: as :meth:`exchange`.
            UpgraphError: what the body could not be read for.
        """
        url = self._url(path)
        headers = {**headers, "Content-Length": str(sending.size)}
        async with self._turns:
            try:
                with translated(named(method, url)):
                    async with asyncio.timeout(self._timing.answer_seconds) as limit:
                        sending.watch(limit, self._timing)
                        try:
                            response = await self._authorized(method, url, headers, sending.begin)
                        finally:
                            sending.unwatch()
                        limit.reschedule(asyncio.get_running_loop().time() + DOCUMENT_SECONDS)
                        try:
                            yield response
                        finally:
                            response.release()
            except RemoteError as error:
                raise sending.failure or error from error
            finally:
                await sending.close()

    async def head(self, path: str, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """Send a HEAD; the answer, of any status but 401, has no body and needs no care.

        This is what nearly all requests of a service are: one for each known release in every scrape. So
        there is one limit of time here, and none for a body that does not come.

        Raises:
            RemoteError: no answer could be had.
        """
        url = self._url(path)
        async with self._turns:
            with translated(named("HEAD", url)):
                async with asyncio.timeout(self._timing.patience):
                    response = await self._authorized("HEAD", url, headers)
                    response.release()
                    return response

    def what(self, method: str, path: str) -> str:
        """How messages name a request."""
        return named(method, self._url(path))

    async def failure(self, response: aiohttp.ClientResponse) -> RemoteError:
        """The error for an answer with a status that was not expected."""
        what = named(response.method, response.url)
        failure = await status_failure(response, what, self._timing.now())
        if failure.retry_after is not None:
            self._turns.rest(failure.retry_after)
        return failure

    def _url(self, path: str) -> URL:
        return URL(f"{self._address}{path}" if path.startswith("/") else path, encoded=True)

    async def _authorized(
        self, method: str, url: URL, headers: Mapping[str, str], body: Body | None = None
    ) -> aiohttp.ClientResponse:
        if url.origin() != self._origin:
            # Where the registry sent us is no place for its login.
            return await self._connections.follow(method, url, headers, None, body)
        shown = await self.authorization.header(self._ask)
        response = await self._connections.follow(method, url, headers, shown, body)
        if response.status != 401:
            return response
        challenges = response.headers.getall("WWW-Authenticate", [])
        await self._drop(response)
        if response.url.origin() != self._origin:
            raise await self.failure(response)
        shown = await self.authorization.renew(challenges, shown, self._ask)
        response = await self._connections.follow(method, url, headers, shown, body)
        if response.status == 401:
            await self._drop(response)
            raise self.authorization.refused(f"it refuses the login for {method} {url.path}")
        return response

    async def _ask(self, request: TokenRequest) -> bytes:
        url, fields = _token_url(request.url), request.fields
        what = named(request.method, url)
        form = dict(fields) if request.method == "POST" else None
        with translated(what):
            async with asyncio.timeout(self._timing.patience):
                response = await self._connections.send(
                    request.method,
                    url if form else url.extend_query(fields),
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
