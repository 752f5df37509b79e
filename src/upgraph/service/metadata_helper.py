"""The service behind ``metadata-helper``: signatures from a directory, and nothing that has to be built.

It is as ready as its directory: where that has gone, a cluster would take the answer for the truth and stop
looking for a signature.
"""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from upgraph import __version__
from upgraph.errors.problems.service import SIGNATURES_UNREADABLE
from upgraph.service.answering import edge
from upgraph.service.answering.health import Unready
from upgraph.service.answering.metrics import MetadataHelperMetrics, exposition, new_registry
from upgraph.service.answering.probes import Probes
from upgraph.service.answering.server import Bound, Listener, serve
from upgraph.service.answering.signatures import NoSignatures, SignatureDirectory
from upgraph.service.configuration import Configuration, address


async def run(configuration: Configuration, started: Callable[[Bound, Bound], None]) -> None:
    """Serve signatures until SIGTERM or SIGINT.

    Args:
        configuration: where to listen, and the directory.
        started: gets the addresses of clients and status once connections are taken.

    Raises:
        UserError: the directory is none, or an address cannot be listened on.
    """
    directory = configuration.served_signatures
    signatures = SignatureDirectory(directory) if directory else NoSignatures()
    registry = new_registry()
    face = edge.metadata_helper(
        signatures, configuration.path_prefix, MetadataHelperMetrics(registry, __version__)
    )
    probes = Probes(lambda: exposition(registry), lambda: _unready(directory))
    listeners = [
        Listener(*address(configuration.listen or ""), face),
        Listener(*address(configuration.status_listen), probes),
    ]
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(listeners, stop, lambda bound: started(*bound))


def _unready(directory: Path | None) -> Unready | None:
    if directory is None or directory.is_dir():
        return None
    return Unready(SIGNATURES_UNREADABLE, f"{directory} is not a directory any more")
