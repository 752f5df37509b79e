"""More clients than can be served: some are turned away, and the service stays as it was.

The program runs as users run it.
"""

import asyncio
import json
import re
import resource
import ssl
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.faults.conftest import ASK, BIN, CHANNEL, VERSIONS, Site, as_users_run_it, until
from tests.faults.outside import (
    REQUEST,
    essence,
    memory_bytes,
    open_files,
    requests_in_flight,
    served_again,
)
from tests.faults.told import told
from upgraph.service.answering.clients import RESERVE, Limits
from upgraph.service.answering.face import FILES_KEPT, LISTENERS
from upgraph.testing.certificates import make_certificates
from upgraph.testing.http_client import Answer, HttpClient

FAMILY = "Crowds"
BURST = 50_000
TLS_BURST = 12_000
"""Each costs both sides many times as much as one without TLS, and both share this machine."""
SOURCES = ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4")
"""Each process has its own limit of open files, each address its own ports."""
BURST_SECONDS = 0.25
"""Time in which the connections begin, if the machine is fast enough."""
BURST_LATE_SECONDS = 120.0
"""Longest time that it may take on a machine that is not."""
BURST_MEMORY_BYTES = 150 * 2**20
"""Memory that a burst may leave behind, most of it kept by the allocator for the next one."""
DESCRIPTORS = 160
FEW = ("/usr/bin/prlimit", f"--nofile={DESCRIPTORS}", BIN / "upgraph")
"""The program, for which the system has few descriptors."""


def places(descriptors: int) -> int:
    """How many clients may be connected where a process may open so many files."""
    return min(Limits().connections, (descriptors - FILES_KEPT) // LISTENERS)


FEW_PLACES = places(DESCRIPTORS)


@pytest.fixture
def many_files() -> Iterator[int]:
    """Let this process open as many files as the system allows; gives how many a process of it may open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def is_told(site: Site) -> bool:
    """Whether who asks now is told to come again."""
    async with site.service.clients.connected() as late:
        await late.send(REQUEST)
        return await outcome(late.receive()) == 503


async def is_shed(site: Site) -> bool:
    """Whether who comes now over TLS is closed before its handshake."""
    try:
        async with site.service.clients.connected():
            return False
    except (ssl.SSLError, ConnectionError):
        return True


@told(
    fault="There are more connections than the limit of open files allows.",
    seen="The metric `upgraph_connections_turned_away_total`.",
    clients="503 with `Retry-After`, or the end of the connection, if they are too many; the others the answers of before.",
    heals="Fewer clients at a time, or a higher limit.",
)
async def test_who_comes_when_the_share_of_clients_is_taken_is_told_to_come_again(site: Site) -> None:
    async with as_users_run_it(site, program=FEW) as pid:
        good, before = await site.serves(VERSIONS), Held(open_files(pid), memory_bytes(pid))
        async with AsyncExitStack() as stack:
            busy = await requests_in_flight(site, stack, FEW_PLACES)
            await until(lambda: is_told(site), what="the answer that there are too many")
            await busy[-1].send(REQUEST[40:])
            assert essence(await busy[-1].receive()) == essence(good)
        assert await turned_away(site) > 0
        await check_healthy(site, pid, good, before)


async def test_more_connections_than_there_may_be_are_turned_away(site: Site) -> None:
    async with as_users_run_it(site, program=FEW) as pid:
        good, before = await site.serves(VERSIONS), Held(open_files(pid), memory_bytes(pid))
        async with AsyncExitStack() as stack:
            crowd = [await stack.enter_async_context(site.service.clients.connected()) for _ in range(300)]
            for connection in crowd:
                with suppress(ConnectionError):
                    await connection.send(REQUEST)
            seen = [await outcome(connection.receive()) for connection in crowd]
        assert 200 in seen
        assert set(seen) <= {200, 503, 0}
        await check_healthy(site, pid, good, before)


async def outcome(receiving: object) -> int:
    """The status of an answer; 0 where the connection ended without one."""
    try:
        answer = await receiving  # type: ignore[misc]
    except (EOFError, ConnectionError):
        return 0
    assert isinstance(answer, Answer)
    if answer.status == 503:
        assert answer.header("retry-after") == "5"
    return answer.status


@told(
    fault="50,000 connections come at once.",
    seen="The metric `upgraph_connections_turned_away_total`.",
    clients="The answers of before, 503 with `Retry-After`, or the end of the connection.",
    heals="The end of the crowd.",
)
async def test_fifty_thousand_connections_leave_the_service_healthy(site: Site, many_files: int) -> None:
    async with as_users_run_it(site) as pid:
        good = await site.serves(VERSIONS)
        before = Held(open_files(pid), memory_bytes(pid))
        seen = await burst(site.service.clients.port)
        # What the queue of the system has no room for waits or is reset; nothing is answered wrongly.
        assert set(seen) <= {"200", "503", "closed", "ECONNRESET", "EPIPE", "unanswered"}, seen
        assert seen.total() == BURST
        assert seen["200"] > 0
        await check_healthy(site, pid, good, before)
        # A fast machine may have served them all. Those who do not end what they began take all places for sure.
        async with AsyncExitStack() as stack:
            await requests_in_flight(site, stack, places(many_files))
            await until(lambda: is_told(site), what="the answer that there are too many")
        assert await turned_away(site) > 0
        await check_healthy(site, pid, good, before)


@told(
    fault="More connections come at once over TLS than handshakes can be made for.",
    seen="The metric `upgraph_connections_turned_away_total`.",
    clients="The answers of before, or the end of the connection before its handshake.",
    heals="The end of the crowd.",
)
async def test_a_burst_over_tls_is_shed_before_it_costs_handshakes(site: Site) -> None:
    shown = make_certificates(site.directory)
    tls = ("--tls-cert", shown.certificate, "--tls-key", shown.key)
    async with as_users_run_it(site, *tls) as pid:
        port = site.service.clients.port
        site.service.clients = HttpClient("127.0.0.1", port, tls=shown.client_context())
        good = await site.serves(VERSIONS)
        before = Held(open_files(pid), memory_bytes(pid))
        seen = await burst(port, TLS_BURST, "--tls")
        # Without a handshake nobody can be told to come again: a connection is closed.
        assert set(seen) <= {"200", "503", "closed", "ECONNRESET", "EPIPE", "SSLEOFError", "unanswered"}, seen
        assert seen.total() == TLS_BURST
        assert seen["200"] > 0
        await check_healthy(site, pid, good, before)
        given_up = await counted(site, "failed_handshakes")
        # How many this machine can serve is not known, but no work was begun for most of those who went without.
        # What the clients themselves give up in the end says nothing, nor do the few that fail where all others
        # are served.
        assert given_up <= await turned_away(site) + seen["unanswered"] + TLS_BURST // 20
    # With few places it is known when they are taken: by those who do not end what they began.
    async with as_users_run_it(site, *tls, program=FEW), AsyncExitStack() as stack:
        port = site.service.clients.port
        site.service.clients = HttpClient("127.0.0.1", port, tls=shown.client_context())
        await site.serves(VERSIONS)
        await requests_in_flight(site, stack, int(FEW_PLACES * (1 + RESERVE)))
        await until(lambda: is_shed(site), what="the end of a connection before its handshake")
        assert await turned_away(site) > 0


async def turned_away(site: Site) -> int:
    """Connections of clients that were turned away so far."""
    return await counted(site, "turned_away")


async def counted(site: Site, name: str) -> int:
    metrics = (await site.service.status.get("/metrics")).body.decode()
    found = re.search(rf'upgraph_connections_{name}_total{{listener="clients"}} (\d+)', metrics)
    assert found is not None
    return int(found[1])


class Held(NamedTuple):
    """What a process holds: files that are open, bytes of memory."""

    files: int
    memory: int


async def check_healthy(site: Site, pid: int, good: Answer, before: Held) -> None:
    """After a crowd all is as it was: answers, descriptors, memory within its bound, the log, readiness."""
    await served_again(site, good)

    async def are_closed() -> bool:
        return open_files(pid) <= before.files

    await until(are_closed, what="the end of the connections")
    assert memory_bytes(pid) - before.memory < BURST_MEMORY_BYTES
    assert "Traceback" not in site.service.log()
    assert (await site.service.status.get("/readyz")).status == 200


async def burst(port: int, connections: int = BURST, *options: str) -> Counter[str]:
    """All connections at once, as far as this machine can make them; gives how they ended."""
    each = connections // len(SOURCES)
    pace = [f"--rate={each / BURST_SECONDS}", f"--seconds={BURST_SECONDS}", f"--late={BURST_LATE_SECONDS}"]
    asker = (
        sys.executable,
        "-m",
        "benchmarks.fresh_connections",
        str(port),
        ASK.format(*CHANNEL),
        *pace,
        *options,
    )
    processes = [
        await asyncio.create_subprocess_exec(
            *(*asker, "--source", source), cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE
        )
        for source in SOURCES
    ]
    outputs = await asyncio.gather(*(process.communicate() for process in processes))
    return sum((Counter(json.loads(output)["statuses"]) for output, _ in outputs), Counter())
