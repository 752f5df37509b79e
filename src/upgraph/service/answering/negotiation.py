"""Content negotiation: which media type and which coding a client gets.

Cincinnati compares the ``Accept`` field byte by byte with five values. All of them give the same type
here, and everything else is read as RFC 9110 says, so lists, weights, parameters and case work. Parameters
other than the weight do not narrow a range: a client that asks for ``application/json;charset=utf-8`` can
read what it gets.

The few values that exist come in millions of requests, so readings are remembered; long values, which only
somebody hostile sends, are read each time and remembered never.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from http import HTTPStatus

from upgraph.service.answering.message import RefusalError
from upgraph.service.snapshot import Coding

JSON = "application/json"
CINCINNATI_V1 = "application/vnd.redhat.cincinnati.v1+json"
CLIENT_TYPES = (JSON, CINCINNATI_V1)
"""Types of the answers to clusters. The first is given where a range covers both."""
BUILDER_TYPES = (JSON,)
"""Types of the answers to policy engines."""

MAX_FIELD_LENGTH = 4 * 1024
"""Characters of the longest field that is read; browsers send 200. A longer one is taken for none: reading the
64 KiB that may come would cost a hundred times what the answer costs."""

_REMEMBERED = 256
"""Readings of each field that are remembered."""
_REMEMBERED_LENGTH = 256
"""Characters of the longest value that is remembered."""

_element = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+', re.DOTALL)
_parameter = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*"?)+', re.DOTALL)
_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_range = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Java sends `q=.2`, which the grammar does not allow and everybody reads.
_weight = re.compile(r"(?:0?\.[0-9]{1,3}|0\.?|1(?:\.0{0,3})?)")

_Element = tuple[str, float, bool]
"""Value in lower case, weight, whether there are parameters beside the weight."""


def media_type(accept: str | None, offered: tuple[str, ...]) -> str:
    """The type of ``offered`` that a client wants most.

    Without a field, with an empty one or one that is too long, it is the last of ``offered``: the most specific type, as in
    Cincinnati.

    Raises:
        RefusalError: 406, the client accepts none of them.
    """
    if accept is None or len(accept) > MAX_FIELD_LENGTH:
        return offered[-1]
    choose = _choose_type if len(accept) <= _REMEMBERED_LENGTH else _choose_type.__wrapped__
    chosen = choose(accept, offered)
    if chosen is None:
        raise RefusalError(
            HTTPStatus.NOT_ACCEPTABLE, "invalid_content_type", "invalid Content-Type requested"
        )
    return chosen


def coding(accept_encoding: str | None, available: frozenset[Coding]) -> Coding:
    """The coding of ``available`` that a client wants most; identity, which is always there, without a field.

    zstd must be named, gzip may also be covered by ``*``. Among equal weights zstd goes before gzip and
    gzip before identity. A client that forbids identity and gets nothing else still gets identity:
    RFC 9110, 12.4.1, leaves that to the server, and an answer serves a cluster better than none.
    """
    if accept_encoding is None or len(accept_encoding) > MAX_FIELD_LENGTH:
        return Coding.IDENTITY
    choose = _choose_coding if len(accept_encoding) <= _REMEMBERED_LENGTH else _choose_coding.__wrapped__
    return choose(accept_encoding, available)


@lru_cache(_REMEMBERED)
def _choose_type(accept: str, offered: tuple[str, ...]) -> str | None:
    if not accept.strip(" \t,"):
        return offered[-1]
    ranges = [
        (_specificity(value, has_parameters=more), weight, value, place)
        for place, (value, weight, more) in enumerate(_elements(accept, _range))
    ]
    best: tuple[float, int, int] | None = None
    chosen = None
    for offer in offered:
        # The most specific range decides about a type, however small its weight (RFC 9110, 12.5.1).
        decisive = max(
            ((level, weight, -place) for level, weight, value, place in ranges if _covers(value, offer)),
            default=None,
        )
        if decisive is None or decisive[1] == 0:
            continue
        rank = (decisive[1], decisive[0], decisive[2])
        if best is None or rank > best:
            best, chosen = rank, offer
    return chosen


def _specificity(value: str, *, has_parameters: bool) -> int:
    if value in ("*", "*/*"):
        return 0
    if value.endswith("/*"):
        return 1
    return 2 if has_parameters else 3


def _covers(media_range: str, offer: str) -> bool:
    if media_range in ("*", "*/*"):
        return True
    return media_range == offer or (media_range.endswith("/*") and offer.startswith(media_range[:-1]))


@lru_cache(_REMEMBERED)
def _choose_coding(accept_encoding: str, available: frozenset[Coding]) -> Coding:
    weights = {value.removeprefix("x-"): weight for value, weight, _ in _elements(accept_encoding, _token)}
    wildcard = weights.get("*")
    # Identity is acceptable unless it is forbidden, and the last choice unless it is named.
    ranks = {
        Coding.ZSTD: weights.get("zstd", 0.0),
        Coding.GZIP: weights.get("gzip", wildcard or 0.0),
        Coding.IDENTITY: weights.get("identity", wildcard or 0.0),
    }
    wanted = (known for known, weight in ranks.items() if weight > 0 or known is Coding.IDENTITY)
    return max((known for known in wanted if known in available), key=ranks.__getitem__)


def _elements(field: str, shape: re.Pattern[str]) -> Iterator[_Element]:
    # What is malformed is passed over: it names nothing that could be given.
    for element in _element.findall(field):
        value, *parameters = [part.strip(" \t") for part in _parameter.findall(element)] or [""]
        weights = [text[2:].strip(" \t") for text in parameters if text[:2].lower() == "q="]
        value = value.lower()
        if (shape.fullmatch(value) or value == "*") and all(map(_weight.fullmatch, weights)):
            yield value, float(weights[0]) if weights else 1.0, len(parameters) > len(weights)
