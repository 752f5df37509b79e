"""One connection: requests in, answers out, and nothing kept for a client that does not read.

Answers are written in the order of the requests. While a client leaves an answer unread, nothing more is
read from it and none of its waiting requests is answered, so it costs the system's buffers and no more;
prepared bodies are not copied for it. Over TLS they have to be, since what is sent is encrypted first; there a
body goes out in slices, and the next one is made when the client has taken the last.

Nor is the end of what a client sends seen before it was answered. So a connection whose client sends nothing
more needs no care: the event loop closes it once all is written.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Protocol, cast

from upgraph.service.answering.message import (
    RETRY_AFTER,
    App,
    RefusalError,
    Response,
    error_response,
    for_method,
    header_lines,
)
from upgraph.service.answering.requests import Received, RequestReader

UNREAD_BYTES = 64 * 1024
"""Bytes of answers that may wait for a client before its next request is looked at."""
LINGER_SECONDS = 2.0
"""Seconds for which a client whose request was refused may go on sending it."""

_STATUS_LINES: Mapping[int, bytes] = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
_BUSY = RefusalError(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "overloaded",
    "more connections are open than this service takes; ask again later",
    {"retry-after": str(RETRY_AFTER)},
)


class Host(Protocol):
    """What the connections of a listener share."""

    app: App
    now: float
    """Seconds of the event loop, as of the last look at all connections."""
    date: bytes
    """The header line with the time."""
    is_stopping: bool

    def joined(self, connection: "Connection") -> bool:
        """A connection was made; false: there are too many, and it is to be turned away."""
        ...

    def left(self, connection: "Connection") -> None:
        """A connection is gone."""
        ...

    def met_malformed(self) -> None:
        """Something came that is no request, or one beyond the limits."""
        ...


class Connection(asyncio.Protocol):
    """The protocol of one connection, for the event loop.

    Args:
        host: what it shares with the others.
        header_bytes: longest header that is taken.
        made: called when it is open, before the host hears of it, if anybody wants to know.
    """

    __slots__ = (
        "_has_ended",
        "_host",
        "_is_paused",
        "_is_tls",
        "_is_welcome",
        "_made",
        "_reader",
        "_rest",
        "_transport",
        "_unread",
        "_waiting",
        "_was_asked",
        "since",
    )

    _transport: asyncio.Transport

    def __init__(self, host: Host, header_bytes: int, made: Callable[[], object] | None) -> None:
        self._host = host
        self._made = made
        self._reader = RequestReader(header_bytes)
        self._waiting: deque[Received] = deque()
        self._is_paused = False
        self._is_welcome = True
        self._has_ended = False
        self._is_tls = False
        self._rest: memoryview | None = None
        self._unread = 0
        self._was_asked = False
        self.since = 0.0
        """When it came into the state it is in: on :attr:`Host.now`."""

    # The event loop calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        # Those of uvloop are transports without saying so.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(UNREAD_BYTES)
        self._is_tls = transport.get_extra_info("sslcontext") is not None
        self.since = self._host.now
        if self._made is not None:
            self._made()
            self._made = None
        self._is_welcome = self._host.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - whatever it was
        """It is closed, by whomever."""
        self._waiting.clear()
        self._rest = None
        self._host.left(self)

    def data_received(self, data: bytes) -> None:
        """The client sent something."""
        # After the last answer it is read and dropped, so that the system does not drop the answer.
        if not self._has_ended:
            self._waiting += self._reader.feed(data)
            self._answer_waiting()

    def pause_writing(self) -> None:
        """The client leaves too much unread."""
        self._is_paused = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client has read what there was."""
        self._is_paused = False
        self.since = self._host.now
        self._send_rest()
        if self._has_ended:
            self._close_once_sent()
            return
        self._answer_waiting()
        if not (self._is_paused or self._transport.is_closing()):
            self._transport.resume_reading()

    # The host calls these.

    def is_idle(self) -> bool:
        """Whether it waits for a request of which nothing has come yet."""
        is_quiet = self._reader.is_between_requests and not (self._waiting or self._has_ended)
        return is_quiet and not self._has_unread()

    @property
    def has_ended(self) -> bool:
        """Whether it is closed as soon as the client has what was written."""
        return self._has_ended

    def is_new(self) -> bool:
        """Whether it was never asked anything."""
        return not self._was_asked

    def waits_too_long(self, *, header_seconds: float, unread_seconds: float) -> bool:
        """Whether the client did not do its part in the time it has for that."""
        unread = self._unread_bytes()
        if unread != self._unread:
            self._unread = unread
            self.since = self._host.now
        # What lies encrypted in the buffers below cannot be seen.
        may_be_unread = unread or (self._is_tls and self._has_ended)
        quiet = LINGER_SECONDS if self._has_ended else header_seconds
        return self._host.now - self.since >= (unread_seconds if may_be_unread else quiet)

    def close(self) -> None:
        """Close it after what was written; the answers in the middle of which it is are finished."""
        self._has_ended = True
        self.since = self._host.now
        self._close_once_sent()

    def close_when_answered(self) -> None:
        """Close it once the client has what it asked for: at once if it asked for nothing."""
        if not self._waiting and self._reader.is_between_requests:
            self.close()

    def time_out(self) -> None:
        """Close it because the client waited too long with its part."""
        if self._has_unread() or self._has_ended:
            self._transport.abort()
        elif self._reader.is_between_requests:
            self.close()
        else:
            text = "the request did not come within the time that there is for one"
            self._refuse(RefusalError(HTTPStatus.REQUEST_TIMEOUT, "invalid_request", text))

    def abort(self) -> None:
        """Close it at once, whatever was written."""
        self._transport.abort()

    def _has_unread(self) -> bool:
        return self._unread_bytes() > 0

    def _unread_bytes(self) -> int:
        return self._transport.get_write_buffer_size() + len(self._rest or b"")

    def _close_once_sent(self) -> None:
        if not self._rest:
            self._transport.close()

    def _send(self, head: bytes, body: bytes | memoryview) -> None:
        if not self._is_tls or len(body) <= UNREAD_BYTES:
            self._transport.writelines((head, body))
            return
        self._transport.write(head)
        self._rest = memoryview(body)
        self._send_rest()

    def _send_rest(self) -> None:
        while self._rest and not self._is_paused:
            part, self._rest = self._rest[:UNREAD_BYTES], self._rest[UNREAD_BYTES:]
            self._transport.write(part)

    def _answer_waiting(self) -> None:
        waiting = self._waiting
        while waiting and not (self._is_paused or self._rest):
            self._answer(waiting.popleft())
        if self._reader.fault is not None and not (waiting or self._has_ended):
            self._host.met_malformed()
            self._refuse(self._reader.fault)

    def _answer(self, received: Received) -> None:
        host = self._host
        self.since = host.now
        self._was_asked = True
        request = received.request
        response = (
            host.app.respond(request)
            if self._is_welcome
            else for_method(error_response(_BUSY), request.method)
        )
        keeps_open = received.keeps_open and self._is_welcome and not host.is_stopping
        head = _head(response, host.date, keeps_open=keeps_open)
        if response.body is None:
            self._transport.write(head)
        else:
            self._send(head, response.body)
        if not keeps_open:
            self._waiting.clear()
            self.close()

    def _refuse(self, fault: RefusalError) -> None:
        """Answer what is no request, and close once the client has stopped sending it."""
        response = error_response(fault)
        if self._reader.unfinished_method == "HEAD":
            response = for_method(response, "HEAD")
        self._has_ended = True
        self.since = self._host.now
        self._transport.writelines((_head(response, self._host.date, keeps_open=False), response.body or b""))
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()


def _head(response: Response, date: bytes, *, keeps_open: bool) -> bytes:
    end = b"\r\n" if keeps_open else b"connection: close\r\n\r\n"
    return b"".join((_STATUS_LINES[response.status], date, header_lines(response.headers), end))
