"""Runs `upgraph serve` for a measurement, on free ports of the loopback, and reads its metrics."""

import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.catalogue import BrokenMeasurementError
from benchmarks.generate import Content
from benchmarks.machine import free_port
from benchmarks.processes import running, wait_until
from upgraph.testing.certificates import Certificates, make_certificates
from upgraph.testing.real_registry import RealRegistry, real_registry

READY_SECONDS = 600.0
"""Longest wait for a first graph."""
SCRAPE_SECONDS = 600.0
REQUEST_SECONDS = 10.0
POLL_SECONDS = 0.02
RARELY_SECONDS = 0.25
"""Between two looks at what is being measured: each look takes processor time from it."""
NEVER_SECONDS = 86_400
"""A scrape interval that no measurement lives to see."""

BUILD = "upgraph_build_seconds"
"""Metric: seconds of the last build of all answers."""


class Scrape(msgspec.Struct, frozen=True):
    """A scrape that has ended, as the status port tells it."""

    ended_at: float
    """Unix time in seconds."""
    seconds: float
    succeeded: bool
    message: str


class _Status(msgspec.Struct):
    ready: bool
    last_scrape: Scrape | None


@dataclass(frozen=True, slots=True)
class Setup:
    """How one service is set up."""

    releases: str
    """Source of releases, as `--releases` takes it."""
    graph_data: Path
    state: Path
    ca: Path
    scrape_interval: float = NEVER_SECONDS
    """Seconds between two scrapes."""
    tls: Certificates | None = None
    """What it shows its clients; None: plain HTTP."""
    processes: int = 1
    """Processes that answer."""


@dataclass(frozen=True, slots=True)
class Service:
    """A running service."""

    process: subprocess.Popen[bytes]
    port: int
    status_port: int
    log: Path

    @property
    def pid(self) -> int:
        """The serving process; the building process is its child."""
        return self.process.pid

    def check(self) -> None:
        """See that it still runs.

        Raises:
            BrokenMeasurementError: it has ended by itself.
        """
        if self.process.poll() is not None:
            raise BrokenMeasurementError(f"the service ended: {self.log.read_text()[-2_000:]}")

    def is_ready(self) -> bool:
        """Whether it holds a graph."""
        return self._status("readyz") is not None

    def wait_ready(self) -> float:
        """Wait for the first graph; gives the seconds from this call on."""
        return wait_until(
            self.is_ready, seconds=READY_SECONDS, every=POLL_SECONDS, what=f"a graph ({self.log})"
        )

    def wait_complete(self, processes: int) -> None:
        """Wait until so many processes answer."""
        wait_until(
            lambda: self.metric("upgraph_answering_processes") == processes,
            seconds=READY_SECONDS,
            every=POLL_SECONDS,
            what=f"{processes} processes that answer ({self.log})",
        )

    def wait_scraped(self, *, after: float = 0.0, every: float = POLL_SECONDS) -> Scrape:
        """Wait for the end of a scrape that is later than ``after`` (Unix time in seconds).

        Raises:
            BrokenMeasurementError: none did, or it failed.
        """
        wait_until(
            lambda: self._last_scraped() > after,
            seconds=SCRAPE_SECONDS,
            every=every,
            what=f"a scrape ({self.log})",
        )
        scrape = self._last_scrape()
        if scrape is None or not scrape.succeeded:
            raise BrokenMeasurementError(f"a scrape failed: {self.log.read_text()[-2_000:]}")
        return scrape

    def next_scrape(self) -> float:
        """Seconds of the next scrape that begins by itself, as the service reports them.

        Raises:
            BrokenMeasurementError: it failed.
        """
        # What is under way now had to share the processor with whatever was measured before.
        now = ended = time.time()
        while True:
            scrape = self.wait_scraped(after=ended, every=RARELY_SECONDS)
            ended = scrape.ended_at
            if ended - scrape.seconds > now:
                return scrape.seconds

    def _last_scraped(self) -> float:
        scrape = self._last_scrape()
        return scrape.ended_at if scrape else 0.0

    def _last_scrape(self) -> Scrape | None:
        status = self._status("status")
        return msgspec.json.decode(status, type=_Status).last_scrape if status else None

    def metric(self, name: str) -> float:
        """The value of a metric without labels; 0 while the service does not answer.

        Raises:
            BrokenMeasurementError: there is none of this name.
        """
        exposition = self._status("metrics")
        if exposition is None:
            return 0.0
        found = re.search(rf"^{name} (\S+)$", exposition, re.MULTILINE)
        if found is None:
            raise BrokenMeasurementError(f"the service has no metric {name}")
        return float(found[1])

    def _status(self, path: str) -> str | None:
        """What the status port says; None where it does not answer, or with an error."""
        self.check()
        url = f"http://127.0.0.1:{self.status_port}/{path}"
        try:
            with urllib.request.urlopen(url, timeout=REQUEST_SECONDS) as response:
                content: bytes = response.read()
        except OSError:
            return None
        return content.decode()


@contextmanager
def generated_registry(made: Content) -> Iterator[RealRegistry]:
    """The registry with the generated content, over TLS."""
    with real_registry(made.registry, certificates=make_certificates(made.registry)) as registry:
        yield registry


def setup_for(registry: RealRegistry, repository: str, *, graph_data: Path, state: Path) -> Setup:
    """A service that reads one repository of the registry.

    Raises:
        BrokenMeasurementError: the registry has no TLS.
    """
    if registry.certificates is None:
        raise BrokenMeasurementError("the registry has no TLS")
    return Setup(
        releases=f"docker://{registry.repository(repository).name}",
        graph_data=graph_data,
        state=state,
        ca=registry.certificates.certificate,
    )


@contextmanager
def service(setup: Setup) -> Iterator[Service]:
    """Run `upgraph serve`; it need not be ready yet."""
    port, status_port = free_port(), free_port()
    setup.state.mkdir(parents=True, exist_ok=True)
    log = setup.state.with_suffix(".log")
    with running(_command(setup, port, status_port), log) as process:
        ours = Service(process, port, status_port, log)
        yield ours
        ours.check()


def _command(setup: Setup, port: int, status_port: int) -> list[str]:
    # Beside this interpreter: the command as it is installed, without a shell in between.
    program = Path(sys.executable).with_name("upgraph")
    tls = [f"--tls-cert={setup.tls.certificate}", f"--tls-key={setup.tls.key}"] if setup.tls else []
    return [
        os.fspath(program),
        "serve",
        f"--releases={setup.releases}",
        f"--graph-data={setup.graph_data}",
        f"--ca={setup.ca}",
        f"--state-dir={setup.state}",
        f"--listen=127.0.0.1:{port}",
        f"--status-listen=127.0.0.1:{status_port}",
        f"--scrape-interval={setup.scrape_interval}",
        f"--serving-processes={setup.processes}",
        *tls,
    ]
