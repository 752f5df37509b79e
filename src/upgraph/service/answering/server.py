"""Listeners: addresses, limits, starting and stopping.

granian's embedded server runs in the event loop of this process, one instance a listener: as fast as its
multi-process form, with one process less. The sockets are bound here, so that a port that is taken is an
error of ours before anything has started, and port 0 gives a port that can be reported.

Stopping is graceful: no new connections, idle ones closed, requests in flight answered. Who does not read
an answer within :data:`STOP_GRACE` seconds is cut off.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from upgraph.errors import UpgraphError, UserError
from upgraph.errors.problems.service import LISTEN_FAILED, SERVER_ENDED
from upgraph.service.answering.message import App
from upgraph.service.answering.rsgi import RsgiApp

BACKLOG = 4096
"""Connections that wait to be accepted; the kernel may cap it (net.core.somaxconn)."""
UNREAD_SECONDS = 60.0
"""Seconds for which a client may leave unread what was sent to it; then its connection is closed."""
STOP_GRACE = 10.0
"""Seconds for which requests in flight are waited for when the service stops."""

_CAUSES = {
    errno.EADDRINUSE: "another process holds the port",
    errno.EACCES: "ports below 1024 need a privilege (CAP_NET_BIND_SERVICE)",
    errno.EADDRNOTAVAIL: "no network interface of this machine has the address",
}
# granian would otherwise install handlers of its own and close those that are there.
_LOGGING = {"version": 1, "incremental": True, "handlers": {}, "loggers": {}}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one listener grants its clients."""

    connections: int = 8192
    """Connections at a time, idle ones among them; others wait in the backlog."""
    header_seconds: float = 30.0
    """Seconds for the header of a request, counted from the end of the one before: also the idle time."""
    header_bytes: int = 64 * 1024
    """Bytes of a request line and its headers. More than 100 header lines are always refused."""


@dataclass(frozen=True, slots=True)
class Listener:
    """One address with the app that answers there."""

    address: str
    """IPv4 or IPv6 address, or a name with an IPv4 one; ``::`` is every address of both families."""
    port: int
    """0 takes a free port."""
    app: App
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Bound:
    """Where a listener listens."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


async def serve(
    listeners: Sequence[Listener],
    stop: asyncio.Event,
    started: Callable[[tuple[Bound, ...]], None] = lambda _: None,
) -> None:
    """Answer on all ``listeners`` until ``stop`` is set, then end gracefully.

    Args:
        listeners: what to listen on; either all are bound or none.
        stop: set by whoever wants the service to end.
        started: gets the addresses, in the order of ``listeners``, once connections are taken.

    Raises:
        UserError: an address cannot be listened on; nothing was started.
        UpgraphError: a listener ended by itself; all others were stopped.
    """
    with ExitStack() as unstarted:
        sockets = [unstarted.enter_context(_bind(listener)) for listener in listeners]
        bound = tuple(_bound(held) for held in sockets)
        servers = [_Server(listener, held) for listener, held in zip(listeners, sockets, strict=True)]
        try:
            async with asyncio.TaskGroup() as group:
                for server, where in zip(servers, bound, strict=True):
                    group.create_task(_run(server, where, stop))
                started(bound)
        except* UpgraphError as group_of_errors:
            raise _first(group_of_errors) from None


def _first(group: BaseExceptionGroup[UpgraphError]) -> UpgraphError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def _bind(listener: Listener) -> socket.socket:
    try:
        return _listen(listener.address, listener.port)
    except OSError as error:
        cause = _CAUSES.get(error.errno or 0, error.strerror or str(error))
        seen = f"cannot listen on {listener.address} port {listener.port}: {cause}"
        raise UserError(LISTEN_FAILED, seen) from error


def _listen(address: str, port: int) -> socket.socket:
    if address == "::" and not socket.has_dualstack_ipv6():
        # A kernel without IPv6: every address is every IPv4 address.
        address = "0.0.0.0"  # noqa: S104 - asked for by whoever configured it
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    held = socket.create_server(
        (address, port), family=family, backlog=BACKLOG, dualstack_ipv6=address == "::"
    )
    # Connections inherit both. Without the first, the end of an answer may wait for the client to
    # acknowledge its beginning, which clients put off.
    held.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Who does not take what was sent is not waited for. granian has no such limit.
    held.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(UNREAD_SECONDS * 1000))
    return held


def _bound(held: socket.socket) -> Bound:
    address, port = held.getsockname()[:2]
    return Bound(address, port)


async def _run(server: "_Server", where: Bound, stop: asyncio.Event) -> None:
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set():
            cause = serving.exception()
            raise UpgraphError(SERVER_ENDED, f"the listener on {where} ended: {cause or 'no reason given'}")
    finally:
        stopping.cancel()
        server.stop()  # type: ignore[no-untyped-call]  # granian leaves it so
        await _end(serving, where)


async def _end(serving: asyncio.Task[None], where: Bound) -> None:
    _, unfinished = await asyncio.wait({serving}, timeout=STOP_GRACE)
    if unfinished:
        _log.warning("cut off clients of %s that did not read their answers within %g s", where, STOP_GRACE)
        serving.cancel()
        await asyncio.wait({serving})


class _Server(Server):
    """granian's server on a socket that is bound already."""

    def __init__(self, listener: Listener, held: socket.socket) -> None:
        limits = listener.limits
        super().__init__(
            RsgiApp(listener.app),
            interface=Interfaces.RSGI,
            http=HTTPModes.http1,
            websockets=False,
            backlog=BACKLOG,
            backpressure=limits.connections,
            http1_settings=HTTP1Settings(
                header_read_timeout=round(limits.header_seconds * 1000),
                max_buffer_size=limits.header_bytes,
            ),
            # It warns at each start that it is experimental; what matters comes as an error.
            log_level=LogLevels.error,
            log_dictconfig=_LOGGING,
        )
        self._held = held

    def _init_shared_socket(self) -> None:
        # The server closes the descriptor it is given, so it must be the only one who holds it.
        # Its type stubs know neither the constructor nor that this attribute ever holds anything.
        holder = SocketHolder(self._held.detach(), False, BACKLOG)  # type: ignore[call-arg]  # noqa: FBT003
        self._shd = holder  # type: ignore[assignment]  # see above
