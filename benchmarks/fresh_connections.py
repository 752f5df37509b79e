"""A fleet at a fixed rate: every request on a connection of its own, whether or not earlier ones were answered.

So Cluster Version Operators ask: one request in minutes, on a connection that is not kept. One thread waits
for all connections at once; there is a cap on how many may be open, and what would exceed it counts as a
failure. Run as a program (``python -m benchmarks.fresh_connections``) it prints what it saw as JSON.
"""

import argparse
import errno
import gc
import select
import socket
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from benchmarks.open_loop import quantile

OPEN_AT_ONCE = 12_500
"""Connections of the generator at a time."""
DRAIN_SECONDS = 5.0
"""Longest wait for the last answers."""
LATE_SECONDS = 5.0
"""Longest time that this client may usually be late itself: what it sends later says nothing about the rate."""
_CHUNK = 64 * 1024
_BIND_ADDRESS_NO_PORT = 24
"""Of Linux; the module of the library has no name for it."""


class Seen(msgspec.Struct, frozen=True):
    """What one run saw; times in milliseconds."""

    requests: int
    answered: int
    statuses: dict[str, int]
    p50: float
    p99: float
    late: float
    """p99 of how late this client was itself."""


@dataclass(slots=True)
class _Asker:
    """One connection."""

    connection: socket.socket
    due: float
    request: bytes
    is_connected: bool = False
    head: bytes = b""


@dataclass(slots=True)
class _Run:
    port: int
    tls: ssl.SSLContext | None
    request: Callable[[int], bytes]
    source: str = "127.0.0.1"
    """Address that connections come from: each has about 28,000 ports."""
    poll: select.epoll = field(default_factory=select.epoll)
    askers: dict[int, _Asker] = field(default_factory=dict)
    taken: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)

    def begin(self, number: int, due: float) -> None:
        if len(self.askers) >= OPEN_AT_ONCE:
            self._count("not sent")
            return
        connection = socket.socket()
        connection.settimeout(0)
        # The port is chosen when the connection is made, so that it may serve several destinations.
        connection.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
        connection.bind((self.source, 0))
        code = connection.connect_ex(("127.0.0.1", self.port))
        if code not in {0, errno.EINPROGRESS}:
            connection.close()
            self._count(errno.errorcode.get(code, "refused"))
            return
        self.askers[connection.fileno()] = _Asker(connection, due, self.request(number))
        self.poll.register(connection, select.EPOLLOUT)

    def look(self, seconds: float) -> None:
        for descriptor, _ in self.poll.poll(max(seconds, 0.0)):
            asker = self.askers[descriptor]
            try:
                self._go_on(asker)
            except (ssl.SSLWantReadError, BlockingIOError):
                self.poll.modify(descriptor, select.EPOLLIN)
            except ssl.SSLWantWriteError:
                self.poll.modify(descriptor, select.EPOLLOUT)
            except OSError as error:
                # The numbers of TLS errors are others than those of the system.
                number = 0 if isinstance(error, ssl.SSLError) else error.errno or 0
                self._end(descriptor, asker, errno.errorcode.get(number, type(error).__name__))

    def leave_out(self, requests: int) -> None:
        """What this machine could not even begin in time."""
        self.statuses["not sent"] = self.statuses.get("not sent", 0) + requests

    def give_up(self, descriptor: int, asker: _Asker) -> None:
        self._end(descriptor, asker, "unanswered")

    def _go_on(self, asker: _Asker) -> None:
        if not asker.is_connected:
            self._connect(asker)
        if asker.request:
            asker.connection.send(asker.request)
            asker.request = b""
        while chunk := asker.connection.recv(_CHUNK):
            if not asker.head:
                asker.head = chunk[:16]
        self.taken.append(time.perf_counter() - asker.due)
        self._end(asker.connection.fileno(), asker, asker.head[9:12].decode() or "closed")

    def _connect(self, asker: _Asker) -> None:
        if self.tls is not None:
            if not isinstance(asker.connection, ssl.SSLSocket):
                descriptor = asker.connection.fileno()
                asker.connection = self.tls.wrap_socket(
                    asker.connection, server_hostname="127.0.0.1", do_handshake_on_connect=False
                )
                assert asker.connection.fileno() == descriptor
            asker.connection.do_handshake()
        asker.is_connected = True

    def _end(self, descriptor: int, asker: _Asker, status: str) -> None:
        self._count(status)
        self.poll.unregister(descriptor)
        del self.askers[descriptor]
        asker.connection.close()

    def _count(self, status: str) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1


def _drive(run: _Run, rate: float, seconds: float, late_seconds: float) -> Seen:
    gc.disable()
    count = int(rate * seconds)
    started = time.perf_counter()
    for number in range(count):
        due = started + number / rate
        while (wait := due - time.perf_counter()) > 0:
            run.look(wait)
        if number % 8 == 0:
            run.look(0)
        run.late.append(time.perf_counter() - due)
        if run.late[-1] > late_seconds:
            run.leave_out(count - number)
            break
        run.begin(number, due)
    end = time.perf_counter() + DRAIN_SECONDS
    while run.askers and time.perf_counter() < end:
        run.look(0.1)
    for descriptor, asker in list(run.askers.items()):
        run.give_up(descriptor, asker)
    return Seen(
        requests=count,
        answered=len(run.taken),
        statuses=dict(sorted(run.statuses.items())),
        p50=quantile(run.taken, 0.5),
        p99=quantile(run.taken, 0.99),
        late=quantile(run.late, 0.99),
    )


def main() -> None:
    """Run once and print what was seen."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fresh_connections")
    parser.add_argument("port", type=int)
    parser.add_argument("path", help="with a query; id and version are added")
    parser.add_argument("--rate", type=float, required=True, help="connections per second")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--late", type=float, default=LATE_SECONDS, help="seconds; what is later is not sent")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--source", default="127.0.0.1", help="address of the loopback to come from")
    parser.add_argument("--etag", help="entity tag that the clients hold")
    options = parser.parse_args()
    context = None
    if options.tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    condition = f"If-None-Match: {options.etag}\r\n" if options.etag else ""
    tail = (
        f" HTTP/1.1\r\nHost: 127.0.0.1:{options.port}\r\nAccept: application/json\r\n"
        f"Accept-Encoding: gzip\r\n{condition}Connection: close\r\n\r\n"
    )

    def request(number: int) -> bytes:
        return (
            f"GET {options.path}&id={number:08x}-0000-4000-8000-{number:012x}&version=4.18.{number % 50}{tail}"
        ).encode()

    run = _Run(options.port, context, request, options.source)
    seen = _drive(run, options.rate, options.seconds, options.late)
    sys.stdout.write(msgspec.json.encode(seen).decode() + "\n")


if __name__ == "__main__":
    main()
