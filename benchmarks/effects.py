"""Measures of time until something has an effect that a cluster sees, with pods that really run: an UpdateService that is
applied, a tag that moves, a registry that goes or hangs, an authority and a login that are rotated.
"""

import os
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from benchmarks.catalogue import BrokenMeasurementError
from benchmarks.machine import Pairs, pairs_by_turns
from benchmarks.processes import output_of
from benchmarks.result import Bench, Row
from benchmarks.stage import CHANNEL, NAMESPACE, VERSIONS, Stage, channel
from tools.cluster import build, procedure
from tools.cluster.control_plane import running
from tools.cluster.site import sites
from upgraph.operator.observing.graph_data_watch import AT_REST_SECONDS

IMAGE_SECONDS = 900.0
"""Longest time for building the image."""
FIRST_ANSWER_RATIO = 1.3
"""Beside the same objects, written by hand."""
TAG_SECONDS = 30.0
"""Beside the time until the operator asks the registry again."""
ROTATION_SECONDS = 30.0
GONE_SECONDS = 30.0
HANGING_SECONDS = 60.0


def effects(bench: Bench) -> Sequence[Row]:
    """Each of them in turn, at one site.

    Raises:
        BrokenMeasurementError: a part of the site is not built, or something has no effect.
    """
    archive = _image(bench)
    try:
        programs = build.find(os.environ)
    except build.BuildError as error:
        raise BrokenMeasurementError(str(error)) from error
    with ExitStack() as stack:
        cluster = stack.enter_context(running(bench.directory("cluster") / "run", programs))
        site_of = stack.enter_context(sites(cluster, archive, bench.directory("site")))
        stage = Stage(site_of(NAMESPACE), bench.directory("stage"))
        with stage.mirror("first"):
            stage.begin()
            rows = [_first_answer(stage, bench.rounds), _moved_tag(stage)]
            stage.push(VERSIONS[2])
            stage.wait(stage.is_reachable, "a registry of releases that is well")
        rows.append(_told("is gone", stage, GONE_SECONDS))
        with stage.mirror("second"):
            rows.append(_rotated_authority(stage))
            stage.push(VERSIONS[3])
            rows.append(_rotated_login(stage))
            stage.wait(stage.is_reachable, "a registry of releases that is well")
        with stage.silence():
            rows.append(_told("takes connections and says nothing", stage, HANGING_SECONDS))
        return rows


def _image(bench: Bench) -> Path:
    """Build the image of this package, in a store of its own; gives an archive of it."""
    place = bench.directory("image")
    store = place / "storage.conf"
    lines = ["[storage]", 'driver = "overlay"', f'graphroot = "{place}/store"', f'runroot = "{place}/run"']
    store.write_text("\n".join(lines) + "\n")
    command = ["env", f"CONTAINERS_STORAGE_CONF={store}", sys.executable, "-m", "tools.image"]
    told = output_of(command, seconds=IMAGE_SECONDS).decode().splitlines()
    named = next((line.split()[1] for line in told if line.startswith("archive ")), "")
    return build.ROOT / named


def _first_answer(stage: Stage, rounds: int) -> Row:
    stage.create()
    # The first time the nodes fetch the image.
    stage.wait(stage.is_answered, "the first answer")
    objects = stage.objects()

    def ours() -> float:
        stage.delete()
        started = time.perf_counter()
        stage.create()
        stage.wait(stage.is_answered, "the first answer")
        return time.perf_counter() - started

    def by_hand() -> float:
        stage.delete()
        started = time.perf_counter()
        stage.create_bare(objects)
        stage.wait(stage.is_answered, "the first answer of the objects that were written by hand")
        return time.perf_counter() - started

    pairs = pairs_by_turns(by_hand, ours, rounds)
    return _beside_hand(Pairs(pairs.theirs, pairs.ours))


def _beside_hand(pairs: Pairs) -> Row:
    low, high = pairs.spread
    return Row(
        measure="UpdateService applied until the first answer to a cluster, images present, 2 replicas",
        ours=f"{median(pairs.ours):.1f} s",
        beside=f"the same objects by kubectl create: {median(pairs.theirs):.1f} s",
        result=f"{pairs.ratio:.2f} times ({low:.2f} to {high:.2f})",
        goal=f"at most {FIRST_ANSWER_RATIO:g}",
        reached=pairs.ratio <= FIRST_ANSWER_RATIO,
    )


def _moved_tag(stage: Stage) -> Row:
    stage.site.pack("latest", **{CHANNEL: channel(*VERSIONS)})
    taken = stage.wait(lambda: len(stage.offered()) > 1, "an answer from the graph data that the tag is now")
    return Row(
        measure="tag of the graph-data image moved until a cluster gets the new graph",
        ours=f"{taken:.0f} s",
        beside=f"the registry is asked every {AT_REST_SECONDS:.0f} s",
        result=f"{taken:.0f} s",
        goal=f"at most {AT_REST_SECONDS:.0f} s + {TAG_SECONDS:g} s",
        reached=taken <= AT_REST_SECONDS + TAG_SECONDS,
    )


def _told(fault: str, stage: Stage, goal: float) -> Row:
    taken = stage.wait(lambda: not stage.is_reachable(), f"the word that the registry {fault}")
    return _within(f"registry of the releases {fault} until the status of the resource says so", taken, goal)


def _rotated_authority(stage: Stage) -> Row:
    return _rotated("authority of the registry", _configured(stage, VERSIONS[2]))


def _rotated_login(stage: Stage) -> Row:
    stage.change_login()
    return _rotated("pull secret", _configured(stage, VERSIONS[3]))


def _configured(stage: Stage, version: str) -> float:
    """Give the cluster what the registry wants now; the seconds until a client is told of a version."""
    started = time.perf_counter()
    procedure.configure_registry_access(stage.site)
    stage.wait(lambda: version in stage.offered(), f"an answer with {version}")
    return time.perf_counter() - started


def _rotated(what: str, taken: float) -> Row:
    measure = f"{what} rotated until a cluster gets a release that was read with it, no pod restarted"
    return _within(measure, taken, ROTATION_SECONDS)


def _within(measure: str, taken: float, goal: float) -> Row:
    return Row(
        measure=measure,
        ours=f"{taken:.1f} s",
        beside="",
        result=f"{taken:.1f} s",
        goal=f"at most {goal:g} s",
        reached=taken <= goal,
    )
