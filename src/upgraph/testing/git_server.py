"""A web server that offers git repositories as real hosts do, through git's own program for it, and their faults.

Its attributes may be changed between requests; every request is recorded.
"""

import asyncio
import base64
import os
import shutil
import ssl
import subprocess
from asyncio.subprocess import PIPE
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from upgraph.graphdata import Files
from upgraph.testing.certificates import Certificates

GIT_SECONDS = 180
"""Longest time for one call of git."""
MAX_REQUEST_BYTES = 4 * 1024 * 1024
"""Longest request that is taken."""

_WHO = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_AUTHOR_DATE": "2024-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_COMMITTER_DATE": "2024-01-01T00:00:00Z",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "HOME": "/nonexistent",
}


@dataclass(frozen=True, slots=True)
class BareRepository:
    """A bare repository that is committed to without a working copy. The same files give the same commit."""

    path: Path

    @classmethod
    def make(cls, path: Path, *, object_format: str = "sha1") -> Self:
        """An empty one at ``path``, whose directory is made."""
        made = cls(path)
        path.mkdir(parents=True)
        made.git("init", "--quiet", "--initial-branch=main", f"--object-format={object_format}")
        return made

    def git(self, *command: str, asked: bytes = b"") -> str:
        """What git answers."""
        program = shutil.which("git") or "git"
        line = (program, f"--git-dir={self.path}", *(("--bare",) if command[0] == "init" else ()), *command)
        environment = {"PATH": os.environ["PATH"], **_WHO}
        done = subprocess.run(  # noqa: S603 - tests choose every argument
            line, input=asked, capture_output=True, env=environment, timeout=GIT_SECONDS, check=True
        )
        return done.stdout.decode().strip()

    def commit(self, files: Files, *, branch: str = "main", parent: str | None = None) -> str:
        """Make ``files`` all that a branch holds, but for those that git keeps out of its trees; gives the commit."""
        self.git("read-tree", "--empty")
        possible = {path: content for path, content in files.items() if not path.startswith(".git/")}
        for path, content in possible.items():
            blob = self.git("hash-object", "-w", "--stdin", asked=content)
            self.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
        parents = ("-p", parent) if parent else ()
        commit = self.git("commit-tree", "-m", "set", *parents, self.git("write-tree"))
        self.git("update-ref", f"refs/heads/{branch}", commit)
        self.git("update-server-info")
        return commit


@dataclass(slots=True)
class GitManners:
    """How the server answers."""

    is_smart: bool = True
    """Whether it speaks the protocol of git; otherwise it serves the files of repositories."""
    login: tuple[str, str] | None = None
    """User name and password that it wants (Basic)."""
    redirect: str | None = None
    """Where it sends every request; the path and the query are put behind."""
    is_endless: bool = False
    """Whether answers never end, without ever saying anything that could be an answer."""
    is_silent: bool = False
    """Whether answers never begin."""


@dataclass(frozen=True, slots=True)
class GitRequest:
    """One request that came in."""

    path: str
    login: str | None
    """What stood in Authorization."""


@dataclass(slots=True)
class GitServer:
    """Serves the repositories in ``root``. An async context manager; it listens on a free port of 127.0.0.1."""

    root: Path
    certificates: Certificates | None = None
    """What it shows over TLS; None: plain HTTP."""
    manners: GitManners = field(default_factory=GitManners)
    requests: list[GitRequest] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with the first request."""
    _runner: web.AppRunner | None = None
    _port: int = 0

    def url(self, path: str = "/data.git", *, login: str = "") -> str:
        """An address of it; ``login`` is ``user:password@``."""
        return f"{'https' if self.certificates else 'http'}://{login}127.0.0.1:{self._port}{path}"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=MAX_REQUEST_BYTES)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        tls: ssl.SSLContext | None = self.certificates.server_context() if self.certificates else None
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        manners = self.manners
        self.requests.append(GitRequest(request.path, request.headers.get("Authorization")))
        self.asked.set()
        if manners.redirect is not None:
            return web.Response(status=302, headers={"Location": f"{manners.redirect}{request.path_qs}"})
        if manners.login is not None and request.headers.get("Authorization") != _basic(manners.login):
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="git"'})
        if manners.is_silent or manners.is_endless:
            return await self._never_end(request)
        if manners.is_smart:
            return await self._smart(request)
        file = self.root / request.path.lstrip("/")
        return web.FileResponse(file) if file.is_file() else web.Response(status=404)

    async def _never_end(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if self.manners.is_endless:
            service = request.query.get("service", "git-upload-pack")
            response.content_type = f"application/x-{service}-advertisement"
            await response.prepare(request)
        while True:
            await asyncio.sleep(0.01)
            if self.manners.is_endless:
                await response.write(b"0008NAK\n" * 512)

    async def _smart(self, request: web.Request) -> web.Response:
        program = shutil.which("git") or "git"
        process = await asyncio.create_subprocess_exec(
            program, "http-backend", stdin=PIPE, stdout=PIPE, env=self._variables(request)
        )
        answer, _ = await process.communicate(await request.read())
        head, _, body = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        status = int(headers.pop("Status", "200 OK").split()[0])
        return web.Response(status=status, body=body, headers=headers)

    def _variables(self, request: web.Request) -> dict[str, str]:
        return {
            **_WHO,
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": request.method,
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query_string,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "REMOTE_ADDR": "127.0.0.1",
        }


def _basic(login: tuple[str, str]) -> str:
    return f"Basic {base64.b64encode(':'.join(login).encode()).decode()}"
