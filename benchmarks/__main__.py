"""``python -m benchmarks``: measure, print a table, and on request put it into the documentation.

Speed never decides about success: the exit code is not 0 only where a measurement is broken.
"""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from benchmarks.answering import answers_per_second, latency
from benchmarks.building import build_cpu
from benchmarks.catalogue import BrokenMeasurementError
from benchmarks.content_check import check_content
from benchmarks.copying import copy
from benchmarks.crowd import operator, operator_without_registry
from benchmarks.effects import effects
from benchmarks.fleet import fleet
from benchmarks.freshness import edit, restart
from benchmarks.generate import Content, content
from benchmarks.graph_data_commands import graph_data_commands
from benchmarks.machine import this_machine
from benchmarks.result import Bench, Measure, Row, table
from benchmarks.scraping import cold_scrape, layer_bytes, memory, rescrape
from benchmarks.serve import generated_registry
from benchmarks.signatures import signatures

DATA_VARIABLE = "UPGRAPH_TEST_DATA"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
MEASURES: Mapping[str, Measure] = {
    "answers": answers_per_second,
    "latency": latency,
    "fleet": fleet,
    "cold-scrape": cold_scrape,
    "layer-bytes": layer_bytes,
    "rescrape": rescrape,
    "memory": memory,
    "build": build_cpu,
    "edit": edit,
    "restart": restart,
    "copy": copy,
    "signatures": signatures,
    "graph-data": graph_data_commands,
    "operator": operator,
    "operator-alone": operator_without_registry,
    "operator-effects": effects,
}
FOR_ROOT = ("operator", "operator-alone", "operator-effects")
"""Measures that start a cluster, which takes the rights of root."""


def main() -> int:
    """Measure what was asked for; gives the exit code."""
    # So that whoever ends this program also ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    # Where it is set, each start compiles everything anew, which no user of an installed program waits for.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    options = _options()
    named = os.environ.get(DATA_VARIABLE)
    if named is None:
        sys.stderr.write(
            f"{DATA_VARIABLE} is not set; it names a folder with a checkout of the public repository"
            " openshift/cincinnati-graph-data as graph-data/\n"
        )
        return 2
    try:
        report = _report(options, Path(named).resolve() / "graph-data")
    except BrokenMeasurementError as error:
        sys.stderr.write(f"the measurement is broken: {error}\n")
        return 1
    sys.stdout.write(report)
    if options.output is not None:
        _put(options.output, report)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure Upgraph.")
    parser.add_argument(
        "--only", choices=MEASURES, action="append", help="measure this alone; may be repeated"
    )
    parser.add_argument(
        "--quick", action="store_true", help="two minor streams, short loads: to try, not to judge"
    )
    parser.add_argument("--rounds", type=int, help="how often each measurement is made (5; 1 with --quick)")
    parser.add_argument(
        "--work", type=Path, default=Path(tempfile.gettempdir()), help="where content is kept: 2 GB"
    )
    parser.add_argument("--output", type=Path, help="page in which the table is replaced")
    return parser.parse_args()


def _report(options: argparse.Namespace, graph_data: Path) -> str:
    rows: list[Row] = []
    generate = cache(partial(_content, graph_data, options))
    options.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="upgraph-bench-", dir=options.work) as scratch:
        rounds = options.rounds or (1 if options.quick else 5)
        bench = Bench(generate, graph_data, Path(scratch), rounds, options.quick)
        for name in options.only or _possible():
            _say(name)
            rows += _measured(MEASURES[name], bench)
    kind = "A quick run, to try and not to judge. " if options.quick else ""
    return f"{kind}Measured on {this_machine()}, medians of {rounds} rounds.\n\n{table(rows)}"


def _possible() -> Sequence[str]:
    """All measures that can be made, with a word about those that cannot."""
    if os.geteuid() == 0:
        return list(MEASURES)
    _say(f"left out, as they need root: {', '.join(FOR_ROOT)}")
    return [name for name in MEASURES if name not in FOR_ROOT]


def _content(graph_data: Path, options: argparse.Namespace) -> Content:
    _say("content")
    made = content(graph_data, work=options.work, quick=options.quick)
    with generated_registry(made) as registry:
        check_content(registry, made)
    return made


def _measured(measure: Measure, bench: Bench) -> Sequence[Row]:
    rows = measure(bench)
    for row in rows:
        _say(f"  {row.measure}: {row.result}")
    return rows


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _put(page: Path, report: str) -> None:
    """Replace what stands between the two marks of a page."""
    text = page.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{page} has no {BEGIN} and {END}")
    page.write_text(f"{before}{begin}\n{report}{end}{after}")


if __name__ == "__main__":
    sys.exit(main())
