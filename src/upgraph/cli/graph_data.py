"""``upgraph graph-data``: make, check, fetch and pack the data that says which updates are recommended."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from upgraph.cli.check_output import Outcome, print_outcome
from upgraph.cli.images import meant_reference
from upgraph.cli.output import Format, output_option, show_findings
from upgraph.cli.settings import ACCESS_SETTINGS, configuration, setting_options
from upgraph.errors import DataError, Severity, UserError
from upgraph.errors.problems.checking import BASELINE, PACK_REFUSED
from upgraph.graph import Release
from upgraph.graphdata import (
    ARCHITECTURES,
    Files,
    bare,
    checking,
    digest_of,
    load,
    pack,
    read_bases,
    read_once,
    runnable_grounds,
    write_directory,
    write_starter,
    write_tarball,
)
from upgraph.graphdata.checking.baseline import FILE_NAME, MAX_BASELINE_BYTES
from upgraph.oci import Composition, Repository, parse_image_name, publish
from upgraph.service.building.sources import access_of, open_graph_data, open_images
from upgraph.service.configuration import Configuration
from upgraph.service.plain_file import open_plain, replacing

_ENDINGS = (".tar.gz", ".tgz")
_FORMATS = (Format.TEXT, Format.JSON, Format.YAML, Format.SARIF)
_TAG = "packed"
_REACH = ("graph_data_path", *ACCESS_SETTINGS)


@click.group(
    epilog="""
\b
Examples:
  upgraph graph-data new platform-graph-data
  upgraph graph-data check platform-graph-data
  upgraph graph-data pack platform-graph-data \\
      -o docker://registry.example/platform/graph-data:1
"""
)
def graph_data() -> None:
    """Make, check, fetch and pack graph data."""


@graph_data.command(
    epilog="""
\b
Examples:
  upgraph graph-data new platform-graph-data
"""
)
@click.argument("directory", type=click.Path(path_type=Path))
def new(directory: Path) -> None:
    """Make a starter repository in DIRECTORY, for a platform of one's own. Its README says how to go on."""
    for name in write_starter(directory):
        click.echo(directory / name)


@graph_data.command(
    epilog="""
\b
Examples:
  upgraph graph-data check .
  upgraph graph-data check . --releases docker://registry.example/ocp/release --fail-on warning
  upgraph graph-data check graph-data.tar.gz --releases releases.json -o sarif >check.sarif
  upgraph graph-data check . --write-baseline --reason "there since 2021"
"""
)
@click.argument("source")
@setting_options("releases", "payload_repository", "verify_layers", *_REACH)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help=f"File of accepted warnings. [default: {FILE_NAME} in SOURCE if that is a directory]",
)
@click.option(
    "--write-baseline", is_flag=True, help="Accept all warnings that are there now. Needs --reason."
)
@click.option("--reason", default="", metavar="TEXT", help="Why they are accepted.")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning"]),
    default="error",
    show_default=True,
    help="What ends the command with exit code 3, unless it is accepted.",
)
@output_option(_FORMATS)
def check(  # noqa: PLR0913  # an option each
    source: str,
    config: tuple[Path, ...],
    output: Format,
    *,
    baseline: Path | None,
    write_baseline: bool,
    reason: str,
    fail_on: str,
    **flags: object,
) -> None:
    """Look for faults in graph data: a directory, a tarball, or whatever --graph-data of `upgraph serve` takes.

    All that a service would report is found, what the public data is checked for, and what nobody looks for there.
    Checks that need releases run with --releases, and are listed as not run without.
    """
    chosen = configuration(config, flags | {"graph_data": source})
    files = _read(chosen)
    releases = _releases(chosen) if chosen.releases else None
    report = checking.check(files, releases)
    place = baseline or (Path(source) / FILE_NAME if Path(source).is_dir() else None)
    accepted = _baseline(place, is_named=baseline is not None and not write_baseline)
    if write_baseline:
        accepted = _accept(report, accepted, place, reason)
    outcome = Outcome(report, accepted)
    print_outcome(outcome, output)
    if outcome.fails(Severity[fail_on.upper()]):
        raise click.exceptions.Exit(DataError.exit_code)


def _releases(chosen: Configuration) -> tuple[Release, ...]:
    # Here, because editors and commits check without releases, and wait for it.
    from upgraph.cli.scrape import read_anywhere  # noqa: PLC0415

    return tuple(read_anywhere(chosen, partial=True).releases)


def _read(chosen: Configuration) -> Files:
    return asyncio.run(read_once(open_graph_data(chosen, access_of(chosen, os.environ))))


def _baseline(place: Path | None, *, is_named: bool) -> checking.Baseline:
    if place is None:
        return checking.Baseline()
    try:
        with open_plain(place) as file:
            return checking.read_baseline(file.read(MAX_BASELINE_BYTES + 1), str(place))
    except FileNotFoundError as error:
        if is_named:
            raise UserError(BASELINE, f"{place} is not there") from error
        return checking.Baseline(name=str(place))
    except OSError as error:
        raise UserError(BASELINE, f"{place} cannot be read: {error.strerror}") from error


def _accept(
    report: checking.Report, known: checking.Baseline, place: Path | None, reason: str
) -> checking.Baseline:
    if place is None:
        raise UserError(
            BASELINE, "it is not said where to write it", remedy="Name a file with --baseline FILE."
        )
    if not reason.strip():
        seen = "no reason is given for what would be accepted"
        raise UserError(
            BASELINE, seen, remedy="Say why with --reason TEXT; entries can be edited afterwards."
        )
    content = checking.write_baseline(report, known, reason)
    with replacing(place) as file:
        file.write(content)
    click.echo(f"wrote {place}", err=True)
    return checking.read_baseline(content, str(place))


@graph_data.command(
    epilog="""
\b
Examples:
  upgraph graph-data fetch https://git.example/graph-data/archive/main.tar.gz -o graph-data
  upgraph graph-data fetch http://updates.example/api/upgrades_info/graph-data -o data.tar.gz
  upgraph graph-data fetch https://git.example/graph-data.git#v7 --ca git-ca.pem -o graph-data
  upgraph graph-data fetch git@git.example:platform/graph-data#main -o graph-data.tar.gz
  upgraph graph-data fetch git:/srv/cincinnati-graph-data#v7 -o graph-data.tar.gz
  upgraph graph-data fetch docker://registry.example/openshift/graph-image:latest -o graph-data
"""
)
@click.argument("source")
@setting_options(*_REACH)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR|FILE.tar.gz",
    help="Where to write: a tarball if it ends in .tar.gz or .tgz, otherwise a directory.",
)
def fetch(source: str, config: tuple[Path, ...], output: Path, **flags: object) -> None:
    """Fetch graph data from an address, an image or a git repository, here or elsewhere, and print its digest.

    SOURCE is what --graph-data of `upgraph serve` takes. A set that a service would refuse is not written. The same
    set gives the same tarball; a directory is replaced at once, and never seen half-written.
    """
    chosen = configuration(config, flags | {"graph_data": source})
    files = _read(chosen)
    loaded = load(files)
    show_findings(loaded.findings)
    if loaded.data is None:
        raise DataError(loaded.findings[0].problem, str(loaded.findings[0]))
    if output.name.endswith(_ENDINGS):
        with replacing(output) as file:
            file.write(write_tarball(files))
    else:
        write_directory(files, output)
    click.echo(f"{digest_of(files)}  {output}")


@graph_data.command(
    "pack",
    epilog="""
\b
Examples:
  upgraph graph-data pack graph-data -o docker://registry.example/openshift/graph-data:4.18
  upgraph graph-data pack graph-data -o docker://registry.example/openshift/graph-data:4.18 \\
      --runnable
  upgraph graph-data pack graph-data.tar.gz -o oci-archive:graph-data.tar \\
      --base registry.example/ubi9/ubi-minimal:9.6
  upgraph graph-data pack . -o oci:images:graph-data --arch amd64 --no-check risk-url
""",
)
@click.argument("source")
@setting_options(*_REACH)
@click.option(
    "-o", "--output", required=True, metavar="IMAGE", help="Where to write: docker://, oci: or oci-archive:."
)
@click.option(
    "--runnable",
    is_flag=True,
    help="Put a small program beside the data, so that the result also runs as init container.",
)
@click.option(
    "--base",
    metavar="IMAGE",
    help="An image with /bin/sh and cp to put the data on, to the same end.",
)
@click.option(
    "--arch",
    "arches",
    multiple=True,
    type=click.Choice(ARCHITECTURES),
    help=f"An architecture to make. Can be repeated. [default: {', '.join(ARCHITECTURES)}]",
)
@click.option(
    "--no-check",
    "overridden",
    multiple=True,
    metavar="REFERENCE",
    help="Pack in spite of errors with this reference. Can be repeated.",
)
@click.option("--overwrite", is_flag=True, help="Take a tag from another image, or replace an archive.")
def pack_command(  # noqa: PLR0913  # an option each
    source: str,
    config: tuple[Path, ...],
    output: str,
    *,
    runnable: bool,
    base: str | None,
    arches: tuple[str, ...],
    overridden: tuple[str, ...],
    overwrite: bool,
    **flags: object,
) -> None:
    """Put graph data into an image for each architecture, publish it, and print what goes into graphDataImage.

    The same data gives the same image. Data with errors is refused: `upgraph graph-data check` shows them. With
    --runnable or --base the image copies its data to where an update service reads it when it is started, as the
    operator needs it. --graph-data-path says where SOURCE has the data if it is an image; in the result it always
    lies where the operator expects it.
    """
    if runnable and base is not None:
        raise click.UsageError("--runnable makes an image without a base: give it or --base")
    chosen = configuration(config, flags | {"graph_data": source})
    files = _read(chosen)
    _check_errors(checking.check(files), source, overridden)
    order = _Order(output, base, arches or ARCHITECTURES, runnable=runnable, overwrite=overwrite)
    digest = asyncio.run(_publish(files, order, chosen))
    place = parse_image_name(output).place
    click.echo(f"{place.name}@{digest}" if isinstance(place, Repository) else digest)


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be packed where."""

    output: str
    base: str | None
    arches: Sequence[str]
    runnable: bool
    overwrite: bool


def _check_errors(report: checking.Report, source: str, overridden: Sequence[str]) -> None:
    errors = [finding for finding in report.errors if finding.reference not in overridden]
    show_findings(errors)
    if errors:
        raise DataError(PACK_REFUSED, f"{source} has {len(errors)} errors, first: {errors[0]}")


async def _publish(files: Files, order: _Order, chosen: Configuration) -> str:
    access = access_of(chosen, os.environ)
    name = parse_image_name(order.base) if order.base is not None else None
    source = open_images(name, chosen, access) if name is not None else None
    async with Composition("the packed graph data", source) as images:
        if source is not None and name is not None:
            grounds = await read_bases(source, await meant_reference(name, source), order.arches)
        else:
            grounds = runnable_grounds(images, order.arches) if order.runnable else bare(order.arches)
        pack(images, files, grounds, tag=_TAG)
        return await publish(images, _TAG, order.output, access, overwrite=order.overwrite)
