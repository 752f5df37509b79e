"""The programs as users run them: as processes, over real sockets, asked with curl."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from upgraph.oci import LayoutWriter
from upgraph.payload import ReleaseContent, add_release
from upgraph.testing.answers import PlainGraph, read_answer
from upgraph.testing.certificates import Certificates, make_certificates
from upgraph.testing.real_registry import PASSWORD, USERNAME, program

PATIENCE_SECONDS = 180.0
"""Longest wait for something that must happen; what decides a test is never how long it took."""
LOOK_SECONDS = 0.05
PREFIX = "/api/upgrades_info"
VERSIONS = ("4.1.0", "4.1.1", "4.1.2")
ARCHES = {"amd64": "x86_64", "arm64": "aarch64"}
BIN = Path(sys.executable).parent
LOOPBACK_UP = """
import fcntl, os, socket, struct, sys
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Brings the only interface of a new network up, and becomes the command that follows."""

T = TypeVar("T")


def until(look: Callable[[], T], *, what: str) -> T:
    """Look again and again until there is something to see.

    Raises:
        AssertionError: nothing came in time.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if seen := look():
            return seen
        time.sleep(LOOK_SECONDS)
    raise AssertionError(f"waited {PATIENCE_SECONDS:g} s in vain for {what}")


@dataclass(frozen=True)
class Got:
    """What curl brought."""

    status: int
    """0 if nobody answered."""
    headers: dict[str, str]
    body: bytes

    @property
    def graph(self) -> PlainGraph:
        """The graph in the body."""
        return read_answer(self.body)


def curl(url: str, *options: str, wrapper: tuple[str, ...] = ()) -> Got:
    """Ask as a person would, for the bytes as they come; ``wrapper`` comes before the command."""
    command = [
        *wrapper,
        program("curl"),
        "-s",
        "-g",
        "-i",
        "--max-time",
        "20",
        "--noproxy",
        "*",
        *options,
        url,
    ]
    done = subprocess.run(command, capture_output=True, check=False, timeout=180)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    if done.returncode or not head:
        return Got(0, {}, b"")
    first, *lines = head.decode().split("\r\n")
    fields = (line.partition(": ") for line in lines)
    return Got(int(first.split()[1]), {name.lower(): value for name, _, value in fields}, body)


@dataclass
class Running:
    """A program that runs."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def text(self) -> str:
        """All it has said."""
        return self.output.read_text()

    def said(self, pattern: str) -> str:
        """The first group of a pattern in what it says, waited for."""

        def look() -> str:
            found = re.search(pattern, self.text)
            if found is None and self.process.poll() is not None:
                raise AssertionError(f"ended with {self.process.returncode}: {self.text}")
            return found[1] if found else ""

        return until(look, what=pattern)

    @property
    def clusters(self) -> str:
        """Address of the graph for clusters."""
        return self.said(r"clusters are answered on (\S+)")

    @property
    def status(self) -> str:
        """Address of the status port."""
        return self.said(r"status is on (http://\S+)/status")

    def ask(self, channel: str = "stable-4.1", arch: str = "amd64", *options: str) -> Got:
        """Ask as a cluster does."""
        return curl(f"{self.clusters}?channel={channel}&arch={arch}", *options)

    def answered(self, is_right: Callable[[PlainGraph], bool] = lambda _: True) -> PlainGraph:
        """The first answer that is right, waited for."""

        def look() -> PlainGraph | None:
            got = self.ask()
            if self.process.poll() is not None:
                raise AssertionError(f"ended with {self.process.returncode}: {self.text}")
            return got.graph if got.status == 200 and is_right(got.graph) else None

        found = until(look, what=f"an answer; the program said: {self.text}")
        assert found is not None
        return found

    def state(self) -> dict[str, object]:
        """What the status port reports."""
        report: dict[str, object] = json.loads(curl(f"{self.status}/status").body)
        return report

    @property
    def builder(self) -> int | None:
        """Process id of the building process, if there is one."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if children else None

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Have it end; gives the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


@dataclass
class Starter:
    """Starts programs, and ends those that a test leaves behind."""

    directory: Path
    stack: ExitStack
    environment: Mapping[str, str] = field(default_factory=dict)
    _started: int = 0

    def __call__(
        self, name: str, *arguments: object, wrapper: tuple[str, ...] = (), **variables: str
    ) -> Running:
        self._started += 1
        output = self.directory / f"{name}-{self._started}.log"
        environment = {**os.environ, **self.environment, "PYTHONUNBUFFERED": "1", **variables}
        with output.open("wb") as file:
            process = subprocess.Popen(
                [*wrapper, str(BIN / name), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=environment,
                cwd=self.directory,
            )
        self.stack.callback(_end, process)
        return Running(process, output)

    def serve(self, *arguments: object, wrapper: tuple[str, ...] = (), **variables: str) -> Running:
        """Start the update service on free ports."""
        ports = ("--listen", "127.0.0.1:0", "--status-listen", "127.0.0.1:0")
        return self("upgraph", "serve", *ports, *arguments, wrapper=wrapper, **variables)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(180)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def cut_off() -> tuple[str, ...]:
    """What comes before a command so that it runs in a network of its own, in which there is loopback alone."""
    unshare = program("unshare")
    for options in (("-n",), ("-rn",)):
        wrapper = (unshare, *options, sys.executable, "-c", LOOPBACK_UP)
        if subprocess.run([*wrapper, "/bin/true"], capture_output=True, check=False).returncode == 0:
            return wrapper
    pytest.fail(
        "a network without a way out cannot be made here: unshare -n and unshare -rn are both refused"
    )


def inside(service: Running, url: str) -> Got:
    """Ask from within the network of a service."""
    of = str(service.process.pid)
    is_own_user = Path(f"/proc/{of}/ns/user").readlink() == Path("/proc/self/ns/user").readlink()
    options = () if is_own_user else ("-U", "--preserve-credentials")
    return curl(url, wrapper=(program("nsenter"), "-t", of, *options, "-n"))


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    with ExitStack() as stack:
        yield Starter(tmp_path_factory.mktemp("run"), stack)


def is_gone(pid: int) -> bool:
    """Whether no such process runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def write_layout(path: Path, versions: tuple[str, ...] = VERSIONS) -> Path:
    """Release images of a small platform, each of which can be updated to the later ones."""
    with LayoutWriter(path) as layout:
        for at, version in enumerate(versions):
            for arch, name in ARCHES.items():
                add_release(
                    layout, ReleaseContent(version, previous=versions[:at]), arch, f"{version}-{name}"
                )
    return path


@dataclass(frozen=True)
class GraphDataPlace:
    """A directory with graph data that tests change."""

    path: Path

    def fill(self) -> None:
        """Put a small set there."""
        self.write("version", "1.1.0\n")
        self.write("raw/metadata.json", "{}\n")
        self.write("blocked-edges/4.0.0.yaml", "to: 4.0.0\nfrom: 3[.].*\n")
        self.channel(*VERSIONS)

    def write(self, name: str, text: str) -> None:
        """Put a file there, whole."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}")
        beside.write_text(text)
        beside.replace(target)

    def channel(self, *versions: str) -> None:
        """Let stable-4.1 have these versions."""
        listed = "".join(f"- {version}\n" for version in versions)
        self.write("channels/stable-4.1.yaml", f"name: stable-4.1\nversions:\n{listed}")


@pytest.fixture
def graph_data(tmp_path: Path) -> GraphDataPlace:
    place = GraphDataPlace(tmp_path / "graph-data")
    place.fill()
    return place


@pytest.fixture(scope="session")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_layout(tmp_path_factory.mktemp("releases") / "layout")


def sources_at(layout: Path, graph_data: GraphDataPlace) -> tuple[object, ...]:
    """Flags for releases from a layout, and graph data."""
    releases = ("--releases", f"oci:{layout}", "--payload-repository", "registry.example/ocp/release")
    return (*releases, "--graph-data", graph_data.path)


@pytest.fixture
def sources(layout: Path, graph_data: GraphDataPlace) -> tuple[object, ...]:
    """Flags for sources of which the graph data may be changed."""
    return sources_at(layout, graph_data)


@pytest.fixture(scope="session")
def calm(tmp_path_factory: pytest.TempPathFactory, layout: Path) -> Iterator[Running]:
    """A service that answers, for tests that only ask. It scrapes every second."""
    place = GraphDataPlace(tmp_path_factory.mktemp("calm") / "graph-data")
    place.fill()
    with ExitStack() as stack:
        start = Starter(tmp_path_factory.mktemp("run"), stack)
        service = start.serve(*sources_at(layout, place), "--scrape-interval", "1s", PYTHONHASHSEED="1")
        service.answered()
        yield service


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def auth_file(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a file with the login of the real registry for a host."""

    def make(host: str) -> Path:
        path = tmp_path / "auth.json"
        path.write_text(json.dumps({"auths": {host: {"username": USERNAME, "password": PASSWORD}}}))
        return path

    return make
