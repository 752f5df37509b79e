"""The query of a graph request: which channel, which architecture, and is everything there that must be.

Clients put their cluster id and version into every query, so no query comes twice and none is remembered.
A query is split once and decoded only where it holds an escape. The order of the checks is the one of
Cincinnati (policy-engine/src/graph.rs): mandatory names, then decoding, and after the graph was looked up
the channel and the architecture. Unknown names are ignored, whatever their values.
"""

import re
from collections.abc import Set as AbstractSet
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import unquote_plus, unquote_to_bytes

import msgspec

from upgraph.service.answering.message import RefusalError

MAX_QUERY_LENGTH = 8 * 1024
"""Characters of the longest query that is looked at."""
DEFAULT_ARCH = "amd64"
"""The architecture of clients that name none: those older than multi-architecture graphs."""
CHANNEL_PATTERN = r"^[0-9a-z\-\.]+$"
ARCH_PATTERN = r"^[0-9a-z]+$"

_REMEMBERED = 1024
"""Pairs of channel and architecture that are remembered as well-formed."""

_is_channel = re.compile(r"[0-9a-z\-.]+").fullmatch
_is_arch = re.compile(r"[0-9a-z]+").fullmatch
_find_bad_escape = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL).search


class GraphQuery(msgspec.Struct, frozen=True, gc=False):
    """What a graph request asks for, decoded and not yet checked."""

    channel: str | None
    arch: str | None

    def checked(self) -> tuple[str, str]:
        """Channel and architecture, both well-formed.

        Raises:
            RefusalError: 400, the channel is missing or one of the two has characters that none has.
        """
        return _checked(self.channel, self.arch)


# The few pairs that exist come in millions of requests; a refusal is not remembered.
@lru_cache(_REMEMBERED)
def _checked(channel: str | None, arch: str | None) -> tuple[str, str]:
    arch = DEFAULT_ARCH if arch is None else arch
    if channel is None:
        raise _missing(["channel"])
    if not _is_channel(channel):
        raise _invalid(f"channel '{channel}' does not match regex '{CHANNEL_PATTERN}'")
    if not _is_arch(arch):
        raise _invalid(f"arch '{arch}' does not match regex '{ARCH_PATTERN}'")
    return channel, arch


def read_query(query: str, mandatory: AbstractSet[str]) -> GraphQuery:
    """Take a query apart. The last of several values counts; ``+`` is a space.

    Raises:
        RefusalError: 414, the query is too long; 400, a name of ``mandatory`` is missing or the channel or
            the architecture cannot be decoded.
    """
    if len(query) > MAX_QUERY_LENGTH:
        detail = f"invalid client parameters: the query is longer than {MAX_QUERY_LENGTH} characters"
        raise RefusalError(HTTPStatus.REQUEST_URI_TOO_LONG, "invalid_params", detail)
    is_escaped = "%" in query or "+" in query
    values: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        values[unquote_plus(name) if is_escaped else name] = value
    if not mandatory <= values.keys():
        raise _missing(sorted(mandatory - values.keys()))
    channel, arch = values.get("channel"), values.get("arch")
    if is_escaped:
        channel, arch = _decoded("channel", channel), _decoded("arch", arch)
    return GraphQuery(channel, arch)


def _decoded(name: str, value: str | None) -> str | None:
    if value is None:
        return None
    bad = _find_bad_escape(value)
    if bad:
        raise _invalid(f"{name} has the invalid escape '{bad.group()}'")
    try:
        return unquote_to_bytes(value.replace("+", " ")).decode()
    except UnicodeDecodeError as error:
        raise _invalid(f"{name} is not UTF-8") from error


def _missing(names: list[str]) -> RefusalError:
    value = f"mandatory client parameters missing: {', '.join(names)}"
    return RefusalError(HTTPStatus.BAD_REQUEST, "missing_params", value)


def _invalid(detail: str) -> RefusalError:
    return RefusalError(HTTPStatus.BAD_REQUEST, "invalid_params", f"invalid client parameters: {detail}")
