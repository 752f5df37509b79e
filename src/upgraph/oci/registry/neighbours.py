"""Which repositories of which registries have a blob already, as far as one run knows.

A registry that has a blob in another repository can take it over without a byte sent (a mount). Two
repositories of one registry that want the same blob at once wait for each other, for the same reason.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from upgraph.oci.images.digest import Digest
from upgraph.oci.images.reference import Repository


class Neighbours:
    """What is known of the repositories of all registries in one run."""

    def __init__(self) -> None:
        self._holders: dict[tuple[str, Digest], str] = {}
        self._turns: dict[tuple[str, Digest], asyncio.Lock] = {}

    def note(self, repository: Repository, digest: Digest) -> None:
        """The repository has the blob."""
        self._holders.setdefault((repository.host, digest), repository.path)

    def holder(self, repository: Repository, digest: Digest) -> str | None:
        """The path of another repository of the same registry that has the blob."""
        path = self._holders.get((repository.host, digest))
        return None if path == repository.path else path

    @asynccontextmanager
    async def turn(self, repository: Repository, digest: Digest) -> AsyncIterator[None]:
        """Wait until no other repository of the registry is being given the blob."""
        key = (repository.host, digest)
        async with self._turns.setdefault(key, asyncio.Lock()):
            yield
