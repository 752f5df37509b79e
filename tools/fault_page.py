"""The page of faults, made from the rows of the fault matrix: what is written there was tried.

A module of ``tests/faults`` with a ``FAMILY``, its ``ROWS`` and its ``ODDITIES`` becomes a section; so does one
whose tests have words of their own (``told``), or that has ``REQUESTS``.
"""

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from _pytest.mark.structures import ParameterSet

from tests.faults.conftest import Oddity, Row
from tests.faults.told import Told, told_in
from upgraph.errors.problems import every_problem

ROOT = Path(__file__).resolve().parent.parent

INTRODUCTION = """
Each line is a fault that is tried with every change of Upgraph, on a service that answers. Three things hold in all of
them, so they are not repeated:

- Clusters go on getting the last good answers, byte for byte, and `/readyz` of the status port stays 200. Where clients
  see something else, the line says so.
- The reference stands under `details` of `/status` with what was seen, in the label `reference` of the metric
  `upgraph_findings`, and in the log. It leads to what to do.
- Nothing has to be restarted, unless the line says so. A scrape that fails is repeated after seconds, growing up to `--scrape-interval`; SIGHUP
  has one made at once, and so has a registry of releases that fails or answers again in between (`--registry-check-interval`).

A service that has no graph yet answers clusters with 503, and `/readyz` names the reference of the last column; it
becomes ready by itself once the fault is gone. Without a reference there, the fault does not keep it from becoming ready.
"""


def sections() -> Iterator[str]:
    """The sections of the page, in the order of their titles."""
    for family in sorted(_families(), key=lambda module: str(module.FAMILY)):
        yield f"## {family.FAMILY}"
        if hasattr(family, "REQUESTS"):
            yield from _requests(family.REQUESTS)
        else:
            yield from _rows(family.ROWS) if hasattr(family, "ROWS") else _told(told_in(family))
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


def _requests(by_end: Mapping[str, Sequence[ParameterSet]]) -> Iterator[str]:
    yield "Who sends one is refused, and nobody else notices: the log says nothing, so that no client can fill it."
    for end, requests in by_end.items():
        lines = [_line(("what is sent", "status", "what the answer says")), _line("---" for _ in range(3))]
        for one in requests:
            refused: Any = one.values[0]
            lines.append(_line((str(one.id), str(refused.status), refused.text)))
        yield f"{end}:"
        yield "\n".join(lines)


def _told(faults: Iterable[Told]) -> Iterator[str]:
    known = {problem.reference for problems in every_problem().values() for problem in problems}
    lines = [_line(("fault", "status and log", "clients see", "ends with")), _line("---" for _ in range(4))]
    lines += [
        _line((one.fault, _link(one.seen) if one.seen in known else one.seen, one.clients, one.heals))
        for one in faults
    ]
    yield "\n".join(lines)


def _link(reference: str | None) -> str:
    return f"[{reference}](errors.md#{reference})" if reference else ""


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _line(cells: Iterable[str]) -> str:
    # A bar would end the cell.
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
