"""The program ``policy-engine``."""

import sys
from collections.abc import Sequence

from upgraph.cli.cincinnati import program
from upgraph.cli.main import run
from upgraph.service import cincinnati

command = program(
    "policy-engine",
    """Serve clusters from the graph of a graph builder, with the flags and files of Cincinnati's program.

    \b
    Example:
      policy-engine --service.address :: --upstream.cincinnati.url http://localhost:8080/graph
    """,
    cincinnati.POLICY_ENGINE_OPTIONS,
    cincinnati.policy_engine,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and end the process with its exit code."""
    sys.exit(run(command, arguments))
