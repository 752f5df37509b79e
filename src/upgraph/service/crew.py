"""Further processes that answer clusters at the same address, where one processor is not enough.

The system gives each its part of the connections. They get every snapshot as the serving process gets it from
the building one, and tell it once a second what they have counted, so that there is one place for metrics,
status and probes. One that ends is started again; what it had counted stays counted.
"""

import asyncio
import contextlib
import logging
import os
import socket
import time
from typing import BinaryIO

import msgspec

from upgraph.errors.problems.service import ANSWERING_ENDED
from upgraph.service import child, handover
from upgraph.service.answering.clients import Traffic
from upgraph.service.answering.metrics import PolicyEngineMetrics
from upgraph.service.answering.server import STOP_GRACE
from upgraph.service.answering.tally import Account, add_traffic
from upgraph.service.configuration import Configuration

MAX_ACCOUNT_BYTES = 64 * 1024
"""Bytes of the largest account of a process; one has about 2 KiB."""
_MODULE = "upgraph.service.answering"

_log = logging.getLogger(__name__)


class Crew:
    """The processes beside the serving one.

    Args:
        size: how many.
        metrics: where their requests are counted.
        traffic: where their connections are counted.
    """

    def __init__(self, size: int, metrics: PolicyEngineMetrics, traffic: Traffic) -> None:
        self._size = size
        self._metrics = metrics
        self._traffic = traffic
        self._connections: set[socket.socket] = set()
        self._snapshot: BinaryIO | None = None
        self._answering = 0
        metrics.answering(1)

    def hand_on(self, file: BinaryIO) -> None:
        """Have all of them answer with another snapshot, also those that are started later."""
        if not self._size:
            return
        if self._snapshot is not None:
            self._snapshot.close()
        self._snapshot = os.fdopen(os.dup(file.fileno()), "rb")
        for connection in self._connections:
            _pass_on(connection, self._snapshot)

    async def work(self, configuration: Configuration, stop: asyncio.Event) -> None:
        """Keep all of them running until ``stop`` is set, and wait for their end.

        Args:
            configuration: says where clusters ask, with the real port.
            stop: set by whoever ends the service.
        """
        members = [asyncio.create_task(self._keep_one(configuration)) for _ in range(self._size)]
        await stop.wait()
        for member in members:
            member.cancel()
        await asyncio.gather(*members, return_exceptions=True)
        if self._snapshot is not None:
            self._snapshot.close()

    async def _keep_one(self, configuration: Configuration) -> None:
        restarts = child.Restarts()
        while True:
            started = time.monotonic()
            cause = "it ended"
            try:
                await self._run_one(configuration)
            except (OSError, msgspec.DecodeError) as error:
                cause = str(error)
            pause = restarts.pause(time.monotonic() - started)
            seen = f"a process that answers clusters is started again in {pause:g} s: {cause}"
            _log.error("%s", seen, extra={"reference": ANSWERING_ENDED.reference})
            self._metrics.answering_ended()
            await asyncio.sleep(pause)

    async def _run_one(self, configuration: Configuration) -> None:
        # Somewhat longer than it takes to cut off clients that do not read.
        async with child.running(_MODULE, configuration, grace=STOP_GRACE + 2) as connection:
            connection.setblocking(False)  # noqa: FBT003 - the standard library has it so
            self._connections.add(connection)
            if self._snapshot is not None:
                _pass_on(connection, self._snapshot)
            try:
                await self._count(connection)
            finally:
                self._connections.discard(connection)

    async def _count(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        last: Account | None = None
        try:
            while content := await loop.sock_recv(connection, MAX_ACCOUNT_BYTES):
                account = msgspec.json.decode(content, type=Account)
                self._add(account, last)
                last = account
        finally:
            if last is not None:
                self._note_size(-1)
                self._traffic.open_elsewhere -= last.open

    def _add(self, account: Account, last: Account | None) -> None:
        if last is None:
            self._note_size(+1)
        self._metrics.add(account.tally.since(last.tally) if last else account.tally)
        add_traffic(self._traffic, account.traffic, last.traffic if last else {})
        self._traffic.open_elsewhere += account.open - (last.open if last else 0)

    def _note_size(self, change: int) -> None:
        self._answering += change
        self._metrics.answering(1 + self._answering)


def _pass_on(connection: socket.socket, snapshot: BinaryIO) -> None:
    try:
        handover.pass_on(connection, snapshot)
    except OSError as error:
        # It would go on with an old graph. Without its connection it ends, and a new one gets the new graph.
        _log.error("a process that answers clusters did not take a new graph: %s", error)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
