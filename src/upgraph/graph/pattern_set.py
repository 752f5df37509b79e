"""Many patterns against many versions at once: what each pattern matches, in one pass over each version.

A set of graph data has a hundred patterns and a thousand versions; asked one by one they take seconds.
"""

from collections.abc import Iterable, Mapping, Sequence

import re2  # type: ignore[import-untyped]  # no stubs are published

from upgraph.graph.pattern import Pattern

MAX_PROGRAM_BYTES = 256 * 1024 * 1024
"""Memory of all patterns together. Where it does not suffice, they are asked one by one."""

_SENTINEL = ""


def matched(patterns: Iterable[Pattern], versions: Sequence[str]) -> Mapping[Pattern, frozenset[int]]:
    """For each pattern the places in ``versions`` (canonical texts with architecture) that it matches."""
    asked = tuple(dict.fromkeys(patterns))
    found: dict[Pattern, set[int]] = {pattern: set() for pattern in asked}
    together = _together(asked)
    for place, version in enumerate(versions):
        for number in _numbers(together, asked, version):
            found[asked[number]].add(place)
    return {pattern: frozenset(places) for pattern, places in found.items()}


def _together(patterns: Sequence[Pattern]) -> re2.Set:
    options = re2.Options()
    options.max_mem = MAX_PROGRAM_BYTES
    options.log_errors = False
    together = re2.Set.SearchSet(options)
    for pattern in patterns:
        together.Add(pattern.text.encode())
    # It matches everything, so an answer without it means that the memory did not suffice.
    together.Add(_SENTINEL.encode())
    together.Compile()
    return together


def _numbers(together: re2.Set, patterns: Sequence[Pattern], version: str) -> Iterable[int]:
    answer = together.Match(version.encode()) or ()
    if len(patterns) in answer:
        return (number for number in answer if number < len(patterns))
    return (number for number, pattern in enumerate(patterns) if pattern.matches(version))
