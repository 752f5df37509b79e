"""``upgraph status``: how a running service is, from its status port."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from upgraph.cli.output import Format, emit_document, output_option, print_table, printable
from upgraph.cli.settings import configuration, setting_options
from upgraph.cli.status_fetching import address_of, fetch_report
from upgraph.cli.status_replicas import fetch_all, show_replicas
from upgraph.errors import RemoteError
from upgraph.oci import Access
from upgraph.service.answering.spans import listed, short, span
from upgraph.service.answering.status_report import GraphReport, Report, freshness
from upgraph.service.answering.troubles import Trouble, troubles

NOT_READY = 3
"""Exit code for a service that is not ready, or serves a graph that is older than it may be."""
SEEN_LINES = 3
"""What was seen of a problem and is shown without ``-o wide``."""

_FORMATS = (Format.TABLE, Format.WIDE, Format.JSON, Format.YAML)
_EXAMPLES = """
\b
Examples:
  upgraph status 127.0.0.1:9081
  upgraph status http://updates.example:9081/status -o json
  oc port-forward deployment/NAME 9081 & upgraph status 127.0.0.1:9081 -o wide
  upgraph status 192.0.2.11:9081 192.0.2.12:9081     (side by side: do they give the same graph?)

Exit codes: 0 it is ready, 2 that is no status port, 3 it is not ready (there is no graph, or one older than its
--max-stale), 4 nobody answers. Of several the worst counts; that they give different graphs is told and no failure, as
they may be reading their sources.
"""


@click.command(epilog=_EXAMPLES)
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@output_option(_FORMATS)
@setting_options("ca")
def status(urls: tuple[str, ...], output: Format, config: tuple[Path, ...], **flags: object) -> int:
    """Show how the service at URL is: what is wrong and how to mend it, its sources, its graph.

    URL is the status port (--status-listen of `upgraph serve`): HOST:PORT, with or without http:// and /status. HOST
    alone is its port 9081. Several are shown side by side, with what they do not agree in.
    """
    access = Access.of(os.environ, search=False, ca=configuration(config, flags).ca)
    addresses = tuple(dict.fromkeys(map(address_of, urls)))
    if len(addresses) > 1:
        return _compare(addresses, access, output)
    report = asyncio.run(fetch_report(addresses[0], access))
    if output in (Format.JSON, Format.YAML):
        emit_document(report, output)
    else:
        show(report, is_wide=output is Format.WIDE)
    return 0 if report.ready else NOT_READY


def _compare(addresses: tuple[str, ...], access: Access, output: Format) -> int:
    told = asyncio.run(fetch_all(addresses, access))
    if output in (Format.JSON, Format.YAML):
        emit_document(told, output)
    else:
        show_replicas(told)
    if output is Format.WIDE:
        for one in told.replicas:
            if one.report is not None:
                click.secho(f"\n{one.url}", bold=True)
                show(one.report, is_wide=True)
    if any(one.report is None for one in told.replicas):
        return RemoteError.exit_code
    return 0 if all(one.report and one.report.ready for one in told.replicas) else NOT_READY


def show(report: Report, *, is_wide: bool) -> None:
    """Print a report for people, in the order in which they ask."""
    _show_state(report)
    for one in troubles(report):
        _show_trouble(one, is_wide=is_wide)
    if report.sources:
        click.echo()
        print_table(_sources(report, is_wide=is_wide))
    if any(one.fault for one in report.sources):
        click.echo("To try every step towards the sources, run upgraph doctor where the service runs.")
    if report.graph is not None:
        _show_graph(report.graph, is_wide=is_wide)
    if is_wide:
        _show_connections(report)


def _show_state(report: Report) -> None:
    word = click.style("ready", fg="green") if report.ready else click.style("not ready", fg="red")
    graph = report.graph
    what = "no graph yet; clusters get 503 and keep what they know"
    if graph is not None:
        what = f"{graph.releases:,} releases in {len(graph.channels):,} channels, {freshness(report)}"
    click.echo(f"{word}: {what}")


def _show_trouble(one: Trouble, *, is_wide: bool) -> None:
    colour = {"error": "red", "warning": "yellow"}.get(one.severity)
    times = f" ({one.count:,} times)" if one.count > 1 else ""
    click.echo(
        f"\n{click.style(one.severity, fg=colour, bold=True)}: {printable(one.title.rstrip('.'))}{times}"
    )
    lines = one.seen if is_wide else one.seen[:SEEN_LINES]
    for line in lines:
        click.echo(f"  seen:           {printable(line)}")
    if len(one.seen) > len(lines):
        click.echo(f"                  and {len(one.seen) - len(lines):,} more, with -o wide")
    click.echo(f"  why it matters: {printable(one.why)}")
    click.echo(f"  what to do:     {printable(one.remedy)}")
    click.echo(f"  reference:      {printable(one.reference)}")


def _sources(report: Report, *, is_wide: bool) -> Sequence[dict[str, object]]:
    rows = []
    for one in report.sources:
        last = one.last_good
        row: dict[str, object] = {
            "source": one.kind,
            "name": printable(one.name),
            "state": one.fault.reference if one.fault else "good" if last else "not read yet",
            "last good": f"{span(report.time - last.at)} ago" if last else "",
            "holds": listed(last.counts) if last else "",
            "left out": one.left_out,
        }
        if is_wide:
            row["digest"] = last.digest if last else ""
        rows.append(row)
    return rows


def _show_graph(graph: GraphReport, *, is_wide: bool) -> None:
    known = sorted(graph.nodes_by_arch)
    click.echo(f"\ngraph {printable(graph.digest if is_wide else short(graph.digest))}")
    print_table(
        [
            {
                "architecture": arch,
                "nodes": graph.nodes_by_arch[arch],
                "updates": graph.edges_by_arch.get(arch, 0),
                "updates with risks": graph.conditional_edges_by_arch.get(arch, 0),
                "withheld": graph.withheld_by_arch.get(arch, 0),
            }
            for arch in known
        ]
    )
    if graph.channels:
        print_table(
            [
                {"channel": channel} | {arch: counts.get(arch, 0) for arch in known}
                for channel, counts in sorted(graph.channels.items())
            ]
        )


def _show_connections(report: Report) -> None:
    if report.certificates:
        print_table(
            [
                {"certificate": one.file, "subject": printable(one.subject), "valid until": one.not_after}
                for one in report.certificates
            ]
        )
    if report.connections:
        print_table(
            [{"listener": name} | msgspec.structs.asdict(one) for name, one in report.connections.items()]
        )
