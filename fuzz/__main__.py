"""Fuzz the targets for a bounded time each, and say how far they came.

What was interesting is kept in ``dist/fuzz/TARGET/corpus``, so that the next run goes on from there. An input
that breaks a parser is kept beside it; ``tests/fuzzing`` is the place where it becomes a test.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from fuzz.targets import TARGETS

PLACE = Path("dist") / "fuzz"
LONGEST_INPUT_BYTES = 16 * 1024
"""Larger inputs find no other branches, and slow the search down."""
SECONDS_FOR_ONE_INPUT = 5
MEGABYTES = 1024
"""Memory of the whole process, the fuzzer's own included."""
SECONDS_TO_END = 60
"""How much longer than asked for a run may take, start and end included."""

_EXECUTED = re.compile(r"stat::number_of_executed_units:\s+(\d+)")
_MEMORY = re.compile(r"stat::peak_rss_mb:\s+(\d+)")
_COVERED = re.compile(r"cov: (\d+)")
_ARTIFACT = re.compile(r"Test unit written to (\S+)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What fuzzing one target came to."""

    name: str
    executed: int
    covered: int
    """Branches that were seen, as libFuzzer counts them."""
    megabytes: int
    fault: str | None
    """What broke, with the place of the input; None if nothing did."""


def fuzz(name: str, seconds: int) -> Outcome:
    """Fuzz one target in a process of its own."""
    place = PLACE / name
    seeds, corpus = place / "seeds", place / "corpus"
    for folder in (seeds, corpus):
        folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(TARGETS[name].seeds):
        (seeds / str(number)).write_bytes(content)
    limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST_INPUT_BYTES}"]
    limits += [f"-timeout={SECONDS_FOR_ONE_INPUT}", f"-rss_limit_mb={MEGABYTES}"]
    command = [sys.executable, "-m", "fuzz.run", name, *limits, "-print_final_stats=1"]
    command += [f"-artifact_prefix={place}/", str(corpus), str(seeds)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=seconds + SECONDS_TO_END,
    )
    said = done.stdout + done.stderr
    (place / "log").write_text(said)
    covered = [int(number) for number in _COVERED.findall(said)]
    artifact = _ARTIFACT.search(said)
    fault = None
    if done.returncode:
        fault = f"status {done.returncode}, input {artifact[1] if artifact else 'not kept'}, log {place}/log"
    return Outcome(name, _last(_EXECUTED, said), max(covered, default=0), _last(_MEMORY, said), fault)


def _last(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.search(text)
    return int(found[1]) if found else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line; the exit status says whether anything broke."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: 60)")
    options = parser.parse_args(arguments)
    names = options.targets or list(TARGETS)
    if unknown := sorted(set(names) - set(TARGETS)):
        parser.error(f"unknown target {', '.join(unknown)}")
    outcomes = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        print(f"{'target':14} {'inputs':>10} {'branches':>9} {'MB':>5}", flush=True)
        for outcome in pool.map(lambda name: fuzz(name, options.seconds), names):
            outcomes.append(outcome)
            line = f"{outcome.name:14} {outcome.executed:10} {outcome.covered:9} {outcome.megabytes:5}"
            print(f"{line}  {outcome.fault or ''}".rstrip(), flush=True)
    return 1 if any(outcome.fault for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
