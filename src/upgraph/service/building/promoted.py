"""The lists of promoted versions as an input of the service: watched, read together, the last good ones kept.

Several lists are one input. If one of them cannot be used, all stay as they were: a part would withhold updates
that nobody wanted to take back.
"""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from upgraph.errors import DataError, Finding, Severity
from upgraph.errors.problems.graph import PROMOTION_INVALID
from upgraph.graph.promotion import MAX_LIST_BYTES, Line, Listed, Promotion, read_list
from upgraph.graphdata import changes
from upgraph.service.building.ledger import Ledger
from upgraph.service.building.pauses import Pauses, pause
from upgraph.service.building.workshop import Workshop
from upgraph.service.plain_file import read_plain, state_of
from upgraph.service.source_report import SourceKind

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one file held."""

    path: Path
    lines: tuple[Line, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Why the list is not used."""
    is_readable: bool = True


@dataclass(frozen=True, slots=True)
class Lists:
    """The files of all lists. Each may be a symbolic link, as those of a mounted ConfigMap are."""

    paths: tuple[Path, ...]

    def fingerprint(self) -> str:
        """A text that changes when one of them may have changed."""
        return " ".join(map(state_of, self.paths))

    def read(self) -> tuple[Reading, ...]:
        """What each of them holds now."""
        return tuple(map(_read, self.paths))


def _read(path: Path) -> Reading:
    try:
        content = read_plain(path, MAX_LIST_BYTES)
    except OSError as error:
        seen = f"it cannot be read: {error.strerror}"
        finding = Finding(Severity.ERROR, PROMOTION_INVALID, seen, str(path))
        return Reading(path, findings=(finding,), is_readable=False)
    listed: Listed = read_list(content, str(path))
    return Reading(path, listed.lines, listed.findings)


def together(readings: Sequence[Reading]) -> Promotion:
    """The lists of all files together.

    Raises:
        DataError: one of them cannot be used.
    """
    for reading in readings:
        if reading.findings:
            raise DataError(PROMOTION_INVALID, str(reading.findings[0]))
    return Promotion.of(line for reading in readings for line in reading.lines)


def read_lists(paths: Sequence[Path]) -> Promotion | None:
    """The lists of a configuration, read once; none if it names none.

    Raises:
        DataError: one of them cannot be used.
    """
    return together(Lists(tuple(paths)).read()) if paths else None


class PromotionFollower:
    """Reads the lists whenever they have changed, and hands them to the workshop.

    Args:
        paths: where they lie.
        workshop: takes them.
        ledger: keeps how the reading of each went.
    """

    def __init__(self, paths: Sequence[Path], workshop: Workshop, ledger: Ledger) -> None:
        self._lists = Lists(tuple(paths))
        self._workshop = workshop
        self._ledger = ledger

    async def follow(self, wanted: asyncio.Event, pauses: Pauses) -> None:
        """Read now, when something has changed, and when it is wanted, until cancelled."""
        if not self._lists.paths:
            return
        seen = await asyncio.to_thread(self._lists.fingerprint)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch(wanted, seen))
            while True:
                is_readable = await self.look()
                # A disk that failed shows no change when it works again, so only another look can tell.
                await pause(wanted, None if is_readable else pauses.after(succeeded=False))

    async def _watch(self, wanted: asyncio.Event, seen: str) -> None:
        async for _ in changes(self._lists, since=seen):
            wanted.set()

    async def look(self) -> bool:
        """Read all lists; false if a file could not be read at all."""
        readings = await asyncio.to_thread(self._lists.read)
        findings = tuple(finding for reading in readings for finding in reading.findings)
        if findings:
            self._workshop.promotion_failed(findings)
        else:
            self._take(readings)
        for reading in readings:
            self._note(reading)
        self._ledger.tell()
        return all(reading.is_readable for reading in readings)

    def _take(self, readings: Sequence[Reading]) -> None:
        try:
            promotion = together(readings)
        except DataError as error:
            self._workshop.promotion_failed((Finding.of(error),))
            return
        _log.info("%d lines of promoted versions are in force", len(promotion.lines))
        self._workshop.take_promotion(promotion)

    def _note(self, reading: Reading) -> None:
        entry = self._ledger.enter(SourceKind.PROMOTED, str(reading.path))
        if reading.findings:
            entry.failed(reading.findings[0])
        else:
            texts = sorted({line.text for line in reading.lines})
            digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()
            entry.good(digest, {"lines": len(texts)})
