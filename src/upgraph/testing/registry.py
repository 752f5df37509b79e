"""A registry in memory behind a real socket, with faults on demand.

It speaks the distribution API as far as reading and writing images need it. Content is plain attributes that
a test may change between requests; faults are values in a list, used up in their order; every request is
recorded.
"""

import asyncio
import base64
import re
import socket
import ssl
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import msgspec
from aiohttp import web

from upgraph.oci import OCI_MANIFEST, Digest, Repository, digest_of
from upgraph.oci.disk.layout_entries import REF_NAME
from upgraph.testing.registry_referrers import KeptReferrers
from upgraph.testing.registry_uploads import Lost, Reply, Uploads, refusal

Step = Literal["base", "tags", "manifest", "blob", "upload", "referrers", "token"]

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")
_CHUNK_BYTES = 64 * 1024
_LINGER_NOT = struct.pack("ii", 1, 0)
"""What lets the end of a connection be a reset (SO_LINGER: on, for no time)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with requests of one step. Fields that are not set leave the answer as it is."""

    step: Step
    times: int = 1
    """How many requests it hits."""
    method: str | None = None
    """Only requests of this method."""
    name: str | None = None
    """Only requests for this tag or digest."""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Put over those of the answer; an empty value takes one away."""
    body: bytes | None = None
    chunked: bool = False
    """Send without Content-Length, so that the body may be shorter or longer than was promised elsewhere."""
    length: int | None = None
    """What Content-Length says, whatever the body has; what is beyond it is not sent."""
    cut_after: int | None = None
    """Stop after so many bytes of the body."""
    then: Literal["close", "reset", "stall"] = "close"
    """What becomes of a connection that was stopped."""
    stall: bool = False
    """Never answer."""
    take: int | None = None
    """Break off after so many bytes of the body of an upload, which are kept."""


@dataclass(frozen=True, slots=True)
class Login:
    """What the registry wants before it gives anything.

    With ``scheme`` bearer an empty user name means that anybody gets a token.
    """

    scheme: Literal["basic", "bearer"]
    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    token_seconds: float = 300
    realm: str = ""
    """Address of the token service, if it shall not be the registry itself."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that came in."""

    step: str
    method: str
    path: str
    headers: Mapping[str, str]


class SimulatedRegistry:
    """A registry with one repository. An async context manager; it listens on a free port of 127.0.0.1.

    Args:
        path: path of the repository.
        tls: the context of the server; None: plain HTTP. It can be changed while the registry is halted.
    """

    def __init__(self, path: str = "releases/ocp", *, tls: ssl.SSLContext | None = None) -> None:
        self.path = path
        self.tags: dict[str, Digest] = {}
        self.blobs: dict[Digest, bytes] = {}
        """Manifests, configurations and layers."""
        self.faults: list[Fault] = []
        self.login: Login | None = None
        self.page_tags: int | None = None
        """Most tags of one page, whatever is asked for."""
        self.ranges = True
        """Whether Range is heeded."""
        self.heads = True
        """Whether HEAD is."""
        self.requests: list[Seen] = []
        self.watch: Callable[[Seen], object] = lambda _: None
        """Is called with every request before it is answered, and may change what the registry holds."""
        self.tokens: set[str] = set()
        """Tokens that are valid now; clear it to make all be refused."""
        self.tls = tls
        self.uploads = Uploads(path, self.blobs, self.tags)
        self.referrers = KeptReferrers(self.blobs)
        self.scopes: dict[str, list[str]] = {}
        """What was asked for with each token."""
        self._issued = 0
        self._port = 0
        self._runner: web.AppRunner | None = None
        self._ending = asyncio.Event()

    @property
    def repository(self) -> Repository:
        """How to name the repository."""
        return Repository(f"127.0.0.1:{self._port}", self.path, "http" if self.tls is None else "https")

    @property
    def counts(self) -> Counter[str]:
        """Requests by step."""
        return Counter(seen.step for seen in self.requests)

    def add(self, content: bytes, *, tag: str | None = None) -> Digest:
        """Hold ``content``, and let ``tag`` point to it."""
        digest = digest_of(content)
        self.blobs[digest] = content
        if tag is not None:
            self.tags[tag] = digest
        return digest

    def load(self, layout: Path) -> None:
        """Hold what an OCI layout holds."""
        for file in sorted(layout.glob("blobs/*/*")):
            self.blobs[Digest(f"{file.parent.name}:{file.name}")] = file.read_bytes()
        for entry in msgspec.json.decode((layout / "index.json").read_bytes())["manifests"]:
            self.tags[entry["annotations"][REF_NAME]] = Digest(entry["digest"])

    async def __aenter__(self) -> Self:
        await self.resume()
        return self

    async def resume(self) -> None:
        """Listen, after a halt on the port that it had."""
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._handle)
        self._ending = asyncio.Event()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self.tls)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def halt(self) -> None:
        """Close all connections and the port; what it holds stays."""
        self._ending.set()
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.halt()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        step, name = self._route(request.path)
        seen = Seen(step, request.method, request.path_qs, dict(request.headers))
        self.requests.append(seen)
        self.watch(seen)
        fault = self._fault(step, request.method, name) or Fault("blob")
        try:
            answer = await self._answer(request, step, name, fault)
        except Lost:
            answer, fault = Reply(500), replace(fault, cut_after=0, then="reset")
        if fault.stall:
            await self._ending.wait()
        return await _send(request, answer, fault, self._ending)

    def _route(self, path: str) -> tuple[str, str]:
        root = f"/v2/{self.path}/"
        if path == "/token":
            return "token", ""
        if path == f"{root}tags/list":
            return "tags", ""
        places = {
            "upload": f"{root}blobs/uploads/",
            "manifest": f"{root}manifests/",
            "blob": f"{root}blobs/",
            "referrers": f"{root}referrers/",
        }
        for step, place in places.items():
            if path.startswith(place):
                return step, path.removeprefix(place)
        return "base" if path == "/v2/" else "unknown", ""

    def _fault(self, step: str, method: str, name: str) -> Fault | None:
        for at, fault in enumerate(self.faults):
            if fault.step == step and fault.method in {None, method} and fault.name in {None, name}:
                self.faults[at : at + 1] = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
                return fault
        return None

    async def _answer(self, request: web.Request, step: str, name: str, fault: Fault) -> Reply:
        if step == "token":
            return self._token(request, await request.post())
        if not self._allowed(request):
            return self._challenge(request)
        if request.method not in {"GET", "HEAD"} or step == "upload":
            return await self._written(request, step, name, fault)
        if step == "base":
            return Reply(200, b"{}", {"Content-Type": "application/json"})
        return self._read(request, step, name)

    def _read(self, request: web.Request, step: str, name: str) -> Reply:
        if step == "tags":
            return self._page(request)
        if step == "referrers":
            return self.referrers.answer(request, name)
        return self._manifest(request, name) if step == "manifest" else self._blob(request, name)

    async def _written(self, request: web.Request, step: str, name: str, fault: Fault) -> Reply:
        if fault.status is not None:
            # What is refused has no effect.
            return refusal(fault.status, "REFUSED")
        if step == "upload":
            return await self.uploads.upload(request, name, fault.take)
        return await self.uploads.manifest(request, name)

    def _page(self, request: web.Request) -> Reply:
        last, asked = request.query.get("last", ""), int(request.query.get("n", "1000000"))
        left = sorted(tag for tag in self.tags if tag > last)
        size = min(asked, self.page_tags or asked)
        page = left[:size]
        headers = {"Content-Type": "application/json"}
        if len(left) > size:
            headers["Link"] = f'<{request.path}?last={page[-1]}&n={asked}>; rel="next"'
        return Reply(200, msgspec.json.encode({"name": self.path, "tags": page}), headers)

    def _manifest(self, request: web.Request, reference: str) -> Reply:
        if request.method == "HEAD" and not self.heads:
            return refusal(405, "UNSUPPORTED")
        digest = self.tags.get(reference, Digest(reference))
        content = self.blobs.get(digest)
        if content is None:
            return refusal(404, "MANIFEST_UNKNOWN")
        return Reply(200, content, {"Content-Type": _media_type(content), "Docker-Content-Digest": digest})

    def _blob(self, request: web.Request, digest: str) -> Reply:
        content = self.blobs.get(Digest(digest))
        if content is None:
            return refusal(404, "BLOB_UNKNOWN")
        headers = {"Content-Type": "application/octet-stream"}
        asked = _RANGE.fullmatch(request.headers.get("Range", ""))
        if asked is None or not self.ranges:
            return Reply(200, content, headers)
        first, last = int(asked[1]), min(int(asked[2]), len(content) - 1)
        if first >= len(content):
            return Reply(416, b"", headers | {"Content-Range": f"bytes */{len(content)}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        return Reply(206, content[first : last + 1], headers)

    def _allowed(self, request: web.Request) -> bool:
        shown = request.headers.get("Authorization", "")
        if self.login is None:
            return True
        if self.login.scheme == "basic":
            return shown == _basic(self.login)
        token = shown.removeprefix("Bearer ")
        needed = {f"repository:{path}:pull" for path in [request.query.get("from")] if path}
        if request.method not in {"GET", "HEAD"}:
            needed.add(f"repository:{self.path}:pull,push")
        return token in self.tokens and needed <= set(self.scopes.get(token, needed))

    def _challenge(self, request: web.Request) -> Reply:
        answer = refusal(401, "UNAUTHORIZED")
        wanted = 'Basic realm="registry"'
        if self.login is not None and self.login.scheme == "bearer":
            realm = self.login.realm or f"{request.url.origin()}/token"
            scope = f"repository:{self.path}:pull"
            wanted = f'Bearer realm="{realm}",service="simulated, registry",scope="{scope}"'
        answer.headers["WWW-Authenticate"] = wanted
        return answer

    def _token(self, request: web.Request, form: Mapping[str, object]) -> Reply:
        login = self.login or Login("bearer")
        shown = request.headers.get("Authorization")
        if login.identity_token:
            granted = form.get("refresh_token") == login.identity_token
        else:
            granted = shown == (_basic(login) if login.username else None)
        if not granted:
            return refusal(401, "UNAUTHORIZED")
        self._issued += 1
        token = f"token-{self._issued}"
        self.tokens.add(token)
        self.scopes[token] = request.query.getall("scope", str(form.get("scope", "")).split())
        body = {"access_token": token, "token": token, "expires_in": login.token_seconds}
        return Reply(200, msgspec.json.encode(body), {"Content-Type": "application/json"})


def _media_type(manifest: bytes) -> str:
    try:
        return str(msgspec.json.decode(manifest, type=dict[str, object]).get("mediaType", "application/json"))
    except msgspec.DecodeError:
        return OCI_MANIFEST


def _basic(login: Login) -> str:
    return "Basic " + base64.b64encode(f"{login.username}:{login.password}".encode()).decode()


async def _send(
    request: web.Request, answer: Reply, fault: Fault, ending: asyncio.Event
) -> web.StreamResponse:
    body = answer.body if fault.body is None else fault.body
    headers = {key: value for key, value in {**answer.headers, **fault.headers}.items() if value}
    response = web.StreamResponse(status=fault.status or answer.status, headers=headers)
    if fault.chunked:
        response.enable_chunked_encoding()
    else:
        response.content_length = len(body) if fault.length is None else fault.length
    await response.prepare(request)
    end = len(body) if fault.cut_after is None else fault.cut_after
    for at in range(0, end if request.method != "HEAD" else 0, _CHUNK_BYTES):
        await response.write(body[at : min(at + _CHUNK_BYTES, end)])
    if fault.cut_after is not None and request.transport is not None:
        await _stop(request.transport, fault, ending)
        return response
    await response.write_eof()
    return response


async def _stop(transport: asyncio.Transport, fault: Fault, ending: asyncio.Event) -> None:
    if fault.then == "stall":
        await ending.wait()
    if fault.then == "reset":
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        transport.abort()
    transport.close()
