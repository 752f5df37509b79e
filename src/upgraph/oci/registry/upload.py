"""One blob on its way into a registry: an upload, as the distribution specification has it.

Small blobs are sent in one request after the one that begins the upload. Large ones are sent in one PATCH,
and what the registry has when a connection is lost is not sent again, if the registry tells how much that is.
The bytes are checked against the digest before the upload is finished, and by the registry once more.
"""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass

import aiohttp
from yarl import URL

from upgraph.errors import DataError, RemoteError, UpgraphError, VerificationError
from upgraph.errors.problems import oci as problems
from upgraph.oci.http.timing import Timing
from upgraph.oci.images.destination import BlobReader
from upgraph.oci.images.digest import Hasher
from upgraph.oci.images.manifest import Descriptor
from upgraph.oci.images.reference import Repository
from upgraph.oci.registry.push_failures import upload_failure
from upgraph.oci.registry.sending import Sending
from upgraph.oci.registry.transport import Transport

WHOLE_BYTES = 1024 * 1024
"""A blob up to this is held in memory and sent in one request."""
PIECE_BYTES = 8 * 1024 * 1024
"""Size of the parts in which a blob is sent where something on the way refuses a large request."""
MAX_RESTARTS = 2
"""How often an upload that the registry has lost is begun anew."""

_BYTES = {"Content-Type": "application/octet-stream"}
_RANGE = re.compile(r"(?:bytes=)?0-(\d{1,18})")
_TAKEN = frozenset({200, 201, 202, 204})
_LOST = frozenset({400, 404, 416})
"""Statuses in the middle of an upload that registries know nothing of any more, or have other bytes of."""
_NO_PARTS = frozenset({404, 405, 411, 415, 416, 501})
"""Statuses of registries that do not know how to take a blob in parts."""


@dataclass(frozen=True, slots=True)
class Door:
    """How an upload reaches its repository."""

    transport: Transport
    timing: Timing
    repository: Repository
    begin: Callable[[], Awaitable[str]]
    """Begins an upload; gives its address."""
    is_there: Callable[[], Awaitable[bool]]
    """Whether the repository has the blob."""


class Upload:
    """The upload of one blob.

    Args:
        door: the way in.
        blob: what is sent.
        read: gives its bytes.
        location: the address of the upload, which has been begun.
    """

    def __init__(self, door: Door, blob: Descriptor, read: BlobReader, location: str) -> None:
        self._door = door
        self._blob = blob
        self._read = read
        self._location: str | None = location
        self._sent = 0
        self._restarts = 0
        self._step = blob.size
        self._in_parts = True
        self._hasher = Hasher.like(blob.digest)
        self._hashed = 0

    async def run(self) -> None:
        """Send the blob.

        Raises:
            VerificationError: its bytes do not match its digest.
            RemoteError, DataError: they could not be read or sent.
        """
        try:
            if self._blob.size <= WHOLE_BYTES:
                content = b"".join([piece async for piece in self._checked(0, self._blob.size)])
                await self._door.timing.retried(lambda: self._put_whole(content))
            else:
                await self._put_in_parts()
        except UpgraphError:
            await self._cancel()
            raise

    async def _put_whole(self, content: bytes) -> None:
        if await self._reopen():
            return
        location = self._with_digest()
        # Whatever comes of it, this upload is used up.
        self._location = None
        async with self._door.transport.exchange("PUT", location, _BYTES, body=content) as response:
            await self._expect_taken(response)

    async def _put_in_parts(self) -> None:
        failed = 0
        while True:
            before = self._sent
            try:
                if await self._reopen():
                    return
                await self._send_rest()
                await self._finish()
            except RemoteError as error:
                if self._adapt(error):
                    continue
                failed += 1
                await self._door.timing.pause(failed, error)
                await self._find_place()
                if self._sent > before:
                    failed = 0
                elif failed > 1:
                    # Some proxies cut off what is too large for them and do not say so.
                    self._step = min(self._step, PIECE_BYTES)
            else:
                return

    async def _reopen(self) -> bool:
        """Begin anew if the upload is lost; true: the blob is there, as only the answer was lost."""
        if self._location is None:
            if await self._door.is_there():
                return True
            self._location = await self._door.begin()
            self._sent = 0
        return False

    async def _send_rest(self) -> None:
        while self._in_parts and self._sent < self._blob.size:
            start, end = self._sent, min(self._sent + self._step, self._blob.size)
            headers = {**_BYTES, "Content-Range": f"{start}-{end - 1}"}
            await self._send("PATCH", self._where(), headers, start, end)
            self._sent = end

    async def _finish(self) -> None:
        if not self._in_parts:
            await self._send("PUT", self._with_digest(), _BYTES, 0, self._blob.size)
            return
        where = self._with_digest()
        async with self._door.transport.exchange("PUT", where, _BYTES) as response:
            await self._expect_taken(response)

    async def _send(self, method: str, where: str, headers: dict[str, str], start: int, end: int) -> None:
        sending = Sending(lambda: self._checked(start, end), end - start)
        async with self._door.transport.send(method, where, headers, sending) as response:
            await self._expect_taken(response)
            self._move(response)

    async def _expect_taken(self, response: aiohttp.ClientResponse) -> None:
        if response.status not in _TAKEN:
            raise await upload_failure(self._door.transport, response, self._blob)

    async def _find_place(self) -> None:
        """Learn how much the registry has, after a connection was lost."""
        location, self._location, self._sent = self._location, None, 0
        if location is None or not self._in_parts:
            return
        with suppress(RemoteError):
            async with self._door.transport.exchange("GET", location, {}) as response:
                # No byte and one byte look the same ("0-0"), so nothing is concluded from it.
                told = _RANGE.fullmatch(response.headers.get("Range", ""))
                has = int(told[1]) + 1 if told and told[1] != "0" else 0
                if response.status == 204 and 0 < has <= self._blob.size:
                    self._location, self._sent = location, has
                    self._move(response)

    def _adapt(self, error: RemoteError) -> bool:
        """Whether it is worth another attempt in another way."""
        if error.status == 413 and self._in_parts and self._step > PIECE_BYTES:
            self._step, self._location = PIECE_BYTES, None
        elif error.status in _NO_PARTS and self._in_parts and self._sent == 0:
            self._in_parts, self._location = False, None
        elif error.status in _LOST and self._sent > 0 and self._restarts < MAX_RESTARTS:
            self._restarts += 1
            self._location = None
        else:
            return False
        return True

    def _move(self, response: aiohttp.ClientResponse) -> None:
        """Take the address that the registry gives for the next step."""
        stated = response.headers.get("Location")
        if stated:
            self._location = upload_place(self._door.repository, stated)

    def _where(self) -> str:
        if self._location is None:
            raise RemoteError(problems.BROKEN_ANSWER, f"{self._door.repository}: an upload has no address")
        return self._location

    def _with_digest(self) -> str:
        where = self._where()
        return f"{where}{'&' if '?' in where else '?'}digest={self._blob.digest}"

    async def _cancel(self) -> None:
        if self._location is None:
            return
        with suppress(UpgraphError):
            async with self._door.transport.exchange("DELETE", self._location, {}):
                pass

    async def _checked(self, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """The bytes from ``start`` to ``end``; at the end of the blob they are found to match its digest."""
        at = start
        async with aclosing(self._read(start)) as pieces:
            async for read in pieces:
                piece = read[: end - at]
                new = piece[max(self._hashed - at, 0) :]
                self._hasher.update(new)
                self._hashed += len(new)
                at += len(piece)
                if at == self._blob.size:
                    self._verify()
                yield piece
                if at == end:
                    break
        if at < end:
            seen = f"{self._blob.digest}: {at} bytes were read, its descriptor says {self._blob.size}"
            raise DataError(problems.INVALID_MANIFEST, seen)
        if self._blob.size == 0:
            self._verify()

    def _verify(self) -> None:
        got = self._hasher.digest()
        if got != self._blob.digest:
            seen = f"a blob on its way to {self._door.repository}: expected {self._blob.digest}, got {got}"
            raise VerificationError(problems.DIGEST_MISMATCH, seen)


def upload_place(repository: Repository, stated: str) -> str:
    """The address in a ``Location`` header, as path and query where it is at the registry itself.

    Behind a proxy a registry does not know the scheme and the port that it is reached by, so of an address with
    the same host name only path and query count.

    Raises:
        RemoteError: it is no address, or leads from https to http.
    """
    own = URL(repository.url)
    try:
        url = own.join(URL(stated, encoded=True))
    except ValueError as error:
        seen = f"{repository}: the address of an upload is not valid: {stated[:200]!r}"
        raise RemoteError(problems.BROKEN_ANSWER, seen) from error
    if url.host == own.host:
        return url.raw_path_qs
    if (url.scheme != "https" and own.scheme == "https") or not url.host or url.user:
        seen = f"{repository}: an upload shall go to {url.scheme}://{url.host}"
        raise RemoteError(problems.REDIRECT, seen)
    return str(url)
