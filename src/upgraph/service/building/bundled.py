"""Keeps a site bundle in force: the whole of it or the whole of the one before, never a mixture."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from upgraph.errors import DataError, Finding, UserError, VerificationError
from upgraph.errors.problems.service import BUNDLE_INVALID
from upgraph.service.building.ledger import Entry
from upgraph.service.building.saved import Saved
from upgraph.service.building.saved_source import Acceptance
from upgraph.service.building.signed import OPEN, Gate, bundled_store
from upgraph.service.building.workshop import Workshop
from upgraph.service.bundle import BundleSource
from upgraph.service.handover import Scraped

_log = logging.getLogger(__name__)


class BundleFollower:
    """Reads a bundle when it has changed, and hands what is good to the workshop.

    Args:
        path: where the bundle lies.
        acceptance: what is taken of its releases.
        workshop: takes what the bundle holds.
        gate: lets releases through, or not.

    Raises:
        UserError: nothing lies there.
    """

    def __init__(self, path: Path, acceptance: Acceptance, workshop: Workshop, gate: Gate = OPEN) -> None:
        if not path.exists():
            raise UserError(BUNDLE_INVALID, f"the bundle {path} does not exist")
        self.source = BundleSource(path)
        self._acceptance = acceptance
        self._workshop = workshop
        self._gate = gate
        self._state: str | None = None
        """Fingerprint of the bundle in force."""
        self._summary = ""
        self._releases = self._unsigned = 0
        self._digest = ""
        self._signatures = 0
        self._fault: Finding | None = None
        self._findings: tuple[Finding, ...] = ()

    async def look(self, clock: Callable[[], float] = time.time) -> Scraped:
        """Read the bundle if it may be another one than the one in force."""
        started = time.perf_counter()
        state = await asyncio.to_thread(self.source.fingerprint)
        if state == self._state:
            self._workshop.bundle_is_current(clock())
            self._fault = None
            return self._report(f"{self._summary}, unchanged", started)
        try:
            content = await asyncio.to_thread(self.source.read)
            accepted = self._acceptance.of(content.releases, self.source.name)
            admitted = await self._gate.admit(accepted.releases, bundled_store(content, self.source.name))
            unsigned = len(accepted.releases) - len(admitted.releases)
            accepted = Saved(admitted.releases, (*accepted.findings, *admitted.findings))
            content = replace(content, releases=accepted)
            self._workshop.take_bundle(content, refreshed_at=clock())
        except (DataError, VerificationError) as error:
            _log.error("the bundle is refused: %s", error.seen, extra={"reference": error.reference})
            self._workshop.bundle_failed(error)
            self._fault = Finding.of(error)
            # It is looked at again even if nothing changes: a disk that failed shows no change when it works.
            self._state = None
            return self._report(error.seen, started, succeeded=False)
        # A signature may have come to a store beside the bundle by the next look.
        self._state, self._fault = None if admitted.is_open else state, None
        self._digest, self._signatures = content.digest, len(content.signatures)
        self._findings = accepted.findings
        self._releases, self._unsigned = len(accepted.releases), unsigned
        self._summary = (
            f"bundle {content.digest}: {self._releases} releases, {len(content.signatures)} signatures"
        )
        _log.info("%s", self._summary)
        return self._report(self._summary, started)

    def note_in(self, entry: Entry) -> None:
        """Note how the last look went."""
        if self._fault is None:
            counts = {"releases": self._releases, "signatures": self._signatures}
            entry.good(self._digest, counts)
            entry.left_out(self._findings)
        else:
            entry.failed(self._fault)

    def _report(self, message: str, started: float, *, succeeded: bool = True) -> Scraped:
        seconds = time.perf_counter() - started
        return Scraped(
            succeeded=succeeded,
            seconds=seconds,
            releases=self._releases,
            unsigned=self._unsigned,
            message=message,
        )
