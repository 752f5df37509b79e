"""The program ``metadata-helper``."""

import logging
import sys
from collections.abc import Sequence

import uvloop

from upgraph.cli.cincinnati import program
from upgraph.cli.main import run
from upgraph.service import cincinnati, metadata_helper
from upgraph.service.answering.server import Bound
from upgraph.service.configuration import Configuration
from upgraph.service.consistency import check_listeners

_log = logging.getLogger(__name__)


def serve_signatures(chosen: Configuration) -> None:
    """Serve signatures under a configuration until the process is told to end.

    Raises:
        UserError: the configuration cannot be used.
    """
    check_listeners(chosen)

    def announce(clients: Bound, status: Bound) -> None:
        _log.info("signatures are served on http://%s%s/signatures/", clients, chosen.path_prefix)
        _log.info("probes and metrics are on http://%s/metrics", status)

    uvloop.run(metadata_helper.run(chosen, announce))


command = program(
    "metadata-helper",
    """Serve signatures of releases from a directory, with the flags and files of Cincinnati's program.

    \b
    Example:
      metadata-helper --service.address :: --signatures.dir /var/lib/cincinnati/graph-data/signatures
    """,
    cincinnati.METADATA_HELPER_OPTIONS,
    cincinnati.metadata_helper,
    serve_signatures,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and end the process with its exit code."""
    sys.exit(run(command, arguments))
