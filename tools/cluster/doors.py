"""Doors of a test cluster: connections end there, TLS too, and are carried to the ready pods behind a Service.

The router of OpenShift has them, and so has the ingress controller; where a host leads, and with which certificate, each of
them knows itself. They are opened in the network of a cluster, at ports 80 and 443. One thread for each connection: they serve
tests, which are few and want to see what is wrong.
"""

import select
import socket
import socketserver
import ssl
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tools.cluster.client import ApiError, Client

HTTP_PORT, HTTPS_PORT = 80, 443
HEAD_BYTES = 64 << 10
"""Most bytes of a request before its body."""
SILENCE_SECONDS = 60.0
"""Longest silence of both sides of a connection."""
CONNECT_SECONDS = 5.0
CHUNK_BYTES = 64 << 10
_UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 32\r\nConnection: close\r\n\r\nThe application is not available"


class Unavailable(Exception):  # noqa: N818 - named after the answer
    """Nothing can answer for this host."""


@dataclass(frozen=True, slots=True)
class Backend:
    """What is behind a host."""

    namespace: str
    service: str
    port: str | int | None
    """Name or number of a port of the Service, or of its pods; None for any."""


class Desk(Protocol):
    """Who knows where a host leads."""

    @property
    def client(self) -> Client:
        """Who asks for the pods behind a Service."""
        ...

    @property
    def context(self) -> ssl.SSLContext:
        """For all hosts without a certificate of their own."""
        ...

    def place(self, host: str, *, port: int) -> Backend | str:
        """What is behind a host, or the URL to which the client is sent.

        Raises:
            Unavailable: it leads nowhere.
        """
        ...

    def certificate(self, host: str) -> tuple[str, str] | None:
        """Certificate and key of a host, in PEM; None if it has none of its own."""
        ...


def open_doors(desk: Desk) -> None:
    """Serve hosts from now on, beside the caller."""
    desk.context.sni_callback = _Choice(desk).choose
    # All before any is served: who finds one closed is told at once.
    doors = [_Door(port, desk) for port in (HTTP_PORT, HTTPS_PORT)]
    for door in doors:
        threading.Thread(target=door.serve_forever, daemon=True).start()


def host_of(head: bytes) -> str:
    """The host that a request asks for, without its port.

    Raises:
        Unavailable: it names none.
    """
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"host":
            return value.decode("ascii", "replace").strip().partition(":")[0].lower()
    raise Unavailable("a request without a host")


def addresses(client: Client, backend: Backend) -> list[tuple[str, int]]:
    """Where the ready pods behind a Service listen, sorted.

    Raises:
        Unavailable: the Service has no such port.
    """
    selector = f"labelSelector=kubernetes.io%2Fservice-name%3D{backend.service}"
    place = f"/apis/discovery.k8s.io/v1/namespaces/{backend.namespace}/endpointslices"
    found = client.get(f"{place}?{selector}")
    wanted = _port_of_service(client, backend)
    return sorted(
        (address, port["port"])
        for piece in found["items"]
        for port in piece.get("ports") or ()
        if wanted is None or port.get("name", "") == wanted
        for endpoint in piece["endpoints"] or ()
        if endpoint.get("conditions", {}).get("ready", True)
        for address in endpoint["addresses"]
    )


def _port_of_service(client: Client, backend: Backend) -> str | None:
    """The name of the port of the Service that is meant; None for any."""
    if backend.port is None:
        return None
    service = client.get(f"/api/v1/namespaces/{backend.namespace}/services/{backend.service}")
    for port in service["spec"]["ports"]:
        if backend.port in {port.get("name"), port["port"], port.get("targetPort")}:
            return str(port.get("name", ""))
    raise Unavailable(f"Service {backend.service} has no port {backend.port}")


def _reach(client: Client, host: str, backend: Backend) -> socket.socket:
    for address in addresses(client, backend):
        try:
            return socket.create_connection(address, CONNECT_SECONDS)
        except OSError as error:
            print(f"{host}: {address}: {error}", flush=True)
    raise Unavailable(f"no pod behind {host} answers")


@dataclass(frozen=True, slots=True)
class _Choice:
    """The certificate that a client is shown, by the name that it asks for."""

    desk: Desk

    def choose(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        pair = self.desk.certificate(name.lower()) if name else None
        if pair is not None:
            connection.context = _context(*pair)


def _context(certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # The library of Python reads certificates from files alone.
    with tempfile.TemporaryDirectory() as folder:
        places = Path(folder, "tls.crt"), Path(folder, "tls.key")
        for place, content in zip(places, (certificate, key), strict=True):
            place.touch(mode=0o600)
            place.write_text(content)
        context.load_cert_chain(*places)
    return context


class _Door(socketserver.ThreadingTCPServer):
    """One of the two ports."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, desk: Desk) -> None:
        # Addresses of Services, which are in the same network, have listeners of their own at these ports.
        super().__init__((desk.client.host, port), _Visit)
        self.port = port
        self.desk = desk


class _Visit(socketserver.BaseRequestHandler):
    """One connection."""

    server: _Door

    def handle(self) -> None:
        """Carry requests and answers until one side has enough."""
        visitor: socket.socket = self.request
        visitor.settimeout(SILENCE_SECONDS)
        try:
            if self.server.port == HTTPS_PORT:
                visitor = self.server.desk.context.wrap_socket(visitor, server_side=True)
            self._serve(visitor)
        except (OSError, ApiError, ssl.SSLError) as error:
            print(f"connection ended: {error}", flush=True)
        finally:
            visitor.close()

    def _serve(self, visitor: socket.socket) -> None:
        head = _head(visitor)
        if not head:
            return
        desk = self.server.desk
        try:
            host = host_of(head)
            place = desk.place(host, port=self.server.port)
            pod = None if isinstance(place, str) else _reach(desk.client, host, place)
        except Unavailable as reason:
            print(reason, flush=True)
            visitor.sendall(_UNAVAILABLE)
            return
        if pod is None:
            target = head.split(b" ", 2)[1].decode("ascii", "replace")
            answer = f"HTTP/1.1 302 Found\r\nLocation: {place}{target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            visitor.sendall(answer.encode())
            return
        with pod:
            pod.sendall(head)
            _carry(visitor, pod)


def _head(visitor: socket.socket) -> bytes:
    """The first request up to its body, or nothing from who leaves before."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < HEAD_BYTES:
        chunk = visitor.recv(CHUNK_BYTES)
        if not chunk:
            return b""
        head += chunk
    return head


def _carry(visitor: socket.socket, pod: socket.socket) -> None:
    """Carry bytes both ways until one side ends."""
    other = {visitor: pod, pod: visitor}
    while True:
        for source in _readable(visitor, pod):
            chunk = source.recv(CHUNK_BYTES)
            if not chunk:
                return
            other[source].sendall(chunk)


def _readable(*connections: socket.socket) -> Iterator[socket.socket]:
    waiting = [one for one in connections if isinstance(one, ssl.SSLSocket) and one.pending()]
    yield from waiting or select.select(connections, [], [], SILENCE_SECONDS)[0]
