"""``upgraph release``: release images made, looked into, compared, unpacked and examined."""

import click

from upgraph.cli.release.diff import diff
from upgraph.cli.release.extract import extract
from upgraph.cli.release.info import info
from upgraph.cli.release.verify import verify

__all__ = ["diff", "extract", "info", "release", "verify"]


@click.group()
def release() -> None:
    """Look into release images."""


for _command in (diff, extract, info, verify):
    release.add_command(_command)
