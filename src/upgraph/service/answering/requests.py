"""Requests out of the bytes of a connection, within limits, without any input or output.

llhttp, the parser of Node.js, takes the bytes apart; it is strict about everything by which two parsers
can be made to see two different requests. What a client may cost is bounded here: the bytes and the lines
of a header, the bytes of a body, which nobody reads, and the requests that come at once. The first fault
ends a connection, because nobody knows where the next request would begin.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import NoReturn
from urllib.parse import unquote, urlsplit

import httptools
import msgspec

from upgraph.service.answering.message import RefusalError, Request

MAX_HEADER_LINES = 100
"""Header lines of one request."""
MAX_BODY_BYTES = 64 * 1024
"""Bytes of the longest body that is passed over; no request that is answered has one."""
MAX_AT_ONCE = 100
"""Requests that a client may send in one piece, without waiting for an answer."""

_METHODS = {method.encode(): method for method in ("GET", "HEAD", "OPTIONS")}
_EXPECT_LENGTH = len(b"expect")
_LINE_EXTRA = len(": \r\n")
_looks_like_request = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ [!-~]+ HTTP/1\.[01]\r\n").match


class Received(msgspec.Struct, frozen=True, gc=False):
    """One request, and what becomes of its connection."""

    request: Request
    keeps_open: bool
    """Whether the client means to ask again on this connection."""


class RequestReader:
    """Takes the bytes of one connection in their order.

    Args:
        header_bytes: longest request line and header that are taken.
    """

    __slots__ = (
        "_body_bytes",
        "_is_past_method",
        "_limit",
        "_lines",
        "_lines_before_body",
        "_parser",
        "_piece_bytes",
        "_received",
        "_target",
        "_unfinished_bytes",
        "fault",
    )

    def __init__(self, header_bytes: int) -> None:
        self._limit = header_bytes
        self._parser = httptools.HttpRequestParser(self)
        self._received: list[Received] = []
        self._target = b""
        self._lines: list[tuple[bytes, bytes]] = []
        self._lines_before_body: int | None = None
        self._body_bytes = 0
        self._piece_bytes = 0
        self._unfinished_bytes = 0
        self._is_past_method = False
        self.fault: RefusalError | None = None
        """Why nothing more is taken: the answer to whatever was sent after the last request."""

    @property
    def is_between_requests(self) -> bool:
        """Whether nothing of a next request has come."""
        return not (self._unfinished_bytes or self._target or self._lines)

    @property
    def unfinished_method(self) -> str | None:
        """The method of the request that has begun and not ended, or whose fault ends the connection; None if unknown."""
        # Until it has read the method, the parser names the one of the request before.
        is_known = self._target or self._is_past_method
        return self._parser.get_method().decode() if is_known else None

    def feed(self, data: bytes) -> list[Received]:
        """Take the next bytes; gives the requests that are complete with them, in their order.

        After a fault nothing is taken any more.
        """
        received: list[Received] = []
        if self.fault is not None:
            return received
        self._received = received
        self._piece_bytes = len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._decline_upgrade()
        except httptools.HttpParserError as error:
            self._is_past_method = not isinstance(error, httptools.HttpParserInvalidMethodError)
            self._fail(_malformed(data, error))
        if not received:
            self._count_unfinished(len(data))
        return received

    def _count_unfinished(self, length: int) -> None:
        # The parser collects a field until it ends, and says nothing before.
        self._unfinished_bytes += length
        if self._unfinished_bytes > self._limit + MAX_BODY_BYTES:
            self._fail(self._too_large())

    def _decline_upgrade(self) -> None:
        # The answer says that nothing was upgraded. What follows the request may be in either protocol.
        if self._received:
            self._received[-1] = Received(self._received[-1].request, keeps_open=False)

    def _too_large(self) -> RefusalError:
        text = f"the header has more than {self._limit} bytes or {MAX_HEADER_LINES} lines"
        return RefusalError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "invalid_request", text)

    # The parser calls these. They run for every line of every request, so they do no more than they must.

    def on_url(self, part: bytes) -> None:
        """A part of the request target."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header line."""
        if len(self._lines) >= MAX_HEADER_LINES:
            self._refuse(self._too_large())
        if len(name) == _EXPECT_LENGTH and name.lower() == b"expect":
            # Nobody here reads bodies, so nobody is told to go on and send one (RFC 9110, 10.1.1).
            text = "nothing that a request could bring is expected here"
            self._refuse(RefusalError(HTTPStatus.EXPECTATION_FAILED, "invalid_request", text))
        self._lines.append((name, value))

    def on_chunk_header(self) -> None:
        """The beginning of a chunk of the body, also of the empty one that ends it."""
        if self._parser.get_http_version() == "1.0":
            # Readers of HTTP/1.0 do not know chunks and see other requests in them (RFC 9112, 6.1).
            self._refuse(_invalid("HTTP/1.0 has no chunks"))
        if self._lines_before_body is None:
            self._lines_before_body = len(self._lines)

    def on_body(self, part: bytes) -> None:
        """A part of the body."""
        self._body_bytes += len(part)
        if self._body_bytes > MAX_BODY_BYTES:
            text = f"the request has a body of more than {MAX_BODY_BYTES} bytes, which nobody here reads"
            self._refuse(RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "invalid_request", text))

    def on_message_complete(self) -> None:
        """The request has ended."""
        received = self._received
        if self._is_too_large():
            self._refuse(self._too_large())
        if len(received) >= MAX_AT_ONCE:
            self._refuse(_invalid(f"more than {MAX_AT_ONCE} requests came before one was answered"))
        path, query = self._path_and_query()
        method = self._parser.get_method()
        fields = self._fields()
        request = Request(_METHODS.get(method) or method.decode(), path, query, fields.get)
        received.append(Received(request, self._parser.should_keep_alive() and not self._is_old(fields)))
        self._target = b""
        self._lines = []
        self._lines_before_body = None
        self._body_bytes = 0
        self._unfinished_bytes = 0

    def _fields(self) -> Mapping[str, str]:
        """Header fields by name in lower case; repeated ones are joined by commas (RFC 9110, 5.3)."""
        # Fields behind a body are not to be taken for those before it (RFC 9110, 6.5.1).
        lines = self._lines[: self._lines_before_body]
        fields = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in lines}
        if "host" not in fields and self._parser.get_http_version() != "1.0":
            # RFC 9112, 3.2: a server must not answer it in any other way.
            self._refuse(_invalid("Host is missing, which HTTP/1.1 requires"))
        if len(fields) == len(lines):
            return fields
        several: dict[str, list[str]] = {}
        for name, value in lines:
            several.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        if len(several.get("host", ())) > 1:
            # RFC 9112, 3.2: proxies on the way may have believed the other one.
            self._refuse(_invalid("Host is repeated"))
        return {name: ", ".join(values) for name, values in several.items()}

    def _is_old(self, fields: Mapping[str, str]) -> bool:
        # Clients of HTTP/1.0 that ask for it want to be told that a connection is kept; it is not.
        return "connection" in fields and self._parser.get_http_version() == "1.0"

    def _is_too_large(self) -> bool:
        if self._unfinished_bytes + self._piece_bytes <= self._limit:
            return False
        size = sum(len(name) + len(value) + _LINE_EXTRA for name, value in self._lines)
        return len(self._target) + size > self._limit

    def _path_and_query(self) -> tuple[str, str]:
        try:
            target = self._target.decode("ascii")
            if not target.startswith("/"):
                # The form with scheme and host, which every server has to take (RFC 9112, 3.2.2).
                parts = urlsplit(target)
                target = f"{parts.path or '/'}?{parts.query}"
        except ValueError:
            self._refuse(
                _invalid("the request target is no URL; other characters have to be percent-encoded")
            )
        if "#" in target:
            target = target.partition("#")[0]
        path, _, query = target.partition("?")
        return (unquote(path) if "%" in path else path), query

    def _fail(self, fault: RefusalError) -> None:
        # The first fault is the one to tell; others follow from it.
        if self.fault is None:
            self.fault = fault

    def _refuse(self, fault: RefusalError) -> NoReturn:
        # The parser stops at an error of a callback and hides it, so what it was is left here.
        self.fault = fault
        raise fault


def _invalid(text: str) -> RefusalError:
    return RefusalError(HTTPStatus.BAD_REQUEST, "invalid_request", text)


def _malformed(data: bytes, error: httptools.HttpParserError) -> RefusalError:
    if data.startswith(b"\x16\x03"):
        return _invalid("this is TLS, and the port speaks plain HTTP")
    if data.startswith(b"PRI * HTTP/2.0"):
        return _invalid("this is HTTP/2, and the port speaks HTTP/1.1")
    if isinstance(error, httptools.HttpParserInvalidMethodError) and _looks_like_request(data):
        allowed = {"allow": "GET, HEAD"}
        text = "HTTP knows no such method"
        return RefusalError(HTTPStatus.METHOD_NOT_ALLOWED, "invalid_request", text, allowed)
    return _invalid(f"this is no HTTP/1.1 request: {error}")
