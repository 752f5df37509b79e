"""CPU seconds of building the graph and preparing every answer, in a process that has done nothing else.

Run as a program (``python -m benchmarks.build_cpu DIRECTORY``) it prints them as JSON. Reading the inputs is not
part of it: releases are values already, and graph data is loaded.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from benchmarks.catalogue import QUICK_MINORS, load_graph_data, plan, releases_of
from upgraph.graph import build
from upgraph.service.building.prepare import Origin, write_snapshot


class BuildCost(msgspec.Struct, frozen=True):
    """What one build took."""

    releases: int
    edges: int
    channels: int
    build_seconds: float
    """CPU time of ``build``."""
    prepare_seconds: float
    """CPU time of ``write_snapshot``."""
    snapshot_bytes: int
    peak_rss_bytes: int


def measure(suggestions: Path, graph_data: Path, *, quick: bool) -> BuildCost:
    """Build once.

    Args:
        suggestions: graph data with ``build-suggestions``, from which the releases are planned.
        graph_data: the graph data to build with.
        quick: two minor streams only.
    """
    releases = releases_of(plan(suggestions, minors=QUICK_MINORS if quick else None))
    data = load_graph_data(graph_data)
    origin = Origin(
        releases=len(releases),
        releases_digest="sha256:0",
        graph_data_digest="sha256:0",
        graph_data=None,
        refreshed_at=0.0,
    )
    started = time.process_time()
    built = build(releases, data)
    between = time.process_time()
    with tempfile.TemporaryFile() as file:
        facts = write_snapshot(built.graph, origin, built.findings, file)
        ended = time.process_time()
        size = file.seek(0, 2)
    return BuildCost(
        releases=len(releases),
        edges=sum(facts.edges_by_arch.values()) + sum(facts.conditional_edges_by_arch.values()),
        channels=len(built.graph.channels),
        build_seconds=between - started,
        prepare_seconds=ended - between,
        snapshot_bytes=size,
        peak_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    )


def main() -> None:
    """Build once and print the cost."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.build_cpu")
    parser.add_argument("suggestions", type=Path)
    parser.add_argument("graph_data", type=Path)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    cost = measure(options.suggestions, options.graph_data, quick=options.quick)
    sys.stdout.write(msgspec.json.encode(cost).decode() + "\n")


if __name__ == "__main__":
    main()
