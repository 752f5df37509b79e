"""``upgraph release``: release images made, looked into, listed, compared, unpacked and examined."""

import click

from upgraph.cli.release.components import components
from upgraph.cli.release.diff import diff
from upgraph.cli.release.extract import extract
from upgraph.cli.release.info import info
from upgraph.cli.release.new import new
from upgraph.cli.release.verify import verify

__all__ = ["components", "diff", "extract", "info", "new", "release", "verify"]


@click.group(
    epilog="""
\b
Examples:
  upgraph release info registry.example:5000/ocp/release:4.18.1-x86_64
  upgraph release new --name 1.0.0 --manifests manifests -o oci:releases
"""
)
def release() -> None:
    """Make release images and look into them."""


for _command in (components, diff, extract, info, new, verify):
    release.add_command(_command)
