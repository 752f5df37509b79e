"""Looks at sources or at a server once, for commands."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from upgraph.errors import DataError, Finding, UserError
from upgraph.errors.findings import ordered
from upgraph.errors.problems.service import SETTING_INVALID
from upgraph.graph import Precedence, UpdateGraph, build, decode
from upgraph.graphdata import load, read_once
from upgraph.oci import Access
from upgraph.service.building.gatherer import Gatherer
from upgraph.service.building.library import Library
from upgraph.service.building.sources import access_of, open_graph_data, open_releases, scrape_settings
from upgraph.service.building.upstream import Upstream
from upgraph.service.configuration import Configuration, check


@dataclass(frozen=True, slots=True)
class Sight:
    """A graph, and what was found on the way to it."""

    graph: UpdateGraph
    findings: tuple[Finding, ...]


async def look_at_sources(configuration: Configuration, environment: Mapping[str, str]) -> Sight:
    """Read the sources of a configuration once and build their graph.

    Args:
        configuration: names the sources.
        environment: variables of the process, which say where credentials and proxies are.

    Raises:
        UserError: the configuration cannot be used.
        DataError: the graph data is refused.
        RemoteError, VerificationError: the graph data could not be had.
    """
    check(configuration)
    access = access_of(configuration, environment)
    loaded = load(await read_once(open_graph_data(configuration, access)))
    if loaded.data is None:
        first = loaded.findings[0]
        raise DataError(first.problem, str(first))
    async with AsyncExitStack() as stack:
        sources = [open_releases(text, configuration, access) for text in configuration.releases]
        for source in sources:
            await stack.enter_async_context(source.images)
        library = stack.enter_context(Library.open(None))
        gathered = await Gatherer(sources, library, scrape_settings(configuration), None).gather()
    built = build(gathered.releases, loaded.data, precedence=Precedence(configuration.block_precedence))
    findings = [*access.findings, *gathered.findings, *loaded.findings, *built.findings]
    return Sight(built.graph, ordered(findings))


async def fetch_graph(url: str, access: Access, *, channel: str | None, arch: str) -> Sight:
    """Fetch the graph that a server gives to clients of a channel and an architecture.

    Raises:
        UserError: ``url`` is no address of HTTP.
        RemoteError: the server did not give it.
        DataError: what it gave is no graph.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise UserError(SETTING_INVALID, f"{url!r} is no http:// or https:// address of a graph")
    if channel is not None:
        query = "&".join(
            part for part in (parts.query, urlencode({"channel": channel, "arch": arch})) if part
        )
        url = urlunsplit(parts._replace(query=query))
    upstream = Upstream(url, access)
    try:
        fetched = await upstream.fetch(None)
    finally:
        await upstream.close()
    graph, findings = decode(fetched.document if fetched else b"")
    return Sight(graph, findings)
