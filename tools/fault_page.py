"""The page of faults, made from the rows of the fault matrix: what is written there was tried.

A module of ``tests/faults`` with a ``FAMILY``, its ``ROWS`` and its ``ODDITIES`` becomes a section.
"""

import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from tests.faults.conftest import Oddity, Row

ROOT = Path(__file__).resolve().parent.parent

INTRODUCTION = """
Each line is a fault that is tried with every change of Upgraph, on a service that answers. Three things hold in all of
them, so they are not repeated:

- Clusters go on getting the last good answers, byte for byte, and `/readyz` of the status port stays 200. Where clients
  see something else, the line says so.
- The reference stands under `details` of `/status` with what was seen, in the label `reference` of the metric
  `upgraph_findings`, and in the log. It leads to what to do.
- Nothing has to be restarted. A scrape that fails is repeated after seconds, growing up to `--scrape-interval`; SIGHUP
  has one made at once.

A service that has no graph yet answers clusters with 503, and `/readyz` names the reference of the last column; it
becomes ready by itself once the fault is gone. Without a reference there, the fault does not keep it from becoming ready.
"""


def sections() -> Iterator[str]:
    """The sections of the page, in the order of their titles."""
    for family in sorted(_families(), key=lambda module: str(module.FAMILY)):
        yield f"## {family.FAMILY}"
        yield from _rows(family.ROWS)
        oddities: tuple[Oddity, ...] = getattr(family, "ODDITIES", ())
        if oddities:
            yield "No fault, and nothing is reported:"
            yield "\n".join(f"- {oddity.what}" for oddity in oddities)


def _families() -> Iterator[ModuleType]:
    for path in sorted((ROOT / "tests" / "faults").rglob("test_*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        module = importlib.import_module(name)
        if hasattr(module, "FAMILY"):
            yield module


def _rows(rows: Iterable[Row]) -> Iterator[str]:
    head = ("fault", "status and log", "clients see", "ends with", "at the first start")
    lines = [_line(head), _line("---" for _ in head)]
    lines += [
        _line((row.fault, _link(row.reference), _sentence(row.clients), row.heals, _link(row.at_start)))
        for row in rows
    ]
    yield "\n".join(lines)


def _link(reference: str | None) -> str:
    return f"[{reference}](errors.md#{reference})" if reference else ""


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _line(cells: Iterable[str]) -> str:
    # A bar would end the cell.
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
