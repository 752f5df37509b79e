"""Looks at sources or at a server once, for commands."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode, urlsplit, urlunsplit

from upgraph.errors import DataError, Finding, RemoteError, UserError
from upgraph.errors.findings import ordered
from upgraph.errors.problems.service import (
    GRAPH_NOT_GIVEN,
    RELEASES_EMPTY,
    SCRAPE_INCOMPLETE,
    SETTING_INVALID,
)
from upgraph.graph import Precedence, Release, UpdateGraph, build, decode, select
from upgraph.graph.promotion import restrict
from upgraph.graphdata import Files, load, read_once
from upgraph.oci import Access
from upgraph.service.building.gatherer import Gathered, Gatherer
from upgraph.service.building.library import Library
from upgraph.service.building.promoted import read_lists
from upgraph.service.building.shelf import Shelf, check_directory, claim
from upgraph.service.building.signed import admit, bundled_store, open_gate
from upgraph.service.building.sources import (
    acceptance,
    access_of,
    open_graph_data,
    open_releases,
    scrape_settings,
)
from upgraph.service.building.upstream import Upstream
from upgraph.service.bundle import BundleSource
from upgraph.service.configuration import Configuration
from upgraph.service.consistency import check, check_releases


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
        DataError: the graph data, the bundle or a list of promoted versions is refused.
        RemoteError, VerificationError: the graph data could not be had.
    """
    check(configuration)
    access = access_of(configuration, environment)
    files, releases, findings = await _inputs(configuration, access)
    loaded = load(files)
    if loaded.data is None:
        first = loaded.findings[0]
        raise DataError(first.problem, str(first))
    built = build(releases, loaded.data, precedence=Precedence(configuration.block_precedence))
    findings = (*access.findings, *findings, *loaded.findings, *built.findings)
    return _promoted(Sight(built.graph, findings), configuration)


def _promoted(sight: Sight, configuration: Configuration) -> Sight:
    """What is offered of a graph under the lists of promoted versions, if there are any."""
    promotion = read_lists(configuration.promoted)
    if promotion is None:
        return Sight(sight.graph, ordered(sight.findings))
    restricted = restrict(sight.graph, promotion)
    return Sight(restricted.graph, ordered((*sight.findings, *restricted.findings)))


async def _inputs(
    configuration: Configuration, access: Access
) -> tuple[Files, tuple[Release, ...], tuple[Finding, ...]]:
    if configuration.bundle is not None:
        content = BundleSource(configuration.bundle).read()
        saved = acceptance(configuration).of(content.releases, str(configuration.bundle))
        async with open_gate(configuration, access, None) as gate:
            store = bundled_store(content, str(configuration.bundle))
            admitted = await gate.admit(saved.releases, store)
        return content.graph_data, admitted.releases, (*saved.findings, *admitted.findings)
    files = await read_once(open_graph_data(configuration, access))
    async with open_gate(configuration, access, None) as gate:
        gathered = await admit(await gather_releases(configuration, access), gate)
    return files, gathered.releases, gathered.findings


async def gather_releases(
    configuration: Configuration,
    access: Access,
    *,
    memory: Path | None = None,
    met: Callable[[str], object] = lambda _: None,
) -> Gathered:
    """Read the sources of releases of a configuration once.

    Args:
        configuration: names the sources, and how to read them.
        access: how to reach them.
        memory: file of a library that knows images from before; none for no memory.
        met: is called with each tag that was asked for.

    Raises:
        UserError: a source cannot be used.
        DataError: the library cannot be written.
    """
    async with AsyncExitStack() as stack:
        sources = [open_releases(text, configuration, access) for text in configuration.releases]
        for source in sources:
            stack.push_async_callback(source.close)
        library = stack.enter_context(Library.open(memory))
        settings = replace(scrape_settings(configuration), met=met)
        return await Gatherer(sources, library, settings, None).gather()


async def releases_to_save(
    configuration: Configuration,
    environment: Mapping[str, str],
    *,
    partial: bool,
    met: Callable[[str], object],
) -> Gathered:
    """Read the sources of releases for somebody who cannot; what is remembered is in the state directory.

    Args:
        configuration: as for :func:`gather_releases`.
        environment: variables of the process, which say where credentials and proxies are.
        partial: whether what could be read is worth having where something could not.
        met: is called with each tag that was asked for.

    Raises:
        UserError: a source or the state directory cannot be used.
        RemoteError: something could not be read, so that releases may be missing.
        DataError: there is no release.
    """
    check_releases(configuration)
    memory = None
    if configuration.state_dir is not None:
        check_directory(configuration.state_dir)
        memory = Shelf(claim(configuration.state_dir)).library
    access = access_of(configuration, environment)
    gathered = await gather_releases(configuration, access, memory=memory, met=met)
    if not gathered.is_complete and not partial:
        raise RemoteError(SCRAPE_INCOMPLETE, gathered.report.message)
    if not gathered.releases:
        raise DataError(RELEASES_EMPTY, gathered.report.message)
    return replace(gathered, findings=ordered([*access.findings, *gathered.findings]))


@dataclass(frozen=True, slots=True)
class Clients:
    """Clusters of one channel and one architecture."""

    channel: str
    arch: str


async def fetch_graph(url: str, access: Access, clients: Clients | None) -> Sight:
    """Fetch the graph that a server gives to clients, or its whole graph.

    A graph builder gives all that it has whatever it is asked; then it is left to us to select.

    Raises:
        UserError: ``url`` is no address of HTTP.
        RemoteError: the server did not give it.
        DataError: what it gave is no graph.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise UserError(SETTING_INVALID, f"{url!r} is no http:// or https:// address of a graph")
    if clients is not None:
        asked = urlencode({"channel": clients.channel, "arch": clients.arch})
        url = urlunsplit(parts._replace(query="&".join(part for part in (parts.query, asked) if part)))
    upstream = Upstream(url, access)
    try:
        fetched = await upstream.fetch(None)
    except RemoteError as error:
        asks_more = clients is None and error.status == HTTPStatus.BAD_REQUEST
        remedy = "Give --channel: an update service answers for one channel alone." if asks_more else None
        raise RemoteError(GRAPH_NOT_GIVEN, error.seen, remedy=remedy, status=error.status) from error
    finally:
        await upstream.close()
    graph, findings = decode(fetched.document if fetched else b"")
    if clients is not None and any(node.arches for node in graph.nodes):
        graph = select(graph, clients.channel, clients.arch)
    return Sight(graph, findings)
