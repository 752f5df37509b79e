"""How connections come in over TLS: a bounded number of handshakes at a time.

The event loop's own server shows a connection only after its handshake, so nothing would bound those that
never end it. Here they are counted from the start: when there are too many, the one that has taken longest
is given up for the next, so that those who stall never keep out those who do not.
"""

import asyncio
import logging
import socket
from functools import partial

from upgraph.service.answering.clients import LOOK_SECONDS, UNREAD_SECONDS, Clients
from upgraph.service.answering.tls import Certificate

HANDSHAKES = 1024
"""TLS handshakes of one listener at a time."""
HANDSHAKE_SECONDS = 10.0
"""Time for a TLS handshake."""
AT_ONCE = 64
"""Connections that are taken before other work gets its turn."""
BREATH_SECONDS = 0.1
"""Pause after the system could not give another connection."""
TELL_SECONDS = 60.0
"""Time between two lines of the log about connections that cannot be taken."""

_Made = tuple[asyncio.Transport, asyncio.Protocol]

_log = logging.getLogger(__name__)


class TlsAcceptor:
    """Takes the connections of one listening socket. Needs a running event loop.

    Args:
        listening: the socket, which stays the caller's.
        clients: who gets the connections.
        certificate: what is shown to them; it is looked at every second, by nobody else.
    """

    def __init__(self, listening: socket.socket, clients: Clients, certificate: Certificate) -> None:
        self._listening = listening
        self._clients = clients
        self._certificate = certificate
        self._loop = asyncio.get_running_loop()
        self._handshakes: dict[asyncio.Task[_Made], None] = {}
        self._is_closed = False
        self._tell_at = 0.0
        self._looking = self._loop.call_later(LOOK_SECONDS, self._look)
        listening.setblocking(False)  # noqa: FBT003 - the standard library has it so
        self._listen()

    def _look(self) -> None:
        self._certificate.look()
        self._looking = self._loop.call_later(LOOK_SECONDS, self._look)

    def _listen(self) -> None:
        if not self._is_closed:
            self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                connection, _ = self._listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                # No descriptors or no memory: the same is true for the next, until something ends.
                self._tell(error)
                self._loop.remove_reader(self._listening)
                self._loop.call_later(BREATH_SECONDS, self._listen)
                return
            self._begin(connection)

    def _tell(self, error: OSError) -> None:
        """Log why nothing can be taken; not each of ten times a second."""
        now = self._loop.time()
        if now >= self._tell_at:
            self._tell_at = now + TELL_SECONDS
            _log.error("no connection can be taken: %s", error.strerror)

    def _begin(self, connection: socket.socket) -> None:
        if len(self._handshakes) >= HANDSHAKES:
            oldest = next(iter(self._handshakes))
            del self._handshakes[oldest]
            oldest.cancel()
        made = self._loop.connect_accepted_socket(
            self._clients.connect,
            connection,
            ssl=self._certificate.context,
            ssl_handshake_timeout=HANDSHAKE_SECONDS,
            ssl_shutdown_timeout=UNREAD_SECONDS,
        )
        task = self._loop.create_task(made)
        self._handshakes[task] = None
        task.add_done_callback(partial(self._end, connection))

    def _end(self, connection: socket.socket, task: asyncio.Task[_Made]) -> None:
        self._handshakes.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if task.cancelled() or error:
            self._clients.failed_handshake()
            connection.close()
        if error and not isinstance(error, OSError):
            _log.error("a connection could not be taken", exc_info=error)

    async def close(self) -> None:
        """Take no more connections, and give up those that are not made."""
        self._is_closed = True
        self._looking.cancel()
        self._loop.remove_reader(self._listening)
        self._listening.close()
        handshakes = list(self._handshakes)
        for task in handshakes:
            task.cancel()
        if handshakes:
            await asyncio.wait(handshakes)
