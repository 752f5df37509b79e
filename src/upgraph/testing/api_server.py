"""An API server in memory behind a real socket, that can misbehave: lists in pages, watches, server-side apply, refusals.

What it holds is :class:`~upgraph.testing.api_state.ApiState`. Faults are values in a list, used up in their order; watches
can be cut, or fall silent with their connections open; the address can refuse connections and come back. It lives in the
event loop of the test. :mod:`upgraph.testing.api_contract` holds it to what real ones do.
"""

import asyncio
import base64
import json
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from upgraph.kube.objects import Key, Kind, Object, key_of
from upgraph.testing.api_answers import APPLY, expired, forbidden, json_answer, line, no_such_path, read
from upgraph.testing.api_selection import Pages, Selection
from upgraph.testing.api_state import ApiState, DeniedError, refuse_unknown_fields
from upgraph.testing.certificates import Certificates

TOKEN = "harbour-pilot-token"  # noqa: S105  # of a server that lives as long as a test
MAX_REQUEST_BYTES = 3 * 1024 * 1024
"""Largest body that kube-apiserver takes."""

PATIENCE_SECONDS = 180.0
"""Longest wait of a test for requests to come in."""
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with requests. Fields that are not set leave the answer as it is."""

    verb: str | None = None
    """Only requests of this verb: get, list, watch, create, update, patch or delete."""
    plural: str | None = None
    """Only requests for this resource."""
    times: int = 1
    """How many requests it hits."""
    status: int | None = None
    message: str = "the simulated server was told to refuse"
    retry_after: int | None = None
    """Seconds, in a header."""
    body: bytes | None = None
    """The body of the answer, whatever it should be."""
    encoding: str = ""
    """How that body says to be compressed."""
    begin: bytes = b""
    """What a watch says before anything else."""
    hold: asyncio.Event | None = None
    """Answer only when this is set."""
    reset: bool = False
    """Break the connection instead of answering."""
    late: bool = False
    """Break the connection after doing what was asked."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that came in."""

    verb: str
    plural: str
    key: Key
    subresource: str
    query: dict[str, str]
    body: Object | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Target:
    kind: Kind
    key: Key
    subresource: str


class SimulatedApiServer:
    """A cluster. An async context manager; it listens on a port of 127.0.0.1, the same one for all its life.

    Args:
        certificates: what it shows; None: plain HTTP.
    """

    def __init__(self, certificates: Certificates | None = None) -> None:
        self.state = ApiState()
        self.faults: list[Fault] = []
        self.forbidden: set[tuple[str, str]] = set()
        """Verbs and plurals that the account may not use."""
        self.tokens = {TOKEN}
        """Tokens that are known now."""
        self.requests: list[Seen] = []
        self.expired_in_stream = True
        """Whether a watch of what is no longer known is told so in its stream, or by its status."""
        self.bookmark_seconds = 5.0
        """Between two words of a watch that has nothing to say."""
        self._is_silent = False
        self._silences = 0
        self._pages = Pages()
        self.certificates = certificates
        """What it shows, when it begins to listen."""
        self._port = 0
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._watches: list[web.Request] = []
        self._came = asyncio.Event()
        self._ending = asyncio.Event()

    @property
    def url(self) -> str:
        """The address of the API."""
        return f"http{'s' if self.certificates else ''}://127.0.0.1:{self._port}"

    @property
    def counts(self) -> Counter[str]:
        """Requests by verb and plural, for example ``list configmaps``."""
        return Counter(f"{seen.verb} {seen.plural}" for seen in self.requests)

    @property
    def open_watches(self) -> int:
        """How many watches are under way."""
        return len(self._watches)

    async def reached(self, what: str, number: int) -> None:
        """Wait until so many requests of a kind have come in; ``what`` is as in :attr:`counts`."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.counts[what] < number:
                self._came.clear()
                await self._came.wait()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=MAX_REQUEST_BYTES)
        app.router.add_route("*", "/{tail:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self.cut()
        if self._runner is not None:
            await self._runner.cleanup()

    async def listen(self) -> None:
        """Take connections (again)."""
        if self._runner is None or self._site is not None:
            return
        tls = None if self.certificates is None else self.certificates.server_context()
        self._site = web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=tls, reuse_address=True)
        await self._site.start()
        self._port = self._runner.addresses[0][1]

    async def refuse(self) -> None:
        """Refuse connections, and break those that are open."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
        self.cut()
        if self._runner is not None and self._runner.server is not None:
            for connection in list(self._runner.server.connections):
                if connection.transport is not None:
                    connection.transport.abort()

    def fall_silent(self) -> None:
        """Answer nothing more, while connections stay open. Watches that are under way never say anything again."""
        self._is_silent = True
        self._silences += 1

    def speak_again(self) -> None:
        """Answer new requests."""
        self._is_silent = False

    def cut(self) -> None:
        """Break the connections of all watches."""
        for request in list(self._watches):
            if request.transport is not None:
                request.transport.abort()

    def forget_history(self) -> None:
        """Know nothing of before now: watches and pages have to begin again."""
        self.state.forget_history()
        self._pages.forget()

    def kubeconfig(self, file: Path, *, token: str = TOKEN) -> Path:
        """Write a kubeconfig that leads here."""
        cluster = {"server": self.url}
        if self.certificates is not None:
            authority = self.certificates.certificate.read_bytes()
            cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "harbour",
            "clusters": [{"name": "site", "cluster": cluster}],
            "contexts": [{"name": "harbour", "context": {"cluster": "site", "user": "pilot"}}],
            "users": [{"name": "pilot", "user": {"token": token}}],
        }
        file.write_text(json.dumps(document))
        return file

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._answered(request)
        except DeniedError as error:
            return web.json_response(error.document, status=error.code)

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            raise DeniedError(401, "Unauthorized", "Unauthorized")
        if self._is_silent:
            await self._ending.wait()
        parts = request.match_info["tail"].split("/")
        if (parts[0], len(parts)) in {("api", 2), ("apis", 3)}:
            return self._discovered(parts)
        target = self._target(parts)
        verb = _verb(request, target)
        body = read(await request.read(), request.content_type)
        self.requests.append(
            Seen(verb, target.kind.plural, target.key, target.subresource, dict(request.query), body)
        )
        self._came.set()
        fault = self._fault(verb, target)
        refusal = await _misbehaved(request, fault)
        if refusal is not None:
            return refusal
        if (verb, target.kind.plural) in self.forbidden:
            raise forbidden(verb, target.kind, target.key)
        if verb == "watch":
            return await self._watch(request, target, fault.begin)
        code, document = self._done(request, verb, target, body or {})
        if fault.late:
            _break(request)
        return json_answer(document, code)

    def _discovered(self, parts: list[str]) -> web.StreamResponse:
        group, version = ("", parts[1]) if parts[0] == "api" else (parts[1], parts[2])
        found = [kind for kind in self.state.kinds if (kind.group, kind.version) == (group, version)]
        if not found:
            raise no_such_path()
        resources = [
            {"name": kind.plural, "kind": kind.kind, "namespaced": kind.namespaced} for kind in found
        ]
        return json_answer({"kind": "APIResourceList", "resources": resources})

    def _target(self, parts: list[str]) -> _Target:
        if parts[0] not in {"api", "apis"}:
            raise no_such_path()
        group, version, *rest = parts[1:] if parts[0] == "apis" else ["", *parts[1:]]
        namespace = ""
        if len(rest) > 2 and rest[0] == "namespaces":
            namespace, rest = rest[1], rest[2:]
        plural, name, subresource = (*rest, "", "", "")[:3]
        kind = self.state.kind_at(group, version, plural)
        if kind is None:
            raise no_such_path()
        return _Target(kind, Key(namespace, name), subresource)

    def _fault(self, verb: str, target: _Target) -> Fault:
        for number, fault in enumerate(self.faults):
            if fault.verb in {None, verb} and fault.plural in {None, target.kind.plural}:
                left = replace(fault, times=fault.times - 1)
                self.faults[number : number + 1] = [left] if left.times else []
                return fault
        return Fault()

    def _done(self, request: web.Request, verb: str, target: _Target, body: Object) -> tuple[int, Object]:
        if verb == "list":
            return 200, self._listed(request, target)
        if verb == "get":
            return 200, self.state.get(target.kind, target.key)
        if verb == "delete":
            self.state.delete(target.kind, target.key, (body.get("preconditions") or {}).get("uid"))
            return 200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        is_new = not self.state.has(target.kind, key_of(body) if verb == "create" else target.key)
        return 201 if is_new else 200, self._written(request, verb, target, body)

    def _written(self, request: web.Request, verb: str, target: _Target, body: Object) -> Object:
        kind, state = target.kind, self.state
        manager = request.query.get("fieldManager", "unknown")
        is_status = target.subresource == "status"
        if request.content_type == APPLY:
            force = request.query.get("force") == "true"
            return state.apply(kind, body, manager, force=force, status=is_status)
        if request.query.get("fieldValidation") == "Strict":
            refuse_unknown_fields(kind, body)
        if verb == "patch":
            return state.merge(kind, target.key, body, manager)
        if verb == "create":
            return state.create(kind, body, manager)
        return state.replace(kind, body, manager, status=is_status)

    def _listed(self, request: web.Request, target: _Target) -> Object:
        selection = Selection.of(request.query, target.key.namespace)
        found = [obj for obj in self.state.all(target.kind) if selection.has(obj)]
        for obj in found:
            # What all have in common stands once, above them.
            del obj["apiVersion"], obj["kind"]
        page = self._pages.page(found, self.state.version, request.query)
        return {"apiVersion": target.kind.api_version, "kind": f"{target.kind.kind}List", **page}

    async def _watch(self, request: web.Request, target: _Target, begin: bytes) -> web.StreamResponse:
        since = int(request.query.get("resourceVersion") or self.state.version)
        if since < self.state.oldest and not self.expired_in_stream:
            raise expired(since, self.state.oldest)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        self._watches.append(request)
        changed = asyncio.Event()
        self.state.listeners.add(changed.set)
        try:
            await response.write(begin)
            async with asyncio.timeout(float(request.query.get("timeoutSeconds") or 1800)):
                await self._tell(response, request, target, since, changed)
        except (ConnectionError, TimeoutError):
            pass  # the client is gone, or the watch is over
        finally:
            self.state.listeners.discard(changed.set)
            self._watches[:] = [one for one in self._watches if one is not request]
        return response

    async def _tell(
        self,
        response: web.StreamResponse,
        request: web.Request,
        target: _Target,
        since: int,
        changed: asyncio.Event,
    ) -> None:
        selection, silences = Selection.of(request.query, target.key.namespace), self._silences
        while not self._ending.is_set():
            if self._silences > silences:
                await self._ending.wait()
            if since < self.state.oldest:
                await response.write(line("ERROR", expired(since, self.state.oldest).document))
                return
            changed.clear()
            for event in self._events(target.kind, selection, since):
                await response.write(line(event["type"], event["object"]))
            since = self.state.version
            if target.kind not in self.state.kinds:
                return
            if not await _set_within(changed, self.bookmark_seconds):
                at = {"metadata": {"resourceVersion": str(since)}}
                bookmark = {"apiVersion": target.kind.api_version, "kind": target.kind.kind, **at}
                await response.write(line("BOOKMARK", bookmark))

    def _events(self, kind: Kind, selection: Selection, since: int) -> list[Object]:
        first = bisect_right(self.state.history, since, key=lambda past: past.version)
        told = (selection.event(past) for past in self.state.history[first:] if past.kind == kind)
        return [event for event in told if event is not None]


async def _misbehaved(request: web.Request, fault: Fault) -> web.StreamResponse | None:
    """What is answered instead of what was asked for, if anything."""
    if fault.hold is not None:
        await fault.hold.wait()
    if fault.reset:
        _break(request)
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    if fault.encoding:
        headers["Content-Encoding"] = fault.encoding
    if fault.body is not None:
        return web.Response(
            status=fault.status or 200, body=fault.body, headers=headers, content_type="application/json"
        )
    if fault.status is not None:
        refusal = DeniedError(fault.status, "", fault.message)
        return json_answer(refusal.document, fault.status, headers)
    return None


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _verb(request: web.Request, target: _Target) -> str:
    if request.method != "GET":
        return VERBS.get(request.method, request.method)
    if target.key.name:
        return "get"
    return "watch" if request.query.get("watch") in {"1", "true"} else "list"


def _break(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionResetError("the simulated server was told to break the connection")
