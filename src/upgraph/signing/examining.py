"""Looks for the signatures of many digests, some at once, and stops asking when nobody answers."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from upgraph.errors import RemoteError, UpgraphError, VerificationError
from upgraph.errors.problems.signing import SIGNATURE_MISSING, STORE_FAILED
from upgraph.oci import parse_digest
from upgraph.signing.stores import Candidate, SignatureStore
from upgraph.signing.verifier import VerifiedDigest, Verifier

CONCURRENCY = 32
"""Digests that are worked on at once."""
MAX_FAILURES_IN_A_ROW = 16
"""Digests in a row whose stores could not be asked after which the others are not asked for either."""

T = TypeVar("T")

Examined = Mapping[str, VerifiedDigest | UpgraphError]
"""What became of each digest: verified, or the reason why not."""


async def examine(
    verifier: Verifier,
    digests: Iterable[str],
    stores: Sequence[SignatureStore],
    *,
    concurrency: int = CONCURRENCY,
    seconds: float | None = None,
) -> Examined:
    """Verify digests; each fails by itself. A :class:`RemoteError` says that nothing is known of one.

    Args:
        verifier: decides.
        digests: of releases; repeats cost nothing.
        stores: where signatures are.
        concurrency: digests that are worked on at once.
        seconds: longest time for all; None for no limit.
    """
    search = _Search(lambda digest: verifier.verify(digest, stores))
    return await search.run(digests, concurrency, seconds)


async def find(
    digests: Iterable[str], stores: Sequence[SignatureStore], *, concurrency: int = CONCURRENCY
) -> Mapping[str, tuple[Candidate, ...] | UpgraphError]:
    """Everything that stores have for digests, which nobody has verified; or the reason why there is nothing.

    Arguments are those of :func:`examine`.
    """
    return await _Search(lambda digest: _candidates(digest, stores)).run(digests, concurrency, None)


async def _candidates(digest: str, stores: Sequence[SignatureStore]) -> tuple[Candidate, ...]:
    found: list[Candidate] = []
    fault: RemoteError | None = None
    for store in stores:
        try:
            async with contextlib.aclosing(store.candidates(parse_digest(digest))) as stream:
                found += [candidate async for candidate in stream]
        except RemoteError as error:
            fault = fault or error
    if not found:
        raise fault or VerificationError(SIGNATURE_MISSING, f"there is no signature of {digest}")
    return tuple(found)


class _Search(Generic[T]):
    """Does the same for each of many digests."""

    def __init__(self, look: Callable[[str], Awaitable[T]]) -> None:
        self._look = look
        self._failures = 0
        self._last: RemoteError | None = None
        self._outcomes: dict[str, T | UpgraphError] = {}

    async def run(
        self, digests: Iterable[str], concurrency: int, seconds: float | None
    ) -> dict[str, T | UpgraphError]:
        """The outcomes, sorted by digest."""
        wanted = sorted(set(digests))
        waiting = iter(wanted)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                for _ in range(min(concurrency, len(wanted))):
                    group.create_task(self._take_from(waiting))
        late = RemoteError(
            STORE_FAILED, f"the stores were not read within {seconds or 0:g} s", retryable=True
        )
        return {digest: self._outcomes.get(digest, late) for digest in wanted}

    async def _take_from(self, waiting: Iterator[str]) -> None:
        for digest in waiting:
            if self._last is not None and self._failures >= MAX_FAILURES_IN_A_ROW:
                self._outcomes[digest] = self._last
            else:
                self._outcomes[digest] = await self._outcome(digest)

    async def _outcome(self, digest: str) -> T | UpgraphError:
        try:
            found = await self._look(digest)
        except RemoteError as error:
            self._failures += 1
            self._last = error
            return error
        except UpgraphError as error:
            self._failures = 0
            return error
        self._failures = 0
        return found
