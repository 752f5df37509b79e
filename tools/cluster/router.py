"""The router of OpenShift, as small as it can be: who asks for the host of a Route reaches the pods behind it.

Started in the network of a cluster, where it listens on ports 80 and 443. TLS ends here with the certificate of the
Route, or else with that of all hosts below the domain; reencrypt and passthrough are not known. One thread for each
connection: it serves tests, which are few and want to see what is wrong.
"""

import argparse
import os
import select
import socket
import socketserver
import ssl
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.cluster.client import ApiError, Client, Object
from tools.cluster.routes import Routes

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


def backends(client: Client, route: Object) -> list[tuple[str, int]]:
    """Where the ready pods behind a Route listen, sorted."""
    namespace, service = route["metadata"]["namespace"], route["spec"]["to"]["name"]
    selector = f"labelSelector=kubernetes.io%2Fservice-name%3D{service}"
    found = client.get(f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices?{selector}")
    wanted = _port_of_service(client, route)
    return sorted(
        (address, port["port"])
        for piece in found["items"]
        for port in piece.get("ports") or ()
        if wanted is None or port.get("name", "") == wanted
        for endpoint in piece["endpoints"] or ()
        if endpoint.get("conditions", {}).get("ready", True)
        for address in endpoint["addresses"]
    )


def _port_of_service(client: Client, route: Object) -> str | None:
    """The name of the port of the Service that a Route means; None for any."""
    target = route["spec"].get("port", {}).get("targetPort")
    if target is None:
        return None
    namespace, name = route["metadata"]["namespace"], route["spec"]["to"]["name"]
    service = client.get(f"/api/v1/namespaces/{namespace}/services/{name}")
    for port in service["spec"]["ports"]:
        if target in {port.get("name"), port["port"], port.get("targetPort")}:
            return str(port.get("name", ""))
    raise Unavailable(f"Service {name} has no port {target}")


@dataclass(frozen=True, slots=True)
class Desk:
    """What every connection is judged by."""

    client: Client
    routes: Routes
    context: ssl.SSLContext
    """With the certificate of all hosts; a Route's own is chosen by the name that the client asks for."""

    def place(self, host: str, *, port: int) -> socket.socket | str:
        """A connection to a pod, or the URL to which the client is sent.

        Raises:
            Unavailable: no Route has the host, or no pod answers.
        """
        route = self.routes.admitted(host)
        if route is None:
            raise Unavailable(f"no Route has the host {host}")
        tls = route["spec"].get("tls")
        if port == HTTP_PORT and tls:
            match tls.get("insecureEdgeTerminationPolicy"):
                case "Redirect":
                    return f"https://{host}"
                case "Allow":
                    pass
                case _:
                    raise Unavailable(f"Route of {host} is for HTTPS alone")
        if port == HTTPS_PORT and not tls:
            raise Unavailable(f"Route of {host} is for HTTP alone")
        for backend in backends(self.client, route):
            try:
                return socket.create_connection(backend, CONNECT_SECONDS)
            except OSError as error:
                print(f"{host}: {backend}: {error}", flush=True)
        raise Unavailable(f"no pod behind {host} answers")

    def choose(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        """Show the certificate of the Route, if it has one."""
        route = self.routes.admitted(name.lower()) if name else None
        tls = route["spec"].get("tls", {}) if route else {}
        if tls.get("certificate") and tls.get("key"):
            connection.context = _context(
                tls["certificate"] + "\n" + tls.get("caCertificate", ""), tls["key"]
            )


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


class Door(socketserver.ThreadingTCPServer):
    """One of the two ports."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, desk: Desk) -> None:
        # Addresses of Services, which are in the same network, have listeners of their own at these ports.
        super().__init__((desk.client.host, port), Visit)
        self.port = port
        self.desk = desk


class Visit(socketserver.BaseRequestHandler):
    """One connection."""

    server: Door

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
        try:
            place = self.server.desk.place(host_of(head), port=self.server.port)
        except Unavailable as reason:
            print(reason, flush=True)
            visitor.sendall(_UNAVAILABLE)
            return
        if isinstance(place, str):
            target = head.split(b" ", 2)[1].decode("ascii", "replace")
            answer = f"HTTP/1.1 302 Found\r\nLocation: {place}{target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            visitor.sendall(answer.encode())
            return
        with place:
            place.sendall(head)
            _carry(visitor, place)


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


def main() -> None:
    """Judge Routes and serve them until the end of the cluster."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--certificate", type=Path, required=True, help="of all hosts")
    parser.add_argument("--key", type=Path, required=True)
    options = parser.parse_args()
    client = Client.of(Path(os.environ["KUBECONFIG"]))
    routes = Routes(client)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certificate, options.key)
    desk = Desk(client, routes, context)
    context.sni_callback = desk.choose
    doors = [Door(port, desk) for port in (HTTP_PORT, HTTPS_PORT)]
    for door in doors:
        threading.Thread(target=door.serve_forever, daemon=True).start()
    routes.follow_always()


if __name__ == "__main__":
    main()
