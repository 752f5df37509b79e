"""Measures of the pure part: processor time of one build with every answer."""

import sys
from collections.abc import Sequence
from statistics import median

import msgspec

from benchmarks.build_cpu import BuildCost
from benchmarks.processes import output_of
from benchmarks.result import Bench, Row

CPU_SECONDS = 5.0
PROCESS_SECONDS = 300.0
"""Longest time for one process that builds once."""


def build_cpu(bench: Bench) -> Sequence[Row]:
    """CPU seconds of a build and all prepared answers, each in a new process."""
    costs = [_cost(bench) for _ in range(bench.rounds)]
    build, prepare = (
        median(cost.build_seconds for cost in costs),
        median(cost.prepare_seconds for cost in costs),
    )
    one = costs[0]
    return [
        Row(
            measure=f"build and all prepared answers, {one.releases:,} releases, {one.channels} channels, {one.edges:,} edges",
            ours=f"{build:.1f} s + {prepare:.1f} s, {one.snapshot_bytes / 1e6:.0f} MB",
            beside="",
            result=f"{build + prepare:.1f} s of CPU",
            goal=f"at most {CPU_SECONDS:g} s",
            reached=build + prepare <= CPU_SECONDS,
        )
    ]


def _cost(bench: Bench) -> BuildCost:
    command = [sys.executable, "-m", "benchmarks.build_cpu", str(bench.source), str(bench.content.graph_data)]
    quick = ["--quick"] if bench.quick else []
    return msgspec.json.decode(output_of([*command, *quick], seconds=PROCESS_SECONDS), type=BuildCost)
