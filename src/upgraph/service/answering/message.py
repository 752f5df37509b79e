"""What the edge takes in and gives back: a request and a response as values, without any server.

A handler either gives a response or raises :class:`RefusalError`, which the edge turns into the error document
of the protocol in one place.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from http import HTTPStatus
from typing import Protocol

import msgspec

HeaderList = Sequence[tuple[str, str]]
"""Header fields, names in lower case."""

RETRY_AFTER = 5
"""Seconds after which a client that got 503 should ask again."""
NO_STORE = ("cache-control", "no-store")
"""Errors pass: no cache may keep one when the graph is there again."""


def header_lines(headers: HeaderList) -> bytes:
    """Header fields as they are sent."""
    if isinstance(headers, SharedHeaders):
        return headers.lines
    return "".join([f"{name}: {value}\r\n" for name, value in headers]).encode("latin-1")


class SharedHeaders(tuple[tuple[str, str], ...]):  # noqa: SLOT001 - a tuple can have none
    """Header fields that many responses have, written out once."""

    @cached_property
    def lines(self) -> bytes:
        """The fields as they are sent."""
        return header_lines(tuple(self))


class Request(msgspec.Struct, frozen=True, gc=False):
    """One request, as far as answers depend on it. Its body is never read."""

    method: str
    path: str
    """Percent-decoded, with the prefix."""
    query: str
    """As it was sent, without the question mark."""
    header: Callable[[str], str | None]
    """Gives a field by its name in lower case; repeated fields are joined by commas (RFC 9110, 5.3)."""


class Response(msgspec.Struct, frozen=True, gc=False):
    """One response. ``content-length`` is among the headers wherever HTTP wants it."""

    status: int
    headers: HeaderList
    body: bytes | memoryview | None = None
    """Sent as it is, not copied. None where no body is sent: HEAD, 304 and empty answers."""


class App(Protocol):
    """What answers the requests of one listener."""

    def respond(self, request: Request) -> Response:
        """The answer. Never raises: a fault of the service itself is an answer too."""
        ...


class RefusalError(Exception):
    """A request that gets an error document instead of what it asked for.

    Args:
        status: the HTTP status.
        kind: machine-readable kind; those of Cincinnati are kept (its commons/src/errors.rs).
        value: the text for people.
        headers: fields beyond those of every error.
    """

    def __init__(
        self, status: HTTPStatus, kind: str, value: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{kind}: {value}")
        self.status = status
        self.kind = kind
        self.value = value
        self.headers = headers or {}


def error_response(refused: RefusalError) -> Response:
    """The error document: ``{"kind":...,"value":...}``."""
    body = msgspec.json.encode({"kind": refused.kind, "value": refused.value})
    headers = [
        ("content-type", "application/json"),
        ("content-length", str(len(body))),
        NO_STORE,
        *refused.headers.items(),
    ]
    return Response(refused.status, headers, body)


def empty_response(status: HTTPStatus, *headers: tuple[str, str]) -> Response:
    """A response without a body."""
    return Response(status, [("content-length", "0"), NO_STORE, *headers])


def text_response(status: HTTPStatus, text: str, content_type: str = "text/plain; charset=utf-8") -> Response:
    """A short answer that no cache keeps."""
    body = text.encode()
    return Response(
        status, [("content-type", content_type), ("content-length", str(len(body))), NO_STORE], body
    )


def for_method(response: Response, method: str) -> Response:
    """The response as ``method`` wants it: HEAD gets the headers of GET and no body."""
    if method != "HEAD" or response.body is None:
        return response
    return Response(response.status, response.headers)
