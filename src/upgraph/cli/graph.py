"""``upgraph graph``: look at update graphs."""

import asyncio
import os
from collections import Counter, defaultdict
from pathlib import Path

import click
import msgspec

from upgraph.cli.output import Format, emit_document, output_option, print_table, show_findings
from upgraph.cli.settings import configuration, setting_options
from upgraph.graph import Encoder, UpdateGraph, select
from upgraph.graph.dot import to_dot
from upgraph.graph.promotion import recommended as promotable
from upgraph.oci import Access
from upgraph.service.building.oneshot import Clients, Sight, fetch_graph, look_at_sources

_FORMATS = (Format.TABLE, Format.WIDE, Format.JSON, Format.YAML, Format.DOT)
_LIST_FORMATS = (Format.TEXT, Format.JSON, Format.YAML)
_ARCH = "amd64"
_PLACES = ("bundle", "releases", "graph_data", "promoted")
"""Settings that name sources."""
_SOURCES = (
    "bundle",
    "releases",
    "mirrors",
    "graph_data",
    "graph_data_path",
    "promoted",
    "payload_repository",
    "ca",
    "authfile",
    "authfile_search",
    "concurrency",
    "verify_layers",
    "block_precedence",
)


@click.group(
    epilog="""
\b
Examples:
  upgraph graph show http://127.0.0.1:8081/api/upgrades_info/graph --channel stable-4.18
"""
)
def graph() -> None:
    """Look at update graphs."""


@graph.command(
    epilog="""
\b
Examples:
  upgraph graph show http://127.0.0.1:8081/api/upgrades_info/graph --channel stable-4.18
  upgraph graph show --releases docker://registry.example/ocp/release --graph-data /srv/graph-data
  upgraph graph show --bundle site.tar --channel stable-4.18
  upgraph graph show --config upgraph.toml --channel stable-4.18 -o dot | dot -Tsvg > graph.svg
"""
)
@click.argument("url", required=False)
@click.option("--channel", help="Show what clusters of this channel get. Needed for an update service.")
@click.option("--arch", help="With --channel: the architecture of the clusters.  [default: amd64]")
@setting_options(*_SOURCES)
@output_option(_FORMATS)
def show(url: str | None, config: tuple[Path, ...], output: Format, **flags: object) -> None:
    """Show an update graph: that of a service at URL, or that of sources.

    Without --channel, the graph of sources and of graph builders is shown unfiltered.
    """
    _print(_seen(url, config, flags), output)


@graph.command(
    epilog="""
\b
Examples:
  upgraph graph recommended http://127.0.0.1:8081/api/upgrades_info/graph --channel stable-4.18
  upgraph graph recommended --config testing.toml > promoted-to-staging.txt
  upgraph serve --config staging.toml --promoted promoted-to-staging.txt
"""
)
@click.argument("url", required=False)
@click.option("--channel", help="List what clusters of this channel get. Needed for an update service.")
@click.option("--arch", help="With --channel: the architecture of the clusters.  [default: amd64]")
@setting_options(*_SOURCES)
@output_option(_LIST_FORMATS)
def recommended(url: str | None, config: tuple[Path, ...], output: Format, **flags: object) -> None:
    """List the versions that a graph offers updates to, a line each, as --promoted of `upgraph serve` reads them.

    The graph is that of a service at URL, or that of sources. Updates with risks count. With --channel versions have no
    architecture, so they are promoted for all.
    """
    versions = [version.text for version in promotable(_seen(url, config, flags))]
    if output is Format.TEXT:
        click.echo("".join(f"{version}\n" for version in versions), nl=False)
    else:
        emit_document(versions, output)


def _seen(url: str | None, config: tuple[Path, ...], flags: dict[str, object]) -> UpdateGraph:
    """The graph of a service or of sources; what was found on the way is told."""
    clients = _clients(flags)
    if url is not None and (given := [name for name in _PLACES if flags[name]]):
        option = given[0].replace("_", "-")
        raise click.UsageError(
            f"show the graph of the service at {url} or of sources: --{option} has no effect on it"
        )
    chosen = configuration(config, flags)
    if url is not None:
        access = Access.of(os.environ, search=False, ca=chosen.ca)
        sight = asyncio.run(fetch_graph(url, access, clients))
        whole = None
    else:
        sight = asyncio.run(look_at_sources(chosen, os.environ))
        whole = sight.graph
        if clients is not None:
            sight = Sight(select(sight.graph, clients.channel, clients.arch), sight.findings)
    show_findings(sight.findings)
    if clients is not None and not sight.graph.nodes:
        about = f"channel {clients.channel} and architecture {clients.arch}"
        click.echo(f"nothing is known of {about}{_known(whole)}", err=True)
    return sight.graph


def _clients(flags: dict[str, object]) -> Clients | None:
    """Whose answer is asked for; takes the two options out of the flags."""
    channel, arch = flags.pop("channel"), flags.pop("arch")
    if channel is not None:
        return Clients(str(channel), str(arch or _ARCH))
    if arch is not None:
        raise click.UsageError(
            "--arch needs --channel: without one the whole graph is shown, of all architectures"
        )
    return None


def _known(whole: UpdateGraph | None) -> str:
    """What could have been asked for, where the whole graph was seen."""
    if whole is None:
        return ""
    return f"; channels: {', '.join(whole.channels)}; architectures: {', '.join(whole.arches)}"


def _print(shown: UpdateGraph, output: Format) -> None:
    if output is Format.DOT:
        click.echo(to_dot(shown), nl=False)
    elif output in (Format.JSON, Format.YAML):
        emit_document(msgspec.json.decode(Encoder().for_clients(shown)), output)
    else:
        print_table(_rows(shown, is_wide=output is Format.WIDE))


def _rows(shown: UpdateGraph, *, is_wide: bool) -> list[dict[str, object]]:
    incoming = Counter(target for _, target in shown.edges())
    risky: defaultdict[int, list[str]] = defaultdict(list)
    conditional: Counter[int] = Counter()
    for _, target, risks in shown.conditional_edges():
        conditional[target] += 1
        risky[target] += [risk.name for risk in risks if risk.name not in risky[target]]
    rows = []
    for index, node in enumerate(shown.nodes):
        row: dict[str, object] = {
            "version": node.version,
            "updates from": incoming[index],
            "with risks from": conditional[index],
            "risks": ", ".join(risky[index]),
        }
        if is_wide:
            row |= {"channels": ", ".join(sorted(node.channels)), "payload": node.payload or ""}
        rows.append(row)
    return rows
