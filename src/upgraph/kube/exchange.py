"""Requests to an API server and their answers as bytes, within limits of size, time and number.

A request that is turned away because the server has too much to do (429) was not carried out, so it is sent again after
the time that the server names, if that is short; everything else is for the caller to decide.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass, field

import httpx2

from upgraph.errors import RemoteError
from upgraph.errors.problems import kube as problems
from upgraph.kube import connection
from upgraph.kube.failures import TooManyBytesError, refusal, translated

MAX_PAGE_BYTES = 8 * 1024 * 1024
"""Largest page of a list; several objects of the largest size."""
MAX_LINE_BYTES = connection.MAX_ANSWER_BYTES
"""Largest event of a watch: one object."""
MAX_AT_ONCE = 16
"""Most requests at a time; more wait. Watches and urgent requests are not counted."""
MAX_TURNED_AWAY = 4
"""How often one request is sent if the server has too much to do."""
MAX_PATIENCE_SECONDS = 10.0
"""Longest wait before it is sent again; a server that asks for more is left to the caller."""
IDLE_SECONDS = 90.0
"""Longest silence of a watch. A server that is there says once a minute that there is nothing new."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request."""

    what: str
    """As messages name it."""
    method: str
    path: str
    """Below the address of the server; its parts are escaped."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = field(default=None, repr=False)
    content_type: str = "application/json"
    max_bytes: int = connection.MAX_ANSWER_BYTES
    """Largest answer."""
    is_urgent: bool = False
    """Not to wait until it is its turn: whoever holds a Lease must not lose it because other requests are slow."""


class Exchange:
    """Carries requests. Its owner closes the client.

    Args:
        client: how the server is reached.
    """

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client
        self._turn = asyncio.Semaphore(MAX_AT_ONCE)

    async def answer(self, ask: Ask) -> bytes:
        """The body of a good answer.

        Raises:
            RemoteError: the server refused, failed or could not be reached.
            UserError: the login cannot be used.
        """
        for sent in range(1, MAX_TURNED_AWAY + 1):
            try:
                async with nullcontext() if ask.is_urgent else self._turn:
                    return await self._once(ask)
            except RemoteError as error:
                wait = error.retry_after if error.problem is problems.KUBE_THROTTLED else None
                if wait is None or wait > MAX_PATIENCE_SECONDS or sent == MAX_TURNED_AWAY:
                    raise
            await asyncio.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    async def _once(self, ask: Ask) -> bytes:
        with translated(ask.what):
            async with (
                asyncio.timeout(connection.ANSWER_SECONDS),
                self._sent(ask, connection.TIMEOUT) as answer,
            ):
                return await _body(answer, ask.max_bytes)

    async def lines(self, ask: Ask) -> AsyncGenerator[bytes, None]:
        """The lines of an answer that goes on, without empty ones. Close the iterator to end it.

        Lines end with a line feed and with nothing else: what else Unicode takes for the end of a line may stand raw in
        any text of any object, and would let whoever can write one object stop everybody who watches.

        Raises:
            RemoteError: as for an answer, and when nothing was heard for :data:`IDLE_SECONDS` (retryable).
        """
        patience = httpx2.Timeout(
            IDLE_SECONDS, connect=connection.CONNECT_SECONDS, pool=connection.CONNECT_SECONDS
        )
        with translated(ask.what):
            async with self._sent(ask, patience) as answer, aclosing(_split(answer, ask.max_bytes)) as lines:
                async for line in lines:
                    yield line

    @asynccontextmanager
    async def _sent(self, ask: Ask, patience: httpx2.Timeout) -> AsyncIterator[httpx2.Response]:
        headers = {} if ask.content is None else {"Content-Type": ask.content_type}
        request = self._client.build_request(
            ask.method,
            ask.path,
            params=dict(ask.parameters),
            content=ask.content,
            headers=headers,
            timeout=patience,
        )
        async with asyncio.timeout(connection.ANSWER_SECONDS):
            answer = await self._client.send(request, stream=True)
        try:
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise httpx2.DecodingError("the answer is compressed, which was not asked for")
            if not answer.is_success:
                raise refusal(await _with_body(answer), ask.what)
            yield answer
        finally:
            await answer.aclose()


async def _body(answer: httpx2.Response, most: int) -> bytes:
    content = bytearray()
    async with aclosing(answer.aiter_raw()) as parts:
        async for part in parts:
            content += part
            if len(content) > most:
                raise _too_large("the answer", most, answer)
    return bytes(content)


async def _with_body(answer: httpx2.Response) -> httpx2.Response:
    async with asyncio.timeout(connection.ANSWER_SECONDS):
        content = await _body(answer, connection.MAX_ANSWER_BYTES)
    return httpx2.Response(answer.status_code, headers=_retry_after(answer), content=content)


def _retry_after(answer: httpx2.Response) -> dict[str, str]:
    value = answer.headers.get("Retry-After")
    return {} if value is None else {"Retry-After": value}


async def _split(answer: httpx2.Response, most: int) -> AsyncGenerator[bytes, None]:
    rest = bytearray()
    async with aclosing(answer.aiter_raw()) as parts:
        async for part in parts:
            begin, searched = 0, len(rest)
            rest += part
            while (end := rest.find(b"\n", max(begin, searched))) >= 0:
                if end - begin > most:
                    raise _too_large("one event", most, answer)
                if end > begin:
                    yield bytes(rest[begin:end])
                begin = end + 1
            del rest[:begin]
            if len(rest) > most:
                raise _too_large("one event", most, answer)
    if rest:
        raise httpx2.RemoteProtocolError("the answer ends in the middle of an event")


def _too_large(what: str, most: int, answer: httpx2.Response) -> TooManyBytesError:
    return TooManyBytesError(f"{what} has more than {most} bytes", request=answer.request)
