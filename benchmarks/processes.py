"""Processes of a measurement: started here, watched while they run, ended by their id."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.catalogue import BrokenMeasurementError

SAMPLE_SECONDS = 0.05
STOP_SECONDS = 15.0
"""Longest wait for a process that was asked to end."""


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program whose output goes to ``log``, and end it with the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)


def output_of(command: Sequence[str], *, seconds: float) -> bytes:
    """What a program prints.

    Raises:
        BrokenMeasurementError: it fails or takes longer than ``seconds``.
    """
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BrokenMeasurementError(f"{' '.join(command)} did not end within {seconds:g} s") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace")[-2_000:]
        raise BrokenMeasurementError(f"{' '.join(command)} failed with status {done.returncode}: {said}")
    return done.stdout


def wait_until(condition: Callable[[], bool], *, seconds: float, every: float, what: str) -> float:
    """Ask until it is true; gives the seconds that took.

    Raises:
        BrokenMeasurementError: it stayed false; ``what`` names it.
    """
    started = time.perf_counter()
    while not condition():
        if time.perf_counter() - started > seconds:
            raise BrokenMeasurementError(f"{what} did not happen within {seconds:g} s")
        time.sleep(every)
    return time.perf_counter() - started


def family(pid: int) -> list[int]:
    """A process and its descendants, those that have ended left out."""
    found = [pid]
    for task in _listing(Path(f"/proc/{pid}/task")):
        for child in _read(task / "children").split():
            found += family(int(child))
    return found


def cpu_seconds(pids: Sequence[int]) -> float:
    """Processor time that living processes have used so far."""
    ticks = 0
    for pid in pids:
        # The name in parentheses may have spaces in it.
        fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12]) if fields else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def command_line(pid: int) -> list[str]:
    """The words with which a living process was called; empty for one that has ended."""
    return _read(Path(f"/proc/{pid}/cmdline")).split("\0")[:-1]


@dataclass(frozen=True, slots=True)
class Resident:
    """The resident set size of one process in bytes."""

    now: int
    peak: int
    """Since it was started."""


def resident(pid: int) -> Resident:
    """How much memory a living process has; nothing for one that has ended."""
    status = _fields(Path(f"/proc/{pid}/status"))
    return Resident(_kilobytes(status.get("VmRSS", "")), _kilobytes(status.get("VmHWM", "")))


class PeakMemory:
    """Samples the memory of a process and its descendants for as long as the ``with`` block lasts.

    The sum of proportional set sizes counts a page that several share once; the sum of resident set sizes
    counts it for each.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.proportional_bytes = 0
        self.resident_bytes = 0
        self.samples = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            sizes = [_sizes(member) for member in family(self._pid)]
            self.proportional_bytes = max(self.proportional_bytes, sum(size[0] for size in sizes))
            self.resident_bytes = max(self.resident_bytes, sum(size[1] for size in sizes))
            self.samples += 1


def _sizes(pid: int) -> tuple[int, int]:
    """Proportional and resident set size in bytes."""
    fields = _fields(Path(f"/proc/{pid}/smaps_rollup"))
    return _kilobytes(fields.get("Pss", "")), _kilobytes(fields.get("Rss", ""))


def _fields(path: Path) -> dict[str, str]:
    lines = (line.partition(":") for line in _read(path).splitlines())
    return {key: value for key, _, value in lines}


def _kilobytes(value: str) -> int:
    return int(value.split(maxsplit=1)[0]) * 1024 if value else 0


def _read(path: Path) -> str:
    # A process may end at any moment.
    try:
        return path.read_text()
    except OSError:
        return ""


def _listing(path: Path) -> list[Path]:
    try:
        return list(path.iterdir())
    except OSError:
        return []
