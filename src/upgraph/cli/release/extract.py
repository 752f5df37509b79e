"""``upgraph release extract``: the manifests of a release as files."""

import asyncio
import sys
from pathlib import Path

import click

from upgraph.cli.images import Opener
from upgraph.cli.output import printable
from upgraph.cli.release.opening import read_opened
from upgraph.cli.settings import access_options, configuration
from upgraph.errors import DataError
from upgraph.errors.problems.payload import FILE_MISSING
from upgraph.payload import unpack, unpack_over

_EXAMPLES = """
\b
Examples:
  upgraph release extract registry.example:5000/ocp/release:4.18.1-x86_64 --to manifests
  upgraph release extract oci:/media/releases:4.18.1 --file release-metadata
"""


@click.command(epilog=_EXAMPLES)
@click.argument("image", metavar="IMAGE")
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where to write all files: a directory that does not exist or is empty.",
)
@click.option("--file", "name", metavar="NAME", help="Print this file on standard output instead.")
@click.option(
    "--overwrite", is_flag=True, help="Replace files of the same name in a directory that holds some."
)
@click.option("--arch", metavar="NAME", help="Image of an index to read. [default: amd64, or the first]")
@access_options
def extract(  # noqa: PLR0913  # click gives one argument an option
    image: str,
    target: Path | None,
    name: str | None,
    arch: str | None,
    config: tuple[Path, ...],
    *,
    overwrite: bool,
    **flags: object,
) -> None:
    """Write the manifests, the metadata and the list of components of a release into a directory.

    Nothing is written before the layer was compared with its digest. A new directory appears with all files or
    not at all; files keep the times that they have in the release.
    """
    if (target is None) == (name is None):
        raise click.UsageError("give either --to DIR or --file NAME")
    opener = Opener(configuration(config, flags))
    found = asyncio.run(read_opened(opener, image, arch))
    files = found.payload.files
    if target is None:
        file = files.get(name or "")
        if file is None:
            raise DataError(FILE_MISSING, f"{found.pull_spec} has no file {name!r}")
        sys.stdout.buffer.write(file.content)
        sys.stdout.buffer.flush()
        return
    write = unpack_over if overwrite else unpack
    write(files, target)
    digest, created = found.manifest.digest, printable(found.payload.member.config.created)
    click.echo(f"Extracted release payload from digest {digest} created at {created or 'an unknown time'}")
