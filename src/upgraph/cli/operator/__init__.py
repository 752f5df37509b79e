"""``upgraph operator``: the operator is installed, and run."""

import click

from upgraph.cli.operator.manifests import manifests
from upgraph.cli.operator.run import run

__all__ = ["manifests", "operator", "run"]


@click.group()
def operator() -> None:
    """Install and run the operator, which makes update services of UpdateService resources."""


operator.add_command(manifests)
operator.add_command(run)
