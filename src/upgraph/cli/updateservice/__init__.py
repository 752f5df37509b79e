"""``upgraph updateservice``: UpdateServices are made and looked at."""

import click

from upgraph.cli.updateservice.create import create
from upgraph.cli.updateservice.status import status

__all__ = ["create", "status", "updateservice"]


@click.group(
    epilog="""
\b
Examples:
  upgraph updateservice create service --releases registry.example:5000/ocp/release \\
      --graph-data-image registry.example:5000/openshift/graph-data:latest
  upgraph updateservice status -o wide
"""
)
def updateservice() -> None:
    """Make update services in a cluster with the operator, and see how they are."""


updateservice.add_command(create)
updateservice.add_command(status)
