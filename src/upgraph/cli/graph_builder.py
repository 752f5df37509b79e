"""The program ``graph-builder``."""

import sys
from collections.abc import Sequence

from upgraph.cli.cincinnati import program
from upgraph.cli.main import run
from upgraph.service import cincinnati

command = program(
    "graph-builder",
    """Build an update graph and serve it unfiltered, with the flags and files of Cincinnati's program.

    \b
    Example:
      graph-builder -c /etc/configs/gb.toml
    """,
    cincinnati.GRAPH_BUILDER_OPTIONS,
    cincinnati.graph_builder,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and end the process with its exit code."""
    sys.exit(run(command, arguments))
