"""Two processes, one service: whatever ends one of them, answers go on or everything ends cleanly."""

import os
import signal
from pathlib import Path

import pytest

from tests.whole.conftest import GraphDataPlace, Starter, is_gone, until, write_layout


def test_answers_go_on_without_the_building_process_and_a_new_one_is_started(
    start: Starter, sources: tuple[object, ...], graph_data: GraphDataPlace
) -> None:
    service = start.serve(*sources)
    service.answered()
    first = service.builder
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert service.ask().status == 200
    second = until(
        lambda: service.builder if service.builder != first else None, what="a new building process"
    )
    graph_data.channel("4.1.0")
    service.answered(lambda graph: set(graph.nodes) == {"4.1.0"})
    assert second == service.builder
    assert "[builder-ended]" in service.text


def test_building_takes_no_turn_from_answers_once_there_are_some(
    start: Starter, sources: tuple[object, ...]
) -> None:
    service = start.serve(*sources)
    service.answered()
    builder = service.builder
    assert builder is not None
    until(lambda: policies(builder) == {os.SCHED_IDLE}, what="a building process that stands back")
    assert policies(service.process.pid) == {os.SCHED_OTHER}


def policies(process: int) -> set[int]:
    """How the threads of a process are scheduled."""
    return {os.sched_getscheduler(int(task.name)) for task in Path(f"/proc/{process}/task").glob("*")}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_ends_both_processes_in_peace(
    start: Starter, sources: tuple[object, ...], number: signal.Signals
) -> None:
    service = start.serve(*sources)
    service.answered()
    builder = service.builder
    assert service.stop(number) == 0
    assert builder is not None
    until(lambda: is_gone(builder), what="the end of the building process")
    assert "Traceback" not in service.text


def test_a_signal_in_the_middle_of_the_start_ends_both_processes_in_peace(
    start: Starter, sources: tuple[object, ...]
) -> None:
    service = start.serve(*sources)
    service.said(r"(status is on)")
    assert service.stop() == 0
    assert "Traceback" not in service.text


def test_the_building_process_ends_when_the_serving_one_is_killed(
    start: Starter, sources: tuple[object, ...]
) -> None:
    service = start.serve(*sources)
    service.answered()
    builder = service.builder
    assert service.stop(signal.SIGKILL) == -signal.SIGKILL
    assert builder is not None
    until(lambda: is_gone(builder), what="the end of the building process")


def test_a_hangup_has_the_sources_read_at_once(
    start: Starter, graph_data: GraphDataPlace, tmp_path: Path
) -> None:
    layout = write_layout(tmp_path / "layout", ("4.1.0",))
    flags = ("--releases", f"oci:{layout}", "--payload-repository", "registry.example/r")
    service = start.serve(*flags, "--graph-data", graph_data.path, "--scrape-interval", "1h")
    assert set(service.answered().nodes) == {"4.1.0"}
    write_layout(layout, ("4.1.0", "4.1.1"))
    service.process.send_signal(signal.SIGHUP)
    service.answered(lambda graph: set(graph.nodes) == {"4.1.0", "4.1.1"})


def test_a_source_that_is_gone_when_the_building_process_restarts_ends_nothing(
    start: Starter, sources: tuple[object, ...], graph_data: GraphDataPlace
) -> None:
    service = start.serve(*sources)
    before = service.answered()
    elsewhere = graph_data.path.rename(graph_data.path.with_name("elsewhere"))
    assert service.builder is not None
    os.kill(service.builder, signal.SIGKILL)
    service.said(r"(graph-data-source)")
    assert service.ask().status == 200
    elsewhere.rename(graph_data.path)
    graph_data.channel("4.1.0")
    after = service.answered(lambda graph: set(graph.nodes) == {"4.1.0"})
    assert set(after.nodes) < set(before.nodes)


def test_a_new_building_process_knows_what_was_listed_before_without_a_state_directory(
    start: Starter, graph_data: GraphDataPlace, tmp_path: Path
) -> None:
    layout = write_layout(tmp_path / "layout", ("4.1.0", "4.1.1"))
    flags = ("--releases", f"oci:{layout}", "--payload-repository", "registry.example/r")
    service = start.serve(*flags, "--graph-data", graph_data.path)
    before = service.answered()
    (layout / "index.json").write_text('{"schemaVersion":2,"manifests":[]}')
    assert service.builder is not None
    os.kill(service.builder, signal.SIGKILL)
    service.said(r"(listing-shrunk)")
    assert set(service.answered().nodes) == set(before.nodes)
