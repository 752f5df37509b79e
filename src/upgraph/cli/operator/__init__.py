"""``upgraph operator``: the operator is installed."""

import click

from upgraph.cli.operator.manifests import manifests

__all__ = ["manifests", "operator"]


@click.group()
def operator() -> None:
    """Install the operator, which makes update services of UpdateService resources."""


operator.add_command(manifests)
