"""What Upgraph is measured beside and with: nginx with the same bytes, and wrk for the load."""

import http.client
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from benchmarks.catalogue import BrokenMeasurementError
from benchmarks.machine import free_port
from benchmarks.processes import cpu_seconds, family, output_of, running, wait_until
from upgraph.testing.certificates import Certificates
from upgraph.testing.real_registry import program

CONNECTIONS = 64
START_SECONDS = 10.0
REQUEST_SECONDS = 10.0
GRAPH_PATH = "/api/upgrades_info/v1/graph"
QUERY = "channel=stable-4.18&arch=amd64"

Coding = Literal["gzip", "identity"]

_NGINX = "/usr/sbin/nginx"

_NGINX_CONFIGURATION = """\
{user}
worker_processes auto;
pid {directory}/nginx.pid;
error_log stderr error;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=16 inactive=1h;
  keepalive_requests 100000000;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    {tls}
    location = {path} {{
      alias {directory}/graph.json;
      default_type application/json;
      gzip_static on;
    }}
  }}
}}
"""

# Without its own choice this nginx would not speak TLS 1.3; tickets are made by neither of the two.
_NGINX_TLS = """\
listen 127.0.0.1:{port} ssl backlog=4096;
    ssl_certificate {certificates.certificate};
    ssl_certificate_key {certificates.key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_tickets off;\
"""

_WRK_SCRIPT = """\
local number = 0
function request()
  number = number + 1
  local id = string.format("%08x-0000-4000-8000-%012x", number * 2654435761 % 4294967296, number)
  return "GET {path}?{query}&id=" .. id .. "&version=4.18." .. number % 50
    .. " HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nAccept: application/json\\r\\nAccept-Encoding: {coding}\\r\\n\\r\\n"
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\n{{"requests":%d,"microseconds":%d,"bytes":%d,"faults":%d}}\\n',
    summary.requests, summary.duration, summary.bytes, e.connect + e.read + e.write + e.status + e.timeout))
end
"""


class _Summary(msgspec.Struct):
    requests: int
    microseconds: int
    bytes: int
    faults: int


@dataclass(frozen=True, slots=True)
class Target:
    """A server to put load on."""

    port: int
    pid: int
    """Of the process that it and all its other processes come from."""
    tls_port: int | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """What a server did under load."""

    answers_per_second: float
    cpu_microseconds: float
    """Processor time of all its processes for one answer; busy neighbours disturb it less than the rate."""


def fetch(port: int, coding: Coding) -> bytes:
    """The answer to one request, as sent.

    Raises:
        BrokenMeasurementError: it is not 200, or not in this coding.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=REQUEST_SECONDS)
    try:
        headers = {"Accept": "application/json", "Accept-Encoding": coding}
        connection.request("GET", f"{GRAPH_PATH}?{QUERY}", headers=headers)
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    got = response.headers.get("Content-Encoding", "identity")
    if response.status != http.client.OK or got != coding:
        raise BrokenMeasurementError(
            f"asked for {coding}, got status {response.status}, {got}: {body[:200]!r}"
        )
    return body


@contextmanager
def nginx(
    directory: Path, *, identity: bytes, gzip: bytes, certificates: Certificates | None = None
) -> Iterator[Target]:
    """Run nginx with one answer in two codings.

    Args:
        directory: an empty directory.
        identity: the answer without coding.
        gzip: the same, compressed.
        certificates: what it shows at a second port; None: there is none.
    """
    port = free_port()
    tls_port = free_port() if certificates else None
    tls = _NGINX_TLS.format(port=tls_port, certificates=certificates) if certificates else ""
    (directory / "graph.json").write_bytes(identity)
    (directory / "graph.json.gz").write_bytes(gzip)
    # Started by root, its workers would become somebody else, who may not read the files.
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = directory / "nginx.conf"
    configuration.write_text(
        _NGINX_CONFIGURATION.format(user=user, directory=directory, port=port, path=GRAPH_PATH, tls=tls)
    )
    command = [_NGINX, "-c", str(configuration), "-g", "daemon off;", "-e", "stderr"]
    with running(command, directory / "nginx.log") as process:
        wait_until(lambda: _answers(port), seconds=START_SECONDS, every=0.02, what="the start of nginx")
        if (fetch(port, "identity"), fetch(port, "gzip")) != (identity, gzip):
            raise BrokenMeasurementError("nginx does not serve the same bytes")
        yield Target(port, process.pid, tls_port)


def load(target: Target, coding: Coding, *, seconds: int, directory: Path) -> Load:
    """Ask as fast as 64 connections allow, with wrk.

    Raises:
        BrokenMeasurementError: some requests failed, or answers were smaller than one answer is.
    """
    script = directory / f"{coding}.lua"
    script.write_text(_WRK_SCRIPT.format(path=GRAPH_PATH, query=QUERY, coding=coding))
    size = len(fetch(target.port, coding))
    command = [program("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script)]
    members = family(target.pid)
    before = cpu_seconds(members)
    lines = output_of([*command, f"http://127.0.0.1:{target.port}"], seconds=seconds + 30).splitlines()
    used = cpu_seconds(members) - before
    summary = msgspec.json.decode(lines[-1], type=_Summary)
    if summary.faults or not summary.requests or summary.bytes < summary.requests * size:
        raise BrokenMeasurementError(f"wrk saw {summary} where an answer has {size} bytes")
    return Load(summary.requests / (summary.microseconds / 1e6), 1e6 * used / summary.requests)


def _answers(port: int) -> bool:
    try:
        fetch(port, "identity")
    except OSError:
        return False
    return True
