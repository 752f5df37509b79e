"""Spans of time and lists of numbers as people read them, the same on the page and in the terminal. Pure."""

from collections.abc import Mapping
from itertools import pairwise

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_SHOWN_DIGEST = 12
"""Hexadecimal digits of a digest that are shown where it only has to be told from another."""


def span(seconds: float) -> str:
    """A span by its two largest units: ``42s``, ``3h15m``, ``2d4h``; a clock that went back counts as ``0s``."""
    left = max(0, int(seconds))
    for (name, size), (smaller, part) in pairwise(_UNITS):
        if left >= size:
            rest = left % size // part
            return f"{left // size}{name}{f'{rest}{smaller}' if rest else ''}"
    return f"{left}s"


def listed(counts: Mapping[str, int]) -> str:
    """``91 releases, 4 signatures``."""
    return ", ".join(f"{number:,} {what}" for what, number in counts.items())


def short(digest: str) -> str:
    """The beginning of a digest, without the name of its algorithm."""
    return digest.rpartition(":")[2][:_SHOWN_DIGEST]
