"""Several replicas side by side: who is ready, what is wrong where, and whether all give the same graph."""

import asyncio
from collections.abc import Sequence

import click
import msgspec

from upgraph.cli.output import print_table, printable
from upgraph.cli.status_fetching import fetch_report
from upgraph.errors import UpgraphError
from upgraph.errors.problems.service import REPLICAS_DIFFER
from upgraph.oci import Access
from upgraph.service.answering.spans import short, span
from upgraph.service.answering.status_report import GraphReport, Reason, Report
from upgraph.service.answering.troubles import troubles

_INPUTS = {
    "releases_digest": "releases",
    "graph_data_digest": "graph data",
    "promoted_digest": "lists of promoted versions",
}
"""What a graph is made of, by the field that identifies it."""


class Replica(msgspec.Struct, frozen=True, omit_defaults=True):
    """One replica, and what it answered."""

    url: str
    report: Report | None = None
    fault: Reason | None = None
    """Why there is no report."""


class Replicas(msgspec.Struct, frozen=True):
    """What several replicas tell."""

    agree: bool
    """Whether all that have a graph give the same one."""
    differ_in: tuple[str, ...]
    """What they hold of which it is not the same; may be empty where they do not agree, for example after an update."""
    replicas: tuple[Replica, ...]


async def fetch_all(urls: Sequence[str], access: Access) -> Replicas:
    """Ask all replicas at the same time; one that does not answer is told as such."""
    replicas = tuple(await asyncio.gather(*(_fetch(url, access) for url in urls)))
    graphs = [one.report.graph for one in replicas if one.report and one.report.graph]
    differing = [name for name in ("digest", *_INPUTS) if len({getattr(one, name) for one in graphs}) > 1]
    return Replicas(
        "digest" not in differing, tuple(_INPUTS[name] for name in differing if name in _INPUTS), replicas
    )


async def _fetch(url: str, access: Access) -> Replica:
    try:
        return Replica(url, report=await fetch_report(url, access))
    except UpgraphError as error:
        return Replica(url, fault=Reason(error.reference, error.seen, error.remedy))


def show_replicas(told: Replicas) -> None:
    """Print a line for each replica, then what is wrong between them."""
    print_table([_row(one) for one in told.replicas])
    for one in told.replicas:
        if one.fault is not None:
            click.echo(f"{click.style('error', fg='red', bold=True)}: {printable(one.fault.seen)}")
            click.echo(f"  what to do:     {one.fault.remedy}")
            click.echo(f"  reference:      {one.fault.reference}")
    if any(one.report is not None and troubles(one.report) for one in told.replicas):
        click.echo("What is wrong, and how it is mended: upgraph status with that replica alone.")
    _show_agreement(told)


def _row(one: Replica) -> dict[str, object]:
    report = one.report
    graph = report.graph if report else None
    state = "no answer" if report is None else "ready" if report.ready else "not ready"
    return {
        "replica": printable(one.url.removesuffix("/status").partition("://")[2]),
        "state": state,
        "releases": graph.releases if graph else "",
        "channels": len(graph.channels) if graph else "",
        "graph": short(graph.digest) if graph else "",
        "last read": _age(graph) if graph else "",
        "version": printable(report.version) if report else "",
        "wrong": ", ".join(_wrong(one)),
    }


def _age(graph: GraphReport) -> str:
    return f"{span(graph.age_seconds)} ago" if graph.refreshed_at else "not yet"


def _wrong(one: Replica) -> list[str]:
    if one.fault is not None:
        return [one.fault.reference]
    return list(dict.fromkeys(found.reference for found in troubles(one.report))) if one.report else []


def _show_agreement(told: Replicas) -> None:
    graphs = sum(one.report is not None and one.report.graph is not None for one in told.replicas)
    if told.agree:
        same = ", and it is the same" if graphs > 1 else ""
        click.echo(f"{graphs} of {len(told.replicas)} replicas have a graph{same}")
        return
    problem, what = REPLICAS_DIFFER, " and ".join(told.differ_in)
    held = f"they hold different {what}" if what else "made of the same inputs"
    click.echo(f"{click.style('warning', fg='yellow', bold=True)}: {problem.title}")
    click.echo(f"  seen:           {graphs} replicas have graphs that are not the same: {held}")
    click.echo(f"  why it matters: {problem.why}")
    click.echo(f"  what to do:     {problem.remedy}")
    click.echo(f"  reference:      {problem.reference}")
