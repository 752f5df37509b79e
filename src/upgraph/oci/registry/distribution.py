"""A repository of a registry as a source of images: the distribution API over HTTP.

What a registry says is believed only where it agrees with what it said before: bodies with digests,
ranges with sizes, pages of tags with one another. Failures that may pass are tried again
(:mod:`upgraph.oci.http.retry`), in the middle of a blob from the byte that was reached.

HTTP itself is in :mod:`upgraph.oci.registry.transport`, logins in :mod:`upgraph.oci.registry.authorization`, the mapping
of errors in :mod:`upgraph.oci.http.failures`.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import aiohttp

from upgraph.errors import DataError, RemoteError, UpgraphError
from upgraph.errors.problems import oci as problems
from upgraph.oci.http.access import Access
from upgraph.oci.http.body import read_capped
from upgraph.oci.http.failures import read_reason, registry_reason
from upgraph.oci.http.timing import SLOWEST_BYTES_PER_SECOND, Timing
from upgraph.oci.images.closing import Closing
from upgraph.oci.images.digest import Digest, digest_of, is_digest, verify
from upgraph.oci.images.listing import MAX_LISTED_CHARACTERS, MAX_PAGE_BYTES, TAG, TagListing
from upgraph.oci.images.manifest import ACCEPT_MANIFESTS, MAX_MANIFEST_BYTES, OCI_INDEX, Descriptor
from upgraph.oci.images.reference import Repository
from upgraph.oci.images.referrers import Referrer, ReferrerListing
from upgraph.oci.images.source import FIRST_RANGE_BYTES, MAX_RANGE_BYTES, ImageMissing, Manifest, Sink
from upgraph.oci.registry.pouring import Pouring, receive
from upgraph.oci.registry.streaming import pieces_of
from upgraph.oci.registry.transport import DOCUMENT_SECONDS, Transport
from upgraph.oci.registry.turns import Turns

DEFAULT_CONCURRENCY = 32
"""Connections at a time: more than one registry can use on a local network, enough to hide a slow line."""
PROGRESS_BYTES = 64 * 1024
"""A connection that brought as much before it broke was worth it: attempts are counted anew."""

_MANIFEST_HEADERS = {"Accept": ACCEPT_MANIFESTS}
_REFERRER_HEADERS = {"Accept": OCI_INDEX}
_NOT_OFFERED = frozenset({404, 405, 501})
"""What registries answer that keep no account of what refers to an image."""
_NO_HEADERS: dict[str, str] = {}
_DIGEST_HEADER = "Docker-Content-Digest"

_ORDINARY = Timing()


class RegistryClient(Closing):
    """One repository of a registry. Nothing is contacted before the first call.

    Args:
        repository: what to read.
        access: credentials, trust and proxies.
        concurrency: most requests at a time, however many callers wait.
        timing: clocks, chance and patience.
        turns: shared with others who use the registry; they count instead of ``concurrency``.
    """

    def __init__(
        self,
        repository: Repository,
        *,
        access: Access,
        concurrency: int = DEFAULT_CONCURRENCY,
        timing: Timing = _ORDINARY,
        turns: Turns | None = None,
    ) -> None:
        self._repository = repository
        self._timing = timing
        self._root = f"/v2/{repository.path}"
        self._transport = Transport(
            repository, access=access, turns=turns or Turns(concurrency, timing), timing=timing
        )

    @property
    def name(self) -> str:
        """``docker://host[:port]/path``."""
        return str(self._repository)

    async def tags(self) -> list[str]:
        """See :meth:`ImageSource.tags`."""
        listing = TagListing(self.name, f"{self._root}/tags/list", self._repository)
        while listing.next is not None:
            await self._timing.retried(lambda: self._page(listing))
        return listing.tags()

    async def resolve(self, reference: str) -> Digest | None:
        """See :meth:`ImageSource.resolve`. None: the registry does not answer HEAD, or without a digest."""
        path = self._manifest_path(reference)
        try:
            return await self._timing.retried(lambda: self._head(path))
        except ImageMissing:
            # An answer to HEAD has no body that tells a registry from a proxy. Deleting is grave: ask again.
            return (await self.manifest(reference)).digest

    async def manifest(self, reference: str) -> Manifest:
        """See :meth:`ImageSource.manifest`."""
        path = self._manifest_path(reference)
        return await self._timing.retried(lambda: self._get_manifest(path, reference))

    async def referrers(self, digest: Digest) -> tuple[Referrer, ...] | None:
        """What refers to an image, as the registry says; None if it keeps no account of that.

        Then :func:`upgraph.oci.referrers_of` looks where clients keep it.

        Raises:
            RemoteError: the listing could not be read to its end. There is no partial listing.
        """
        listing = ReferrerListing(self.name, f"{self._root}/referrers/{digest}", self._repository)
        while listing.next is not None:
            if not await self._timing.retried(lambda: self._referrer_page(listing)):
                return None
        return listing.referrers()

    async def pour(self, blob: Descriptor, into: Sink, *, first: int | None = FIRST_RANGE_BYTES) -> int:
        """See :meth:`ImageSource.pour`."""
        pouring = Pouring(blob, into, first)
        path = f"{self._root}/blobs/{blob.digest}"
        while pouring.open:
            await self._timing.retried(lambda: self._pour_part(path, pouring))
            pouring.grow()
        return pouring.received

    async def read(self, blob: Descriptor, start: int = 0) -> AsyncGenerator[bytes, None]:
        """See :meth:`ImageSource.read`. A connection that is lost costs no byte that has come."""
        at, failed = start, 0
        while at < blob.size:
            before = at
            try:
                async with aclosing(self._stream(blob, at)) as pieces:
                    async for piece in pieces:
                        at += len(piece)
                        yield piece
            except UpgraphError as error:
                failed = 1 if at - before >= PROGRESS_BYTES else failed + 1
                await self._timing.pause(failed, error)

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    async def _page(self, listing: TagListing) -> None:
        path = listing.next
        if path is None:
            return
        async with self._transport.exchange("GET", path, _NO_HEADERS) as response:
            if response.status == 404:
                failure = await self._transport.failure(response)
                raise RemoteError(problems.REPOSITORY_MISSING, failure.seen, status=404)
            if response.status != 200:
                raise await self._transport.failure(response)
            body = await read_capped(response, MAX_PAGE_BYTES, self._transport.what("GET", path))
            listing.add(body, ", ".join(response.headers.getall("Link", [])))

    async def _referrer_page(self, listing: ReferrerListing) -> bool:
        path = listing.next or ""
        async with self._transport.exchange("GET", path, _REFERRER_HEADERS) as response:
            if response.status in _NOT_OFFERED and listing.is_new:
                return False
            if response.status != 200:
                raise await self._transport.failure(response)
            body = await read_capped(response, MAX_MANIFEST_BYTES, self._transport.what("GET", path))
            listing.add(body, ", ".join(response.headers.getall("Link", [])))
            return True

    async def _head(self, path: str) -> Digest | None:
        response = await self._transport.head(path, _MANIFEST_HEADERS)
        if response.status == 404:
            seen = f"{self._transport.what('HEAD', path)}: status 404"
            raise ImageMissing(problems.IMAGE_MISSING, seen, status=404)
        if response.status in {405, 501}:
            return None
        if response.status != 200:
            raise await self._transport.failure(response)
        stated = response.headers.get(_DIGEST_HEADER, "")
        return Digest(stated) if is_digest(stated) else None

    async def _get_manifest(self, path: str, reference: str) -> Manifest:
        what = self._transport.what("GET", path)
        async with self._transport.exchange("GET", path, _MANIFEST_HEADERS) as response:
            if response.status == 404:
                raise await self._missing(response, what)
            if response.status != 200:
                raise await self._transport.failure(response)
            content = await read_capped(response, MAX_MANIFEST_BYTES, what)
            stated = response.headers.get(_DIGEST_HEADER, "")
            digest = _checked(content, reference, stated, what)
            return Manifest(digest, response.headers.get("Content-Type", ""), content)

    async def _missing(self, response: aiohttp.ClientResponse, what: str) -> RemoteError:
        reason = registry_reason(await read_reason(response))
        if reason:
            return ImageMissing(problems.IMAGE_MISSING, f"{what}: {reason}", status=404)
        # A proxy that lost its registry answers 404 too; releases must not vanish because of it.
        seen = f"{what}: status 404 without the error document of a registry"
        return RemoteError(problems.BROKEN_ANSWER, seen, status=404, retryable=True)

    async def _pour_part(self, path: str, pouring: Pouring) -> None:
        start, end = pouring.fed, pouring.next_end()
        whole = start == 0 and end == pouring.blob.size
        headers = _NO_HEADERS if whole else {"Range": f"bytes={start}-{end - 1}"}
        # The size is what the registry claims; only what is asked for decides how long to wait.
        asked_for = end - start if whole else max(end - start, MAX_RANGE_BYTES)
        seconds = DOCUMENT_SECONDS + asked_for / SLOWEST_BYTES_PER_SECOND
        async with self._transport.exchange("GET", path, headers, seconds=seconds) as response:
            if response.status not in {200, 206}:
                raise await self._transport.failure(response)
            await receive(response, pouring, end, self._transport.what("GET", path))

    async def _stream(self, blob: Descriptor, start: int) -> AsyncGenerator[bytes, None]:
        path = f"{self._root}/blobs/{blob.digest}"
        headers = {"Range": f"bytes={start}-{blob.size - 1}"} if start else _NO_HEADERS
        async with self._transport.stream(path, headers) as response:
            if response.status not in {200, 206}:
                raise await self._transport.failure(response)
            what = self._transport.what("GET", path)
            async with aclosing(pieces_of(response, blob, start, what)) as pieces:
                async for piece in pieces:
                    yield piece

    def _manifest_path(self, reference: str) -> str:
        if not is_digest(reference) and not TAG.fullmatch(reference):
            seen = f"{self.name}: {reference[:MAX_LISTED_CHARACTERS]!r} cannot be a tag and is no digest"
            raise DataError(problems.INVALID_REFERENCE, seen)
        return f"{self._root}/manifests/{reference}"


def _checked(content: bytes, reference: str, stated: str, what: str) -> Digest:
    """The digest of a manifest, checked against the one that was asked for and the one that was stated."""
    if is_digest(reference):
        verify(content, Digest(reference), what)
        return Digest(reference)
    if is_digest(stated):
        verify(content, Digest(stated), f"{what} (header {_DIGEST_HEADER})")
        return Digest(stated)
    return digest_of(content)
