"""Versions: SemVer as releases use it, where the build part names the architecture."""

import re
from dataclasses import dataclass
from functools import lru_cache, total_ordering

from upgraph.errors import DataError
from upgraph.errors.problems.graph import VERSION_INVALID

MAX_VERSION_LENGTH = 256
"""Characters of the longest version without its build part, which may have as many again."""

_SHOWN = 64
_MAX_NUMBER = 2**64 - 1
_NUMBER = r"(0|[1-9][0-9]*)"
_IDENTIFIER = r"[0-9A-Za-z](?:[0-9A-Za-z-]*[0-9A-Za-z])?"
_IDENTIFIERS = rf"{_IDENTIFIER}(?:\.{_IDENTIFIER})*"
_VERSION = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_IDENTIFIERS}))?(?:\+({_IDENTIFIERS}))?", re.ASCII
)

_Identifier = tuple[int, int, str]


def _identifier_key(identifier: str) -> _Identifier:
    # A number with leading zeros is text to the parser that Cincinnati uses; SemVer 2.0 would refuse it.
    numeric = (
        identifier.isdigit()
        and (identifier == "0" or identifier[0] != "0")
        and int(identifier) <= _MAX_NUMBER
    )
    return (0, int(identifier), "") if numeric else (1, 0, identifier)


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """One SemVer version.

    Equality is equality of the canonical text. The order is SemVer precedence, then the build part as
    text, so that it is total and agrees with equality.
    """

    text: str
    """Canonical text, ``MAJOR.MINOR.PATCH[-PRE][+BUILD]``."""
    base: str
    """The text without the build part."""
    build: str
    """The build part without the ``+``; the architecture of a release, or empty."""
    minor: tuple[int, int]
    """Major and minor number: the minor stream."""
    pre: str
    """The pre-release part without the ``-``, or empty."""
    precedence: tuple[tuple[int, int, int], int, tuple[_Identifier, ...]]
    """Sort key of SemVer precedence: two versions that differ only in the build part share it."""

    @staticmethod
    def parse(text: str) -> "Version":
        """Read a version.

        White space around it is dropped, and identifiers may not start or end with a hyphen: both as
        in semver-parser 0.10, which Cincinnati uses.

        Raises:
            DataError: ``text`` is not a version.
        """
        stripped = text.strip()
        base = stripped.partition("+")[0]
        if len(base) > MAX_VERSION_LENGTH or len(stripped) > 2 * MAX_VERSION_LENGTH:
            raise DataError(
                VERSION_INVALID, f"not a version: {stripped[:_SHOWN]!r}... ({len(stripped)} characters)"
            )
        return _parse(stripped)

    def with_build(self, build: str) -> "Version":
        """The same version with another build part; an empty one removes it.

        There is always room for it: a release may name the longest version, and its architecture is added.
        """
        if build == self.build:
            return self
        return _parse(f"{self.base}+{build}" if build else self.base)

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return self.text == other.text if isinstance(other, Version) else NotImplemented

    @property
    def key(self) -> tuple[object, str]:
        """Sort key of the total order; sorting by it is faster than comparing versions."""
        return self.precedence, self.build

    def __lt__(self, other: "Version") -> bool:
        return (self.precedence, self.build) < (other.precedence, other.build)

    def __hash__(self) -> int:
        return hash(self.text)


@lru_cache(maxsize=65_536)
def _parse(text: str) -> Version:
    match = _VERSION.fullmatch(text)
    if match is None:
        raise DataError(VERSION_INVALID, f"not a version: {text!r}")
    major, minor, patch = (int(number) for number in match.group(1, 2, 3))
    if max(major, minor, patch) > _MAX_NUMBER:
        raise DataError(VERSION_INVALID, f"a number of the version is beyond 64 bits: {text!r}")
    pre, build = match.group(4) or "", match.group(5) or ""
    keys = tuple(map(_identifier_key, pre.split("."))) if pre else ()
    return Version(
        text=text,
        base=text.partition("+")[0],
        build=build,
        minor=(major, minor),
        pre=pre,
        precedence=((major, minor, patch), 0 if pre else 1, keys),
    )
