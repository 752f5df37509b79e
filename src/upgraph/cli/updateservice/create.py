"""``upgraph updateservice create``: from a wish to an address that answers."""

import asyncio
from pathlib import Path
from typing import Unpack

import click
import msgspec

from upgraph.cli.cluster_access import cluster_options, connected
from upgraph.cli.output import Format, emit_document, printable
from upgraph.cli.updateservice import pointing
from upgraph.cli.updateservice.waiting import is_judged, wait_until_answering, wait_until_judged
from upgraph.cli.updateservice.wishes import Wishes, namespace_option, spec_of, wish_options
from upgraph.errors import RemoteError, UserError
from upgraph.errors.problems.kube import KUBE_EXISTS
from upgraph.errors.problems.operator import (
    UPDATE_SERVICE_EXISTS,
    UPDATE_SERVICE_INSIDE,
    UPDATE_SERVICE_INVALID,
)
from upgraph.kube.api import Api
from upgraph.kube.kinds import ROUTE
from upgraph.kube.objects import Object
from upgraph.operator.resource.request import refuse_faults, route_fault, wanted_object
from upgraph.operator.resource.standing import standing_of
from upgraph.operator.resource.update_service import UPDATE_SERVICE, UpdateService, parse_update_service

_EXAMPLES = """
\b
Examples:
  upgraph updateservice create service --releases registry.example:5000/ocp/release \\
      --graph-data-image registry.example:5000/openshift/graph-data:latest
  upgraph updateservice create service --releases registry.example:5000/ocp/release \\
      --graph-data-image registry.example:5000/openshift/graph-data:latest --point-cluster
  upgraph updateservice create service --releases registry.example:5000/ocp/release \\
      --graph-data-image registry.example:5000/openshift/graph-data:latest \\
      --exposure Ingress --host updates.example -o yaml

Exit codes: 0 it answers (or was printed), 2 it can never work, 4 it does not answer yet, or the cluster cannot be asked.
"""


@click.command(epilog=_EXAMPLES)
@click.argument("name")
@wish_options
@namespace_option
@cluster_options
@click.option("--dry-run", is_flag=True, help="Print the resource, and ask no cluster.")
@click.option(
    "-o",
    "--output",
    type=click.Choice([Format.YAML.value, Format.JSON.value]),
    help="Print the resource in this form, as with --dry-run.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait until it answers; 0 does not wait.",
)
@click.option(
    "--point-cluster", is_flag=True, help="Let this cluster ask it for updates, as soon as it answers."
)
def create(  # noqa: PLR0913  # each is an option of the command
    *,
    name: str,
    namespace: str,
    kubeconfig: Path | None,
    context: str | None,
    dry_run: bool,
    output: str | None,
    timeout: float,
    point_cluster: bool,
    **wishes: Unpack[Wishes],
) -> None:
    """Make an UpdateService, and wait until it answers.

    What can never work is refused before anything is sent. While it waits, every change of a condition is told.
    In the end it prints the command that points a cluster to the new service.
    """
    wanted = wanted_object(namespace, name, spec_of(wishes))
    service = parse_update_service(wanted)
    refuse_faults(service)
    if dry_run or output is not None:
        _warn_of_route(service)
        emit_document(wanted, Format(output or Format.YAML))
        return
    if point_cluster and not timeout:
        raise click.UsageError("--point-cluster waits until it answers, so it needs a --timeout")
    if point_cluster and service.spec.exposure.type == "None":
        raise UserError(UPDATE_SERVICE_INSIDE, "--exposure None gives the service the address of a Service")

    async def work() -> None:
        async with connected(kubeconfig, context) as api:
            await _refuse_route(api, service)
            made = await _made(api, wanted, service)
            if timeout:
                await _follow(api, made, seconds=timeout, is_pointed=point_cluster)

    asyncio.run(work())


def _warn_of_route(service: UpdateService) -> None:
    if service.spec.exposure.type == "Auto" and (seen := route_fault(service)) is not None:
        click.echo(f"warning: where the cluster has Routes, it gets none: {seen}", err=True)


async def _refuse_route(api: Api, service: UpdateService) -> None:
    """Refuse a name with which there can be no Route, in a cluster where there would be one."""
    if service.spec.exposure.type != "Auto" or (seen := route_fault(service)) is None:
        return
    if await api.serves(ROUTE):
        raise UserError(UPDATE_SERVICE_INVALID, seen, remedy="Choose a shorter name, or name a --host.")


async def _made(api: Api, wanted: Object, service: UpdateService) -> UpdateService:
    """The resource, made now or there already."""
    try:
        made = parse_update_service(await api.create(wanted))
    except RemoteError as error:
        if error.problem is not KUBE_EXISTS:
            raise
        made = parse_update_service(await api.get(UPDATE_SERVICE, service.key))
        if differing := _differences(made, service):
            seen = f"UpdateService {service.key} is there, with {differing}"
            raise UserError(UPDATE_SERVICE_EXISTS, seen) from error
        _tell(f"UpdateService {made.key} is there already")
    else:
        _tell(f"UpdateService {made.key} was made")
    return made


def _differences(there: UpdateService, asked: UpdateService) -> str:
    has, wants = _named(there), _named(asked)
    differing = sorted(name for name in {*has, *wants} if has.get(name) != wants.get(name))
    return ", ".join(
        f"{name} {_shown(has.get(name))} instead of {_shown(wants.get(name))}" for name in differing
    )


def _named(service: UpdateService) -> Object:
    """The fields of the spec, without those that are written out and say no more than a default."""
    metadata = service.metadata
    return dict(wanted_object(metadata.namespace, metadata.name, service.spec)["spec"])


def _shown(value: object) -> str:
    return "nothing" if value is None else printable(msgspec.json.encode(value).decode())


async def _follow(api: Api, made: UpdateService, *, seconds: float, is_pointed: bool) -> None:
    """Wait until it answers; then say how clusters are pointed to it, or point this one."""
    service = await wait_until_answering(api, made.key, seconds=seconds, tell=_tell)
    address = standing_of(service).address
    if address is None:
        raise AssertionError("what answers has an address")
    graph = service.status.graph
    held = f"{graph.releases or 0:,} releases, {graph.updates or 0:,} updates" if graph else "a graph"
    click.echo(f"{address} answers with {held}")
    if is_pointed:
        service = await wait_until_judged(api, service)
        pointing.refuse_useless(service)
        if not is_judged(service):
            _tell(f"warning: it is not known whether this cluster trusts {address}")
        click.echo(await pointing.point_cluster(api, address))
    else:
        click.echo(f"To point a cluster to it:\n  {pointing.pointing_command(address)}")
        _warn_of_address(service)


def _warn_of_address(service: UpdateService) -> None:
    try:
        pointing.refuse_useless(service)
    except UserError as error:
        click.echo(f"warning: {error.seen}. {error.remedy}", err=True)


def _tell(line: str) -> None:
    click.echo(line, err=True)
