"""One scrape of one source: from its listing to what each tag is.

1. The listing is read to its end or the scrape has failed; what was known stays.
2. Every tag is asked what it points to now. A digest that is known costs no more.
3. A tag that is not listed any more, or whose manifest is gone, leaves; the second is told as long as it is
   listed. Any other fault keeps the last good reading of the tag.
4. When nothing is listed or much left at once, what left is kept. Broken registries and half-done copies look
   like that, and so do large clean-ups, which the administrator confirms by raising the limit.
5. When many requests in a row fail, the rest of the round is not asked for: the registry is down.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from upgraph.errors import Finding, RemoteError, Severity, UpgraphError, VerificationError
from upgraph.errors.problems.service import (
    LISTING_SHRUNK,
    SCRAPE_CUT_SHORT,
    TAGS_WITHOUT_MANIFEST,
)
from upgraph.graph import Provenance
from upgraph.oci import ImageMissing, ImageSource, Manifest
from upgraph.payload import OtherImage, ReleaseImage, Verification, read_release
from upgraph.service.building.library import Image, Library
from upgraph.service.building.tags import is_companion

MAX_FAILURES_IN_A_ROW = 64
"""Failed tags without a good one between them after which a round is cut short."""

BROKEN_ROUNDS = 12
"""Rounds after which a broken image is read again: about once an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrapeSettings:
    """How a source is scraped."""

    verification: Verification = Verification.PREFIX
    concurrency: int = 32
    """Tags that are worked on at once."""
    shrink_limit: float = 0.5
    """Share of the known tags that may vanish between two listings; 1 accepts any listing."""
    met: Callable[[str], object] = lambda _: None
    """Is called with each tag that was asked for, good or bad."""


@dataclass(slots=True)
class Counts:
    """What a scrape met."""

    tags: int = 0
    companions: int = 0
    """Tags of signatures and attestations, which were not asked for."""
    known: int = 0
    """Tags whose digest was known."""
    read: int = 0
    """Images that were read."""
    failed: int = 0
    """Tags that kept what they had because of a fault."""
    missing: int = 0
    """Tags that are listed and have no manifest."""
    gone: tuple[str, ...] = ()
    """Versions of the last scrape, with their architecture, to which no tag leads any more."""
    held_back: int = 0
    """Tags that were kept because a listing without them is not believed."""
    layer_bytes: int = 0
    """Bytes of layers that were received."""

    def add(self, other: "Counts") -> None:
        """Add what another source met."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True)
class Harvest:
    """What a source holds now."""

    images: Mapping[str, Image]
    """By digest. Digests that several tags share stand once."""
    listing: Mapping[str, str]
    """Digest by tag."""
    findings: tuple[Finding, ...]
    counts: Counts = field(default_factory=Counts)
    rounds: int = 0
    """Rounds of this source that this process has ended."""
    answered: str = ""
    """A tag that the round read without a fault; empty if there is none."""

    @property
    def is_current(self) -> bool:
        """Whether this can be called the state of the source: it is believed, and more tags answered than failed."""
        return not self.counts.held_back and self.counts.failed * 2 <= len(self.listing)


async def scrape(source: ImageSource, library: Library, settings: ScrapeSettings, last: Harvest) -> Harvest:
    """Read what a source holds. What is found goes into the library as it comes, so a cut is no loss.

    Args:
        source: where the images are.
        library: what is known by digest.
        settings: how to read.
        last: the last harvest of this source; :func:`recall` gives it after a start.

    Raises:
        RemoteError, DataError: the listing could not be read.
    """
    listed = await source.tags()
    work = _Round(source, library, settings, last)
    work.take_listing(listed)
    await work.read_all()
    work.weigh_losses()
    work.tell_losses()
    library.end_round(source.name, work.listing)
    return Harvest(
        work.images, work.listing, tuple(work.findings), work.counts, last.rounds + 1, work.answered
    )


def recall(source: str, library: Library) -> Harvest:
    """What the last finished scrape of a source found, without asking it."""
    listing = library.listing(source)
    images = {digest: image for digest in sorted(set(listing.values())) if (image := library.image(digest))}
    return Harvest(images, {tag: digest for tag, digest in listing.items() if digest in images}, ())


class _Round:
    def __init__(
        self, source: ImageSource, library: Library, settings: ScrapeSettings, last: Harvest
    ) -> None:
        self._source = source
        self._library = library
        self._settings = settings
        self._last = last
        self._in_work: dict[str, asyncio.Lock] = {}
        self._to_ask: list[str] = []
        self._lost: set[str] = set()
        self._missing: set[str] = set()
        self._failures_in_a_row = 0
        self.images: dict[str, Image] = {}
        self.listing: dict[str, str] = {}
        self.findings: list[Finding] = []
        self.counts = Counts()
        self.answered = ""

    def take_listing(self, listed: Iterable[str]) -> None:
        """Decide which tags are asked for."""
        tags = list(listed)
        self._to_ask = [tag for tag in tags if not is_companion(tag)]
        self._lost = self._last.listing.keys() - set(self._to_ask)
        self.counts.tags = len(tags)
        self.counts.companions = len(tags) - len(self._to_ask)

    def weigh_losses(self) -> None:
        """Keep the tags that left if it is not believed that so many did."""
        lost = sorted(self._lost)
        if not self._is_doubtful(lost):
            return
        seen = (
            f"{self._source.name} lists {len(self._to_ask)} tags and lacks {len(lost)} of the "
            f"{len(self._last.listing)} it had, for example {lost[0]}; they are kept"
        )
        self.findings.append(Finding(Severity.ERROR, LISTING_SHRUNK, seen))
        self.counts.held_back = len(lost)
        for tag in lost:
            self._keep(tag)

    def tell_losses(self) -> None:
        """Tell which tags lead nowhere, unless they kept what they were, and count the releases that left."""
        self.counts.missing = len(self._missing)
        missing = sorted(self._missing - self.listing.keys())
        if missing:
            seen = (
                f"{self._source.name} lists {len(self._to_ask)} tags and has no manifest for {len(missing)} of them, "
                f"for example {missing[0]}"
            )
            self.findings.append(Finding(Severity.WARNING, TAGS_WITHOUT_MANIFEST, seen))
        gone = [
            image.metadata.document.version.with_build(image.arch)
            for digest, image in self._last.images.items()
            if isinstance(image, ReleaseImage) and digest not in self.images
        ]
        self.counts.gone = tuple(version.text for version in sorted(gone))

    def _is_doubtful(self, lost: Collection[str]) -> bool:
        limit = self._settings.shrink_limit
        if not lost or limit >= 1:
            return False
        return not self._to_ask or len(lost) > limit * len(self._last.listing)

    async def read_all(self) -> None:
        """Ask for every tag, some at once."""
        waiting = iter(self._to_ask)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._settings.concurrency, len(self._to_ask))):
                group.create_task(self._work(waiting))
        if self._is_down:
            seen = f"{MAX_FAILURES_IN_A_ROW} requests in a row to {self._source.name} failed; the rest was not asked for"
            self.findings.append(Finding(Severity.ERROR, SCRAPE_CUT_SHORT, seen))

    @property
    def _is_down(self) -> bool:
        return self._failures_in_a_row >= MAX_FAILURES_IN_A_ROW

    async def _work(self, waiting: Iterator[str]) -> None:
        for tag in waiting:
            if self._is_down:
                self.counts.failed += 1
                self._keep(tag)
            else:
                await self._ask(tag)
                self._settings.met(tag)

    async def _ask(self, tag: str) -> None:
        try:
            image = await self._look_up(tag)
        except ImageMissing:
            self._failures_in_a_row = 0
            self._missing.add(tag)
            if tag in self._last.listing:
                self._lost.add(tag)
        except UpgraphError as error:
            self._failed(tag, error)
        else:
            self._failures_in_a_row = 0
            self._take(tag, image)

    async def _look_up(self, tag: str) -> Image:
        # A tag that was met before probably points where it did; asking for that is cheaper than its manifest.
        digest = await self._source.resolve(tag) if tag in self._last.listing else None
        known = self._known(digest) if digest else None
        if known is not None:
            return known
        manifest = await self._source.manifest(tag)
        # Several tags may share a digest; it is read once.
        async with self._in_work.setdefault(manifest.digest, asyncio.Lock()):
            return self._known(manifest.digest) or await self._read(manifest)

    def _known(self, digest: str) -> Image | None:
        image = self.images.get(digest)
        if image is None:
            image = self._last.images.get(digest) or self._library.image(digest)
            if image is None or self._lacks_proof(image) or self._is_worth_another_look(image):
                return None
        self.counts.known += 1
        return image

    def _is_worth_another_look(self, image: Image) -> bool:
        # What was broken was not hashed, so a copy may be broken whose original is not.
        is_broken = isinstance(image, OtherImage) and image.finding.severity is Severity.ERROR
        return is_broken and self._last.rounds % BROKEN_ROUNDS == 0

    def _lacks_proof(self, image: Image) -> bool:
        wanted = self._settings.verification is Verification.WHOLE_LAYER
        return (
            wanted and isinstance(image, ReleaseImage) and image.metadata.provenance is Provenance.UNVERIFIED
        )

    async def _read(self, manifest: Manifest) -> Image:
        reading = await read_release(self._source, manifest, self._settings.verification)
        self.counts.read += 1
        self.counts.layer_bytes += reading.layer_bytes
        self._library.remember(reading.image)
        self.images[manifest.digest] = reading.image
        return reading.image

    def _take(self, tag: str, image: Image) -> None:
        if isinstance(image, OtherImage) and image.finding.severity is Severity.ERROR:
            self.findings.append(replace(image.finding, file=tag))
            if self._keep(tag):
                return
        else:
            self.answered = max(self.answered, tag)
        self.listing[tag] = image.digest
        self.images[image.digest] = image

    def _failed(self, tag: str, error: UpgraphError) -> None:
        # An incomplete copy says nothing about the registry.
        self._failures_in_a_row += isinstance(error, RemoteError) and error.retryable
        self.counts.failed += 1
        is_kept = not self._is_disproved(tag, error) and self._keep(tag)
        outcome = "its last good reading stays" if is_kept else "it is left out"
        self.findings.append(Finding(Severity.ERROR, error.problem, f"{error.seen}; {outcome}", tag))

    def _is_disproved(self, tag: str, error: UpgraphError) -> bool:
        """Whether a proof failed for a tag whose last reading never had one, and is wanted to have one."""
        digest = self._last.listing.get(tag)
        image = self._last.images.get(digest) if digest else None
        return isinstance(error, VerificationError) and image is not None and self._lacks_proof(image)

    def _keep(self, tag: str) -> bool:
        """Keep what a tag was; false if it was no release that could be lost."""
        digest = self._last.listing.get(tag)
        image = self._last.images.get(digest) if digest else None
        if digest is None or image is None:
            return False
        self.listing[tag] = digest
        self.images[digest] = image
        return isinstance(image, ReleaseImage)
