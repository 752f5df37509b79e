"""The adapter between granian's RSGI and the edge.

This and :mod:`upgraph.service.answering.server` are all that knows granian. granian answers malformed requests, more
than 100 header lines and oversized ones itself, and leaves out header values that are not printable ASCII,
so those count as absent. Paths arrive percent-decoded, queries as they were sent. An answer to a client that
has gone is dropped without an error.
"""

from typing import Protocol

from upgraph.service.answering.message import App, HeaderList, Request


class _Headers(Protocol):
    def __contains__(self, key: str) -> bool: ...
    def get_all(self, key: str) -> list[str]: ...


class _Scope(Protocol):
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def query_string(self) -> str: ...
    @property
    def headers(self) -> _Headers: ...


class _Answering(Protocol):
    def response_empty(self, status: int, headers: HeaderList) -> None: ...
    def response_bytes(self, status: int, headers: HeaderList, body: bytes) -> None: ...


class RsgiApp:
    """An app as granian calls it. Bodies of requests are never read."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __rsgi__(self, scope: _Scope, protocol: _Answering) -> None:
        """Answer one request."""
        fields = scope.headers

        def header(name: str) -> str | None:
            # Most fields that are asked for are absent, and finding that out is cheap.
            if name not in fields:
                return None
            values = fields.get_all(name)
            return (values[0] if len(values) == 1 else ", ".join(values)) if values else None

        response = self._app.respond(Request(scope.method, scope.path, scope.query_string, header))
        if response.body is None:
            protocol.response_empty(response.status, response.headers)
        else:
            protocol.response_bytes(response.status, response.headers, response.body)
