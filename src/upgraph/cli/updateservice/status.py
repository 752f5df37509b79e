"""``upgraph updateservice status``: how UpdateServices are, with what stands in the way and how it is mended."""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click
import msgspec

from upgraph.cli.cluster_access import cluster_options, connected
from upgraph.cli.output import Format, emit_document, output_option, print_table, printable
from upgraph.cli.updateservice.waiting import described
from upgraph.cli.updateservice.wishes import namespace_option
from upgraph.kube.api import Scope
from upgraph.kube.objects import Key, Object, key_of
from upgraph.operator.resource.standing import AVAILABLE, DEGRADED, standing_of
from upgraph.operator.resource.update_service import (
    UPDATE_SERVICE,
    UpdateService,
    UpdateServiceStatus,
    parse_update_service,
)
from upgraph.service.answering.spans import short, span

UNHEALTHY = 3
"""Exit code where something has to be done."""

_FORMATS = (Format.TABLE, Format.WIDE, Format.JSON, Format.YAML)
_EXAMPLES = """
\b
Examples:
  upgraph updateservice status
  upgraph updateservice status service -o wide
  upgraph updateservice status -n updates -o json

Exit codes: 0 all are well, 3 at least one is not, 4 the cluster cannot be asked or does not have it.
"""


class Report(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One UpdateService, for programs."""

    namespace: str
    name: str
    healthy: bool
    address: str | None
    """What ``spec.upstream`` of a ClusterVersion takes."""
    status: UpdateServiceStatus


@click.command(epilog=_EXAMPLES)
@click.argument("name", required=False)
@namespace_option
@cluster_options
@output_option(_FORMATS)
def status(
    *, name: str | None, namespace: str, kubeconfig: Path | None, context: str | None, output: Format
) -> int:
    """Show how UpdateServices are: whether they answer, what they hold, what is wrong and how to mend it.

    Without NAME all of the namespace are shown.
    """

    async def look() -> tuple[UpdateService, ...]:
        async with connected(kubeconfig, context) as api:
            if name is not None:
                return (parse_update_service(await api.get(UPDATE_SERVICE, Key(namespace, name))),)
            listing = await api.list(UPDATE_SERVICE, Scope(namespace))
            return tuple(parse_update_service(one) for one in _sorted(listing.objects))

    services = asyncio.run(look())
    if output in (Format.JSON, Format.YAML):
        emit_document([_report(one) for one in services], output)
    else:
        _show(services, namespace, is_wide=output is Format.WIDE)
    return 0 if all(standing_of(one).is_healthy for one in services) else UNHEALTHY


def _sorted(objects: Sequence[Object]) -> list[Object]:
    return sorted(objects, key=key_of)


def _report(service: UpdateService) -> Report:
    standing = standing_of(service)
    return Report(
        namespace=service.metadata.namespace,
        name=service.metadata.name,
        healthy=standing.is_healthy,
        address=standing.address,
        status=service.status,
    )


def _show(services: Sequence[UpdateService], namespace: str, *, is_wide: bool) -> None:
    if not services:
        click.echo(f"There is no UpdateService in the namespace {namespace}.")
        return
    now = time.time()
    print_table([_row(one, now, is_wide=is_wide) for one in services])
    for service in services:
        _show_obstacles(service)


def _row(service: UpdateService, now: float, *, is_wide: bool) -> dict[str, object]:
    status, standing = service.status, standing_of(service)
    graph = status.graph
    row: dict[str, object] = {
        "name": service.metadata.name,
        "available": _word(service, AVAILABLE),
        "degraded": _word(service, DEGRADED),
        "ready": f"{status.ready_replicas or 0}/{service.spec.replicas}",
        "releases": f"{graph.releases:,}" if graph and graph.releases is not None else "",
        "graph age": _age(graph.built_at, now) if graph else "",
        "refreshed": _age(graph.refreshed_at, now) if graph else "",
        "address": printable(standing.address or ""),
    }
    if is_wide:
        row["left out"] = "" if graph is None or graph.left_out is None else graph.left_out
        row["graph data"] = _graph_data(service)
        row["from"] = printable(", ".join(service.spec.repositories))
    return row


def _graph_data(service: UpdateService) -> str:
    known = service.status.graph_data
    digest = f" ({short(known.digest)})" if known and known.digest else ""
    return printable(f"{service.spec.graph_data_image}{digest}")


def _word(service: UpdateService, kind: str) -> str:
    condition = service.status.condition(kind)
    return "Unknown" if condition is None else printable(condition.status)


def _age(moment: str | None, now: float) -> str:
    if moment is None:
        return ""
    try:
        return span(now - datetime.fromisoformat(moment).timestamp())
    except ValueError:
        return printable(moment)


def _show_obstacles(service: UpdateService) -> None:
    standing = standing_of(service)
    if not standing.is_current:
        click.echo(
            f"\n{service.metadata.name}: the operator has not seen the resource as it is now; if this lasts, look "
            f"whether it runs: kubectl -n {service.metadata.namespace} get deployment upgraph-operator"
        )
    for condition in standing.obstacles:
        click.echo(f"\n{service.metadata.name}: {described(condition, condition.last_transition_time)}")
