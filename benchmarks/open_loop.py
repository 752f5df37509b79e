"""Requests at a fixed rate, whatever the server does: latency as clients that do not know of each other see it.

Each request has its time, and its latency counts from that time on, also while it waits for a connection,
so a server that stalls is charged for everything that came due meanwhile. Run as a program
(``python -m benchmarks.open_loop``) it prints the latencies as JSON.
"""

import argparse
import asyncio
import contextlib
import gc
import sys
import time
import uuid
from collections import deque
from dataclasses import dataclass, field

import msgspec

CONNECTIONS = 64
DRAIN_SECONDS = 10.0
"""Longest wait for the last answers."""


class Latencies(msgspec.Struct, frozen=True):
    """What one run saw; times in milliseconds."""

    requests: int
    p50: float
    p99: float
    worst: float
    late: float
    """p99 of how late this client was itself."""


@dataclass(slots=True)
class _Run:
    rate: float
    seconds: float
    host: str
    path: str
    idle: deque["_Connection"] = field(default_factory=deque)
    waiting: deque[float] = field(default_factory=deque)
    taken: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when every answer has come, or something went wrong."""

    @property
    def count(self) -> int:
        return int(self.rate * self.seconds)

    def fault(self, text: str) -> None:
        self.faults.append(text)
        self.over.set()

    def issue(self, due: float) -> None:
        if self.idle:
            self.idle.popleft().send(due, self._request())
        else:
            self.waiting.append(due)

    def answered(self, connection: "_Connection", due: float) -> None:
        self.taken.append(time.perf_counter() - due)
        self.idle.append(connection)
        if self.waiting:
            self.issue(self.waiting.popleft())
        if len(self.taken) == self.count:
            self.over.set()

    def _request(self) -> bytes:
        number = len(self.taken)
        path = (
            f"{self.path}&id={uuid.UUID(int=number * 0x9E3779B97F4A7C15 % 2**128)}&version=4.18.{number % 50}"
        )
        head = f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\nAccept: application/json\r\n"
        return f"{head}Accept-Encoding: gzip\r\n\r\n".encode()


class _Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request at a time."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._due = 0.0
        self._buffer = bytearray()
        self._left = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream is needed")
        self._transport = transport
        self._run.idle.append(self)

    def send(self, due: float, request: bytes) -> None:
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._left < 0:
            self._buffer += data
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            self._left = _content_length(bytes(self._buffer[:end]), self._run) - (len(self._buffer) - end - 4)
            self._buffer.clear()
        else:
            self._left -= len(data)
        if self._left == 0:
            self._left = -1
            self._run.answered(self, self._due)

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.fault(f"a connection was lost: {exc}")


def _content_length(head: bytes, run: _Run) -> int:
    status, *fields = head.lower().split(b"\r\n")
    length = next((line[15:] for line in fields if line.startswith(b"content-length:")), b"")
    if b" 200" not in status or not length.strip().isdigit():
        run.fault(f"unexpected answer: {head[:200]!r}")
        return 0
    return int(length)


async def _drive(run: _Run, port: int) -> Latencies:
    loop = asyncio.get_running_loop()
    transports = [
        (await loop.create_connection(lambda: _Connection(run), "127.0.0.1", port))[0]
        for _ in range(CONNECTIONS)
    ]
    gc.disable()
    started = time.perf_counter()
    for number in range(run.count):
        due = started + number / run.rate
        delay = due - time.perf_counter()
        if delay > 0:
            await asyncio.sleep(delay)
        run.late.append(time.perf_counter() - due)
        run.issue(due)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            await run.over.wait()
    faults = list(run.faults)
    for transport in transports:
        transport.close()
    if faults or len(run.taken) != run.count:
        raise RuntimeError(
            f"{run.count - len(run.taken)} of {run.count} requests were not answered; {faults[:3]}"
        )
    return Latencies(
        requests=run.count,
        p50=quantile(run.taken, 0.5),
        p99=quantile(run.taken, 0.99),
        worst=quantile(run.taken, 1.0),
        late=quantile(run.late, 0.99),
    )


def quantile(seconds: list[float], share: float) -> float:
    """Milliseconds that ``share`` of what was seen does not exceed; nothing seen is 0."""
    ordered = sorted(seconds) or [0.0]
    return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main() -> None:
    """Run once and print what was seen."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.open_loop")
    parser.add_argument("port", type=int)
    parser.add_argument("path", help="with a query; id and version are added")
    parser.add_argument("--rate", type=float, required=True, help="requests per second")
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    run = _Run(options.rate, options.seconds, f"127.0.0.1:{options.port}", options.path)
    latencies = asyncio.run(_drive(run, options.port))
    sys.stdout.write(msgspec.json.encode(latencies).decode() + "\n")


if __name__ == "__main__":
    main()
