"""``upgraph scrape``: what sources of releases hold, saved for a site that cannot reach them."""

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

import click

from upgraph.cli.output import show_findings
from upgraph.cli.progress import counted
from upgraph.cli.settings import configuration, setting_options
from upgraph.service.building.gatherer import Gathered
from upgraph.service.building.oneshot import releases_to_save
from upgraph.service.building.saved import write_saved
from upgraph.service.configuration import DISK_SCHEMES, Configuration
from upgraph.service.plain_file import replacing

STDOUT = "-"
_NOWHERE = "registry.invalid/releases"
"""A repository that can never be (RFC 2606)."""

_EXAMPLES = """
\b
Examples:
  upgraph scrape docker://registry.example:5000/ocp/release --output releases.json
  upgraph scrape oci:/media/releases --payload-repository registry.example/ocp/release -o -
  upgraph serve --releases releases.json --graph-data graph-data.tar.gz
"""


@click.command(epilog=_EXAMPLES)
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("-o", "--output", required=True, metavar="FILE", help="Where to write; - is standard output.")
@click.option(
    "--partial", is_flag=True, help="Write what could be read although something could not. Exit code 0."
)
@setting_options(
    "releases",
    "mirrors",
    "payload_repository",
    "ca",
    "authfile",
    "authfile_search",
    "concurrency",
    "verify_layers",
    "state_dir",
)
def scrape(
    sources: tuple[str, ...], output: str, config: tuple[Path, ...], *, partial: bool, **flags: object
) -> None:
    """Read releases as `upgraph serve` would, and save what is known of them in a FILE.

    SOURCE is what --releases of `upgraph serve` takes; several are saved together. The file is JSON with
    a line for each release, sorted and without times: the same releases give the same bytes. `upgraph serve`
    takes it as a source. If anything could not be read, nothing is written.
    """
    chosen = configuration(config, flags | {"releases": (*sources, *_listed(flags))})
    gathered = read_releases(chosen, partial=partial)
    show_findings(gathered.findings)
    content = write_saved(gathered.releases)
    if output == STDOUT:
        sys.stdout.buffer.write(content)
    else:
        with replacing(Path(output)) as file:
            file.write(content)
    click.echo(f"saved {gathered.report.message}", err=True)


def _listed(flags: dict[str, object]) -> tuple[str, ...]:
    given = flags["releases"]
    return given if isinstance(given, tuple) else ()


def read_anywhere(chosen: Configuration, *, partial: bool) -> Gathered:
    """As :func:`read_releases`, for commands that nobody tells where clusters pull releases from.

    Pull specs of releases that lie on a disk have a name that exists nowhere.
    """
    lies_on_disk = any(source.startswith(DISK_SCHEMES) for source in chosen.releases)
    if lies_on_disk and chosen.payload_repository is None:
        chosen = replace(chosen, payload_repository=_NOWHERE)
    return read_releases(chosen, partial=partial)


def read_releases(chosen: Configuration, *, partial: bool) -> Gathered:
    """Read sources of releases, with progress on a terminal.

    Raises:
        UpgraphError: see :func:`releases_to_save`.
    """
    with counted("tags read") as met:
        return asyncio.run(releases_to_save(chosen, os.environ, partial=partial, met=met))
