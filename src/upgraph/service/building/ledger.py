"""Keeps what each source gave last, and tells the serving process whenever that has changed.

A source that fails keeps its last good reading beside its fault: an administrator asks for both.
"""

import time
from collections.abc import Callable, Iterable, Mapping

import msgspec

from upgraph.errors import Finding
from upgraph.service.handover import Sources
from upgraph.service.setting import masked
from upgraph.service.source_report import Reading, SourceFault, SourceKind, SourceReport, counted


class Ledger:
    """The reports on all sources, in the order in which they were entered.

    Args:
        say: tells the serving process.
        clock: gives the Unix time in seconds.
    """

    def __init__(self, say: Callable[[Sources], None], clock: Callable[[], float] = time.time) -> None:
        self._say = say
        self._clock = clock
        self._reports: dict[tuple[SourceKind, str], SourceReport] = {}
        self._refusals: dict[tuple[SourceKind, str], Finding] = {}

    def enter(self, kind: SourceKind, name: str) -> "Entry":
        """A source that is going to be read."""
        shown = masked(name)
        self._reports.setdefault((kind, shown), SourceReport(kind=kind, name=shown))
        return Entry(self, kind, shown)

    def tell(self) -> None:
        """Tell the serving process how things are."""
        self._say(Sources(reports=tuple(self._reports.values())))

    def note_good(
        self, key: tuple[SourceKind, str], digest: str, counts: Mapping[str, int], origin: str = ""
    ) -> None:
        """See :meth:`Entry.good`."""
        self._refusals.pop(key, None)
        reading = Reading(at=self._clock(), digest=digest, counts=counts, origin=origin)
        self._reports[key] = msgspec.structs.replace(self._reports[key], last_good=reading, fault=None)

    def note_unchanged(self, key: tuple[SourceKind, str]) -> None:
        """See :meth:`Entry.unchanged`."""
        if key in self._refusals:
            self.note_fault(key, self._refusals[key])
            return
        last = self._reports[key].last_good
        if last is not None:
            self.note_good(key, last.digest, last.counts, last.origin)

    def note_fault(self, key: tuple[SourceKind, str], fault: Finding) -> None:
        """See :meth:`Entry.failed`."""
        known = self._reports[key].fault
        since = known.since if known is not None else self._clock()
        noted = SourceFault(reference=fault.reference, seen=str(fault), since=since)
        self._reports[key] = msgspec.structs.replace(self._reports[key], fault=noted)

    def note_look(self, key: tuple[SourceKind, str], fault: Finding | None) -> None:
        """See :meth:`Entry.looked_at`."""
        if fault is not None:
            self.note_fault(key, fault)
        else:
            self._reports[key] = msgspec.structs.replace(self._reports[key], fault=None)

    def note_refusal(self, key: tuple[SourceKind, str], fault: Finding) -> None:
        """See :meth:`Entry.refused`."""
        self._refusals[key] = fault
        self.note_fault(key, fault)

    def note_left_out(self, key: tuple[SourceKind, str], findings: Iterable[Finding]) -> None:
        """See :meth:`Entry.left_out`."""
        counts = counted(findings)
        total = sum(one.count for one in counts)
        self._reports[key] = msgspec.structs.replace(self._reports[key], left_out=total, findings=counts)


class Entry:
    """The place of one source in the ledger. Nothing is told before :meth:`Ledger.tell`."""

    def __init__(self, ledger: Ledger, kind: SourceKind, name: str) -> None:
        self._ledger = ledger
        self._key = (kind, name)

    def good(self, digest: str, counts: Mapping[str, int], origin: str = "") -> None:
        """It was read: the identity of what it holds, how much that is, and the digest of what it was taken from."""
        self._ledger.note_good(self._key, digest, counts, origin)

    def unchanged(self) -> None:
        """It was asked, and holds what it held."""
        self._ledger.note_unchanged(self._key)

    def failed(self, fault: Finding) -> None:
        """It could not be read, or what it holds is not believed."""
        self._ledger.note_fault(self._key, fault)

    def looked_at(self, fault: Finding | None) -> None:
        """It was not read, and it was seen that this cannot be done now, or, without a fault, that it can again."""
        self._ledger.note_look(self._key, fault)

    def refused(self, fault: Finding) -> None:
        """It was read, and what it holds is not good; nor is it while it holds the same."""
        self._ledger.note_refusal(self._key, fault)

    def left_out(self, findings: Iterable[Finding]) -> None:
        """What was left out of its reading, or kept as it was, and why."""
        self._ledger.note_left_out(self._key, findings)
