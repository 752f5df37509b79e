"""A saved scrape as a source of releases: read when it has changed, the last good one kept."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from upgraph.errors import DataError, Finding, Severity
from upgraph.errors.problems.service import SCRAPE_INVALID, SCRAPE_UNPROVEN
from upgraph.graph import Provenance, Release
from upgraph.payload import Verification
from upgraph.service.building.following import Asked, Followed
from upgraph.service.building.library import Library
from upgraph.service.building.saved import MAX_BYTES, Saved, at_repository, read_saved
from upgraph.service.building.scrape import Counts, ScrapeSettings
from upgraph.service.plain_file import open_plain, state_of


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What a service takes of saved releases."""

    repository: str | None = None
    """What clusters are told to pull from; none leaves the pull specs as they were saved."""
    wants_proof: bool = False
    """Whether releases that were saved without proof are left out."""

    def of(self, saved: Saved, name: str) -> Saved:
        """What is taken of ``saved``, and what was left out; ``name`` is its file in messages."""
        releases, findings = saved.releases, saved.findings
        if self.wants_proof:
            proven = tuple(one for one in releases if one.provenance is Provenance.VERIFIED)
            findings += _unproven(name, releases, left_out=len(releases) - len(proven))
            releases = proven
        if self.repository is not None:
            releases = at_repository(releases, self.repository)
        return Saved(releases, findings)


@dataclass(frozen=True, slots=True)
class SavedSource:
    """The file of a saved scrape.

    Args:
        path: the file; it may be a symbolic link.
        repository: what clusters are told to pull from; none leaves the pull specs as they were saved.
    """

    path: Path
    repository: str | None = None

    def follow(self, library: Library, settings: ScrapeSettings) -> Followed:
        """See :meth:`Source.follow`."""
        return _FollowedFile(self, library, settings)

    async def close(self) -> None:
        """See :meth:`Source.close`."""


class _FollowedFile:
    def __init__(self, source: SavedSource, library: Library, settings: ScrapeSettings) -> None:
        self.name = f"scrape:{source.path}"
        self._source = source
        self._library = library
        wants_proof = settings.verification is Verification.WHOLE_LAYER
        self._acceptance = Acceptance(source.repository, wants_proof)
        self._state = ""
        self._held = self._recall()

    def _recall(self) -> Saved:
        content = self._library.document(self.name)
        try:
            saved = read_saved(content, self.name) if content is not None else Saved((), ())
        except DataError:
            # An older or newer program kept it; the file itself is read in a moment.
            return Saved((), ())
        return self._acceptance.of(saved, self.name)

    def releases(self) -> tuple[Release, ...]:
        return self._held.releases

    async def ask(self) -> Asked:
        state = state_of(self._source.path)
        is_new = state != self._state
        if is_new:
            content, saved = await asyncio.to_thread(_read, self._source.path, self.name)
            self._held = self._acceptance.of(saved, self.name)
            self._library.keep_document(self.name, content)
            self._state = state
        found = len(self._held.releases)
        counts = Counts(tags=found, read=found if is_new else 0, known=0 if is_new else found)
        return Asked(self._held.findings, is_current=True, counts=counts)

    async def touch(self, seconds: float) -> None:
        """See :meth:`Followed.touch`."""


def _unproven(name: str, releases: tuple[Release, ...], *, left_out: int) -> tuple[Finding, ...]:
    if not left_out:
        return ()
    first = next(one for one in releases if one.provenance is not Provenance.VERIFIED)
    seen = f"{left_out} of {len(releases)} releases were saved without proof and are left out, first {first.version}"
    return (Finding(Severity.ERROR, SCRAPE_UNPROVEN, seen, name),)


def _read(path: Path, name: str) -> tuple[bytes, Saved]:
    try:
        with open_plain(path) as file:
            before = os.fstat(file.fileno())
            content = file.read(MAX_BYTES + 1)
            after = os.fstat(file.fileno())
    except OSError as error:
        raise DataError(SCRAPE_INVALID, f"{name} cannot be read: {error.strerror}") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise DataError(SCRAPE_INVALID, f"{name} was written while it was read")
    return content, read_saved(content, name)
