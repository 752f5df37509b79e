"""Processor time of checking and packing the real graph data, as whole commands with their start."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.catalogue import BrokenMeasurementError
from benchmarks.result import Bench, Row

CPU_SECONDS = 2.0


def graph_data_commands(bench: Bench) -> Sequence[Row]:
    """Seconds of ``upgraph graph-data check`` and ``pack``."""
    source = os.fspath(bench.content.graph_data)
    target = bench.directory("packed")

    def pack() -> float:
        shutil.rmtree(target)
        return _cpu_seconds("pack", source, "-o", f"oci:{target}:1")

    taken = {
        "check": [_cpu_seconds("check", source) for _ in range(bench.rounds)],
        "pack, with the check before it": [pack() for _ in range(bench.rounds)],
    }
    return [_row(what, seconds) for what, seconds in taken.items()]


def _row(what: str, seconds: list[float]) -> Row:
    used = median(seconds)
    return Row(
        measure=f"graph data: {what}",
        ours=f"{used:.1f} s of CPU ({min(seconds):.1f} to {max(seconds):.1f})",
        beside="",
        result=f"{used:.1f} s of CPU",
        goal=f"at most {CPU_SECONDS:g} s",
        reached=used <= CPU_SECONDS,
    )


def _cpu_seconds(*arguments: str) -> float:
    program = os.fspath(Path(sys.executable).with_name("upgraph"))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        actions = [(os.POSIX_SPAWN_DUP2, nowhere, 1), (os.POSIX_SPAWN_DUP2, nowhere, 2)]
        process = os.posix_spawn(
            program, [program, "graph-data", *arguments], os.environ, file_actions=actions
        )
    finally:
        os.close(nowhere)
    _, status, used = os.wait4(process, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise BrokenMeasurementError(
            f"graph-data {arguments[0]} ended with {os.waitstatus_to_exitcode(status)}"
        )
    return used.ru_utime + used.ru_stime
