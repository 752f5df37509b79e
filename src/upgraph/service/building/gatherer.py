"""Asks every source of releases, round after round, and keeps for each what it held last."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from upgraph.errors import DataError, Finding, RemoteError, UpgraphError, VerificationError
from upgraph.errors.findings import ordered
from upgraph.errors.problems.service import SCRAPE_CUT_SHORT
from upgraph.graph import Release
from upgraph.service.building.following import Asked, Followed, Source
from upgraph.service.building.library import Library
from upgraph.service.building.scrape import Counts, ScrapeSettings
from upgraph.service.handover import Scraped


@dataclass(frozen=True, slots=True)
class SourceOutcome:
    """How it went with one source."""

    name: str
    releases: tuple[Release, ...]
    """What it is taken to hold now."""
    fault: Finding | None
    """Why that is not what it holds; none if it could be read."""
    findings: tuple[Finding, ...]
    """What was left out, or kept as it was, and why."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What all sources hold after a round."""

    releases: tuple[Release, ...]
    findings: tuple[Finding, ...]
    is_current: bool
    """Whether every source could be read."""
    counts: Counts
    report: Scraped
    asked: tuple[SourceOutcome, ...] = ()
    """How it went with each source, in their order."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing or stands for a reading that failed."""
        return self.is_current and not self.counts.failed


class Gatherer:
    """Scrapes all sources and joins what they hold.

    Args:
        sources: where releases are.
        library: what is known of images.
        settings: how to scrape.
        timeout: seconds after which a scrape of a source is given up; none for no limit.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        library: Library,
        settings: ScrapeSettings,
        timeout: float | None,
    ) -> None:
        self._followed = [source.follow(library, settings) for source in sources]
        self._timeout = timeout

    @property
    def followed(self) -> tuple[Followed, ...]:
        """The sources, in the order of the outcomes of a round."""
        return tuple(self._followed)

    def known(self) -> tuple[Release, ...]:
        """The releases of the last rounds, without asking anybody."""
        found = (
            replace(release, source=source.name) for source in self._followed for release in source.releases()
        )
        return tuple(
            sorted(found, key=lambda release: (release.version.key, release.digest, release.payload))
        )

    async def gather(self, clock: Callable[[], float] = time.perf_counter) -> Gathered:
        """Ask all sources. A source that cannot be read keeps what it held."""
        started = clock()
        # At the same time, so that a registry that does not answer delays nobody but itself.
        outcomes = await asyncio.gather(*map(self._ask, self._followed))
        asked = [outcome for outcome in outcomes if isinstance(outcome, Asked)]
        counts = Counts()
        for outcome in asked:
            counts.add(outcome.counts)
        findings = ordered(
            finding
            for outcome in outcomes
            for finding in (outcome.findings if isinstance(outcome, Asked) else (outcome,))
        )
        notices = ordered(notice for outcome in asked for notice in outcome.notices)
        releases = self.known()
        succeeded = all(isinstance(outcome, Asked) and outcome.is_current for outcome in outcomes)
        seconds = clock() - started
        report = Scraped(
            succeeded=succeeded,
            seconds=seconds,
            releases=len(releases),
            cache_hits=counts.known,
            layer_bytes=counts.layer_bytes,
            message="; ".join((_line(len(releases), counts, findings, seconds), *map(str, notices)))
            if asked
            else f"no source could be read, {len(releases)} releases stay as they were: {_reasons(findings)}",
        )
        each = tuple(map(_outcome, self._followed, outcomes))
        return Gathered(releases, ordered((*findings, *notices)), succeeded, counts, report, each)

    async def _ask(self, source: Followed) -> Asked | Finding:
        name = source.name
        try:
            async with asyncio.timeout(self._timeout):
                return await source.ask()
        except TimeoutError:
            seen = f"{name} was not read within {self._timeout:g} s; what was read is kept for the next round"
            return Finding.of(RemoteError(SCRAPE_CUT_SHORT, seen))
        except (RemoteError, DataError, VerificationError) as error:
            return found_at(name, error)


def found_at(source: str, error: UpgraphError) -> Finding:
    """Why a source cannot be read, with its name, once."""
    return Finding.of(error, None if error.seen.startswith(source) else source)


def _outcome(source: Followed, outcome: Asked | Finding) -> SourceOutcome:
    releases = source.releases()
    if isinstance(outcome, Finding):
        return SourceOutcome(source.name, releases, outcome, (outcome,))
    found = ordered(outcome.findings)
    fault = None if outcome.is_current else next(iter(found), None)
    return SourceOutcome(source.name, releases, fault, found)


def _line(releases: int, counts: Counts, findings: Sequence[Finding], seconds: float) -> str:
    """What a scrape did, in one line for the log and the status."""
    met = [f"{counts.read} read", f"{counts.known} known", f"{counts.companions} signatures passed over"]
    met += [f"{counts.missing} without a manifest"] if counts.missing else []
    met += (
        [f"{len(counts.gone)} releases gone since the last scrape (first: {counts.gone[0]})"]
        if counts.gone
        else []
    )
    parts = [
        f"{releases} releases in {counts.tags} tags",
        ", ".join(met),
        f"{counts.layer_bytes / 1e6:.1f} MB of layers in {seconds:.1f} s",
    ]
    if findings:
        parts.append(f"left out or kept as before: {_reasons(findings)}")
    return "; ".join(parts)


def _reasons(findings: Sequence[Finding]) -> str:
    counts: Mapping[str, int] = {
        reference: sum(finding.reference == reference for finding in findings)
        for reference in sorted({finding.reference for finding in findings})
    }
    listed = ", ".join(f"{count} {reference}" for reference, count in counts.items())
    return f"{listed} (first: {findings[0]})"
