"""A repository whose mirrors change under a running service, as ConfigMaps and configuration management change files.

The files are looked at when the repository is asked for something, at most once a second. What changed holds for the
next request; one that is under way ends where it began. Rules that cannot be used leave the last good ones in force
and are reported as long as they are there: with no rules at all a registry could be contacted that a site has blocked.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from upgraph.errors import Finding, UserError
from upgraph.oci.images.closing import Closing
from upgraph.oci.images.digest import Digest
from upgraph.oci.images.manifest import Descriptor
from upgraph.oci.images.reference import Repository
from upgraph.oci.images.referrers import Referrer, referrers_of
from upgraph.oci.images.source import FIRST_RANGE_BYTES, ImageSource, Manifest, Sink
from upgraph.oci.mirrors.files import read_mirrors
from upgraph.oci.mirrors.source import MirroredSource, open_mirrored

LOOK_SECONDS = 1.0
"""Files of mirrors are looked at for changes not more often than this."""

_Stamp: TypeAlias = tuple[tuple[int, int, int] | None, ...]
"""Tells one state of files from another: inode, change time in nanoseconds and bytes; None where there is none."""


@dataclass(slots=True)
class _Opened:
    """What the repository is read from under one set of rules."""

    images: ImageSource
    users: int = 0
    """Requests that are under way."""


class FollowedRepository(Closing):
    """A repository of a registry, read where the mirrors of today have it.

    Args:
        repository: its canonical name.
        files: files of mirrors.
        client: opens one repository.
        clock: seconds that only grow.

    Raises:
        UserError: a file cannot be used.
    """

    def __init__(
        self,
        repository: Repository,
        files: Sequence[Path],
        client: Callable[[Repository], ImageSource],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._repository = repository
        self._files = tuple(files)
        self._client = client
        self._clock = clock
        self._fault: UserError | None = None
        self._retired: list[_Opened] = []
        self._stamp = self._state()
        self._opened = self._open()
        self._look_at = clock() + LOOK_SECONDS

    @property
    def name(self) -> str:
        """The canonical name."""
        return str(self._repository)

    def take_findings(self) -> tuple[Finding, ...]:
        """What is wrong with the files now, and which mirrors failed since this was last asked."""
        found = (Finding.of(self._fault),) if self._fault is not None else ()
        images = self._opened.images
        return (*found, *images.take_findings()) if isinstance(images, MirroredSource) else found

    async def tags(self) -> list[str]:
        """See :meth:`ImageSource.tags`."""
        async with self._current() as images:
            return await images.tags()

    async def resolve(self, reference: str) -> Digest | None:
        """See :meth:`ImageSource.resolve`."""
        async with self._current() as images:
            return await images.resolve(reference)

    async def manifest(self, reference: str) -> Manifest:
        """See :meth:`ImageSource.manifest`."""
        async with self._current() as images:
            return await images.manifest(reference)

    async def pour(self, blob: Descriptor, into: Sink, *, first: int | None = FIRST_RANGE_BYTES) -> int:
        """See :meth:`ImageSource.pour`."""
        async with self._current() as images:
            return await images.pour(blob, into, first=first)

    async def read(self, blob: Descriptor, start: int = 0) -> AsyncGenerator[bytes, None]:
        """See :meth:`ImageSource.read`."""
        async with self._current() as images, aclosing(images.read(blob, start)) as pieces:
            async for piece in pieces:
                yield piece

    async def referrers(self, digest: Digest) -> tuple[Referrer, ...]:
        """What refers to an image."""
        async with self._current() as images:
            return await referrers_of(images, digest)

    async def close(self) -> None:
        """Close what it is read from."""
        async with AsyncExitStack() as stack:
            for opened in (self._opened, *self._retired):
                stack.push_async_callback(opened.images.close)

    @asynccontextmanager
    async def _current(self) -> AsyncIterator[ImageSource]:
        self._look()
        opened = self._opened
        opened.users += 1
        try:
            yield opened.images
        finally:
            opened.users -= 1
            await self._close_retired()

    async def _close_retired(self) -> None:
        for opened in [one for one in self._retired if not one.users]:
            self._retired.remove(opened)
            await opened.images.close()

    def _look(self) -> None:
        """Take the rules of the files if they have changed."""
        if self._clock() < self._look_at:
            return
        self._look_at = self._clock() + LOOK_SECONDS
        # The state first: what changes while it is read is read once more at the next look.
        stamp = self._state()
        if stamp == self._stamp:
            self._fault = None
            return
        try:
            opened = self._open()
        except UserError as error:
            self._fault = error
            return
        self._retired.append(self._opened)
        self._opened, self._stamp, self._fault = opened, stamp, None

    def _open(self) -> _Opened:
        return _Opened(open_mirrored(self._repository, read_mirrors(self._files), self._client))

    def _state(self) -> _Stamp:
        return tuple(map(_stamp, self._files))


def findings_of(images: ImageSource) -> tuple[Finding, ...]:
    """What was noticed about where images are read since this was last asked, though they could be had."""
    return images.take_findings() if isinstance(images, (FollowedRepository, MirroredSource)) else ()


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
