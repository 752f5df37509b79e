"""A TCP proxy on the loopback that counts what comes back from the server, whatever it is."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

CHUNK_BYTES = 64 * 1024
IDLE_SECONDS = 120.0
"""Time after which a silent connection is given up."""


@dataclass(slots=True)
class CountingProxy:
    """A running proxy."""

    port: int
    received_bytes: int = 0
    """Bytes that the server has sent, with TLS and headers."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, size: int) -> None:
        """Add what the server has sent."""
        with self._lock:
            self.received_bytes += size


@contextmanager
def counting_proxy(target: int) -> Iterator[CountingProxy]:
    """Run a proxy to a port of the loopback."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as server:
        proxy = CountingProxy(server.getsockname()[1])
        accepting = threading.Thread(target=_accept, args=(server, target, proxy))
        accepting.start()
        try:
            yield proxy
        finally:
            server.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _accept(server: socket.socket, target: int, proxy: CountingProxy) -> None:
    threads: list[threading.Thread] = []
    with suppress(OSError):
        while True:
            client = server.accept()[0]
            upstream = socket.create_connection(("127.0.0.1", target), timeout=IDLE_SECONDS)
            client.settimeout(IDLE_SECONDS)
            for source, sink, counted in ((client, upstream, None), (upstream, client, proxy)):
                threads.append(threading.Thread(target=_pipe, args=(source, sink, counted)))
                threads[-1].start()
    for thread in threads:
        thread.join()


def _pipe(source: socket.socket, sink: socket.socket, proxy: CountingProxy | None) -> None:
    with suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            if proxy is not None:
                proxy.count(len(chunk))
            sink.sendall(chunk)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
