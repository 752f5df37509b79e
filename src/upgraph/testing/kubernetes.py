"""An API server in memory behind a real socket: Secrets, with the answers, refusals and faults of a real one.

It knows what our commands ask for and no more: GET of a Secret and PATCH with a merge patch. Its refusals are the Status
objects that kube-apiserver gives. It runs in a thread, because who asks it may not be asynchronous.
"""

import base64
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from upgraph.testing.certificates import Certificates

TOKEN = "harbour-master-token"  # noqa: S105  # of a server that lives as long as a test
TYPE = "kubernetes.io/dockerconfigjson"
PATCH_TYPE = "application/merge-patch+json"
MAX_REQUEST_BYTES = 3 * 1024 * 1024
"""Largest body that kube-apiserver takes."""
HANG_SECONDS = 30.0
"""Longest time for which it keeps silent, unless it is closed before."""


class Fault(Enum):
    """What is wrong with an answer."""

    HUGE = "huge"
    """It goes on for longer than any object can be."""
    CUT = "cut"
    """The connection breaks in its middle."""
    HTML = "html"
    """A page of a proxy with status 503, without a content type."""
    NO_SECRET = "no secret"  # noqa: S105  # a kind of answer
    """An object without name and version."""
    COMPRESSED = "compressed"
    """It is compressed although nobody asked for that."""
    REDIRECT = "redirect"
    """It sends the client elsewhere."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that came in."""

    method: str
    path: str
    content_type: str
    body: Any
    status: int


@dataclass(slots=True)
class _Stored:
    data: dict[str, str]
    type: str
    version: int
    immutable: bool = False


@dataclass(slots=True)
class Rights:
    """What the account of the token may do; tests change it."""

    verbs: set[str] = field(default_factory=lambda: {"get", "patch"})


class SimulatedKubernetes:
    """A cluster. A context manager; it listens on a free port of 127.0.0.1.

    Args:
        certificates: what it shows.
    """

    def __init__(self, certificates: Certificates) -> None:
        self.rights = Rights()
        self.requests: list[Seen] = []
        self.fault: Fault | None = None
        """What is wrong with the next answers."""
        self._certificates = certificates
        self._secrets: dict[tuple[str, str], _Stored] = {}
        self._version = 100
        self._turn = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._server.socket = certificates.server_context().wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        """The address of the API."""
        return f"https://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def kubeconfig(self, file: Path, *, token: str = TOKEN, trusted: bool = True) -> Path:
        """Write a kubeconfig that leads here.

        Args:
            file: where to write it.
            token: who we are.
            trusted: whether it has the certificate of this server as its authority.
        """
        cluster: dict[str, object] = {"server": self.url}
        if trusted:
            certificate = self._certificates.certificate.read_bytes()
            cluster["certificate-authority-data"] = base64.b64encode(certificate).decode()
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "harbour",
            "clusters": [{"name": "site", "cluster": cluster}],
            "contexts": [{"name": "harbour", "context": {"cluster": "site", "user": "master"}}],
            "users": [{"name": "master", "user": {"token": token}}],
        }
        file.write_text(json.dumps(document))
        return file

    def put(
        self,
        name: str,
        data: dict[str, bytes],
        *,
        kind: str = TYPE,
        namespace: str = "harbour",
        immutable: bool = False,
    ) -> None:
        """Have a Secret, as if somebody else had written it."""
        encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
        with self._turn:
            self._version += 1
            self._secrets[namespace, name] = _Stored(encoded, kind, self._version, immutable)

    def data(self, name: str, namespace: str = "harbour") -> dict[str, bytes]:
        """What a Secret holds."""
        stored = self._secrets[namespace, name]
        return {key: base64.b64decode(value) for key, value in stored.data.items()}

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, object]:
        """Status and document for a request. The part without a network."""
        verb = {"GET": "get", "PATCH": "patch"}.get(method)
        parts = path.partition("?")[0].strip("/").split("/")
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return status(401, "Unauthorized", "Unauthorized")
        if (
            verb is None
            or len(parts) != 6
            or parts[:3] != ["api", "v1", "namespaces"]
            or parts[4] != "secrets"
        ):
            return status(404, "NotFound", "the server could not find the requested resource")
        namespace, name = parts[3], parts[5]
        if verb not in self.rights.verbs:
            account = 'User "master" cannot'
            message = f'secrets "{name}" is forbidden: {account} {verb} resource "secrets" in API group ""'
            return status(403, "Forbidden", f'{message} in the namespace "{namespace}"')
        with self._turn:
            stored = self._secrets.get((namespace, name))
            if stored is None:
                code, document = status(404, "NotFound", f'secrets "{name}" not found')
                return code, {**document, "details": {"name": name, "kind": "secrets"}}
            if verb == "patch":
                refusal = self._patched(name, stored, headers, body)
                if refusal is not None:
                    return refusal
            return 200, _document(namespace, name, stored)

    def _patched(
        self, name: str, stored: _Stored, headers: dict[str, str], body: bytes
    ) -> tuple[int, object] | None:
        if headers.get("content-type") != PATCH_TYPE:
            return status(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
        patch = json.loads(body)
        version = patch.get("metadata", {}).get("resourceVersion")
        if version is not None and version != str(stored.version):
            message = f'Operation cannot be fulfilled on secrets "{name}": the object has been modified; please apply'
            return status(409, "Conflict", f"{message} your changes to the latest version and try again")
        data = {**stored.data, **patch.get("data", {})}
        fault = _fault_of(data, stored)
        if fault:
            return status(422, "Invalid", f'Secret "{name}" is invalid: {fault}')
        self._version += 1
        stored.data, stored.version = data, self._version
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        cluster = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = HANG_SECONDS

            def do_GET(self) -> None:
                cluster.serve(self)

            def do_PATCH(self) -> None:
                cluster.serve(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is dictated
                """Keep quiet."""

        return Handler

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request that came in."""
        length = min(int(handler.headers.get("Content-Length", 0)), MAX_REQUEST_BYTES)
        body = handler.rfile.read(length)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        code, document = self.answer(handler.command, handler.path, headers, body)
        parsed = json.loads(body) if body else None
        seen = Seen(handler.command, handler.path, headers.get("content-type", ""), parsed, code)
        self.requests.append(seen)
        if self.fault is None:
            _send(handler, code, json.dumps(document).encode(), {"Content-Type": "application/json"})
        else:
            _FAULTS[self.fault](handler)
            handler.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    """Closing waits until all answers are done, so that nothing is left of them."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet about clients that break off: many tests are about that."""


def status(code: int, reason: str, message: str) -> tuple[int, dict[str, object]]:
    """A refusal, as kube-apiserver words it: the HTTP status and the Status object."""
    document: dict[str, object] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    return code, document


def _document(namespace: str, name: str, stored: _Stored) -> object:
    manager = {
        "manager": "cluster-bootstrap",
        "operation": "Update",
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
    }
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": "5f0c7a9e-2c59-4b44-a4a5-7f9a3a1b6c11",
        "resourceVersion": str(stored.version),
        "managedFields": [{**manager, "fieldsV1": {"f:data": {}}}],
    }
    return {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": metadata,
        "data": stored.data,
        "type": stored.type,
    }


def _fault_of(data: dict[str, str], stored: _Stored) -> str:
    if stored.immutable:
        return "data: Forbidden: field is immutable when `immutable` is set"
    try:
        json.loads(base64.b64decode(data.get(".dockerconfigjson", "e30=")))
    except ValueError:
        return 'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": invalid character'
    return ""


def _send(handler: BaseHTTPRequestHandler, code: int, body: bytes, headers: dict[str, str]) -> None:
    handler.send_response(code)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def _send_huge(handler: BaseHTTPRequestHandler) -> None:
    _send(handler, 200, b'{"kind":"Secret","data":{"a":"' + b"A" * (8 << 20) + b'"}}', _JSON)


def _send_cut(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"kind":')


_JSON = {"Content-Type": "application/json"}
_FAULTS: Mapping[Fault, Callable[[BaseHTTPRequestHandler], None]] = {
    Fault.HUGE: _send_huge,
    Fault.CUT: _send_cut,
    Fault.HTML: lambda handler: _send(handler, 503, b"<html>the proxy is resting</html>", {}),
    Fault.NO_SECRET: lambda handler: _send(handler, 200, b'{"kind":"Secret","metadata":{}}', _JSON),
    Fault.COMPRESSED: lambda handler: _send(handler, 200, b"\x1f\x8b", {**_JSON, "Content-Encoding": "gzip"}),
    Fault.REDIRECT: lambda handler: _send(handler, 307, b"", {"Location": "https://127.0.0.1:1/"}),
}
