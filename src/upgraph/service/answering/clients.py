"""All connections of one listener: how many there may be, how long they may wait, and how they end.

One look a second at every connection replaces a timer for each. Beyond the limit the connections that have
been idle longest make room; if none is idle, who comes then is answered 503 with ``retry-after`` until it
is better, and beyond a reserve for such answers connections are closed unanswered. So neither memory nor
the time to an answer grows with the number of those who ask.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import formatdate

from upgraph.service.answering.connection import Connection
from upgraph.service.answering.message import App

UNREAD_SECONDS = 60.0
"""Seconds for which a client may take nothing of an answer that was sent to it; then it is cut off."""
NEWCOMER_SECONDS = 1.0
"""Seconds for which a stop waits for the first request of connections that are open already."""
LOOK_SECONDS = 1.0
"""Time between two looks at all connections: how exact the other times are."""
RESERVE = 0.25
"""Share of the limit that may be open beyond it, to be turned away with an answer."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one listener grants its clients."""

    connections: int = 8192
    """Connections at a time, idle ones among them."""
    header_seconds: float = 30.0
    """Seconds for a request, counted from the end of the one before: also the idle time."""
    header_bytes: int = 64 * 1024
    """Bytes of a request line and its headers. More than 100 header lines are always refused."""


DEFAULT_LIMITS = Limits()


@dataclass(slots=True)
class Traffic:
    """What has happened to the connections of a listener so far."""

    open: int = 0
    """Open now in this process."""
    open_elsewhere: int = 0
    """Open now in other processes that share the listener. All other numbers count them too."""
    accepted: int = 0
    turned_away: int = 0
    """Answered 503, or closed unanswered, because too many were open; over TLS also because too many waited for a
    handshake, and these were never made."""
    made_room: int = 0
    """Closed while idle, for a new one."""
    failed_handshakes: int = 0
    """Ended before they were made: the client spoke no TLS, or did not trust the certificate."""
    malformed: int = 0
    """Closed because what came was no request, or one beyond the limits."""
    timed_out: int = 0
    """Closed because the client did not send or did not read in time."""


class Clients:
    """The connections of one listener.

    Args:
        app: what answers.
        limits: what clients may have.
        traffic: where is counted what happens.
        now: seconds of the event loop.
    """

    def __init__(self, app: App, limits: Limits, traffic: Traffic, now: float) -> None:
        self.app = app
        self.limits = limits
        self.now = now
        self.date = _date()
        self.is_stopping = False
        self._traffic = traffic
        self._connections: set[Connection] = set()
        self._idle: Iterator[Connection] = iter(())
        self._emptied = asyncio.Event()
        self._emptied.set()

    def connect(self, made: Callable[[], object] | None = None) -> Connection:
        """The protocol of a new connection, for the event loop.

        Args:
            made: called once it is made, before it is counted here.
        """
        return Connection(self, self.limits.header_bytes, made)

    def joined(self, connection: Connection) -> bool:
        """See :class:`~upgraph.service.answering.connection.Host`."""
        self._connections.add(connection)
        self._traffic.open = len(self._connections)
        self._emptied.clear()
        self._traffic.accepted += 1
        count, limit = len(self._connections), self.limits.connections
        if count <= limit or self.make_room():
            return True
        self._traffic.turned_away += 1
        if count > limit * (1 + RESERVE):
            connection.abort()
        return False

    def left(self, connection: Connection) -> None:
        """See :class:`~upgraph.service.answering.connection.Host`."""
        self._connections.discard(connection)
        self._traffic.open = len(self._connections)
        if not self._connections:
            self._emptied.set()

    def met_malformed(self) -> None:
        """See :class:`~upgraph.service.answering.connection.Host`."""
        self._traffic.malformed += 1

    def failed_handshake(self) -> None:
        """A connection ended before it was made."""
        self._traffic.failed_handshakes += 1

    def has_room_beside(self, unmade: int) -> bool:
        """Whether another connection may be made that is at least told to come again.

        Args:
            unmade: connections that are being made.
        """
        return len(self._connections) + unmade < self.limits.connections * (1 + RESERVE)

    def turned_away(self) -> None:
        """A connection was closed before it was made, because there were too many."""
        self._traffic.turned_away += 1

    def make_room(self) -> bool:
        """Close the connection that has been idle longest; false: none is idle."""
        for connection in self._idle:
            if connection in self._connections and connection.is_idle():
                connection.close()
                self._traffic.made_room += 1
                return True
        return False

    def look(self, now: float) -> None:
        """Close the connections whose clients waited too long."""
        self.now = now
        self.date = _date()
        idle: list[Connection] = []
        for connection in list(self._connections):
            if connection.waits_too_long(
                header_seconds=self.limits.header_seconds, unread_seconds=UNREAD_SECONDS
            ):
                # One that has ended already was counted for what ended it.
                self._traffic.timed_out += not connection.has_ended
                connection.time_out()
            elif connection.is_idle():
                idle.append(connection)
        # Those who have been quiet longest go first. A later look makes a better list.
        idle.sort(key=lambda connection: connection.since)
        self._idle = iter(idle)

    async def watch(self) -> None:
        """Look at all connections again and again, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look(loop.time())

    async def stop(self, grace: float) -> int:
        """End all connections: idle ones now, others once they are answered, the rest after ``grace`` seconds.

        Returns:
            How many had to be cut off.
        """
        self.is_stopping = True
        started = asyncio.get_running_loop().time()
        for connection in list(self._connections):
            if not connection.is_new():
                connection.close_when_answered()
        # The request of a client that has just connected is on its way; it asked before it could know.
        await self._empty_for(min(grace, NEWCOMER_SECONDS))
        for connection in list(self._connections):
            connection.close_when_answered()
        await self._empty_for(grace - (asyncio.get_running_loop().time() - started))
        cut_off = list(self._connections)
        for connection in cut_off:
            connection.abort()
        await self._emptied.wait()
        return len(cut_off)

    async def _empty_for(self, seconds: float) -> None:
        """Wait until no connection is left, but no longer than that."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._emptied.wait()


def _date() -> bytes:
    return f"date: {formatdate(usegmt=True)}\r\n".encode()
