"""Listeners: addresses, starting and stopping.

The sockets are bound here before anything else has started, so that a port that is taken is an error of
ours, and port 0 gives a port that can be reported.

Stopping is graceful: who has connected is taken, then nobody more; idle connections are closed, requests in
flight answered. Who does not read
an answer within :data:`STOP_GRACE` seconds is cut off.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import Enum
from functools import partial

from upgraph.errors import UserError
from upgraph.errors.problems.service import LISTEN_FAILED
from upgraph.service.answering.accepting import TlsAcceptor
from upgraph.service.answering.clients import DEFAULT_LIMITS, Clients, Limits, Traffic
from upgraph.service.answering.message import App
from upgraph.service.answering.tls import Certificate

BACKLOG = 4096
"""Connections that wait to be accepted; the kernel may cap it (net.core.somaxconn)."""
STOP_GRACE = 10.0
"""Seconds for which requests in flight are waited for when the service stops."""

_CAUSES = {
    errno.EADDRINUSE: "another process holds the port",
    errno.EACCES: "ports below 1024 need a privilege (CAP_NET_BIND_SERVICE)",
    errno.EADDRNOTAVAIL: "no network interface of this machine has the address",
}

_log = logging.getLogger(__name__)


class Sharing(Enum):
    """How a listener has its address."""

    ALONE = "alone"
    FIRST = "first"
    """Others will join it; until then nobody may have it."""
    JOINING = "joining"
    """Another process of this service has it already."""


@dataclass(frozen=True, slots=True)
class Listener:
    """One address with the app that answers there."""

    address: str
    """IPv4 or IPv6 address, or a name with an IPv4 one; ``::`` is every address of both families."""
    port: int
    """0 takes a free port."""
    app: App
    limits: Limits = DEFAULT_LIMITS
    certificate: Certificate | None = None
    """For TLS; None: plain HTTP."""
    traffic: Traffic = field(default_factory=Traffic)
    """Where is counted what happens to connections."""
    sharing: Sharing = Sharing.ALONE
    """Whether other processes listen at the same address; the system gives each its part of the connections."""


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
    """
    loop = asyncio.get_running_loop()
    with ExitStack() as unstarted:
        sockets = [unstarted.enter_context(_bind(listener)) for listener in listeners]
        bound = tuple(_bound(held) for held in sockets)
        async with asyncio.TaskGroup() as group:
            for listener, held, where in zip(listeners, sockets, bound, strict=True):
                clients = Clients(listener.app, listener.limits, listener.traffic, loop.time())
                close = await _accept(held, clients, listener.certificate)
                group.create_task(_run(close, clients, where, stop))
            started(bound)


def _bind(listener: Listener) -> socket.socket:
    try:
        return _listen(listener)
    except OSError as error:
        cause = _CAUSES.get(error.errno or 0, error.strerror or str(error))
        seen = f"cannot listen on {listener.address} port {listener.port}: {cause}"
        raise UserError(LISTEN_FAILED, seen) from error


def _listen(listener: Listener) -> socket.socket:
    address, port = listener.address, listener.port
    if address == "::" and not socket.has_dualstack_ipv6():
        # A kernel without IPv6: every address is every IPv4 address.
        address = "0.0.0.0"  # noqa: S104 - asked for by whoever configured it
    create = partial(
        socket.create_server,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        backlog=BACKLOG,
        dualstack_ipv6=address == "::",
    )
    if listener.sharing is Sharing.FIRST:
        # A port that may be shared could be taken together with another service of the same user, which would
        # then get half of the clusters. One that may not is refused.
        with create((address, port)) as alone:
            port = alone.getsockname()[1]
    held = create((address, port), reuse_port=listener.sharing is not Sharing.ALONE)
    # Connections inherit it. Without it, the end of an answer may wait for the client to acknowledge its
    # beginning, which clients put off.
    held.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return held


def _bound(held: socket.socket) -> Bound:
    address, port = held.getsockname()[:2]
    return Bound(address, port)


async def _accept(
    held: socket.socket, clients: Clients, certificate: Certificate | None
) -> Callable[[], Awaitable[None]]:
    """Take connections; gives what ends that."""
    if certificate is not None:
        return TlsAcceptor(held, clients, certificate).close
    loop = asyncio.get_running_loop()
    server = await loop.create_server(clients.connect, sock=held, backlog=BACKLOG)

    async def close() -> None:
        rest = list(_queued(held))
        server.close()
        made = (loop.connect_accepted_socket(clients.connect, one) for one in rest)
        # The clients know those that the server has taken just now only after this turn. Who has gone meanwhile
        # is no fault.
        await asyncio.gather(asyncio.sleep(0), *made, return_exceptions=True)

    return close


def _queued(held: socket.socket) -> Iterator[socket.socket]:
    """Who has connected and was not taken yet: the end of the socket would reset them."""
    for _ in range(BACKLOG):
        try:
            connection, _ = held.accept()
        except ConnectionAbortedError:
            continue
        except OSError:
            # Nobody is left, or the system can give no more.
            return
        yield connection


async def _run(
    close: Callable[[], Awaitable[None]], clients: Clients, where: Bound, stop: asyncio.Event
) -> None:
    watching = asyncio.create_task(clients.watch())
    try:
        await stop.wait()
    finally:
        watching.cancel()
        await asyncio.wait({watching})
        await close()
        cut_off = await clients.stop(STOP_GRACE)
        if cut_off:
            _log.warning(
                "cut off %d clients of %s that did not read their answers within %g s",
                cut_off,
                where,
                STOP_GRACE,
            )
