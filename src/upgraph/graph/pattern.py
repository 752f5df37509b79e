"""`from` patterns: regular expressions in the meaning of the Rust engine, matched in linear time.

Cincinnati compiles them with the Rust `regex` crate and searches anywhere in the version with its
architecture (``4.8.3+amd64``). RE2 is of the same family: automata, no look-around, no
back-references. What the two read differently is found here and reported, never guessed.
Only differences that can show on a version, which is plain ASCII on one line, are of interest.
"""

import re
from dataclasses import dataclass, field

import re2  # type: ignore[import-untyped]  # no stubs are published

from upgraph.errors import DataError
from upgraph.errors.problems.graph import PATTERN_INVALID

MAX_PATTERN_LENGTH = 8_192
"""Characters of the longest pattern that is compiled."""
MAX_PROGRAM_BYTES = 10 * 1024 * 1024
"""Memory of one compiled pattern; the Rust engine's default limit is the same 10 MiB."""

MATCH_ALL = ".*"


def _options() -> re2.Options:
    options = re2.Options()
    options.max_mem = MAX_PROGRAM_BYTES
    options.log_errors = False
    options.never_capture = True
    return options


_OPTIONS = _options()

# Outside and inside of a bracket class: what RE2 accepts and the Rust engine refuses or reads in another way.
_ESCAPES = {
    "C": r"\C matches one byte here and is refused by the Rust engine",
    "Q": r"\Q...\E quotes here and is refused by the Rust engine",
    "Z": r"\Z is refused by the Rust engine",
    "<": r"\< is the start of a word to the Rust engine",
    ">": r"\> is the end of a word to the Rust engine",
}
_SET_OPERATORS = ("&&", "--", "~~")
_OCTAL = re.compile(r"\\[0-7]")
_REPEAT = re.compile(r"\{[0-9]+(,[0-9]*)?\}")
_POSIX_CLASS = re.compile(r"\[:\^?[a-z]+:\]")
_FLAGS = re.compile(r"\(\?([A-Za-z-]*)[):]")
_GROUP_NAME = re.compile(r"\(\?P?<([^>]*)>")
_GOOD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\[\]]*")
_RANGE_FROM_CLASS = re.compile(r"\\(?:[dDsSwW]|[pP](?:\{[^}]*\}|.))-.")


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """A compiled pattern. Two patterns are equal when their texts are."""

    text: str
    differences: tuple[str, ...]
    """Constructs whose meaning differs from the Rust engine's, in words; empty for nearly all."""
    _search: re2._Regexp = field(repr=False)

    @staticmethod
    def compile(text: str) -> "Pattern":
        """Compile a pattern.

        Raises:
            DataError: it is too long, not a regular expression, or uses what linear time forbids.
        """
        if len(text) > MAX_PATTERN_LENGTH:
            raise DataError(
                PATTERN_INVALID, f"the pattern has {len(text)} characters, more than {MAX_PATTERN_LENGTH}"
            )
        try:
            compiled = re2.compile(text.encode(), _OPTIONS)
        except re2.error as error:
            reason = error.args[0] if error.args else "it does not compile"
            shown = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
            raise DataError(PATTERN_INVALID, f"the pattern {text!r} cannot be used: {shown}") from error
        return Pattern(text, tuple(_differences(text)), compiled)

    @property
    def matches_all(self) -> bool:
        """Whether the pattern is one of the two spellings of "every version"."""
        return self.text in {MATCH_ALL, ""}

    def matches(self, version: str) -> bool:
        """Whether the pattern is found anywhere in ``version``, a canonical version with architecture."""
        return self.matches_all or self._search.search(version.encode()) is not None

    def __eq__(self, other: object) -> bool:
        return self.text == other.text if isinstance(other, Pattern) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.text)


def _differences(text: str) -> list[str]:
    found: list[str] = []
    names: set[str] = set()
    position = 0
    while position < len(text):
        if text.startswith("(?", position):
            found += _group_differences(text, position, names)
        if text[position] == "[":
            end = _class_end(text, position)
            found += _class_differences(text[position + 1 : end - 1])
            position = end
            continue
        if text[position] == "{" and not _REPEAT.match(text, position):
            found.append("a literal `{` is refused by the Rust engine; write `[{]`")
        found += _escape_differences(text, position)
        position += _step(text, position)
    return found


def _group_differences(text: str, position: int, names: set[str]) -> list[str]:
    flags = _FLAGS.match(text, position)
    if flags:
        is_empty = flags.group() == "(?)"
        is_repeated = flags.group().endswith(")") and text[flags.end() : flags.end() + 1] in {
            "*",
            "+",
            "?",
            "{",
        }
        letters = flags[1].replace("-", "")
        is_refused = is_empty or is_repeated or len(set(letters)) < len(letters)
        return ["flags that are empty or repeated are refused by the Rust engine"] * is_refused
    named = _GROUP_NAME.match(text, position)
    if named is None:
        return []
    name = named[1]
    is_good = _GOOD_NAME.fullmatch(name) is not None and name not in names
    names.add(name)
    return [] if is_good else [f"the group name {name!r} is refused by the Rust engine, or used twice"]


def _step(text: str, position: int) -> int:
    """Length of the next plain or escaped character."""
    return 2 if text[position] == "\\" else 1


def _escape_differences(text: str, position: int) -> list[str]:
    if text[position] != "\\":
        return []
    following = text[position + 1 : position + 2]
    if following in _ESCAPES:
        return [_ESCAPES[following]]
    if _OCTAL.match(text, position):
        return [f"the octal escape \\{following} is refused by the Rust engine"]
    return []


def _class_end(text: str, start: int) -> int:
    """Index behind the `]` that closes the class opened at ``start``, as RE2 reads it."""
    position = start + 1
    if text[position : position + 1] == "^":
        position += 1
    if text[position : position + 1] == "]":
        position += 1
    while position < len(text) and text[position] != "]":
        posix = _POSIX_CLASS.match(text, position)
        position = posix.end() if posix else position + _step(text, position)
    return position + 1


def _class_differences(content: str) -> list[str]:
    plain = _POSIX_CLASS.sub("", content)
    found = [
        f"`{operator}` in a class is a set operation to the Rust engine"
        for operator in _SET_OPERATORS
        if operator in plain
    ]
    position = 0
    while position < len(plain):
        if plain[position] == "[":
            found.append("`[` in a class opens a nested class to the Rust engine; write `\\[`")
        if _RANGE_FROM_CLASS.match(plain, position):
            found.append("a range that starts with a class is refused by the Rust engine")
        found += _escape_differences(plain, position)
        position += _step(plain, position)
    return found
