"""How connections come in over TLS: a bounded number of handshakes at a time, and a bounded wait for one.

The event loop's own server shows a connection only after its handshake, so nothing would bound those that
never end it. Here they are counted from the start. When there are too many, others wait; one that has taken
longer than an honest client needs is given up for the next, so that those who stall never keep out those who
do not.

A handshake costs far more than a request, and an answer 503 needs one. So who comes when too many wait is
closed at once, unanswered, and so is who has waited too long: what is begun is likely to be ended, and the time
to an answer does not grow with the number of those who ask.
"""

import asyncio
import contextlib
import logging
import socket
from functools import partial

from upgraph.service.answering.clients import LOOK_SECONDS, UNREAD_SECONDS, Clients
from upgraph.service.answering.tls import Certificate
from upgraph.service.answering.waiting_line import MOST, WaitingLine

HANDSHAKES = 1024
"""TLS handshakes of one listener at a time."""
HANDSHAKE_SECONDS = 10.0
"""Time for a TLS handshake."""
STALLED_SECONDS = 1.0
"""Time after which a handshake is given up where all places, or all connections, are taken and somebody comes."""
TAKEN_AT_ONCE = 512
"""Connections that are taken before other work gets its turn: many more than carry on, so that the queue is ours."""
BEGUN_AT_ONCE = 32
"""Handshakes that are begun before other work gets its turn; each takes about a millisecond."""
LAST_SECONDS = 1.0
"""Time for those who have connected to end their handshakes, once nobody else is taken."""
BREATH_SECONDS = 0.1
"""Pause after the system could not give another connection, or all places of handshakes were taken."""
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
        # Those that have not ended, oldest first. The task of one lasts a little longer: until it was told.
        self._handshakes: dict[socket.socket, float] = {}
        self._tasks: dict[socket.socket, asyncio.Task[_Made]] = {}
        self._waiting: WaitingLine[socket.socket] = WaitingLine(self._loop.time())
        self._next: asyncio.Handle | None = None
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
        self._take(TAKEN_AT_ONCE)
        self._go_on_soon()

    def _take(self, most: int) -> None:
        for _ in range(most):
            try:
                connection, _ = self._listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                break
            except OSError as error:
                # No descriptors or no memory: the same is true for the next, until something ends.
                self._tell(error)
                self._loop.remove_reader(self._listening)
                self._loop.call_later(BREATH_SECONDS, self._listen)
                break
            self._queue(connection)

    def _tell(self, error: OSError) -> None:
        """Log why nothing can be taken; not each of ten times a second."""
        now = self._loop.time()
        if now >= self._tell_at:
            self._tell_at = now + TELL_SECONDS
            _log.error("no connection can be taken: %s", error.strerror)

    def _queue(self, connection: socket.socket) -> None:
        now = self._loop.time()
        if not (self._has_room(now) and self._waiting.join(connection, now)):
            self._turn_away(connection)

    def _has_room(self, now: float) -> bool:
        unmade = len(self._waiting) + len(self._handshakes)
        # Who stalls goes before who is idle: an idle client has at least spoken once.
        return (
            self._clients.has_room_beside(unmade) or self._give_up_stalled(now) or self._clients.make_room()
        )

    def _turn_away(self, connection: socket.socket) -> None:
        self._clients.turned_away()
        connection.close()

    def _go_on_soon(self, seconds: float = 0.0) -> None:
        if self._waiting and self._next is None and not self._is_closed:
            # Soon, not now: what was begun goes on in between.
            self._next = self._loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        """Begin the handshakes of those who wait, as far as there is a place for them."""
        self._next = None
        now = self._loop.time()
        for overdue in self._waiting.overdue(now):
            self._turn_away(overdue)
        for _ in range(min(BEGUN_AT_ONCE, len(self._waiting))):
            if not self._has_place(now):
                self._go_on_soon(BREATH_SECONDS)
                return
            self._begin(self._waiting.first(), now)
        self._go_on_soon()

    def _has_place(self, now: float) -> bool:
        return len(self._handshakes) < HANDSHAKES or self._give_up_stalled(now)

    def _give_up_stalled(self, now: float) -> bool:
        """End the oldest handshake if it takes longer than an honest client needs; false: none does."""
        oldest = next(iter(self._handshakes), None)
        if oldest is None or now - self._handshakes[oldest] < STALLED_SECONDS:
            return False
        del self._handshakes[oldest]
        self._tasks[oldest].cancel()
        return True

    def _begin(self, connection: socket.socket, now: float) -> None:
        # From then on it counts as one of the clients', and no longer here.
        ended = partial(self._handshakes.pop, connection, None)
        made = self._loop.connect_accepted_socket(
            partial(self._clients.connect, ended),
            connection,
            ssl=self._certificate.context,
            ssl_handshake_timeout=HANDSHAKE_SECONDS,
            ssl_shutdown_timeout=UNREAD_SECONDS,
        )
        task = self._loop.create_task(made)
        self._handshakes[connection] = now
        self._tasks[connection] = task
        task.add_done_callback(partial(self._end, connection))

    def _end(self, connection: socket.socket, task: asyncio.Task[_Made]) -> None:
        self._handshakes.pop(connection, None)
        del self._tasks[connection]
        error = None if task.cancelled() else task.exception()
        if task.cancelled() or error:
            self._clients.failed_handshake()
            connection.close()
        if error and not isinstance(error, OSError):
            _log.error("a connection could not be taken", exc_info=error)

    async def _end_handshakes(self) -> None:
        """Go on until nobody waits."""
        while self._waiting or self._tasks:
            self._go_on()
            if self._tasks:
                await asyncio.wait(list(self._tasks.values()), return_when=asyncio.FIRST_COMPLETED)

    async def close(self) -> None:
        """Take only who has connected already, and give up what is not made within :data:`LAST_SECONDS`."""
        self._is_closed = True
        self._looking.cancel()
        self._loop.remove_reader(self._listening)
        # Who is in the queue of the system would be reset.
        self._take(MOST)
        self._listening.close()
        if self._next is not None:
            self._next.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                await self._end_handshakes()
        while self._waiting:
            self._waiting.first().close()
        for connection in self._handshakes:
            self._tasks[connection].cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()))
