"""Nothing is contacted that was not named: a network without a way out counts what wanted to leave it."""

import json
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.whole.conftest import GraphDataPlace, Running, Starter, inside, until
from upgraph.testing.answers import read_answer

CALLS = ("IpOutNoRoutes", "Ip6OutNoRoutes", "UdpNoPorts", "Udp6NoPorts")
"""What the kernel counts: packets that have no way, and questions to a name server on loopback."""
CONNECTION = "socket.socket().connect_ex(('192.0.2.1', 443))"
QUESTION = "socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('127.0.0.53', 53))"


def calls(running: Running) -> dict[str, int]:
    """What wanted to leave the network of a program, by kind."""
    net = Path(f"/proc/{running.process.pid}/net")
    found = {}
    for names, values in pairwise((net / "snmp").read_text().splitlines()):
        group = names.partition(": ")[0]
        if values.startswith(f"{group}: "):
            pairs = zip(names.split()[1:], values.split()[1:], strict=True)
            found.update({f"{group}{name}": int(value) for name, value in pairs})
    if (net / "snmp6").exists():
        lines = map(str.split, (net / "snmp6").read_text().splitlines())
        found.update({name: int(value) for name, value in lines})
    return {name: found[name] for name in CALLS if found.get(name)}


@pytest.mark.parametrize("attempt", [CONNECTION, QUESTION], ids=["connection", "question"])
def test_the_kernel_counts_what_wants_to_leave(
    start: Starter, cut_off: tuple[str, ...], attempt: str
) -> None:
    script = f"import socket, time\n{attempt}\nprint('tried', flush=True)\ntime.sleep(600)"
    caller = start(sys.executable, "-c", script, wrapper=cut_off)
    caller.said("(tried)")
    assert calls(caller)


def versions(service: Running, graph: str, channel: str) -> set[str]:
    """What a cluster beside a service in its network is offered."""
    got = inside(service, f"{graph}?channel={channel}")
    return set(read_answer(got.body).nodes) if got.status == 200 else set()


def scrapes(service: Running) -> int:
    """Scrapes that a service has ended."""
    text = inside(service, f"{service.status}/metrics").body.decode()
    name = "cincinnati_gb_graph_upstream_scrapes_total "
    return next((int(float(line.split()[1])) for line in text.splitlines() if line.startswith(name)), 0)


def test_a_service_reads_its_sources_and_asks_nobody_else(
    start: Starter, cut_off: tuple[str, ...], sources: tuple[object, ...], graph_data: GraphDataPlace
) -> None:
    service = start.serve(*sources, "--scrape-interval", "1s", wrapper=cut_off)
    until(lambda: len(versions(service, service.clusters, "stable-4.1")) == 3, what="an answer")
    graph_data.channel("4.1.0")
    until(lambda: versions(service, service.clusters, "stable-4.1") == {"4.1.0"}, what="the change")
    until(lambda: scrapes(service) > 2, what="another scrape")
    status = json.loads(inside(service, f"{service.status}/status").body)
    assert (status["details"], calls(service)) == ([], {})
    assert service.stop() == 0


def test_the_demonstration_asks_nobody(start: Starter, cut_off: tuple[str, ...], tmp_path: Path) -> None:
    demo = start("upgraph", "demo", wrapper=cut_off, TMPDIR=str(tmp_path))
    graph = demo.said(r"clusters ask\s+(\S+)")
    until(lambda: "4.17.4" in versions(demo, graph, "stable-4.17"), what="an answer")
    assert calls(demo) == {}
