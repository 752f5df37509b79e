"""``upgraph image``: images as such, whatever is in them."""

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
from rich.filesize import decimal

from upgraph.cli.failure import describe
from upgraph.cli.output import Format, emit, output_option, printable, show_findings
from upgraph.cli.progress import transferred
from upgraph.cli.settings import access_options, configuration
from upgraph.errors import UpgraphError, UserError
from upgraph.errors.problems import oci as problems
from upgraph.oci import (
    Amounts,
    Choice,
    CopyRun,
    Failure,
    Gateway,
    Order,
    Plan,
    Planned,
    Watch,
    Wish,
    beside,
    every_order,
    order_of,
    parse_image_name,
    parse_list,
)
from upgraph.oci.copying.ordering import MAX_LIST_BYTES
from upgraph.service.building.sources import access_of, mirrors_of
from upgraph.service.configuration import Configuration
from upgraph.service.plain_file import open_plain

STDIN = "-"
_BLOBS_AT_A_TIME = 16


@click.group(
    epilog="""
\b
Examples:
  upgraph image copy --all oci:/media/images:4.18.1 registry.example:5000/ocp/release
  upgraph image copy --all --from-file images.txt --dry-run
"""
)
def image() -> None:
    """Copy images, whatever is in them."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a call asks for."""

    wishes: tuple[Wish, ...]
    choice: Choice
    every_tag: bool
    overwrite: bool
    recheck: bool
    signatures: bool
    dry_run: bool


@dataclass(frozen=True, slots=True)
class _Done:
    """What came of it."""

    plan: Plan
    failures: tuple[Failure, ...]
    rejected: tuple["_Rejected", ...]


@dataclass(frozen=True, slots=True)
class _Rejected:
    """A line of a list that leads to no image, and why."""

    wish: Wish
    error: UpgraphError

    def __str__(self) -> str:
        return f"{self.wish.where}: {self.wish.source} to {self.wish.destination}"


@image.command(
    epilog="""
\b
Examples:
  upgraph image copy --all quay.io/openshift-release-dev/ocp-release:4.18.1-multi \\
      registry.example:5000/ocp/release
  upgraph image copy --all docker://quay.io/org/app:v1 oci-archive:/media/app.tar:v1
  upgraph image copy --all-tags --all oci:/media/images registry.example:5000/ocp/release
  upgraph image copy --from-file images.txt --all --dry-run
  upgraph image copy --all --with-signatures registry.example:5000/ocp/release:4.18.1-multi \\
      oci:/media/images
"""
)
@click.argument("names", nargs=-1, metavar="[SOURCE DESTINATION]")
@click.option("--all", "whole", is_flag=True, help="Copy indexes whole: their digests stay.")
@click.option(
    "--arch",
    multiple=True,
    metavar="ARCH[,ARCH]...",
    help="Copy of indexes these architectures only, as Go names them: amd64, arm64, ppc64le, s390x.",
)
@click.option(
    "--from-file",
    metavar="FILE",
    help="Copy what a file lists, a line SOURCE DESTINATION for each image; - is standard input.",
)
@click.option(
    "--all-tags", "every_tag", is_flag=True, help="Copy all tags of a repository, under their names."
)
@click.option(
    "--overwrite",
    is_flag=True,
    help="Let a tag move from the image that it points to; replace an archive that is there.",
)
@click.option(
    "--recheck",
    is_flag=True,
    help="Look for every blob although the tag is right already, where a registry may have lost some.",
)
@click.option(
    "--with-signatures",
    "signatures",
    is_flag=True,
    help="Copy along what lies beside the images: signatures of cosign and the like (tags sha256-DIGITS.sig, .att and"
    " .sbom), and artifacts that refer to them.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be copied, and write nothing.")
@output_option((Format.TABLE, Format.WIDE, Format.JSON, Format.YAML))
@access_options
def copy(  # noqa: PLR0913 - each is an option
    names: tuple[str, ...],
    arch: tuple[str, ...],
    from_file: str | None,
    output: Format,
    config: tuple[Path, ...],
    *,
    whole: bool,
    every_tag: bool,
    overwrite: bool,
    recheck: bool,
    signatures: bool,
    dry_run: bool,
    **flags: object,
) -> None:
    """Copy images between registries, OCI layouts and archives.

    SOURCE and DESTINATION are docker://HOST/REPOSITORY[:TAG|@DIGEST], which may go without docker://,
    oci:DIRECTORY[:TAG] or oci-archive:FILE[:TAG]; SOURCE may also be dir:DIRECTORY. A DESTINATION without a tag
    takes that of the source. Digests stay, what is there is not sent again, and a tag is written last.
    """
    chosen = configuration(config, flags)
    wanted = _Wanted(
        _wishes(names, from_file),
        _choice(arch, whole=whole),
        every_tag,
        overwrite=overwrite,
        recheck=recheck,
        signatures=signatures,
        dry_run=dry_run,
    )
    done = asyncio.run(_run(wanted, chosen))
    rows = _rows(done, dry_run=dry_run)
    emit([_narrow(row) for row in rows] if output is Format.TABLE else rows, output)
    _report(done)


def _wishes(names: tuple[str, ...], from_file: str | None) -> tuple[Wish, ...]:
    if from_file is not None and not names:
        return tuple(parse_list(_listed(from_file), from_file))
    if from_file is not None or len(names) != 2:
        raise click.UsageError("name one SOURCE and one DESTINATION, or give --from-file")
    return (Wish(parse_image_name(names[0]), parse_image_name(names[1])),)


def _listed(name: str) -> bytes:
    if name == STDIN:
        return sys.stdin.buffer.read(MAX_LIST_BYTES + 1)
    try:
        with open_plain(name) as file:
            return file.read(MAX_LIST_BYTES + 1)
    except OSError as error:
        raise UserError(problems.COPY_LIST, f"{name}: {error.strerror}") from error


def _choice(arch: tuple[str, ...], *, whole: bool) -> Choice:
    architectures = frozenset(filter(None, (part.strip() for one in arch for part in one.split(","))))
    if whole and architectures:
        raise click.UsageError("--all takes every architecture, and --arch some: give one of them")
    return Choice(architectures, whole)


async def _run(wanted: _Wanted, chosen: Configuration) -> _Done:
    access = access_of(chosen, os.environ)
    show_findings(access.findings)
    gateway = Gateway(
        access,
        mirrors=mirrors_of(chosen),
        concurrency=chosen.concurrency,
        overwrite=wanted.overwrite,
    )
    async with gateway:
        orders, rejected = await _orders(wanted, gateway)
        run = CopyRun(
            orders,
            images=chosen.concurrency,
            blobs=min(chosen.concurrency, _BLOBS_AT_A_TIME),
        )
        plan = await run.plan()
        if wanted.signatures:
            found = await beside(plan, gateway.written)
            plan.failures += found.failures
            await run.extend(plan, found.orders)
        show_findings(gateway.take_findings())
        await gateway.prepare(plan)
        click.echo(_summary(plan.amounts), err=True)
        for planned in plan.images:
            if planned.cargo.changed_from:
                click.echo(printable(_changed(planned)), err=True)
        if wanted.dry_run:
            return _Done(plan, tuple(plan.failures), rejected)
        with transferred(plan.amounts.bytes_to_move) as moved:
            failures = await run.carry_out(plan, Watch(moved))
        show_findings(gateway.take_findings())
    return _Done(plan, tuple(failures), rejected)


async def _orders(wanted: _Wanted, gateway: Gateway) -> tuple[list[Order], tuple[_Rejected, ...]]:
    """The images that are wanted, and lines of a list that lead to none.

    Raises:
        UpgraphError: a single image is wanted, and its name leads to none; or an archive would be written over.
    """
    orders: list[Order] = []
    rejected = []
    for wish in wanted.wishes:
        try:
            orders += await _orders_of(wish, wanted, gateway)
        except UpgraphError as error:
            if not wish.where or error.problem is problems.ARCHIVE_EXISTS:
                raise
            rejected.append(_Rejected(wish, error))
    return orders, tuple(rejected)


async def _orders_of(wish: Wish, wanted: _Wanted, gateway: Gateway) -> list[Order]:
    if wanted.every_tag:
        orders = await every_order(wish, gateway, wanted.choice, overwrite=wanted.overwrite)
    else:
        orders = [await order_of(wish, gateway, wanted.choice, overwrite=wanted.overwrite)]
    return [replace(order, recheck=wanted.recheck) for order in orders]


def _summary(amounts: Amounts) -> str:
    there = f", {amounts.images_there:,} of them there" if amounts.images_there else ""
    return (
        f"images: {amounts.images:,}{there}; blobs to move: {amounts.blobs:,}, {decimal(amounts.bytes_to_move)};"
        f" there already: {decimal(amounts.bytes_there)}"
    )


def _changed(planned: Planned) -> str:
    return (
        f"warning: {planned.order.source.name} {planned.order.reference}: of the index {planned.cargo.changed_from}"
        f" a part is copied, which is {planned.cargo.image.digest}. Signatures of the index do not fit it."
    )


def _rows(done: _Done, *, dry_run: bool) -> list[dict[str, object]]:
    failed = {id(failure.order): failure.error for failure in done.failures}
    rows = []
    for planned in done.plan.images:
        order, error = planned.order, failed.pop(id(planned.order), None)
        new = "would be copied" if dry_run else "copied"
        result = error.reference if error is not None else "there" if planned.is_there else new
        rows.append(_row(order, result, planned))
    refused = [failure for failure in done.failures if id(failure.order) in failed]
    rows += [_row(failure.order, failure.error.reference) for failure in refused]
    return rows + [
        _line(str(one.wish.source), str(one.wish.destination), one.error.reference) for one in done.rejected
    ]


def _row(order: Order, result: str, planned: Planned | None = None) -> dict[str, object]:
    source = f"{order.source.name}:{order.reference}"
    destination = order.destination.name + (f":{order.tag}" if order.tag else "")
    return _line(source, destination, result, planned)


def _line(source: str, destination: str, result: str, planned: Planned | None = None) -> dict[str, object]:
    cargo = planned.cargo if planned is not None else None
    # Of an image that is there already nothing was read, so nothing is known.
    is_read = cargo is not None and bool(cargo.image.content)
    return {
        "source": printable(source),
        "destination": printable(destination),
        "digest": cargo.image.digest if cargo is not None else "",
        "manifests": len(cargo.manifests) if cargo is not None and is_read else None,
        "blobs": len(cargo.blobs) if cargo is not None and is_read else None,
        "bytes": cargo.size if cargo is not None and is_read else None,
        "result": result,
    }


def _narrow(row: dict[str, object]) -> dict[str, object]:
    return {name: row[name] for name in ("source", "destination", "digest", "result")}


def _report(done: _Done) -> None:
    """End with the error of the one image, or with one that counts all."""
    total = len(done.plan.images) + len(done.plan.failures) + len(done.rejected)
    failed = [(str(failure.order), failure.error) for failure in done.failures]
    failed += [(str(one), one.error) for one in done.rejected]
    if not failed:
        return
    if total == 1:
        raise failed[0][1]
    for what, error in failed:
        click.echo(f"{printable(what)}\n{describe(error)}", err=True)
    raise _worst([error for _, error in failed])(
        problems.COPY_INCOMPLETE, f"{len(failed)} of {total} images were not copied"
    )


def _worst(errors: Sequence[UpgraphError]) -> type[UpgraphError]:
    return max((type(error) for error in errors), key=lambda kind: kind.exit_code)
