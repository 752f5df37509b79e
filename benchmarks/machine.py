"""What was measured on, and how single measurements become one number."""

import os
import platform
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

T = TypeVar("T")


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class Machine:
    """The computer that a table was measured on."""

    processor: str
    cores: int
    memory_gib: float
    kernel: str
    python: str

    def __str__(self) -> str:
        return (
            f"{self.cores} cores of {self.processor}, {self.memory_gib:.0f} GiB, "
            f"Linux {self.kernel}, Python {self.python}"
        )


def this_machine() -> Machine:
    """The computer that this runs on; cores are those that this process may use."""
    pages, page_bytes = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return Machine(
        processor=_processor(),
        cores=cores(),
        memory_gib=pages * page_bytes / 2**30,
        kernel=platform.release(),
        python=platform.python_version(),
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return " ".join(value.split())
    return platform.machine()


@dataclass(frozen=True, slots=True)
class Pairs:
    """Two things measured by turns, so that what disturbs the machine disturbs both."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @staticmethod
    def of(pairs: Sequence[tuple[float, float]]) -> "Pairs":
        """From a list of pairs."""
        return Pairs(tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs))

    @property
    def ratio(self) -> float:
        """Median of the ratios of each turn, ours to theirs."""
        return median(ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True))

    @property
    def spread(self) -> tuple[float, float]:
        """Smallest and largest of those ratios."""
        ratios = [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]
        return min(ratios), max(ratios)


def by_turns(ours: Callable[[], T], theirs: Callable[[], T], rounds: int) -> list[tuple[T, T]]:
    """Measure A B, A B, ...: ``rounds`` pairs."""
    return [(ours(), theirs()) for _ in range(rounds)]


def pairs_by_turns(ours: Callable[[], float], theirs: Callable[[], float], rounds: int) -> Pairs:
    """The same for single numbers."""
    return Pairs.of(by_turns(ours, theirs, rounds))


def free_port() -> int:
    """A port of the loopback that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
