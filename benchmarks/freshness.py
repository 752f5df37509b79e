"""Measures of time until an answer: after an edit of graph data, and after a start without the registry."""

import time
from collections.abc import Sequence
from statistics import median

from benchmarks.beside import fetch
from benchmarks.edits import ChannelEdit, Watched
from benchmarks.generate import ALL_REPOSITORY, AMD64_REPOSITORY
from benchmarks.processes import wait_until
from benchmarks.result import Bench, Row
from benchmarks.serve import BUILD, Service, Setup, generated_registry, service, setup_for

EDIT_SECONDS = 2.0
"""What an edit may take beside the build."""
RESTART_SECONDS = 1.0
ARRIVAL_SECONDS = 120.0
"""Longest wait for a new answer."""
POLL_SECONDS = 0.01


def edit(bench: Bench) -> Sequence[Row]:
    """From the edit of a watched file until its answer arrives."""
    made = bench.content
    with generated_registry(made) as registry:
        setup = setup_for(
            registry, AMD64_REPOSITORY, graph_data=made.graph_data, state=bench.directory("state")
        )
        with service(setup) as running:
            running.wait_ready()
            running.wait_scraped()
            taken = _edits(bench, running)
    waited = median(total - build for total, build in taken)
    total, build = median(pair[0] for pair in taken), median(pair[1] for pair in taken)
    return [
        Row(
            measure=f"edit of a watched file until the new answer, {len(made.amd64):,} releases",
            ours=f"{total:.1f} s",
            beside=f"the build in it: {build:.1f} s",
            result=f"build + {waited:.1f} s",
            goal=f"at most build + {EDIT_SECONDS:g} s",
            reached=waited <= EDIT_SECONDS,
        )
    ]


def _edits(bench: Bench, running: Service) -> list[tuple[float, float]]:
    """Seconds until the new answer and seconds of the build in it, for each edit."""
    channel, answer = ChannelEdit(bench.content.graph_data), Watched(running.port)
    taken = []
    try:
        # An even number, so that the file ends as it was.
        for number in range(2 * bench.rounds):
            # Watchers look once a second; the edits come at different moments of that second.
            time.sleep(number / (2 * bench.rounds))
            taken.append((_edit(channel, answer), running.metric(BUILD)))
    finally:
        channel.undo()
        answer.close()
    return taken


def _edit(channel: ChannelEdit, answer: Watched) -> float:
    known = answer.etag()
    channel.turn()
    return wait_until(
        lambda: answer.etag() != known,
        seconds=ARRIVAL_SECONDS,
        every=POLL_SECONDS,
        what="the answer to an edit",
    )


def restart(bench: Bench) -> Sequence[Row]:
    """From the start of the command until its first answer, with the registry down."""
    made = bench.content
    with generated_registry(made) as registry:
        setup = setup_for(
            registry, ALL_REPOSITORY, graph_data=made.graph_data, state=bench.directory("state")
        )
        with service(setup) as running:
            running.wait_ready()
            running.wait_scraped()
    taken = median(_restart(setup) for _ in range(2 * bench.rounds))
    return [
        Row(
            measure=f"restart with the registry down until the first answer, {len(made.planned):,} releases",
            ours=f"{taken:.2f} s",
            beside="",
            result=f"{taken:.2f} s",
            goal=f"at most {RESTART_SECONDS:g} s",
            reached=taken <= RESTART_SECONDS,
        )
    ]


def _restart(setup: Setup) -> float:
    started = time.perf_counter()
    with service(setup) as running:
        wait_until(lambda: _answers(running), seconds=ARRIVAL_SECONDS, every=POLL_SECONDS, what="an answer")
        return time.perf_counter() - started


def _answers(running: Service) -> bool:
    running.check()
    try:
        return bool(fetch(running.port, "gzip"))
    except OSError:
        return False
