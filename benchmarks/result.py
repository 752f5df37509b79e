"""What a measure gives: rows of the table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.generate import Content


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    measure: str
    ours: str
    beside: str
    """What was measured beside it, and what that gave."""
    result: str
    """The number that is compared with the goal."""
    goal: str
    reached: bool


@dataclass(frozen=True, slots=True)
class Bench:
    """What every measure is given."""

    generate: Callable[[], Content]
    """Generates the content, at the first call alone."""
    source: Path
    """The graph data as it was given, with ``build-suggestions``."""
    scratch: Path
    """An empty directory for state and logs."""
    rounds: int
    """How often each measurement is made."""
    quick: bool

    @property
    def content(self) -> Content:
        """What most measures read; a cluster needs none of it."""
        return self.generate()

    @property
    def load_seconds(self) -> int:
        """How long load is put on a server at a time."""
        return 2 if self.quick else 8

    def directory(self, name: str) -> Path:
        """A new directory in the scratch one."""
        for number in range(1_000):
            path = self.scratch / f"{name}-{number}"
            if not path.exists():
                path.mkdir()
                return path
        raise RuntimeError(f"more than a thousand directories named {name}")


Measure = Callable[[Bench], Sequence[Row]]
"""Measures something and gives its rows.

Raises:
    BrokenMeasurementError: what it gave cannot be right.
"""


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| measure | Upgraph | beside it | result | goal | reached |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {row.measure} | {row.ours} | {row.beside} | {row.result} | {row.goal} | {'yes' if row.reached else '**no**'} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"
