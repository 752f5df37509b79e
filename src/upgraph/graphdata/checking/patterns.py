"""Checks of ``from``: patterns that match nothing, or more than they name.

What a pattern names is found by reading it strictly: from the beginning of the version, with dots for dots, and not
ending within a number. What it matches beyond that was hardly meant.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from upgraph.errors import DataError, Finding
from upgraph.errors.problems.checking import PATTERN_MINOR, PATTERN_NO_MATCH, PATTERN_PATCH
from upgraph.graph import Pattern, Version
from upgraph.graph.pattern_set import matched
from upgraph.graphdata.checking.subject import ARCHITECTURES, Subject, shown

# What a dot may stand in: an escape, a class, or by itself.
_PARTS = re.compile(r"\\.|\[\^?\]?(?:\[:[^]]*:\]|\\.|[^]\\])*\]|\.")


def check_useless(subject: Subject) -> Iterator[Finding]:
    """Patterns that match none of the versions."""
    useless = {pattern for pattern, places in subject.matches.items() if not places}
    if useless:
        others = [v.with_build(arch).text for v in subject.sources for arch in ARCHITECTURES]
        useless -= {pattern for pattern, places in matched(useless, others).items() if places}
    for rule in subject.readable():
        if rule.source in useless:
            seen = f"from {rule.source.text!r} matches none of {len(subject.sources)} known versions"
            yield subject.at(rule, "from", PATTERN_NO_MATCH, seen)


def check_minors(subject: Subject) -> Iterator[Finding]:
    """Patterns that match other minors than those they name."""
    excess = _excess(subject)
    for rule in subject.readable():
        named, others = _split(excess.get(rule.source, ((), ())))
        if others:
            seen = f"from {rule.source.text!r} is for {named} and also matches {shown(others)}"
            yield subject.at(rule, "from", PATTERN_MINOR, seen)


def check_patches(subject: Subject) -> Iterator[Finding]:
    """Patterns that match versions of which they name the beginning, within the minors they name."""
    excess = _excess(subject)
    for rule in subject.readable():
        meant, beyond = excess.get(rule.source, ((), ()))
        minors = {version.minor for version in meant}
        longer = [version.base for version in beyond if version.minor in minors]
        if longer:
            seen = f"from {rule.source.text!r} ends within a number and also matches {shown(longer)}"
            yield subject.at(rule, "from", PATTERN_PATCH, seen)


_Versions = tuple[Version, ...]


def _split(found: tuple[_Versions, _Versions]) -> tuple[str, list[str]]:
    meant, beyond = found
    minors = sorted({version.minor for version in meant})
    named = shown([f"{major}.{minor}" for major, minor in minors])
    return named, [version.base for version in beyond if version.minor not in minors]


def _excess(subject: Subject) -> Mapping[Pattern, tuple[_Versions, _Versions]]:
    """What a pattern names, and what it matches beyond that; only where there is both."""
    strict = {pattern: narrow for pattern in subject.matches if (narrow := strictly(pattern)) is not None}
    narrow_matches = subject.matches_of(list(strict.values()))
    found = {}
    for pattern, narrow in strict.items():
        meant = narrow_matches[narrow]
        beyond = subject.matches[pattern] - meant
        if meant and beyond:
            found[pattern] = _at(subject, meant), _at(subject, beyond)
    return found


def _at(subject: Subject, places: frozenset[int]) -> _Versions:
    return tuple(subject.sources[place] for place in sorted(places))


@lru_cache(maxsize=4096)
def strictly(pattern: Pattern) -> Pattern | None:
    """The pattern as it reads: anchored, its dots taken for dots; None if that is no pattern."""
    text = _PARTS.sub(lambda match: _strict_part(match[0], match.end(), pattern.text), pattern.text)
    try:
        return Pattern.compile(f"^(?:{text})(?:[^0-9]|$)")
    except DataError:
        return None


def _strict_part(part: str, end: int, text: str) -> str:
    is_repeated = text[end : end + 1] in {"*", "+", "?", "{"}
    return "[.]" if part == "." and not is_repeated else part
