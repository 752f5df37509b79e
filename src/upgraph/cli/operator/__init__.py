"""``upgraph operator``: the operator is installed, and run."""

import click

from upgraph.cli.operator.manifests import manifests
from upgraph.cli.operator.run import run

__all__ = ["manifests", "operator", "run"]


@click.group(
    epilog="""
\b
Examples:
  upgraph operator manifests --image registry.example:5000/upgraph/upgraph:0.1.0 | oc apply -f -
  upgraph operator run --leader-elect
"""
)
def operator() -> None:
    """Install and run the operator, which makes update services of UpdateService resources."""


operator.add_command(manifests)
operator.add_command(run)
