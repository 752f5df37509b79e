"""``--serving-processes``: several processes at one address are one service."""

import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests.whole.conftest import GraphDataPlace, Running, Starter, curl, is_gone, until, write_layout
from upgraph.service.answering.__main__ import TELL_SECONDS

PROCESSES = 3
ENOUGH = 40
"""Connections among which each process gets some; that one gets none has a chance of 1 to 3 million."""
COUNT = re.compile(
    r'^cincinnati_pe_graph_incoming_requests_total\{uri_path="[^"]*/graph"\} (\S+)$', re.MULTILINE
)


@pytest.fixture
def service(start: Starter, sources: tuple[object, ...]) -> Running:
    service = start.serve(*sources, "--serving-processes", PROCESSES)
    service.answered()
    until(lambda: listening(service) == PROCESSES, what="all processes")
    return service


def listening(service: Running) -> int:
    """How many sockets take the connections of clusters."""
    port = f":{int(service.clusters.rpartition(':')[2].partition('/')[0]):04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(local.endswith(port) and state == "0A" for _, local, _, state, *_ in rows)


def fellows(service: Running) -> set[int]:
    """The answering processes beside the first one."""
    children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
    named = ((int(pid), Path(f"/proc/{pid}/cmdline").read_bytes()) for pid in children)
    return {pid for pid, command in named if b"upgraph.service.answering" in command}


def counted(service: Running) -> float:
    """Requests for graphs, as the metrics have them."""
    return sum(map(float, COUNT.findall(curl(f"{service.status}/metrics").body.decode())))


def settled(service: Running) -> float:
    """The same, once every process has told what it counted."""

    def look() -> tuple[float] | None:
        before = counted(service)
        time.sleep(3 * TELL_SECONDS)
        return (before,) if counted(service) == before else None

    found = until(look, what="counts that stay")
    assert found is not None
    return found[0]


def asked(service: Running) -> list[int]:
    """The statuses of many answers, each on a connection of its own."""
    return [service.ask().status for _ in range(ENOUGH)]


def test_all_of_them_answer_and_are_counted_together(service: Running) -> None:
    before = settled(service)
    assert asked(service) == [200] * ENOUGH
    assert settled(service) == before + ENOUGH


def test_all_of_them_get_a_new_graph(service: Running, graph_data: GraphDataPlace) -> None:
    graph_data.channel("4.1.0")
    service.answered(lambda graph: set(graph.nodes) == {"4.1.0"})
    until(
        lambda: all(set(service.ask().graph.nodes) == {"4.1.0"} for _ in range(ENOUGH)),
        what="the new graph from all",
    )


def test_one_that_dies_is_replaced_and_the_others_go_on(service: Running) -> None:
    victim = min(fellows(service))
    os.kill(victim, signal.SIGKILL)
    until(lambda: "[answering-ended]" in service.text, what="a line in the log")
    assert asked(service) == [200] * ENOUGH
    until(lambda: listening(service) == PROCESSES, what="another process")
    assert victim not in fellows(service)
    assert asked(service) == [200] * ENOUGH


def test_what_was_counted_stays_counted_when_one_dies(service: Running) -> None:
    asked(service)
    before = settled(service)
    killed = fellows(service)
    for process in killed:
        os.kill(process, signal.SIGKILL)
    # Others take their place soon, so there may be no moment in which the first one is seen alone.
    ends = f"upgraph_answering_ends_total {len(killed)}.0"
    until(lambda: ends in curl(f"{service.status}/metrics").body.decode(), what="their end")
    assert counted(service) == before
    assert (
        'upgraph_connections_open{listener="clients"} 0.0' in curl(f"{service.status}/metrics").body.decode()
    )


def test_another_service_does_not_get_a_part_of_the_clusters(
    service: Running, start: Starter, sources: tuple[object, ...]
) -> None:
    address = service.clusters.removeprefix("http://").partition("/")[0]
    flags = ("--listen", address, "--status-listen", "127.0.0.1:0", "--serving-processes", 2)
    other = start("upgraph", "serve", *sources, *flags)
    assert other.process.wait(180) == 2
    assert "listen-failed" in other.text


def test_what_was_saved_is_answered_by_all_after_a_restart(
    start: Starter, graph_data: GraphDataPlace, tmp_path: Path
) -> None:
    layout = write_layout(tmp_path / "layout")
    flags = ("--releases", f"oci:{layout}", "--payload-repository", "registry.example/r")
    state = ("--state-dir", tmp_path / "state", "--serving-processes", PROCESSES)
    first = start.serve(*flags, "--graph-data", graph_data.path, *state)
    saved = first.answered()
    first.stop()
    layout.rename(tmp_path / "elsewhere")
    second = start.serve(*flags, "--graph-data", graph_data.path, *state)
    until(lambda: listening(second) == PROCESSES, what="all processes")
    assert all(second.ask().graph == saved for _ in range(ENOUGH))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_ends_all_of_them_in_peace(service: Running, number: signal.Signals) -> None:
    processes = fellows(service)
    assert service.stop(number) == 0
    until(lambda: all(map(is_gone, processes)), what="the end of all processes")
    assert "Traceback" not in service.text


def test_they_end_when_the_first_one_is_killed(service: Running) -> None:
    processes = fellows(service)
    service.stop(signal.SIGKILL)
    until(lambda: all(map(is_gone, processes)), what="the end of all processes")
