"""What a running service says of itself on its status port, as far as the operator decides by it.

The document is that of ``/status``; fields are only ever added there, and one that is missing here is passed over, so that
operator and service may be of different versions for a while.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Annotated, TypeVar

import msgspec

from upgraph.operator.resource.repairs import repair

MAX_REPORT_BYTES = 4 * 1024 * 1024
"""Largest document that is read; one of 5,400 tags with all of them broken has about 2 MB. In memory it may take thirty times
that, and the operator has 512 MiB."""
MAX_DETAILS = 1000
"""Most findings that are kept of a replica, and of all together: as many as a service tells."""
MAX_PARTS = 100
"""Most sources, kinds of findings of a source and architectures that are kept."""
MAX_DIGEST = 128
"""Most characters of a digest, as in the definition of the resource."""
LAST_MOMENT = 4_102_444_800.0
"""Later moments, from the year 2100 on, are none, as are those before 1970: no status could tell them."""

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""A number that a status can tell."""


V = TypeVar("V")


class _Part(msgspec.Struct, frozen=True):
    """What all parts have in common."""


class Reason(_Part, frozen=True):
    """Why the service is not ready."""

    reference: str = ""
    seen: str = ""
    remedy: str = ""


class Explanation(_Part, frozen=True):
    """A problem."""

    title: str = ""
    remedy: str = ""


class Graph(_Part, frozen=True):
    """The graph in force."""

    digest: str = ""
    releases: Count = 0
    refreshed_at: float = 0.0
    """Unix time in seconds; 0: never."""
    edges_by_arch: Mapping[str, Count] = {}
    conditional_edges_by_arch: Mapping[str, Count] = {}

    @property
    def updates(self) -> int:
        """How many updates it offers, with and without conditions."""
        return sum(self.edges_by_arch.values()) + sum(self.conditional_edges_by_arch.values())

    def trimmed(self) -> "Graph":
        """The same as far as it is kept."""
        return Graph(
            self.digest[:MAX_DIGEST],
            self.releases,
            self.refreshed_at if 0 <= self.refreshed_at < LAST_MOMENT else 0.0,
            _first(self.edges_by_arch),
            _first(self.conditional_edges_by_arch),
        )


class Fault(_Part, frozen=True):
    """Why a source cannot be read."""

    reference: str = ""
    seen: str = ""
    since: float = 0.0


class FindingCount(_Part, frozen=True):
    """How often a problem was found in a source."""

    reference: str = ""
    severity: str = ""
    count: Count = 0

    @property
    def is_error(self) -> bool:
        """Whether something is left out or withheld because of it."""
        return self.severity.lower() == "error"


class Source(_Part, frozen=True):
    """A source and how its readings went."""

    kind: str = ""
    name: str = ""
    fault: Fault | None = None
    left_out: Count = 0
    findings: tuple[FindingCount, ...] = ()

    @property
    def errors(self) -> int:
        """How many errors were found in it."""
        return sum(one.count for one in self.findings if one.is_error)


class Detail(_Part, frozen=True):
    """Something that was found."""

    severity: str = ""
    reference: str = ""
    seen: str = ""
    file: str | None = None
    line: int | None = None

    @property
    def is_error(self) -> bool:
        """Whether something is left out or withheld because of it."""
        return self.severity.lower() == "error"

    @property
    def place(self) -> str:
        """Where it was found, to be put before what was; empty if that is not said."""
        if not self.file:
            return ""
        return f"{self.file}: " if self.line is None else f"{self.file}:{self.line}: "


class ServiceReport(_Part, frozen=True):
    """The document."""

    ready: bool = False
    reason: Reason | None = None
    graph: Graph | None = None
    sources: tuple[Source, ...] = ()
    details: tuple[Detail, ...] = ()
    problems: Mapping[str, Explanation] = {}

    def of_kind(self, kind: str) -> tuple[Source, ...]:
        """The sources of a kind."""
        return tuple(source for source in self.sources if source.kind == kind)

    def trimmed(self) -> "ServiceReport":
        """The same as far as it is kept: whoever can make pods can have any document read."""
        return msgspec.structs.replace(
            self,
            graph=None if self.graph is None else self.graph.trimmed(),
            sources=tuple(
                msgspec.structs.replace(one, findings=one.findings[:MAX_PARTS])
                for one in self.sources[:MAX_PARTS]
            ),
            details=self.details[:MAX_DETAILS],
            problems=dict(islice(self.problems.items(), MAX_DETAILS)),
        )

    def refreshed(self, at: float) -> "ServiceReport":
        """The same with another moment at which the graph was refreshed, as a Unix time in seconds."""
        if self.graph is None:
            return self
        return msgspec.structs.replace(self, graph=msgspec.structs.replace(self.graph, refreshed_at=at))

    def remedy(self, reference: str) -> str:
        """What is to be done about a problem, in the words of the resource where the service says it in its own."""
        return repair(reference, self.problems[reference].remedy if reference in self.problems else "")


def _first(found: Mapping[str, V]) -> Mapping[str, V]:
    return found if len(found) <= MAX_PARTS else dict(islice(found.items(), MAX_PARTS))


DECODER = msgspec.json.Decoder(ServiceReport)
