"""A web server in memory behind a real socket that serves files, with the manners and faults of real ones.

Its attributes may be changed between requests; every request is recorded.
"""

import base64
import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import web

from upgraph.testing.certificates import Certificates


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that came in, and the status of its answer."""

    path: str
    headers: Mapping[str, str]
    status: int


@dataclass(slots=True)
class Manners:
    """How the server answers."""

    tags: bool = True
    """Whether it gives an ETag, and heeds one."""
    modified: str | None = None
    """What it says in Last-Modified; it heeds that too."""
    headers: dict[str, str] = field(default_factory=dict)
    """Put over those of the answer."""
    login: tuple[str, str] | None = None
    """User name and password that it wants (Basic)."""
    redirects: dict[str, str] = field(default_factory=dict)
    """Where it sends requests for a path."""
    status: int | None = None
    """The status of every answer."""
    cut_after: int | None = None
    """Break the connection after so many bytes of the body."""


class FileServer:
    """Serves ``content`` at every path, or ``files``. An async context manager; it listens on a free port of 127.0.0.1.

    Args:
        certificates: what it shows over TLS; None: plain HTTP.
    """

    def __init__(self, certificates: Certificates | None = None) -> None:
        self.content: bytes | None = None
        """What lies at every path; None: there is nothing (404)."""
        self.files: dict[str, bytes] = {}
        """What lies at single paths. If there are any, nothing lies at others."""
        self.manners = Manners()
        self.requests: list[Seen] = []
        self._tls: ssl.SSLContext | None = certificates.server_context() if certificates else None
        self._runner: web.AppRunner | None = None
        self._port = 0

    def url(self, path: str = "/graph-data.tar.gz", *, login: str = "") -> str:
        """An address of it; ``login`` is ``user:password@``."""
        return f"{'https' if self._tls else 'http'}://{login}127.0.0.1:{self._port}{path}"

    @property
    def statuses(self) -> list[int]:
        """The statuses of all answers."""
        return [seen.status for seen in self.requests]

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("GET", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        status, headers = self._answer(request)
        self.requests.append(Seen(request.path, dict(request.headers), status))
        body = self._content(request.path) or b"" if status == 200 else b""
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[: self.manners.cut_after])
        if self.manners.cut_after is not None and request.transport is not None:
            request.transport.close()
        return response

    def _answer(self, request: web.Request) -> tuple[int, dict[str, str]]:
        manners = self.manners
        if target := manners.redirects.get(request.path):
            return 302, {"Location": target}
        if manners.login is not None:
            pair = base64.b64encode(":".join(manners.login).encode()).decode()
            if request.headers.get("Authorization") != f"Basic {pair}":
                return 401, {"WWW-Authenticate": "Basic"}
        content = self._content(request.path)
        if manners.status is not None or content is None:
            return manners.status or 404, {}
        headers = {"Content-Type": "application/gzip"}
        if manners.tags:
            headers["ETag"] = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        if manners.modified is not None:
            headers["Last-Modified"] = manners.modified
        return 304 if self._is_known(request, headers) else 200, {**headers, **manners.headers}

    def _content(self, path: str) -> bytes | None:
        return self.files.get(path) if self.files else self.content

    def _is_known(self, request: web.Request, headers: Mapping[str, str]) -> bool:
        if "If-None-Match" in request.headers:
            return request.headers["If-None-Match"] == headers.get("ETag")
        return request.headers.get("If-Modified-Since", "") == headers.get("Last-Modified")
