"""A further process that answers clusters; the serving process starts it, and it ends with its connection."""

import asyncio
import contextlib
import logging
import signal
import socket
import sys

import msgspec
import uvloop

from upgraph import __version__
from upgraph.service import handover
from upgraph.service.answering.clients import Traffic
from upgraph.service.answering.edge import InForce
from upgraph.service.answering.face import clients_listener
from upgraph.service.answering.metrics import PolicyEngineMetrics, new_registry
from upgraph.service.answering.server import Sharing, serve
from upgraph.service.answering.tally import Account, traffic_counts
from upgraph.service.configuration import Configuration, from_json
from upgraph.service.log import start_logging
from upgraph.service.snapshot import read_snapshot

TELL_SECONDS = 1.0
"""Pause between two accounts."""

_log = logging.getLogger(__name__)


class Fellow:
    """One process beside the serving one: it answers with what comes over the connection, until that ends."""

    def __init__(self, configuration: Configuration, connection: socket.socket) -> None:
        self._connection = connection
        self._in_force = InForce()
        self._traffic = Traffic()
        self._metrics = PolicyEngineMetrics(new_registry(), __version__)
        self._stop = asyncio.Event()
        self._has_news = asyncio.Event()
        self._listener = clients_listener(
            configuration, self._in_force, self._metrics, Sharing.JOINING, self._traffic
        )
        connection.setblocking(False)  # noqa: FBT003 - the standard library has it so

    async def run(self) -> None:
        """Answer clusters once there is a graph: until then those who have one should get all connections."""
        asyncio.get_running_loop().add_reader(self._connection, self._take_over)
        await self._has_news.wait()
        telling = asyncio.create_task(self._tell())
        try:
            await serve([self._listener], self._stop)
        finally:
            telling.cancel()
            await asyncio.wait({telling})

    def _take_over(self) -> None:
        self._has_news.set()
        try:
            file = handover.take_over(self._connection)
        except OSError as error:
            # With an old graph it should not go on; another process is started, which gets the new one.
            _log.error("a graph could not be taken over: %s", error)
            file = None
        if file is None:
            asyncio.get_running_loop().remove_reader(self._connection)
            self._stop.set()
        else:
            with file:
                self._in_force.snapshot = read_snapshot(file)

    async def _tell(self) -> None:
        while True:
            account = Account(self._metrics.tally(), self._traffic.open, traffic_counts(self._traffic))
            # What is not taken now is told with the next account.
            with contextlib.suppress(OSError):
                self._connection.send(msgspec.json.encode(account))
            await asyncio.sleep(TELL_SECONDS)


def main() -> None:
    """Run until the connection ends, whose number is the argument. The configuration comes on standard input."""
    # They go to the whole group of processes; the serving one decides when this one ends.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    connection = socket.socket(fileno=int(sys.argv[1]))
    configuration = from_json(sys.stdin.buffer.read())
    start_logging(configuration.log_format, configuration.log_level)
    uvloop.run(Fellow(configuration, connection).run())


if __name__ == "__main__":
    main()
