"""``upgraph bundle``: all that a site serves, in one directory or archive that crosses the gap."""

import asyncio
import os
from pathlib import Path

import click

from upgraph.cli.output import FORMATS, Format, emit, output_option, show_findings
from upgraph.cli.scrape import read_releases
from upgraph.cli.settings import configuration, setting_options
from upgraph.errors import DataError, UserError
from upgraph.errors.problems.service import BUNDLE_DAMAGED, SETTING_INVALID, SOURCE_MISSING
from upgraph.graphdata import Files, load, read_once
from upgraph.service.building.sources import access_of, open_graph_data
from upgraph.service.bundle import Content, Parts, Report, check_bundle, write_bundle
from upgraph.service.configuration import Configuration

_LAYOUT = "oci:"


@click.group(
    epilog="""
\b
Examples:
  upgraph bundle create --releases releases.json --graph-data graph-data.tar.gz -o site
  upgraph bundle check site
"""
)
def bundle() -> None:
    """Make and check site bundles."""


@bundle.command(
    epilog="""
\b
Examples:
  upgraph bundle create --releases docker://registry.example:5000/ocp/release \\
      --graph-data /srv/graph-data --signatures /srv/signatures -o site.tar
  upgraph bundle create --releases releases.json --graph-data graph-data.tar.gz -o site
"""
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR|FILE.tar",
    help="Where to write: an archive if it ends in .tar, otherwise a directory that does not exist yet.",
)
@click.option(
    "--images",
    metavar="oci:DIR",
    help="OCI layout with images that is carried along, to be copied into the registry of the site.",
)
@click.option(
    "--partial", is_flag=True, help="Take what could be read of releases although something could not."
)
@setting_options(
    "releases",
    "mirrors",
    "graph_data",
    "graph_data_path",
    "signatures",
    "payload_repository",
    "ca",
    "authfile",
    "authfile_search",
    "concurrency",
    "verify_layers",
    "state_dir",
)
def create(
    output: Path, images: str | None, config: tuple[Path, ...], *, partial: bool, **flags: object
) -> None:
    """Put releases, graph data and signatures into one bundle, and print its digest.

    Releases are read as `upgraph scrape` does. The same parts give the same bytes. `upgraph serve BUNDLE` is all
    that the site needs.
    """
    chosen = configuration(config, flags)
    layout = _layout(images)
    _check_signatures(chosen)
    graph_data = _graph_data(chosen)
    gathered = read_releases(chosen, partial=partial)
    show_findings(gathered.findings)
    digest = write_bundle(Parts(gathered.releases, graph_data, chosen.served_signatures, layout), output)
    click.echo(f"{digest}  {output}")


def _check_signatures(chosen: Configuration) -> None:
    if chosen.signatures is not None and chosen.served_signatures is None:
        seen = f"--signatures is {chosen.signatures}, which is no directory"
        remedy = "Make a directory of it: upgraph signatures fetch or pack with -o DIR."
        raise UserError(SETTING_INVALID, seen, remedy=remedy)


def _layout(images: str | None) -> Path | None:
    if images is None:
        return None
    if not images.startswith(_LAYOUT):
        raise UserError(SETTING_INVALID, f"--images is {images!r}; an OCI layout is named {_LAYOUT}DIR")
    return Path(images.removeprefix(_LAYOUT))


def _graph_data(chosen: Configuration) -> Files:
    """A set of graph data that can be served; what is doubtful in it is shown."""
    if chosen.graph_data is None:
        raise UserError(SOURCE_MISSING, "no source of graph data is configured (--graph-data)")
    files = asyncio.run(read_once(open_graph_data(chosen, access_of(chosen, os.environ))))
    loaded = load(files)
    if loaded.data is None:
        raise DataError(loaded.findings[0].problem, str(loaded.findings[0]))
    show_findings(loaded.findings)
    return files


@bundle.command(
    epilog="""
\b
Examples:
  upgraph bundle check site.tar
  upgraph bundle check /media/usb/site -o json
"""
)
@click.argument("place", metavar="BUNDLE", type=click.Path(path_type=Path))
@output_option(FORMATS)
def check(place: Path, output: Format) -> None:
    """Compare every file of a bundle with its manifest, and read what it serves.

    Exit code 3 if anything is missing, too much, damaged or cannot be used.
    """
    report = check_bundle(place)
    show_findings((*report.faults, *report.notes))
    if report.faults:
        seen = f"{place} has {len(report.faults)} faults, first: {report.faults[0]}"
        raise DataError(BUNDLE_DAMAGED, seen, remedy=report.faults[0].problem.remedy)
    emit([_row(report)], output)


def _row(report: Report) -> dict[str, object]:
    served = report.content
    return {
        "digest": report.digest,
        "files": report.files,
        "bytes": report.bytes,
        "releases": len(served.releases.releases) if served else 0,
        "signatures": len(served.signatures) if served else 0,
        "unsigned releases": len(_unsigned(served)) if served else 0,
    }


def _unsigned(served: Content) -> set[str]:
    """Digests of releases that no signature in the bundle is for."""
    signed = {name.partition("/")[0].replace("=", ":") for name in served.signatures}
    return {release.digest for release in served.releases.releases} - signed
