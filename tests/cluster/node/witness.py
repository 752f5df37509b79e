"""The program of the test image: it serves what it sees of its container, and does what it is told."""

import http.server
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

STATE = {"healthy": True}


def say(text: str) -> None:
    """Print a line for the log."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def rights() -> dict[str, str]:
    """What the kernel says of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return {line.split(":")[0]: line.split()[1] for line in lines if line.startswith(("Cap", "NoNew"))}


def mode(path: str) -> dict[str, object]:
    """Who may do what with a file."""
    status = Path(path).stat()
    return {"mode": oct(status.st_mode & 0o7777), "gid": status.st_gid}


def write(path: str) -> str:
    """Write a file, and read it again."""
    Path(path).write_text("written")
    return Path(path).read_text()


def addresses(name: str) -> list[object]:
    """Our own name, and the addresses of another one."""
    found = socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)
    return [socket.gethostname(), sorted(str(one[4][0]) for one in found)]


def fetch(where: str) -> str:
    """What somebody answers: ``HOST/PORT/PATH``."""
    host, port, path = where.split("/", 2)
    with socket.create_connection((host, int(port)), 5) as connection:
        connection.sendall(f"GET /{path} HTTP/1.0\r\n\r\n".encode())
        return connection.makefile().read().partition("\n\n")[2]


def sicken(_: str) -> None:
    """Be unwell from now on."""
    STATE["healthy"] = False


def leave(code: str) -> None:
    """End at once."""
    os._exit(int(code))


QUESTIONS: dict[str, Callable[[str], object]] = {
    "args": lambda _: sys.argv[1:],
    "env": lambda _: dict(os.environ),
    "exit": leave,
    "fetch": fetch,
    "file": lambda path: Path("/", path).read_text(),
    "host": addresses,
    "list": lambda path: sorted(entry.name for entry in Path("/", path).iterdir()),
    "mode": lambda path: mode(f"/{path}"),
    "rights": lambda _: rights(),
    "sicken": sicken,
    "user": lambda _: {"uid": os.getuid(), "gid": os.getgid(), "groups": sorted(os.getgroups())},
    "write": lambda path: write(f"/{path}"),
}


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers over HTTP."""

    def do_GET(self) -> None:
        what, _, rest = self.path.lstrip("/").partition("/")
        if what == "health":
            self.answer(200 if STATE["healthy"] else 503, None)
            return
        try:
            self.answer(200, QUESTIONS[what](rest))
        except (OSError, LookupError) as error:
            self.answer(404, f"{type(error).__name__}: {error}")

    def answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def end(*_: object) -> None:
    """Say goodbye."""
    say("asked to end")
    say("goodbye")
    os._exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_IGN if os.environ.get("DEAF") else end)
    say("up")
    http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
