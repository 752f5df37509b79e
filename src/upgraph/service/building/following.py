"""The port through which releases are gathered, above that of images: something that is asked round after round.

A repository of images has to be scraped; a saved scrape is read. Both know from a library what they held
before a restart, and both keep what they held when a round fails.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from upgraph.errors import Finding
from upgraph.graph import Release
from upgraph.oci import ImageMissing, ImageSource, a_look
from upgraph.service.building.library import Library
from upgraph.service.building.releases import releases_of
from upgraph.service.building.scrape import Counts, Harvest, ScrapeSettings, recall, scrape

_ANY_TAG = "latest"
"""What is asked for where no tag has answered; that it is not there is an answer too."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How a round went."""

    findings: tuple[Finding, ...]
    is_current: bool
    """Whether what is held now can be called the state of the source."""
    counts: Counts = field(default_factory=Counts)
    notices: tuple[Finding, ...] = ()
    """What was noticed about the source itself, though nothing was left out because of it."""


class Followed(Protocol):
    """A source that is asked again and again."""

    @property
    def name(self) -> str:
        """What the administrator called it; shown in messages."""
        ...

    def releases(self) -> tuple[Release, ...]:
        """What it held when it was last read, without asking it."""
        ...

    async def ask(self) -> Asked:
        """Read it again. What cannot be read keeps what it held, also when this raises or is cancelled.

        Raises:
            RemoteError, DataError, VerificationError: it could not be read at all.
        """
        ...

    async def touch(self, seconds: float) -> None:
        """Ask once for as little as tells whether it can be read now; nothing where it lies on a disk.

        Args:
            seconds: longest wait for an answer, and of each mirror.

        Raises:
            RemoteError: it cannot, or has lost what it had.
            DataError: nobody can tell.
        """
        ...


class Source(Protocol):
    """A place that holds releases."""

    def follow(self, library: Library, settings: ScrapeSettings) -> Followed:
        """Begin to follow it, with what the library knows of it."""
        ...

    async def close(self) -> None:
        """Give back connections and files. The source is not used afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class ReleaseSource:
    """A repository of images as a source of releases, and what clusters are told to pull them from."""

    images: ImageSource
    repository: str
    is_remote: bool = False
    """Whether it is asked over a network, and can fail at any moment."""
    take_notices: Callable[[], tuple[Finding, ...]] = tuple
    """Gives what was noticed about the source itself since this was last called."""

    def follow(self, library: Library, settings: ScrapeSettings) -> Followed:
        """See :meth:`Source.follow`."""
        return _FollowedImages(self, library, settings)

    async def close(self) -> None:
        """See :meth:`Source.close`."""
        await self.images.close()


class _FollowedImages:
    def __init__(self, source: ReleaseSource, library: Library, settings: ScrapeSettings) -> None:
        self.name = source.images.name
        self._source = source
        self._library = library
        self._settings = settings
        self._last: Harvest = recall(self.name, library)

    def releases(self) -> tuple[Release, ...]:
        return releases_of(self._last.images.values(), self._source.repository)

    async def ask(self) -> Asked:
        self._last = await scrape(self._source.images, self._library, self._settings, self._last)
        notices = self._source.take_notices()
        return Asked(self._last.findings, self._last.is_current, self._last.counts, notices)

    async def touch(self, seconds: float) -> None:
        if not self._source.is_remote:
            return
        known = self._last.answered
        try:
            with a_look(seconds):
                await self._source.images.resolve(known or _ANY_TAG)
        except ImageMissing:
            if known:
                raise
