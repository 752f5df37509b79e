"""Signature stores at an http or https address, asked as the Cluster Version Operator asks them.

``GET ADDRESS/sha256=HEX/signature-N`` for N from 1 to 9, until there is none (404). An empty body is passed
over, and so is another status: the next number is asked for, but then the store counts as not read to its end.
What clusters go on with although nobody answers ends the search here, since it would cost nine timeouts.

Source: library-go ``pkg/verify/store/sigstore``.
"""

from collections.abc import AsyncGenerator
from http import HTTPStatus
from urllib.parse import urlsplit, urlunsplit

from upgraph.errors import Finding, RemoteError
from upgraph.errors.problems.signing import STORE_FAILED
from upgraph.oci import Access, Digest
from upgraph.oci.http.downloads import shown_address
from upgraph.signing.stores import Candidate
from upgraph.syntax.signature_names import MAX_SIGNATURE_BYTES

MAX_NUMBER = 9
"""Highest number of a signature that is asked for."""
ASK_SECONDS = 30.0
"""Longest time for one request."""


class AddressStore:
    """A store at an address. Made for as long as it is needed; :meth:`close` ends its connections.

    Args:
        url: the address, which may hold a login and a query.
        access: how to reach it.
        concurrency: most requests at a time.

    Raises:
        UserError: it is no http or https address.
    """

    def __init__(self, url: str, access: Access, *, concurrency: int = 1) -> None:
        self.name = shown_address(url)
        self._parts = urlsplit(url.strip())
        self._downloads = access.session(concurrency=concurrency)

    async def refresh(self) -> tuple[Finding, ...]:
        """See :meth:`SignatureStore.refresh`. Nothing is kept."""
        return ()

    async def candidates(self, digest: Digest) -> AsyncGenerator[Candidate]:
        """See :meth:`SignatureStore.candidates`."""
        refused: RemoteError | None = None
        for number in range(1, MAX_NUMBER + 1):
            path = f"{digest.replace(':', '=')}/signature-{number}"
            answer = await self._ask(path)
            if isinstance(answer, RemoteError):
                refused = refused or answer
            elif answer is None:
                break
            elif answer:
                yield Candidate(f"{self.name}/{path}", answer)
        if refused is not None:
            raise refused

    async def _ask(self, path: str) -> bytes | RemoteError | None:
        """What lies there: None if nothing does, the error if the store does not tell."""
        base = self._parts.path.rstrip("/")
        url = urlunsplit(self._parts._replace(path=f"{base}/{path}", fragment=""))
        try:
            answer = await self._downloads.ask(url, limit=MAX_SIGNATURE_BYTES, seconds=ASK_SECONDS)
        except RemoteError as error:
            seen = f"{self.name}: {error.seen}"
            raise RemoteError(STORE_FAILED, seen, status=error.status, retryable=error.retryable) from error
        if answer.status == HTTPStatus.OK:
            return answer.content
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        seen = f"{self.name}/{path}: status {answer.status}"
        return RemoteError(STORE_FAILED, seen, status=answer.status, retryable=True)

    async def close(self) -> None:
        """See :meth:`SignatureStore.close`."""
        await self._downloads.close()
