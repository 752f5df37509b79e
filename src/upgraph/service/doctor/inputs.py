"""What is read whole rather than image by image: graph data, saved scrapes, bundles, the graph of another server."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

from upgraph.errors import Finding, Severity, UpgraphError
from upgraph.graphdata import GraphDataSource, RemoteGraphData, load, read_once
from upgraph.service.building.following import Source
from upgraph.service.building.library import Library
from upgraph.service.building.promoted import Lists
from upgraph.service.building.scrape import ScrapeSettings
from upgraph.service.building.upstream import Upstream, read_graph
from upgraph.service.bundle import BundleSource
from upgraph.service.doctor.check import Outcome, Outcomes

GRAPH_DATA_SECONDS = 90.0
"""Longest time for reading graph data; an image may have to be downloaded."""
BUNDLE_SECONDS = 110.0
"""Longest time for reading what is served of a bundle."""
SHOWN_FINDINGS = 20
"""Findings of one input that are shown, the gravest first."""


async def read_graph_data(opened: Callable[[], GraphDataSource | RemoteGraphData]) -> Outcomes:
    """Read graph data once, and understand it.

    Raises:
        UpgraphError: it cannot be had.
    """
    source = opened()
    files = await read_once(source)
    loaded = await asyncio.to_thread(load, files)
    if loaded.data is None:
        return _told("", loaded.findings)
    rules = len(loaded.data.blocks) + len(loaded.data.conditional_blocks)
    seen = f"{source.name} holds {len(loaded.data.channels)} channels and {rules} rules"
    return _told(seen, loaded.findings)


async def read_saved_scrape(source: Source) -> Outcomes:
    """Read a saved scrape once.

    Raises:
        DataError: it cannot be used.
    """
    with Library.open(None) as library:
        followed = source.follow(library, ScrapeSettings())
        asked = await followed.ask()
        return _told(f"{followed.name} holds {len(followed.releases())} releases", asked.findings)


async def read_bundle(path: Path) -> Outcomes:
    """Read what is served of a bundle, as the service does. Images that it carries are not read.

    Raises:
        DataError: there is no bundle, or it is incomplete.
        VerificationError: a file is not the one that was put into it.
    """
    content = await asyncio.to_thread(BundleSource(path).read)
    notes = await asyncio.to_thread(load, content.graph_data)
    seen = (
        f"{path} is the bundle {content.digest}: {len(content.releases.releases)} releases,"
        f" {len(content.signatures)} signatures"
    )
    return _told(seen, (*content.releases.findings, *notes.findings))


async def read_upstream(upstream: Upstream) -> Outcomes:
    """Fetch the graph of an upstream server once, and understand it.

    Raises:
        RemoteError, DataError: it did not give one.
    """
    try:
        fetched = await upstream.fetch(None)
    finally:
        await upstream.close()
    graph, findings = read_graph(fetched.document if fetched else b"")
    return _told(f"{upstream.name} gives a graph of {len(graph.nodes)} nodes", findings)


async def read_promotion(path: Path) -> Outcomes:
    """Read a list of promoted versions once."""
    (reading,) = await asyncio.to_thread(Lists((path,)).read)
    patterns = sum(line.is_pattern for line in reading.lines)
    seen = f"{path} promotes {len(reading.lines) - patterns} versions and {patterns} patterns of versions"
    return _told("" if reading.findings else seen, reading.findings)


async def tell_findings(findings: Iterable[Finding], well: str) -> Outcomes:
    """Findings as outcomes; ``well`` is said where there is none that matters."""
    return _told(well, findings)


async def fail(error: UpgraphError) -> Outcomes:
    """What is known to fail before it is tried."""
    raise error


def _told(seen: str, findings: Iterable[Finding]) -> Outcomes:
    grave = [finding for finding in findings if finding.severity is not Severity.INFO]
    told = tuple(map(Outcome.of_finding, grave[:SHOWN_FINDINGS]))
    if len(grave) > SHOWN_FINDINGS:
        told = (*told, Outcome(f"and {len(grave) - SHOWN_FINDINGS} more findings"))
    return (Outcome(seen), *told) if seen else told
