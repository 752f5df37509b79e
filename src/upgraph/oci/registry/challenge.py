"""What a server asks for when it answers 401: the ``WWW-Authenticate`` header (RFC 9110, section 11.6.1).

Pure. Several challenges may stand in one header and several headers in one answer, with commas both
between challenges and between parameters. What cannot be read is left out: a client that knows no
other challenge then says which schemes it was offered.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

MAX_HEADER_CHARACTERS = 8192
"""More than this of one header is not looked at."""

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'({_WORD})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|({_WORD}))')
_SCHEME = re.compile(rf"({_WORD})(?=[ \t,]|$)")
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))")
_GAP = re.compile(r"[ \t,]*")
_ESCAPE = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way of authentication that the server offers."""

    scheme: str
    """In lower case: ``bearer``, ``basic``, ..."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case. Of a name that stands twice the first value counts."""


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """The challenges of all ``WWW-Authenticate`` headers, in their order."""
    return tuple(challenge for header in headers for challenge in _parse(header[:MAX_HEADER_CHARACTERS]))


def _parse(header: str) -> list[Challenge]:
    found: list[tuple[str, dict[str, str]]] = []
    at = _skip(header, 0)
    while at < len(header):
        if parameter := _PARAMETER.match(header, at):
            _add(found, parameter)
            at = parameter.end()
        elif scheme := _SCHEME.match(header, at):
            found.append((scheme[1].lower(), {}))
            at = _after_scheme(header, scheme.end())
        else:
            # Unreadable: go on after the next comma, where another challenge may begin.
            comma = header.find(",", at)
            at = comma if comma >= 0 else len(header)
        at = _skip(header, at)
    return [Challenge(scheme, parameters) for scheme, parameters in found]


def _skip(header: str, at: int) -> int:
    gap = _GAP.match(header, at)
    return gap.end() if gap else at


def _add(found: list[tuple[str, dict[str, str]]], parameter: re.Match[str]) -> None:
    if not found:
        return
    name, quoted, plain = parameter.groups()
    found[-1][1].setdefault(name.lower(), plain if quoted is None else _ESCAPE.sub(r"\1", quoted))


def _after_scheme(header: str, at: int) -> int:
    # `Negotiate abc==` carries one bare value instead of parameters; no scheme that we speak does.
    start = at
    while start < len(header) and header[start] in " \t":
        start += 1
    if start > at and not _PARAMETER.match(header, start) and (bare := _TOKEN68.match(header, start)):
        return bare.end()
    return start
