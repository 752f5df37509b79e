"""``upgraph status`` with several addresses: replicas side by side."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import msgspec
import pytest

from tests.commands.conftest import Command
from tests.commands.test_status import FACTS, NOW, SOURCE, Held, listening
from upgraph.service.answering.status import StatusPort

WELL = msgspec.structs.replace(SOURCE, fault=None)
CLEAN = msgspec.structs.replace(FACTS, findings=())
OTHER = msgspec.structs.replace(CLEAN, digest="99" * 32, graph_data_digest="sha256:" + "88" * 32)
NOBODY = "127.0.0.1:9"


@pytest.fixture
def replica() -> Iterator[Callable[..., str]]:
    """Starts the status port of a replica that is well; gives its address."""
    with ExitStack() as stack:

        def start(held: Held | None = None, max_stale: float | None = None) -> str:
            told = held or Held(facts=CLEAN, sources=(WELL,))
            port = StatusPort(told, lambda: b"", lambda: NOW, max_stale=max_stale)
            return stack.enter_context(listening(port))

        yield start


def test_replicas_with_one_graph_are_said_to_agree(command: Command, replica: Callable[..., str]) -> None:
    first, second = replica(), replica()
    done = command("upgraph", "status", first, second)
    assert done.code == 0
    assert [line.split()[:2] for line in done.out.splitlines() if "127.0.0.1" in line] == [
        [first, "ready"],
        [second, "ready"],
    ]
    assert "2 of 2 replicas have a graph, and it is the same" in done.out


def test_what_replicas_do_not_agree_in_is_told(command: Command, replica: Callable[..., str]) -> None:
    done = command("upgraph", "status", replica(), replica(Held(facts=OTHER, sources=(WELL,))))
    assert done.code == 0
    assert "2 replicas have graphs that are not the same: they hold different graph data" in done.out
    assert "reference:      replicas-differ" in done.out


def test_a_replica_that_does_not_answer_hides_no_other(command: Command, replica: Callable[..., str]) -> None:
    first = replica()
    done = command("upgraph", "status", first, NOBODY)
    assert done.code == 4
    assert f"{NOBODY}" in done.out
    assert "no answer" in done.out
    assert "reference:      status-unavailable" in done.out
    assert "1 of 2 replicas have a graph" in done.out


def test_what_is_wrong_with_one_stands_in_its_line(command: Command, replica: Callable[..., str]) -> None:
    well, aged = replica(), replica(Held(), 60.0)
    done = command("upgraph", "status", well, aged)
    lines = {line.split()[0]: line for line in done.out.splitlines() if "127.0.0.1" in line}
    assert done.code == 3
    assert "graph-stale" not in lines[well]
    assert all(word in lines[aged] for word in ("not ready", "graph-stale", "registry-untrusted"))


def test_programs_get_every_report(command: Command, replica: Callable[..., str]) -> None:
    done = command("upgraph", "status", replica(), NOBODY, replica(Held(facts=OTHER)), "-o", "json")
    document = json.loads(done.out)
    assert (document["agree"], document["differ_in"]) == (False, ["graph data"])
    assert document["replicas"][0]["report"]["ready"] is True
    assert document["replicas"][1]["fault"]["reference"] == "status-unavailable"
    assert document["replicas"][2]["report"]["graph"]["digest"] == OTHER.digest


def test_the_long_form_has_each_report(command: Command, replica: Callable[..., str]) -> None:
    first, second = replica(), replica()
    done = command("upgraph", "status", first, second, "-o", "wide")
    assert [f"\nhttp://{address}/status\n" in done.out for address in (first, second)] == [True, True]
    assert done.out.count("\nready: ") == 2


def test_one_replica_that_is_named_twice_is_one(command: Command, replica: Callable[..., str]) -> None:
    address = replica()
    assert command("upgraph", "status", address, f"http://{address}/").out.startswith("ready: ")
