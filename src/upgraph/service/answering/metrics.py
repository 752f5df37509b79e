"""Metrics: the names that dashboards and alerts of Cincinnati know, and a few of our own.

Each program composes what it has: :class:`PolicyEngineMetrics`, :class:`GraphBuilderMetrics` and
:class:`GraphMetrics` in one registry. Labels are fixed at start, so requests cannot add any, and no cluster
id is ever among them. Names come from graph-builder/src/graph.rs and policy-engine/src/graph.rs.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from upgraph.service.answering.clients import Traffic
from upgraph.service.answering.counting import DurationHistogram, LabelledCounter
from upgraph.service.answering.health import age, finding_counts
from upgraph.service.answering.tally import Tally
from upgraph.service.snapshot import Facts

METRICS_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""Content type of the exposition."""

_SERVE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 5)
_SCRAPE_BUCKETS = (5, 6, 7, 8, 9, 10, 15, 20, 30)


def new_registry() -> CollectorRegistry:
    """An empty registry that adds no creation times, which the original does not have either."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client leaves it so
    return CollectorRegistry(auto_describe=True)


def exposition(registry: CollectorRegistry) -> bytes:
    """All metrics of ``registry`` as :data:`METRICS_TYPE`."""
    return generate_latest(registry)


class _FaceMetrics:
    """What all programs of Cincinnati count, each under its own prefix."""

    def __init__(
        self, prefix: str, registry: CollectorRegistry, git_commit: str, *, served: str = "graph"
    ) -> None:
        self._requests = LabelledCounter(
            f"{prefix}_{served}_incoming_requests", "Requests by route.", "uri_path"
        )
        self._errors = LabelledCounter(
            f"{prefix}_graph_response_errors", "Error documents by status and kind.", "code", "kind"
        )
        registry.register(self._requests)
        registry.register(self._errors)
        build = Gauge(
            f"{prefix}_build_info",
            "The build that runs, by its version; always 1.",
            ["git_commit"],
            registry=registry,
        )
        build.labels(git_commit).set(1)

    def route(self, label: str) -> Callable[[], None]:
        """What is called for each request of a route."""
        return self._requests.of(label)

    def refused(self, status: int, kind: str) -> None:
        """A request got an error document."""
        self._errors.of(str(int(status)), kind)()

    def answered(self, seconds: float) -> None:
        """A graph was looked up."""


class PolicyEngineMetrics(_FaceMetrics):
    """The metrics of a policy engine (prefix ``cincinnati_pe``)."""

    def __init__(self, registry: CollectorRegistry, git_commit: str) -> None:
        prefix = "cincinnati_pe"
        super().__init__(prefix, registry, git_commit)
        name = f"{prefix}_graph_serve_duration_seconds"
        served = DurationHistogram(name, "Seconds from a valid request to its answer.", _SERVE_BUCKETS)
        registry.register(served)
        self._served = served
        self._observe = served.observe
        self._upstream = Counter(
            f"{prefix}_http_upstream_requests_total", "Fetches of an upstream graph.", registry=registry
        )
        self._processes = Gauge(
            "upgraph_answering_processes", "Processes that answer clusters.", registry=registry
        )
        self._ends = Counter(
            "upgraph_answering_ends_total",
            "Ends of further processes that answer, which are started again.",
            registry=registry,
        )
        self._upstream_errors = Counter(
            f"{prefix}_http_upstream_errors_total", "Failed fetches of an upstream graph.", registry=registry
        )

    def answered(self, seconds: float) -> None:
        """A graph was looked up."""
        self._observe(seconds)

    def tally(self) -> Tally:
        """What was counted until now."""
        buckets, seconds = self._served.durations()
        requests = {path: count for (path,), count in self._requests.counts().items()}
        return Tally(requests, list(self._errors.counts().items()), buckets, seconds)

    def add(self, since: Tally) -> None:
        """Add what another process has counted."""
        self._requests.add({(path,): count for path, count in since.requests.items()})
        self._errors.add(dict(since.errors))
        self._served.add(since.buckets, since.seconds)

    def answering(self, processes: int) -> None:
        """So many processes answer now."""
        self._processes.set(processes)

    def answering_ended(self) -> None:
        """A further process that answers has ended by itself."""
        self._ends.inc()

    def upstream_fetched(self) -> None:
        """An upstream graph was asked for."""
        self._upstream.inc()

    def upstream_failed(self) -> None:
        """The upstream graph that was asked for did not come."""
        self._upstream_errors.inc()


class MetadataHelperMetrics(_FaceMetrics):
    """The metrics of a metadata helper (prefix ``metadata_helper``).

    The original puts ``metadata-helper`` before its names, whose hyphen Prometheus refuses before version 3.
    """

    def __init__(self, registry: CollectorRegistry, git_commit: str) -> None:
        prefix = "metadata_helper"
        super().__init__(prefix, registry, git_commit, served="signatures")
        name = f"{prefix}_signatures_serve_duration_seconds"
        served = DurationHistogram(name, "Seconds for looking a signature up.", _SERVE_BUCKETS)
        registry.register(served)
        self._observe = served.observe

    def answered(self, seconds: float) -> None:
        """A signature was looked up."""
        self._observe(seconds)


class GraphBuilderMetrics(_FaceMetrics):
    """The metrics of a graph builder (prefix ``cincinnati_gb``), with the caches and the build beside them."""

    def __init__(self, registry: CollectorRegistry, git_commit: str) -> None:
        prefix = "cincinnati_gb"
        super().__init__(prefix, registry, git_commit)
        self._register_scrapes(prefix, registry)
        self._raw = Gauge(
            f"{prefix}_graph_upstream_raw_releases", "Releases that the last scrape read.", registry=registry
        )
        self._final = Gauge(
            f"{prefix}_graph_final_releases",
            "Nodes of the graph, abstract ones among them.",
            registry=registry,
        )
        self._hits = Counter(
            "upgraph_release_cache_hits_total", "Releases that were known by their digest.", registry=registry
        )
        self._builder_ends = Counter(
            "upgraph_builder_ends_total",
            "Ends of the building process, which is started again.",
            registry=registry,
        )
        self._layer_bytes = Counter(
            "upgraph_layer_bytes_total", "Bytes of layers received by scrapes.", registry=registry
        )
        self._unsigned = Gauge(
            "upgraph_unsigned_releases",
            "Releases that the last scrape left out for want of a valid signature.",
            registry=registry,
        )
        self._build = Gauge(
            "upgraph_build_seconds", "Seconds of the last build of all answers.", registry=registry
        )
        self._is_first = True

    def _register_scrapes(self, prefix: str, registry: CollectorRegistry) -> None:
        self._scrapes = Counter(f"{prefix}_graph_upstream_scrapes_total", "Scrapes.", registry=registry)
        self._failures = Counter(
            f"{prefix}_graph_upstream_errors_total", "Failed scrapes.", registry=registry
        )
        self._refreshed = Gauge(
            f"{prefix}_graph_last_successful_refresh_timestamp",
            "Unix time of the last good scrape.",
            registry=registry,
        )
        self._initial = Gauge(
            f"{prefix}_graph_initial_upstream_scrape_duration",
            "Seconds of the first good scrape.",
            registry=registry,
        )
        self._duration = Histogram(
            f"{prefix}_graph_upstream_scrapes_duration",
            "Seconds of later scrapes, failed ones among them.",
            buckets=_SCRAPE_BUCKETS,
            registry=registry,
        )

    def scrape_failed(self, seconds: float) -> None:
        """A scrape failed after this time."""
        self._scrapes.inc()
        self._failures.inc()
        self._duration.observe(seconds)

    def scrape_succeeded(self, seconds: float, releases: int) -> None:
        """A scrape found so many releases."""
        self._scrapes.inc()
        if self._is_first:
            self._initial.set(seconds)
            self._is_first = False
        else:
            self._duration.observe(seconds)
        self._raw.set(releases)

    def images_met(self, *, cache_hits: int, layer_bytes: int) -> None:
        """A scrape met so many images that were known, and received so many bytes of layers."""
        self._hits.inc(cache_hits)
        self._layer_bytes.inc(layer_bytes)

    def unsigned_met(self, releases: int) -> None:
        """A scrape left so many releases out because signatures are required."""
        self._unsigned.set(releases)

    def builder_ended(self) -> None:
        """The building process ended by itself."""
        self._builder_ends.inc()

    def built(self, seconds: float) -> None:
        """All answers were prepared in this time."""
        self._build.set(seconds)

    def graph_is(self, facts: Facts) -> None:
        """The graph with these facts is in force."""
        self._final.set(facts.nodes)
        self._refreshed.set(facts.refreshed_at)


class TrafficMetrics(Collector):
    """What happens to the connections of each listener (prefix ``upgraph_connections``).

    Args:
        registry: where they are shown.
        traffic: what is counted, by the name of the listener.
    """

    def __init__(self, registry: CollectorRegistry, traffic: Mapping[str, Traffic]) -> None:
        self._traffic = traffic
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """The counts of now."""
        name = "upgraph_connections"
        is_open = GaugeMetricFamily(f"{name}_open", "Open connections.", labels=["listener"])
        counters = {
            "accepted": CounterMetricFamily(name, "Connections that were made.", labels=["listener"]),
            "turned_away": CounterMetricFamily(
                f"{name}_turned_away", "Connections answered 503 or closed: too many.", labels=["listener"]
            ),
            "made_room": CounterMetricFamily(
                f"{name}_made_room", "Idle connections closed for new ones.", labels=["listener"]
            ),
            "failed_handshakes": CounterMetricFamily(
                f"{name}_failed_handshakes", "TLS handshakes that did not end well.", labels=["listener"]
            ),
            "malformed": CounterMetricFamily(
                f"{name}_malformed",
                "Connections closed because what came was no request, or too large.",
                labels=["listener"],
            ),
            "timed_out": CounterMetricFamily(
                f"{name}_timed_out",
                "Connections closed because the client did not send or read.",
                labels=["listener"],
            ),
        }
        for listener, traffic in self._traffic.items():
            is_open.add_metric([listener], traffic.open + traffic.open_elsewhere)
            for what, counter in counters.items():
                counter.add_metric([listener], getattr(traffic, what))
        yield is_open
        yield from counters.values()


class FactsSource(Protocol):
    """Gives the facts of the graph in force."""

    @property
    def facts(self) -> Facts | None:
        """None before the first graph."""
        ...


class GraphMetrics(Collector):
    """What is known about the graph in force, read when somebody asks (prefix ``upgraph``)."""

    def __init__(self, registry: CollectorRegistry, source: FactsSource, clock: Callable[[], float]) -> None:
        self._source = source
        self._clock = clock
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """The families without values, so that registering does not look at the graph."""
        return _families().values()

    def collect(self) -> Iterator[Metric]:
        """The families with the values of the graph in force."""
        families, facts = _families(), self._source.facts
        if facts is not None:
            _fill(families, facts, age(facts, self._clock()))
        yield from families.values()


def _families() -> dict[str, GaugeMetricFamily]:
    return {
        "age": GaugeMetricFamily("upgraph_graph_age_seconds", "Seconds since the graph was last current."),
        "nodes": GaugeMetricFamily("upgraph_graph_nodes", "Nodes by architecture.", labels=["arch"]),
        "edges": GaugeMetricFamily(
            "upgraph_graph_edges", "Unconditional edges by architecture.", labels=["arch"]
        ),
        "conditional": GaugeMetricFamily(
            "upgraph_graph_conditional_edges", "Conditional edges by architecture.", labels=["arch"]
        ),
        "withheld": GaugeMetricFamily(
            "upgraph_graph_withheld_edges",
            "Edges that are not offered because their target is not promoted, by architecture.",
            labels=["arch"],
        ),
        "findings": GaugeMetricFamily(
            "upgraph_findings", "Faults in the inputs of the graph.", labels=["reference", "severity"]
        ),
    }


def _fill(families: dict[str, GaugeMetricFamily], facts: Facts, age_seconds: float) -> None:
    families["age"].add_metric([], age_seconds)
    by_arch = {
        "nodes": facts.nodes_by_arch,
        "edges": facts.edges_by_arch,
        "conditional": facts.conditional_edges_by_arch,
        "withheld": facts.withheld_by_arch,
    }
    for name, counts in by_arch.items():
        for arch, count in sorted(counts.items()):
            families[name].add_metric([arch], count)
    for reference, severity, count in finding_counts(facts.findings):
        families["findings"].add_metric([reference, severity], count)
