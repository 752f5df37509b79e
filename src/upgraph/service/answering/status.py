"""The status port: probes, metrics, and what an administrator asks first.

Liveness says that the process answers and depends on nothing else: a process that waits for a registry must
not be killed for it. Readiness says that a valid graph is held, of any age unless a limit is set. When it is
not, the body says why in the words of the documentation.
"""

from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from upgraph.service.answering.health import Scrape, StatusSource, Unready, age, finding_counts, unready
from upgraph.service.answering.message import Request, Response
from upgraph.service.answering.probes import Probes, uncached
from upgraph.service.answering.sharing import OFFER_PATH, SNAPSHOT_PATH, offer, whole
from upgraph.service.snapshot import Facts, FindingFact


class _Reason(msgspec.Struct, frozen=True):
    reference: str
    seen: str
    remedy: str


class _FindingCount(msgspec.Struct, frozen=True):
    reference: str
    severity: str
    count: int


class _Graph(msgspec.Struct, frozen=True, kw_only=True):
    digest: str
    age_seconds: float
    releases: int
    nodes: int
    nodes_by_arch: Mapping[str, int]
    edges_by_arch: Mapping[str, int]
    conditional_edges_by_arch: Mapping[str, int]


class _Status(msgspec.Struct, frozen=True, kw_only=True):
    ready: bool
    reason: _Reason | None
    graph: _Graph | None
    findings: tuple[_FindingCount, ...]
    """How often each problem was found."""
    details: tuple[FindingFact, ...]
    """What was found, the gravest first, as far as it is kept."""
    last_scrape: Scrape | None


class StatusPort:
    """Answers the requests of the status port.

    Args:
        source: what is reported on.
        exposition: gives all metrics as text.
        clock: gives the Unix time in seconds.
        max_stale: seconds of age above which a graph makes the service unready; answers go on.
    """

    def __init__(
        self,
        source: StatusSource,
        exposition: Callable[[], bytes],
        clock: Callable[[], float],
        *,
        max_stale: float | None = None,
    ) -> None:
        self._source = source
        self._clock = clock
        self._max_stale = max_stale
        further: dict[str, Callable[[], Response]] = {
            "/status": self._status,
            OFFER_PATH: partial(offer, source),
            SNAPSHOT_PATH: partial(whole, source),
        }
        self._probes = Probes(exposition, self._unready, further)

    def respond(self, request: Request) -> Response:
        """The answer to one request."""
        return self._probes.respond(request)

    def _unready(self) -> Unready | None:
        return unready(self._source, self._clock(), self._max_stale)

    def _status(self) -> Response:
        facts, reason = self._source.facts, self._unready()
        status = _Status(
            ready=reason is None,
            reason=_Reason(reason.problem.reference, reason.seen, reason.problem.remedy) if reason else None,
            graph=_graph(facts, age(facts, self._clock())) if facts else None,
            findings=tuple(_FindingCount(*count) for count in finding_counts(facts.findings))
            if facts
            else (),
            details=facts.findings if facts else (),
            last_scrape=self._source.last_scrape,
        )
        return uncached(msgspec.json.format(msgspec.json.encode(status)) + b"\n", "application/json")


def _graph(facts: Facts, age_seconds: float) -> _Graph:
    return _Graph(
        digest=facts.digest,
        age_seconds=round(age_seconds, 3),
        releases=facts.releases,
        nodes=facts.nodes,
        nodes_by_arch=facts.nodes_by_arch,
        edges_by_arch=facts.edges_by_arch,
        conditional_edges_by_arch=facts.conditional_edges_by_arch,
    )
