"""What a running service says of itself on its status port, as far as the operator decides by it.

The document is that of ``/status``; fields are only ever added there, and one that is missing here is passed over, so that
operator and service may be of different versions for a while.
"""

from collections.abc import Mapping

import msgspec

from upgraph.operator.resource.repairs import repair

MAX_REPORT_BYTES = 16 * 1024 * 1024
"""Largest document that is read; one of 5,400 tags with all of them broken has about 2 MB."""


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
    releases: int = 0
    refreshed_at: float = 0.0
    """Unix time in seconds; 0: never."""
    edges_by_arch: Mapping[str, int] = {}
    conditional_edges_by_arch: Mapping[str, int] = {}

    @property
    def updates(self) -> int:
        """How many updates it offers, with and without conditions."""
        return sum(self.edges_by_arch.values()) + sum(self.conditional_edges_by_arch.values())


class Fault(_Part, frozen=True):
    """Why a source cannot be read."""

    reference: str = ""
    seen: str = ""
    since: float = 0.0


class FindingCount(_Part, frozen=True):
    """How often a problem was found in a source."""

    reference: str = ""
    severity: str = ""
    count: int = 0

    @property
    def is_error(self) -> bool:
        """Whether something is left out or withheld because of it."""
        return self.severity.lower() == "error"


class Source(_Part, frozen=True):
    """A source and how its readings went."""

    kind: str = ""
    name: str = ""
    fault: Fault | None = None
    left_out: int = 0
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

    def refreshed(self, at: float) -> "ServiceReport":
        """The same with another moment at which the graph was refreshed, as a Unix time in seconds."""
        if self.graph is None:
            return self
        return msgspec.structs.replace(self, graph=msgspec.structs.replace(self.graph, refreshed_at=at))

    def remedy(self, reference: str) -> str:
        """What is to be done about a problem, in the words of the resource where the service says it in its own."""
        return repair(reference, self.problems[reference].remedy if reference in self.problems else "")


DECODER = msgspec.json.Decoder(ServiceReport)
