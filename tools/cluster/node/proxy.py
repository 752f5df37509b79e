"""Connections to Services, carried to the pods behind them in turn.

Where nobody is behind an address nobody listens there, so that a connection is refused as kube-proxy refuses it. A
connection that was made stays with its pod until one of both ends it.
"""

import asyncio
import itertools
import socket

from tools.cluster.node.network import Network
from tools.cluster.node.service_table import Address, Table

CONNECT_SECONDS = 5.0
"""Longest wait for a pod to take a connection."""
_PIECE_BYTES = 64 * 1024


class _Listener:
    def __init__(self, targets: tuple[Address, ...]) -> None:
        self.server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._turn = itertools.count()
        self.targets = targets

    async def open(self, listening: socket.socket) -> None:
        self.server = await asyncio.start_server(self._carry, sock=listening)

    def close(self) -> None:
        """Take no more connections; those that there are go on."""
        if self.server is not None:
            self.server.close()

    def cut(self) -> list[asyncio.Task[None]]:
        """End all connections; gives what is to be waited for."""
        for connection in self._connections:
            connection.cancel()
        return list(self._connections)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        target = self.targets[next(self._turn) % len(self.targets)]
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                inner_reader, inner_writer = await asyncio.open_connection(target.host, target.port)
        except (OSError, TimeoutError):
            writer.transport.abort()
            return
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, inner_writer))
                group.create_task(_pump(inner_reader, writer))
        finally:
            for one in (writer, inner_writer):
                one.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(_PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        # One of both has gone: the other one is told so.
        writer.transport.abort()


class Proxy:
    """The addresses of Services.

    Args:
        network: where they are added.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._listeners: dict[Address, _Listener] = {}
        self._closed: list[_Listener] = []
        self._changing = asyncio.Lock()

    async def follow(self, table: Table) -> None:
        """Listen as a table says from now on.

        Raises:
            ProgramError, OSError: an address cannot be used.
        """
        async with self._changing:
            wanted = {address: targets for address, targets in table.items() if targets}
            for address in [one for one in self._listeners if one not in wanted]:
                listener = self._listeners.pop(address)
                listener.close()
                self._closed.append(listener)
            await self._network.serve(sorted({address.host for address in table}))
            for address, targets in sorted(wanted.items()):
                if address in self._listeners:
                    self._listeners[address].targets = targets
                else:
                    listening = await self._network.listen(address.host, address.port)
                    self._listeners[address] = _Listener(targets)
                    await self._listeners[address].open(listening)

    async def close(self) -> None:
        """End everything."""
        listeners = [*self._listeners.values(), *self._closed]
        tasks = []
        for listener in listeners:
            listener.close()
            tasks += listener.cut()
        await asyncio.gather(*tasks, return_exceptions=True)
