"""What is known of one source of the service: its last good reading, and what is wrong with it now.

The building process knows it and tells it to the serving one, whose status port shows it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

from upgraph.errors import Finding


class SourceKind(StrEnum):
    """What a source gives."""

    RELEASES = "releases"
    GRAPH_DATA = "graph-data"
    BUNDLE = "bundle"
    UPSTREAM = "upstream"
    PROMOTED = "promoted"


class FindingCount(msgspec.Struct, frozen=True):
    """How often a problem was found."""

    reference: str
    severity: str
    """``error``, ``warning`` or ``info``."""
    count: int


def counted(findings: Iterable[Finding]) -> tuple[FindingCount, ...]:
    """How often each problem was found, sorted by reference."""
    counts = Counter((finding.reference, finding.severity.name.lower()) for finding in findings)
    return tuple(FindingCount(*key, count) for key, count in sorted(counts.items()))


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A reading of a source that was good."""

    at: float
    """Unix time in seconds at which it was read, or found to be as it was."""
    digest: str
    """Identity of what was read."""
    counts: Mapping[str, int]
    """How much it was, by what it is: ``releases``, ``channels``, ``rules``, ``signatures``, ``lines``."""
    origin: str = ""
    """Digest of the image, or of the file at an address, that it was taken from; empty where there is none."""


class SourceFault(msgspec.Struct, frozen=True, kw_only=True):
    """Why a source cannot be read now."""

    reference: str
    seen: str
    since: float
    """Unix time in seconds of the first of the readings in a row that failed."""


class SourceReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A source and how its readings went."""

    kind: SourceKind
    name: str
    """As the administrator named it, without secrets."""
    last_good: Reading | None = None
    """None: there was none since the service started."""
    fault: SourceFault | None = None
    """None: the last reading was good, or there was none yet."""
    left_out: int = 0
    """How many findings the last reading had, each of which is something that was left out or kept as it was; releases
    without a signature, where one is required, are among them."""
    findings: tuple[FindingCount, ...] = ()
    """The same by problem."""


def joined(known: Iterable[SourceReport], new: Iterable[SourceReport]) -> tuple[SourceReport, ...]:
    """New reports, with the last good reading of the known ones where they have none.

    A building process that was started again has read nothing yet, and what the one before read is still served.
    """
    before = {(one.kind, one.name): one.last_good for one in known}
    return tuple(
        one
        if one.last_good is not None
        else msgspec.structs.replace(one, last_good=before.get((one.kind, one.name)))
        for one in new
    )
